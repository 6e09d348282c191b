package notice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/tail"
)

// Config is what [New] needs.
type Config struct {
	Hooks   []Hook
	Version string // of this program, for the receivers' logs

	// Link is the address of the page about a gate, and of what has that ID there. Nil:
	// notices have no link.
	Link func(gate, id string) string

	Getenv    func(string) string // nil: [os.Getenv]
	Transport http.RoundTripper   // nil: one of its own, through the proxy of the environment
}

// Notices tell hooks what happens at the gates of a store. Make them with [New].
type Notices struct {
	config Config
	log    *slog.Logger
	hooks  []*hook
	sender *sender
}

// hook is a target and what waits for it.
type hook struct {
	target
	*queue
	log *slog.Logger
}

// New checks the configuration. Its error says which [[notify]] is wrong and how, and
// shows no secret.
func New(c Config, log *slog.Logger) (*Notices, error) {
	if c.Getenv == nil {
		c.Getenv = os.Getenv
	}
	n := &Notices{config: c, log: log, sender: newSender(c)}
	var wrong []error
	for i, h := range c.Hooks {
		t, err := h.check(c.Getenv)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("[[notify]] number %d: %w", i+1, err))
			continue
		}
		n.hooks = append(n.hooks, &hook{t, newQueue(), log.With("hook", t.host, "form", t.form)})
	}
	return n, errors.Join(wrong...)
}

// Run follows the gates of a store and tells the hooks, until ctx ends. Then what still
// waits is dropped, and it returns when all that it has started has ended. Without hooks
// it returns at once. It must be called once.
func (n *Notices) Run(ctx context.Context, s lull.Store) {
	if len(n.hooks) == 0 {
		return
	}
	var working sync.WaitGroup
	for _, h := range n.hooks {
		working.Go(func() { n.work(ctx, h) })
	}
	f := &finder{store: s, link: n.config.Link, tell: n.tell, gates: map[string]*closure{}}
	for _, h := range n.hooks {
		f.overdue = append(f.overdue, h.overdue)
	}
	down := false
	o := tail.Options{
		Wants: func(gate string) bool {
			return slices.ContainsFunc(n.hooks, func(h *hook) bool { return h.wantsGate(gate) })
		},
		Failed: func(err error) {
			if !down {
				n.log.Warn("notices are late: the store cannot be asked", "error", err)
			}
			down = true
		},
	}
	tail.Run(ctx, s, o, func(ctx context.Context, r tail.Round) {
		down = down && !r.Complete
		for _, look := range r.Looks {
			f.see(ctx, look)
		}
	})
	working.Wait()
	n.sender.client.CloseIdleConnections()
	for _, h := range n.hooks {
		if left := h.len(); left > 0 {
			h.log.Warn("notices were not sent before the end", "notices", left)
		}
	}
}

// tell puts a notice into the queues of those who want it. It never blocks.
func (n *Notices) tell(what Notice, only func(int) bool) {
	const sayEach = 100 // of what is dropped when a queue stays full
	for i, h := range n.hooks {
		if !h.wants(what) || only != nil && !only(i) {
			continue
		}
		if dropped := h.push(what); dropped%sayEach == 1 {
			h.log.Warn("too many notices wait: the oldest are dropped", "dropped", dropped)
		}
	}
}

// work sends what waits for one hook, one after the other.
func (n *Notices) work(ctx context.Context, h *hook) {
	for {
		what, ok := h.pop(ctx)
		if !ok {
			return
		}
		log := h.log.With("event", what.Event, "gate", what.Gate, "id", what.ID)
		tried := 0
		err := n.sender.deliver(ctx, h.target, what, func(err error, pause time.Duration) {
			if tried++; tried == 1 {
				log.Info("a notice was not taken, and is sent again", "error", err, "in", pause.Round(time.Millisecond))
			}
		})
		switch {
		case err != nil && ctx.Err() != nil:
			log.Warn("a notice was not sent before the end")
		case err != nil:
			log.Warn("a notice was dropped", "error", err, "tried", tried+1)
		default:
			log.Debug("a notice was sent", "tried", tried+1)
		}
	}
}

// Dropped is how many notices have been forgotten since their hook took none.
func (n *Notices) Dropped() (dropped int) {
	for _, h := range n.hooks {
		h.mu.Lock()
		dropped += h.dropped
		h.mu.Unlock()
	}
	return dropped
}

// Result is what came of a trial of one hook.
type Result struct {
	Host string // of its URL; the rest may be a secret
	Form string
	Took time.Duration
	Err  error // nil: it took the notice
}

// Test sends each hook one notice, once, and says what came of it. The error is about
// the configuration.
func Test(ctx context.Context, c Config) ([]Result, error) {
	n, err := New(c, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer n.sender.client.CloseIdleConnections()
	trial := Notice{
		ID: lull.NewID(), Time: time.Now(), Event: eventTest, Gate: lull.DefaultGate,
		Text: "this is a test: notices of lulld arrive here",
	}
	results := make([]Result, len(n.hooks))
	var sending sync.WaitGroup
	for i, h := range n.hooks {
		sending.Go(func() {
			began := time.Now()
			err := n.sender.send(ctx, h.target, trial)
			results[i] = Result{Host: h.host, Form: h.form, Took: time.Since(began), Err: err}
		})
	}
	sending.Wait()
	return results, nil
}
