package filestore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

// office is a store that is kept for owners elsewhere, and one of a plain process on
// the same host.
type office struct {
	*world
	clerk *Store
}

func newOffice(t *testing.T) *office {
	w := newWorld(t)
	return &office{world: w, clerk: w.clerkOn(func(*host) {})}
}

// clerkOn is the store that is kept for owners elsewhere, as another process has it.
func (w *world) clerkOn(change func(*host)) *Store {
	h := w.in(thisHost())
	change(h)
	return openAs(w.T, w.dir, Options{ByLease: true}, h)
}

// renews fails unless the store renews the lease, or says that it is lost.
func renews(t testing.TB, s *Store, id string, want bool) {
	t.Helper()
	states, err := s.Renew(t.Context(), []lull.LeaseRef{ref(id)})
	if err != nil || states[0].Live != want {
		t.Fatalf("renewed %s: %+v, %v; want live %t", id, states, err, want)
	}
}

// do is a verb of actors, done by this process.
func (p *player) do(t testing.TB, verb string) string {
	t.Helper()
	answer, err := p.play(strings.Fields(verb))
	if err != nil {
		t.Fatalf("%s: %v", verb, err)
	}
	return answer
}

func passRef(id string) lull.PassRef { return lull.PassRef{Gate: lull.DefaultGate, ID: id} }
func holdRef(id string) lull.HoldRef { return lull.HoldRef{Gate: lull.DefaultGate, ID: id} }

func TestWhatLivesByItsLeaseOutlivesTheProcessThatWroteIt(t *testing.T) {
	o := newOffice(t)
	a := newClerk(t, o.dir)
	a.do("enter p1")
	a.do("close h1")
	a.do("enter p2")
	a.kill()
	for range 3 { // the next process renews what the one before has written
		for _, id := range []string{"p1", "h1", "p2"} {
			o.is(o.s, id, true)
			o.is(o.clerk, id, true)
			renews(t, o.clerk, id, true)
		}
		o.sleep(lull.DefaultLease - time.Second)
	}
	o.sleep(2 * time.Second)
	for _, s := range []*Store{o.clerk, o.s} {
		s.Snapshot(t.Context(), lull.DefaultGate) // a lease is counted from when somebody first looks
	}
	o.sleep(lull.DefaultLease)
	for _, id := range []string{"p1", "h1", "p2"} {
		o.is(o.s, id, false)
		o.is(o.clerk, id, false)
	}
	if d, err := o.clerk.Drain(t.Context(), holdRef("h1")); !errors.Is(err, lull.ErrGone) {
		t.Errorf("drain of what has lapsed: %+v, %v", d, err)
	}
}

func TestWhoWroteItJudgesByTheLeaseToo(t *testing.T) {
	o := newOffice(t)
	p, h := newPass(), newHold(lull.Deployment)
	enter(t, o.clerk, p)
	closeGate(t, o.clerk, h)
	o.is(o.clerk, p.ID, true)
	o.sleep(lull.DefaultLease + time.Second)
	o.is(o.clerk, p.ID, false)
	o.is(o.clerk, h.ID, false)
	for e, err := range o.clerk.Events(t.Context(), lull.Filter{Kinds: []lull.EventKind{lull.EventCrashed}}) {
		if err != nil || e.ID != h.ID {
			t.Errorf("%+v, %v", e, err)
		}
	}
}

