package server

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/lull-dev/lull"
)

const (
	// lookEvery is how often the gates that somebody is interested in are looked at,
	// without a hint of the store: whoever waits learns of an opening so late at most.
	lookEvery = time.Second

	// lookPause keeps hints in quick succession from being a look each.
	lookPause = 50 * time.Millisecond

	// keepFor is how long a gate is looked at after the last who was interested.
	keepFor = time.Minute
)

// hub looks at the gates for all who are interested in them, in one question. Its
// goroutine lives while there are any.
type hub struct {
	store lull.Store
	log   *slog.Logger
	born  string // tells its counts from those of another server

	ctx  context.Context // ends with the server
	hint chan struct{}   // capacity 1

	mu      sync.Mutex
	watched map[string]*watched
	looking bool
	failed  bool
}

// watched is a gate that somebody is interested in.
type watched struct {
	hub  *hub
	name string
	stop context.CancelFunc // the subscription's

	// Guarded by the hub's mutex.
	interested int
	idle       time.Time // since when nobody is
	gate       lull.Gate
	looked     bool   // at the gate
	count      uint64 // of changes
	changed    chan struct{}
}

func newHub(ctx context.Context, s lull.Store, log *slog.Logger) *hub {
	return &hub{store: s, log: log, born: lull.NewID(), ctx: ctx, hint: make(chan struct{}, 1), watched: map[string]*watched{}}
}

// watch is for one who is interested in a gate, until he calls release.
func (h *hub) watch(gate string) (w *watched, release func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w = h.watched[gate]
	if w == nil {
		ctx, stop := context.WithCancel(h.ctx)
		w = &watched{hub: h, name: gate, stop: stop, gate: lull.Gate{Name: gate}, changed: make(chan struct{})}
		h.watched[gate] = w
		go h.listen(ctx, w)
	}
	w.interested++
	if !h.looking {
		h.looking = true
		go h.run()
	}
	return w, sync.OnceFunc(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if w.interested--; w.interested == 0 {
			w.idle = time.Now()
		}
	})
}

// listen takes the store's hints about a gate. Without them the gate is looked at as well.
func (h *hub) listen(ctx context.Context, w *watched) {
	n, ok := h.store.(lull.Notifier)
	if !ok {
		return
	}
	hints, err := n.Changed(ctx, w.name)
	if err != nil {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-hints:
			if !ok {
				return
			}
			h.mu.Lock()
			h.note(w)
			h.mu.Unlock()
			select {
			case h.hint <- struct{}{}:
			default:
			}
			select {
			case <-time.After(lookPause):
			case <-ctx.Done():
			}
		}
	}
}

// note wakes whoever waits for a change at a gate.
func (h *hub) note(w *watched) {
	w.count++
	close(w.changed)
	w.changed = make(chan struct{})
}

func (h *hub) run() {
	for {
		h.look()
		select {
		case <-h.ctx.Done():
		case <-h.hint:
		case <-time.After(lookEvery):
		}
		if h.ctx.Err() != nil || !h.anybody() {
			return
		}
	}
}

// anybody lets go of gates that nobody is interested in any more, and reports whether
// there are others.
func (h *hub) anybody() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.DeleteFunc(h.watched, func(_ string, w *watched) bool {
		over := w.interested == 0 && time.Since(w.idle) > keepFor
		if over {
			w.stop()
		}
		return over
	})
	h.looking = len(h.watched) > 0
	return h.looking
}

// look asks about all gates at once.
func (h *hub) look() {
	ctx, cancel := context.WithTimeout(h.ctx, 10*time.Second)
	defer cancel()
	gates, err := h.store.Gates(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		if !h.failed && h.ctx.Err() == nil {
			h.log.Warn("the gates cannot be looked at", "error", err)
		}
		h.failed = true
		return
	}
	if h.failed {
		h.log.Info("the gates can be looked at again")
	}
	h.failed = false
	for name, w := range h.watched {
		now := lull.Gate{Name: name}
		if i := slices.IndexFunc(gates, func(g lull.Gate) bool { return g.Name == name }); i >= 0 {
			now = gates[i]
		}
		if w.looked && !alike(w.gate, now) {
			h.note(w)
		}
		w.gate, w.looked = now, true
	}
}

// alike reports whether two looks show the same gate, but for signs of life.
func alike(a, b lull.Gate) bool {
	return a.Phase == b.Phase && reflect.DeepEqual(lifeless(a), lifeless(b))
}

func lifeless(g lull.Gate) [][]lull.Hold {
	var all [][]lull.Hold
	for _, holds := range [][]lull.Hold{g.Holds, g.Queue, g.Loose} {
		holds = slices.Clone(holds)
		for i := range holds {
			holds[i].Heard = lull.Moment{}
		}
		all = append(all, holds)
	}
	return all
}

// seen names the changes so far.
func (w *watched) seen() (name string, next <-chan struct{}) {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	return fmt.Sprintf("%s.%d", w.hub.born, w.count), w.changed
}

// wait blocks until there was a change after those that are seen, or ctx ends, and names
// the changes so far. Those of another server count for nothing.
func (w *watched) wait(ctx context.Context, seen string) string {
	for {
		now, next := w.seen()
		if now != seen {
			return now
		}
		select {
		case <-next:
		case <-ctx.Done():
			return now
		}
	}
}
