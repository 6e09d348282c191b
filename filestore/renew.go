package filestore

import (
	"context"
	"errors"
	"slices"

	"github.com/lull-dev/lull"
)

// renewMost is how many are renewed under one lock: each takes some system calls, and
// closers wait meanwhile.
const renewMost = 256

// Renew prolongs leases. On one host that changes nothing but when their owners were
// last heard of: those live by their locks, unless the store is opened ByLease.
func (s *Store) Renew(ctx context.Context, refs []lull.LeaseRef) ([]lull.LeaseState, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	states := make([]lull.LeaseState, len(refs))
	byGate := map[string][]int{}
	for i, ref := range refs {
		byGate[ref.Gate] = append(byGate[ref.Gate], i)
	}
	for gate, which := range byGate {
		r, err := s.room(gate)
		if err != nil {
			return nil, err
		}
		for some := range slices.Chunk(which, renewMost) {
			err = r.arrive(ctx, looks, func(x *section) (err error) {
				for _, i := range some {
					if states[i], err = x.renew(refs[i]); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil && !errors.Is(err, errNoGate) {
				return nil, err
			}
		}
	}
	return states, nil
}

func (x *section) renew(ref lull.LeaseRef) (lull.LeaseState, error) {
	if ref.Pass != "" {
		return x.renewPass(ref.Pass)
	}
	h, held, queued := x.gate.Find(ref.Hold)
	if !held && !queued {
		if x.isLoose(ref.Hold) {
			_, err := x.heardOf(lull.Hold{ID: ref.Hold})
			return lull.LeaseState{}, err
		}
		x.release(ref.Hold)
		return lull.LeaseState{}, nil
	}
	state := lull.LeaseState{Left: lull.NoLimit}
	// A person's hold with a lease was a deployment's until that crashed: it is no more
	// its owner's.
	state.Live = h.Kind == lull.Deployment || h.Lease == 0
	if !h.Ends.IsZero() {
		state.Left = h.Ends.Sub(x.now)
	}
	if _, err := x.heardOf(h); err != nil {
		return lull.LeaseState{}, err
	}
	return state, nil
}

func (x *section) renewPass(id string) (lull.LeaseState, error) {
	k, err := x.inHand(id)
	if errors.Is(err, lull.ErrGone) {
		return lull.LeaseState{}, nil
	}
	if err != nil {
		return lull.LeaseState{}, err
	}
	if k == nil {
		rec, found, err := x.find(id)
		if err != nil || found != alive || x.broken(rec) {
			return lull.LeaseState{}, err
		}
		return lull.LeaseState{Live: true, Stop: x.gate.Stops(rec.Pass), Left: lull.NoLimit}, nil
	}
	defer x.layDown(k)
	if err := x.heard(k); err != nil {
		return lull.LeaseState{}, err
	}
	return lull.LeaseState{Live: true, Stop: x.gate.Stops(k.known()), Left: lull.NoLimit}, nil
}

// heard writes a sign of life. Other hosts live by it, and what lives by its lease
// does; else it is for people, and not worth an error.
func (x *section) heard(k *kept) error {
	err := x.rewrite(k, func(k *kept) {
		if k.pass.ID != "" {
			k.pass.Heard = x.now
		} else {
			k.hold.Heard = x.now
		}
	})
	if !x.s.opts.NetworkTrusted && k.path == "" {
		return nil
	}
	return err
}

func (x *section) isLoose(id string) bool {
	for _, h := range x.gate.Loose {
		if h.ID == id {
			return true
		}
	}
	return false
}
