// Package pgtest gives tests real PostgreSQL servers, and the accidents that befall
// them.
//
//	Server         a cluster of its own, in a directory that is removed
//	Standby        a streaming copy of a Server, which can be promoted
//	Bouncer        PgBouncer in front of a Server
//	Proxy          the network between: cut, stalled, slow
//	Certificates   a throw-away authority, for TLS
//	Disk           a small file system that fills up
//
// Each has two constructors. StartServer returns an error and a value to Close: that
// is for TestMain and for programs. NewServer takes a testing.TB, fails it, and
// closes at its end; if the test failed it shows the end of the server's log.
//
// # What is used, and what is left
//
// The programs are Debian's, or those of LULL_TEST_POSTGRES_BIN; no cluster that
// exists already is ever touched. PostgreSQL and PgBouncer refuse to run as root:
// for root they run as the user postgres, or nobody.
//
// Close leaves nothing. A test binary that is killed leaves nothing either: the
// kernel tells the servers (see process.go), and a shell that waits for our end
// removes the directory (see workspace.go).
//
// All servers of a process are copies of one cluster, since initdb takes a second.
// So they have the same system identifier. Clusters are in memory if there is room,
// or in TMPDIR if that is set; Config.OnDisk is for measurements.
package pgtest
