package page

import (
	"cmp"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/words"
)

// mostRows is how many jobs of a list are shown until somebody asks for all: more than
// fits on a screen, and few enough to be drawn again each second.
const mostRows = 100

// jobs is a list of jobs, inside or waiting.
type jobs struct {
	Count, More int
	Rows        []jobRow
}

// jobRow is one job.
type jobRow struct {
	ID, Short string
	Name      string
	Command   string // where the name does not say it all
	Host      string
	User      string
	JobID     string
	Age       counted
	Waited    string // before it came in, if that was long
	Usual     string // "" when not known
	Seconds   int64  // likewise, for the meter; 0
	Done      int64  // of those, by now; the script goes on
	Ends      stamp
	Over      bool // longer than usual
	PartOf    bool // … the deployment
	Forced    bool
	Beside    bool // a deployment runs beside it: it will be a casualty
}

// worthSaying is the shortest wait that a line about a job mentions.
const worthSaying = time.Second

func (c clockwork) inside(l look, all bool) jobs {
	deployment, held := l.Gate.Deployment()
	runs := held && !deployment.Begun.IsZero()
	return list(l.Inside, all, func(p lull.Pass) jobRow {
		row := c.job(p, c.wall(insideSince(p)))
		row.PartOf, row.Forced = p.PartOf != "", p.Force
		row.Beside = runs && deployment.BlockedBy(p, l.Gate.Phase)
		if waited := insideSince(p).Sub(p.Arrived); waited >= worthSaying {
			row.Waited = short(waited.Truncate(time.Second))
		}
		if usual, known := l.usual[p.Name]; known && usual > 0 {
			from := c.wall(insideSince(p))
			row.Usual, row.Ends = short(usual.Round(time.Second)), c.stamp(from.Add(usual))
			row.Over = c.now.Wall.After(from.Add(usual))
			row.Seconds = max(1, int64(usual.Seconds()))
			if !c.live {
				row.Done = min(row.Seconds, int64(c.now.Wall.Sub(from).Seconds()))
			}
		}
		return row
	})
}

func (c clockwork) waiting(l look, all bool) jobs {
	return list(l.Waiting, all, func(p lull.Pass) jobRow {
		row := c.job(p, c.wall(p.Arrived))
		if usual, known := l.usual[p.Name]; known && usual > 0 {
			row.Usual = short(usual.Round(time.Second))
		}
		return row
	})
}

func list(passes []lull.Pass, all bool, row func(lull.Pass) jobRow) jobs {
	l := jobs{Count: len(passes)}
	if len(passes) > mostRows && !all {
		passes = passes[:mostRows]
	}
	l.More = l.Count - len(passes)
	for _, p := range passes {
		l.Rows = append(l.Rows, row(p))
	}
	return l
}

func (c clockwork) job(p lull.Pass, since time.Time) jobRow {
	row := jobRow{
		ID: p.ID, Short: shortID(p.ID), Name: jobName(p.Name, p.Command), Host: words.Printable(p.Holder.Host),
		User: words.Printable(p.Holder.User), JobID: words.Printable(p.JobID), Age: c.since(since),
	}
	if command := words.Printable(words.ShellLine(p.Command)); command != row.Name {
		row.Command = command
	}
	return row
}

// insideSince is when a job came in: when it was told, or else when it arrived.
func insideSince(p lull.Pass) lull.Moment {
	if p.Started.IsZero() {
		return p.Arrived
	}
	return p.Started
}

// jobName is what a job is called: its name, else its command.
func jobName(name string, command []string) string {
	const most = 60
	label := []rune(words.Printable(cmp.Or(name, words.ShellLine(command), "unnamed")))
	if len(label) > most {
		label = append(label[:most-1], '…')
	}
	return string(label)
}
