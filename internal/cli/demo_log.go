package cli

import (
	"fmt"
	"strings"
	"time"
)

// demoShow tells people what happens in the demo.
type demoShow interface {
	step(text string)                               // what follows
	typed(line string)                              // somebody types a command
	heard(line string)                              // a lull process says something
	asked(answer string)                            // somebody looks: the answer to what was typed
	happens(at time.Duration, subject, what string) // to an actor, or the gate
	note(text string)                               // a figure worth seeing
	draw()                                          // called every few milliseconds
	lessons(lines []string)                         // the end, if all went well
	close()                                         // the end in any case
}

// demoLog tells the demo as lines, off a terminal.
type demoLog struct {
	a     *app
	d     *demo
	steps int
}

// logIndent is as wide as the time before a line.
const logIndent = "           "

func newDemoLog(d *demo) *demoLog {
	l := &demoLog{a: d.a, d: d}
	l.write("lull demo: real processes, at a gate of their own in " + d.dir)
	return l
}

func (l *demoLog) step(text string) {
	if l.d.err == nil {
		l.steps++
		l.write(fmt.Sprintf("\n%d. %s", l.steps, text))
	}
}

func (l *demoLog) typed(line string) { l.line(l.d.now(), "$ "+line) }

func (l *demoLog) heard(line string) { l.write(logIndent + line) }

func (l *demoLog) asked(answer string) {
	for line := range strings.Lines(answer) {
		if line = strings.TrimRight(line, " \n"); line != "" {
			l.heard(line)
		}
	}
}

func (l *demoLog) happens(at time.Duration, subject, what string) {
	l.line(at, fmt.Sprintf("%-10s  %s", subject, what))
}

func (l *demoLog) note(text string) { l.write("         → " + text) }

func (l *demoLog) draw() {}

func (l *demoLog) lessons(lines []string) {
	l.write("\nWhat you saw")
	for _, line := range lines {
		l.write(strings.TrimRight("   "+line, " "))
	}
}

func (l *demoLog) close() {}

func (l *demoLog) line(at time.Duration, text string) {
	l.write(fmt.Sprintf("%6.2fs  %s", at.Seconds(), text))
}

// write writes a line. Nobody may be reading any more: then the checks still count.
func (l *demoLog) write(line string) {
	if !l.a.quiet {
		_, _ = l.a.Out.WriteString(line + "\n")
	}
}
