package pgstore

import (
	"testing"
	"time"

	"github.com/lull-dev/lull/internal/pgtest"
)

func TestTerminatedBackendsLoseNothing(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	w := newWorld(t, s)
	w.survives(s.URL("", ""), func() {
		w.until("somebody was connected", func() bool {
			n, err := s.TerminateBackends(w.Context(), "application_name = 'lull'")
			w.no(err)
			return n > 0
		})
	})
	w.noConnections()
}

// Backends end at any moment, in the middle of a verb too, while jobs and deployments
// come and go.
func TestTerminatedBackendsInACrowd(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	w := newWorld(t, s)
	jobs, deployers := w.people(s.URL("", ""))
	ctx := w.aWhile(4 * time.Second)
	terminated := make(chan int)
	go func() {
		n := 0
		defer func() { terminated <- n }()
		for ctx.Err() == nil {
			got, err := s.TerminateBackends(t.Context(), "application_name = 'lull' and random() < 0.3")
			if err != nil {
				t.Error(err)
				return
			}
			n += got
			pause(20 * time.Millisecond)
		}
	}()
	w.crowd(ctx, jobs, deployers)
	n := <-terminated
	met := w.onlyCasualtiesMet()
	t.Logf("%d backends, %d met", n, met)
	w.leavesNothing()
	w.noConnections()
}
