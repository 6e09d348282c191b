package remotestore

import (
	"context"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/wire"
)

// Close adds a hold, and closes the gate when it is the first.
func (s *Store) Close(ctx context.Context, h lull.Hold) (lull.Hold, lull.Gate, error) {
	c := post(wire.Path(wire.PathHolds, h.Gate, ""), wire.Closing{Hold: h, Parent: h.Parent, PartOf: h.PartOf})
	a, err := ask[wire.Hold](ctx, s, c)
	if err == nil && a.Hold.ID == "" {
		err = c.nothing()
	}
	return a.Hold, a.Gate, err
}

// Drain says whether everyone inside has left, save those that are part of the hold.
func (s *Store) Drain(ctx context.Context, ref lull.HoldRef) (lull.Drain, error) {
	a, err := ask[wire.Drain](ctx, s, get(wire.Path(wire.PathDrain, ref.Gate, ref.ID)))
	return lull.Drain(a), err
}

// Begin notes that the hold's command starts now.
func (s *Store) Begin(ctx context.Context, ref lull.HoldRef, how lull.Start) error {
	return s.tell(ctx, post(wire.Path(wire.PathBegin, ref.Gate, ref.ID), wire.Start(how)))
}

// Stop asks everyone inside to stop, save those that are part of the hold.
func (s *Store) Stop(ctx context.Context, ref lull.HoldRef) error {
	return s.tell(ctx, post(wire.Path(wire.PathStop, ref.Gate, ref.ID), nil))
}

// Extend gives a hold a new limit.
func (s *Store) Extend(ctx context.Context, ref lull.HoldRef, x lull.Extension) (lull.Hold, error) {
	a, err := ask[wire.Hold](ctx, s, post(wire.Path(wire.PathExtend, ref.Gate, ref.ID), wire.Extension(x)))
	return a.Hold, err
}

// Open ends that hold.
func (s *Store) Open(ctx context.Context, ref lull.HoldRef, out lull.Outcome) (lull.Opening, error) {
	a, err := ask[wire.Opening](ctx, s, post(wire.Path(wire.PathOpen, ref.Gate, ref.ID), wire.Outcome(out)))
	return lull.Opening(a), err
}
