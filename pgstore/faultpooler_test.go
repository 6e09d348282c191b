package pgstore

import (
	"testing"
	"time"

	"github.com/lull-dev/lull/internal/pgtest"
)

func TestPoolerRestartLosesNothing(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	b := pgtest.NewBouncer(t, s, pgtest.BouncerConfig{})
	w := newWorld(t, s)
	w.survives(b.TCPURL("", ""), func() { w.no(b.Restart(w.Context())) })
}

// The server does not know that the pooler was away, and so cannot wait for those whom
// it kept away. Those who ask do: see TestVigilDoesNotCountTheTimeWithoutAnAnswer.
func TestPoolerStoppedForLongerThanALease(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	b := pgtest.NewBouncer(t, s, pgtest.BouncerConfig{})
	w := newWorld(t, s)
	url := b.TCPURL("", "")
	j := w.runs(w.process("runner", url, lonelyProcess), "report")
	d := w.closes(w.process("deployer", url, pooledProcess))
	k := w.waits(w.process("waiter", url, listeningProcess), "import")
	b.Stop()
	w.untilLapsed()
	w.no(b.Start(t.Context()))
	w.isHeardOf(3)
	j.ends()
	d.begins()
	d.opens()
	k.inside().ends()
	met := w.onlyCasualtiesMet()
	t.Logf("%d met", met)
	w.leavesNothing()
}

func TestPoolerRestartsInACrowd(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	b := pgtest.NewBouncer(t, s, pgtest.BouncerConfig{Settings: map[string]string{"default_pool_size": "3"}})
	w := newWorld(t, s)
	jobs, deployers := w.people(b.TCPURL("", ""))
	ctx := w.aWhile(4 * time.Second)
	done := make(chan struct{})
	restarts := 0
	go func() {
		defer close(done)
		for restarts < 4 {
			pause(1500 * time.Millisecond)
			if err := b.Restart(t.Context()); err != nil {
				t.Error(err)
				return
			}
			restarts++
		}
	}()
	w.crowd(ctx, jobs, deployers)
	<-done
	met := w.onlyCasualtiesMet()
	t.Logf("%d restarts, %d met", restarts, met)
	w.leavesNothing()
}
