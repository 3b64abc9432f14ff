package e2e_test

func (o *office) keepsSecrets() {}
