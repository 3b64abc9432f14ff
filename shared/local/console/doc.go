// Package console is the page of `make run`: one screen that shows, live, what
// happens in the embedded cloud and in both simulated systems, and lets people
// make things happen: open a sample ticket, answer an approval, break something,
// stop all changes.
//
// The server renders everything. A page is a handful of regions; while a page is
// open, a stream of server-sent events carries the regions that look different
// from half a second ago, and a small script puts them in place without
// disturbing focus, selection or scrolling. Without the script the page is a
// page: links and forms work, only nothing moves.
//
// What is shown is read from the simulators' own snapshots, never through their
// APIs, so looking uses up no rate limit and holds their locks for microseconds;
// however many pages are open, they share one look.
//
// The console has no sign-in and is meant for the machine it runs on. It answers
// only requests that name a local host, and takes changes only from its own
// pages.
package console
