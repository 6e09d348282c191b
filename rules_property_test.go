package lull_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lull-dev/lull"
)

// TestRulesKeepTheirPromises drives the rules as a store would, in random order,
// and compares each step with the model. Check holds the promises of DESIGN section
// 4 that can be said of plain values.
func TestRulesKeepTheirPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		for range 4 { // rapid's own length is too short for a deployment that is lost, resumed and lost again
			t.Repeat(rapid.StateMachineActions(w))
		}
		w.everyClosureEnds(t)
	})
}

// world is a store without the storing: the rules' values on one side, the model
// on the other. Its exported methods are what may happen.
type world struct {
	m         *model
	gate      lull.Gate
	passes    []lull.Pass
	events    []lull.Event
	fresh     []lull.Event // of the step that is being made
	processes []*process
	wallSkew  time.Duration
	ids       int
	faults    []string // of purity, told by Check
}

func newWorld() *world {
	return &world{m: &model{}, gate: lull.Gate{Name: lull.DefaultGate}}
}

// What jobs do.

func (w *world) JobArrives(t *rapid.T) {
	w.m.step++
	w.arrive(lull.Pass{}, rapid.Bool().Draw(t, "forced"))
}

func (w *world) JobArrivesInsideAJob(t *rapid.T) {
	w.m.step++
	parent := "left-long-ago"
	if len(w.m.jobs) > 0 && rapid.IntRange(0, 4).Draw(t, "live parent") > 0 {
		parent = pick(t, "parent", w.m.jobs, func(*modelJob) bool { return true }).id
	}
	w.arrive(lull.Pass{Parent: parent}, rapid.Bool().Draw(t, "forced"))
}

func (w *world) JobArrivesInsideADeployment(t *rapid.T) {
	w.m.step++
	w.arrive(lull.Pass{PartOf: w.hint(t)}, false)
}

func (w *world) JobLearnsThatItIsInside(t *rapid.T) {
	w.m.step++
	j := pick(t, "job", w.m.jobs, func(j *modelJob) bool { return j.inside && !j.told && !j.dead })
	w.m.tell(j)
	p := w.pass(j.id)
	p.Started = w.now()
}

func (w *world) JobIsForced(t *rapid.T) {
	w.m.step++
	j := pick(t, "job", w.m.jobs, func(j *modelJob) bool { return !j.told && !j.dead })
	w.m.force(j)
	p := w.pass(j.id)
	var events []lull.Event
	*p, events = w.gate.Force(*p, w.now())
	w.keep(events)
}

func (w *world) JobLeaves(t *rapid.T) {
	w.m.step++
	j := pick(t, "job", w.m.jobs, func(j *modelJob) bool { return !j.dead })
	out := lull.Outcome{TimedOut: !j.told}
	if j.told {
		out.Ran = w.m.now - j.started
	}
	w.keep([]lull.Event{w.gate.Leave(*w.pass(j.id), out)})
	w.forget(j.id)
	w.m.leave(j)
}

func (w *world) JobIsKilled(t *rapid.T) {
	w.m.step++
	pick(t, "job", w.m.jobs, func(j *modelJob) bool { return !j.dead }).dead = true
}

// What people and deployments do.

func (w *world) PersonCloses(t *rapid.T) {
	w.m.step++
	w.sweep()
	w.close(t, &modelHold{limit: drawLimit(t)}, lull.Hold{Kind: lull.Person, Holder: person})
}

func (w *world) DeploymentCloses(t *rapid.T) {
	w.m.step++
	w.sweep()
	h := &modelHold{deployment: true, limit: drawLimit(t), by: w.newProcess()}
	h.crashHold = drawCrashHold(t)
	w.close(t, h, lull.Hold{Kind: lull.Deployment, Holder: h.by.holder(), Queue: rapid.Bool().Draw(t, "queues")})
}

