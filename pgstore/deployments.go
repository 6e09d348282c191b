package pgstore

import (
	"context"
	"fmt"

	"github.com/lull-dev/lull"
)

// Close adds a hold, and closes the gate when it is the first.
func (s *Store) Close(ctx context.Context, h lull.Hold) (lull.Hold, lull.Gate, error) {
	return s.hold(ctx, fmt.Sprintf("close gate %q", h.Gate), "close", question{
		Gate: h.Gate, Hold: &h, Parent: h.Parent, PartOf: h.PartOf,
	})
}

// Extend gives a hold a new limit.
func (s *Store) Extend(ctx context.Context, ref lull.HoldRef, x lull.Extension) (lull.Hold, error) {
	h, _, err := s.hold(ctx, fmt.Sprintf("extend hold %s", ref.ID), "extend", question{
		Gate: ref.Gate, ID: ref.ID, Limit: &x.Limit, By: &x.By, Force: x.Force,
	})
	return h, err
}

// hold asks something that is answered with a hold.
func (s *Store) hold(ctx context.Context, doing, verb string, q question) (lull.Hold, lull.Gate, error) {
	a, err := s.ask(ctx, doing, verb, q)
	if err == nil {
		err = a.failure()
	}
	if err != nil {
		return lull.Hold{}, a.Gate, err
	}
	return a.Hold, a.Gate, nil
}

// Drain says whether everyone inside has left, save those that are part of the hold.
// Just after a promotion it says that they have not, though it names none: the new
// primary may not have heard of all.
func (s *Store) Drain(ctx context.Context, ref lull.HoldRef) (lull.Drain, error) {
	a, err := s.ask(ctx, fmt.Sprintf("look whether gate %q has drained", ref.Gate), "drain", question{Gate: ref.Gate, ID: ref.ID})
	if err == nil {
		err = a.failure()
	}
	return lull.Drain{
		Queued: a.Queued, Drained: err == nil && !a.Queued && a.Count == 0 && !a.Unsettled,
		Count: a.Count, Inside: a.Inside, Gate: a.Gate,
	}, err
}

// Begin notes that the hold's command starts now.
func (s *Store) Begin(ctx context.Context, ref lull.HoldRef, how lull.Start) error {
	return s.order(ctx, "begin the deployment", "begin", question{Gate: ref.Gate, ID: ref.ID, Undrained: how.Undrained, Ran: how.Ran})
}

// Stop asks everyone inside to stop, save those that are part of the hold.
func (s *Store) Stop(ctx context.Context, ref lull.HoldRef) error {
	return s.order(ctx, "ask the jobs inside to stop", "stop", question{Gate: ref.Gate, ID: ref.ID})
}

// order asks something that is only done or not.
func (s *Store) order(ctx context.Context, doing, verb string, q question) error {
	a, err := s.ask(ctx, doing, verb, q)
	if err != nil {
		return err
	}
	return a.failure()
}

// Open ends that hold.
func (s *Store) Open(ctx context.Context, ref lull.HoldRef, out lull.Outcome) (lull.Opening, error) {
	a, err := s.ask(ctx, fmt.Sprintf("open gate %q", ref.Gate), "open", question{
		Gate: ref.Gate, ID: ref.ID, By: &out.By, Force: out.Force, Reason: out.Reason, ExitCode: out.ExitCode, Ran: out.Ran,
	})
	if err == nil {
		err = a.failure()
	}
	return lull.Opening{Gate: a.Gate, Gone: a.Gone}, err
}
