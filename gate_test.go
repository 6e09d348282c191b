package lull_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

var (
	person   = lull.Holder{User: "ann", Host: "desk", PID: 1}
	stranger = lull.Holder{User: "bob", Host: "desk", PID: 9}
	deployer = lull.Holder{User: "deploy", Host: "web1", PID: 5}
)

// noon is d after noon on the store's clock.
func noon(d time.Duration) lull.Moment {
	return lull.Moment{Wall: time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC).Add(d), Boot: "boot-1", Up: time.Hour + d}
}

func deployment(id string) lull.Hold {
	return lull.Hold{ID: id, Gate: lull.DefaultGate, Kind: lull.Deployment, Holder: deployer, Queue: true, Reason: "release 81"}
}

func personsHold(id string) lull.Hold {
	return lull.Hold{ID: id, Gate: lull.DefaultGate, Kind: lull.Person, Holder: person, Reason: "lunch"}
}

// gateWith is a gate that these holds have closed, one after the other, at noon.
func gateWith(t *testing.T, holds ...lull.Hold) lull.Gate {
	t.Helper()
	g := lull.Gate{Name: lull.DefaultGate}
	for _, h := range holds {
		var err error
		if g, _, _, err = g.Close(h, noon(0)); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// begun is the gate after that hold's command has started, at noon.
func begun(t *testing.T, g lull.Gate, id string) lull.Gate {
	t.Helper()
	g, _, err := g.Begin(id, lull.Start{}, true, noon(0))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// opened is the gate after a hold's owner has ended it.
func opened(t *testing.T, g lull.Gate, id string) (lull.Gate, []lull.Event) {
	t.Helper()
	h, _, _ := g.Find(id)
	g, gone, events, err := g.Open(id, lull.Outcome{By: h.Holder}, noon(time.Minute))
	if err != nil || gone {
		t.Fatalf("Open(%s): gone %t, %v", id, gone, err)
	}
	return g, events
}

// fates judges holds by their IDs.
func fates(of map[string]lull.Fate) func(lull.Hold) lull.Fate {
	return func(h lull.Hold) lull.Fate { return of[h.ID] }
}

// wantEvents compares the kinds and IDs of events with lines such as "closed h1".
func wantEvents(t *testing.T, events []lull.Event, want ...string) {
	t.Helper()
	var got []string
	for _, e := range events {
		got = append(got, string(e.Kind)+" "+e.ID)
	}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("events %q, want %q", got, want)
	}
}

// wantGate compares a gate's phase and the IDs of what it keeps, each list as
// words: wantGate(t, g, 3, "held", "queued", "loose").
func wantGate(t *testing.T, g lull.Gate, phase lull.Phase, held, queued, loose string) {
	t.Helper()
	ids := func(holds []lull.Hold) string {
		var all []string
		for _, h := range holds {
			all = append(all, h.ID)
		}
		return strings.Join(all, " ")
	}
	if g.Phase != phase || ids(g.Holds) != held || ids(g.Queue) != queued || ids(g.Loose) != loose {
		t.Errorf("phase %d, held %q, queued %q, loose %q; want %d, %q, %q, %q",
			g.Phase, ids(g.Holds), ids(g.Queue), ids(g.Loose), phase, held, queued, loose)
	}
	if err := g.Check(); err != nil {
		t.Error(err)
	}
}

func TestGateNames(t *testing.T) {
	for _, name := range []string{"default", "a", "0", "nightly.reports", "team_1-x", strings.Repeat("x", 63)} {
		if err := lull.CheckGateName(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", ".", "..", "-x", "_x", "Default", "a/b", "a b", "ä", "a\n", strings.Repeat("x", 64)} {
		err := lull.CheckGateName(name)
		if err == nil {
			t.Errorf("%q is allowed", name)
		} else if name != "" && len(name) < 60 && !strings.Contains(err.Error(), "is not allowed: use") {
			t.Errorf("%v: does not say what to use", err)
		}
	}
}

func TestUnusedGateIsOpen(t *testing.T) {
	g := gateWith(t)
	if !g.Phase.Open() {
		t.Error("closed")
	}
	wantGate(t, g, 0, "", "", "")
}

func TestFirstHoldClosesTheGate(t *testing.T) {
	g, h, events, err := gateWith(t).Close(deployment("d1"), noon(0))
	if err != nil {
		t.Fatal(err)
	}
	wantGate(t, g, 1, "d1", "", "")
	wantEvents(t, events, "closed d1")
	if h.State != lull.Held || h.Phase != 1 || !h.Since.Equal(noon(0).Wall) || h.Ends != noon(lull.DefaultDeploymentLimit) {
		t.Errorf("hold %+v", h)
	}
	if e := events[0]; e.Gate != g.Name || e.Phase != 1 || e.Holder != deployer || e.Reason != "release 81" || e.Hold != lull.Deployment {
		t.Errorf("event %+v", e)
	}
}

func TestSecondHoldDoesNotMoveThePhase(t *testing.T) {
	g := gateWith(t, deployment("d1"), personsHold("p1"))
	wantGate(t, g, 1, "d1 p1", "", "")
}

func TestLastHoldOpensIt(t *testing.T) {
	g := gateWith(t, personsHold("p1"), deployment("d1"))
	g, events := opened(t, g, "d1")
	wantGate(t, g, 1, "p1", "", "")
	wantEvents(t, events, "released d1")
	g, events = opened(t, g, "p1")
	wantGate(t, g, 2, "", "", "")
	wantEvents(t, events, "released p1", "opened p1")
}

func TestSecondDeploymentIsTurnedAway(t *testing.T) {
	second := deployment("d2")
	second.Queue = false
	g, _, events, err := gateWith(t, personsHold("p1"), deployment("d1")).Close(second, noon(0))
	busy, ok := errors.AsType[*lull.BusyError](err)
	if !ok || busy.Hold.ID != "d1" {
		t.Fatalf("%v, want a BusyError naming d1", err)
	}
	for _, part := range []string{`"default"`, "deploy@web1", "release 81"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %s", err, part)
		}
	}
	wantGate(t, g, 1, "p1 d1", "", "")
	wantEvents(t, events)
}

func TestCloseCanBeRepeated(t *testing.T) {
	g := gateWith(t, deployment("d1"), deployment("d2"))
	for _, id := range []string{"d1", "d2"} {
		same, h, events, err := g.Close(deployment(id), noon(time.Minute))
		if err != nil || h.ID != id || !h.Since.Equal(noon(0).Wall) {
			t.Errorf("%s again: %+v, %v", id, h, err)
		}
		wantGate(t, same, 1, "d1", "d2", "")
		wantEvents(t, events)
	}
}

func TestCloseInsideItsOwnHoldJoinsIt(t *testing.T) {
	inner := deployment("d2")
	inner.PartOf = "d1"
	g, h, events, err := gateWith(t, deployment("d1")).Close(inner, noon(0))
	if err != nil || h.ID != "d1" {
		t.Errorf("joined %q, %v", h.ID, err)
	}
	wantGate(t, g, 1, "d1", "", "")
	wantEvents(t, events)
}

func TestLeakedHoldIsNotJoined(t *testing.T) {
	late := deployment("d2")
	late.PartOf = "d0"
	g, h, _, err := gateWith(t).Close(late, noon(0))
	if err != nil || h.ID != "d2" || h.PartOf != "" {
		t.Errorf("hold %+v, %v", h, err)
	}
	wantGate(t, g, 1, "d2", "", "")
}

func TestDeploymentInsideAJobIsRefused(t *testing.T) {
	g := gateWith(t, deployment("d1"))
	inside := lull.Hold{ID: "d2", Kind: lull.Deployment, Parent: "j1"}
	if _, ok := errors.AsType[*lull.InsideError](g.CheckParent(inside, true)); !ok {
		t.Error("a deployment inside a live job is let through")
	}
	if err := g.CheckParent(inside, false); err != nil {
		t.Errorf("its parent has left: %v", err)
	}
	inside.PartOf = "d1"
	if err := g.CheckParent(inside, true); err != nil {
		t.Errorf("it joins its own deployment: %v", err)
	}
	if err := g.CheckParent(lull.Hold{ID: "p1", Kind: lull.Person, Parent: "j1"}, true); err != nil {
		t.Errorf("a person's hold waits for nobody: %v", err)
	}
}

func TestQueuedDeploymentTakesOverWithPhasePlusTwo(t *testing.T) {
	g := gateWith(t, deployment("d1"), deployment("d2"), deployment("d3"))
	wantGate(t, g, 1, "d1", "d2 d3", "")
	waiting, _ := g.Admit(lull.Pass{ID: "j1"}, nil, noon(0))
	g, events := opened(t, g, "d1")
	wantGate(t, g, 3, "d2", "d3", "")
	wantEvents(t, events, "released d1", "opened d1", "closed d2")
	if events[1].Phase != 2 || events[2].Phase != 3 {
		t.Errorf("opened in %d, closed in %d", events[1].Phase, events[2].Phase)
	}
	late, _ := g.Admit(lull.Pass{ID: "j2"}, nil, noon(0))
	if !waiting.Inside(g.Phase) || late.Inside(g.Phase) {
		t.Error("who waited must be inside, who comes later must wait")
	}
	h := g.Holds[0]
	if h.Drained([]lull.Pass{waiting, late}, g.Phase) || !h.Drained([]lull.Pass{late}, g.Phase) {
		t.Error("the new deployment must wait for those who waited, and for nobody else")
	}
	if h.State != lull.Held || h.Ends != noon(time.Minute+lull.DefaultDeploymentLimit) || !h.Since.Equal(noon(time.Minute).Wall) {
		t.Errorf("its time must count from when it holds: %+v", h)
	}
}

func TestQueueTakesOverUnderAPersonsHoldWithoutMovingThePhase(t *testing.T) {
	g := gateWith(t, deployment("d1"), personsHold("p1"), deployment("d2"))
	g, events := opened(t, g, "d1")
	wantGate(t, g, 1, "p1 d2", "", "")
	wantEvents(t, events, "released d1", "closed d2")
}

func TestQueuedDeploymentMayGiveUp(t *testing.T) {
	g := gateWith(t, deployment("d1"), deployment("d2"), deployment("d3"))
	g, events := opened(t, g, "d2")
	wantGate(t, g, 1, "d1", "d3", "")
	wantEvents(t, events, "released d2")
}

func TestDeadPlacesInTheQueueAreNotPromoted(t *testing.T) {
	g := gateWith(t, deployment("d1"), deployment("d2"), deployment("d3"))
	g, events := g.Sweep(fates(map[string]lull.Fate{"d1": lull.Crashed, "d2": lull.Crashed}), noon(time.Minute))
	wantGate(t, g, 3, "d3", "", "")
	wantEvents(t, events, "abandoned d2", "crashed d1", "opened d1", "closed d3")
}

func TestForeignHoldNeedsForce(t *testing.T) {
	colleague := lull.Holder{User: person.User, Host: person.Host, PID: 77}
	sibling := lull.Holder{User: deployer.User, Host: deployer.Host, PID: 77}
	for _, c := range []struct {
		name string
		hold lull.Hold
		by   lull.Holder
		own  bool
	}{
		{"a person's, by the same user in another shell", personsHold("h1"), colleague, true},
		{"a person's, by another user", personsHold("h1"), stranger, false},
		{"a person's, from another host", personsHold("h1"), lull.Holder{User: person.User, Host: "other"}, false},
		{"a deployment's, by its process", deployment("h1"), deployer, true},
		{"a deployment's, by the same user in another process", deployment("h1"), sibling, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := gateWith(t, c.hold)
			after, _, events, err := g.Open("h1", lull.Outcome{By: c.by}, noon(0))
			_, _, _, extended := g.Extend("h1", lull.Extension{Limit: time.Hour, By: c.by}, noon(0))
			if c.own {
				if err != nil || extended != nil {
					t.Fatalf("Open %v, Extend %v", err, extended)
				}
				wantEvents(t, events, "released h1", "opened h1")
				return
			}
			for _, err := range []error{err, extended} {
				if _, ok := errors.AsType[*lull.NotYoursError](err); !ok {
					t.Errorf("%v, want a NotYoursError", err)
				}
			}
			wantGate(t, after, 1, "h1", "", "")
			after, _, events, err = g.Open("h1", lull.Outcome{By: c.by, Force: true, Reason: "urgent"}, noon(0))
			if err != nil {
				t.Fatal(err)
			}
			wantGate(t, after, 2, "", "", "")
			wantEvents(t, events, "forced h1", "released h1", "opened h1")
			if e := events[0]; e.Holder != c.by || e.Reason != "urgent" {
				t.Errorf("the event does not tell who and why: %+v", e)
			}
			_, _, events, err = g.Extend("h1", lull.Extension{Limit: time.Hour, By: c.by, Force: true}, noon(0))
			if err != nil || events[0].Holder != c.by {
				t.Errorf("forced extension: %+v, %v", events, err)
			}
		})
	}
}

func TestOpenOfWhatIsGoneSaysSo(t *testing.T) {
	g := gateWith(t, deployment("d1"))
	g, gone, events, err := g.Open("d0", lull.Outcome{By: deployer}, noon(0))
	if !gone || err != nil {
		t.Errorf("gone %t, %v", gone, err)
	}
	wantGate(t, g, 1, "d1", "", "")
	wantEvents(t, events)
}

func TestCrashOpensTheGate(t *testing.T) {
	g := begun(t, gateWith(t, deployment("d1")), "d1")
	g, events := g.Sweep(fates(map[string]lull.Fate{"d1": lull.Crashed}), noon(time.Minute))
	wantGate(t, g, 2, "", "", "")
	wantEvents(t, events, "crashed d1", "opened d1")
}

// crashedWithHold is a gate at which d1 crashed ten minutes after its last sign of
// life, at noon, and is to be held for twenty.
func crashedWithHold(t *testing.T, others ...lull.Hold) (lull.Gate, []lull.Event) {
	t.Helper()
	d := deployment("d1")
	d.CrashHold, d.Heard = 20*time.Minute, noon(0)
	g := begun(t, gateWith(t, append([]lull.Hold{d}, others...)...), "d1")
	g, err := g.Stop("d1")
	if err != nil {
		t.Fatal(err)
	}
	return g.Sweep(fates(map[string]lull.Fate{"d1": lull.Crashed}), noon(10*time.Minute))
}

func TestCrashHoldKeepsTheGateClosed(t *testing.T) {
	g, events := crashedWithHold(t)
	wantGate(t, g, 1, "d1", "", "")
	wantEvents(t, events, "crashed d1")
	h := g.Holds[0]
	if h.Kind != lull.Person || h.Ends != noon(20*time.Minute) || h.Stop || !h.Begun.IsZero() || !strings.Contains(h.Reason, "release 81") {
		t.Errorf("it must be a person's, until 20 minutes after the last sign of life: %+v", h)
	}
	g, events = g.Sweep(fates(map[string]lull.Fate{"d1": lull.Expired}), noon(20*time.Minute))
	wantGate(t, g, 2, "", "", "")
	wantEvents(t, events, "expired d1", "opened d1")
}

func TestCrashHoldLetsTheQueueTakeOverUnderIt(t *testing.T) {
	g, events := crashedWithHold(t, deployment("d2"), personsHold("p1"))
	wantGate(t, g, 1, "d1 p1 d2", "", "")
	wantEvents(t, events, "crashed d1", "closed d2")
}

func TestDeploymentTakenForDeadDoesNotBegin(t *testing.T) {
	d := deployment("d1")
	d.CrashHold = 20 * time.Minute
	g, _ := gateWith(t, d, deployment("d2")).Sweep(fates(map[string]lull.Fate{"d1": lull.Crashed}), noon(time.Minute))
	wantGate(t, g, 1, "d1 d2", "", "")
	if _, _, err := g.Begin("d1", lull.Start{}, true, noon(time.Minute)); !errors.Is(err, lull.ErrGone) {
		t.Errorf("%v: it would run beside d2", err)
	}
}

func TestDeploymentAtItsLimitDoesNotBegin(t *testing.T) {
	g := gateWith(t, deployment("d1"))
	if _, _, err := g.Begin("d1", lull.Start{}, true, noon(lull.DefaultDeploymentLimit)); !errors.Is(err, lull.ErrGone) {
		t.Errorf("%v: nobody has looked yet, and the next who looks opens the gate", err)
	}
	if _, _, err := g.Begin("d1", lull.Start{}, true, noon(lull.DefaultDeploymentLimit-time.Second)); err != nil {
		t.Error(err)
	}
}

func TestBeginNeedsADrainedGate(t *testing.T) {
	g := gateWith(t, deployment("d1"), deployment("d2"))
	for _, id := range []string{"d2", "d3"} {
		if _, _, err := g.Begin(id, lull.Start{Undrained: true}, true, noon(0)); !errors.Is(err, lull.ErrGone) {
			t.Errorf("%s is not in force: %v", id, err)
		}
	}
	same, _, err := g.Begin("d1", lull.Start{}, false, noon(0))
	if !errors.Is(err, lull.ErrNotDrained) || !same.Holds[0].Begun.IsZero() {
		t.Errorf("%v, want ErrNotDrained", err)
	}
	if _, events, err := g.Begin("d1", lull.Start{Undrained: true}, false, noon(0)); err != nil {
		t.Error(err)
	} else {
		wantEvents(t, events, "begun d1")
	}
}

func TestBeginCanBeRepeated(t *testing.T) {
	g := begun(t, gateWith(t, deployment("d1")), "d1")
	g, events, err := g.Begin("d1", lull.Start{}, false, noon(time.Minute))
	if err != nil || g.Holds[0].Begun != noon(0) {
		t.Errorf("%+v, %v", g.Holds[0], err)
	}
	wantEvents(t, events)
}

func TestStopAsksEveryoneInsideButItsOwn(t *testing.T) {
	inside := lull.Pass{ID: "j1", Ticket: 0}
	own := lull.Pass{ID: "j2", Ticket: 1, PartOf: "d1"}
	waiting := lull.Pass{ID: "j3", Ticket: 2}
	g := gateWith(t, deployment("d1"), personsHold("p1"))
	if g.Stops(inside) {
		t.Error("nobody has asked yet")
	}
	g, err := g.Stop("d1")
	if err != nil {
		t.Fatal(err)
	}
	if !g.Stops(inside) || g.Stops(own) || g.Stops(waiting) {
		t.Errorf("inside %t, own %t, waiting %t", g.Stops(inside), g.Stops(own), g.Stops(waiting))
	}
	if _, err := g.Stop("d2"); !errors.Is(err, lull.ErrGone) {
		t.Errorf("%v, want ErrGone", err)
	}
	if g, _ = opened(t, g, "d1"); g.Stops(inside) {
		t.Error("the asking must end with the hold")
	}
}

func TestSweepWithNothingOverChangesNothing(t *testing.T) {
	g := gateWith(t, deployment("d1"), deployment("d2"), personsHold("p1"))
	g, events := g.Sweep(fates(nil), noon(time.Hour))
	wantGate(t, g, 1, "d1 p1", "d2", "")
	wantEvents(t, events)
}

func TestCheckFindsWhatCannotBe(t *testing.T) {
	d1, d2, p1 := deployment("d1"), deployment("d2"), personsHold("p1")
	for name, g := range map[string]lull.Gate{
		"negative":                  {Phase: -2},
		"phase 1 with 0 holds":      {Phase: 1},
		"phase 2 with 1 holds":      {Phase: 2, Holds: []lull.Hold{p1}},
		"2 deployments hold":        {Phase: 1, Holds: []lull.Hold{d1, d2}},
		"queued behind nobody":      {Phase: 1, Holds: []lull.Hold{p1}, Queue: []lull.Hold{d1}},
		`"d1" stands twice`:         {Phase: 1, Holds: []lull.Hold{d1}, Queue: []lull.Hold{d1}},
		`"p1" stands twice`:         {Phase: 1, Holds: []lull.Hold{p1}, Loose: []lull.Hold{p1}},
		`"" stands twice or is emp`: {Phase: 1, Holds: []lull.Hold{{Kind: lull.Person}}},
	} {
		if err := g.Check(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%+v: %v, want %q", g, err, name)
		}
	}
}