func (w *world) DeploymentClosesInsideAnother(t *rapid.T) {
	w.m.step++
	w.sweep()
	h := &modelHold{deployment: true, by: w.newProcess()}
	real := lull.Hold{Kind: lull.Deployment, Holder: h.by.holder(), Parent: "a live job", PartOf: w.hint(t)}
	_, refused := errors.AsType[*lull.InsideError](w.gate.CheckParent(real, true))
	if joins := w.m.around(real.PartOf) != nil; refused == joins {
		t.Fatalf("inside %s, it is refused: %t", real.PartOf, refused)
	}
	w.close(t, h, real)
}

// hint is the ID that a child carries: of a hold that is there, or was when it was
// started.
func (w *world) hint(t *rapid.T) string {
	return pick(t, "hint", w.m.all, func(h *modelHold) bool {
		goesOn := h.by != nil && h.by.alive && h.by.command != nil && h.by.command.ids[0] == h.id
		return goesOn || w.m.there(h) || slices.Contains(w.m.loose, h)
	}).id
}

func (w *world) CloseIsRepeated(t *rapid.T) {
	w.m.step++
	w.sweep()
	h := pick(t, "hold", slices.Concat(w.m.holds, w.m.queue), anyHold)
	w.close(t, h, lull.Hold{Kind: lull.Deployment, Holder: w.hold(h.id).Holder})
}

// DeploymentClosesAnew is what a deployment does whose hold is gone while its
// command runs: its limit came, somebody opened it, or its lease lapsed.
func (w *world) DeploymentClosesAnew(t *rapid.T) {
	w.m.step++
	w.sweep()
	by := pick(t, "process", w.processes, func(p *process) bool {
		return p.alive && p.command != nil && !p.command.over && !slices.ContainsFunc(slices.Concat(w.m.holds, w.m.queue),
			func(h *modelHold) bool { return h.by == p && h.deployment })
	})
	h := &modelHold{deployment: true, by: by, resumes: by.command.ids[0]}
	h.crashHold = drawCrashHold(t)
	w.close(t, h, lull.Hold{Kind: lull.Deployment, Holder: by.holder(), Queue: true, Resumes: h.resumes})
}

func (w *world) DeploymentBegins(t *rapid.T) {
	w.m.step++
	h := pick(t, "hold", slices.Concat(w.m.holds, w.m.queue, w.m.loose), func(h *modelHold) bool { return h.by != nil && h.by.alive })
	how := lull.Start{Undrained: rapid.Bool().Draw(t, "undrained") || h.by.command != nil}
	if h.by.command != nil {
		how.Ran = w.m.now - h.by.command.begun
	}
	real, held, _ := w.gate.Find(h.id)
	drained := held && real.Drained(w.passes, w.gate.Phase)
	err := w.change(func(g lull.Gate) (lull.Gate, []lull.Event, error) { return g.Begin(h.id, how, drained, w.now()) })
	want := w.m.begin(h, how.Undrained)
	if got := map[error]string{nil: "", lull.ErrGone: "gone", lull.ErrNotDrained: "not drained"}[err]; got != want {
		t.Fatalf("Begin(%s) = %v, want %q", h.id, err, want)
	}
}

func (w *world) DeploymentStopsTheJobs(t *rapid.T) {
	w.m.step++
	h := pick(t, "hold", w.m.holds, func(h *modelHold) bool { return h.deployment && h.by.alive })
	h.asksToStop = true
	err := w.change(func(g lull.Gate) (lull.Gate, []lull.Event, error) { g, err := g.Stop(h.id); return g, nil, err })
	if err != nil {
		t.Fatalf("Stop(%s): %v", h.id, err)
	}
}

func (w *world) OwnerOpens(t *rapid.T) {
	w.m.step++
	h := pick(t, "hold", w.m.all, func(h *modelHold) bool { return h.by == nil && w.m.there(h) || h.by != nil && h.by.alive })
	w.open(t, h, lull.Outcome{By: h.holder()})
	if h.by != nil { // its process ends with it
		h.by.alive = false
	}
}

// OwnerOpensAgain is that an answer was lost, or that the deployment's other hold is
// opened too.
func (w *world) OwnerOpensAgain(t *rapid.T) {
	w.m.step++
	h := pick(t, "hold", w.m.all, func(h *modelHold) bool { return h.by != nil && h.by.command != nil && h.by.command.over })
	w.open(t, h, lull.Outcome{By: h.holder()})
}

