// Package buckets is S3 in memory, behind S3's own wire protocol, for `make run`
// and the tests.
//
// It does what the functions rely on: conditional puts (If-Match, If-None-Match),
// checksums that are held against the content, versions, delete markers, listings
// in pages (objects and versions, with prefix and delimiter), and Object Lock: a
// locked version cannot be overwritten, because a put makes another version, and
// cannot be deleted before its time. Delete markers may lie on top of it, as in
// S3. What is not implemented is refused, never ignored.
//
// Time is package time, nothing runs in the background and there are no sockets,
// so a Store works inside a testing/synctest bubble.
package buckets
