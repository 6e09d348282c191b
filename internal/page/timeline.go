package page

import (
	"fmt"
	"time"

	"github.com/lull-dev/lull/internal/words"
)

// What the timeline draws at most. More is a grey wall, and slow.
const (
	mostNames = 12  // rows of their own; other jobs share one
	mostBars  = 800 // the newest
	mostLanes = 5   // of one row, for jobs that ran at the same time
)

// The measures of a row, in pixels.
const (
	laneHeight = 11
	barHeight  = 8
	rowPadding = 7
)

// timeline is a stretch of a gate's past as a picture. Lengths along it are in per cent, so
// that it fits any width without being drawn again.
type timeline struct {
	Spans       []spanLink
	Span        string
	From, To    int64 // seconds; the script lets people choose a part
	Says        string
	Bands       []band
	Ticks       []tick
	Rows        []row
	Cut         bool // there was more
	Jobs        int
	Deployments int
	Casualties  int
}

type spanLink struct {
	Text, URL string
	Chosen    bool
}

// band is a hold, or a part of one, over the whole height.
type band struct {
	X, Width string
	Class    string // draining, running or person
	Says     string
	URL      string
}

type tick struct{ X, Text string }

// row is the jobs of one name.
type row struct {
	Name   string
	URL    string
	Height int
	Bars   []jobBar
}

// jobBar is one job: first it waits, then it runs.
type jobBar struct {
	Y, Height      int
	WaitX, WaitFor string // "" if it did not wait
	RunX, RunFor   string // "" if it never ran
	Class          string // done, failed, casualty, now
	Says           string
	URL            string
}

func (c canvas) percent(t time.Time) float64 {
	p := 100 * float64(t.Sub(c.from)) / float64(c.to.Sub(c.from))
	return max(0, min(100, p))
}

// stretch is where something lies that lasted from one moment until another, and whether
// it can be seen at all. The shortest is drawn wide enough to be met with a mouse.
func (c canvas) stretch(from, to time.Time) (x, width string, seen bool) {
	if !c.shows(from, to) {
		return "", "", false
	}
	const least = 0.25
	left, right := c.percent(from), c.percent(to)
	if right-left < least {
		left = max(0, right-least)
		right = left + least
	}
	return fmt.Sprintf("%.2f%%", left), fmt.Sprintf("%.2f%%", right-left), true
}

func (c clockwork) timeline(l look, win window, all string) timeline {
	cv := c.newCanvas(l.Gate.Name, win)
	t := timeline{Span: win.name, From: cv.from.Unix(), To: cv.to.Unix(), Cut: l.past.cut}
	for _, s := range spans {
		link := "/gates/" + l.Gate.Name + "?span=" + s.text
		if all != "" {
			link += "&all=" + all
		}
		t.Spans = append(t.Spans, spanLink{s.text, link + "#timeline", s.text == win.name})
	}
	t.Ticks = cv.ticks(win.tick)
	t.Bands, t.Deployments = cv.bands(l)
	runs := cv.runs(l)
	t.Jobs = len(runs)
	for _, r := range runs {
		if r.class == classCasualty {
			t.Casualties++
		}
	}
	if len(runs) > mostBars {
		runs, t.Cut = runs[len(runs)-mostBars:], true
	}
	t.Rows = cv.rows(runs)
	t.Says = fmt.Sprintf("%s: %s, %s", win.says(), words.Count(t.Deployments, "deployment"), words.Count(t.Jobs, "job"))
	if t.Casualties > 0 {
		t.Says += ", " + casualtiesAre(t.Casualties)
	}
	return t
}

func casualtiesAre(n int) string {
	if n == 1 {
		return "1 casualty"
	}
	return fmt.Sprintf("%d casualties", n)
}

// ticks are at round times of day.
func (c canvas) ticks(step time.Duration) []tick {
	var ticks []tick
	local := c.to.Local()
	midnight := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, local.Location())
	for t := local; t.After(c.from); t = t.Add(-step) {
		if t.Equal(local) {
			t = midnight.Add(local.Sub(midnight).Truncate(step))
		}
		text := t.Format("15:04")
		if step >= 24*time.Hour {
			text = t.Format("Mon 2 Jan")
		}
		if p := c.percent(t); p > 5 && p < 95 {
			ticks = append(ticks, tick{fmt.Sprintf("%.2f%%", p), text})
		}
	}
	return ticks
}
