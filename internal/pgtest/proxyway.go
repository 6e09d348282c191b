package pgtest

import (
	"context"
	"sync"
	"time"
)

// way is one direction through a proxy, for all its connections.
type way struct {
	mu    sync.Mutex
	delay time.Duration
	// stalled is closed when the way opens; nil while it is open.
	stalled chan struct{}
	// changed is closed, and replaced, when the delay changes.
	changed chan struct{}
}

func newWay() *way { return &way{changed: make(chan struct{})} }

func (w *way) stall() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stalled == nil {
		w.stalled = make(chan struct{})
	}
}

func (w *way) slow(delay time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delay = delay
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *way) restore() {
	w.slow(0)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stalled != nil {
		close(w.stalled)
		w.stalled = nil
	}
}

// pass waits until what was sent at a time arrives, and says whether it does: not if
// the link was broken off before.
func (w *way) pass(broken context.Context, sent time.Time) bool {
	for {
		w.mu.Lock()
		left := time.Until(sent.Add(w.delay))
		stalled, changed := w.stalled, w.changed
		w.mu.Unlock()
		if left <= 0 && stalled == nil {
			return broken.Err() == nil
		}
		var due <-chan time.Time
		if left > 0 {
			due, stalled = time.After(left), nil // stalled is looked at again then
		}
		select {
		case <-due:
		case <-stalled:
		case <-changed:
		case <-broken.Done():
			return false
		}
	}
}
