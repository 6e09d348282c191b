package cli

import (
	"fmt"
	"strings"
	"time"
)

// band is what a stretch of a timeline shows.
type band int

const (
	bandNone band = iota
	bandOpen
	bandClosed
	bandWaits
	bandRuns
	bandDrains
	bandDeploys
	bandKilled
)

// The colours of the demo, as SGR parameters (ECMA-48): the terminal's own, so that
// its light or dark theme fits them.
const (
	sgrDim    = "2"
	sgrRed    = "31"
	sgrGreen  = "32"
	sgrYellow = "33"
	sgrPurple = "35"
)

// bandLook is how a band looks: told apart by its sign alone, without colour.
var bandLook = map[band]struct{ sign, colour string }{
	bandNone:    {" ", ""},
	bandOpen:    {"─", sgrGreen},
	bandClosed:  {"▒", sgrRed},
	bandWaits:   {"·", sgrYellow},
	bandRuns:    {"▬", sgrGreen},
	bandDrains:  {"░", sgrPurple},
	bandDeploys: {"█", sgrPurple},
	bandKilled:  {"✗", sgrRed},
}

// stretch is a band from one time to another.
type stretch struct {
	from, to time.Duration
	band     band
}

// timelineRow is one line of the timeline: the gate, a job or a deployment.
type timelineRow struct {
	name      string
	stretches []stretch
	state     string
	colour    string
}

// cells draws stretches into a row of that width, which stands for that span. A
// stretch that ended before another began never shares a column with it as if they
// had met: its last column is the other's.
func cells(stretches []stretch, span time.Duration, width int) []band {
	row := make([]band, width)
	column := func(t time.Duration) int { return int(int64(t) * int64(width) / int64(span)) }
	for _, s := range stretches {
		from, to := max(0, column(s.from)), min(width, column(s.to))
		if to == from {
			to++
		}
		for i := from; i < min(to, width); i++ {
			row[i] = s.band
		}
	}
	return row
}

// bar is a row of cells as text, each run of a colour painted once.
func bar(row []band, p paint) string {
	var b strings.Builder
	for i := 0; i < len(row); {
		end := i
		for end < len(row) && row[end] == row[i] {
			end++
		}
		look := bandLook[row[i]]
		b.WriteString(p.code(look.colour, strings.Repeat(look.sign, end-i)))
		i = end
	}
	return b.String()
}

// gateRow is the gate's line, as of now.
func gateRow(moves []gateMove, now time.Duration) timelineRow {
	row := timelineRow{name: "gate", state: "open", colour: sgrGreen}
	last := stretch{band: bandOpen}
	for _, m := range moves {
		last.to = m.at
		row.stretches = append(row.stretches, last)
		last = stretch{from: m.at, band: bandOpen}
		if m.closed {
			last.band = bandClosed
		}
	}
	last.to = now
	row.stretches = append(row.stretches, last)
	if last.band == bandClosed {
		row.state, row.colour = "closed "+tenths(now-last.from), sgrRed
	}
	return row
}

// atOnce is how long an actor's start may take without being called a wait.
const atOnce = 200 * time.Millisecond

// row is an actor's line, as of now.
func (who *actor) row(now time.Duration) timelineRow {
	row := timelineRow{name: who.name}
	before, during := bandWaits, bandRuns
	if who.deployment {
		before, during = bandDrains, bandDeploys
	}
	end := now
	switch {
	case who.killed > 0:
		end, row.state, row.colour = who.killed, "killed", sgrRed
	case who.ended > 0:
		end, row.state, row.colour = who.ended, "done", sgrDim
	case who.begun == 0 && who.deployment:
		row.state, row.colour = "drains "+tenths(now-who.arrived), sgrPurple
	case who.begun == 0:
		row.state, row.colour = "waits "+tenths(now-who.arrived), sgrYellow
	case who.deployment:
		row.state, row.colour = "deploys", sgrPurple
	default:
		row.state, row.colour = "runs", sgrGreen
	}
	if who.begun == 0 {
		row.stretches = []stretch{{who.arrived, end, before}}
		return row
	}
	if who.begun-who.arrived > atOnce {
		row.stretches = []stretch{{who.arrived, who.begun, before}}
	}
	row.stretches = append(row.stretches, stretch{who.begun, end, during})
	if who.killed > 0 {
		row.stretches = append(row.stretches, stretch{who.killed, who.killed, bandKilled})
	}
	return row
}

func tenths(d time.Duration) string { return fmt.Sprintf("%.1fs", d.Seconds()) }
