package lull

import (
	"context"
	"errors"
	"time"
)

// Traffic is what a gate's history says about its use. Its jobs are those that came to
// the gate by themselves, whether or not they passed it: those that a deployment started
// show nothing about where jobs are.
type Traffic struct {
	Lately      int   // the jobs that ended lately, [MostLately] at most
	LastJob     Event // the end of the last one, however long ago; zero if there was none
	LastClosing Event // likewise
}

// MostLately is as far as jobs are counted: what matters is whether there are any.
const MostLately = 10_000

// Summarizer is what a store may be besides, when it can sum up its history faster
// than tell it. Its answers are those that the [Client] works out of Events, which it
// does where the error is [errors.ErrUnsupported].
type Summarizer interface {
	// Usual is [Client.Usual].
	Usual(ctx context.Context, gate string) (map[string]time.Duration, error)

	// Traffic is [Client.Traffic].
	Traffic(ctx context.Context, gate string, lately time.Duration) (Traffic, error)
}

// Traffic says how a gate was used. Lately is how far back that goes; zero: as far as
// the history does.
func (c *Client) Traffic(ctx context.Context, gate string, lately time.Duration) (Traffic, error) {
	if s, ok := c.store.(Summarizer); ok {
		t, err := s.Traffic(ctx, gate, lately)
		if !errors.Is(err, errors.ErrUnsupported) {
			return t, err
		}
	}
	var t Traffic
	ends := Filter{Gate: gate, Since: lately, Kinds: []EventKind{EventLeft, EventAbandoned, EventTimedOut}}
	err := c.jobs(ctx, ends, func(e Event) { t.Lately, t.LastJob = t.Lately+1, e })
	t.Lately = min(t.Lately, MostLately)
	if err == nil && t.Lately == 0 && lately > 0 {
		ends.Since = 0
		err = c.jobs(ctx, ends, func(e Event) { t.LastJob = e })
	}
	if err != nil {
		return Traffic{}, err
	}
	closings, err := collect(c.store, ctx, Filter{Gate: gate, Kinds: []EventKind{EventClosed}, Limit: 1})
	if len(closings) > 0 {
		t.LastClosing = closings[0]
	}
	return t, err
}

// jobs yields the ends of jobs that were part of no deployment. What is about a hold
// is a deployment that was abandoned in the queue.
func (c *Client) jobs(ctx context.Context, f Filter, yield func(Event)) error {
	for e, err := range c.store.Events(ctx, f) {
		if err != nil {
			return err
		}
		if e.PartOf == "" && e.Hold == "" {
			yield(e)
		}
	}
	return nil
}
