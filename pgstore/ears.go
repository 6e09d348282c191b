package pgstore

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// ears hear of changes: one connection that listens for all who want to know, while
// there are any. What it hears is a hint; what was said while it was away is lost, so
// everybody is told once it is back.
type ears struct {
	s *Store

	mu        sync.Mutex
	listeners map[*listener]struct{}
	running   chan struct{} // closed when the goroutine has ended; nil while there is none
	cancel    context.CancelFunc
}

// listener is one who wants to know of changes at a gate.
type listener struct {
	gate    string
	changed chan struct{} // capacity 1
}

// The pauses between attempts to listen.
const (
	listenFirst = 500 * time.Millisecond
	listenMost  = 30 * time.Second
)

func newEars(s *Store) *ears { return &ears{s: s, listeners: map[*listener]struct{}{}} }

// Changed returns a channel that receives after a change at the gate, when the URL
// asks to listen; else nil.
func (s *Store) Changed(ctx context.Context, gate string) (<-chan struct{}, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.ears == nil {
		return nil, nil
	}
	return s.ears.listen(ctx, gate), nil
}

// listen adds a listener, until its ctx ends.
func (e *ears) listen(ctx context.Context, gate string) <-chan struct{} {
	l := &listener{gate, make(chan struct{}, 1)}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.listeners[l] = struct{}{}
	context.AfterFunc(ctx, func() { e.forget(l) })
	if e.running == nil {
		var hearing context.Context
		hearing, e.cancel = context.WithCancel(context.Background())
		e.running = make(chan struct{})
		go e.run(hearing, e.running)
	}
	return l.changed
}

// forget removes a listener; the last one ends the connection.
func (e *ears) forget(l *listener) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.listeners, l)
	if len(e.listeners) == 0 && e.running != nil {
		e.cancel()
		e.running = nil
	}
}

// stop ends the connection, and returns when it has ended.
func (e *ears) stop() {
	e.mu.Lock()
	running := e.running
	if running != nil {
		e.cancel()
		e.running = nil
	}
	clear(e.listeners)
	e.mu.Unlock()
	if running != nil {
		<-running
	}
}

// run listens until ctx ends, whatever happens to its connection.
func (e *ears) run(ctx context.Context, ended chan struct{}) {
	defer close(ended)
	for pause := listenFirst; ; pause = min(2*pause, listenMost) {
		began := time.Now()
		e.hear(ctx)
		if time.Since(began) > listenMost {
			pause = listenFirst
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// hear listens on one connection, until it breaks.
func (e *ears) hear(ctx context.Context) {
	config := e.s.address.config.Copy()
	config.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) { e.tell(n.Payload) }
	c, err := connect(ctx, config)
	if err != nil {
		return // the waiters poll, and say what is wrong
	}
	defer func() { _ = c.Close(context.Background()) }()
	if err := c.Exec(ctx, "listen "+quoted(e.s.address.schema)).Close(); err != nil {
		return
	}
	e.tell("")
	for c.WaitForNotification(ctx) == nil {
	}
}

// tell tells the listeners of a gate; of "", all.
func (e *ears) tell(gate string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for l := range e.listeners {
		if gate != "" && gate != l.gate {
			continue
		}
		select {
		case l.changed <- struct{}{}:
		default:
		}
	}
}
