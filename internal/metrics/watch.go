package metrics

import (
	"context"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/tail"
)

// Watch follows the gates of a store until ctx ends, every few seconds and sooner where
// the store hints at a change. While the store cannot be asked, the gates stay as they
// were last seen, and lull_looked_at_timestamp_seconds tells since when; its errors are
// counted if s is one that [Metrics.Wrap] returned.
func (m *Metrics) Watch(ctx context.Context, s lull.Store) {
	w := &watch{Metrics: m, store: s, closings: map[string]closing{}, draining: map[string]lull.Moment{}}
	tail.Run(ctx, s, tail.Options{}, w.see)
}

// watch is the state of one Watch.
type watch struct {
	*Metrics
	store    lull.Store
	closings map[string]closing     // of the gates that are closed
	draining map[string]lull.Moment // when deployments closed that have not begun
}

// closing is since when a gate is closed in a phase.
type closing struct {
	phase lull.Phase
	since time.Time
}

func (w *watch) see(ctx context.Context, r tail.Round) {
	complete := r.Complete
	w.state.gates.Set(float64(r.Known))
	for _, look := range r.Looks {
		w.past.begin(look.Gate.Name)
		for _, e := range look.Events {
			w.past.count(e)
			w.drains(e)
		}
		for range look.Casualties {
			w.past.casualties.WithLabelValues(look.Gate.Name).Inc()
		}
		snap, err := w.store.Snapshot(ctx, look.Gate.Name)
		if err != nil {
			complete = false
			continue
		}
		w.state.set(snap, w.closedSince(snap.Gate))
	}
	if complete {
		w.state.lookedAt.SetToCurrentTime()
	}
}

// closedSince is when the gate closed. The hold that closed it may be gone while others
// keep it closed, so the earliest that was seen in this phase counts.
func (w *watch) closedSince(g lull.Gate) time.Time {
	if g.Phase.Open() || len(g.Holds) == 0 {
		delete(w.closings, g.Name)
		return time.Time{}
	}
	c := w.closings[g.Name]
	if c.phase != g.Phase {
		c = closing{g.Phase, g.Holds[0].Since}
	}
	for _, h := range g.Holds {
		if h.Since.Before(c.since) {
			c.since = h.Since
		}
	}
	w.closings[g.Name] = c
	return c.since
}

// drains measures how long a deployment waited for the jobs inside. One that goes on
// under a new hold has drained before.
func (w *watch) drains(e lull.Event) {
	switch e.Kind {
	case lull.EventClosed:
		if e.Hold == lull.Deployment && e.Resumes == "" {
			w.draining[e.ID] = e.At
		}
	case lull.EventBegun:
		if from, ok := w.draining[e.ID]; ok {
			w.past.drains.WithLabelValues(e.Gate).Observe(max(0, e.At.Sub(from)).Seconds())
		}
		delete(w.draining, e.ID)
	case lull.EventReleased, lull.EventCrashed, lull.EventOverdue:
		delete(w.draining, e.ID)
	}
}
