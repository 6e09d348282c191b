package memstore

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/lull-dev/lull"
)

// Store keeps gates, passes, holds and events in memory. It is safe for concurrent
// use. Make one with [New].
type Store struct {
	mu        sync.Mutex
	rooms     map[string]*room
	events    []lull.Event
	listeners []listener
}

var (
	_ lull.Store    = (*Store)(nil)
	_ lull.Notifier = (*Store)(nil)
	_ lull.Pollster = (*Store)(nil)
)

// New returns an empty store.
func New() *Store { return &Store{rooms: map[string]*room{}} }

// About describes the store. The first pause is about what a person does not
// notice; a second is what a test in real time can bear.
func (s *Store) About() lull.About {
	return lull.About{URL: "memory:", PollFirst: 50 * time.Millisecond, PollMost: time.Second}
}

// Shutdown does nothing: the store keeps nothing but memory, and others may share
// it.
func (s *Store) Shutdown(context.Context) error { return nil }

// step is one verb at one gate: it changes the room, and tells what happened.
type step func(r *room, now lull.Moment) ([]lull.Event, error)

// at does one verb, as one step with the end of whatever is over before it, and
// returns the gate as it is then.
func (s *Store) at(ctx context.Context, gate string, do step) (lull.Gate, error) {
	if err := ctx.Err(); err != nil {
		return lull.Gate{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.locked(gate, do)
}

// locked is at for those who have the mutex.
func (s *Store) locked(gate string, do step) (lull.Gate, error) {
	r, known := s.rooms[gate]
	if !known {
		r = &room{Gate: lull.Gate{Name: gate}}
	}
	now := lull.Moment{Wall: time.Now()}
	events := r.sweep(now)
	more, err := do(r, now)
	s.keep(append(events, more...), now)
	if !known && (len(r.Holds) > 0 || len(r.passes) > 0) {
		s.rooms[gate] = r // a question alone makes no gate
	}
	return r.gate(), err
}

// keep stamps events, keeps them, and tells those who listen.
func (s *Store) keep(events []lull.Event, now lull.Moment) {
	for _, e := range events {
		e.At, e.Casualty = now, false
		s.events = append(s.events, e)
		s.tell(e.Gate)
	}
}

// Snapshot is one gate as people want to see it.
func (s *Store) Snapshot(ctx context.Context, gate string) (lull.Snapshot, error) {
	var snap lull.Snapshot
	g, err := s.at(ctx, gate, func(r *room, now lull.Moment) ([]lull.Event, error) {
		h, _ := r.Deployment()
		snap.Now, snap.Drained = now, !r.Phase.Open() && h.Drained(r.passes, r.Phase)
		for _, p := range r.passes {
			if p.Inside(r.Phase) {
				snap.Inside = append(snap.Inside, p)
			} else {
				snap.Waiting = append(snap.Waiting, p)
			}
		}
		return nil, nil
	})
	snap.Gate = g
	oldestFirst(snap.Inside)
	oldestFirst(snap.Waiting)
	return snap, err
}

func oldestFirst(passes []lull.Pass) {
	slices.SortStableFunc(passes, func(a, b lull.Pass) int { return cmp.Compare(a.Arrived.Sub(b.Arrived), 0) })
}

// Gates lists every gate that was ever used, by name.
func (s *Store) Gates(ctx context.Context) ([]lull.Gate, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var gates []lull.Gate
	for _, name := range slices.Sorted(maps.Keys(s.rooms)) {
		g, _ := s.locked(name, func(*room, lull.Moment) ([]lull.Event, error) { return nil, nil })
		gates = append(gates, g)
	}
	return gates, nil
}

// Events yields the chosen events, the oldest first, as they were when the
// iteration began.
func (s *Store) Events(ctx context.Context, f lull.Filter) iter.Seq2[lull.Event, error] {
	return func(yield func(lull.Event, error) bool) {
		for _, e := range s.chosen(f) {
			if err := ctx.Err(); err != nil {
				yield(lull.Event{}, err)
				return
			}
			if !yield(e, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(lull.Event{}, err)
		}
	}
}

func (s *Store) chosen(f lull.Filter) []lull.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := lull.Moment{Wall: time.Now()}
	var chosen []lull.Event
	for _, e := range s.events {
		if f.Wants(e, now) {
			chosen = append(chosen, e)
		}
	}
	if f.Limit > 0 && len(chosen) > f.Limit {
		chosen = chosen[len(chosen)-f.Limit:]
	}
	return chosen
}

// Record keeps one event that no other verb does.
func (s *Store) Record(ctx context.Context, e lull.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep([]lull.Event{e}, lull.Moment{Wall: time.Now()})
	return nil
}

// listener is one who wants to know of changes at a gate, until its ctx ends.
type listener struct {
	ctx     context.Context
	gate    string
	changed chan struct{} // capacity 1
}

// Changed returns a channel that receives after each change at the gate that left
// an event; changes in quick succession are told once.
func (s *Store) Changed(ctx context.Context, gate string) (<-chan struct{}, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := listener{ctx, gate, make(chan struct{}, 1)}
	s.listeners = append(s.listeners, l)
	return l.changed, nil
}

func (s *Store) tell(gate string) {
	s.listeners = slices.DeleteFunc(s.listeners, func(l listener) bool { return l.ctx.Err() != nil })
	for _, l := range s.listeners {
		if l.gate != gate {
			continue
		}
		select {
		case l.changed <- struct{}{}:
		default:
		}
	}
}
