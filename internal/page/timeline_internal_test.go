package page

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

func TestTimelineDrawsWhatWaitedAndWhatRan(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	at := func(ago time.Duration) lull.Moment { return lull.Moment{Wall: now.Add(-ago)} }
	l := look{Snapshot: lull.Snapshot{Gate: lull.Gate{Name: "g"}, Now: at(0)}}
	deployment := lull.Event{Gate: "g", ID: "d", Hold: lull.Deployment, Holder: lull.Holder{User: "deploy"}}
	tell := func(kind lull.EventKind, ago time.Duration) lull.Event {
		e := deployment
		e.Kind, e.At = kind, at(ago)
		return e
	}
	l.past.events = lull.MarkCasualties([]lull.Event{
		tell(lull.EventClosed, 40*time.Minute), tell(lull.EventBegun, 30*time.Minute),
		{Gate: "g", ID: "a", Name: "beside", Kind: lull.EventLeft, At: at(25 * time.Minute), Ran: 10 * time.Minute},
		tell(lull.EventEnded, 20*time.Minute), tell(lull.EventReleased, 20*time.Minute),
		{Gate: "g", ID: "b", Name: "waits", Kind: lull.EventLeft, At: at(10 * time.Minute), Ran: 10 * time.Minute, Waited: 15 * time.Minute},
		{Gate: "g", ID: "c", Name: "gave up", Kind: lull.EventTimedOut, At: at(22 * time.Minute), Waited: 10 * time.Minute},
	})
	drawn := clockwork{now: l.Now}.timeline(l, win("1h"), "")
	if drawn.Deployments != 1 || drawn.Jobs != 3 || drawn.Casualties != 1 || len(drawn.Rows) != 3 {
		t.Fatalf("it shows %+v", drawn)
	}
	if got := []string{drawn.Bands[0].Class, drawn.Bands[0].X, drawn.Bands[0].Width, drawn.Bands[1].Class, drawn.Bands[1].X, drawn.Bands[1].Width}; !equal(got,
		"draining", "33.08%", "16.67%", "running", "49.75%", "16.67%") { // a step of 9 s is kept free for what comes
		t.Errorf("the deployment is drawn as %q", got)
	}
	beside, gaveUp, waits := drawn.Rows[0].Bars[0], drawn.Rows[1].Bars[0], drawn.Rows[2].Bars[0]
	if beside.Class != classCasualty || beside.WaitX != "" {
		t.Errorf("a casualty is drawn as %+v", beside)
	}
	if gaveUp.RunX != "" || gaveUp.WaitX == "" || gaveUp.Class != classFailed {
		t.Errorf("one that gave up is drawn as %+v", gaveUp)
	}
	if !equal([]string{waits.WaitX, waits.WaitFor, waits.RunX, waits.RunFor}, "41.42%", "25.00%", "66.42%", "16.67%") {
		t.Errorf("one that waited is drawn as %+v", waits)
	}
}

func win(span string) window { return windowOf(url.Values{"span": {span}}, time.Time{}) }

func equal(got []string, want ...string) bool {
	for i, w := range want {
		if i >= len(got) || got[i] != w {
			return false
		}
	}
	return len(got) == len(want)
}

func TestTimelineShowsHoldsThatBeganBeforeItAndNoneThatOnlyQueued(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	at := func(ago time.Duration) lull.Moment { return lull.Moment{Wall: now.Add(-ago)} }
	ann, bob := lull.Holder{User: "ann"}, lull.Holder{User: "bob"}
	l := look{Snapshot: lull.Snapshot{Gate: lull.Gate{Name: "g"}, Now: at(0)}}
	l.past.events = []lull.Event{
		{Gate: "g", ID: "q", Hold: lull.Deployment, Holder: bob, Kind: lull.EventQueued, At: at(50 * time.Minute)},
		{Gate: "g", ID: "q", Hold: lull.Deployment, Holder: bob, Kind: lull.EventReleased, At: at(45 * time.Minute), Ran: 5 * time.Minute},
		{Gate: "g", ID: "p", Hold: lull.Person, Holder: bob, Kind: lull.EventForced, At: at(30 * time.Minute)},
		{Gate: "g", ID: "p", Hold: lull.Person, Holder: ann, Kind: lull.EventReleased, At: at(30 * time.Minute), Ran: 2 * time.Hour},
	}
	drawn := clockwork{now: l.Now}.timeline(l, win("1h"), "")
	if len(drawn.Bands) != 1 || drawn.Deployments != 0 || drawn.Bands[0].X != "0.00%" || !strings.HasPrefix(drawn.Bands[0].Says, "ann@") {
		t.Errorf("it shows %+v", drawn.Bands)
	}
}

