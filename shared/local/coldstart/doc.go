// Package coldstart measures how long each function's bootstrap takes from exec
// until it asks for its first invocation, beside that of a bare handler: the part
// of a cold start that is ours. `make bench` runs it.
package coldstart
