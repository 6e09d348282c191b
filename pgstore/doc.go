// Package pgstore keeps gates in a PostgreSQL database, for the jobs of a cluster.
//
// # One function a verb
//
// The schema has a function for each verb of the seam: [Store] sends it a JSON object,
// in one message, and is answered with one. So the gate's lock is never held across the
// network, and a client that dies in the middle of a message holds nothing up. The rules
// are package lull's, restated in migrations/00002_verbs.sql; storetest holds them equal.
//
// # Exclusion
//
// An arrival takes the gate's advisory lock shared, a phase change takes it exclusively,
// both for the transaction and both in an earlier statement than the one that reads. In
// READ COMMITTED each statement has its own snapshot, so whoever has the lock sees
// everything that was committed by those who had it before: once close has returned,
// every pass with a ticket up to the phase is on record, and the drain needs no lock.
// Where the server's default isolation is another one, the same message asks for this
// one first.
//
// # Leases
//
// A pass's or a hold's row is its lease, too. Renewals write the time, and a number from
// a sequence, the sign of life. That a lease has ended is a fact when somebody deletes the
// row under its own lock; who finds no row has lost it. To do so, it must have
//
//   - lapsed by the database's clock, a margin ago,
//   - given no sign of life for half its length by the monotonic clock of whoever deletes
//     it (see vigil), so that a clock that is set forward ends nobody's lease; the longest
//     time without an answer does not count, since others may have had none either,
//   - had its whole length since the server started, in which it could be renewed.
//
// Of a clock that was set back the first cannot be told: whoever deletes the row has then
// heard nothing of it for all of its length.
//
// After a promotion a gate without anybody inside is not believed to be drained for the
// longest lease there: the new primary may have lost passes, whose owners record them anew.
//
// # Connections
//
// None is held between two calls unless the URL asks for it. Statements have no names, so
// a pooler may stand between. Nothing is ever cancelled in the server: see toConnect.
package pgstore
