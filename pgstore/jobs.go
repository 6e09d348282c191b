package pgstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/lull-dev/lull"
)

// Enter records a pass and says whether it is inside.
func (s *Store) Enter(ctx context.Context, p lull.Pass) (lull.Pass, lull.Gate, error) {
	// Of an ordinary arrival the answer says only what is new. The hints are no answer.
	a := answer{Pass: p}
	a.Pass.Parent, a.Pass.PartOf, a.Pass.Command = "", "", slices.Clone(p.Command)
	err := s.askInto(ctx, fmt.Sprintf("enter gate %q", p.Gate), "enter", question{Gate: p.Gate, Pass: &p, Ran: p.Ran}, &a)
	if err == nil {
		err = a.failure()
	}
	return a.Pass, a.Gate, err
}

// Poll says whether a pass is inside by now.
func (s *Store) Poll(ctx context.Context, ref lull.PassRef) (lull.Pass, lull.Gate, error) {
	return s.pass(ctx, fmt.Sprintf("look whether gate %q is open", ref.Gate), "poll", question{Gate: ref.Gate, ID: ref.ID})
}

// PollAll says it of many passes, in one statement.
func (s *Store) PollAll(ctx context.Context, gate string, ids []string) (map[string]lull.Pass, lull.Gate, error) {
	if ids == nil {
		ids = []string{}
	}
	a, err := s.ask(ctx, fmt.Sprintf("look whether gate %q is open", gate), "poll_all", question{Gate: gate, Passes: ids})
	if a.Passes == nil {
		a.Passes = map[string]lull.Pass{}
	}
	return a.Passes, a.Gate, err
}

// Force puts a waiting pass inside.
func (s *Store) Force(ctx context.Context, ref lull.PassRef) (lull.Pass, lull.Gate, error) {
	return s.pass(ctx, fmt.Sprintf("enter gate %q by force", ref.Gate), "force", question{Gate: ref.Gate, ID: ref.ID})
}

// pass asks something that is answered with a pass.
func (s *Store) pass(ctx context.Context, doing, verb string, q question) (lull.Pass, lull.Gate, error) {
	a, err := s.ask(ctx, doing, verb, q)
	if err == nil {
		err = a.failure()
	}
	return a.Pass, a.Gate, err
}

// Leave ends that pass and no other.
func (s *Store) Leave(ctx context.Context, ref lull.PassRef, out lull.Outcome) (lull.Gate, error) {
	a, err := s.ask(ctx, fmt.Sprintf("leave gate %q", ref.Gate), "leave", question{
		Gate: ref.Gate, ID: ref.ID,
		Outcome: &outcome{out.ExitCode, out.Waited, out.Ran, out.Reason, out.TimedOut},
	})
	return a.Gate, err
}

// Renew prolongs leases: one statement for each gate that they are at, which is
// mostly one.
func (s *Store) Renew(ctx context.Context, refs []lull.LeaseRef) ([]lull.LeaseState, error) {
	var order []string
	at := map[string]*question{}
	for _, ref := range refs {
		q := at[ref.Gate]
		if q == nil {
			q = &question{Gate: ref.Gate}
			at[ref.Gate], order = q, append(order, ref.Gate)
		}
		if ref.Pass != "" {
			q.Passes = append(q.Passes, ref.Pass)
		} else {
			q.Holds = append(q.Holds, ref.Hold)
		}
	}
	answers := map[string]answer{}
	for _, gate := range order {
		a, err := s.ask(ctx, fmt.Sprintf("renew %d leases at gate %q", len(at[gate].Passes)+len(at[gate].Holds), gate), "renew", *at[gate])
		if err != nil {
			return nil, err
		}
		answers[gate] = a
	}
	states := make([]lull.LeaseState, len(refs))
	for i, ref := range refs {
		said, ok := answers[ref.Gate].Live[ref.ID()]
		states[i] = lull.LeaseState{Live: ok, Stop: said.Stop, Left: lull.NoLimit}
		if said.Left != nil {
			states[i].Left = *said.Left
		}
	}
	return states, ctx.Err()
}
