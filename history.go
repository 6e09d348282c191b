package lull

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// lookBack is how much earlier than the events asked for a deployment's command
// may have begun that still matters to them.
const lookBack = 7 * 24 * time.Hour

// History returns the chosen events, the oldest first, with Casualty computed.
func (c *Client) History(ctx context.Context, f Filter) ([]Event, error) {
	events, err := collect(c.store, ctx, f)
	if err != nil {
		return nil, err
	}
	around := Filter{Gate: f.Gate, Kinds: []EventKind{EventClosed, EventBegun, EventEnded, EventCrashed}}
	if f.Since > 0 {
		around.Since = f.Since + lookBack
	}
	related, err := collect(c.store, ctx, around)
	if err != nil {
		return nil, err
	}
	jobs := slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return !endsJob(e) })
	marked := MarkCasualties(slices.Concat(related, jobs))[len(related):]
	for i, e := range events {
		if endsJob(e) {
			events[i], marked = marked[0], marked[1:]
		}
	}
	return events, nil
}

func endsJob(e Event) bool { return e.Kind == EventLeft || e.Kind == EventAbandoned }

func collect(s Store, ctx context.Context, f Filter) ([]Event, error) {
	var events []Event
	for e, err := range s.Events(ctx, f) {
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// wasCasualty looks up whether a job that has just left was one.
func (c *Client) wasCasualty(ctx context.Context, p Pass, ran time.Duration) (bool, error) {
	events, err := c.History(ctx, Filter{
		Gate: p.Gate, Name: p.Name, Kinds: []EventKind{EventLeft, EventAbandoned}, Since: ran + time.Minute,
	})
	if err != nil {
		return false, fmt.Errorf("look up whether a deployment ran beside the job: %w", err)
	}
	return slices.ContainsFunc(events, func(e Event) bool {
		return e.Casualty && (e.ID == p.ID || p.Resumes != "" && (e.ID == p.Resumes || e.Resumes == p.Resumes))
	}), nil
}

// usualOf is how many of a job's last runs its usual duration is taken from, and
// usualSince how old they may be.
const (
	usualOf    = 50
	usualSince = 30 * 24 * time.Hour
)

// Usual returns, by name, how long the jobs usually run: the median of their last
// successful runs.
func (c *Client) Usual(ctx context.Context, gate string) (map[string]time.Duration, error) {
	if s, ok := c.store.(Summarizer); ok {
		usual, err := s.Usual(ctx, gate)
		if !errors.Is(err, errors.ErrUnsupported) {
			return usual, err
		}
	}
	runs := map[string][]time.Duration{}
	for e, err := range c.store.Events(ctx, Filter{Gate: gate, Kinds: []EventKind{EventLeft}, Since: usualSince}) {
		if err != nil {
			return nil, err
		}
		if e.Name != "" && e.ExitCode != nil && *e.ExitCode == 0 {
			runs[e.Name] = append(runs[e.Name], e.Ran)
		}
	}
	usual := make(map[string]time.Duration, len(runs))
	for name, all := range runs {
		last := all[max(0, len(all)-usualOf):]
		slices.Sort(last)
		usual[name] = last[len(last)/2]
	}
	return usual, nil
}
