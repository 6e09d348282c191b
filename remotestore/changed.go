package remotestore

import (
	"context"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/lull-dev/lull/internal/wire"
)

const (
	// listenFor is how long the server is asked to wait for a change. Proxies hang up on an
	// answer that does not come for half a minute or a minute.
	listenFor = 25 * time.Second

	// tooSoon is an answer without a change that cannot be waited for: by a server that
	// ends, and sends those who wait away.
	tooSoon = time.Second

	// hintPause keeps a gate at which something changes all the time from being asked about
	// all the time.
	hintPause = 50 * time.Millisecond
)

// The pauses between attempts to listen.
const (
	listenFirst = 250 * time.Millisecond
	listenMost  = 10 * time.Second
)

// Changed returns a channel that receives after a change at the gate, and when something
// may have changed while nobody listened. A goroutine asks the server, until ctx or the
// store ends. It goes on when the server is away.
func (s *Store) Changed(ctx context.Context, gate string) (<-chan struct{}, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	hint := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Err() == nil {
		s.subs.Go(func() { s.listen(ctx, gate, hint) })
	}
	return hint, nil
}

func (s *Store) listen(ctx context.Context, gate string, hint chan<- struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.closing, cancel)()
	seen, pause := "", listenFirst
	for ctx.Err() == nil {
		asked := time.Now()
		now, err := s.change(ctx, gate, seen)
		switch {
		case err != nil, now == seen && time.Since(asked) < tooSoon:
			rest(ctx, pause/2+rand.N(pause)) // many may have been sent away at once
			pause = min(2*pause, listenMost)
			continue
		case now != seen:
			select {
			case hint <- struct{}{}:
			default:
			}
			rest(ctx, hintPause)
		}
		seen, pause = now, listenFirst
	}
}

// change waits until there was a change since seen, and names the changes so far. It
// answers at once to who has seen nothing yet, or what another server has counted.
func (s *Store) change(ctx context.Context, gate, seen string) (string, error) {
	c := get(wire.Path(wire.PathChanged, gate, ""))
	c.query, c.waits = url.Values{"wait": {listenFor.String()}}, listenFor
	if seen != "" {
		c.query.Set("seen", seen)
	}
	a, err := ask[wire.Changed](ctx, s, c)
	return a.Seen, err
}

// rest waits for d, or until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
