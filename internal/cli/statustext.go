package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/words"
)

// gateView is one gate at one moment, as people and programs see it.
type gateView struct {
	lull.Snapshot
	store string                   // the store's URL, without a password
	usual map[string]time.Duration // how long jobs usually run, by name
}

// most is how many jobs of a list the text names: a screen, and not a roll of
// paper. The JSON has them all.
const most = 20

// text is one screen about the gate.
func (v gateView) text(p paint) string {
	var b strings.Builder
	word, why := v.state()
	fmt.Fprintf(&b, "%s  %s  %s\n", p.bold(v.Gate.Name), p.state(word), why)
	v.holds(&b, p, "held by", v.Gate.Holds)
	v.holds(&b, p, "in the queue", v.Gate.Queue)
	v.holds(&b, p, "still running, although the hold has ended", v.Gate.Loose)
	v.passes(&b, p, "inside", v.Inside, v.insideRow)
	v.passes(&b, p, "waiting", v.Waiting, v.waitingRow)
	fmt.Fprintf(&b, "\n%s\n", p.dim(fmt.Sprintf("%s, phase %d", v.store, v.Gate.Phase)))
	return b.String()
}

// The states as people see them.
const (
	wordOpen     = "OPEN"
	wordDraining = "DRAINING"
	wordClosed   = "CLOSED"
)

func (p paint) state(word string) string {
	switch word {
	case wordOpen:
		return p.green(word)
	case wordDraining:
		return p.yellow(word)
	}
	return p.red(word)
}

// state is the gate's state in a word, and what that means just now.
func (v gateView) state() (word, why string) {
	deployment, held := v.Gate.Deployment()
	switch {
	case v.Gate.Phase.Open() && len(v.Inside) > 0:
		return wordOpen, words.Count(len(v.Inside), "job") + " inside"
	case v.Gate.Phase.Open():
		return wordOpen, "nobody inside"
	case held && !deployment.Begun.IsZero():
		why = "the deployment has run for " + short(v.Now.Sub(deployment.Begun))
		if n := v.Blocking(); n > 0 {
			why += fmt.Sprintf(", although %s inside", jobsAre(n))
		}
		return wordClosed, why
	case !v.Drained:
		return wordDraining, jobsAre(v.Blocking()) + " still inside"
	case held:
		return wordClosed, "nobody inside, the deployment is about to begin"
	}
	return wordClosed, "nobody inside"
}

func jobsAre(n int) string {
	if n == 1 {
		return "1 job is"
	}
	return fmt.Sprintf("%d jobs are", n)
}

func (v gateView) holds(b *strings.Builder, p paint, title string, holds []lull.Hold) {
	if len(holds) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", p.bold(title))
	for _, h := range holds {
		fmt.Fprintf(b, "  %s  %s\n", p.dim(shortID(h.ID)), holdLine(h, v.Now.Wall))
		command := words.ShellLine(h.Command)
		if command == h.Reason {
			command = "" // it is shown already
		}
		for _, more := range []string{command, h.Holder.Link} {
			if more != "" {
				fmt.Fprintf(b, "  %*s  %s\n", shownID, "", p.dim(words.Printable(more)))
			}
		}
	}
}

// passes writes a list of jobs, a line each, in columns.
func (v gateView) passes(b *strings.Builder, p paint, title string, passes []lull.Pass, row func(lull.Pass) string) {
	if len(passes) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", p.bold(fmt.Sprintf("%s: %d", title, len(passes))))
	columns := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, pass := range passes[:min(len(passes), most)] {
		fmt.Fprintf(columns, "  %s\t%s\t%s\t%s\n", p.dim(shortID(pass.ID)), jobLabel(pass), words.Printable(jobOwner(pass)), row(pass))
	}
	columns.Flush() // a strings.Builder takes everything
	if more := len(passes) - most; more > 0 {
		fmt.Fprintf(b, "  … and %d more: lull status -o json\n", more)
	}
}

// insideRow says how long a job has been inside, and when it will leave.
func (v gateView) insideRow(p lull.Pass) string {
	since := insideSince(p)
	ran := v.Now.Sub(since)
	text := "for " + short(ran.Truncate(time.Second))
	switch usual, known := v.usual[p.Name]; {
	case known && ran > usual:
		text += fmt.Sprintf(", longer than its usual %s", short(usual))
	case known:
		text += fmt.Sprintf(", usually %s: until about %s", short(usual), clock(since.Wall.Add(usual), v.Now.Wall))
	}
	if p.PartOf != "" {
		text += ", part of the deployment"
	}
	if p.Force {
		text += ", forced in"
	}
	return text
}

func (v gateView) waitingRow(p lull.Pass) string {
	return "for " + short(v.Now.Sub(p.Arrived).Truncate(time.Second))
}

// labelMost is how much of a command stands for a job that has no name.
const labelMost = 40

// jobLabel is what a job is called: its name, else its command.
func jobLabel(p lull.Pass) string {
	label := []rune(words.Printable(first(p.Name, words.ShellLine(p.Command), "unnamed")))
	if len(label) > labelMost {
		label = append(label[:labelMost-1], '…')
	}
	return string(label)
}

// jobOwner is who runs a job, and as what.
func jobOwner(p lull.Pass) string {
	if p.JobID == "" {
		return p.Holder.String()
	}
	return p.Holder.String() + " " + p.JobID
}

// line is the gate in a line of columns, for a list of gates.
func (v gateView) line(p paint) string {
	word, why := v.state()
	if word != wordOpen {
		why = words.Printable(describeGate(v.Gate, v.Now.Wall))
	}
	return fmt.Sprintf("%s\t%s\t%d inside\t%d waiting\t%s\n", v.Gate.Name, p.state(word), len(v.Inside), len(v.Waiting), why)
}