// SomebodyElseTellsAnEnd of a command that is not theirs. Where nobody knows any more
// whose it is, it is kept, and must change nothing.
func (w *world) SomebodyElseTellsAnEnd(t *rapid.T) {
	w.m.step++
	h := pick(t, "hold", w.m.all, func(h *modelHold) bool { return h.by != nil })
	colleague := lull.Holder{User: h.holder().User, Host: h.holder().Host, PID: 4711}
	by := rapid.SampledFrom([]lull.Holder{stranger, colleague}).Draw(t, "by")
	ran := time.Duration(rapid.IntRange(1, 3600).Draw(t, "ran")) * time.Second
	var gone bool
	err := w.change(func(g lull.Gate) (_ lull.Gate, events []lull.Event, err error) {
		g, gone, events, err = g.Open(h.id, lull.Outcome{By: by, Ran: ran}, w.now())
		return g, events, err
	})
	there, loose := w.m.there(h), slices.Contains(w.m.loose, h)
	_, refused := errors.AsType[*lull.NotYoursError](err)
	mayOpen := there && !h.deployment && by == colleague // what a crash left is a person's hold
	if gone == there || refused != (there && !mayOpen) || err != nil && !refused {
		t.Fatalf("Open(%s) by %v = gone %t, %v", h.id, by, gone, err)
	}
	switch {
	case mayOpen:
		w.m.release(h)
	case !there && !loose:
		w.m.say("ended", h.id)
	}
}

func (w *world) SomebodyElseOpens(t *rapid.T) {
	w.m.step++
	h := pick(t, "hold", slices.Concat(w.m.holds, w.m.queue), anyHold)
	before := w.gate
	_, _, _, err := w.gate.Open(h.id, lull.Outcome{By: stranger}, w.now())
	if _, ok := errors.AsType[*lull.NotYoursError](err); !ok || !reflect.DeepEqual(w.gate, before) {
		t.Fatalf("a stranger opened %s without force: %v", h.id, err)
	}
	w.open(t, h, lull.Outcome{By: stranger, Force: true})
}

func (w *world) HoldIsExtended(t *rapid.T) {
	w.m.step++
	h := pick(t, "hold", slices.Concat(w.m.holds, w.m.queue), anyHold)
	limit := drawLimit(t)
	err := w.change(func(g lull.Gate) (lull.Gate, []lull.Event, error) {
		g, _, events, err := g.Extend(h.id, lull.Extension{Limit: limit, By: stranger, Force: true}, w.now())
		return g, events, err
	})
	if due := h.ends > 0 && h.ends <= w.m.now; due || slices.Contains(w.m.queue, h) {
		if err != lull.ErrGone {
			t.Fatalf("Extend(%s), which is over or queued, = %v", h.id, err)
		}
		return
	}
	if err != nil {
		t.Fatalf("Extend(%s): %v", h.id, err)
	}
	w.m.setLimit(h, limit)
	w.m.say("extended", h.id)
}

// What befalls them.

func (w *world) DeploymentIsKilled(t *rapid.T) {
	w.m.step++
	p := pick(t, "process", w.processes, func(p *process) bool { return p.alive })
	w.lastHeard(func(h *modelHold) bool { return h.by == p && !h.lapsed })
	p.alive = false
}

func (w *world) LeaseLapses(t *rapid.T) {
	w.m.step++
	h := pick(t, "hold", slices.Concat(w.m.holds, w.m.queue, w.m.loose), func(h *modelHold) bool { return h.deployment && h.by.alive && !h.lapsed })
	w.lastHeard(func(o *modelHold) bool { return o == h })
	h.lapsed = true
}

func (w *world) TimePasses(t *rapid.T) {
	w.m.step++
	w.m.pass(rapid.SampledFrom([]time.Duration{time.Second, 5 * time.Minute, 29 * time.Minute, time.Hour}).Draw(t, "time"))
}

