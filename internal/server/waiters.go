package server

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/lull-dev/lull/internal/wire"
)

// waitersMost is how many calls may wait at once, for a change or on a stream. Each costs
// some kilobytes.
const waitersMost = 40_000

// waiters counts the calls that wait.
type waiters struct{ n atomic.Int64 }

// take is for one more, until he calls done.
func (w *waiters) take() (done func(), err error) {
	if w.n.Add(1) > waitersMost {
		w.n.Add(-1)
		return nil, &wire.Problem{
			Type: wire.TypeUnavailable, Status: http.StatusServiceUnavailable, Title: "Service Unavailable",
			Detail: "too many wait at this server; ask again later",
		}
	}
	return func() { w.n.Add(-1) }, nil
}

// waitFor bounds a wait: by its length, and by the end of the server, which sends those
// who wait away to ask again.
func (s *Server) waitFor(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, d)
	stop := context.AfterFunc(s.closing, cancel)
	return ctx, func() { stop(); cancel() }
}
