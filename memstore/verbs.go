package memstore

import (
	"context"
	"slices"

	"github.com/lull-dev/lull"
)

// Enter records a pass and says whether it is inside.
func (s *Store) Enter(ctx context.Context, p lull.Pass) (lull.Pass, lull.Gate, error) {
	g, err := s.at(ctx, p.Gate, func(r *room, now lull.Moment) ([]lull.Event, error) {
		if same := r.pass(p.ID); same != nil {
			*same = r.Readmit(*same, p, r.going(p.Parent))
			same.Heard = now
			p = r.answer(same, now)
			return nil, nil
		}
		entered, events := r.Admit(p, r.going(p.Parent), now)
		r.passes = append(r.passes, entered)
		p = entered
		return events, nil
	})
	return p, g, err
}

// Poll says whether a pass is inside by now.
func (s *Store) Poll(ctx context.Context, ref lull.PassRef) (p lull.Pass, _ lull.Gate, _ error) {
	g, err := s.at(ctx, ref.Gate, func(r *room, now lull.Moment) ([]lull.Event, error) {
		live := r.going(ref.ID)
		if live == nil {
			return nil, lull.ErrGone
		}
		p = r.answer(live, now)
		return nil, nil
	})
	return p, g, err
}

// PollAll says it of many passes.
func (s *Store) PollAll(ctx context.Context, gate string, ids []string) (map[string]lull.Pass, lull.Gate, error) {
	passes := make(map[string]lull.Pass, len(ids))
	g, err := s.at(ctx, gate, func(r *room, now lull.Moment) ([]lull.Event, error) {
		for _, id := range ids {
			if live := r.going(id); live != nil {
				passes[id] = r.answer(live, now)
			}
		}
		return nil, nil
	})
	return passes, g, err
}

// Force puts a waiting pass inside.
func (s *Store) Force(ctx context.Context, ref lull.PassRef) (p lull.Pass, _ lull.Gate, _ error) {
	g, err := s.at(ctx, ref.Gate, func(r *room, now lull.Moment) (events []lull.Event, _ error) {
		live := r.pass(ref.ID)
		if live == nil {
			return nil, lull.ErrGone
		}
		*live, events = r.Gate.Force(*live, now)
		live.Heard = now
		p = r.answer(live, now)
		return events, nil
	})
	return p, g, err
}

// Leave ends that pass and no other.
func (s *Store) Leave(ctx context.Context, ref lull.PassRef, out lull.Outcome) (lull.Gate, error) {
	return s.at(ctx, ref.Gate, func(r *room, now lull.Moment) ([]lull.Event, error) {
		live := r.pass(ref.ID)
		if live == nil {
			return nil, nil
		}
		e := r.Gate.Leave(*live, out)
		r.passes = slices.DeleteFunc(r.passes, func(p lull.Pass) bool { return p.ID == ref.ID })
		return []lull.Event{e}, nil
	})
}

// Close adds a hold, and closes the gate when it is the first.
func (s *Store) Close(ctx context.Context, h lull.Hold) (hold lull.Hold, _ lull.Gate, _ error) {
	g, err := s.at(ctx, h.Gate, func(r *room, now lull.Moment) (events []lull.Event, err error) {
		if h.Kind == lull.Person {
			h.Lease = 0 // a person's hold has none
		}
		if err := r.CheckParent(h, r.going(h.Parent) != nil); err != nil {
			return nil, err
		}
		r.Gate, hold, events, err = r.Gate.Close(h, now)
		if hold.ID == h.ID { // and not the one it has joined
			hold, _ = r.heard(h.ID, now)
		}
		return events, err
	})
	return hold, g, err
}

// Drain says whether everyone inside has left, save those that are part of the
// hold.
func (s *Store) Drain(ctx context.Context, ref lull.HoldRef) (d lull.Drain, _ error) {
	const most = 8
	g, err := s.at(ctx, ref.Gate, func(r *room, now lull.Moment) ([]lull.Event, error) {
		h, held, queued := r.Find(ref.ID)
		if !held && !queued {
			h, held = r.Around(ref.ID)
		}
		if !held {
			d.Queued = queued
			return nil, goneUnless(queued)
		}
		for _, p := range r.passes {
			if !h.BlockedBy(p, r.Phase) {
				continue
			}
			if d.Count++; d.Count <= most {
				d.Inside = append(d.Inside, p)
			}
		}
		d.Drained = d.Count == 0
		return nil, nil
	})
	d.Gate = g
	return d, err
}

// Begin notes that the hold's command starts now.
func (s *Store) Begin(ctx context.Context, ref lull.HoldRef, how lull.Start) error {
	_, err := s.at(ctx, ref.Gate, func(r *room, now lull.Moment) (events []lull.Event, err error) {
		h, _, _ := r.Find(ref.ID)
		r.Gate, events, err = r.Gate.Begin(ref.ID, how, h.Drained(r.passes, r.Phase), now)
		if err == nil {
			r.heard(ref.ID, now)
		}
		return events, err
	})
	return err
}

// Stop asks everyone inside to stop, save those that are part of the hold.
func (s *Store) Stop(ctx context.Context, ref lull.HoldRef) error {
	_, err := s.at(ctx, ref.Gate, func(r *room, now lull.Moment) (_ []lull.Event, err error) {
		r.Gate, err = r.Gate.Stop(ref.ID)
		return nil, err
	})
	return err
}

// Extend gives a hold a new limit.
func (s *Store) Extend(ctx context.Context, ref lull.HoldRef, x lull.Extension) (hold lull.Hold, _ error) {
	_, err := s.at(ctx, ref.Gate, func(r *room, now lull.Moment) (events []lull.Event, err error) {
		r.Gate, hold, events, err = r.Gate.Extend(ref.ID, x, now)
		return events, err
	})
	return hold, err
}

// Open ends that hold.
func (s *Store) Open(ctx context.Context, ref lull.HoldRef, out lull.Outcome) (o lull.Opening, _ error) {
	g, err := s.at(ctx, ref.Gate, func(r *room, now lull.Moment) (events []lull.Event, err error) {
		r.Gate, o.Gone, events, err = r.Gate.Open(ref.ID, out, now)
		return events, err
	})
	o.Gate = g
	return o, err
}

// Renew prolongs leases, each by the length it was made with.
func (s *Store) Renew(ctx context.Context, refs []lull.LeaseRef) ([]lull.LeaseState, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	states := make([]lull.LeaseState, len(refs))
	for i, ref := range refs {
		s.locked(ref.Gate, func(r *room, now lull.Moment) ([]lull.Event, error) {
			states[i] = r.renew(ref, now)
			return nil, nil
		})
	}
	return states, nil
}

func (r *room) renew(ref lull.LeaseRef, now lull.Moment) lull.LeaseState {
	state := lull.LeaseState{Left: lull.NoLimit}
	if ref.Pass != "" {
		if p := r.pass(ref.Pass); p != nil {
			p.Heard = now
			state.Live, state.Stop = true, r.Stops(*p)
		}
		return state
	}
	h, loose := r.heard(ref.Hold, now)
	// A person's hold with a lease was a deployment's until that crashed: it is no
	// more its owner's.
	state.Live = h.ID != "" && !loose && (h.Kind == lull.Deployment || h.Lease == 0)
	if state.Live && !h.Ends.IsZero() {
		state.Left = h.Ends.Sub(now)
	}
	return state
}

func goneUnless(there bool) error {
	if there {
		return nil
	}
	return lull.ErrGone
}
