package cli

import (
	"fmt"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/words"
)

// waitView tells a person what a job, or a deployment in the queue, waits for: a
// line at the start, a live line, a line at the end.
type waitView struct {
	a      *app
	c      *lull.Client
	began  time.Time
	waited bool
	last   lull.Gate // as it was last seen closed
}

func (a *app) waitView(c *lull.Client) *waitView {
	return &waitView{a: a, c: c, began: time.Now()}
}

// show is called with the gate as it is, while it is closed.
func (v *waitView) show(g lull.Gate) {
	now := time.Now()
	v.last = g
	if !v.waited {
		v.waited = true
		v.a.say("gate %q is closed: %s", g.Name, describeGate(g, now))
		v.a.say("waiting; look with: %s", v.a.lookLine(g.Name))
		if h, ok := lastHold(g); ok {
			v.a.say("to open it all the same: %s", v.a.openLine(h, v.c))
		}
	}
	v.a.live(fmt.Sprintf("waiting %s · %s", short(now.Sub(v.began).Truncate(time.Second)), describeGate(g, now)))
}

// end takes the live line away, and says how long it took; a failure speaks for
// itself.
func (v *waitView) end(err error) {
	v.a.clear()
	if v.waited && err == nil {
		v.a.say("waited %s for gate %q", short(time.Since(v.began)), v.c.Gate())
	}
}

// describeGate says in one line who holds a gate, why, and until when.
func describeGate(g lull.Gate, now time.Time) string {
	h, ok := lastHold(g)
	if !ok {
		return "opening"
	}
	text := describeHold(h, now)
	if more := len(g.Holds) - 1; more > 0 {
		text += fmt.Sprintf(" (and %s)", words.Count(more, "other hold"))
	}
	if n := len(g.Queue); n > 0 {
		text += fmt.Sprintf(" (%s queued)", words.Count(n, "deployment"))
	}
	return text
}

// describeHold says in one line who holds, since when, why, and until when.
func describeHold(h lull.Hold, now time.Time) string {
	what := "deployment"
	if h.Kind == lull.Person {
		what = "hold"
	}
	text := fmt.Sprintf("%s of %s since %s (%s)%s", what, h.Holder, clock(h.Since, now), short(now.Sub(h.Since)), because(h.Reason))
	if h.Ends.IsZero() {
		return text + ", without limit"
	}
	return text + ", until " + clock(h.Ends.Wall, now) + " at most"
}

// lastHold is the hold that will, by its limit, keep the gate closed longest.
func lastHold(g lull.Gate) (lull.Hold, bool) {
	if len(g.Holds) == 0 {
		return lull.Hold{}, false
	}
	last := g.Holds[0]
	for _, h := range g.Holds[1:] {
		if last.Ends.IsZero() {
			break
		}
		if h.Ends.IsZero() || h.Ends.Sub(last.Ends) > 0 {
			last = h
		}
	}
	return last, true
}

// lookLine is the exact line to look at a gate with, from anywhere on this host.
func (a *app) lookLine(gate string) string {
	return "lull status" + a.where(gate)
}

// openLine is the exact line to end a hold with.
func (a *app) openLine(h lull.Hold, c *lull.Client) string {
	line := "lull open " + h.ID
	if h.Kind == lull.Deployment || !h.OwnedBy(c.Holder()) {
		line += " --force"
	}
	return line + a.where(c.Gate())
}

// where are the flags that name this gate, store and configuration to another shell
// of this host: those that this process got from its own flags and environment. No
// password is among them: PostgreSQL's is then looked for where psql looks for it.
func (a *app) where(gate string) string {
	s := ""
	if gate != a.settings.usualGate {
		s += " --gate " + gate
	}
	if store := first(a.flags.store, a.Getenv(storeVariable)); store != "" {
		s += " --store " + words.ShellWord(shownStore(store))
	} else if config := first(a.flags.config, a.Getenv(configVariable)); config != "" {
		s += " --config " + words.ShellWord(config)
	}
	return s
}
