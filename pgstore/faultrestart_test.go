package pgstore

import (
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/pgtest"
)

// survives puts a world through an accident twice: while a job runs, a deployment drains
// and another job waits; and while the deployment's command runs. Nobody loses anything.
// The processes reach the server by a URL.
func (w *world) survives(url string, accident func()) {
	w.Helper()
	a, b, c := w.process("runner", url, lonelyProcess), w.process("deployer", url, pooledProcess), w.process("waiter", url, listeningProcess)
	j := w.runs(a, "report")
	d := w.closes(b)
	k := w.waits(c, "import")
	pass, hold := j.pass.ID(), d.hold.Hold().ID

	accident()
	w.isHeardOf(3)
	d.drains()
	k.stillWaits()
	j.ends()
	d.begins()

	accident()
	w.isHeardOf(2)
	k.stillWaits()
	if j.pass.ID() != pass || d.hold.Hold().ID != hold {
		w.Errorf("pass %s became %s, hold %s became %s", pass, j.pass.ID(), hold, d.hold.Hold().ID)
	}
	if o := d.opens(); o.Gone {
		w.Error("the hold was gone")
	}
	k.inside().ends()

	w.nobodyMet()
	w.nothingWasLost()
	n := w.counts()
	for kind, want := range map[lull.EventKind]int{
		lull.EventClosed: 1, lull.EventBegun: 1, lull.EventEnded: 1, lull.EventReleased: 1, lull.EventOpened: 1,
		lull.EventWaited: 1, lull.EventLeft: 2,
	} {
		if n[kind] != want {
			w.Errorf("%d events %q, want %d", n[kind], kind, want)
		}
	}
	w.leavesNothing()
}

// isHeardOf waits until all that live, so many, have given a sign of life from now on.
func (w *world) isHeardOf(all int) {
	w.Helper()
	last := ask[int64](w, "select last_value from SCHEMA.sign_of_life")
	w.until("everybody has renewed", func() bool {
		return all == ask[int](w, "select count(*)::int from (select sign from SCHEMA.pass union all select sign from SCHEMA.hold) s where sign > $1", last)
	})
}

func TestRestartFastLosesNothing(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	w := newWorld(t, s)
	w.survives(s.URL("", ""), func() { w.no(s.Restart(w.Context(), pgtest.Fast)) })
	w.noConnections()
}

func TestRestartImmediateLosesNothing(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	w := newWorld(t, s)
	w.survives(s.URL("", ""), func() { w.no(s.Restart(w.Context(), pgtest.Immediate)) })
	w.noConnections()
}

// A server that was away for longer than a lease takes nobody for dead before they could
// renew; they do not trust in their leases meanwhile, but are told that they need not worry.
func TestStopForLongerThanALeaseLosesNothing(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	w := newWorld(t, s)
	w.survives(s.URL("", ""), func() {
		w.no(s.Stop(w.Context(), pgtest.Fast))
		w.untilLapsed()
		w.no(s.Start(w.Context()))
	})
	for _, p := range w.processes {
		if ended, back := p.told(lull.TrustEnded), p.told(lull.TrustBack); ended != back {
			t.Errorf("%s was told %d times that trust has ended, and %d times that it is back", p.name, ended, back)
		}
	}
	if p := w.processes[1]; p.told(lull.TrustEnded) != 2 {
		t.Errorf("the deployment was told %d times that trust has ended, want 2", p.told(lull.TrustEnded))
	}
}

// untilLapsed lets the time pass in which all leases end that nobody renews.
func (w *world) untilLapsed() { time.Sleep(w.timing.Lease + 2*w.timing.Margin()) }

