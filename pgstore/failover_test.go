package pgstore

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/pgtest"
)

// cluster is a primary, and a standby that follows it when it gets round to it.
type cluster struct {
	*world
	primary *pgtest.Server
	standby *pgtest.Standby
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	primary := pgtest.NewServer(t, pgtest.Config{})
	standby := pgtest.NewStandby(t, primary)
	w := newWorld(t, primary)
	w.no(standby.CatchUp(t.Context()))
	return &cluster{w, primary, standby}
}

// url names both, or proxies before them.
func (p *cluster) url(first, second pgtest.Upstream) string {
	u, err := url.Parse(first.TCPURL("", ""))
	p.no(err)
	u.Host += "," + second.Addr()
	return u.String() + "&target_session_attrs=read-write"
}

// fails ends the primary, and promotes the standby.
func (p *cluster) fails() {
	p.Helper()
	p.no(p.primary.Stop(p.Context(), pgtest.Immediate))
	p.no(p.standby.Promote(p.Context()))
	p.server = p.standby.Server
}

func TestPromotionLosesNothingThatWasReplicated(t *testing.T) {
	t.Parallel()
	p := newCluster(t)
	u := p.url(p.primary, p.standby)
	j := p.runs(p.process("runner", u, lonelyProcess), "report")
	d := p.closes(p.process("deployer", u, pooledProcess))
	k := p.waits(p.process("waiter", u, listeningProcess), "import")
	p.no(p.standby.CatchUp(t.Context()))
	p.fails()
	p.isHeardOf(3)
	d.drains()
	k.stillWaits()
	j.ends()
	d.begins()
	d.opens()
	k.inside().ends()
	p.nobodyMet()
	p.nothingWasLost()
	p.leavesNothing()
}

// The new primary does not know of a job that runs. Nobody believes it that the gate has
// drained until everybody had the time to be recorded anew.
func TestPromotionThatLosesAPassDoesNotDrain(t *testing.T) {
	t.Parallel()
	p := newCluster(t)
	first, second := pgtest.NewProxy(t, p.primary), pgtest.NewProxy(t, p.standby)
	before := p.runs(p.process("before", p.url(p.primary, p.standby), lonelyProcess), "before")
	before.ends() // so that the gate is known on both
	p.no(p.standby.CatchUp(t.Context()))
	p.no(p.standby.StopReceiving(t.Context()))
	a := p.process("runner", p.url(first, second), lonelyProcess)
	j := p.runs(a, "report")
	second.Cut() // it will be the last to notice
	p.fails()
	promoted := time.Now()
	d := p.closes(p.process("deployer", p.url(p.primary, p.standby), pooledProcess))
	p.until("the new primary sees nobody inside", func() bool {
		drain, err := d.p.store.Drain(t.Context(), lull.HoldRef{Gate: lull.DefaultGate, ID: d.hold.Hold().ID})
		p.no(err)
		if drain.Drained {
			t.Error("drained, although it may have lost passes")
		}
		return drain.Count == 0 && time.Since(promoted) > p.timing.Lease/2
	})
	d.drains()
	p.no(second.Restore())
	p.until("the job is recorded anew", func() bool { return a.told(lull.EnteredAnew) == 1 })
	time.Sleep(time.Until(promoted.Add(p.timing.Lease + p.timing.Margin())))
	d.drains()
	j.ends()
	d.begins()
	d.opens()
	p.nobodyMet()
	if n := p.counts(); n[lull.EventLost] != 1 || n[lull.EventLeft] != 2 {
		t.Errorf("events: %v", n)
	}
	p.leavesNothing()
}

// The new primary does not know that the gate is closed. The deployment closes it anew;
// whoever got in meanwhile is a casualty.
func TestPromotionThatLosesAHoldIsClosedAnew(t *testing.T) {
	t.Parallel()
	p := newCluster(t)
	first, second := pgtest.NewProxy(t, p.primary), pgtest.NewProxy(t, p.standby)
	u := p.url(p.primary, p.standby)
	p.no(p.standby.StopReceiving(t.Context()))
	b := p.process("deployer", p.url(first, second), pooledProcess)
	d := p.closes(b)
	d.begins()
	hold := d.hold.Hold().ID
	k := p.waits(p.process("waiter", u, lonelyProcess), "import")
	second.Cut() // the deployment will be the last to notice
	p.fails()
	during := k.inside()
	p.no(second.Restore())
	p.until("the gate is closed anew", func() bool { return b.told(lull.ClosedAnew) == 1 })
	if again := d.hold.Hold(); again.ID == hold || again.Resumes != hold {
		t.Errorf("hold %s resumes %s, want %s", again.ID, again.Resumes, hold)
	}
	late := p.waits(p.process("late", u, lonelyProcess), "late")
	if left := during.ends(); !left.Casualty {
		t.Error("the job was not told that it is a casualty")
	}
	late.stillWaits()
	d.opens()
	late.inside().ends()
	if met := p.onlyCasualtiesMet(); met != 1 {
		t.Errorf("%d jobs met the deployment, want 1", met)
	}
	p.leavesNothing()
}

// While jobs and deployments come and go, the standby has lost what was written last.
func TestPromotionInACrowd(t *testing.T) {
	t.Parallel()
	p := newCluster(t)
	jobs, deployers := p.people(p.url(p.primary, p.standby))
	ctx := p.aWhile(9 * time.Second)
	done := make(chan struct{})
	go func() {
		defer close(done)
		pause(time.Second)
		if err := p.standby.StopReceiving(t.Context()); err != nil {
			t.Error(err)
		}
		pause(time.Second)
		if err := p.primary.Stop(t.Context(), pgtest.Immediate); err != nil {
			t.Error(err)
		}
		if err := p.standby.Promote(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	p.crowd(ctx, jobs, deployers)
	<-done
	p.server = p.standby.Server
	t.Logf("%d met", p.onlyCasualtiesMet())
	p.leavesNothing()
}

// A server that is read only is no use, and says why; once it is not, everything goes on.
func TestReadOnlyDatabaseIsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	u := w.roleWith("default_transaction_read_only", "on")
	s := w.process("runner", u, pooledProcess)
	_, _, err := s.store.Enter(t.Context(), lull.Pass{ID: lull.NewID(), Gate: lull.DefaultGate})
	wantUnavailable(t, err, "read only")
	entered := make(chan *job, 1)
	go func() {
		j, err := w.enters(t.Context(), s, lull.Job{Name: "report"})
		if err != nil {
			t.Error(err)
		}
		entered <- j
	}()
	w.until("the store is down", func() bool { return s.told(lull.StoreDown) > 0 })
	w.exec("alter role " + w.schema + " reset default_transaction_read_only")
	w.exec("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'SCHEMA'")
	(<-entered).ends()
	w.leavesNothing()
}

// roleWith makes a superuser with a setting of its own, as the database might have it, and
// returns the URL to the server.
func (w *world) roleWith(setting, value string) string {
	w.Helper()
	w.no(w.server.CreateUser(w.Context(), w.schema, "superuser"))
	w.exec(fmt.Sprintf("alter role SCHEMA set %s = '%s'", setting, value))
	return w.server.URL("", w.schema)
}
