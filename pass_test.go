package lull_test

import (
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

func TestAPassIsInsideWhenItsTicketIsNotAboveThePhase(t *testing.T) {
	for _, c := range []struct {
		ticket, phase lull.Phase
		inside        bool
	}{{0, 0, true}, {0, 1, true}, {2, 1, false}, {2, 2, true}, {2, 3, true}, {4, 3, false}} {
		if got := (lull.Pass{Ticket: c.ticket}).Inside(c.phase); got != c.inside {
			t.Errorf("ticket %d in phase %d: inside is %t", c.ticket, c.phase, got)
		}
	}
}

func TestArrivalsTickets(t *testing.T) {
	const held, gone = "d1", "d0"
	outer := &lull.Pass{ID: "outer", Ticket: 2}
	part := &lull.Pass{ID: "part", Ticket: 3, PartOf: held}
	waits := &lull.Pass{ID: "waits", Ticket: 4}
	for _, c := range []struct {
		name   string
		phase  lull.Phase // 3: held by d1, a deployment, and p1, a person's
		pass   lull.Pass
		parent *lull.Pass
		ticket lull.Phase
		partOf string
		events string
	}{
		{name: "at an open gate", phase: 2, ticket: 2},
		{name: "at a closed gate", phase: 3, ticket: 4, events: "waited"},
		{name: "forced at an open gate", phase: 2, pass: lull.Pass{Force: true}, ticket: 2},
		{name: "forced at a closed gate", phase: 3, pass: lull.Pass{Force: true}, ticket: 3, events: "forced"},
		{name: "inside a job, open", phase: 4, parent: outer, ticket: 2},
		{name: "inside a job, closed", phase: 3, parent: outer, ticket: 2},
		{name: "inside a job, forced", phase: 3, pass: lull.Pass{Force: true}, parent: outer, ticket: 2},
		{name: "inside a job that is part of a deployment", phase: 3, parent: part, ticket: 3, partOf: held},
		{name: "inside a job that waits", phase: 3, parent: waits, ticket: 4, events: "waited"},
		{name: "inside a job that waits, forced", phase: 3, pass: lull.Pass{Force: true}, parent: waits, ticket: 3, events: "forced"},
		{name: "inside a job that has left", phase: 3, pass: lull.Pass{Parent: "left"}, ticket: 4, events: "waited"},
		{name: "inside a deployment", phase: 3, pass: lull.Pass{PartOf: held}, ticket: 3, partOf: held},
		{name: "inside a deployment, forced", phase: 3, pass: lull.Pass{PartOf: held, Force: true}, ticket: 3, partOf: held},
		{name: "inside a deployment that is gone", phase: 3, pass: lull.Pass{PartOf: gone}, ticket: 4, events: "waited"},
		{name: "inside a deployment that queues", phase: 3, pass: lull.Pass{PartOf: "d2"}, ticket: 4, events: "waited"},
		{name: "naming a person's hold", phase: 3, pass: lull.Pass{PartOf: "p1"}, ticket: 4, events: "waited"},
		{name: "recorded anew", phase: 3, pass: lull.Pass{Force: true, Resumes: "j0"}, ticket: 3, events: "lost"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := lull.Gate{Name: lull.DefaultGate, Phase: c.phase}
			if !c.phase.Open() {
				g.Holds = []lull.Hold{deployment(held), personsHold("p1")}
				g.Queue = []lull.Hold{deployment("d2")}
			}
			p := c.pass
			if p.ID = "j1"; c.parent != nil {
				p.Parent = c.parent.ID
			}
			p, events := g.Admit(p, c.parent, noon(0))
			if p.Ticket != c.ticket || p.PartOf != c.partOf {
				t.Errorf("ticket %d, part of %q; want %d, %q", p.Ticket, p.PartOf, c.ticket, c.partOf)
			}
			if (p.Parent != "") != (c.parent != nil) {
				t.Errorf("parent %q", p.Parent)
			}
			if inside := p.Inside(c.phase); inside == p.Started.IsZero() {
				t.Errorf("inside is %t, started %v", inside, p.Started)
			}
			if c.events == "" {
				wantEvents(t, events)
			} else {
				wantEvents(t, events, c.events+" j1")
			}
		})
	}
}

