package page

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/words"
)

// historyView is a gate's events, the newest first.
type historyView struct {
	Frame      frame
	Gate       string
	Kinds      []choice
	Sinces     []choice
	Job        string
	Casualties bool
	Filtered   bool
	Days       []day
	Count      int
	Older      string // where the next page is; "" when this is the last one
	Newest     string // … and the first, unless this is it
	Line       string // that does the same in a terminal
}

type choice struct {
	Value, Text string
	Chosen      bool
}

// day is the events of one day, so that each needs no more than its time of day.
type day struct {
	Text   string
	Events []eventRow
}

type eventRow struct {
	Time     stamp
	Kind     string
	Tone     string
	Says     string
	Link     string // of the CI run
	URL      string
	Casualty bool
	Who      string
}

// pageOf is how many events a page has.
const pageOf = 50

// mostRead is how far back in the chosen events anybody can leaf.
const mostRead = 50_000

// kindChoices are the groups of events that people look for.
var kindChoices = []struct {
	value, text string
	kinds       []lull.EventKind
}{
	{"", "everything", nil},
	{"deployments", "deployments and holds", []lull.EventKind{
		lull.EventClosed, lull.EventQueued, lull.EventBegun, lull.EventEnded, lull.EventReleased, lull.EventOpened,
		lull.EventExpired, lull.EventOverdue, lull.EventCrashed, lull.EventForced, lull.EventExtended,
	}},
	{"jobs", "jobs that ended", []lull.EventKind{lull.EventLeft, lull.EventTimedOut, lull.EventAbandoned}},
	{kindTrouble, "what went wrong", []lull.EventKind{
		lull.EventOverdue, lull.EventCrashed, lull.EventForced, lull.EventTimedOut, lull.EventAbandoned, lull.EventLost,
		lull.EventLeft, lull.EventEnded,
	}},
}

// kindTrouble is the choice of what went wrong, which an event's kind alone does not say.
const kindTrouble = "trouble"

func troubling(e lull.Event) bool {
	tone := toneOf(e)
	return tone == toneWarn || tone == toneBad
}

var sinceChoices = []struct {
	value, text string
	d           time.Duration
}{
	{"1h", "the last hour", time.Hour},
	{"24h", "the last day", 24 * time.Hour},
	{"7d", "the last week", 7 * 24 * time.Hour},
	{"30d", "the last 30 days", 30 * 24 * time.Hour},
	{"all", "all there is", 0},
}

const presetSince = "7d"

// history shows a gate's events.
func (p *page) history(w http.ResponseWriter, r *http.Request, v Viewer) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	gate, query := r.PathValue("gate"), r.URL.Query()
	view := historyView{Frame: p.frame("History · "+gate, v), Gate: gate, Job: query.Get("job"), Casualties: query.Get("casualties") != ""}
	view.Frame.Gate, view.Frame.Place = gate, "History"
	f := lull.Filter{Gate: gate, Name: view.Job}
	f.Kinds = view.choose(query.Get("kind"), query.Get("since"), &f.Since)
	var keep func(lull.Event) bool
	switch {
	case view.Casualties:
		f.Kinds, keep = []lull.EventKind{lull.EventLeft, lull.EventAbandoned}, func(e lull.Event) bool { return e.Casualty }
	case query.Get("kind") == kindTrouble:
		keep = troubling
	}
	view.Filtered = query.Get("kind") != "" || view.Job != "" || view.Casualties
	before := query.Get("before")
	events, older, err := p.leaf(ctx, f, before, keep)
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	view.Count = len(events)
	view.Days = p.days(events)
	if older {
		query.Set("before", eventKey(events[len(events)-1]))
		view.Older = "/gates/" + gate + "/history?" + query.Encode()
	}
	if before != "" {
		query.Del("before")
		view.Newest = "/gates/" + gate + "/history?" + query.Encode()
	}
	view.Line = historyLine(gate, view.Job, f.Since, view.Casualties)
	p.render(w, r, http.StatusOK, "history", view)
}

// choose fills in the choices, and returns the kinds of events that are chosen.
func (v *historyView) choose(kind, since string, length *time.Duration) (kinds []lull.EventKind) {
	for _, c := range kindChoices {
		chosen := c.value == kind
		if chosen {
			kinds = c.kinds
		}
		v.Kinds = append(v.Kinds, choice{c.value, c.text, chosen})
	}
	if !slices.ContainsFunc(sinceChoices, func(c struct {
		value, text string
		d           time.Duration
	}) bool {
		return c.value == since
	}) {
		since = presetSince
	}
	for _, c := range sinceChoices {
		if c.value == since {
			*length = c.d
		}
		v.Sinces = append(v.Sinces, choice{c.value, c.text, c.value == since})
	}
	return kinds
}

// leaf is one page of the chosen events, the newest first, and whether there are older
// ones. keep chooses further; nil keeps all. A store can tell the newest so many only: the further back, the more is read.
func (p *page) leaf(ctx context.Context, f lull.Filter, before string, keep func(lull.Event) bool) (_ []lull.Event, older bool, _ error) {
	for f.Limit = 4 * pageOf; ; f.Limit *= 4 {
		events, err := p.desk.events(ctx, f)
		if err != nil {
			return nil, false, err
		}
		whole := len(events) < f.Limit || f.Limit >= mostRead
		slices.Reverse(events)
		if before != "" {
			i := slices.IndexFunc(events, func(e lull.Event) bool { return eventKey(e) == before })
			if i < 0 && !whole {
				continue
			}
			events = events[i+1:]
		}
		if keep != nil {
			events = slices.DeleteFunc(events, func(e lull.Event) bool { return !keep(e) })
		}
		if len(events) > pageOf {
			return events[:pageOf], true, nil
		}
		if whole {
			return events, false, nil
		}
	}
}

// days puts events under their days.
func (p *page) days(events []lull.Event) []day {
	var days []day
	now := p.Now().Local()
	for _, e := range events {
		at := e.At.Wall.Local()
		text := at.Format("Monday, 2 January")
		if at.Year() != now.Year() {
			text = at.Format("Monday, 2 January 2006")
		}
		if len(days) == 0 || days[len(days)-1].Text != text {
			days = append(days, day{Text: text})
		}
		last := &days[len(days)-1]
		last.Events = append(last.Events, rowOf(e))
	}
	return days
}

func rowOf(e lull.Event) eventRow {
	row := eventRow{
		Time: stamp{e.At.Wall.UTC().Format(time.RFC3339), e.At.Wall.Local().Format("15:04:05")},
		Kind: kindWord(e.Kind), Tone: toneOf(e), Says: sentence(e), Link: link(e.Holder),
		URL: eventURL(e), Casualty: e.Casualty,
	}
	if e.Hold == "" {
		row.Who = who(e.Holder) // of a hold, the sentence says it
	}
	return row
}

func kindWord(k lull.EventKind) string {
	if k == lull.EventTimedOut {
		return "timed out"
	}
	return string(k)
}

func historyLine(gate, job string, since time.Duration, casualties bool) string {
	line := "lull history --gate " + gate
	if since > 0 {
		line += " --since " + typed(since)
	}
	if job != "" {
		line += " --job " + words.ShellWord(words.Printable(job))
	}
	if casualties {
		line += " --casualties"
	}
	return line
}

// eventURL is an event's permanent link.
func eventURL(e lull.Event) string {
	return "/gates/" + url.PathEscape(e.Gate) + "/history/" + url.PathEscape(eventKey(e))
}
