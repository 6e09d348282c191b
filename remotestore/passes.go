package remotestore

import (
	"context"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/wire"
)

// Enter records a pass and says whether it is inside.
func (s *Store) Enter(ctx context.Context, p lull.Pass) (lull.Pass, lull.Gate, error) {
	return s.pass(ctx, post(wire.Path(wire.PathPasses, p.Gate, ""), wire.Arrival{Pass: p, Ran: p.Ran}))
}

// Poll says whether a pass is inside by now.
func (s *Store) Poll(ctx context.Context, ref lull.PassRef) (lull.Pass, lull.Gate, error) {
	return s.pass(ctx, get(wire.Path(wire.PathPass, ref.Gate, ref.ID)))
}

// Force puts a waiting pass inside.
func (s *Store) Force(ctx context.Context, ref lull.PassRef) (lull.Pass, lull.Gate, error) {
	return s.pass(ctx, post(wire.Path(wire.PathForce, ref.Gate, ref.ID), nil))
}

// pass makes a call that is answered about a pass. An answer about none proves nothing:
// its ticket would be one that is always inside.
func (s *Store) pass(ctx context.Context, c call) (lull.Pass, lull.Gate, error) {
	a, err := ask[wire.Pass](ctx, s, c)
	if err == nil && a.Pass.ID == "" {
		err = c.nothing()
	}
	return a.Pass, a.Gate, err
}

// Leave ends that pass and no other.
func (s *Store) Leave(ctx context.Context, ref lull.PassRef, out lull.Outcome) (lull.Gate, error) {
	a, err := ask[wire.Gate](ctx, s, post(wire.Path(wire.PathLeave, ref.Gate, ref.ID), wire.Outcome(out)))
	return a.Gate, err
}

// Renew prolongs leases, each by the length it was made with.
func (s *Store) Renew(ctx context.Context, refs []lull.LeaseRef) ([]lull.LeaseState, error) {
	q := wire.Renewal{Leases: make([]wire.Lease, len(refs))}
	for i, ref := range refs {
		q.Leases[i] = wire.Lease(ref)
	}
	c := post(wire.PathRenew, q)
	a, err := ask[wire.Renewed](ctx, s, c)
	switch {
	case err != nil:
		return nil, err
	case len(a.States) != len(refs):
		return nil, c.nothing()
	}
	states := make([]lull.LeaseState, len(refs))
	for i, state := range a.States {
		states[i] = lull.LeaseState(state)
	}
	return states, nil
}
