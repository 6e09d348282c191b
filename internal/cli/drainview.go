package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lull-dev/lull"
)

// drainView tells a person which jobs a deployment waits for.
type drainView struct {
	a      *app
	c      *lull.Client
	began  time.Time
	waited bool
	usual  map[string]time.Duration
}

func (a *app) drainView(c *lull.Client, hold *lull.LiveHold) *drainView {
	h := hold.Hold()
	if hold.Joined() {
		a.say("part of the %s", describeHold(h, time.Now()))
	}
	return &drainView{a: a, c: c, began: time.Now()}
}

// show is called with who is still inside.
func (v *drainView) show(d lull.Drain) {
	now := time.Now()
	if !v.waited {
		v.waited = true
		// It is only for the live line: without it that says less.
		v.usual, _ = v.c.Usual(context.Background(), v.c.Gate())
		v.a.say("waiting for %s inside: %s", count(d.Count, "job"), v.describe(d, now))
		v.a.say("look with: %s", v.a.lookLine(v.c.Gate()))
	}
	v.a.live(fmt.Sprintf("draining %s · %s inside: %s", short(now.Sub(v.began).Truncate(time.Second)), count(d.Count, "job"), v.describe(d, now)))
}

// shownJobs is how many of the jobs inside one line names.
const shownJobs = 3

func (v *drainView) describe(d lull.Drain, now time.Time) string {
	var parts []string
	for _, p := range d.Inside[:min(len(d.Inside), shownJobs)] {
		text := fmt.Sprintf("%s on %s for %s", first(p.Name, p.JobID, p.ID), p.Holder.Host, short(now.Sub(insideSince(p).Wall).Truncate(time.Second)))
		if usual, ok := v.usual[p.Name]; ok {
			text += fmt.Sprintf(" (usually %s)", short(usual))
		}
		parts = append(parts, text)
	}
	if more := d.Count - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(parts, ", ")
}

// end takes the live line away, and says how it went.
func (v *drainView) end(err error) {
	v.a.clear()
	switch {
	case err != nil:
	case v.waited:
		v.a.say("drained after %s: no job runs", short(time.Since(v.began)))
	default:
		v.a.say("no job runs")
	}
}

// lately is how far back a deployment looks for jobs that passed its gate.
const lately = 24 * time.Hour

// sayWhichGate says which gate is about to be closed, and who passed there lately.
// That line catches the wrong gate, store, host and user.
func (a *app) sayWhichGate(ctx context.Context, c *lull.Client) {
	where := fmt.Sprintf("closing gate %q of %s", c.Gate(), c.Store().About().URL)
	if !c.Store().About().Shared {
		where += " on " + c.Holder().Host
	}
	jobs := []lull.EventKind{lull.EventLeft, lull.EventAbandoned}
	n, last := 0, lull.Event{}
	for e, err := range c.Store().Events(ctx, lull.Filter{Gate: c.Gate(), Since: lately, Kinds: jobs}) {
		if err != nil {
			a.say("%s", where)
			return
		}
		n++
		last = e
	}
	if n > 0 {
		a.say("%s: %s in 24 h, last from %s at %s", where, count(n, "job"), last.Holder.Host, clock(last.At.Wall, time.Now()))
		return
	}
	for e, err := range c.Store().Events(ctx, lull.Filter{Gate: c.Gate(), Kinds: jobs, Limit: 1}) {
		if err == nil {
			a.say("%s: no job in 24 h, the last one from %s at %s", where, e.Holder.Host, clock(e.At.Wall, time.Now()))
			return
		}
	}
	if s, err := c.Store().Snapshot(ctx, c.Gate()); err == nil && len(s.Inside)+len(s.Waiting) > 0 {
		a.say("%s: %s there now, none before", where, count(len(s.Inside)+len(s.Waiting), "job"))
		return
	}
	a.say("%s", where)
	a.fail("WARNING: no job has ever passed this gate; if there are jobs, they use another store, gate or host (see lull doctor)")
}