func TestNextProcessActsAsTheOneBefore(t *testing.T) {
	o := newOffice(t)
	a := newClerk(t, o.dir)
	a.do("enter p1")
	a.do("close h1")
	a.do("enter p2")
	a.do("enter p3")
	a.kill()
	ctx, next := t.Context(), o.clerk

	forced, g, err := next.Force(ctx, passRef("p2"))
	if err != nil || !forced.Inside(g.Phase) {
		t.Fatalf("forced %+v, %v", forced, err)
	}
	if err := next.Begin(ctx, holdRef("h1"), lull.Start{}); !errors.Is(err, lull.ErrNotDrained) {
		t.Fatalf("begun with two inside: %v", err)
	}
	for _, id := range []string{"p1", "p2"} {
		if _, err := next.Leave(ctx, passRef(id), lull.Outcome{}); err != nil {
			t.Fatal(err)
		}
		o.is(o.s, id, false)
	}
	if d, err := next.Drain(ctx, holdRef("h1")); err != nil || !d.Drained {
		t.Fatalf("drain %+v, %v", d, err)
	}
	if err := next.Begin(ctx, holdRef("h1"), lull.Start{}); err != nil {
		t.Fatal(err)
	}
	if _, err := next.Extend(ctx, holdRef("h1"), lull.Extension{Limit: time.Hour, By: actorHolder}); err != nil {
		t.Fatal(err)
	}
	if opened, err := next.Open(ctx, holdRef("h1"), lull.Outcome{By: actorHolder}); err != nil || opened.Gone {
		t.Fatalf("opened %+v, %v", opened, err)
	}
	got, g, err := next.Poll(ctx, passRef("p3"))
	if err != nil || !got.Inside(g.Phase) || got.Started.IsZero() {
		t.Fatalf("told %+v, %v; want it inside, and noted so", got, err)
	}
	if again, _, err := next.Poll(ctx, passRef("p3")); err != nil || again.Started != got.Started {
		t.Fatalf("noted at %v, and then at %v, %v", got.Started, again.Started, err)
	}
	if _, err := next.Leave(ctx, passRef("p3"), lull.Outcome{}); err != nil {
		t.Fatal(err)
	}
	if ended := toldOnce(t, o.s); ended["p1"] != 1 || ended["p2"] != 1 || ended["p3"] != 1 {
		t.Errorf("ends told: %v", ended)
	}
}

func TestRebootLeavesWhatLivesByItsLease(t *testing.T) {
	o := newOffice(t)
	p, h := newPass(), newHold(lull.Deployment)
	p.ID, h.ID = "p1", "h1"
	enter(t, o.clerk, p)
	closeGate(t, o.clerk, h)
	after, clerk := o.on(reboot), o.clerkOn(reboot)
	for _, id := range []string{"p1", "h1"} {
		o.is(after, id, true)
		renews(t, clerk, id, true)
	}
	o.is(after, "p1", true)
	o.sleep(lull.DefaultLease - time.Second)
	o.is(after, "p1", true)
	o.is(after, "h1", true)
	o.sleep(2 * time.Second)
	o.is(after, "p1", false)
	o.is(after, "h1", false)
}

// loses is a crash of the machine, in which nothing was left of the passes.
func (w *world) loses() {
	w.Helper()
	if err := os.RemoveAll(filepath.Join(w.dir, lull.DefaultGate, "passes")); err != nil {
		w.Fatal(err)
	}
}

func TestGateWithLostPassesIsNotDrainedBeforeTheirLeasesHaveEnded(t *testing.T) {
	o := newOffice(t)
	p := newPass()
	p.Lease = 3 * lull.DefaultLease
	enter(t, o.clerk, p)
	o.loses()
	since := func(up time.Duration) func(*host) {
		return func(h *host) { h.boot, h.up = "another-boot", func() time.Duration { return up } }
	}
	for _, early := range []*Store{o.on(since(p.Lease - time.Second)), o.clerkOn(since(p.Lease - time.Second))} {
		h := newHold(lull.Deployment)
		closeGate(t, early, h)
		if d, err := early.Drain(t.Context(), holdRef(h.ID)); err != nil || d.Drained || d.Count > 0 {
			t.Fatalf("drain %+v, %v", d, err)
		}
		if snap, err := early.Snapshot(t.Context(), lull.DefaultGate); err != nil || snap.Drained {
			t.Fatalf("shown as drained, %v", err)
		}
		if err := early.Begin(t.Context(), holdRef(h.ID), lull.Start{}); !errors.Is(err, lull.ErrNotDrained) {
			t.Fatalf("begun: %v", err)
		}
		openGate(t, early, h)
	}
	h := newHold(lull.Deployment)
	late := o.on(since(p.Lease))
	closeGate(t, late, h)
	if d, err := late.Drain(t.Context(), holdRef(h.ID)); err != nil || !d.Drained {
		t.Fatalf("drain %+v, %v", d, err)
	}
}

func TestLeasesOfThisBootDelayNobody(t *testing.T) {
	w := newWorld(t)
	soon := w.clerkOn(func(h *host) { h.up = func() time.Duration { return 2 * lull.DefaultLease } })
	p, h := newPass(), newHold(lull.Deployment)
	p.Lease = 1000 * time.Hour
	enter(t, soon, p)
	if _, err := soon.Leave(t.Context(), passRef(p.ID), lull.Outcome{}); err != nil {
		t.Fatal(err)
	}
	closeGate(t, soon, h)
	if d, err := soon.Drain(t.Context(), holdRef(h.ID)); err != nil || !d.Drained {
		t.Fatalf("drain %+v, %v", d, err)
	}
}

