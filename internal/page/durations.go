package page

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/lull-dev/lull"
)

// durations are how long a gate's jobs ran and waited, by name.
type durations struct {
	Gate, Span string
	Rows       []durationRow
	More       int    // names that are not shown
	Chart      string // JSON for the script: see plot
}

type durationRow struct {
	Name                string
	URL                 string
	Runs                int
	Usual, Longest      string
	Waited, LongestWait string
	Failed, Casualties  int
	ran, waited         []time.Duration
}

// plot is what the chart shows: a point for each job. A name is an index into Names, those
// who ran most often first; the last is of all others.
type plot struct {
	Names  []string `json:"names"`
	At     []int64  `json:"at"` // seconds
	Name   []int    `json:"name"`
	Ran    []int64  `json:"ran"`    // milliseconds
	Waited []int64  `json:"waited"` // milliseconds
}

const (
	mostDurations = 20  // rows of the table
	mostLines     = 6   // names with a colour of their own
	mostPoints    = 600 // the newest
)

func (c clockwork) durations(l look, win window) durations {
	cv := c.newCanvas(l.Gate.Name, win)
	d := durations{Gate: l.Gate.Name, Span: win.name}
	of := map[string]*durationRow{}
	var ends []lull.Event
	for _, e := range l.past.events {
		if at := c.wall(e.At); e.Kind != lull.EventLeft || e.Ran <= 0 || !cv.shows(at, at) {
			continue
		}
		ends = append(ends, e)
		job := jobName(e.Name, e.Command)
		row := of[job]
		if row == nil {
			row = &durationRow{Name: job, URL: "/gates/" + l.Gate.Name + "/history?job=" + url.QueryEscape(e.Name)}
			of[job] = row
		}
		row.Runs++
		row.ran, row.waited = append(row.ran, e.Ran), append(row.waited, e.Waited)
		if failed(e) {
			row.Failed++
		}
		if e.Casualty {
			row.Casualties++
		}
	}
	names := slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		return cmp.Or(cmp.Compare(of[b].Runs, of[a].Runs), cmp.Compare(a, b))
	})
	for _, n := range names[:min(len(names), mostDurations)] {
		d.Rows = append(d.Rows, of[n].summed())
	}
	d.More = len(names) - len(d.Rows)
	d.Chart = c.plot(ends, names)
	return d
}

// summed is the row with its figures. The usual is the median.
func (r durationRow) summed() durationRow {
	slices.Sort(r.ran)
	slices.Sort(r.waited)
	say := func(d time.Duration) string {
		if d < time.Second && d > 0 {
			return short(d)
		}
		return short(d.Round(time.Second))
	}
	r.Usual, r.Longest = say(r.ran[len(r.ran)/2]), say(r.ran[len(r.ran)-1])
	r.Waited, r.LongestWait = say(r.waited[len(r.waited)/2].Truncate(time.Second)), say(r.waited[len(r.waited)-1].Truncate(time.Second))
	return r
}

func (c clockwork) plot(ends []lull.Event, names []string) string {
	if len(ends) == 0 {
		return ""
	}
	index := map[string]int{}
	p := plot{}
	for i, n := range names {
		index[n] = min(i, mostLines)
		if i < mostLines {
			p.Names = append(p.Names, n)
		}
	}
	if len(names) > mostLines {
		p.Names = append(p.Names, "other jobs")
	}
	for _, e := range ends[max(0, len(ends)-mostPoints):] {
		p.At = append(p.At, c.wall(e.At).Unix())
		p.Name = append(p.Name, index[jobName(e.Name, e.Command)])
		p.Ran = append(p.Ran, e.Ran.Milliseconds())
		p.Waited = append(p.Waited, e.Waited.Milliseconds())
	}
	text, _ := json.Marshal(p) // it has nothing that JSON has not
	return string(text)
}
