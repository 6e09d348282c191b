package page

import (
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// window is the stretch of time that a gate's page shows: the last so long, or a part of
// that which somebody chose.
type window struct {
	name     string
	span     time.Duration // how far back the gate's history is needed
	tick     time.Duration // between the times that are written below
	from, to time.Time     // zero: it ends now
}

// spans are those to choose from.
var spans = []struct {
	text string
	d    time.Duration
	tick time.Duration
}{
	{"1h", time.Hour, 10 * time.Minute},
	{"6h", 6 * time.Hour, time.Hour},
	{"24h", 24 * time.Hour, 4 * time.Hour},
	{"7d", 7 * 24 * time.Hour, 24 * time.Hour},
}

const (
	presetSpan  = "6h" // what is shown first
	shortestWin = time.Minute
	nameOfPart  = "view" // of a part, where a span has its length
)

// windowOf reads a window from a request's query. What is none is the preset.
func windowOf(query url.Values, now time.Time) window {
	if w, ok := partOf(query, now); ok {
		return w
	}
	preset := window{}
	for _, s := range spans {
		w := window{name: s.text, span: s.d, tick: s.tick}
		if s.text == query.Get("span") {
			return w
		}
		if s.text == presetSpan {
			preset = w
		}
	}
	return preset
}

// partOf reads a part that somebody chose, by from and to in seconds.
func partOf(query url.Values, now time.Time) (window, bool) {
	from, errFrom := strconv.ParseInt(query.Get("from"), 10, 64)
	to, errTo := strconv.ParseInt(query.Get("to"), 10, 64)
	w := window{name: nameOfPart, from: time.Unix(from, 0), to: time.Unix(to, 0)}
	length := w.to.Sub(w.from)
	if errFrom != nil || errTo != nil || length < shortestWin {
		return window{}, false
	}
	for _, step := range []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour, 24 * time.Hour} {
		if w.tick = step; length/step <= 8 {
			break
		}
	}
	for _, s := range spans {
		if w.span = s.d; now.Sub(w.from) <= s.d {
			return w, true
		}
	}
	return window{}, false // further back than a history is read
}

// query is the window as windowOf reads it.
func (w window) query() url.Values {
	if w.from.IsZero() {
		return url.Values{"span": {w.name}}
	}
	return url.Values{"from": {strconv.FormatInt(w.from.Unix(), 10)}, "to": {strconv.FormatInt(w.to.Unix(), 10)}}
}

// says names the window.
func (w window) says() string {
	if w.from.IsZero() {
		return "The last " + w.name
	}
	return fmt.Sprintf("%s–%s", w.from.Local().Format("2 Jan 15:04"), w.to.Local().Format("15:04"))
}

// canvas puts moments on the timeline.
type canvas struct {
	clockwork
	gate     string
	from, to time.Time
}

// newCanvas shows a window. One that ends now ends a little later: it moves in steps of
// what the eye can tell apart, so that a picture in which nothing happens is the same for
// that long.
func (c clockwork) newCanvas(gate string, w window) canvas {
	if !w.from.IsZero() {
		return canvas{c, gate, w.from, w.to}
	}
	step := w.span / 400
	to := c.now.Wall.Truncate(step).Add(step)
	return canvas{c, gate, to.Add(-w.span), to}
}

// edge is until when what goes on is drawn: to the end of a window that ends now, and until
// now in one that somebody chose.
func (c canvas) edge() time.Time {
	if c.to.Before(c.now.Wall) || c.to.Sub(c.now.Wall) < c.to.Sub(c.from)/200 {
		return c.to.Add(time.Second) // it goes on beyond
	}
	return c.now.Wall
}

// shows is whether something that lasted from one moment until another is seen.
func (c canvas) shows(from, to time.Time) bool { return !to.Before(c.from) && !from.After(c.to) }
