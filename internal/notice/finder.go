package notice

import (
	"context"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/tail"
)

// finder makes notices of what is seen at the gates.
type finder struct {
	store   lull.Store
	overdue []time.Duration                     // after which a drain is, by the target's number
	link    func(gate, id string) string        // may be nil
	tell    func(n Notice, only func(int) bool) // only: to which targets; nil: all
	gates   map[string]*closure
}

// closure is what is known of a gate that is closed, by the hold that is drained for.
type closure struct {
	hold    string
	phase   lull.Phase
	drained bool         // and told so, or so when it was first seen
	overdue map[int]bool // likewise, by the target's number
}

// see looks at one gate.
func (f *finder) see(ctx context.Context, look tail.Look) {
	found := f.found(look)
	c := f.closure(look.Gate)
	if len(found) == 0 && (c == nil || c.drained) {
		return
	}
	snap, err := f.store.Snapshot(ctx, look.Gate.Name)
	for _, n := range found {
		if err == nil {
			n.Counts = &Counts{Inside: len(snap.Inside), Waiting: len(snap.Waiting), Queued: len(snap.Gate.Queue)}
		}
		n.write(snap.Gate)
		f.finish(n.Notice, nil)
	}
	if err == nil {
		f.drain(snap, look.First)
	}
}

// pending is a notice whose text waits for what the gate is like now.
type pending struct {
	Notice
	end lull.Event // of an opening: how the last hold ended
}

// found are the notices about what has happened.
func (f *finder) found(look tail.Look) (found []pending) {
	for i, e := range look.Events {
		switch e.Kind {
		case lull.EventClosed:
			found = append(found, pending{Notice: ofEvent(Closed, e)})
		case lull.EventCrashed:
			found = append(found, pending{Notice: ofEvent(Crashed, e)})
		case lull.EventOpened:
			found = append(found, opening(e, look.Events[:i]))
		}
	}
	for _, e := range look.Casualties {
		n := ofEvent(Casualty, e)
		n.Job = &Job{Name: cut(e.Name), JobID: cut(e.JobID), RanSeconds: e.Ran.Seconds(), ExitCode: e.ExitCode}
		n.Why = ""
		found = append(found, pending{Notice: n})
	}
	return found
}

// opening is the notice about an opening. What opened the gate was kept in the same step,
// just before.
func opening(e lull.Event, before []lull.Event) pending {
	p := pending{Notice: ofEvent(Opened, e)}
	for _, b := range before {
		switch {
		case b.ID != e.ID:
		case b.Kind == lull.EventForced:
			p.By, p.Why = who(b.Holder), cut(b.Reason)
		case b.Kind == lull.EventReleased, b.Kind == lull.EventExpired, b.Kind == lull.EventOverdue, b.Kind == lull.EventCrashed:
			p.end, p.Who, p.Kind = b, who(b.Holder), b.Hold
			if p.By == nil {
				p.Why = cut(b.Reason)
			}
		}
	}
	return p
}

// write adds the text, and what the gate says of a hold that closed it, if it is still
// there.
func (p *pending) write(g lull.Gate) {
	switch p.Event {
	case Closed:
		if h, held, _ := g.Find(p.About); held {
			n := ofHold(Closed, h, p.Gate, p.Time)
			p.Since, p.Until = n.Since, n.Until
		}
		p.Text = closedText(p.Notice)
	case Crashed:
		p.Text = crashedText(p.Notice)
	case Opened:
		p.Text = openedText(p.Notice, p.end)
	case Casualty:
		p.Text = casualtyText(p.Notice)
	}
}

// closure is what is known of a gate, or nil while it is open.
func (f *finder) closure(g lull.Gate) *closure {
	h, closed := drainsFor(g)
	if !closed {
		delete(f.gates, g.Name)
		return nil
	}
	c := f.gates[g.Name]
	if c == nil || c.hold != h.ID {
		// A person's hold that outlasts a deployment's has nothing new to drain.
		done := c != nil && c.drained && c.phase == g.Phase && h.Kind == lull.Person
		c = &closure{hold: h.ID, phase: g.Phase, drained: done, overdue: map[int]bool{}}
		f.gates[g.Name] = c
	}
	return c
}

// drainsFor is the hold that the jobs inside are drained for: the deployment's, else the
// oldest.
func drainsFor(g lull.Gate) (lull.Hold, bool) {
	if h, ok := g.Deployment(); ok {
		return h, true
	}
	if len(g.Holds) == 0 {
		return lull.Hold{}, false
	}
	return g.Holds[0], true
}

// drain tells that a gate is drained, or that it should be by now. Of a gate that was
// closed before it was first seen, what is so already is not told.
func (f *finder) drain(snap lull.Snapshot, first bool) {
	c := f.closure(snap.Gate)
	if c == nil || c.drained {
		return
	}
	h, _ := drainsFor(snap.Gate)
	took := snap.Now.Wall.Sub(h.Since)
	n := ofHold(Drained, h, snap.Gate.Name, snap.Now.Wall)
	n.Counts = &Counts{Inside: len(snap.Inside), Waiting: len(snap.Waiting), Queued: len(snap.Gate.Queue)}
	if begun := !h.Begun.IsZero(); begun || snap.Drained {
		c.drained = true // or is not waited for any more
		if snap.Drained && !first {
			n.Text = drainedText(n, took)
			f.finish(n, nil)
		}
		return
	}
	if h.Kind != lull.Deployment {
		return // a person waits for nobody
	}
	n.Event = DrainOverdue
	n.identify(h.Phase)
	due := map[int]bool{}
	for i, after := range f.overdue {
		if took >= after && !c.overdue[i] {
			c.overdue[i], due[i] = true, !first
		}
	}
	if len(due) > 0 {
		n.Text = overdueText(n, took, blocking(h, snap))
		f.finish(n, func(i int) bool { return due[i] })
	}
}

// blocking are the jobs inside that a hold is not drained for.
func blocking(h lull.Hold, snap lull.Snapshot) (jobs []lull.Pass) {
	for _, p := range snap.Inside {
		if h.BlockedBy(p, snap.Gate.Phase) {
			jobs = append(jobs, p)
		}
	}
	return jobs
}

func (f *finder) finish(n Notice, only func(int) bool) {
	if f.link != nil {
		n.Link = f.link(n.Gate, n.About)
	}
	f.tell(n, only)
}
