// Package filestore keeps gates in a directory of one host. It needs no server and
// nobody to clean up after it, and cat shows everything.
//
//	<dir>/<gate>/
//	    lock                        never replaced; flock(2) on it is the atomic section
//	    turn                        the turnstile before it, so that no closer starves
//	    gate.json                   phase, holds, queue: the truth
//	    spare.json                  room for the next gate.json, for the day the disk is full
//	    holds/<id>.json             a hold; its maker keeps a flock on a deployment's
//	    passes/<ticket>/<id>.json   a pass; its maker keeps a flock on it
//	    passes/.<id>                a file of a process that makes many, for its next pass
//	    history.jsonl               events, a line each; history.1.jsonl is older, .2 oldest
//
// # Who is authoritative
//
// gate.json is. It is only ever replaced, by rename(2), under the exclusive lock;
// that rename is when a gate closes or opens. A hold's file that gate.json does not
// list is garbage, and goes with the next change. A pass is recorded under the
// shared lock, so that no phase changes between reading the phase and recording the
// ticket. If gate.json cannot be read the gate counts as closed, and whoever finds
// it makes it anew from the other files: see rebuild.go.
//
// # Who lives
//
// A pass, or a deployment's hold, lives while its file is locked by flock(2): the
// lock goes with its owner's process, however that ends, and no child inherits it.
// When the lock is free, the process group of its command is asked, which may have
// outlived a killed wrapper; see life.go. So on one host no lease ever runs out by
// time, and a process that is stopped for hours loses nothing. Only where the answer
// cannot be known (the record of another host, or of one that died just as its
// command started) the lease is what decides, counted on the observer's own clock
// from when it first saw it so.
//
// A process may also keep records for owners elsewhere, who talk to it and renew their
// leases through it, as lulld does: see [Options].ByLease. Such records say so. They
// outlive that process and the boot, any later one of the kind goes on with them, and
// everybody judges them by their lease; see bylease.go, and settled.go for what a
// crash of the machine may have lost of them.
//
// # When something breaks
//
//	killed at any moment        what was renamed into place has happened, the rest has not;
//	                            the next who comes finds it, and removes what is left
//	history not written         gate.json carries the events of the last change; the next
//	                            exclusive section writes those that are missing
//	disk full                   Enter and Close are unavailable; ends are written into the
//	                            spare, and Leave needs no room
//	reboot                      passes and deployments' holds are over, persons' holds stay,
//	                            and what lives by its lease; some passes that do may be lost
//	gate's directory removed    the gate is a new one, open; owners find their records gone
//	                            at their next renewal, and record themselves anew
//	store's directory removed   unavailable until it is there again: it may be a file system
//	                            that is not mounted, and an open gate would be a wrong answer
package filestore
