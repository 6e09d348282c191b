package page

import (
	"fmt"
	"slices"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/words"
)

// The states of a gate as people see them, and the tone that goes with each.
const (
	wordOpen     = "OPEN"
	wordDraining = "DRAINING"
	wordClosed   = "CLOSED"

	toneOpen     = "open"
	toneDraining = "draining"
	toneClosed   = "closed"
)

// state is a gate's state in a word, and what that means just now. The times in it are
// counted by whoever shows it.
type state struct {
	Word, Tone string
	Says       string
	Since      *counted // ends what Says begins, if anything
}

// counted is a length of time that grows or shrinks while people look: from a moment, or
// until one, in milliseconds on the store's clock. Text is how long that is; it is empty
// in what the stream sends, where the script fills it in.
type counted struct {
	From, Until int64
	Text        string
}

// clockwork turns a store's moments into what a page shows.
type clockwork struct {
	now  lull.Moment
	live bool // the script counts
}

// wall is a moment in the store's time of day now, whatever its clock did since.
func (c clockwork) wall(m lull.Moment) time.Time { return c.now.Wall.Add(-c.now.Sub(m)) }

func (c clockwork) since(t time.Time) counted {
	n := counted{From: t.UnixMilli()}
	if !c.live {
		n.Text = short(c.now.Wall.Sub(t).Truncate(time.Second))
	}
	return n
}

func (c clockwork) until(t time.Time) counted {
	n := counted{Until: t.UnixMilli()}
	if !c.live {
		n.Text = short(t.Sub(c.now.Wall).Truncate(time.Second))
	}
	return n
}

// stamp is a moment for people, and for the script to write in their own time zone.
type stamp struct {
	ISO, Text string
}

func (c clockwork) stamp(t time.Time) stamp {
	return stamp{t.UTC().Format(time.RFC3339), clock(t, c.now.Wall)}
}

// stateOf is the gate's state.
func (c clockwork) stateOf(s lull.Snapshot) state {
	deployment, held := s.Gate.Deployment()
	blocking := s.Blocking()
	switch {
	case s.Gate.Phase.Open() && len(s.Inside) > 0:
		return state{Word: wordOpen, Tone: toneOpen, Says: words.Count(len(s.Inside), "job") + " inside"}
	case s.Gate.Phase.Open():
		return state{Word: wordOpen, Tone: toneOpen, Says: "Jobs go straight in"}
	case held && !deployment.Begun.IsZero():
		n := c.since(c.wall(deployment.Begun))
		says := "The deployment has run for"
		if blocking > 0 {
			says = fmt.Sprintf("Although %s inside, the deployment has run for", jobsAre(blocking))
		}
		return state{wordClosed, toneClosed, says, &n}
	case blocking > 0:
		return state{Word: wordDraining, Tone: toneDraining, Says: jobsAre(blocking) + " still inside"}
	case held:
		return state{Word: wordClosed, Tone: toneClosed, Says: "Nobody inside, the deployment is about to begin"}
	}
	return state{Word: wordClosed, Tone: toneClosed, Says: "Nobody inside"}
}

func jobsAre(n int) string {
	if n == 1 {
		return "1 job is"
	}
	return fmt.Sprintf("%d jobs are", n)
}

// bar is the head of a gate: its state, and the reason that people ask for.
type bar struct {
	Gate string
	state
	Who, Reason     string
	Link            string
	More            int // further holds
	Held            stamp
	HeldFor         counted
	Ends            stamp
	Left            counted
	NoLimit         bool
	Inside, Waiting int
	Last            *lastClosing // of an open gate, where it is known
	Aloud           string       // for those who hear the page: told when it differs
}

// lastClosing is what a gate was closed for last, and since when it is open again.
type lastClosing struct {
	Who, Reason, URL string
	Opened           stamp
	OpenFor          counted
}

// lastClosing looks for it in what happened lately.
func (c clockwork) lastClosing(events []lull.Event) *lastClosing {
	var last lastClosing
	for _, e := range slices.Backward(events) {
		switch {
		case e.Kind == lull.EventOpened && last.Opened.Text == "":
			last.Opened, last.OpenFor = c.stamp(c.wall(e.At)), c.since(c.wall(e.At))
		case e.Kind == lull.EventClosed && last.Opened.Text != "":
			last.Who, last.Reason, last.URL = who(e.Holder), words.Printable(e.Reason), eventURL(e)
			return &last
		}
	}
	return nil
}

func (c clockwork) bar(s lull.Snapshot) bar {
	b := bar{Gate: s.Gate.Name, state: c.stateOf(s), Inside: len(s.Inside), Waiting: len(s.Waiting)}
	b.Aloud = fmt.Sprintf("Gate %s is %s.", b.Gate, map[string]string{wordOpen: "open", wordDraining: "draining", wordClosed: "closed"}[b.Word])
	if len(s.Gate.Holds) == 0 {
		return b
	}
	// The deployment is what people ask about; without one, the hold that came first.
	main, deployed := s.Gate.Deployment()
	if !deployed {
		main = s.Gate.Holds[0]
	}
	b.Who, b.Reason, b.Link = who(main.Holder), words.Printable(main.Reason), link(main.Holder)
	b.More = len(s.Gate.Holds) - 1
	b.Held, b.HeldFor = c.stamp(main.Since), c.since(main.Since)
	b.Aloud += fmt.Sprintf(" %s: %s", b.Who, b.Reason)
	// It opens, at the latest, when its last hold ends.
	var last time.Time
	for _, h := range s.Gate.Holds {
		if h.Ends.IsZero() {
			b.NoLimit = true
		} else if end := c.wall(h.Ends); end.After(last) {
			last = end
		}
	}
	if !b.NoLimit {
		b.Ends, b.Left = c.stamp(last), c.until(last)
	}
	return b
}
