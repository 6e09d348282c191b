// Package storm lets dozens of real jobs and deployments loose on one store, kills,
// stops and interrupts some of them at any moment, and has a referee watch that no job
// runs while a deployment does.
//
// # The ground
//
// The store is a directory, a PostgreSQL database, or such a database behind PgBouncer;
// and on the latter two there is bad weather as well: the server restarts and crashes,
// and half of the wrappers are cut off for a while. Witnesses, referee and verdict are
// the same on every ground: see ground_test.go for what differs.
//
// # The referee
//
// lull's own records cannot testify for lull. The witnesses are the commands
// themselves, and the kernel is the referee: each job's command takes a shared lock
// on a file as soon as it runs and keeps it until it is dead, each deployment's
// command takes the same lock exclusively. Nobody waits for it. A witness that
// does not get its lock has met somebody it must never meet, and writes that to a
// log before anything else. The kernel releases a lock when the process is dead and
// not before, also that of a process whose wrapper is long gone: a child left
// behind by a killed wrapper still excludes the next deployment, as lull promises.
//
//	lock   shared by                       exclusive to
//	work   jobs                            deployments
//	calm   jobs                            a person who was told "drained"
//	parts  jobs inside a deployment        a deployment, for a moment as it begins
//
// A job inside a deployment runs beside its own deployment, and beside no other:
// see [Witness.Enter] for how that is told exactly. A lock is taken some
// milliseconds after lull has started the command, so that an overlap shorter than
// that goes unseen; what is seen is never a false alarm.
//
// # The verdict
//
// A store that sees no processes knows its owners by their leases, and a lease may lapse
// of one who is stopped, or cut off. An overlap that comes of that is what lull allows
// if its history has it: each job as a casualty. All others are errors. See
// lapse_test.go.
//
// Besides overlaps, the log says who ran how often, and in what order. Order is
// judged by the log, in which one append comes after another, and by the phases
// that lull told its children, not by clocks: see verdict_test.go. Clocks are only
// asked whether somebody waited absurdly long.
//
// That the storm would find an overlap is shown by the lock files that people write
// for themselves, which it is let loose on as well: see lockfile_test.go.
//
//	go test -race -run 'TestStorm$' ./internal/storm -storm 5m -storm-seed 7
//	go test -race -run 'TestStorm.*BadWeather' ./internal/storm -storm 5m
package storm
