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

type nothing struct{}

func (nothing) gate() string { return "" }

type changedIn struct {
	AtGate
	Seen string `query:"seen" doc:"what the last answer said; without it the answer comes at once"`
	Wait string `query:"wait" doc:"how long to wait at most, such as 25s"`
}

type trafficIn struct {
	AtGate
	Lately int64 `query:"lately" doc:"nanoseconds back; 0: as far as the history goes"`
}

type recordIn struct{ Body lull.Event }

func (in recordIn) gate() string { return in.Body.Gate }

func (a *api) registerLooks() {
	register(a, verb{
		id: "about", method: http.MethodGet, path: wire.PathAbout, right: access.See,
		says: "Describe the server and its store.",
	}, a.about)
	register(a, verb{
		id: "gates", method: http.MethodGet, path: wire.PathGates, right: access.See,
		says: "List every gate that was ever used, by name.",
	}, a.gates)
	register(a, verb{
		id: "snapshot", method: http.MethodGet, path: wire.PathGate, right: access.See,
		says: "Show one gate: its holds, its queue, who is inside and who waits.",
	}, a.snapshot)
	register(a, verb{
		id: "changed", method: http.MethodGet, path: wire.PathChanged, right: access.See,
		says: "Wait until something has changed at a gate: a hint, which may come late, twice or never.",
	}, a.changed)
	register(a, verb{
		id: "usual", method: http.MethodGet, path: wire.PathUsual, right: access.See,
		says: "Say how long the jobs usually run, by name: the median of their last successful runs.",
	}, a.usual)
	register(a, verb{
		id: "traffic", method: http.MethodGet, path: wire.PathTraffic, right: access.See,
		says: "Say how the gate was used.",
	}, a.traffic)
	register(a, verb{
		id: "record", method: http.MethodPost, path: wire.PathEvents, right: access.Pass,
		says: "Keep one event that no other call does: that a casualty was run again.",
	}, a.record)
	a.registerStreams()
}

func (a *api) about(context.Context, access.Identity, nothing) (wire.About, error) {
	about := a.store.About()
	return wire.About{Store: about.URL, Shared: about.Shared, Version: a.version}, nil
}

// gates leaves out those that are not the caller's to see.
func (a *api) gates(ctx context.Context, who access.Identity, _ nothing) (wire.Gates, error) {
	gates, err := a.store.Gates(ctx)
	gates = slices.DeleteFunc(gates, func(g lull.Gate) bool { return who.Check(access.See, g.Name) != nil })
	return wire.Gates{Gates: gates}, err
}

func (a *api) snapshot(ctx context.Context, _ access.Identity, in AtGate) (wire.Snapshot, error) {
	snap, err := a.store.Snapshot(ctx, in.Gate)
	return wire.Snapshot(snap), err
}

func (a *api) changed(ctx context.Context, _ access.Identity, in changedIn) (wire.Changed, error) {
	wait, err := waiting(in.Wait)
	if err != nil {
		return wire.Changed{}, err
	}
	done, err := a.waiters.take()
	if err != nil {
		return wire.Changed{}, err
	}
	defer done()
	w, release := a.hub.watch(in.Gate)
	defer release()
	ctx, cancel := a.waitFor(ctx, wait)
	defer cancel()
	return wire.Changed{Seen: w.wait(ctx, in.Seen)}, nil
}

func (a *api) usual(ctx context.Context, _ access.Identity, in AtGate) (wire.Usual, error) {
	usual, err := a.client(in.Gate).Usual(ctx, in.Gate)
	return wire.Usual{Usual: usual}, err
}

func (a *api) traffic(ctx context.Context, _ access.Identity, in trafficIn) (wire.Traffic, error) {
	t, err := a.client(in.Gate).Traffic(ctx, in.Gate, time.Duration(max(in.Lately, 0)))
	return wire.Traffic(t), err
}

// record takes nothing but what a caller may say: all other events are made by the store.
func (a *api) record(ctx context.Context, who access.Identity, in recordIn) (done, error) {
	e := in.Body
	if e.Kind != lull.EventRerun {
		return done{}, badRequest(`the only event that is kept by itself is "rerun"`)
	}
	if e.Gate == "" {
		return done{}, badRequest("the event names no gate")
	}
	e.Holder.User = who.Sign(e.Holder.User)
	return done{true}, a.store.Record(ctx, e)
}
