package pgstore

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/lull-dev/lull"
)

// pageLength is how many events are asked for at once: some hundred kilobytes.
const pageLength = 2000

// wanted is which events a question is about.
type wanted struct {
	Name  string           `json:"name,omitempty"`
	Kinds []lull.EventKind `json:"kinds,omitempty"`
	Since *time.Duration   `json:"since,omitempty"`
	Most  int              `json:"newest,omitempty"`
	Page  int              `json:"page,omitempty"`
	After int64            `json:"after,omitempty"`
	Upto  *int64           `json:"upto,omitempty"`
}

// page is a part of the history. Events are numbered in the order in which they were
// kept.
type page struct {
	Events []lull.Event `json:"events"`
	First  int64        `json:"first"` // number on the page
	Last   int64        `json:"last"`
	Upto   int64        `json:"upto"` // the last of all, as the first page found it
	More   bool         `json:"more"`
}

// Events yields the chosen events, the oldest first, as they were when the iteration
// began. It holds no connection while the caller looks at them.
func (s *Store) Events(ctx context.Context, f lull.Filter) iter.Seq2[lull.Event, error] {
	w := wanted{Name: f.Name, Kinds: f.Kinds, Page: pageLength}
	if f.Since > 0 {
		w.Since = &f.Since
	}
	if f.Limit > 0 {
		return s.newest(ctx, f.Gate, w, f.Limit)
	}
	return func(yield func(lull.Event, error) bool) {
		for {
			a, err := s.page(ctx, f.Gate, w)
			if err != nil {
				yield(lull.Event{}, err)
				return
			}
			for _, e := range a.Events {
				if !yield(e, nil) {
					return
				}
			}
			if !a.More {
				return
			}
			w.After, w.Upto = a.Last, &a.Upto
		}
	}
}

// newest yields the last so many of the chosen events.
func (s *Store) newest(ctx context.Context, gate string, w wanted, limit int) iter.Seq2[lull.Event, error] {
	return func(yield func(lull.Event, error) bool) {
		var pages [][]lull.Event
		for left := limit; left > 0; {
			w.Most = min(left, pageLength)
			a, err := s.page(ctx, gate, w)
			if err != nil {
				yield(lull.Event{}, err)
				return
			}
			pages = append(pages, a.Events)
			if left -= len(a.Events); len(a.Events) < w.Most {
				break
			}
			before := a.First - 1
			w.Upto = &before
		}
		for _, events := range slices.Backward(pages) {
			for _, e := range events {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

func (s *Store) page(ctx context.Context, gate string, w wanted) (answer, error) {
	return s.ask(ctx, "read the history", "events", question{Gate: gate, wanted: &w})
}

// Usual is how long the jobs of a gate usually run, by name: see [lull.Client.Usual].
func (s *Store) Usual(ctx context.Context, gate string) (map[string]time.Duration, error) {
	a, err := s.ask(ctx, fmt.Sprintf("look how long jobs run at gate %q", gate), "usual", question{Gate: gate})
	if err != nil {
		return nil, err
	}
	return a.Usual, nil
}

// Traffic is how a gate was used: see [lull.Client.Traffic].
func (s *Store) Traffic(ctx context.Context, gate string, lately time.Duration) (lull.Traffic, error) {
	var w wanted
	if lately > 0 {
		w.Since = &lately
	}
	a, err := s.ask(ctx, fmt.Sprintf("look how gate %q was used", gate), "traffic", question{Gate: gate, wanted: &w})
	if err != nil {
		return lull.Traffic{}, err
	}
	return lull.Traffic{Lately: a.Lately, LastJob: a.LastJob, LastClosing: a.LastClosing}, nil
}

// Record keeps one event that no other verb does.
func (s *Store) Record(ctx context.Context, e lull.Event) error {
	return s.order(ctx, fmt.Sprintf("record that %s %s", e.ID, e.Kind), "record", question{Gate: e.Gate, Event: &e})
}

// Snapshot is one gate as people want to see it.
func (s *Store) Snapshot(ctx context.Context, gate string) (lull.Snapshot, error) {
	a, err := s.ask(ctx, fmt.Sprintf("look at gate %q", gate), "snapshot", question{Gate: gate})
	return lull.Snapshot{Gate: a.Gate, Now: a.Now, Drained: a.Drained, Inside: a.Inside, Waiting: a.Waiting}, err
}

// Gates lists every gate that was ever used, by name.
func (s *Store) Gates(ctx context.Context) ([]lull.Gate, error) {
	a, err := s.ask(ctx, "list the gates", "gates", question{})
	if err != nil {
		return nil, err
	}
	gates := make([]lull.Gate, len(a.Gates))
	for i, g := range a.Gates {
		gates[i] = g.Gate
		if !g.Stale {
			continue
		}
		snap, err := s.Snapshot(ctx, g.Name) // which ends what is over
		if err != nil {
			return nil, err
		}
		gates[i] = snap.Gate
	}
	return gates, nil
}