func TestPlainProcessesAreNotDelayedByAReboot(t *testing.T) {
	w := newWorld(t)
	p := newPass()
	enter(t, w.s, p)
	w.loses()
	after := w.on(func(h *host) { h.boot, h.up = "another-boot", func() time.Duration { return time.Second } })
	h := newHold(lull.Deployment)
	closeGate(t, after, h)
	if d, err := after.Drain(t.Context(), holdRef(h.ID)); err != nil || !d.Drained {
		t.Fatalf("drain %+v, %v", d, err)
	}
}

func TestHoldThatLivesByItsLeaseIsSyncedWithItsName(t *testing.T) {
	synced := map[string]bool{}
	var mu sync.Mutex
	s, err := open(t.TempDir(), Options{ByLease: true}, meddle(func(call, file string) error {
		mu.Lock()
		defer mu.Unlock()
		if call == "Sync" {
			synced[filepath.Base(file)] = true
		}
		return nil
	}), thisHost())
	if err != nil {
		t.Fatal(err)
	}
	h := newHold(lull.Deployment)
	closeGate(t, s, h)
	if !synced["."+h.ID] || !synced["holds"] {
		t.Errorf("synced: %v", synced)
	}
}

func TestCrashHoldOfAnOwnerElsewhereRunsFromItsLastRenewal(t *testing.T) {
	o := newOffice(t)
	h := newHold(lull.Deployment)
	h.ID, h.CrashHold = "h1", time.Hour
	closeGate(t, o.clerk, h)
	renews(t, o.clerk, "h1", true)
	o.sleep(lull.DefaultLease / 2)
	o.is(o.clerk, "h1", true) // which is no sign of life
	o.sleep(lull.DefaultLease / 2)
	snap, err := o.clerk.Snapshot(t.Context(), lull.DefaultGate)
	if err != nil || len(snap.Gate.Holds) != 1 || snap.Gate.Holds[0].Kind != lull.Person {
		t.Fatalf("%+v, %v", snap.Gate, err)
	}
	if left := snap.Gate.Holds[0].Ends.Sub(snap.Now).Round(time.Second); left != time.Hour-lull.DefaultLease {
		t.Errorf("%s left of an hour since it was heard of", left)
	}
}

func TestNothingIsKeptOpenForOwnersElsewhere(t *testing.T) {
	o := newOffice(t)
	var ids []string
	for range 50 {
		p := newPass()
		enter(t, o.clerk, p)
		ids = append(ids, p.ID)
	}
	for _, id := range ids {
		if _, err := o.clerk.Renew(t.Context(), []lull.LeaseRef{{Gate: lull.DefaultGate, Pass: id}}); err != nil {
			t.Fatal(err)
		}
	}
	r := o.clerk.rooms[lull.DefaultGate]
	if len(r.kept) > 0 || len(r.sights) != len(ids) {
		t.Errorf("%d records are kept, %d sights", len(r.kept), len(r.sights))
	}
	for _, id := range ids {
		if _, err := o.clerk.Leave(t.Context(), passRef(id), lull.Outcome{}); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.blanks) > blanksKept || len(r.sights) > 0 {
		t.Errorf("%d blanks, %d sights are left", len(r.blanks), len(r.sights))
	}
}

func TestSightsOfWhatOthersHaveRemovedAreDropped(t *testing.T) {
	o := newOffice(t)
	r, err := o.clerk.room(lull.DefaultGate)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for range sightsLeast {
			r.unheard(lull.NewID(), sight{})
		}
		o.sleep(5 * lull.DefaultLease)
	}
	if len(r.sights) > sightsLeast+1 {
		t.Errorf("%d sights are kept", len(r.sights))
	}
}

func TestOwnerElsewhereOfABrokenRecordGetsAnother(t *testing.T) {
	o := newOffice(t)
	p, h := newPass(), newHold(lull.Deployment)
	p.ID, h.ID = "p1", "h1"
	enter(t, o.clerk, p)
	closeGate(t, o.clerk, h)
	gate := filepath.Join(o.dir, lull.DefaultGate)
	for _, file := range []string{"passes/0/p1.json", "holds/h1.json"} {
		if err := os.Truncate(filepath.Join(gate, file), 0); err != nil {
			t.Fatal(err)
		}
	}
	o.is(o.s, "p1", true)
	o.is(o.s, "h1", true)
	renews(t, o.clerk, "p1", false)
	if got, _ := enter(t, o.clerk, p); got.Name != p.Name || got.Arrived.IsZero() {
		t.Errorf("entered again as %+v", got)
	}
	for range 3 {
		renews(t, o.clerk, "p1", true)
		renews(t, o.clerk, "h1", true)
		o.is(o.s, "p1", true)
		o.is(o.s, "h1", true)
		o.sleep(lull.DefaultLease - time.Second)
	}
	if err := os.Remove(filepath.Join(gate, "holds/h1.json")); err != nil {
		t.Fatal(err)
	}
	renews(t, o.clerk, "h1", true)
	if _, err := os.Stat(filepath.Join(gate, "holds/h1.json")); err != nil {
		t.Error(err)
	}
}

