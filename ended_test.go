package lull_test

import (
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

func TestEndOfTheCommandIsKept(t *testing.T) {
	status := 3
	g := begun(t, gateWith(t, deployment("d1")), "d1")
	g, _, events, err := g.Open("d1", lull.Outcome{By: deployer, ExitCode: &status, Ran: time.Minute}, noon(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	wantGate(t, g, 2, "", "", "")
	wantEvents(t, events, "ended d1", "released d1", "opened d1")
	if e := events[0]; e.ExitCode == nil || *e.ExitCode != 3 || e.Ran != time.Minute {
		t.Errorf("event %+v", e)
	}
}

func TestOverdueCommandStaysLoose(t *testing.T) {
	g := begun(t, gateWith(t, deployment("d1")), "d1")
	g, events := g.Sweep(fates(map[string]lull.Fate{"d1": lull.Expired}), noon(30*time.Minute))
	wantGate(t, g, 2, "", "", "d1")
	wantEvents(t, events, "overdue d1", "opened d1")

	same, gone, events, err := g.Open("d1", lull.Outcome{By: stranger, Force: true}, noon(time.Hour))
	if !gone || err != nil {
		t.Errorf("gone %t, %v", gone, err)
	}
	wantGate(t, same, 2, "", "", "d1")
	wantEvents(t, events)

	g, gone, events, err = g.Open("d1", lull.Outcome{By: deployer, Ran: time.Hour}, noon(time.Hour))
	if !gone || err != nil {
		t.Errorf("gone %t, %v", gone, err)
	}
	wantGate(t, g, 2, "", "", "")
	wantEvents(t, events, "ended d1")
}

func TestForcedOpeningLeavesTheCommandLoose(t *testing.T) {
	g := begun(t, gateWith(t, deployment("d1"), deployment("d2")), "d1")
	g, _, _, err := g.Open("d1", lull.Outcome{By: stranger, Force: true}, noon(0))
	if err != nil {
		t.Fatal(err)
	}
	wantGate(t, g, 3, "d2", "", "d1")
	g, events := g.Sweep(fates(map[string]lull.Fate{"d1": lull.Crashed}), noon(time.Minute))
	wantGate(t, g, 3, "d2", "", "")
	wantEvents(t, events, "crashed d1")
}

// told is the gate after a hold's owner has told, at noon plus an hour, that its
// command ran for that hour.
func told(t *testing.T, g lull.Gate, id string, by lull.Holder) (_ lull.Gate, gone bool, _ []lull.Event) {
	t.Helper()
	g, gone, events, err := g.Open(id, lull.Outcome{By: by, Ran: time.Hour}, noon(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Kind == lull.EventEnded && (e.Ran != time.Hour || e.Hold != lull.Deployment || e.Holder != by || e.Gate != g.Name) {
			t.Errorf("event %+v", e)
		}
	}
	return g, gone, events
}

func TestEndIsKeptOfACommandThatWasTakenForDead(t *testing.T) {
	g := begun(t, gateWith(t, deployment("d1")), "d1")
	g, _ = g.Sweep(fates(map[string]lull.Fate{"d1": lull.Crashed}), noon(time.Minute))
	g, gone, events := told(t, g, "d1", deployer)
	if !gone {
		t.Error("its hold is said to have been there")
	}
	wantGate(t, g, 2, "", "", "")
	wantEvents(t, events, "ended d1")
}

func TestEndIsKeptOfACommandWhoseHoldACrashHasMadeAPersons(t *testing.T) {
	g, _ := crashedWithHold(t)
	g, gone, events := told(t, g, "d1", deployer)
	if gone {
		t.Error("its hold is said to be gone")
	}
	wantGate(t, g, 2, "", "", "")
	wantEvents(t, events, "ended d1", "released d1", "opened d1")
}

func TestEndIsKeptOfACommandThatDidNotBeginAgain(t *testing.T) {
	for _, c := range []struct {
		name   string
		others []lull.Hold // that it is behind
		fate   lull.Fate   // of its first hold
		held   string
		events []string
	}{
		{"in force, the first hold loose", nil, lull.Expired, "", []string{"ended d2", "released d2", "opened d2"}},
		{"in force, the first hold crashed", nil, lull.Crashed, "", []string{"ended d2", "released d2", "opened d2"}},
		{"queued, the first hold loose", []lull.Hold{deployment("d9")}, lull.Expired, "d9", []string{"ended d2", "released d2"}},
		{"queued, the first hold crashed", []lull.Hold{deployment("d9")}, lull.Crashed, "d9", []string{"ended d2", "released d2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := begun(t, gateWith(t, append([]lull.Hold{deployment("d1")}, c.others...)...), "d1")
			g, _ = g.Sweep(fates(map[string]lull.Fate{"d1": c.fate}), noon(time.Minute))
			anew := deployment("d2")
			anew.Resumes = "d1"
			g, _, _, err := g.Close(anew, noon(2*time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			g, gone, events := told(t, g, "d2", deployer)
			if gone || events[0].Resumes != "d1" {
				t.Errorf("gone %t, event %+v", gone, events[0])
			}
			wantEvents(t, events, c.events...)
			wantGate(t, g, g.Phase, c.held, "", "") // nor is its command loose any more
		})
	}
}

func TestEndOfWhatNeverRanIsNotKept(t *testing.T) {
	crashed, _ := gateWith(t, deployment("d1")).Sweep(fates(map[string]lull.Fate{"d1": lull.Crashed}), noon(time.Minute))
	crashHold, _ := crashedWithHold(t)
	for name, g := range map[string]lull.Gate{"crashed": crashed, "held after a crash": crashHold, "in force": gateWith(t, deployment("d1"))} {
		_, _, events, err := g.Open("d1", lull.Outcome{By: deployer}, noon(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Kind == lull.EventEnded {
				t.Errorf("%s: %+v", name, e)
			}
		}
	}
}

func TestStrangerCannotTellTheEndOfACommand(t *testing.T) {
	colleague := lull.Holder{User: deployer.User, Host: deployer.Host, PID: 77}
	inForce := begun(t, gateWith(t, deployment("d1")), "d1")
	loose, _ := inForce.Sweep(fates(map[string]lull.Fate{"d1": lull.Expired}), noon(30*time.Minute))
	crashHold, _ := crashedWithHold(t)
	for _, c := range []struct {
		name   string
		gate   lull.Gate
		out    lull.Outcome
		events []string
	}{
		{"loose, another user", loose, lull.Outcome{By: stranger}, nil},
		{"loose, another user by force", loose, lull.Outcome{By: stranger, Force: true}, nil},
		{"loose, another process", loose, lull.Outcome{By: colleague}, nil},
		{"in force, by force", inForce, lull.Outcome{By: stranger, Force: true}, []string{"forced d1", "released d1", "opened d1"}},
		{"held after a crash, by force", crashHold, lull.Outcome{By: stranger, Force: true}, []string{"forced d1", "released d1", "opened d1"}},
		{"held after a crash, the same user in another process", crashHold, lull.Outcome{By: colleague}, []string{"released d1", "opened d1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.out.Ran = time.Minute
			after, _, events, err := c.gate.Open("d1", c.out, noon(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			wantEvents(t, events, c.events...)
			if c.gate.Phase.Open() {
				wantGate(t, after, c.gate.Phase, "", "", "d1")
			}
		})
	}
}

// Whose hold it was that is gone the gate does not know: the event says who told it.
func TestStrangersEndOfAHoldThatIsGoneIsTheirs(t *testing.T) {
	g := begun(t, gateWith(t, deployment("d1")), "d1")
	g, _ = g.Sweep(fates(map[string]lull.Fate{"d1": lull.Crashed}), noon(time.Minute))
	_, gone, events := told(t, g, "d1", stranger)
	if !gone || len(events) != 1 || events[0].Holder != stranger {
		t.Errorf("gone %t, %+v", gone, events)
	}
}

func TestHoldWithoutACommandIsNotLoose(t *testing.T) {
	for name, g := range map[string]lull.Gate{"overdue": gateWith(t, deployment("h1")), "expired": gateWith(t, personsHold("h1"))} {
		g, events := g.Sweep(fates(map[string]lull.Fate{"h1": lull.Expired}), noon(time.Hour))
		wantGate(t, g, 2, "", "", "")
		wantEvents(t, events, name+" h1", "opened h1")
	}
}
