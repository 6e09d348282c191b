package cli

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// The demo's picture: as wide and high as the terminals that everybody has, with
// the last line left to the cursor.
const (
	demoWidth  = 80
	demoHeight = 23
	nameWidth  = 12
	stateWidth = 12
	barWidth   = demoWidth - nameWidth - stateWidth - 1
	castRows   = 8 // jobs and deployments
	paneRows   = 8 // what somebody types, and sees
)

// frameEvery is how often the picture is drawn anew: smooth enough for a clock with
// tenths, slow enough for a connection far away.
const frameEvery = 60 * time.Millisecond

// demoSpan is how long the play takes at a pace of 1: the width of the timeline,
// unless it takes longer.
const demoSpan = 17 * time.Second

// demoScreen draws the demo as one picture, over and over in the same place.
type demoScreen struct {
	a     *app
	d     *demo
	paint paint
	steps int
	title string
	pane  []string
	drawn time.Time // zero: the picture does not stand yet
}

// newDemoShow draws on a terminal that is large enough, and else writes lines.
func (a *app) newDemoShow(d *demo) demoShow {
	if !onTerminal(a.Out) || a.quiet || a.Getenv("TERM") == "dumb" {
		return newDemoLog(d)
	}
	width, height, err := term.GetSize(int(a.Out.Fd()))
	if err != nil || width < demoWidth || height <= demoHeight {
		return newDemoLog(d)
	}
	s := &demoScreen{a: a, d: d, paint: a.paint()}
	s.write("\x1b[?25l" + strings.Repeat("\n", demoHeight)) // without a cursor
	return s
}

func (s *demoScreen) step(text string) {
	if s.d.err != nil {
		return
	}
	s.steps++
	s.title = fmt.Sprintf("%d  %s", s.steps, text)
	s.pane = nil
	s.frame()
}

func (s *demoScreen) typed(line string) { s.enter("$ " + line) }

func (s *demoScreen) heard(line string) {
	for _, part := range folded(line, demoWidth-3) {
		s.enter("  " + part)
	}
}

// asked shows an answer alone, below its question.
func (s *demoScreen) asked(answer string) {
	s.pane = s.pane[max(0, len(s.pane)-1):]
	for line := range strings.Lines(answer) {
		if line = strings.TrimRight(line, " \n"); line != "" && len(s.pane) < paneRows {
			s.enter(line)
		}
	}
}

func (s *demoScreen) note(text string) { s.enter("→ " + text) }

func (s *demoScreen) happens(time.Duration, string, string) {} // the picture shows it

// enter adds a line to what somebody types and sees.
func (s *demoScreen) enter(line string) {
	if runes := []rune(line); len(runes) > demoWidth-1 {
		line = string(runes[:demoWidth-2]) + "…"
	}
	s.pane = append(s.pane, line)
	if len(s.pane) > paneRows {
		s.pane = s.pane[1:]
	}
}

// folded is a line as lines of that width at most, broken between words.
func folded(line string, width int) []string {
	var lines []string
	now := ""
	for _, word := range strings.Fields(line) {
		if now != "" && utf8.RuneCountInString(now)+1+utf8.RuneCountInString(word) > width {
			lines, now = append(lines, now), ""
		}
		now = strings.TrimLeft(now+" "+word, " ")
	}
	return append(lines, now)
}

func (s *demoScreen) draw() {
	if time.Since(s.drawn) >= frameEvery {
		s.frame()
	}
}

func (s *demoScreen) lessons(lines []string) {
	s.title, s.pane = "What you saw", lines
	s.frame()
}

func (s *demoScreen) close() { s.write("\x1b[?25h") }

// frame draws the picture over the last one.
func (s *demoScreen) frame() {
	s.drawn = time.Now()
	var b strings.Builder
	fmt.Fprintf(&b, "\x1b[%dA\r", demoHeight)
	for _, line := range s.lines(s.d.now()) {
		b.WriteString(line + "\x1b[K\n")
	}
	s.write(b.String())
}

// lines is the picture: exactly demoHeight lines.
func (s *demoScreen) lines(now time.Duration) []string {
	if s.d.over > 0 {
		now = s.d.over
	}
	span := max(s.d.scaled(demoSpan), now)
	lines := []string{s.head(now), ""}
	lines = append(lines, s.row(gateRow(s.d.gate, now), span))
	for _, who := range s.d.cast {
		lines = append(lines, s.row(who.row(now), span))
	}
	for len(lines) < 3+castRows {
		lines = append(lines, "")
	}
	lines = append(lines, s.legend(), "", s.paint.bold(s.title))
	for _, line := range s.pane {
		lines = append(lines, s.paintLine(line))
	}
	for len(lines) < demoHeight {
		lines = append(lines, "")
	}
	return lines[:demoHeight]
}

// paintLine colours a line of the pane by its first sign.
func (s *demoScreen) paintLine(line string) string {
	switch sign, rest, _ := strings.Cut(line, " "); sign {
	case "$":
		return s.paint.dim("$ ") + rest
	case "→":
		return s.paint.green(line)
	}
	return line
}

func (s *demoScreen) head(now time.Duration) string {
	const title = "lull demo"
	const what = "   real processes, at a gate of their own"
	at := tenths(now)
	return s.paint.bold(title) + s.paint.dim(what) + strings.Repeat(" ", demoWidth-1-len(title)-len(what)-len(at)) + s.paint.dim(at)
}

func (s *demoScreen) row(r timelineRow, span time.Duration) string {
	return fmt.Sprintf("%-*s", nameWidth, r.name) + bar(cells(r.stretches, span, barWidth), s.paint) + " " + s.paint.code(r.colour, r.state)
}

func (s *demoScreen) legend() string {
	line := strings.Repeat(" ", nameWidth)
	for _, l := range []struct {
		band band
		word string
	}{{bandWaits, "waits"}, {bandRuns, "runs"}, {bandDrains, "drains"}, {bandDeploys, "deploys"}} {
		look := bandLook[l.band]
		line += s.paint.code(look.colour, look.sign) + s.paint.dim(" "+l.word+"   ")
	}
	return strings.TrimRight(line, " ")
}

// write writes to the terminal. If it is gone, a signal says so.
func (s *demoScreen) write(text string) { _, _ = s.a.Out.WriteString(text) }
