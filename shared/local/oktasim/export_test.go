package oktasim

// Operations lists what the simulator serves, as "METHOD /path/{}".
func Operations() []string {
	list := make([]string, 0, len(operations))
	for _, op := range operations {
		list = append(list, op.method+" "+op.pattern)
	}
	return list
}