func TestTimelineIsTheSameForAsLongAsTheEyeCannotTell(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	p := lull.Pass{ID: "p", Name: "n", Arrived: lull.Moment{Wall: now.Add(-time.Hour)}, Started: lull.Moment{Wall: now.Add(-time.Hour)}}
	drawn := func(later time.Duration) jobBar {
		l := look{Snapshot: lull.Snapshot{Gate: lull.Gate{Name: "g"}, Now: lull.Moment{Wall: now.Add(later)}, Inside: []lull.Pass{p}}}
		return clockwork{now: l.Now, live: true}.timeline(l, win("6h"), "").Rows[0].Bars[0]
	}
	if drawn(0) != drawn(50*time.Second) || drawn(0) == drawn(5*time.Minute) {
		t.Errorf("at first %+v, then %+v, later %+v", drawn(0), drawn(50*time.Second), drawn(5*time.Minute))
	}
}

func TestPartOfTheTimelineShowsWhatHappenedInIt(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	at := func(ago time.Duration) lull.Moment { return lull.Moment{Wall: now.Add(-ago)} }
	l := look{Snapshot: lull.Snapshot{Gate: lull.Gate{Name: "g"}, Now: at(0), Inside: []lull.Pass{{Name: "now", Arrived: at(time.Minute), Started: at(time.Minute)}}}}
	l.past.events = []lull.Event{
		{Gate: "g", ID: "a", Name: "before", Kind: lull.EventLeft, At: at(4 * time.Hour), Ran: time.Minute},
		{Gate: "g", ID: "b", Name: "within", Kind: lull.EventLeft, At: at(150 * time.Minute), Ran: time.Minute},
		{Gate: "g", ID: "c", Name: "after", Kind: lull.EventLeft, At: at(time.Hour), Ran: time.Minute},
	}
	unix := func(ago time.Duration) string { return strconv.FormatInt(now.Add(-ago).Unix(), 10) }
	part := windowOf(url.Values{"from": {unix(3 * time.Hour)}, "to": {unix(2 * time.Hour)}}, now)
	if part.span != 6*time.Hour || windowOf(part.query(), now) != part {
		t.Errorf("the window is %+v", part)
	}
	drawn := clockwork{now: l.Now}.timeline(l, part, "")
	if len(drawn.Rows) != 1 || drawn.Rows[0].Name != "within" || drawn.Jobs != 1 {
		t.Errorf("it shows %+v", drawn.Rows)
	}
	if d := (clockwork{now: l.Now}).durations(l, part); len(d.Rows) != 1 {
		t.Errorf("the durations are of %+v", d.Rows)
	}
	for _, wrong := range []url.Values{
		{"from": {unix(time.Hour)}, "to": {unix(2 * time.Hour)}}, {"from": {"x"}, "to": {"y"}}, {"from": {unix(30 * 24 * time.Hour)}, "to": {unix(0)}},
	} {
		if w := windowOf(wrong, now); w.name != presetSpan {
			t.Errorf("%v is %+v", wrong, w)
		}
	}
}

func TestJobsThatRanAtOnceLieBelowEachOther(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	c := clockwork{now: lull.Moment{Wall: now}}.newCanvas("g", win("1h"))
	minute := func(n int) time.Time { return now.Add(time.Duration(n-60) * time.Minute) }
	row := c.row("n", []run{
		{arrived: minute(1), started: minute(1), end: minute(10)},
		{arrived: minute(5), started: minute(5), end: minute(12)},
		{arrived: minute(10), started: minute(10), end: minute(20)},
	})
	if y := []int{row.Bars[0].Y, row.Bars[1].Y, row.Bars[2].Y}; y[0] != y[2] || y[0] >= y[1] {
		t.Errorf("they lie at %v", y)
	}
}

func TestLengthsOfTimeAreSaidAsPeopleDo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 850 * time.Millisecond: "850ms", 42 * time.Second: "42s", 130 * time.Second: "2m 10s", 5 * time.Minute: "5m",
		65 * time.Minute: "1h 5m", 2 * time.Hour: "2h", 76 * time.Hour: "3d 4h", 48 * time.Hour: "2d",
	} {
		if got := short(d); got != want {
			t.Errorf("%v is said as %q, not %q", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{lull.NoLimit: "none", 90 * time.Minute: "1h30m", time.Hour: "1h", 45 * time.Second: "45s"} {
		if got := typed(d); got != want {
			t.Errorf("%v is typed as %q, not %q", d, got, want)
		}
	}
}
