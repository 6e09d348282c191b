package server

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/access"
	"github.com/lull-dev/lull/internal/wire"
)

type closeIn struct {
	AtGate
	Body wire.Closing
}

type startIn struct {
	AtID
	Body wire.Start
}

type extendIn struct {
	AtID
	Body wire.Extension
}

// done answers what has nothing to say.
type done struct {
	Done bool `json:"done"`
}

func (a *api) registerHolds() {
	register(a, verb{
		id: "close", method: http.MethodPost, path: wire.PathHolds, right: access.Close,
		says: "Add a hold, and close the gate when it is the first. With the same ID again, it is the same hold.",
	}, a.close)
	register(a, verb{
		id: "drain", method: http.MethodGet, path: wire.PathDrain, right: access.See,
		says: "Say whether everyone inside has left, save those that are part of the hold.",
	}, a.drain)
	register(a, verb{
		id: "begin", method: http.MethodPost, path: wire.PathBegin, right: access.Close,
		says: "Note that the deployment's command starts now. Jobs still inside are a problem, unless it says otherwise.",
	}, a.begin)
	register(a, verb{
		id: "stop", method: http.MethodPost, path: wire.PathStop, right: access.Close,
		says: "Ask everyone inside to stop, save those that are part of the hold. They learn it when they renew.",
	}, a.stop)
	register(a, verb{
		id: "extend", method: http.MethodPost, path: wire.PathExtend, right: access.Close,
		says: "Give a hold a new limit, counted from now.",
	}, a.extend)
	register(a, verb{
		id: "open", method: http.MethodPost, path: wire.PathOpen, right: access.Close,
		says: "End a hold. One that is gone already is no error, and told.",
	}, a.open)
}

func (a *api) close(ctx context.Context, who access.Identity, in closeIn) (wire.Hold, error) {
	h := in.Body.Hold
	if err := checkID(h.ID); err != nil {
		return wire.Hold{}, err
	}
	if h.Kind != lull.Deployment && h.Kind != lull.Person {
		return wire.Hold{}, badRequest(`the hold's kind must be "deployment" or "person"`)
	}
	if err := who.CheckLimit(effective(h)); err != nil {
		return wire.Hold{}, err
	}
	if err := who.CheckLimit(max(h.CrashHold, 1)); err != nil {
		return wire.Hold{}, err
	}
	h.Gate, h.Parent, h.PartOf = in.Gate, in.Body.Parent, in.Body.PartOf
	h.Holder.User = who.Sign(h.Holder.User)
	got, g, err := a.store.Close(ctx, h)
	return wire.Hold{Hold: got, Gate: g}, err
}

// effective is the limit that a hold will have.
func effective(h lull.Hold) time.Duration {
	switch {
	case h.Limit != 0:
		return h.Limit
	case h.Kind == lull.Deployment:
		return lull.DefaultDeploymentLimit
	}
	return lull.DefaultPersonLimit
}

func (a *api) drain(ctx context.Context, _ access.Identity, in AtID) (wire.Drain, error) {
	d, err := a.store.Drain(ctx, in.hold())
	return wire.Drain(d), err
}

func (a *api) begin(ctx context.Context, who access.Identity, in startIn) (done, error) {
	if err := a.ownHold(ctx, who, in.hold()); err != nil {
		return done{}, err
	}
	return done{true}, a.store.Begin(ctx, in.hold(), lull.Start(in.Body))
}

func (a *api) stop(ctx context.Context, who access.Identity, in AtID) (done, error) {
	if err := a.ownHold(ctx, who, in.hold()); err != nil {
		return done{}, err
	}
	return done{true}, a.store.Stop(ctx, in.hold())
}

func (a *api) extend(ctx context.Context, who access.Identity, in extendIn) (wire.Hold, error) {
	x := lull.Extension(in.Body)
	if err := a.mayForce(who, in.Gate, x.Force); err != nil {
		return wire.Hold{}, err
	}
	if err := who.CheckLimit(x.Limit); err != nil {
		return wire.Hold{}, err
	}
	x.By.User = who.Sign(x.By.User)
	h, err := a.store.Extend(ctx, in.hold(), x)
	return wire.Hold{Hold: h}, err
}

func (a *api) open(ctx context.Context, who access.Identity, in outcomeIn) (wire.Opening, error) {
	if err := a.mayForce(who, in.Gate, in.Body.Force); err != nil {
		return wire.Opening{}, err
	}
	o, err := a.store.Open(ctx, in.hold(), outcome(who, in.Body))
	return wire.Opening(o), err
}

// mayForce refuses force to those who may end only what is their own.
func (a *api) mayForce(who access.Identity, gate string, force bool) error {
	if !force {
		return nil
	}
	return who.Check(access.OpenOthers, gate)
}

// ownHold refuses to begin or stop for somebody else's deployment. Whose it is the store
// asks by itself where a hold is ended or extended.
func (a *api) ownHold(ctx context.Context, who access.Identity, ref lull.HoldRef) error {
	if who.Check(access.OpenOthers, ref.Gate) == nil {
		return nil
	}
	d, err := a.store.Drain(ctx, ref)
	if err != nil {
		return err
	}
	holds := slices.Concat(d.Gate.Holds, d.Gate.Queue)
	i := slices.IndexFunc(holds, func(h lull.Hold) bool { return h.ID == ref.ID })
	if i >= 0 && !who.Owns(holds[i].Holder.User) {
		return &lull.NotYoursError{Gate: ref.Gate, Hold: holds[i]}
	}
	return nil
}

func (in AtID) hold() lull.HoldRef { return lull.HoldRef{Gate: in.Gate, ID: in.ID} }
