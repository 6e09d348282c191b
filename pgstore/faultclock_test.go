package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

// setClock puts the database's clock forward, or back; nobody else's.
func (w *world) setClock(by time.Duration) {
	w.Helper()
	w.exec(fmt.Sprintf(`create or replace function SCHEMA.clock() returns timestamptz language sql volatile as
		$$ select clock_timestamp() + interval '%d s' $$`, int(by.Seconds())))
}

// watched has a process look at the gate all the time, until it is told to stop.
func (w *world) watched(p *process) (stop func()) {
	ctx, cancel := context.WithCancel(w.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if _, err := p.store.Snapshot(ctx, lull.DefaultGate); err != nil && ctx.Err() == nil && !errors.Is(err, lull.ErrUnavailable) {
				w.Errorf("Snapshot: %v", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	return func() { cancel(); <-done }
}

// The database's clock jumps an hour, many leases, ahead and back again. Those who are
// heard regularly live on, however long others have watched; only limits end.
func TestClockSetForwardAndBackEndsNoLeaseThatIsRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	w.timing.Lease = 6 * time.Second
	url := server.URL("", "")
	a, b, c, o := w.process("runner", url, pooledProcess), w.process("deployer", url, lonelyProcess), w.process("waiter", url, listeningProcess), w.process("watcher", url, pooledProcess)
	var jobs []*job
	for i := range 50 {
		jobs = append(jobs, w.runs(a, fmt.Sprint("job", i)))
	}
	d, err := w.deploys(t.Context(), b, lull.Closing{Kind: lull.Deployment, Limit: 3 * time.Hour})
	w.no(err)
	k := w.waits(c, "import")
	stop := w.watched(o)
	defer stop()
	w.until("somebody has watched for more than half a lease", func() bool {
		marks := o.store.vigil.report()
		return len(marks) > 0 && marks[0].ago > w.timing.Lease/2+time.Second
	})
	for _, by := range []time.Duration{time.Hour, 0, -time.Hour} {
		w.setClock(by)
		w.isHeardOf(52)
		w.isHeardOf(52)
		if n := ask[int](w, "select count(*)::int from SCHEMA.pass"); n != 51 {
			t.Fatalf("%d passes with the clock set by %s, want 51", n, by)
		}
		d.drains()
		k.stillWaits()
	}
	for _, j := range jobs {
		j.ends()
	}
	d.begins()
	d.opens()
	k.inside().ends()
	stop()
	w.nobodyMet()
	w.nothingWasLost()
	w.leavesNothing()
}

// As documented: limits are times of the database's clock. A deployment that knows better,
// by its own, closes the gate anew for the rest.
func TestClockSetForwardEndsLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	a := w.process("deployer", server.URL("", ""), pooledProcess)
	d := w.closes(a)
	d.begins()
	person, err := a.Close(t.Context(), lull.Closing{Kind: lull.Person, Limit: 50 * time.Minute})
	w.no(err)
	w.setClock(time.Hour)
	w.until("the gate is closed anew", func() bool { return a.told(lull.ClosedAnew) == 1 })
	d.opens()
	if o, err := person.Open(t.Context(), lull.Outcome{}); err != nil || !o.Gone {
		t.Errorf("the person's hold outlived its limit: %+v, %v", o, err)
	}
	if n := w.counts(); n[lull.EventExpired] != 1 || n[lull.EventOverdue] != 1 || n[lull.EventCrashed] != 0 || n[lull.EventEnded] != 1 {
		t.Errorf("events: %v", n)
	}
	w.leavesNothing()
}

// What was heard in a future that did not come says nothing, but that nobody is heard
// does.
func TestClockSetBackDoesNotKeepTheDeadAlive(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	w.timing.Lease = 2 * time.Second
	a, b, o := w.process("dead", server.URL("", ""), lonelyProcess), w.process("alive", server.URL("", ""), lonelyProcess), w.process("watcher", server.URL("", ""), pooledProcess)
	w.setClock(time.Hour)
	_, _, err := a.store.Enter(t.Context(), lull.Pass{ID: lull.NewID(), Gate: lull.DefaultGate, Name: "dead", Lease: w.timing.Lease})
	w.no(err)
	j := w.runs(b, "alive")
	_, _, err = a.store.Close(t.Context(), lull.Hold{ID: lull.NewID(), Gate: lull.DefaultGate, Kind: lull.Deployment, Lease: w.timing.Lease})
	w.no(err)
	entered := time.Now()
	w.setClock(0)
	stop := w.watched(o)
	defer stop()
	w.until("the dead are gone", func() bool {
		return ask[int](w, "select (select count(*) from SCHEMA.pass)::int + (select count(*) from SCHEMA.hold)::int") == 1
	})
	if after := time.Since(entered); after < w.timing.Lease {
		t.Errorf("gone after %s", after)
	}
	stop()
	j.ends()
	if n := w.counts(); n[lull.EventAbandoned] != 1 || n[lull.EventCrashed] != 1 || n[lull.EventLeft] != 1 {
		t.Errorf("events: %v", n)
	}
	w.leavesNothing()
}

// Nobody could be heard while the database was away, however long. So whoever asks first
// afterwards, and has old marks, takes nobody for dead; but it does a while later.
func TestVigilDoesNotCountTheTimeWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	c := newClocked(t)
	w.schema = c.schema
	a, o := w.process("owner", server.URL("", ""), pooledProcess).store, w.process("watcher", server.URL("", ""), pooledProcess).store
	a.vigil.now, o.vigil.now = c.now, c.now
	alive := lull.Pass{ID: lull.NewID(), Gate: lull.DefaultGate, Lease: time.Minute}
	dead := lull.Pass{ID: lull.NewID(), Gate: lull.DefaultGate, Lease: time.Minute}
	for _, p := range []lull.Pass{alive, dead} {
		_, _, err := a.Enter(t.Context(), p)
		w.no(err)
	}
	look := func() map[string]bool {
		snap, err := o.Snapshot(t.Context(), lull.DefaultGate)
		w.no(err)
		live := map[string]bool{}
		for _, p := range snap.Inside {
			live[p.ID] = true
		}
		return live
	}
	renew := func() {
		states, err := a.Renew(t.Context(), []lull.LeaseRef{{Gate: alive.Gate, Pass: alive.ID}})
		w.no(err)
		if !states[0].Live {
			t.Fatal("who was kept from renewing was taken for dead")
		}
	}
	for range 8 { // for 40 s, well within the leases
		c.sleep(5 * time.Second)
		look()
	}
	renew()
	c.sleep(10 * time.Second)
	look()
	c.sleep(10 * time.Minute) // the database is away
	for range 2 {
		if live := look(); !live[alive.ID] {
			t.Fatal("nobody could be heard, and somebody is taken for dead")
		}
		c.sleep(5 * time.Second)
	}
	renew()
	for steps := 0; look()[dead.ID]; steps++ {
		if steps > 12 {
			t.Fatal("the dead live on")
		}
		c.sleep(5 * time.Second)
		renew()
	}
}

