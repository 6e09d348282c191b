package tail

import (
	"context"
	"sync"
	"time"

	"github.com/lull-dev/lull"
)

// hints are the gates that a store says have changed. Its goroutines end with the ctx
// that they were given; wait for them with [hints.ended].
type hints struct {
	store lull.Notifier // nil: there will be none
	any   chan struct{} // capacity 1

	mu      sync.Mutex
	heard   map[string]bool // the gates that are listened to
	changed map[string]bool

	running sync.WaitGroup
}

func newHints(s lull.Store) *hints {
	n, _ := s.(lull.Notifier)
	return &hints{store: n, any: make(chan struct{}, 1), heard: map[string]bool{}, changed: map[string]bool{}}
}

// listen makes sure that a gate is listened to, where that can be, and says so.
func (h *hints) listen(ctx context.Context, gate string) bool {
	if h.store == nil || h.hears(gate) {
		return h.store != nil
	}
	told, err := h.store.Changed(ctx, gate)
	if err != nil || told == nil {
		return false
	}
	h.mu.Lock()
	h.heard[gate] = true
	h.mu.Unlock()
	h.running.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case _, more := <-told:
				h.note(gate, more)
				if !more {
					return // that was the last one: the next round listens again
				}
			}
		}
	})
	return true
}

func (h *hints) hears(gate string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.heard[gate]
}

func (h *hints) note(gate string, more bool) {
	h.mu.Lock()
	h.changed[gate] = true
	if !more {
		delete(h.heard, gate)
	}
	h.mu.Unlock()
	select {
	case h.any <- struct{}{}:
	default:
	}
}

// take says whether a gate has changed since it was asked last.
func (h *hints) take(gate string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.changed[gate]
	delete(h.changed, gate)
	return was
}

// wait returns after most, or after least if there is a hint by then, or with ctx.
func (h *hints) wait(ctx context.Context, least, most time.Duration) {
	pause := time.NewTimer(least)
	defer pause.Stop()
	select {
	case <-ctx.Done():
		return
	case <-pause.C:
	}
	pause.Reset(most - least)
	select {
	case <-ctx.Done():
	case <-pause.C:
	case <-h.any:
	}
}

func (h *hints) ended() { h.running.Wait() }
