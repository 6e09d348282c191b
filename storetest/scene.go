package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

// scene is one rule's world: a gate, seen from one process.
type scene struct {
	*testing.T
	Harness
	ctx   context.Context
	gate  string
	store lull.Store // of the process that acts
	*cast
}

// cast is who plays, whatever the gate and the process.
type cast struct {
	names map[string]string // by the ID of a pass or hold
	kept  []kept            // what is renewed while time passes
}

type kept struct {
	store lull.Store
	ref   lull.LeaseRef
}

func newScene(t *testing.T, h Harness) *scene {
	if h.Workers == 0 {
		h.Workers = 8
	}
	if h.Rounds == 0 {
		h.Rounds = 20
	}
	if h.Kill == nil {
		h.Kill = func(lull.LeaseRef) {}
	}
	return &scene{
		T: t, Harness: h, ctx: t.Context(), gate: lull.DefaultGate, store: h.Store,
		cast: &cast{names: map[string]string{}},
	}
}

// elsewhere is the same scene in the other process.
func (s *scene) elsewhere() *scene {
	o := *s
	o.store = s.Other
	return &o
}

// at is the same scene at another gate.
func (s *scene) at(gate string) *scene {
	o := *s
	o.gate = gate
	return &o
}

// let lets time pass, while all that lives is renewed.
func (s *scene) let(d time.Duration) {
	s.Helper()
	for step := s.Lease / 4; d > 0; d -= step {
		s.renewAll()
		s.Sleep(min(d, step))
	}
	s.renewAll()
}

func (s *scene) renewAll() {
	s.Helper()
	for _, store := range []lull.Store{s.Store, s.Other} {
		var refs []lull.LeaseRef
		for _, k := range s.kept {
			if k.store == store {
				refs = append(refs, k.ref)
			}
		}
		if len(refs) == 0 {
			continue
		}
		states, err := store.Renew(s.ctx, refs)
		if err != nil || len(states) != len(refs) {
			s.Fatalf("Renew of %d: %d states, error %v", len(refs), len(states), err)
		}
		if s.Store == s.Other {
			return
		}
	}
}

// eventually waits until something is so: not at once, but within ten leases.
func (s *scene) eventually(what string, so func() bool) {
	s.Helper()
	for range 40 {
		if so() {
			return
		}
		s.let(s.Lease / 4)
	}
	s.Fatalf("not within %s: %s", 10*s.Lease, what)
}

// silent forgets to renew, from now on.
func (s *scene) silent(ref lull.LeaseRef) {
	s.kept = slices.DeleteFunc(s.kept, func(k kept) bool { return k.ref == ref })
}

// snapshot is the gate as both processes see it, which must be the same.
func (s *scene) snapshot() lull.Snapshot {
	s.Helper()
	here, err := s.Store.Snapshot(s.ctx, s.gate)
	s.no(err)
	there, err := s.Other.Snapshot(s.ctx, s.gate)
	s.no(err)
	if here.Gate.Phase != there.Gate.Phase || len(here.Inside) != len(there.Inside) {
		s.Fatalf("two processes differ: phase %d with %d inside, phase %d with %d inside",
			here.Gate.Phase, len(here.Inside), there.Gate.Phase, len(there.Inside))
	}
	s.no(here.Gate.Check())
	return here
}

// phaseIs fails unless the gate is in that phase.
func (s *scene) phaseIs(want lull.Phase) {
	s.Helper()
	if got := s.snapshot().Gate.Phase; got != want {
		s.Fatalf("phase is %d, want %d", got, want)
	}
}

// holdersAre fails unless just these holds are in force, the oldest first.
func (s *scene) holdersAre(want ...string) {
	s.Helper()
	if got := s.called(s.snapshot().Gate.Holds); !slices.Equal(got, want) {
		s.Fatalf("holds in force are %v, want %v", got, want)
	}
}

func (s *scene) called(holds []lull.Hold) []string {
	var names []string
	for _, h := range holds {
		names = append(names, s.name(h.ID))
	}
	return names
}

func (s *scene) calledPasses(passes []lull.Pass) []string {
	var names []string
	for _, p := range passes {
		names = append(names, s.name(p.ID))
	}
	return names
}

func (s *scene) name(id string) string {
	if name, known := s.names[id]; known {
		return name
	}
	return fmt.Sprintf("stranger %q", id)
}

// history is what the store remembers of the gate, as the other process reads it.
func (s *scene) history(f lull.Filter) []lull.Event {
	s.Helper()
	f.Gate = s.gate
	var events []lull.Event
	for e, err := range s.Other.Events(s.ctx, f) {
		s.no(err)
		events = append(events, e)
	}
	return events
}

// story fails unless the gate's history is just that: a line for each event, with
// its kind, whom it is about, and the phase.
func (s *scene) story(want ...string) {
	s.Helper()
	var got []string
	for _, e := range s.history(lull.Filter{}) {
		got = append(got, fmt.Sprintf("%s %s %d", e.Kind, s.name(e.ID), e.Phase))
	}
	if !slices.Equal(got, want) {
		s.Fatalf("the history is\n\t%q\nwant\n\t%q", got, want)
	}
}

// event is the one event of that kind about that pass or hold.
func (s *scene) event(kind lull.EventKind, id string) lull.Event {
	s.Helper()
	var found []lull.Event
	for _, e := range s.history(lull.Filter{Kinds: []lull.EventKind{kind}}) {
		if e.ID == id {
			found = append(found, e)
		}
	}
	if len(found) != 1 {
		s.Fatalf("%d events %s about %s, want one", len(found), kind, s.name(id))
	}
	return found[0]
}

// no fails on an error.
func (s *scene) no(err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("unexpected error: %v", err)
	}
}

// is fails unless the error is that one.
func (s *scene) is(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("error is %v, want %v", err, want)
	}
}

// ptr is for exit codes.
func ptr(n int) *int { return &n }
