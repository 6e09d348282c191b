package cli

import (
	"context"
	"iter"
	"sync"

	"github.com/lull-dev/lull"
)

// lateStore is a store that could not be opened when it was needed, and that each
// call tries to open again: so a store that is down when the process starts is, to
// the client, one that is down later.
type lateStore struct {
	open func() (lull.Store, error)
	url  string // for people, until the store tells its own

	mu    sync.Mutex
	store lull.Store // nil until it could be opened
}

var (
	_ lull.Store    = (*lateStore)(nil)
	_ lull.Notifier = (*lateStore)(nil)
	_ lull.Watcher  = (*lateStore)(nil)
)

// opened is the store, if it can be opened by now.
func (l *lateStore) opened() (lull.Store, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.store == nil {
		store, err := l.open()
		if err != nil {
			return nil, err
		}
		l.store = store
	}
	return l.store, nil
}

// ask opens the store if need be, and asks it.
func ask[T any](l *lateStore, question func(lull.Store) (T, error)) (T, error) {
	store, err := l.opened()
	if err != nil {
		var none T
		return none, err
	}
	return question(store)
}

// passAndGate is what questions about a pass are answered with.
type passAndGate struct {
	pass lull.Pass
	gate lull.Gate
}

func (l *lateStore) askPass(question func(lull.Store) (lull.Pass, lull.Gate, error)) (lull.Pass, lull.Gate, error) {
	both, err := ask(l, func(s lull.Store) (b passAndGate, err error) {
		b.pass, b.gate, err = question(s)
		return b, err
	})
	return both.pass, both.gate, err
}

func (l *lateStore) tell(order func(lull.Store) error) error {
	_, err := ask(l, func(s lull.Store) (struct{}, error) { return struct{}{}, order(s) })
	return err
}

func (l *lateStore) Enter(ctx context.Context, p lull.Pass) (lull.Pass, lull.Gate, error) {
	return l.askPass(func(s lull.Store) (lull.Pass, lull.Gate, error) { return s.Enter(ctx, p) })
}

func (l *lateStore) Poll(ctx context.Context, ref lull.PassRef) (lull.Pass, lull.Gate, error) {
	return l.askPass(func(s lull.Store) (lull.Pass, lull.Gate, error) { return s.Poll(ctx, ref) })
}

func (l *lateStore) Force(ctx context.Context, ref lull.PassRef) (lull.Pass, lull.Gate, error) {
	return l.askPass(func(s lull.Store) (lull.Pass, lull.Gate, error) { return s.Force(ctx, ref) })
}

func (l *lateStore) Leave(ctx context.Context, ref lull.PassRef, out lull.Outcome) (lull.Gate, error) {
	return ask(l, func(s lull.Store) (lull.Gate, error) { return s.Leave(ctx, ref, out) })
}

func (l *lateStore) Close(ctx context.Context, h lull.Hold) (got lull.Hold, gate lull.Gate, err error) {
	err = l.tell(func(s lull.Store) (err error) {
		got, gate, err = s.Close(ctx, h)
		return err
	})
	return got, gate, err
}

func (l *lateStore) Drain(ctx context.Context, ref lull.HoldRef) (lull.Drain, error) {
	return ask(l, func(s lull.Store) (lull.Drain, error) { return s.Drain(ctx, ref) })
}

func (l *lateStore) Begin(ctx context.Context, ref lull.HoldRef, how lull.Start) error {
	return l.tell(func(s lull.Store) error { return s.Begin(ctx, ref, how) })
}

func (l *lateStore) Stop(ctx context.Context, ref lull.HoldRef) error {
	return l.tell(func(s lull.Store) error { return s.Stop(ctx, ref) })
}

func (l *lateStore) Extend(ctx context.Context, ref lull.HoldRef, x lull.Extension) (lull.Hold, error) {
	return ask(l, func(s lull.Store) (lull.Hold, error) { return s.Extend(ctx, ref, x) })
}

func (l *lateStore) Open(ctx context.Context, ref lull.HoldRef, out lull.Outcome) (lull.Opening, error) {
	return ask(l, func(s lull.Store) (lull.Opening, error) { return s.Open(ctx, ref, out) })
}

func (l *lateStore) Renew(ctx context.Context, refs []lull.LeaseRef) ([]lull.LeaseState, error) {
	return ask(l, func(s lull.Store) ([]lull.LeaseState, error) { return s.Renew(ctx, refs) })
}

func (l *lateStore) Snapshot(ctx context.Context, gate string) (lull.Snapshot, error) {
	return ask(l, func(s lull.Store) (lull.Snapshot, error) { return s.Snapshot(ctx, gate) })
}

func (l *lateStore) Gates(ctx context.Context) ([]lull.Gate, error) {
	return ask(l, func(s lull.Store) ([]lull.Gate, error) { return s.Gates(ctx) })
}

func (l *lateStore) Events(ctx context.Context, f lull.Filter) iter.Seq2[lull.Event, error] {
	store, err := l.opened()
	if err != nil {
		return func(yield func(lull.Event, error) bool) { yield(lull.Event{}, err) }
	}
	return store.Events(ctx, f)
}

func (l *lateStore) Record(ctx context.Context, e lull.Event) error {
	return l.tell(func(s lull.Store) error { return s.Record(ctx, e) })
}

// About does not open the store: it does no work.
func (l *lateStore) About() lull.About {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.store == nil {
		return lull.About{URL: l.url}
	}
	return l.store.About()
}

func (l *lateStore) Shutdown(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.store == nil {
		return nil
	}
	return l.store.Shutdown(ctx)
}

// Changed hints at nothing while the store is not open, or gives no hints.
func (l *lateStore) Changed(ctx context.Context, gate string) (<-chan struct{}, error) {
	return ask(l, func(s lull.Store) (<-chan struct{}, error) {
		if n, ok := s.(lull.Notifier); ok {
			return n.Changed(ctx, gate)
		}
		return nil, nil
	})
}

func (l *lateStore) Watch(ctx context.Context, ref lull.LeaseRef, p lull.Process) error {
	return l.tell(func(s lull.Store) error {
		if w, ok := s.(lull.Watcher); ok {
			return w.Watch(ctx, ref, p)
		}
		return nil
	})
}
