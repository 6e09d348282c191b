// Package storetest says, as tests, what a store must do. A [lull.Store] that
// passes is one; what no rule here asks for, a store may do as it likes.
//
// A new store needs one test, beside it:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) storetest.Harness {
//			dir := t.TempDir()
//			return storetest.Harness{
//				Store: open(t, dir), // one process's …
//				Other: open(t, dir), // … and another's
//				Lease: 2 * time.Second,
//				Sleep: time.Sleep,
//			}
//		})
//	}
//
// Each rule is a subtest that gets a store of its own, empty, from that function. A
// store that lives by [time.Now] alone is tested in no time in a bubble:
//
//	storetest.RunIn(t, synctest.Test, func(t *testing.T) storetest.Harness { … })
//
// # What a rule assumes
//
// Nothing about when. Time passes by Harness.Sleep alone, whatever that does; what
// must happen some time after a death or a limit is looked for again and again for
// ten leases. What must not happen yet is looked for with half a lease or more to
// spare: choose a lease that is long against the store's answers (a second or two
// for a database near by).
//
// Everything is asked through both processes in turn. A pass or hold is renewed, as
// long as it lives, by the process that made it.
//
// # Where the rules are
//
//	arrivals.go     who is inside, and who waits
//	closing.go      what closes a gate, and what opens it
//	queue.go        deployments that wait for another one
//	draining.go     who is waited for, and when a command may start
//	nested.go       jobs and deployments inside others; jobs that enter by force
//	ownership.go    who may end and extend a hold
//	limits.go       holds that have lasted long enough
//	leases.go       what keeps a pass or hold alive
//	crash.go        owners that die without a word
//	idempotence.go  calls that are repeated
//	events.go       what is remembered
//	snapshot.go     what people see
//	pollall.go      questions about many passes, to stores that take them
//	concurrency.go  everything at once, with a referee (referee.go)
//	script.go       a long random script, line by line against memstore
//
// A rule is written with the words of scene.go: who arrives, deploys, dies.
package storetest
