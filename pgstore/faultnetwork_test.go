package pgstore

import (
	"context"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/pgtest"
)

func TestShortNetworkFailuresLoseNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(p *pgtest.Proxy)
	}{
		{"Cut", (*pgtest.Proxy).Cut},
		{"Reset", (*pgtest.Proxy).Reset},
		{"StalledBothWays", func(p *pgtest.Proxy) { p.Stall(pgtest.BothWays) }},
		{"HalfOpenToServer", func(p *pgtest.Proxy) { p.Stall(pgtest.ToServer) }},
		{"HalfOpenToClient", func(p *pgtest.Proxy) { p.Stall(pgtest.ToClient) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := pgtest.NewServer(t, pgtest.Config{})
			p := pgtest.NewProxy(t, s)
			w := newWorld(t, s)
			w.survives(p.TCPURL("", ""), func() {
				before := ask[int](w, "select (select count(*) from SCHEMA.pass)::int + (select count(*) from SCHEMA.hold)::int")
				c.harm(p)
				// Each has a renewal under way, or one that fails, well before a lease ends.
				end := time.Now().Add(w.timing.RenewEvery())
				w.until("a third of a lease has passed", func() bool { return time.Now().After(end) })
				w.no(p.Restore())
				if after := ask[int](w, "select (select count(*) from SCHEMA.pass)::int + (select count(*) from SCHEMA.hold)::int"); after != before {
					w.Errorf("%d passes and holds became %d", before, after)
				}
			})
			w.noConnections()
		})
	}
}

// With a tenth of a second each way a call over a new connection takes half a second and
// more. Everything works, slowly.
func TestSlowNetworkLosesNothing(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	p := pgtest.NewProxy(t, s)
	w := newWorld(t, s)
	w.timing.Lease = 6 * time.Second
	p.Slow(100 * time.Millisecond)
	w.survives(p.TCPURL("", ""), func() {})
}

// A renewal that the server has carried out, but whose answer does not come, proves
// nothing to its owner.
func TestLostAnswerDoesNotExtendTrust(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	p := pgtest.NewProxy(t, s)
	w := newWorld(t, s)
	a, b := w.process("runner", p.TCPURL("", ""), pooledProcess), w.process("deployer", s.URL("", ""), lonelyProcess)
	j := w.runs(a, "report")
	entered := ask[time.Time](w, "select heard_at from SCHEMA.pass")
	w.isHeardOf(1)
	d := w.closes(b)

	p.Stall(pgtest.ToClient)
	answered := ask[time.Time](w, "select heard_at from SCHEMA.pass where heard_at > $1", entered) // the last that it may have heard
	w.until("the server has heard more than it could answer", func() bool {
		return ask[bool](w, "select exists (select from SCHEMA.pass where heard_at > $1)", answered)
	})
	w.until("trust has ended", func() bool { return j.pass.Context().Err() != nil })
	if late := ask[float64](w, "select extract(epoch from clock_timestamp() - $1)::float8", answered); late > w.timing.Lease.Seconds() {
		t.Errorf("trust ended %.2f s after the last sign of life that was answered", late)
	}
	d.drains()
	w.no(p.Restore())
	w.until("trust is back", func() bool { return a.told(lull.TrustBack) == 1 })
	d.drains()
	j.ends()
	d.begins()
	d.opens()
	w.nobodyMet()
	w.nothingWasLost()
	w.leavesNothing()
}

// A pass that is answered later than its lease is worth starts nothing.
func TestEnterReturnsWithinTrustOnly(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	p := pgtest.NewProxy(t, s)
	w := newWorld(t, s)
	a := w.process("runner", p.TCPURL("", ""), lonelyProcess)
	p.Stall(pgtest.ToClient)
	entered := make(chan *job, 1)
	go func() {
		j, err := w.enters(t.Context(), a, lull.Job{Name: "report"})
		if err != nil {
			t.Error(err)
		}
		entered <- j
	}()
	w.until("the store is down", func() bool { return a.told(lull.StoreDown) > 0 })
	w.untilLapsed()
	if len(entered) > 0 {
		t.Fatal("inside without an answer")
	}
	w.no(p.Restore())
	j := <-entered
	if j == nil {
		t.FailNow()
	}
	if left := ask[float64](w, "select extract(epoch from heard_at + ttl - clock_timestamp())::float8 from SCHEMA.pass where id = $1", j.pass.ID()); left <= 0 {
		t.Errorf("it runs with %.2f s left of its lease", left)
	}
	j.ends()
	w.leavesNothing()
}

