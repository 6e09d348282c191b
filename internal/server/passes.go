package server

import (
	"context"
	"net/http"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/access"
	"github.com/lull-dev/lull/internal/wire"
)

// waitMost is how long a call may wait for a change: shorter than what proxies bear.
const waitMost = 30 * time.Second

type enterIn struct {
	AtGate
	Body wire.Arrival
}

type pollIn struct {
	AtID
	Wait string `query:"wait" doc:"answer only when the pass is inside, or after this long, such as 25s"`
}

type outcomeIn struct {
	AtID
	Body wire.Outcome
}

type renewIn struct{ Body wire.Renewal }

func (renewIn) gate() string { return "" }

func (a *api) registerPasses() {
	register(a, verb{
		id: "enter", method: http.MethodPost, path: wire.PathPasses, right: access.Pass,
		says: "Record a pass, and say whether it is inside. With the same ID again, it is the same pass.",
	}, a.enter)
	register(a, verb{
		id: "poll", method: http.MethodGet, path: wire.PathPass, right: access.See,
		says: "Say whether a pass is inside by now.",
	}, a.poll)
	register(a, verb{
		id: "force", method: http.MethodPost, path: wire.PathForce, right: access.Pass,
		says: "Put a waiting pass inside, whatever the phase.",
	}, a.force)
	register(a, verb{
		id: "leave", method: http.MethodPost, path: wire.PathLeave, right: access.Pass,
		says: "End a pass. One that is gone already is no error.",
	}, a.leave)
	register(a, verb{
		id: "renew", method: http.MethodPost, path: wire.PathRenew, right: access.Pass, most: renewalMost,
		says: "Prolong leases, of passes and of holds, of any gates.",
	}, a.renew)
}

func (a *api) enter(ctx context.Context, who access.Identity, in enterIn) (wire.Pass, error) {
	p := in.Body.Pass
	p.Gate, p.Ran, p.Holder.User = in.Gate, in.Body.Ran, who.Sign(p.Holder.User)
	if err := checkID(p.ID); err != nil {
		return wire.Pass{}, err
	}
	got, gate, err := a.store.Enter(ctx, p)
	if err != nil {
		return wire.Pass{}, err
	}
	if got.Holder.User == p.Holder.User { // not somebody else's, who has the same ID
		got.Gate = in.Gate
		a.owners.note(got)
	}
	return wire.Pass{Pass: got, Gate: gate}, nil
}

func (a *api) poll(ctx context.Context, _ access.Identity, in pollIn) (wire.Pass, error) {
	wait, err := waiting(in.Wait)
	if err != nil {
		return wire.Pass{}, err
	}
	ref := lull.PassRef{Gate: in.Gate, ID: in.ID}
	p, g, err := a.polls.poll(ctx, ref)
	if err != nil || wait == 0 || p.Inside(g.Phase) {
		return wire.Pass{Pass: p, Gate: g}, err
	}
	done, err := a.waiters.take()
	if err != nil {
		return wire.Pass{}, err
	}
	defer done()
	ctx, cancel := a.waitFor(ctx, wait)
	defer cancel()
	w, release := a.hub.watch(in.Gate)
	defer release()
	seen, _ := w.seen()
	for !p.Inside(g.Phase) && ctx.Err() == nil {
		seen = w.wait(ctx, seen)
		if p, g, err = a.polls.poll(context.WithoutCancel(ctx), ref); err != nil {
			return wire.Pass{}, err
		}
	}
	return wire.Pass{Pass: p, Gate: g}, nil
}

func (a *api) force(ctx context.Context, who access.Identity, in AtID) (wire.Pass, error) {
	ref := lull.PassRef{Gate: in.Gate, ID: in.ID}
	if err := a.ownPass(ctx, who, ref); err != nil {
		return wire.Pass{}, err
	}
	p, g, err := a.store.Force(ctx, ref)
	return wire.Pass{Pass: p, Gate: g}, err
}

func (a *api) leave(ctx context.Context, who access.Identity, in outcomeIn) (wire.Gate, error) {
	ref := lull.PassRef{Gate: in.Gate, ID: in.ID}
	if err := a.ownPass(ctx, who, ref); err != nil && !isGone(err) {
		return wire.Gate{}, err
	}
	g, err := a.store.Leave(ctx, ref, outcome(who, in.Body))
	if err == nil {
		a.owners.forget(ref)
	}
	return wire.Gate{Gate: g}, err
}

// renew answers for each lease, of gates that the caller may pass, and of holds if he may
// close.
func (a *api) renew(ctx context.Context, who access.Identity, in renewIn) (wire.Renewed, error) {
	refs := make([]lull.LeaseRef, 0, len(in.Body.Leases))
	for _, l := range in.Body.Leases {
		right := access.Pass
		if l.Hold != "" {
			right = access.Close
		}
		if err := checkGate(l.Gate); err != nil {
			return wire.Renewed{}, err
		}
		if err := who.Check(right, l.Gate); err != nil {
			return wire.Renewed{}, err
		}
		refs = append(refs, lull.LeaseRef{Gate: l.Gate, Pass: l.Pass, Hold: l.Hold})
	}
	if len(refs) == 0 {
		return wire.Renewed{}, nil
	}
	states, err := a.renewals.get(ctx, refs...)
	if err != nil {
		return wire.Renewed{}, err
	}
	out := wire.Renewed{States: make([]wire.LeaseState, len(states))}
	for i, s := range states {
		out.States[i] = wire.LeaseState(s)
	}
	return out, nil
}

// ownPass refuses to end or force somebody else's pass.
func (a *api) ownPass(ctx context.Context, who access.Identity, ref lull.PassRef) error {
	if who.Check(access.OpenOthers, ref.Gate) == nil {
		return nil
	}
	user, known := a.owners.of(ref)
	if !known {
		p, _, err := a.polls.poll(ctx, ref)
		if err != nil {
			return err
		}
		user = p.Holder.User
	}
	if !who.Owns(user) {
		return &access.Denied{Who: who, Verb: access.Pass, Gate: ref.Gate, Why: "the pass is " + user + "'s"}
	}
	return nil
}

func outcome(who access.Identity, out wire.Outcome) lull.Outcome {
	o := lull.Outcome(out)
	o.By.User = who.Sign(o.By.User)
	return o
}

// checkID refuses IDs that no pass or hold has.
func checkID(id string) error {
	if err := lull.CheckID(id); err != nil {
		return badRequest("%w", err)
	}
	return nil
}

// waiting is how long a call may wait, by its query.
func waiting(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, badRequest("wait is not a duration such as 25s")
	}
	return min(d, waitMost), nil
}
