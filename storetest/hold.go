package storetest

import (
	"errors"
	"time"

	"github.com/lull-dev/lull"
)

// hold is one who has closed the gate, or queues for it.
type hold struct {
	s    *scene
	name string
	lull.Hold
}

// newHold is a closing that has not happened yet. Each has an owner of its own.
func (s *scene) newHold(kind lull.Kind, name string, how ...func(*lull.Hold)) lull.Hold {
	h := lull.Hold{
		ID: lull.NewID(), Gate: s.gate, Kind: kind, Reason: "because of " + name,
		Holder: lull.Holder{User: name, Host: "web1", PID: 100 + len(s.names)},
	}
	if kind == lull.Deployment {
		h.Lease, h.Command = s.Lease, []string{"./" + name}
	}
	for _, change := range how {
		change(&h)
	}
	s.names[h.ID] = name
	return h
}

// deploys closes the gate for a deployment, which lives from now on.
func (s *scene) deploys(name string, how ...func(*lull.Hold)) *hold {
	s.Helper()
	return s.closes(s.newHold(lull.Deployment, name, how...))
}

// holds closes the gate for a person.
func (s *scene) holds(name string, how ...func(*lull.Hold)) *hold {
	s.Helper()
	return s.closes(s.newHold(lull.Person, name, how...))
}

func (s *scene) closes(asked lull.Hold) *hold {
	s.Helper()
	got, g, err := s.store.Close(s.ctx, asked)
	s.no(err)
	_, held, queued := g.Find(got.ID)
	if held != (got.State == lull.Held) || queued != (got.State == lull.Queued) || g.Name != s.gate {
		s.Fatalf("Close of %s is %q, held %t and queued %t at the gate %q of the answer", s.name(asked.ID), got.State, held, queued, g.Name)
	}
	h := &hold{s, s.name(asked.ID), got}
	if got.Kind == lull.Deployment {
		s.silent(h.lease())
		s.kept = append(s.kept, kept{s.store, h.lease()})
	}
	return h
}

func queueing(h *lull.Hold)                  { h.Queue = true }
func limit(d time.Duration) func(*lull.Hold) { return func(h *lull.Hold) { h.Limit = d } }
func crashHold(d time.Duration) func(*lull.Hold) {
	return func(h *lull.Hold) { h.CrashHold = d }
}

func (h *hold) ref() lull.HoldRef    { return lull.HoldRef{Gate: h.Gate, ID: h.ID} }
func (h *hold) lease() lull.LeaseRef { return lull.LeaseRef{Gate: h.Gate, Hold: h.ID} }

// drains asks for the state of the drain.
func (h *hold) drains() lull.Drain {
	h.s.Helper()
	d, err := h.s.store.Drain(h.s.ctx, h.ref())
	h.s.no(err)
	if d.Drained && (d.Queued || d.Count != 0 || len(d.Inside) != 0) || len(d.Inside) > 8 || d.Count < len(d.Inside) {
		h.s.Fatalf("Drain of %s contradicts itself: %+v", h.name, d)
	}
	return d
}

// waitsFor fails unless the hold is in force and just these keep it from being
// drained.
func (h *hold) waitsFor(want ...*job) {
	h.s.Helper()
	d := h.drains()
	got := map[string]bool{}
	for _, p := range d.Inside {
		got[p.ID] = true
	}
	same := len(got) == len(want) && d.Count == len(want)
	for _, j := range want {
		same = same && got[j.ID]
	}
	if d.Queued || d.Drained != (len(want) == 0) || !same {
		h.s.Fatalf("%s: queued %t, drained %t, waits for %v; want %d of %v", h.name, d.Queued, d.Drained, h.s.calledPasses(d.Inside), len(want), names(want))
	}
}

func names(jobs []*job) (all []string) {
	for _, j := range jobs {
		all = append(all, j.Name)
	}
	return all
}

func (h *hold) isDrained() { h.s.Helper(); h.waitsFor() }

func (h *hold) isQueued() {
	h.s.Helper()
	if d := h.drains(); !d.Queued || d.Drained {
		h.s.Fatalf("%s: queued %t, drained %t; want queued", h.name, d.Queued, d.Drained)
	}
}

// gone reports whether the hold neither is in force nor queues.
func (h *hold) gone() bool {
	h.s.Helper()
	_, err := h.s.store.Drain(h.s.ctx, h.ref())
	if err != nil && !errors.Is(err, lull.ErrGone) {
		h.s.Fatalf("Drain of %s: %v", h.name, err)
	}
	return err != nil
}

func (h *hold) begins(how ...lull.Start) {
	h.s.Helper()
	if err := h.tryBegin(how...); err != nil {
		h.s.Fatalf("Begin of %s: %v", h.name, err)
	}
}

func (h *hold) tryBegin(how ...lull.Start) error {
	return h.s.store.Begin(h.s.ctx, h.ref(), append(how, lull.Start{})[0])
}

// opens ends the hold as its owner.
func (h *hold) opens(out ...lull.Outcome) lull.Opening {
	h.s.Helper()
	o := append(out, lull.Outcome{})[0]
	if o.By == (lull.Holder{}) {
		o.By = h.Holder
	}
	h.s.silent(h.lease())
	opening, err := h.s.store.Open(h.s.ctx, h.ref(), o)
	h.s.no(err)
	return opening
}

// isOpenedByForce is ended by somebody else; its owner goes on.
func (h *hold) isOpenedByForce(by lull.Holder, reason string) {
	h.s.Helper()
	o, err := h.s.Other.Open(h.s.ctx, h.ref(), lull.Outcome{By: by, Force: true, Reason: reason})
	h.s.no(err)
	if o.Gone {
		h.s.Fatalf("%s was gone before it was opened by force", h.name)
	}
}

func (h *hold) extends(x lull.Extension) {
	h.s.Helper()
	if _, err := h.s.store.Extend(h.s.ctx, h.ref(), x); err != nil {
		h.s.Fatalf("Extend of %s: %v", h.name, err)
	}
}

func (h *hold) stops() { h.s.Helper(); h.s.no(h.s.store.Stop(h.s.ctx, h.ref())) }

func (h *hold) renews() lull.LeaseState { h.s.Helper(); return h.s.renews(h.lease()) }

func (h *hold) dies() {
	h.s.silent(h.lease())
	h.s.Kill(h.lease())
}
