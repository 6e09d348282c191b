package lull_test

import (
	"errors"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

func TestResumedCommandIsLooseNoMore(t *testing.T) {
	g := begun(t, gateWith(t, deployment("d1")), "d1")
	g, _ = g.Sweep(fates(map[string]lull.Fate{"d1": lull.Expired}), noon(30*time.Minute))
	anew := deployment("d2")
	anew.Resumes = "d1"
	g, _, _, err := g.Close(anew, noon(31*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	wantGate(t, g, 3, "d2", "", "d1")
	g, events, err := g.Begin("d2", lull.Start{Undrained: true, Ran: 31 * time.Minute}, false, noon(31*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	wantGate(t, g, 3, "d2", "", "")
	if e := events[0]; e.Kind != lull.EventBegun || e.Resumes != "d1" || e.Ran != 31*time.Minute || g.Holds[0].Begun != noon(0) {
		t.Errorf("event %+v, hold %+v", e, g.Holds[0])
	}
}

func TestSomebodyElsesLooseCommandIsNotResumed(t *testing.T) {
	g := begun(t, gateWith(t, deployment("d1")), "d1")
	g, _ = g.Sweep(fates(map[string]lull.Fate{"d1": lull.Expired}), noon(30*time.Minute))
	other := deployment("d2")
	other.Resumes, other.Holder = "d1", stranger
	g, _, _, err := g.Close(other, noon(0))
	if err != nil {
		t.Fatal(err)
	}
	wantGate(t, begun(t, g, "d2"), 3, "d2", "", "d1")
}

func TestLostHoldIsNotClosedUnderItsOldID(t *testing.T) {
	g := begun(t, gateWith(t, deployment("d1")), "d1")
	g, _ = g.Sweep(fates(map[string]lull.Fate{"d1": lull.Expired}), noon(30*time.Minute))
	g, _, _, err := g.Close(deployment("d1"), noon(31*time.Minute))
	if !errors.Is(err, lull.ErrGone) {
		t.Errorf("%v, want ErrGone", err)
	}
	wantGate(t, g, 2, "", "", "d1")
}

// closedAnew is the gate after its deployer has closed it anew as id, at noon plus
// eleven minutes, for what was first held as resumes.
func closedAnew(t *testing.T, g lull.Gate, id, resumes string) (lull.Gate, []lull.Event) {
	t.Helper()
	anew := deployment(id)
	anew.Resumes, anew.CrashHold = resumes, 20*time.Minute
	g, _, events, err := g.Close(anew, noon(11*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return g, events
}

func TestChildOfALostHoldIsPartOfTheOneThatResumesIt(t *testing.T) {
	lost, _ := begun(t, gateWith(t, deployment("d1")), "d1").Sweep(fates(map[string]lull.Fate{"d1": lull.Crashed}), noon(time.Minute))
	resumed, _ := closedAnew(t, lost, "d2", "d1")
	lostAgain, _ := resumed.Sweep(fates(map[string]lull.Fate{"d2": lull.Expired}), noon(12*time.Minute))
	again, _ := closedAnew(t, lostAgain, "d3", "d1")
	between, _ := closedAnew(t, gateWith(t, deployment("d9")), "d2", "d1")
	persons := personsHold("p1")
	persons.Resumes = "d1"
	for _, c := range []struct {
		name   string
		gate   lull.Gate
		hint   string
		partOf string // empty: of nothing
	}{
		{"the first ID", resumed, "d1", "d2"},
		{"its own ID", resumed, "d2", "d2"},
		{"the first ID, lost twice", again, "d1", "d3"},
		{"its own ID, lost twice", again, "d3", "d3"},
		{"another ID", resumed, "d0", ""},
		{"no ID", resumed, "", ""},
		{"no ID, and no hold that resumes one", gateWith(t, deployment("d9")), "", ""},
		{"queued behind another deployment", between, "d1", ""},
		{"a person's hold", gateWith(t, persons), "d1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, _ := c.gate.Admit(lull.Pass{ID: "j1", PartOf: c.hint}, nil, noon(12*time.Minute))
			if p.PartOf != c.partOf || p.Inside(c.gate.Phase) != (c.partOf != "") {
				t.Errorf("a job is part of %q with ticket %d in phase %d, want of %q", p.PartOf, p.Ticket, c.gate.Phase, c.partOf)
			}
			if c.partOf != "" && !c.gate.Holds[0].Drained([]lull.Pass{p}, c.gate.Phase) {
				t.Error("the deployment waits for its own job")
			}
			inner := lull.Hold{ID: "inner", Kind: lull.Deployment, Holder: stranger, Queue: true, Parent: "j0", PartOf: c.hint}
			if _, refused := errors.AsType[*lull.InsideError](c.gate.CheckParent(inner, true)); refused != (c.partOf == "") {
				t.Errorf("a deployment inside a job of it is refused: %t", refused)
			}
			want := c.partOf
			if want == "" {
				want = "inner"
			}
			if _, h, _, err := c.gate.Close(inner, noon(12*time.Minute)); err != nil || h.ID != want {
				t.Errorf("a deployment inside it gets %q, %v; want %q", h.ID, err, want)
			}
		})
	}
}

func TestCrashHoldEndsWhenItsDeploymentClosesAnew(t *testing.T) {
	g, _ := crashedWithHold(t)
	g, events := closedAnew(t, g, "d2", "d1")
	wantGate(t, g, 1, "d2", "", "")
	wantEvents(t, events, "closed d2", "released d1")
	if e := events[1]; e.Reason != "its deployment goes on" || e.Hold != lull.Person || e.Phase != 1 {
		t.Errorf("event %+v", e)
	}
	g, events = opened(t, g, "d2")
	wantGate(t, g, 2, "", "", "")
	wantEvents(t, events, "released d2", "opened d2")
}

func TestCrashHoldEndsAlsoWhenItsDeploymentIsLostAgain(t *testing.T) {
	for _, c := range []struct {
		name, resumes string
		begins        bool
	}{
		{"begun again, named by the first hold", "d1", true},
		{"begun again, named by the last hold", "d2", true},
		{"not begun again, named by the first hold", "d1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, _ := crashedWithHold(t)
			g, _ = closedAnew(t, g, "d2", "d1")
			if c.begins {
				g = begun(t, g, "d2")
			}
			g, _ = g.Sweep(fates(map[string]lull.Fate{"d2": lull.Crashed}), noon(12*time.Minute))
			wantGate(t, g, 1, "d2", "", "")
			g, events := closedAnew(t, g, "d3", c.resumes)
			wantGate(t, g, 1, "d3", "", "")
			wantEvents(t, events, "closed d3", "released d2")
		})
	}
}

func TestLooseCommandIsTakenBackAlsoWhenItWasLostBefore(t *testing.T) {
	for _, resumes := range []string{"d1", "d2"} {
		g, _ := begun(t, gateWith(t, deployment("d1")), "d1").Sweep(fates(map[string]lull.Fate{"d1": lull.Crashed}), noon(time.Minute))
		g, _ = closedAnew(t, g, "d2", "d1")
		g, _ = begun(t, g, "d2").Sweep(fates(map[string]lull.Fate{"d2": lull.Expired}), noon(12*time.Minute))
		g, _ = closedAnew(t, g, "d3", resumes)
		wantGate(t, g, 5, "d3", "", "d2")
		wantGate(t, begun(t, g, "d3"), 5, "d3", "", "")
	}
}

// queuedAnew is a gate at which d1 crashed and is held after it, d9 took its place,
// and d1 is closed anew as d2, behind that.
func queuedAnew(t *testing.T) lull.Gate {
	t.Helper()
	g, _ := crashedWithHold(t, deployment("d9"))
	g, events := closedAnew(t, g, "d2", "d1")
	wantGate(t, g, 1, "d1 d9", "d2", "")
	wantEvents(t, events, "queued d2")
	return g
}

func TestCrashHoldStaysWhileItsDeploymentIsQueued(t *testing.T) {
	g, events := opened(t, queuedAnew(t), "d9")
	wantGate(t, g, 1, "d2", "", "")
	wantEvents(t, events, "released d9", "closed d2", "released d1")

	g, _, events, err := queuedAnew(t).Open("d2", lull.Outcome{By: deployer, Ran: time.Hour}, noon(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	wantGate(t, g, 1, "d9", "", "") // it has ended properly: nothing is left to look at
	wantEvents(t, events, "ended d2", "released d1", "released d2")

	for name, out := range map[string]lull.Outcome{"it gave up its place": {By: deployer}, "it was turned out": {By: stranger, Force: true, Ran: time.Hour}} {
		g, _, _, err := queuedAnew(t).Open("d2", out, noon(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if len(g.Holds) != 2 {
			t.Errorf("%s: held by %+v, want d1 and d9", name, g.Holds)
		}
	}
	g, _ = queuedAnew(t).Sweep(fates(map[string]lull.Fate{"d2": lull.Crashed}), noon(time.Hour))
	wantGate(t, g, 1, "d1 d9", "", "")
}

// The answer of closing anew was lost, and it was done once more.
func TestHoldThatIsQueuedBehindItsOwnDeploymentEndsAlone(t *testing.T) {
	g, _ := begun(t, gateWith(t, deployment("d1")), "d1").Sweep(fates(map[string]lull.Fate{"d1": lull.Crashed}), noon(time.Minute))
	g, _ = closedAnew(t, g, "d2", "d1")
	g, _ = closedAnew(t, g, "d3", "d1")
	g, _, events := told(t, g, "d3", deployer)
	wantGate(t, g, 3, "d2", "", "")
	wantEvents(t, events, "ended d3", "released d3")
}

// A store that made its gate anew may have the order of its holds from a clock that
// was set.
func TestCrashHoldThatIsOverEndsOnce(t *testing.T) {
	g := queuedAnew(t)
	g.Holds[0], g.Holds[1] = g.Holds[1], g.Holds[0]
	g, events := g.Sweep(fates(map[string]lull.Fate{"d1": lull.Expired, "d9": lull.Crashed}), noon(time.Hour))
	wantGate(t, g, 1, "d2", "", "")
	wantEvents(t, events, "crashed d9", "closed d2", "released d1")
}

func TestNobodyElsesHoldEndsWhenADeploymentClosesAnew(t *testing.T) {
	other, own := personsHold("p1"), personsHold("p2")
	own.Holder = deployer
	for name, change := range map[string]func(*lull.Hold){
		"another process's": func(h *lull.Hold) { h.Holder.PID++ },
		"another user's":    func(h *lull.Hold) { h.Holder = stranger },
		"not resumed":       func(h *lull.Hold) { h.Resumes = "" },
		"of another ID":     func(h *lull.Hold) { h.Resumes = "d0" },
	} {
		g, _ := crashedWithHold(t, other, own)
		anew := deployment("d2")
		anew.Resumes = "d1"
		change(&anew)
		g, _, events, err := g.Close(anew, noon(11*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if len(events) != 1 || len(g.Holds) != 4 {
			t.Errorf("%s: %+v, held by %+v", name, events, g.Holds)
		}
	}
	g, _ := crashedWithHold(t, other, own)
	g, _ = closedAnew(t, g, "d2", "d1")
	wantGate(t, g, 1, "p1 p2 d2", "", "")
}
