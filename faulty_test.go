package lull_test

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/memstore"
)

// fault is what happens to a verb instead of it, or around it.
type fault func(ctx context.Context, do func() error) error

// faulty is a store that can be broken, verb by verb.
type faulty struct {
	*memstore.Store
	mu     sync.Mutex
	breaks map[string]fault
	calls  map[string]int
}

var everyVerb = []string{"Enter", "Poll", "Force", "Leave", "Close", "Drain", "Begin", "Stop", "Open", "Renew", "Events"}

// broken lets a fault happen to verbs, to all if none is named; nil mends them.
func (f *faulty) broken(by fault, verbs ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(verbs) == 0 {
		verbs = everyVerb
	}
	for _, v := range verbs {
		f.breaks[v] = by
	}
}

// called is how often a verb was.
func (f *faulty) called(verb string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[verb]
}

func (f *faulty) call(ctx context.Context, verb string, do func() error) error {
	f.mu.Lock()
	f.calls[verb]++
	by := f.breaks[verb]
	f.mu.Unlock()
	if by == nil {
		return do()
	}
	return by(ctx, do)
}

// down is a store that cannot be reached.
func down(context.Context, func() error) error {
	return fmt.Errorf("%w: connection refused", lull.ErrUnavailable)
}

// hangs is a store that does not answer.
func hangs(ctx context.Context, _ func() error) error {
	<-ctx.Done()
	return ctx.Err()
}

// slow is a store whose answers take so long to arrive.
func slow(d time.Duration) fault {
	return func(ctx context.Context, do func() error) error {
		err := do()
		select {
		case <-time.After(d):
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// losesAnswer does what it is asked, and its first answer is lost.
func losesAnswer() fault {
	lost := false
	return func(ctx context.Context, do func() error) error {
		err := do()
		if !lost {
			lost = true
			return down(ctx, nil)
		}
		return err
	}
}

// gone is a store that knows nobody.
func gone(context.Context, func() error) error { return lull.ErrGone }

func (f *faulty) Enter(ctx context.Context, p lull.Pass) (pass lull.Pass, g lull.Gate, err error) {
	err = f.call(ctx, "Enter", func() error { pass, g, err = f.Store.Enter(ctx, p); return err })
	return pass, g, err
}

func (f *faulty) Poll(ctx context.Context, ref lull.PassRef) (pass lull.Pass, g lull.Gate, err error) {
	err = f.call(ctx, "Poll", func() error { pass, g, err = f.Store.Poll(ctx, ref); return err })
	return pass, g, err
}

func (f *faulty) Force(ctx context.Context, ref lull.PassRef) (pass lull.Pass, g lull.Gate, err error) {
	err = f.call(ctx, "Force", func() error { pass, g, err = f.Store.Force(ctx, ref); return err })
	return pass, g, err
}

func (f *faulty) Leave(ctx context.Context, ref lull.PassRef, out lull.Outcome) (g lull.Gate, err error) {
	err = f.call(ctx, "Leave", func() error { g, err = f.Store.Leave(ctx, ref, out); return err })
	return g, err
}

func (f *faulty) Close(ctx context.Context, h lull.Hold) (hold lull.Hold, g lull.Gate, err error) {
	err = f.call(ctx, "Close", func() error { hold, g, err = f.Store.Close(ctx, h); return err })
	return hold, g, err
}

func (f *faulty) Drain(ctx context.Context, ref lull.HoldRef) (d lull.Drain, err error) {
	err = f.call(ctx, "Drain", func() error { d, err = f.Store.Drain(ctx, ref); return err })
	return d, err
}

func (f *faulty) Begin(ctx context.Context, ref lull.HoldRef, how lull.Start) error {
	return f.call(ctx, "Begin", func() error { return f.Store.Begin(ctx, ref, how) })
}

func (f *faulty) Stop(ctx context.Context, ref lull.HoldRef) error {
	return f.call(ctx, "Stop", func() error { return f.Store.Stop(ctx, ref) })
}

func (f *faulty) Open(ctx context.Context, ref lull.HoldRef, out lull.Outcome) (o lull.Opening, err error) {
	err = f.call(ctx, "Open", func() error { o, err = f.Store.Open(ctx, ref, out); return err })
	return o, err
}

func (f *faulty) Renew(ctx context.Context, refs []lull.LeaseRef) (states []lull.LeaseState, err error) {
	err = f.call(ctx, "Renew", func() error { states, err = f.Store.Renew(ctx, refs); return err })
	return states, err
}

func (f *faulty) Events(ctx context.Context, filter lull.Filter) iter.Seq2[lull.Event, error] {
	if err := f.call(ctx, "Events", func() error { return nil }); err != nil {
		return func(yield func(lull.Event, error) bool) { yield(lull.Event{}, err) }
	}
	return f.Store.Events(ctx, filter)
}