// A standby that was promoted may have lost the last signs of life: their numbers come
// once more.
func TestVigilForgetsSignsThatWereLost(t *testing.T) {
	now := time.Now()
	v := vigil{now: func() time.Time { return now }}
	for _, sign := range []int64{10, 40, 42} {
		v.note(sign)
		now = now.Add(time.Minute)
	}
	v.note(15)
	now = now.Add(time.Minute)
	v.note(16)
	for _, m := range v.report() {
		if m.sign > 15 {
			t.Errorf("%d is said to be known for %s", m.sign, m.ago)
		}
	}
}

// Whatever times a client sends, the database's are kept: a client's clock may be wrong by
// any amount.
func TestNoTimeOfAClientIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	s := w.process("wrong", server.URL("", ""), lonelyProcess).store
	wrong := lull.Moment{Wall: time.Now().Add(1000 * time.Hour), Boot: "x", Up: time.Hour}
	p := lull.Pass{ID: lull.NewID(), Gate: lull.DefaultGate, Lease: time.Minute, Arrived: wrong, Started: wrong, Heard: wrong}
	h := lull.Hold{ID: lull.NewID(), Gate: lull.DefaultGate, Kind: lull.Deployment, Lease: time.Minute, Since: wrong.Wall, Ends: wrong, Begun: wrong, Heard: wrong}
	_, _, err := s.Enter(t.Context(), p)
	w.no(err)
	q := h
	h, _, err = s.Close(t.Context(), h)
	w.no(err)
	_, _, err = s.Close(t.Context(), q) // again
	w.no(err)
	w.no(s.Begin(t.Context(), lull.HoldRef{Gate: h.Gate, ID: h.ID}, lull.Start{Undrained: true}))
	w.no(s.Record(t.Context(), lull.Event{At: wrong, Gate: h.Gate, Kind: lull.EventRerun, ID: p.ID}))
	late := p
	late.ID, late.Resumes, late.Force, late.Ran = lull.NewID(), p.ID, true, time.Minute
	_, _, err = s.Enter(t.Context(), late)
	w.no(err)
	for _, column := range []string{
		"pass.heard_at", "pass.arrived_at", "pass.started_at", "hold.since", "hold.heard_at", "hold.begun_at", "hold.ends_at", "event.at",
	} {
		table, name, _ := strings.Cut(column, ".")
		if n := ask[int](w, fmt.Sprintf("select count(*)::int from SCHEMA.%s where %s is null or %[2]s not between clock_timestamp() - interval '5 min' and clock_timestamp() + interval '30 min'", table, name)); n != 0 {
			t.Errorf("%d of %s are a client's", n, column)
		}
	}
}