func (w *world) WallClockJumps(t *rapid.T) {
	w.m.step++
	w.wallSkew += time.Duration(rapid.IntRange(-3, 3).Draw(t, "hours")) * time.Hour
}

func (w *world) StoreLooks(t *rapid.T) {
	w.m.step++
	w.sweep()
}

// Check is what must be true after every step.
func (w *world) Check(t *rapid.T) {
	m, g := w.m, w.gate
	fail := func(format string, a ...any) {
		t.Helper()
		t.Fatalf("%s\ngate %+v\nmodel at %s", fmt.Sprintf(format, a...), g, m)
	}
	for _, fault := range w.faults {
		fail("%s", fault)
	}
	if err := g.Check(); err != nil {
		fail("Check: %v", err)
	}
	if g.Phase != lull.Phase(m.openings+m.closings) {
		fail("phase %d after %d openings and %d closings", g.Phase, m.openings, m.closings)
	}
	if g.Phase.Open() == m.closed() {
		fail("a gate is closed exactly while it has a hold")
	}
	w.checkHistory(fail)
	w.checkHolds(fail)
	w.checkPasses(fail)
	w.checkExclusion(fail)
	w.checkFairness(fail)
	w.checkCasualties(fail)
	w.m.log, w.fresh = nil, nil
}

type failure func(string, ...any)

func (w *world) checkHistory(fail failure) {
	var got []string
	for i, e := range w.fresh {
		got = append(got, string(e.Kind)+" "+e.ID)
		if i > 0 && e.Phase < w.fresh[i-1].Phase {
			fail("phases of events fall: %+v", w.fresh)
		}
	}
	if !slices.Equal(got, w.m.log) {
		fail("events %q, want %q", got, w.m.log)
	}
	if n := len(w.fresh); n > 0 && w.fresh[n-1].Phase != w.gate.Phase {
		fail("the last event is of phase %d", w.fresh[n-1].Phase)
	}
}

func (w *world) checkHolds(fail failure) {
	for _, pair := range []struct {
		what string
		real []lull.Hold
		want []*modelHold
	}{{"held", w.gate.Holds, w.m.holds}, {"queued", w.gate.Queue, w.m.queue}, {"loose", w.gate.Loose, w.m.loose}} {
		if len(pair.real) != len(pair.want) {
			fail("%d %s, want %d", len(pair.real), pair.what, len(pair.want))
		}
		for i, h := range pair.real {
			want := pair.want[i]
			if h.ID != want.id || (h.Kind == lull.Deployment) != want.deployment || h.Begun.IsZero() == want.begun {
				fail("%s at %d: %+v, want %+v", pair.what, i, h, want)
			}
			if drained := len(w.m.blockers(want)) == 0; h.Drained(w.passes, w.gate.Phase) != drained {
				fail("Drained(%s) = %t, want %t", h.ID, !drained, drained)
			}
			if pair.what == "held" && (h.Ends.IsZero() != (want.ends == 0) || want.ends != 0 && h.Ends.Sub(w.now()) != want.ends-w.m.now) {
				fail("%s ends %+v, want at %s", h.ID, h.Ends, want.ends)
			}
		}
	}
	if !slices.IsSortedFunc(w.gate.Holds, func(a, b lull.Hold) int { return int(a.Phase - b.Phase) }) {
		fail("holds are not in the order in which they came into force")
	}
}

func (w *world) checkPasses(fail failure) {
	if len(w.passes) != len(w.m.jobs) {
		fail("%d passes, want %d", len(w.passes), len(w.m.jobs))
	}
	for _, p := range w.passes {
		j := w.m.job(p.ID)
		if p.Inside(w.gate.Phase) != j.inside {
			fail("%s with ticket %d: inside is %t", p.ID, p.Ticket, !j.inside)
		}
		if p.PartOf != j.partOf || p.Started.IsZero() == j.told {
			fail("%+v, want %+v", p, j)
		}
		stops := slices.ContainsFunc(w.m.holds, func(h *modelHold) bool { return h.asksToStop && j.inside && j.partOf != h.id })
		if w.gate.Stops(p) != stops {
			fail("Stops(%s) = %t", p.ID, !stops)
		}
	}
}

