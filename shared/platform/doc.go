// Package platform is what every Lambda stands on: its environment as typed
// configuration, its AWS clients, secrets, log lines and metrics.
//
// A main.go hands its wiring to Main. Main builds a Cloud, the wiring builds a
// handler from it, and from there on everything is reached through the Cloud or,
// for the attributes of log lines, through the context.
//
// Nothing here starts a goroutine or opens a connection while it is built: the
// first call does. That keeps a cold start short, and lets the embedded cloud
// run the very same functions on virtual time.
package platform
