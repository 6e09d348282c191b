package storetest

import (
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

// Harness is a store under test, and the world around it.
type Harness struct {
	// Store and Other are two processes' views of one store, empty at first. They may
	// be the same value where processes cannot be told apart. The suite calls both from
	// many goroutines, and shuts down neither but to test that; t.Cleanup is the
	// caller's.
	Store, Other lull.Store

	// Lease is what the suite makes passes and holds with, and the measure of all its
	// waiting.
	Lease time.Duration

	// Sleep lets time pass on the clock by which the store judges leases and limits. It
	// is called from several goroutines.
	Sleep func(time.Duration)

	// Kill ends the owner of a pass or hold without a word, as kill -9 of its process
	// would; the store may notice at once or when the lease ends. It may be nil for a
	// store that knows the living by their renewals alone: the suite never renews what
	// it has killed. It is called from several goroutines.
	Kill func(lull.LeaseRef)

	// Workers is how many goroutines of each kind crowd the store in the rules about
	// concurrency, and Rounds how often each does its turn. Zero means 8 and 20.
	Workers, Rounds int
}

// Run tests a store. It calls open once for each rule, with the rule's subtest.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	here := func(t *testing.T, rule func(*testing.T)) { rule(t) }
	RunIn(t, here, open)
}

// RunIn is [Run] with something around each rule: [testing/synctest.Test], or
// whatever else must surround both open and the rule.
func RunIn(t *testing.T, around func(*testing.T, func(*testing.T)), open func(t *testing.T) Harness) {
	rule := func(name string, body func(*scene)) {
		t.Run(name, func(t *testing.T) {
			around(t, func(t *testing.T) { body(newScene(t, open(t))) })
		})
	}
	arrivals(rule)
	closing(rule)
	queue(rule)
	draining(rule)
	nested(rule)
	anew(rule)
	ownership(rule)
	limits(rule)
	leases(rule)
	crashes(rule)
	idempotence(rule)
	events(rule)
	snapshots(rule)
	pollall(rule)
	concurrency(rule)
	script(rule)
}

// ruler takes the rules, one by one.
type ruler func(name string, rule func(*scene))