// checkExclusion is promise 1, the first half: beside a command that began drained
// and still has its hold runs nobody but its own jobs and those who came uninvited
// since.
func (w *world) checkExclusion(fail failure) {
	running := 0
	for _, c := range w.m.commands {
		if !c.clean || !c.running {
			continue
		}
		running++
		for _, p := range w.passes {
			j := w.m.job(p.ID)
			own := p.PartOf != "" && slices.Contains(c.ids, p.PartOf)
			if p.Inside(w.gate.Phase) && !own && j.uninvited < c.step {
				fail("%s is inside beside the command of %v", p.ID, c.ids)
			}
		}
	}
	if running > 1 {
		fail("%d deployments run at once, each under its hold", running)
	}
}

// checkFairness is promises 2 and 4: nobody but the uninvited is let in while the
// gate is closed, a job waits for one closed phase, and a deployment for those who
// were inside before it.
func (w *world) checkFairness(fail failure) {
	for _, p := range w.passes {
		j := w.m.job(p.ID)
		if !p.Inside(w.gate.Phase) && j.openings != w.m.openings {
			fail("%s has waited for more than one closed phase", p.ID)
		}
	}
	for _, h := range w.gate.Holds {
		want := find(w.m.holds, h.ID)
		for _, p := range w.passes {
			j := w.m.job(p.ID)
			if want.deployment && h.BlockedBy(p, w.gate.Phase) && !slices.Contains(want.admitted, j) && j.uninvited == 0 {
				fail("deployment %s waits for %s, which came after it", h.ID, p.ID)
			}
		}
	}
}

// checkCasualties is promise 1, the second half: whoever met a command is in the
// history.
func (w *world) checkCasualties(fail failure) {
	for _, e := range lull.MarkCasualties(w.events) {
		j := w.m.job(e.ID)
		ended := e.Kind == lull.EventLeft || e.Kind == lull.EventAbandoned
		if want := ended && j != nil && j.casualty(); e.Casualty != want {
			fail("%s %s: casualty is %t\nevents %s", e.Kind, e.ID, e.Casualty, story(w.events))
		}
	}
}

// everyClosureEnds is promise 3: when all processes are dead and time passes, the
// gate opens, unless somebody typed that it shall not.
func (w *world) everyClosureEnds(t *rapid.T) {
	w.m.step++
	w.lastHeard(func(h *modelHold) bool { return h.by != nil && h.by.alive && !h.lapsed })
	for _, p := range w.processes {
		p.alive = false
	}
	for range 3 { // a crash may leave a hold, and its command outlive it
		w.m.pass(2 * time.Hour)
		w.sweep()
		w.Check(t)
	}
	for _, h := range w.gate.Holds {
		if h.Kind != lull.Person || h.Limit != lull.NoLimit {
			t.Fatalf("this hold never ends: %+v", h)
		}
	}
	if len(w.gate.Queue)+len(w.gate.Loose) > 0 {
		t.Fatalf("the dead are still there: %+v", w.gate)
	}
	for _, p := range w.passes {
		if w.gate.Phase.Open() && !p.Inside(w.gate.Phase) {
			t.Fatalf("%s waits at an open gate", p.ID)
		}
	}
}

// The parts of a step.

func (w *world) now() lull.Moment {
	m := noon(w.m.now)
	m.Wall = m.Wall.Add(w.wallSkew)
	return m
}

func (w *world) newID(kind string) string {
	w.ids++
	return fmt.Sprintf("%s%d", kind, w.ids)
}

func (w *world) newProcess() *process {
	p := &process{pid: len(w.processes) + 1, alive: true}
	w.processes = append(w.processes, p)
	return p
}

func (h *modelHold) holder() lull.Holder {
	if h.by == nil {
		return person
	}
	return h.by.holder()
}

func (p *process) holder() lull.Holder { return lull.Holder{User: "deploy", Host: "web1", PID: p.pid} }

