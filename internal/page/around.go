package page

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lull-dev/lull"
)

// near is how long before and after an event it is looked for what else happened to the
// same job or hold.
const near = 24 * time.Hour

var errNoEvent = errors.New("no such event")

// around is one event by its key, and what else happened to the same job or hold. since is
// how far back it is at most. Stores tell the oldest first, so little more is read than
// what lies near.
func (d *desk) around(ctx context.Context, gate, key string, kind lull.EventKind, since time.Duration) (lull.Event, []lull.Event, error) {
	var e lull.Event
	for other, err := range d.store.Events(ctx, lull.Filter{Gate: gate, Kinds: []lull.EventKind{kind}, Since: since}) {
		if err != nil {
			return lull.Event{}, nil, err
		}
		if eventKey(other) == key {
			e = other
			break
		}
	}
	if e.Kind == "" {
		return lull.Event{}, nil, errNoEvent
	}
	found := []lull.Event{e}
	for other, err := range d.store.Events(ctx, lull.Filter{Gate: gate, Since: since + near}) {
		if err != nil {
			return lull.Event{}, nil, err
		}
		if other.At.Sub(e.At) > near {
			break
		}
		if sameSubject(e, other) && eventKey(other) != key {
			found = append(found, other)
		}
	}
	found, err := d.marked(ctx, gate, found, since+near)
	return found[0], found[1:], err
}

// sameSubject is whether two events are about one job or one hold, under whatever ID.
func sameSubject(a, b lull.Event) bool {
	return a.ID == b.ID || a.Resumes != "" && (a.Resumes == b.ID || a.Resumes == b.Resumes) || b.Resumes != "" && b.Resumes == a.ID
}

// deploymentsBack is how much earlier than a job a deployment's command may have begun that
// still matters to it.
const deploymentsBack = 7 * 24 * time.Hour

// marked are the events with casualties marked.
func (d *desk) marked(ctx context.Context, gate string, events []lull.Event, since time.Duration) ([]lull.Event, error) {
	f := lull.Filter{
		Gate: gate, Since: since + deploymentsBack,
		Kinds: []lull.EventKind{lull.EventClosed, lull.EventBegun, lull.EventEnded, lull.EventCrashed},
	}
	var deployments []lull.Event
	for e, err := range d.store.Events(ctx, f) {
		if err != nil {
			return events, err
		}
		deployments = append(deployments, e)
	}
	for i, e := range events {
		if e.Kind == lull.EventLeft || e.Kind == lull.EventAbandoned {
			marked := lull.MarkCasualties(append(slices.Clip(deployments), e))
			events[i] = marked[len(deployments)]
		}
	}
	return events, nil
}