// A job whose host is cut off for longer than its lease is given up, and the deployment
// goes on. It is a casualty, also when it is recorded anew.
func TestJobThatIsCutOffIsACasualty(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	p := pgtest.NewProxy(t, s)
	w := newWorld(t, s)
	a, b := w.process("runner", p.TCPURL("", ""), lonelyProcess), w.process("deployer", s.URL("", ""), pooledProcess)
	j := w.runs(a, "report")
	d := w.closes(b)
	p.Cut()
	d.begins()
	if j.pass.Context().Err() == nil {
		t.Error("the deployment runs, and the job still trusts in its lease")
	}
	w.no(p.Restore())
	w.until("the job is on record again", func() bool { return a.told(lull.EnteredAnew) == 1 })
	if left := j.ends(); !left.Casualty {
		t.Error("the job was not told that it is a casualty")
	}
	d.opens()
	if met := w.onlyCasualtiesMet(); met != 1 {
		t.Errorf("%d jobs met the deployment, want 1", met)
	}
	n := w.counts()
	if n[lull.EventAbandoned] != 1 || n[lull.EventLost] != 1 || n[lull.EventLeft] != 1 {
		t.Errorf("events: %v", n)
	}
	w.leavesNothing()
}

// A deployment that is cut off loses its hold, and jobs go in; when it is back it closes
// the gate anew. Whoever ran meanwhile is a casualty, and nobody else.
func TestDeploymentThatIsCutOffClosesAnew(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	p := pgtest.NewProxy(t, s)
	w := newWorld(t, s)
	before := w.runs(w.process("before", s.URL("", ""), lonelyProcess), "before")
	before.ends()
	b := w.process("deployer", p.TCPURL("", ""), lonelyProcess)
	d := w.closes(b)
	d.begins()
	hold := d.hold.Hold().ID
	k := w.waits(w.process("waiter", s.URL("", ""), lonelyProcess), "import")
	p.Cut()
	during := k.inside()
	if d.hold.Context().Err() == nil {
		t.Error("the gate is open, and the deployment still trusts in its lease")
	}
	w.no(p.Restore())
	w.until("the gate is closed anew", func() bool { return b.told(lull.ClosedAnew) == 1 })
	if again := d.hold.Hold(); again.ID == hold || again.Resumes != hold {
		t.Errorf("hold %s resumes %s, want %s", again.ID, again.Resumes, hold)
	}
	after := w.waits(w.process("after", s.URL("", ""), lonelyProcess), "after")
	if left := during.ends(); !left.Casualty {
		t.Error("the job was not told that it is a casualty")
	}
	after.stillWaits()
	d.opens()
	after.inside().ends()
	if met := w.onlyCasualtiesMet(); met != 1 {
		t.Errorf("%d jobs met the deployment, want 1", met)
	}
	for _, e := range w.history() {
		if e.Casualty != (e.Name == "import" && e.Kind == lull.EventLeft) {
			t.Errorf("%s of %q: casualty %t", e.Kind, e.Name, e.Casualty)
		}
	}
	w.leavesNothing()
}

// A caller who gives up while a connection is made leaves none behind: neither one that
// nobody uses, nor one that hangs, and takes the place of others.
func TestCallGivenUpLeavesNoConnection(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	for _, harm := range []func(*pgtest.Proxy){
		func(p *pgtest.Proxy) { p.Slow(50 * time.Millisecond) },
		func(p *pgtest.Proxy) { p.Stall(pgtest.ToClient) },
	} {
		p := pgtest.NewProxy(t, s)
		w := newWorld(t, s)
		a := w.process("hasty", p.TCPURL("", ""), lonelyProcess)
		harm(p)
		for range 2 * lonely {
			ctx, cancel := context.WithCancel(t.Context())
			p := a.store.links.pool
			called := make(chan error, 1)
			go func() {
				_, err := a.store.Gates(ctx)
				called <- err
			}()
			w.until("somebody connects", func() bool { return p.Stat().ConstructingResources() > 0 })
			cancel()
			if err := <-called; err == nil {
				t.Error("an answer")
			}
			w.until("nobody connects any more", func() bool { return p.Stat().ConstructingResources() == 0 })
			if n := p.Stat().TotalResources(); n != 0 {
				t.Errorf("%d connections are left", n)
			}
		}
		w.no(p.Restore())
		w.until("no connection is left", func() bool { return p.Connections() == 0 })
		w.leavesNothing()
	}
}

// Everything that can befall a network, while jobs and deployments come and go.
func TestNetworkFailuresInACrowd(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	p := pgtest.NewProxy(t, s)
	w := newWorld(t, s)
	jobs, deployers := w.people(p.TCPURL("", ""))
	more, others := w.people(s.URL("", ""))
	ctx := w.aWhile(6 * time.Second)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 10 {
			pause(600 * time.Millisecond)
			switch i % 5 {
			case 0:
				p.Cut()
			case 1:
				p.Reset()
			case 2:
				p.Stall(pgtest.ToClient)
			case 3:
				p.Stall(pgtest.ToServer)
			case 4:
				p.Slow(50 * time.Millisecond)
			}
			pause(600 * time.Millisecond)
			if err := p.Restore(); err != nil {
				t.Error(err)
			}
		}
	}()
	w.crowd(ctx, append(jobs, more[:2]...), append(deployers, others[0]))
	<-done
	met := w.onlyCasualtiesMet()
	t.Logf("%d met", met)
	w.leavesNothing()
	w.noConnections()
}