func (w *world) arrive(p lull.Pass, force bool) {
	w.sweep()
	p.ID, p.Gate, p.Force = w.newID("job"), w.gate.Name, force
	parent := w.pass(p.Parent)
	w.m.arrive(p.ID, w.m.live(p.Parent), p.PartOf, force)
	p, events := w.gate.Admit(p, parent, w.now())
	w.passes = append(w.passes, p)
	w.keep(events)
}

func (m *model) live(id string) *modelJob {
	if j := m.job(id); slices.Contains(m.jobs, j) {
		return j
	}
	return nil
}

func (w *world) close(t *rapid.T, h *modelHold, real lull.Hold) {
	if h.id == "" {
		h.id = w.newID("hold")
	}
	real.ID, real.Gate, real.Limit, real.CrashHold = h.id, w.gate.Name, h.limit, h.crashHold
	var got lull.Hold
	err := w.change(func(g lull.Gate) (_ lull.Gate, events []lull.Event, err error) {
		g, got, events, err = g.Close(real, w.now())
		return g, events, err
	})
	want := w.m.close(h, real.Queue, real.PartOf)
	busy, isBusy := errors.AsType[*lull.BusyError](err)
	switch want {
	case "busy":
		if !isBusy || busy.Hold.ID != w.m.deployment().id {
			t.Fatalf("Close = %v, want busy with %s", err, w.m.deployment().id)
		}
		h.by.alive = false
		return
	case "joined":
		if want := w.m.around(real.PartOf).id; err != nil || got.ID != want {
			t.Fatalf("Close inside %s = %s, %v; want %s", real.PartOf, got.ID, err, want)
		}
		h.by.alive = false
		return
	}
	if err != nil || got.ID != h.id || (got.State == lull.Queued) != slices.Contains(w.m.queue, h) {
		t.Fatalf("Close = %+v, %v, want %s", got, err, want)
	}
}

func (w *world) open(t *rapid.T, h *modelHold, out lull.Outcome) {
	own := out.By != stranger
	tells := own && h.by != nil && h.by.command != nil
	if tells {
		w.letItTakeTime(h.by.command)
	}
	w.sweepIf(t)
	if tells {
		out.Ran = h.by.command.lasted(w.m.now)
	}
	there := w.m.there(h)
	var gone bool
	err := w.change(func(g lull.Gate) (_ lull.Gate, events []lull.Event, err error) {
		g, gone, events, err = g.Open(h.id, out, w.now())
		return g, events, err
	})
	if err != nil || gone == there {
		t.Fatalf("Open(%s) = gone %t, %v", h.id, gone, err)
	}
	w.m.open(h, own)
}

// sweepIf looks first, as stores do, or not, as rules must bear it.
func (w *world) sweepIf(t *rapid.T) {
	if len(w.m.queue) > 0 || rapid.Bool().Draw(t, "looks first") {
		w.sweep()
	}
}

// letItTakeTime keeps commands from being over in the instant they began: whether
// such a one met anybody is a question for the tables.
func (w *world) letItTakeTime(c *modelCommand) {
	if c.begun == w.m.now {
		w.m.pass(time.Second)
	}
}

func (w *world) sweep() {
	for _, c := range w.m.commands {
		w.letItTakeTime(c)
	}
	for _, p := range slices.Clone(w.passes) {
		if w.m.job(p.ID).dead {
			w.keep([]lull.Event{w.gate.Abandon(p, w.now())})
			w.forget(p.ID)
		}
	}
	all := slices.Concat(w.m.holds, w.m.queue, w.m.loose)
	over := func(h lull.Hold) lull.Fate {
		switch {
		case find(all, h.ID).lost():
			return lull.Crashed
		case h.Ends.Passed(w.now()):
			return lull.Expired
		}
		return lull.Alive
	}
	_ = w.change(func(g lull.Gate) (lull.Gate, []lull.Event, error) {
		g, events := g.Sweep(over, w.now())
		return g, events, nil
	})
	w.m.sweep()
}