// Renewals and the first answer "inside" change the same record.
func TestChangesOfOneRecordAtOnceAreAllKept(t *testing.T) {
	o := newOffice(t)
	h := newHold(lull.Deployment)
	closeGate(t, o.clerk, h)
	other := o.clerkOn(func(*host) {})
	for range 20 {
		p := newPass()
		enter(t, o.clerk, p)
		openGate(t, o.clerk, h)
		var all sync.WaitGroup
		for _, s := range []*Store{o.clerk, other} {
			all.Go(func() {
				if _, err := s.Renew(t.Context(), []lull.LeaseRef{{Gate: p.Gate, Pass: p.ID}}); err != nil {
					t.Error(err)
				}
			})
			all.Go(func() {
				if _, _, err := s.Poll(t.Context(), passRef(p.ID)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got, _, err := other.Poll(t.Context(), passRef(p.ID)); err != nil || got.Started.IsZero() {
			t.Fatalf("%+v, %v", got, err)
		}
		h = newHold(lull.Deployment)
		closeGate(t, o.clerk, h)
	}
}

// TestClerkKilledBetweenAnyTwoSystemCallsIsReplaced kills a process that acts for
// owners elsewhere before each system call of each verb in turn. The next one is asked
// the same, as an owner does who had no answer.
func TestClerkKilledBetweenAnyTwoSystemCallsIsReplaced(t *testing.T) {
	for _, c := range []struct{ verb, before string }{
		{"enter p1", ""},
		{"enter p1", "close h0"},
		{"poll p1", "close h0; enter p1; open h0"},
		{"force p1", "close h0; enter p1"},
		{"renew p1", "enter p1"},
		{"leave p1", "enter p1"},
		{"close h1", "enter p0"},
		{"renew h1", "close h1"},
		{"begin h1", "close h1"},
		{"extend h1", "close h1"},
		{"open h1", "close h1; begin h1; enter p1"},
	} {
		t.Run(c.before+"; "+c.verb, func(t *testing.T) {
			t.Parallel()
			step := 1
			if testing.Short() {
				step = 5
			}
			for n := 1; ; n += step {
				w := newWorld(t)
				a := newClerk(t, w.dir)
				for verb := range strings.SplitSeq(c.before, "; ") {
					if verb != "" {
						a.do(verb)
					}
				}
				a.do("arm", n)
				answer, died := a.try(c.verb)
				a.kill()
				next := &player{s: w.clerkOn(func(*host) {}), ctx: t.Context()}
				next.do(t, c.verb)
				for _, left := range []string{"leave p0", "leave p1", "open h0", "open h1"} {
					next.do(t, left)
				}
				next.do(t, "close h9")
				if drained := next.do(t, "drain h9"); drained != "drained true queued false" {
					t.Fatalf("killed before call %d: %s", n, drained)
				}
				next.do(t, "open h9")
				next.do(t, "tidy")
				next.s.rooms[lull.DefaultGate].dropBlanks()
				w.s.Snapshot(t.Context(), lull.DefaultGate)
				if r, err := w.s.room(lull.DefaultGate); err != nil || r.tidy(t.Context()) != nil {
					t.Error(err)
				}
				nothingLeft(t, filepath.Join(w.dir, lull.DefaultGate))
				if c.verb != "extend h1" { // which is another extension when it is repeated
					if ended := toldOnce(t, w.s); ended["p1"] > 1 {
						t.Errorf("told %d times that p1 has left", ended["p1"])
					}
				}
				if t.Failed() {
					t.Fatalf("killed before call %d", n)
				}
				if !died {
					if strings.HasPrefix(answer, "error") || n < 3 {
						t.Fatalf("after %d system calls: %s", n-1, answer)
					}
					return
				}
			}
		})
	}
}
