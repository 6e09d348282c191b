package storetest

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lull-dev/lull"
)

// forever is longer than any of this takes, also by a clock that runs ahead when
// many sleep at once.
const forever = 10_000 * time.Hour

// pause lets others run. It is in the program's time, not the store's: what the
// referee looks after needs no renewal.
func pause() { time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond) }

// rests lets others run, and now and then the store's time pass, for the dead.
func (r *referee) rests() {
	pause()
	if rand.IntN(10) == 0 {
		r.Sleep(r.Lease / 20)
	}
}

// patience is how often somebody asks before the referee believes that it was
// forgotten: that is a hundred leases, and more than the dead can cost together.
const patience = 20_000

// referee knows what runs, and never asks the store for it.
type referee struct {
	*scene
	jobs, deployments atomic.Int32 // whose command runs
	latest            atomic.Int64 // phase that anybody has seen
	arrived, began    sync.Map     // IDs that were recorded, and that began
}

func (r *referee) rounds(n int, turn func(lull.Store)) {
	for range n {
		if r.Failed() || r.ctx.Err() != nil {
			return
		}
		turn(r.either(rand.IntN(2)))
	}
}

// saw notes the phase of an answer to a question that was asked when before was
// the latest phase: the phase only grows, for everybody.
func (r *referee) saw(before int64, g lull.Gate) {
	if int64(g.Phase) < before {
		r.Errorf("phase %d after phase %d", g.Phase, before)
	}
	for {
		latest := r.latest.Load()
		if latest >= int64(g.Phase) || r.latest.CompareAndSwap(latest, int64(g.Phase)) {
			return
		}
	}
}

func (r *referee) newPass(name string) lull.Pass {
	return lull.Pass{ID: lull.NewID(), Gate: r.gate, Name: name, Lease: forever}
}

func (r *referee) newHold(kind lull.Kind) lull.Hold {
	return lull.Hold{
		ID: lull.NewID(), Gate: r.gate, Kind: kind, Queue: true, Lease: forever, Limit: forever,
		Holder: lull.Holder{User: "ann", Host: "web1", PID: rand.Int()},
	}
}

func (r *referee) ref(h lull.Hold) lull.HoldRef { return lull.HoldRef{Gate: h.Gate, ID: h.ID} }

// works is a job's turn: it arrives, waits, runs, now and then with another inside,
// and leaves.
func (r *referee) works(store lull.Store) {
	p, ok := r.enters(store, r.newPass("job"))
	if !ok {
		return
	}
	r.jobs.Add(1)
	if n := r.deployments.Load(); n != 0 {
		r.Errorf("%d deployments run while a job begins", n)
	}
	pause()
	if rand.IntN(4) == 0 {
		child := r.newPass("child")
		child.Parent = p.ID
		got, g, err := store.Enter(r.ctx, child)
		if err != nil || !got.Inside(g.Phase) {
			r.Errorf("a job inside a job: ticket %d in phase %d, error %v", got.Ticket, g.Phase, err)
		}
		r.arrived.Store(child.ID, true)
		defer r.leaves(store, child)
	}
	if n := r.deployments.Load(); n != 0 {
		r.Errorf("%d deployments run while a job does", n)
	}
	r.jobs.Add(-1)
	r.leaves(store, p)
}

// enters arrives, and returns when it is inside.
func (r *referee) enters(store lull.Store, p lull.Pass) (lull.Pass, bool) {
	before := r.latest.Load()
	p, g, err := store.Enter(r.ctx, p)
	if err != nil {
		r.Errorf("Enter: %v", err)
		return p, false
	}
	r.saw(before, g)
	r.arrived.Store(p.ID, true)
	if p.Ticket != g.Phase.Ticket() {
		r.Errorf("ticket %d on arrival in phase %d", p.Ticket, g.Phase)
	}
	ticket := p.Ticket
	for range patience {
		if p.Inside(g.Phase) {
			return p, true
		}
		if r.Failed() {
			return p, false
		}
		r.rests()
		before = r.latest.Load()
		if p, g, err = store.Poll(r.ctx, lull.PassRef{Gate: p.Gate, ID: p.ID}); err != nil {
			r.Errorf("Poll of a waiting pass: %v", err)
			return p, false
		}
		r.saw(before, g)
		if p.Ticket != ticket {
			r.Errorf("ticket %d became %d", ticket, p.Ticket)
		}
	}
	r.Errorf("left behind with ticket %d in phase %d", p.Ticket, g.Phase)
	return p, false
}

func (r *referee) leaves(store lull.Store, p lull.Pass) {
	if _, err := store.Leave(r.ctx, lull.PassRef{Gate: p.Gate, ID: p.ID}, lull.Outcome{}); err != nil {
		r.Errorf("Leave: %v", err)
	}
}