// lastHeard notes the last sign of life of some holds, as the store would have.
func (w *world) lastHeard(chosen func(*modelHold) bool) {
	for _, holds := range []*[]lull.Hold{&w.gate.Holds, &w.gate.Queue} {
		*holds = slices.Clone(*holds)
		for i, h := range *holds {
			if of := find(slices.Concat(w.m.holds, w.m.queue), h.ID); chosen(of) {
				(*holds)[i].Heard, of.heard = w.now(), w.m.now
			}
		}
	}
}

// change applies a rule, and sees that it leaves the value it was given alone, also
// where that value's slices have room to grow into.
func (w *world) change(rule func(lull.Gate) (lull.Gate, []lull.Event, error)) error {
	old := roomy(w.gate)
	before := roomy(old)
	after, events, err := rule(old)
	if !reflect.DeepEqual(whole(old), whole(before)) {
		w.faults = append(w.faults, fmt.Sprintf("the rule changed the gate it was given, %+v, to %+v", before, old))
	}
	if d := after.Phase - w.gate.Phase; d < 0 || d > 2 {
		w.faults = append(w.faults, fmt.Sprintf("the phase went from %d to %d in one step", w.gate.Phase, after.Phase))
	}
	if err != nil && !reflect.DeepEqual(after, old) {
		w.faults = append(w.faults, fmt.Sprintf("the gate changed although the answer was %v", err))
	}
	w.gate = after
	w.keep(events)
	return err
}

// roomy is the same gate in memory of its own, with room at the end of each slice.
func roomy(g lull.Gate) lull.Gate {
	for _, holds := range []*[]lull.Hold{&g.Holds, &g.Queue, &g.Loose} {
		if *holds != nil {
			*holds = append(make([]lull.Hold, 0, len(*holds)+3), *holds...)
		}
	}
	return g
}

// whole is all that a gate's slices could show, their spare room too.
func whole(g lull.Gate) [4]any {
	return [4]any{g.Phase, g.Holds[:cap(g.Holds)], g.Queue[:cap(g.Queue)], g.Loose[:cap(g.Loose)]}
}

func (w *world) keep(events []lull.Event) {
	for _, e := range events {
		e.At = w.now()
		if e.Gate != w.gate.Name {
			w.faults = append(w.faults, fmt.Sprintf("event of gate %q: %+v", e.Gate, e))
		}
		w.events, w.fresh = append(w.events, e), append(w.fresh, e)
	}
}

func (w *world) pass(id string) *lull.Pass {
	i := slices.IndexFunc(w.passes, func(p lull.Pass) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	return &w.passes[i]
}

func (w *world) forget(id string) {
	w.passes = slices.DeleteFunc(slices.Clone(w.passes), func(p lull.Pass) bool { return p.ID == id })
}

func (w *world) hold(id string) lull.Hold {
	for _, h := range slices.Concat(w.gate.Holds, w.gate.Queue, w.gate.Loose) {
		if h.ID == id {
			return h
		}
	}
	return lull.Hold{}
}

func anyHold(*modelHold) bool { return true }

func drawLimit(t *rapid.T) time.Duration {
	return rapid.SampledFrom([]time.Duration{0, 10 * time.Minute, 50 * time.Minute, lull.NoLimit}).Draw(t, "limit")
}

func drawCrashHold(t *rapid.T) time.Duration {
	return rapid.SampledFrom([]time.Duration{0, 20 * time.Minute}).Draw(t, "crash hold")
}

// pick draws one of those that qualify; without any, the action is not possible.
func pick[T any](t *rapid.T, label string, from []T, qualifies func(T) bool) T {
	from = slices.DeleteFunc(slices.Clone(from), func(x T) bool { return !qualifies(x) })
	if len(from) == 0 {
		t.Skip("none")
	}
	return from[rapid.IntRange(0, len(from)-1).Draw(t, label)]
}

func story(events []lull.Event) string {
	var s strings.Builder
	for _, e := range events {
		fmt.Fprintf(&s, "\n  %s %s %s part of %q resumes %q ran %s", e.At.Up, e.Kind, e.ID, e.PartOf, e.Resumes, e.Ran)
	}
	return s.String()
}