// The guard alone: the first to ask after a restart is one who has watched for long.
func TestRestartGivesEverybodyAWholeLease(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	w := newWorld(t, s)
	w.timing.Lease = 2 * time.Second
	owner, watcher := w.process("owner", s.URL("", ""), lonelyProcess), w.process("watcher", s.URL("", ""), lonelyProcess)
	p := lull.Pass{ID: lull.NewID(), Gate: lull.DefaultGate, Lease: w.timing.Lease}
	_, _, err := owner.store.Enter(w.Context(), p)
	w.no(err)
	w.exec("update SCHEMA.pass set heard_at = heard_at - interval '1 h'")
	w.no(s.Restart(w.Context(), pgtest.Fast))
	watcher.store.vigil.marks = []moment{{sign: 1 << 40, at: time.Now().Add(-time.Hour)}}
	watcher.store.vigil.heard = time.Now()
	_, err = watcher.store.Snapshot(w.Context(), lull.DefaultGate)
	w.no(err)
	if n := ask[int](w, "select count(*)::int from SCHEMA.pass"); n != 1 {
		t.Fatal("a restart ended a lease")
	}
	w.until("the lease has ended", func() bool {
		watcher.store.vigil.marks = []moment{{sign: 1 << 40, at: time.Now().Add(-time.Hour)}}
		_, err := watcher.store.Snapshot(w.Context(), lull.DefaultGate)
		w.no(err)
		return ask[int](w, "select count(*)::int from SCHEMA.pass") == 0
	})
	if up := ask[float64](w, "select extract(epoch from clock_timestamp() - pg_postmaster_start_time())::float8"); up < 2 {
		t.Errorf("it ended %.1f s after the start", up)
	}
}

func TestKilledPostmasterLosesNothing(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	w := newWorld(t, s)
	w.survives(s.URL("", ""), func() {
		w.no(syscall.Kill(s.PID(), syscall.SIGKILL))
		w.until("postgres has ended", func() bool { return !s.Running() })
		// Its children notice by themselves, and keep the memory until then.
		w.until("postgres has started", func() bool { return s.Start(w.Context()) == nil })
	})
}

// One backend that crashes takes all others with it, and the server goes on without
// having started anew, by its own account.
func TestKilledBackendLosesNothing(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	w := newWorld(t, s)
	started := ask[time.Time](w, "select pg_postmaster_start_time()")
	w.survives(s.URL("", ""), func() {
		// The server may be throwing everybody out for the one before.
		var c *pgx.Conn
		w.until("somebody is in", func() (in bool) {
			var err error
			c, err = s.Connect(w.Context(), "")
			return err == nil
		})
		w.no(syscall.Kill(int(c.PgConn().PID()), syscall.SIGKILL))
		w.until("the server has thrown everybody out", func() bool { return c.Ping(w.Context()) != nil })
		w.until("the server is back", func() bool { return s.Exec(w.Context(), "", "select 1") == nil })
	})
	if again := ask[time.Time](w, "select pg_postmaster_start_time()"); !again.Equal(started) {
		t.Errorf("started at %v, and at %v", started, again)
	}
}

// Restarts while jobs and deployments come and go.
func TestRestartsInACrowd(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	w := newWorld(t, s)
	jobs, deployers := w.people(s.URL("", ""))
	ctx := w.aWhile(4 * time.Second)
	restarts := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Nobody is taken for dead for a lease after each: so they must come to an end.
		for restarts < 4 {
			mode := []pgtest.StopMode{pgtest.Fast, pgtest.Immediate}[restarts%2]
			if err := s.Restart(t.Context(), mode); err != nil {
				t.Error(err)
				return
			}
			restarts++
			pause(1500 * time.Millisecond)
		}
	}()
	w.crowd(ctx, jobs, deployers)
	<-done
	met := w.onlyCasualtiesMet()
	t.Logf("%d restarts, %d met", restarts, met)
	w.leavesNothing()
	w.noConnections()
}

// people are six who run jobs and two who deploy, connected in all three ways.
func (w *world) people(url string) (jobs, deployers []*process) {
	ways := []string{lonelyProcess, pooledProcess, listeningProcess}
	for i, name := range []string{"job1", "job2", "job3", "job4", "job5", "job6"} {
		jobs = append(jobs, w.process(name, url, ways[i%3]))
	}
	return jobs, []*process{w.process("deployer1", url, pooledProcess), w.process("deployer2", url, listeningProcess)}
}
