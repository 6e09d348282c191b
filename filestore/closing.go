package filestore

import (
	"context"
	"errors"

	"github.com/lull-dev/lull"
)

// Close adds a hold, and closes the gate when it is the first.
func (s *Store) Close(ctx context.Context, h lull.Hold) (lull.Hold, lull.Gate, error) {
	if err := lull.CheckID(h.ID); err != nil {
		return lull.Hold{}, lull.Gate{}, err
	}
	if h.Kind == lull.Person {
		h.Lease = 0 // a person's hold has none
	}
	r, err := s.room(h.Gate)
	if err != nil {
		return lull.Hold{}, lull.Gate{}, err
	}
	var hold lull.Hold
	var gate lull.Gate
	err = r.alone(ctx, makes, func(x *section) (err error) {
		hold, err = x.close(h)
		gate = own(x.gate)
		return err
	})
	return hold, gate, err
}

// close records the hold's file before the commit that lists it. A file that no
// commit follows is garbage, which the next one removes.
func (x *section) close(h lull.Hold) (lull.Hold, error) {
	parent, err := x.going(h.Parent)
	if err != nil {
		return lull.Hold{}, err
	}
	if err := x.gate.CheckParent(h, parent != nil); err != nil {
		return lull.Hold{}, err
	}
	g, hold, events, err := x.gate.Close(h, x.now)
	if err != nil {
		return lull.Hold{}, err
	}
	if len(events) == 0 { // repeated, or joined
		if hold.ID == h.ID {
			heard, err := x.heardOf(hold)
			if heard {
				hold.Heard = x.now
			}
			return hold, err
		}
		return hold, nil
	}
	g = own(g)
	hold.Heard = x.now
	put(g, hold)
	if err := x.recordHold(hold); err != nil {
		return lull.Hold{}, err
	}
	if err := x.commit(g, events, false); err != nil {
		if _, held, queued := x.gate.Find(h.ID); !held && !queued {
			x.dropHold(h.ID)
		}
		return lull.Hold{}, err
	}
	return hold, nil
}

// put writes a hold into the gate's own slices.
func put(g lull.Gate, h lull.Hold) {
	for _, holds := range [][]lull.Hold{g.Holds, g.Queue} {
		for i := range holds {
			if holds[i].ID == h.ID {
				holds[i] = h
			}
		}
	}
}

// Drain says whether everyone inside has left, save those that are part of the hold.
//
// While somebody is in the way it takes no lock. That nobody is, and that somebody is
// dead, is found under the exclusive lock: a job may have entered as its parent left,
// and been seen neither there nor here.
func (s *Store) Drain(ctx context.Context, ref lull.HoldRef) (lull.Drain, error) {
	r, err := s.asked(ctx, ref.Gate)
	if err != nil {
		return lull.Drain{}, err
	}
	gate, err := r.current(ctx)
	if err != nil {
		return lull.Drain{}, goneAt(err)
	}
	h, held, queued := drainedFor(gate, ref.ID)
	switch {
	case queued:
		return lull.Drain{Queued: true, Gate: gate}, nil
	case !held:
		return lull.Drain{}, lull.ErrGone
	}
	c, err := r.count(h, gate.Phase)
	if err != nil {
		return lull.Drain{}, err
	}
	if c.count > 0 && len(c.dead) == 0 {
		return lull.Drain{Inside: c.inside, Count: c.count, Gate: gate}, nil
	}
	var d lull.Drain
	err = r.alone(ctx, looks, func(x *section) (err error) {
		d, err = x.drained(ref.ID)
		return err
	})
	return d, goneAt(err)
}

// drainedFor is the hold that a question about the drain is about.
func drainedFor(g lull.Gate, id string) (h lull.Hold, held, queued bool) {
	h, held, queued = g.Find(id)
	if !held && !queued {
		h, held = g.Around(id)
	}
	return h, held, queued
}

func (x *section) drained(id string) (lull.Drain, error) {
	h, held, queued := drainedFor(x.gate, id)
	if !held {
		d := lull.Drain{Queued: queued, Gate: own(x.gate)}
		if !queued {
			return lull.Drain{}, lull.ErrGone
		}
		return d, nil
	}
	c, err := x.count(h, x.gate.Phase)
	if err != nil {
		return lull.Drain{}, err
	}
	if err := x.reap(c.dead); err != nil {
		return lull.Drain{}, err
	}
	return lull.Drain{Drained: c.count == 0 && x.s.settled(x.stored), Inside: c.inside, Count: c.count, Gate: own(x.gate)}, nil
}

// Begin notes that the hold's command starts now.
func (s *Store) Begin(ctx context.Context, ref lull.HoldRef, how lull.Start) error {
	return s.change(ctx, ref, func(x *section) (lull.Gate, []lull.Event, error) {
		h, _, _ := x.gate.Find(ref.ID)
		c, err := x.count(h, x.gate.Phase)
		if err == nil {
			err = x.reap(c.dead)
		}
		if err != nil {
			return x.gate, nil, err
		}
		g, events, err := x.gate.Begin(ref.ID, how, c.count == 0 && x.s.settled(x.stored), x.now)
		if err != nil {
			return g, nil, err
		}
		g = own(g)
		if h, held, _ := g.Find(ref.ID); held && len(events) > 0 {
			h.Heard = x.now
			put(g, h)
		}
		_, err = x.heardOf(h)
		return g, events, err
	})
}

// Stop asks everyone inside to stop, save those that are part of the hold.
func (s *Store) Stop(ctx context.Context, ref lull.HoldRef) error {
	return s.change(ctx, ref, func(x *section) (lull.Gate, []lull.Event, error) {
		g, err := x.gate.Stop(ref.ID)
		return g, nil, err
	})
}

// Extend gives a hold a new limit.
func (s *Store) Extend(ctx context.Context, ref lull.HoldRef, e lull.Extension) (hold lull.Hold, _ error) {
	err := s.change(ctx, ref, func(x *section) (g lull.Gate, events []lull.Event, err error) {
		g, hold, events, err = x.gate.Extend(ref.ID, e, x.now)
		return g, events, err
	})
	if err != nil {
		return lull.Hold{}, err
	}
	return hold, nil
}

// change is a verb that changes a hold of a gate that is there.
func (s *Store) change(ctx context.Context, ref lull.HoldRef, rule func(*section) (lull.Gate, []lull.Event, error)) error {
	r, err := s.asked(ctx, ref.Gate)
	if err != nil {
		return err
	}
	err = r.alone(ctx, looks, func(x *section) error {
		g, events, err := rule(x)
		if err != nil {
			return err
		}
		return x.commit(g, events, false)
	})
	return goneAt(err)
}

// Open ends that hold.
func (s *Store) Open(ctx context.Context, ref lull.HoldRef, out lull.Outcome) (lull.Opening, error) {
	r, err := s.asked(ctx, ref.Gate)
	if err != nil {
		return lull.Opening{}, err
	}
	var o lull.Opening
	err = r.alone(ctx, looks, func(x *section) error {
		g, gone, events, err := x.gate.Open(ref.ID, out, x.now)
		if err != nil {
			return err
		}
		err = x.commit(g, events, true)
		o = lull.Opening{Gate: own(x.gate), Gone: gone}
		return err
	})
	if errors.Is(err, errNoGate) {
		return lull.Opening{Gate: lull.Gate{Name: ref.Gate}, Gone: true}, nil
	}
	if err != nil {
		return lull.Opening{}, err
	}
	return o, nil
}
