// Package memstore keeps gates in memory, for tests and examples.
//
// It is the reference of what a store does: every decision is one of package
// lull's pure rules, called under one mutex. What it adds is what every store has
// to find for itself: who is live. Here that is time alone. A pass or a
// deployment's hold is live until its lease has passed since its owner was last
// heard of, which is when it was made, made again under the same ID, forced, begun
// or renewed. Questions (Poll, Drain, Snapshot) prolong nothing, so anybody may ask
// them.
//
// Time is [time.Now] and nothing runs in the background: in a testing/synctest
// bubble leases and limits pass as fast as the test wants. Clients that share a
// [Store] share its gates. To test a fault, embed the store and break a method:
//
//	type deaf struct{ *memstore.Store }
//
//	func (deaf) Renew(context.Context, []lull.LeaseRef) ([]lull.LeaseState, error) {
//		return nil, lull.ErrUnavailable
//	}
package memstore
