package lull_test

import (
	"slices"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

// history makes events out of lines: when, in minutes after noon, what, of which
// ID. A job that left at 7 and ran for 3 is {7, "left", "j1", ran(3)}.
type line struct {
	at   int
	kind lull.EventKind
	id   string
	more func(*lull.Event)
}

func ran(minutes int) func(*lull.Event) {
	return func(e *lull.Event) { e.Ran = time.Duration(minutes) * time.Minute }
}

func part(of string, minutes int) func(*lull.Event) {
	return func(e *lull.Event) { e.PartOf = of; ran(minutes)(e) }
}

func resumes(id string, minutes int) func(*lull.Event) {
	return func(e *lull.Event) { e.Resumes = id; ran(minutes)(e) }
}

// by is of another process than the other lines are.
func by(who lull.Holder, more func(*lull.Event)) func(*lull.Event) {
	return func(e *lull.Event) { e.Holder = who; more(e) }
}

func elsewhere(minutes int) func(*lull.Event) {
	return func(e *lull.Event) { e.Gate = "other"; ran(minutes)(e) }
}

func history(lines []line) []lull.Event {
	var events []lull.Event
	for _, l := range lines {
		e := lull.Event{At: noon(time.Duration(l.at) * time.Minute), Gate: "default", Kind: l.kind, ID: l.id}
		if l.more != nil {
			l.more(&e)
		}
		events = append(events, e)
	}
	return events
}

func TestCasualties(t *testing.T) {
	const (
		begun, ended, left = lull.EventBegun, lull.EventEnded, lull.EventLeft
		crashed, overdue   = lull.EventCrashed, lull.EventOverdue
		abandoned          = lull.EventAbandoned
	)
	for _, c := range []struct {
		name   string
		events []line
		want   []string
	}{
		{"nobody deploys", []line{{5, left, "j1", ran(5)}}, nil},
		{"before it", []line{{9, left, "j1", ran(5)}, {10, begun, "d1", nil}, {20, ended, "d1", ran(10)}}, nil},
		{"after it", []line{{10, begun, "d1", nil}, {20, ended, "d1", ran(10)}, {25, left, "j1", ran(4)}}, nil},
		{"its end touches the start", []line{{10, left, "j1", ran(5)}, {10, begun, "d1", nil}, {20, ended, "d1", ran(10)}}, nil},
		{"its start touches the end", []line{{10, begun, "d1", nil}, {20, ended, "d1", ran(10)}, {25, left, "j1", ran(5)}}, nil},
		{"across the start", []line{{10, begun, "d1", nil}, {11, left, "j1", ran(5)}, {20, ended, "d1", ran(10)}}, []string{"j1"}},
		{"across the end", []line{{10, begun, "d1", nil}, {20, ended, "d1", ran(10)}, {25, left, "j1", ran(6)}}, []string{"j1"}},
		{"within", []line{{10, begun, "d1", nil}, {15, left, "j1", ran(2)}, {20, ended, "d1", ran(10)}}, []string{"j1"}},
		{"around", []line{{10, begun, "d1", nil}, {20, ended, "d1", ran(10)}, {30, left, "j1", ran(30)}}, []string{"j1"}},
		{"exactly as long", []line{{10, begun, "d1", nil}, {20, ended, "d1", ran(10)}, {20, left, "j1", ran(10)}}, []string{"j1"}},
		{"a gate closed, nothing begun", []line{{10, lull.EventClosed, "d1", nil}, {15, left, "j1", ran(10)}}, nil},
		{"part of the deployment", []line{{10, begun, "d1", nil}, {15, left, "j1", part("d1", 2)}, {20, ended, "d1", ran(10)}}, nil},
		{"part of another deployment", []line{{10, begun, "d1", nil}, {15, left, "j1", part("d0", 2)}, {20, ended, "d1", ran(10)}}, []string{"j1"}},
		{"forced entry", []line{{10, begun, "d1", nil}, {12, lull.EventForced, "j1", nil}, {15, left, "j1", ran(3)}, {20, ended, "d1", ran(10)}}, []string{"j1"}},
		{"waited it out and gave up", []line{{10, begun, "d1", nil}, {15, lull.EventTimedOut, "j1", nil}, {20, ended, "d1", ran(10)}}, nil},
		{"left without having run", []line{{10, begun, "d1", nil}, {15, left, "j1", nil}, {20, ended, "d1", ran(10)}}, nil},
		{"abandoned", []line{{10, begun, "d1", nil}, {15, abandoned, "j1", ran(2)}, {20, ended, "d1", ran(10)}}, []string{"j1"}},
		{"abandoned while it waited", []line{{10, begun, "d1", nil}, {15, abandoned, "j1", nil}, {20, ended, "d1", ran(10)}}, nil},
		{"other gate", []line{{10, begun, "d1", elsewhere(0)}, {15, left, "j1", ran(2)}, {20, ended, "d1", elsewhere(10)}}, nil},
		{"same gate, not the default", []line{{10, begun, "d1", elsewhere(0)}, {15, left, "j1", elsewhere(2)}}, []string{"j1"}},
		{"unfinished deployment", []line{{10, begun, "d1", nil}, {95, left, "j1", ran(1)}}, []string{"j1"}},
		{"overdue, and still running", []line{{10, begun, "d1", nil}, {40, overdue, "d1", nil}, {45, left, "j1", ran(2)}}, []string{"j1"}},
		{"overdue, met before its end", []line{{10, begun, "d1", nil}, {40, overdue, "d1", nil}, {50, ended, "d1", ran(40)}, {51, left, "j1", ran(2)}}, []string{"j1"}},
		{"overdue, after its end", []line{{10, begun, "d1", nil}, {40, overdue, "d1", nil}, {50, ended, "d1", ran(40)}, {55, left, "j1", ran(5)}}, nil},
		{"loose after a forced opening", []line{{10, begun, "d1", nil}, {11, lull.EventForced, "d1", nil}, {11, lull.EventReleased, "d1", nil},
			{11, lull.EventOpened, "d1", nil}, {15, left, "j1", ran(2)}, {20, ended, "d1", ran(10)}, {30, left, "j2", ran(5)}}, []string{"j1"}},
		{"its end told late", []line{{10, begun, "d1", nil}, {15, left, "j1", ran(2)}, {20, ended, "d1", ran(2)}}, nil},
		{"an end without a length", []line{{10, begun, "d1", nil}, {15, left, "j1", ran(2)}, {20, ended, "d1", nil}, {25, left, "j2", ran(5)}}, []string{"j1"}},
		{"crash", []line{{10, begun, "d1", nil}, {14, left, "j1", ran(2)}, {15, crashed, "d1", nil}, {25, left, "j2", ran(5)}}, []string{"j1"}},
		{"crash before it began", []line{{10, crashed, "d1", nil}, {15, left, "j1", ran(20)}}, nil},
		{"crash hold expires", []line{{10, begun, "d1", nil}, {15, crashed, "d1", nil}, {35, lull.EventExpired, "d1", nil}, {36, left, "j1", ran(10)}}, nil},
		{"recorded late, with the time it ran", []line{{10, begun, "d1", ran(5)}, {20, ended, "d1", ran(15)}, {6, left, "j1", ran(1)}, {4, left, "j2", ran(1)}}, []string{"j1"}},
		{"resumed with a gap", []line{{10, begun, "d1", nil}, {15, crashed, "d1", nil}, {20, begun, "d2", resumes("d1", 10)},
			{30, ended, "d2", ran(20)}, {18, left, "j1", ran(2)}, {32, left, "j2", ran(2)}}, []string{"j1"}},
		{"resumed with a gap, unfinished", []line{{10, begun, "d1", nil}, {15, crashed, "d1", nil}, {20, begun, "d2", resumes("d1", 10)},
			{18, left, "j1", ran(2)}, {32, left, "j2", ran(2)}}, []string{"j1", "j2"}},
		{"resumed after a forced opening, then ended", []line{{10, begun, "d1", nil}, {12, lull.EventReleased, "d1", nil}, {14, begun, "d2", resumes("d1", 4)},
			{20, ended, "d2", ran(10)}, {25, left, "j1", ran(5)}}, nil},
		{"resumed: what is told of the lost hold ends nothing", []line{{10, begun, "d1", nil}, {14, begun, "d2", resumes("d1", 4)}, {16, crashed, "d1", nil},
			{19, left, "j1", ran(1)}}, []string{"j1"}},
		{"resumed twice: parts of each", []line{{10, begun, "d1", nil}, {11, left, "j1", part("d1", 1)}, {14, begun, "d2", resumes("d1", 4)},
			{15, left, "j2", part("d2", 1)}, {16, crashed, "d2", nil}, {18, begun, "d3", resumes("d2", 8)}, {19, left, "j3", part("d3", 1)},
			{19, left, "j4", part("d9", 1)}, {20, ended, "d3", ran(10)}}, []string{"j4"}},
		{"resumed from before the history", []line{{20, begun, "d2", resumes("d1", 10)}, {30, ended, "d2", ran(20)}, {14, left, "j1", ran(2)}, {9, left, "j2", ran(2)}}, []string{"j1"}},
		{"two deployments, each with its own part", []line{{10, begun, "d1", nil}, {12, lull.EventReleased, "d1", nil}, {13, begun, "d2", nil},
			{15, left, "j1", part("d1", 1)}, {20, ended, "d2", ran(7)}, {20, ended, "d1", ran(10)}}, []string{"j1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			events := history(c.events)
			wantCasualties(t, events, c.want...)
			if slices.ContainsFunc(events, func(e lull.Event) bool { return e.Casualty }) {
				t.Error("the events that were given are changed")
			}
		})
	}
}

func wantCasualties(t *testing.T, events []lull.Event, want ...string) {
	t.Helper()
	var got []string
	for _, e := range lull.MarkCasualties(events) {
		if e.Casualty {
			got = append(got, e.ID)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("casualties %q, want %q", got, want)
	}
}

// lostAtFifteen is a command that began at 10 and was taken for dead at 15, and a job
// each that met it before, met it after, and came when it was over at 30.
var lostAtFifteen = []line{
	{10, lull.EventBegun, "d1", nil}, {14, lull.EventLeft, "before", ran(2)}, {15, lull.EventCrashed, "d1", nil},
	{20, lull.EventLeft, "after", ran(2)}, {35, lull.EventLeft, "over", ran(5)},
}

func TestOwnersWordExtendsWhatWasTakenForDead(t *testing.T) {
	for _, c := range []struct {
		name   string
		events []line
		want   []string
	}{
		{"nothing is heard of it", nil, []string{"before"}},
		{"its end is told", []line{{30, lull.EventEnded, "d1", ran(20)}}, []string{"before", "after"}},
		{"its end is told late", []line{{50, lull.EventEnded, "d1", ran(20)}}, []string{"before", "after"}},
		{"it had ended before the crash was seen", []line{{50, lull.EventEnded, "d1", ran(1)}}, nil},
		{"its crash hold is opened", []line{{30, lull.EventEnded, "d1", ran(20)}, {30, lull.EventReleased, "d1", nil}, {30, lull.EventOpened, "d1", nil}}, []string{"before", "after"}},
		{"closed anew, not begun", []line{{18, lull.EventClosed, "d2", resumes("d1", 0)}, {30, lull.EventEnded, "d2", resumes("d1", 20)}}, []string{"before", "after"}},
		{"closed anew, of which the history asked for says nothing", []line{{30, lull.EventEnded, "d2", resumes("d1", 20)}}, []string{"before", "after"}},
		{"closed anew, not begun, both told", []line{{30, lull.EventEnded, "d1", ran(20)}, {30, lull.EventEnded, "d2", resumes("d1", 20)}}, []string{"before", "after"}},
		{"closed anew, not begun, lost as well", []line{{18, lull.EventClosed, "d2", resumes("d1", 0)}, {25, lull.EventCrashed, "d2", resumes("d1", 0)}, {30, lull.EventEnded, "d2", ran(20)}}, []string{"before", "after"}},
		{"closed anew twice, begun the second time", []line{{16, lull.EventCrashed, "d2", resumes("d1", 0)}, {25, lull.EventBegun, "d3", resumes("d2", 15)}, {30, lull.EventEnded, "d3", ran(20)}}, []string{"before", "after"}},
		{"closed anew, not begun, never heard of again", []line{{18, lull.EventClosed, "d2", resumes("d1", 0)}, {25, lull.EventCrashed, "d2", resumes("d1", 0)}}, []string{"before"}},
		{"begun again, whose hold's end is told although it was lost", []line{{22, lull.EventBegun, "d2", resumes("d1", 12)}, {30, lull.EventEnded, "d1", ran(20)}, {40, lull.EventCrashed, "d2", resumes("d1", 0)}}, []string{"before", "after"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantCasualties(t, history(slices.Concat(lostAtFifteen, c.events)), c.want...)
		})
	}
}

func TestPartOfADeploymentThatDidNotBeginAgainIsNoCasualty(t *testing.T) {
	wantCasualties(t, history(append(slices.Clone(lostAtFifteen), line{18, lull.EventClosed, "d2", resumes("d1", 0)},
		line{22, lull.EventLeft, "its own", part("d2", 2)}, line{22, lull.EventLeft, "another's", part("d7", 2)},
		line{30, lull.EventEnded, "d2", resumes("d1", 20)})), "before", "after", "another's")
}

func TestRepeatedEndChangesNoCasualty(t *testing.T) {
	for _, first := range []line{{30, lull.EventEnded, "d1", ran(20)}, {30, lull.EventEnded, "d2", resumes("d1", 20)}} {
		for _, again := range []line{
			{31, lull.EventEnded, "d1", ran(20)}, {60, lull.EventEnded, "d2", resumes("d1", 20)}, {60, lull.EventEnded, "d2", ran(20)},
			{60, lull.EventEnded, "d1", ran(50)}, {60, lull.EventEnded, "d1", nil}, {60, lull.EventCrashed, "d1", nil},
		} {
			wantCasualties(t, history(append(slices.Clone(lostAtFifteen), first, again)), "before", "after")
		}
	}
}

func TestRepeatedOpenChangesNoCasualty(t *testing.T) {
	g := begun(t, gateWith(t, deployment("d1")), "d1")
	events := []lull.Event{
		{At: noon(0), Gate: g.Name, Kind: lull.EventBegun, ID: "d1", Holder: deployer},
		{At: noon(61 * time.Minute), Gate: g.Name, Kind: lull.EventLeft, ID: "met", Ran: 2 * time.Minute},
		{At: noon(62 * time.Minute), Gate: g.Name, Kind: lull.EventLeft, ID: "came later", Ran: 2 * time.Minute},
	}
	for range 3 { // the answers were lost
		after, _, more := told(t, g, "d1", deployer)
		for _, e := range more {
			e.At = noon(61 * time.Minute)
			events = append(events, e)
		}
		g = after
		wantCasualties(t, events, "met")
	}
	wantGate(t, g, 2, "", "", "")
}

func TestStrangersWordChangesNoCasualty(t *testing.T) {
	for name, lies := range map[string][]line{
		"an end too early":         {{16, lull.EventEnded, "d1", by(stranger, ran(1))}},
		"an end too late":          {{40, lull.EventEnded, "d1", by(stranger, ran(30))}},
		"a hold that resumes it":   {{16, lull.EventBegun, "d9", by(stranger, resumes("d1", 0))}, {16, lull.EventEnded, "d9", by(stranger, ran(0))}},
		"the end of such a hold":   {{40, lull.EventEnded, "d9", by(stranger, resumes("d1", 30))}},
		"the crash of such a hold": {{16, lull.EventCrashed, "d9", by(stranger, resumes("d1", 0))}, {40, lull.EventEnded, "d9", by(stranger, ran(30))}},
	} {
		t.Run(name, func(t *testing.T) {
			wantCasualties(t, history(slices.Concat(lostAtFifteen, lies)), "before")
			wantCasualties(t, history(slices.Concat(lostAtFifteen, lies, []line{{50, lull.EventEnded, "d1", ran(20)}})), "before", "after")
		})
	}
}

func TestWhoResumesSomebodyElsesCommandHasOneOfTheirOwn(t *testing.T) {
	wantCasualties(t, history(slices.Concat(lostAtFifteen, []line{
		{40, lull.EventBegun, "d9", by(stranger, resumes("d1", 0))}, {42, lull.EventLeft, "j1", ran(1)}, {43, lull.EventLeft, "j2", part("d9", 1)},
		{44, lull.EventEnded, "d9", by(stranger, resumes("d1", 4))}, {46, lull.EventLeft, "j3", ran(2)},
	})), "before", "j1")
}

func TestLinkToACIRunTellsNoProcessesApart(t *testing.T) {
	linked := deployer
	linked.Link = "https://ci.example/81"
	wantCasualties(t, history([]line{{10, lull.EventBegun, "d1", by(deployer, ran(0))}, {15, lull.EventCrashed, "d1", by(deployer, ran(0))},
		{20, lull.EventLeft, "j1", ran(2)}, {30, lull.EventEnded, "d1", by(linked, ran(20))}}), "j1")
}

// The history knows a hold that did not begin again from its closing alone.
func TestPartOfAHoldThatOnlyClosedAnewIsNoCasualtyInTheHistory(t *testing.T) {
	play(t, func(s *scene) {
		ctx := t.Context()
		first, anew := deployment("d1"), deployment("d2")
		anew.Resumes = first.ID
		closes := func(h lull.Hold) {
			_, _, err := s.Store.Close(ctx, h)
			s.want(err, nil)
		}
		opens := func(id string, out lull.Outcome) {
			_, err := s.Store.Open(ctx, lull.HoldRef{Gate: lull.DefaultGate, ID: id}, out)
			s.want(err, nil)
		}
		closes(first)
		s.want(s.Store.Begin(ctx, lull.HoldRef{Gate: lull.DefaultGate, ID: "d1"}, lull.Start{}), nil)
		opens("d1", lull.Outcome{By: stranger, Force: true})
		closes(anew)
		own := s.enters(s.party("job"), lull.Job{PartOf: "d1"})
		time.Sleep(time.Second)
		s.leaves(own)
		opens("d1", lull.Outcome{By: deployer, Ran: time.Second})
		opens("d2", lull.Outcome{By: deployer})
		s.wantCasualties(0)
		s.nothingRemains()
	})
}

func TestCasualtiesAreFoundByTheClockThatIsNotSet(t *testing.T) {
	events := history([]line{{10, lull.EventBegun, "d1", nil}, {20, lull.EventEnded, "d1", ran(10)}, {25, lull.EventLeft, "j1", ran(5)}, {26, lull.EventLeft, "j2", ran(7)}})
	for i := range events[2:] {
		events[2+i].At = wallSet(events[2+i].At, -8*time.Minute)
	}
	marked := lull.MarkCasualties(events)
	if marked[2].Casualty || !marked[3].Casualty {
		t.Errorf("j1 %t, j2 %t; want false, true", marked[2].Casualty, marked[3].Casualty)
	}
}