// deploys is a deployment's turn: it queues, drains, runs and opens.
func (r *referee) deploys(store lull.Store) {
	before := r.latest.Load()
	h, g, err := store.Close(r.ctx, r.newHold(lull.Deployment))
	if err != nil {
		r.Errorf("Close: %v", err)
		return
	}
	r.saw(before, g)
	defer func() {
		if o, err := store.Open(r.ctx, r.ref(h), lull.Outcome{By: h.Holder}); err != nil || o.Gone {
			r.Errorf("Open: gone %t, error %v", o.Gone, err)
		}
		pause()
	}()
	if !r.drains(store, h) {
		return
	}
	if err := store.Begin(r.ctx, r.ref(h), lull.Start{}); err != nil {
		r.Errorf("Begin of a drained deployment: %v", err)
		return
	}
	r.began.Store(h.ID, true)
	if n := r.deployments.Add(1); n != 1 {
		r.Errorf("%d deployments run at once", n)
	}
	for range 3 {
		if n := r.jobs.Load(); n != 0 {
			r.Errorf("%d jobs run while a deployment does", n)
		}
		pause()
	}
	r.deployments.Add(-1)
}

// drains returns when the hold is in force and drained.
func (r *referee) drains(store lull.Store, h lull.Hold) bool {
	for range patience {
		before := r.latest.Load()
		d, err := store.Drain(r.ctx, r.ref(h))
		if err != nil {
			r.Errorf("Drain: %v", err)
			return false
		}
		r.saw(before, d.Gate)
		if d.Drained || r.Failed() {
			return d.Drained
		}
		r.rests()
	}
	r.Error("never drained")
	return false
}

// holds is a person's turn.
func (r *referee) holds(store lull.Store) {
	h, _, err := store.Close(r.ctx, r.newHold(lull.Person))
	if err != nil {
		r.Errorf("Close by a person: %v", err)
		return
	}
	pause()
	if o, err := store.Open(r.ctx, r.ref(h), lull.Outcome{By: h.Holder}); err != nil || o.Gone {
		r.Errorf("Open by a person: gone %t, error %v", o.Gone, err)
	}
	for range 5 {
		pause()
	}
}

// dies is the turn of one who arrives, or queues, and is not heard of again.
func (r *referee) dies(store lull.Store) {
	p := r.newPass("dead")
	p.Lease = r.Lease
	if _, _, err := store.Enter(r.ctx, p); err != nil {
		r.Errorf("Enter: %v", err)
	}
	r.arrived.Store(p.ID, true)
	r.Kill(lull.LeaseRef{Gate: p.Gate, Pass: p.ID})
	h := r.newHold(lull.Deployment)
	h.Lease = r.Lease
	if _, _, err := store.Close(r.ctx, h); err != nil {
		r.Errorf("Close: %v", err)
	}
	r.Kill(lull.LeaseRef{Gate: h.Gate, Hold: h.ID})
	pause()
}

// watches looks at the gate until done: what it sees is whole.
func (r *referee) watches(done <-chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		default:
		}
		before := r.latest.Load()
		snap, err := r.either(n).Snapshot(r.ctx, r.gate)
		if err != nil {
			r.Errorf("Snapshot: %v", err)
			return
		}
		r.saw(before, snap.Gate)
		if err := snap.Gate.Check(); err != nil {
			r.Errorf("a snapshot that cannot be: %v", err)
		}
		for _, p := range snap.Inside {
			if !p.Inside(snap.Gate.Phase) {
				r.Errorf("shown as inside with ticket %d in phase %d", p.Ticket, snap.Gate.Phase)
			}
		}
		for _, p := range snap.Waiting {
			if p.Ticket != snap.Gate.Phase+1 {
				r.Errorf("waits for phase %d in phase %d: more than one closed phase", p.Ticket, snap.Gate.Phase)
			}
		}
		pause()
	}
}

// isQuiet fails unless everybody has gone, and the history says so: every opening
// once, every pass ended once.
func (r *referee) isQuiet() {
	var snap lull.Snapshot
	r.eventually("everybody has gone", func() bool {
		snap = r.snapshot()
		g := snap.Gate
		return len(g.Holds)+len(g.Queue)+len(g.Loose)+len(snap.Inside)+len(snap.Waiting) == 0
	})
	kinds := map[lull.EventKind]int{}
	ends := map[string]int{}
	for _, e := range r.history(lull.Filter{}) {
		kinds[e.Kind]++
		switch e.Kind {
		case lull.EventLeft, lull.EventAbandoned, lull.EventTimedOut:
			ends[e.ID]++
		case lull.EventBegun:
			if _, knew := r.began.LoadAndDelete(e.ID); !knew {
				r.Errorf("%s began, twice or against the referee's knowledge", e.ID)
			}
		}
	}
	if n := kinds[lull.EventOpened]; lull.Phase(2*n) != snap.Gate.Phase {
		r.Errorf("%d openings in %d phases", n, snap.Gate.Phase)
	}
	r.arrived.Range(func(id, _ any) bool {
		if n := ends[id.(string)]; n != 1 {
			r.Errorf("pass %s ended %d times", id, n)
		}
		return true
	})
	r.began.Range(func(id, _ any) bool {
		r.Errorf("nobody remembers that %s began", id)
		return true
	})
}

// barges arrives and leaves until it is told that the gate is closed; then nobody is
// inside on arrival.
func (r *referee) barges(closed *atomic.Bool) {
	for turn := 0; turn < 10; {
		told := closed.Load()
		p, g, err := r.either(turn).Enter(r.ctx, r.newPass("job"))
		if err != nil {
			r.Errorf("Enter: %v", err)
			return
		}
		if told && p.Inside(g.Phase) {
			r.Errorf("inside with ticket %d in phase %d, after Close had returned", p.Ticket, g.Phase)
		}
		pause()
		r.leaves(r.either(turn), p)
		if told {
			turn++
		}
	}
}