func TestNestedJobIsDrainedWithItsParent(t *testing.T) {
	g := gateWith(t)
	parent, _ := g.Admit(lull.Pass{ID: "j1"}, nil, noon(0))
	g = gateWith(t, deployment("d1"))
	child, _ := g.Admit(lull.Pass{ID: "j2", Parent: "j1"}, &parent, noon(0))
	if !child.Inside(g.Phase) {
		t.Error("the child waits for a deployment that waits for its parent")
	}
	if g.Holds[0].Drained([]lull.Pass{child}, g.Phase) {
		t.Error("the deployment does not wait for the child")
	}
}

func TestJobOfADeploymentIsDrainedByEveryOtherHold(t *testing.T) {
	g := gateWith(t, deployment("d1"), personsHold("p1"))
	p, _ := g.Admit(lull.Pass{ID: "j1", PartOf: "d1"}, nil, noon(0))
	if !g.Holds[0].Drained([]lull.Pass{p}, g.Phase) {
		t.Error("the deployment waits for its own job")
	}
	if g.Holds[1].Drained([]lull.Pass{p}, g.Phase) {
		t.Error("another hold does not wait for it")
	}
}

func TestForcedJobIsInsideAtOnce(t *testing.T) {
	g := gateWith(t, deployment("d1"))
	p, _ := g.Admit(lull.Pass{ID: "j1"}, nil, noon(0))
	p, events := g.Force(p, noon(time.Minute))
	if p.Ticket != g.Phase || p.Started != noon(time.Minute) || !p.Force {
		t.Errorf("%+v", p)
	}
	wantEvents(t, events, "forced j1")
	if events[0].Waited != time.Minute {
		t.Errorf("waited %s", events[0].Waited)
	}
	if g.Holds[0].Drained([]lull.Pass{p}, g.Phase) {
		t.Error("the deployment does not wait for it")
	}
	again, events := g.Force(p, noon(2*time.Minute))
	if again.Started != p.Started {
		t.Error("forcing a job that is inside changes it")
	}
	wantEvents(t, events)
}

func TestJobThatRunsAlreadyArrivedEarlier(t *testing.T) {
	p, _ := gateWith(t, deployment("d1")).Admit(lull.Pass{ID: "j1", Force: true, Ran: time.Minute}, nil, noon(0))
	if p.Arrived != noon(-time.Minute) || p.Started != noon(-time.Minute) || p.Heard != noon(0) {
		t.Errorf("%+v", p)
	}
}

func TestHowAJobLeft(t *testing.T) {
	status := 3
	closed := gateWith(t, deployment("d1"))
	for _, c := range []struct {
		name   string
		ticket lull.Phase
		out    lull.Outcome
		want   lull.EventKind
	}{
		{"it ran", 0, lull.Outcome{ExitCode: &status, Waited: time.Second, Ran: time.Minute}, lull.EventLeft},
		{"it gave up waiting", 2, lull.Outcome{TimedOut: true, Waited: time.Minute}, lull.EventTimedOut},
		{"it left while it waited", 2, lull.Outcome{}, lull.EventTimedOut},
		{"it gave up as the gate opened", 0, lull.Outcome{TimedOut: true}, lull.EventTimedOut},
	} {
		e := closed.Leave(lull.Pass{ID: "j1", Gate: closed.Name, Name: "report", PartOf: "d1", Ticket: c.ticket}, c.out)
		if e.Kind != c.want || e.ID != "j1" || e.Name != "report" || e.PartOf != "d1" || e.Phase != 1 {
			t.Errorf("%s: %+v", c.name, e)
		}
		if e.ExitCode != c.out.ExitCode || e.Waited != c.out.Waited || e.Ran != c.out.Ran {
			t.Errorf("%s: %+v, want %+v", c.name, e, c.out)
		}
	}
}

func TestAbandonedJobRanSinceItWasToldThatItIsInside(t *testing.T) {
	g := gateWith(t, deployment("d1"))
	for _, c := range []struct {
		name string
		pass lull.Pass
		ran  time.Duration
	}{
		{"it was told", lull.Pass{Ticket: 0, Arrived: noon(0), Started: noon(time.Minute)}, 9 * time.Minute},
		{"it was inside, but never told", lull.Pass{Ticket: 0, Arrived: noon(0)}, 0},
		{"it waited", lull.Pass{Ticket: 2, Arrived: noon(0)}, 0},
	} {
		if e := g.Abandon(c.pass, noon(10*time.Minute)); e.Kind != lull.EventAbandoned || e.Ran != c.ran {
			t.Errorf("%s: %+v, want %s", c.name, e, c.ran)
		}
	}
}
