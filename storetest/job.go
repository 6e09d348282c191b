package storetest

import (
	"errors"
	"time"

	"github.com/lull-dev/lull"
)

// job is one who has arrived.
type job struct {
	s *scene
	lull.Pass
	phase lull.Phase // of the gate, when it arrived
}

// newPass is an arrival that has not arrived yet.
func (s *scene) newPass(name string, how ...func(*lull.Pass)) lull.Pass {
	p := lull.Pass{
		ID: lull.NewID(), Gate: s.gate, Name: name, Command: []string{"./" + name}, JobID: "test:" + name,
		Holder: lull.Holder{User: "ann", Host: "node1", PID: 100 + len(s.names)}, Lease: s.Lease,
	}
	for _, change := range how {
		change(&p)
	}
	s.names[p.ID] = name
	return p
}

// arrives enters, and lives from now on.
func (s *scene) arrives(name string, how ...func(*lull.Pass)) *job {
	s.Helper()
	return s.enters(s.newPass(name, how...))
}

func (s *scene) enters(p lull.Pass) *job {
	s.Helper()
	got, g, err := s.store.Enter(s.ctx, p)
	s.no(err)
	if got.ID != p.ID || g.Name != s.gate {
		s.Fatalf("Enter of %s at %q answered with pass %q at %q", s.name(p.ID), s.gate, got.ID, g.Name)
	}
	j := &job{s, got, g.Phase}
	s.silent(j.lease())
	s.kept = append(s.kept, kept{s.store, j.lease()})
	return j
}

func within(parent *job) func(*lull.Pass) { return func(p *lull.Pass) { p.Parent = parent.ID } }
func part(of *hold) func(*lull.Pass)      { return func(p *lull.Pass) { p.PartOf = of.ID } }
func forced(p *lull.Pass)                 { p.Force = true }
func lasting(d time.Duration) func(*lull.Pass) {
	return func(p *lull.Pass) { p.Lease = d }
}

func (j *job) ref() lull.PassRef    { return lull.PassRef{Gate: j.Gate, ID: j.ID} }
func (j *job) lease() lull.LeaseRef { return lull.LeaseRef{Gate: j.Gate, Pass: j.ID} }

// look asks both processes, which must agree.
func (j *job) look() (inside bool) {
	j.s.Helper()
	here, g, err := j.s.Store.Poll(j.s.ctx, j.ref())
	if err != nil {
		j.s.Fatalf("Poll of %s: %v", j.Name, err)
	}
	there, og, err := j.s.Other.Poll(j.s.ctx, j.ref())
	if err != nil {
		j.s.Fatalf("Poll of %s by the other process: %v", j.Name, err)
	}
	if here.Ticket != there.Ticket || g.Phase != og.Phase {
		j.s.Fatalf("two processes differ about %s: ticket %d in phase %d, ticket %d in phase %d", j.Name, here.Ticket, g.Phase, there.Ticket, og.Phase)
	}
	j.Pass = here
	return here.Inside(g.Phase)
}

func (j *job) isInside() {
	j.s.Helper()
	if !j.look() {
		j.s.Fatalf("%s waits (ticket %d), want inside", j.Name, j.Ticket)
	}
}

func (j *job) waits() {
	j.s.Helper()
	if j.look() {
		j.s.Fatalf("%s is inside (ticket %d), want waiting", j.Name, j.Ticket)
	}
}

// gone reports whether the store does not know the pass any more.
func (j *job) gone() bool {
	j.s.Helper()
	_, _, err := j.s.store.Poll(j.s.ctx, j.ref())
	if err != nil && !errors.Is(err, lull.ErrGone) {
		j.s.Fatalf("Poll of %s: %v", j.Name, err)
	}
	return err != nil
}

func (j *job) isGone() {
	j.s.Helper()
	if !j.gone() {
		j.s.Fatalf("%s is still there", j.Name)
	}
}

// leaves goes, with a status of 0 unless told otherwise.
func (j *job) leaves(out ...lull.Outcome) {
	j.s.Helper()
	out = append(out, lull.Outcome{ExitCode: ptr(0)})
	j.s.silent(j.lease())
	_, err := j.s.store.Leave(j.s.ctx, j.ref(), out[0])
	j.s.no(err)
}

func (j *job) forces() {
	j.s.Helper()
	p, g, err := j.s.store.Force(j.s.ctx, j.ref())
	j.s.no(err)
	if !p.Inside(g.Phase) {
		j.s.Fatalf("%s has ticket %d in phase %d after Force", j.Name, p.Ticket, g.Phase)
	}
}

// renews asks for itself alone.
func (j *job) renews() lull.LeaseState { j.s.Helper(); return j.s.renews(j.lease()) }

func (s *scene) renews(ref lull.LeaseRef) lull.LeaseState {
	s.Helper()
	states, err := s.store.Renew(s.ctx, []lull.LeaseRef{ref})
	s.no(err)
	if len(states) != 1 {
		s.Fatalf("Renew of one: %d states", len(states))
	}
	return states[0]
}

// dies goes without a word.
func (j *job) dies() {
	j.s.silent(j.lease())
	j.s.Kill(j.lease())
}
