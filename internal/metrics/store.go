package metrics

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/lull-dev/lull"
)

// Store is a store whose answers are measured. It is all that a store may be besides: what
// the one below is not, it answers in the way that callers take for "no".
type Store struct {
	lull.Store
	asked asked
}

var (
	_ lull.Store      = (*Store)(nil)
	_ lull.Notifier   = (*Store)(nil)
	_ lull.Summarizer = (*Store)(nil)
	_ lull.Inspector  = (*Store)(nil)
	_ lull.Watcher    = (*Store)(nil)
	_ lull.Pollster   = (*Store)(nil)
)

// Wrap returns a store that asks s, and measures its answers.
func (m *Metrics) Wrap(s lull.Store) *Store { return &Store{Store: s, asked: m.asked} }

// Unwrap is the store below.
func (s *Store) Unwrap() lull.Store { return s.Store }

// timed begins a measurement. The error that its end is given counts as it is then, so
// that it can be deferred.
func (s *Store) timed(verb string) (end func(err *error)) {
	began := time.Now()
	return func(err *error) { s.asked.note(verb, time.Since(began), *err) }
}

// Enter is [lull.Store]'s, as are all up to Record.
func (s *Store) Enter(ctx context.Context, p lull.Pass) (_ lull.Pass, _ lull.Gate, err error) {
	defer s.timed("enter")(&err)
	return s.Store.Enter(ctx, p)
}

func (s *Store) Poll(ctx context.Context, ref lull.PassRef) (_ lull.Pass, _ lull.Gate, err error) {
	defer s.timed("poll")(&err)
	return s.Store.Poll(ctx, ref)
}

func (s *Store) Force(ctx context.Context, ref lull.PassRef) (_ lull.Pass, _ lull.Gate, err error) {
	defer s.timed("force")(&err)
	return s.Store.Force(ctx, ref)
}

func (s *Store) Leave(ctx context.Context, ref lull.PassRef, out lull.Outcome) (_ lull.Gate, err error) {
	defer s.timed("leave")(&err)
	return s.Store.Leave(ctx, ref, out)
}

func (s *Store) Close(ctx context.Context, h lull.Hold) (_ lull.Hold, _ lull.Gate, err error) {
	defer s.timed("close")(&err)
	return s.Store.Close(ctx, h)
}

func (s *Store) Drain(ctx context.Context, ref lull.HoldRef) (_ lull.Drain, err error) {
	defer s.timed("drain")(&err)
	return s.Store.Drain(ctx, ref)
}

func (s *Store) Begin(ctx context.Context, ref lull.HoldRef, how lull.Start) (err error) {
	defer s.timed("begin")(&err)
	return s.Store.Begin(ctx, ref, how)
}

func (s *Store) Stop(ctx context.Context, ref lull.HoldRef) (err error) {
	defer s.timed("stop")(&err)
	return s.Store.Stop(ctx, ref)
}

func (s *Store) Extend(ctx context.Context, ref lull.HoldRef, x lull.Extension) (_ lull.Hold, err error) {
	defer s.timed("extend")(&err)
	return s.Store.Extend(ctx, ref, x)
}

func (s *Store) Open(ctx context.Context, ref lull.HoldRef, out lull.Outcome) (_ lull.Opening, err error) {
	defer s.timed("open")(&err)
	return s.Store.Open(ctx, ref, out)
}

func (s *Store) Renew(ctx context.Context, refs []lull.LeaseRef) (_ []lull.LeaseState, err error) {
	defer s.timed("renew")(&err)
	return s.Store.Renew(ctx, refs)
}

func (s *Store) Snapshot(ctx context.Context, gate string) (_ lull.Snapshot, err error) {
	defer s.timed("snapshot")(&err)
	return s.Store.Snapshot(ctx, gate)
}

func (s *Store) Gates(ctx context.Context) (_ []lull.Gate, err error) {
	defer s.timed("gates")(&err)
	return s.Store.Gates(ctx)
}

func (s *Store) Record(ctx context.Context, e lull.Event) (err error) {
	defer s.timed("record")(&err)
	return s.Store.Record(ctx, e)
}

// Events measures how long the store takes to tell, without what the caller does
// meanwhile.
func (s *Store) Events(ctx context.Context, f lull.Filter) iter.Seq2[lull.Event, error] {
	return func(yield func(lull.Event, error) bool) {
		var failed error
		var away time.Duration
		began := time.Now()
		defer func() { s.asked.note("events", time.Since(began)-away, failed) }()
		for e, err := range s.Store.Events(ctx, f) {
			failed = err
			left := time.Now()
			more := yield(e, err)
			away += time.Since(left)
			if !more {
				return
			}
		}
	}
}

// Changed is [lull.Notifier]'s. There are no hints from a store that gives none.
func (s *Store) Changed(ctx context.Context, gate string) (<-chan struct{}, error) {
	if n, ok := s.Store.(lull.Notifier); ok {
		return n.Changed(ctx, gate)
	}
	return nil, nil
}

// Usual is [lull.Summarizer]'s; the error is [errors.ErrUnsupported] where the store is
// none.
func (s *Store) Usual(ctx context.Context, gate string) (_ map[string]time.Duration, err error) {
	summarizer, ok := s.Store.(lull.Summarizer)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	defer s.timed("usual")(&err)
	return summarizer.Usual(ctx, gate)
}

// Traffic is like Usual.
func (s *Store) Traffic(ctx context.Context, gate string, lately time.Duration) (_ lull.Traffic, err error) {
	summarizer, ok := s.Store.(lull.Summarizer)
	if !ok {
		return lull.Traffic{}, errors.ErrUnsupported
	}
	defer s.timed("traffic")(&err)
	return summarizer.Traffic(ctx, gate, lately)
}

// Inspect is [lull.Inspector]'s. A store that does not look over itself finds nothing.
func (s *Store) Inspect(ctx context.Context) []lull.Finding {
	if i, ok := s.Store.(lull.Inspector); ok {
		return i.Inspect(ctx)
	}
	return nil
}

// Watch is [lull.Watcher]'s. A store that believes in leases alone need not know.
func (s *Store) Watch(ctx context.Context, ref lull.LeaseRef, p lull.Process) error {
	if w, ok := s.Store.(lull.Watcher); ok {
		return w.Watch(ctx, ref, p)
	}
	return nil
}

// PollAll is [lull.Pollster]'s. A store that is none is asked about one after the other.
func (s *Store) PollAll(ctx context.Context, gate string, ids []string) (_ map[string]lull.Pass, _ lull.Gate, err error) {
	if all, ok := s.Store.(lull.Pollster); ok {
		defer s.timed("poll")(&err)
		return all.PollAll(ctx, gate, ids)
	}
	passes, first := make(map[string]lull.Pass, len(ids)), lull.Gate{Name: gate}
	for _, id := range ids {
		p, g, err := s.Poll(ctx, lull.PassRef{Gate: gate, ID: id})
		switch {
		case errors.Is(err, lull.ErrGone):
			continue
		case err != nil:
			return nil, lull.Gate{}, err
		}
		// By a later gate one may be inside that was told before that it is not.
		if len(passes) == 0 {
			first = g
		}
		passes[id] = p
	}
	return passes, first, nil
}
