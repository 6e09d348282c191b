package page

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lull-dev/lull"
)

// The classes of jobs' bars.
const (
	classDone     = "done"
	classFailed   = "failed"
	classCasualty = "casualty"
	classNow      = "now"
)

// run is one job as far as it is known.
type run struct {
	name, class, says, url string
	arrived, started, end  time.Time // started is zero if it never ran
}

// runs are the jobs, the one that arrived first first.
func (c canvas) runs(l look) []run {
	var all []run
	for _, e := range l.past.events {
		if e.Kind != lull.EventLeft && e.Kind != lull.EventAbandoned && e.Kind != lull.EventTimedOut || e.Hold != "" {
			continue
		}
		end := c.wall(e.At)
		r := run{name: jobName(e.Name, e.Command), class: classDone, end: end, url: eventURL(e)}
		r.arrived = end.Add(-e.Ran - e.Waited)
		if e.Kind != lull.EventTimedOut && e.Ran > 0 {
			r.started = end.Add(-e.Ran)
		}
		switch {
		case e.Casualty:
			r.class = classCasualty
		case failed(e):
			r.class = classFailed
		}
		r.says = jobSays(c, r, e)
		all = append(all, r)
	}
	deployment, held := l.Gate.Deployment()
	for _, p := range l.Inside {
		since := c.wall(insideSince(p))
		r := run{name: jobName(p.Name, p.Command), class: classNow, arrived: c.wall(p.Arrived), started: since, end: c.edge()}
		r.says = fmt.Sprintf("%s\n%s, inside since %s", r.name, who(p.Holder), since.Local().Format("15:04:05"))
		if held && !deployment.Begun.IsZero() && deployment.BlockedBy(p, l.Gate.Phase) {
			r.class = classCasualty
			r.says += "\nCASUALTY: a deployment runs beside it"
		}
		all = append(all, r)
	}
	for _, p := range l.Waiting {
		since := c.wall(p.Arrived)
		r := run{name: jobName(p.Name, p.Command), class: classNow, arrived: since, end: c.edge()}
		r.says = fmt.Sprintf("%s\n%s, waiting since %s", r.name, who(p.Holder), since.Local().Format("15:04:05"))
		all = append(all, r)
	}
	all = slices.DeleteFunc(all, func(r run) bool { return !c.shows(r.arrived, r.end) })
	slices.SortStableFunc(all, func(a, b run) int { return a.arrived.Compare(b.arrived) })
	return all
}

func jobSays(c canvas, r run, e lull.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s", r.name, who(e.Holder))
	switch {
	case e.Kind == lull.EventTimedOut:
		fmt.Fprintf(&b, "\ngave up %s after %s, and never ran", r.end.Local().Format("15:04:05"), short(e.Waited))
	case e.Ran <= 0:
		b.WriteString("\nvanished while it waited, and never ran")
	default:
		if e.Waited >= worthSaying {
			fmt.Fprintf(&b, "\nwaited %s", short(e.Waited))
		}
		fmt.Fprintf(&b, "\nran %s%s", c.between(r.started, r.end), exitWord(e))
	}
	if e.Casualty {
		b.WriteString("\nCASUALTY: a deployment ran meanwhile")
	}
	return b.String()
}

// rows sorts jobs by their names: those of which there are most have a row each.
func (c canvas) rows(runs []run) []row {
	of := map[string][]run{}
	for _, r := range runs {
		of[r.name] = append(of[r.name], r)
	}
	names := slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(of[b]), len(of[a])), cmp.Compare(a, b))
	})
	var others []run
	for _, n := range names[min(len(names), mostNames):] {
		others = append(others, of[n]...)
	}
	names = slices.Sorted(slices.Values(names[:min(len(names), mostNames)]))
	var rows []row
	for _, n := range names {
		one := c.row(n, of[n])
		one.URL = "/gates/" + c.gate + "/history?job=" + url.QueryEscape(n)
		rows = append(rows, one)
	}
	if len(others) > 0 {
		slices.SortStableFunc(others, func(a, b run) int { return a.arrived.Compare(b.arrived) })
		rows = append(rows, c.row("other jobs", others))
	}
	return rows
}

// row draws the jobs of one row below each other where they would overlap.
func (c canvas) row(name string, runs []run) row {
	drawn := row{Name: name}
	var busy []time.Time // until when, by lane
	for _, r := range runs {
		lane := slices.IndexFunc(busy, func(until time.Time) bool { return !r.arrived.Before(until) })
		switch {
		case lane >= 0:
			busy[lane] = r.end
		case len(busy) < mostLanes:
			lane, busy = len(busy), append(busy, r.end)
		default:
			lane = mostLanes - 1
			busy[lane] = r.end
		}
		b := jobBar{Y: rowPadding + lane*laneHeight, Height: barHeight, Class: r.class, Says: r.says, URL: r.url}
		waited := cmp.Or(r.started, r.end)
		if waited.Sub(r.arrived) >= worthSaying {
			b.WaitX, b.WaitFor, _ = c.stretch(r.arrived, waited)
		}
		if !r.started.IsZero() {
			b.RunX, b.RunFor, _ = c.stretch(r.started, r.end)
		}
		if b.WaitX != "" || b.RunX != "" {
			drawn.Bars = append(drawn.Bars, b)
		}
	}
	drawn.Height = 2*rowPadding + max(1, len(busy))*laneHeight - (laneHeight - barHeight)
	return drawn
}
