package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/words"
)

// drainView tells a person which jobs a deployment waits for.
type drainView struct {
	a      *app
	c      *lull.Client
	began  time.Time
	waited bool
	usual  map[string]time.Duration

	timeout  time.Duration // then it does not wait any longer …
	stopsFor time.Duration // … or asks the jobs to stop, and waits so long for that
	asked    bool
}

func (a *app) drainView(c *lull.Client) *drainView {
	return &drainView{a: a, c: c, began: time.Now()}
}

// show is called with who is still inside.
func (v *drainView) show(d lull.Drain) {
	now := time.Now()
	if !v.waited {
		v.waited = true
		// It is only for the live line: without it that says less.
		v.usual, _ = v.c.Usual(context.Background(), v.c.Gate())
		v.a.say("waiting for %s inside: %s", words.Count(d.Count, "job"), v.describe(d, now))
		v.a.say("look with: %s", v.a.lookLine(v.c.Gate()))
	}
	if v.stopsFor > 0 && !v.asked && now.Sub(v.began) > v.timeout {
		v.asked = true
		v.a.say("the jobs inside are asked to stop; they have %s for it", short(v.stopsFor))
	}
	v.a.live(fmt.Sprintf("draining %s · %s inside: %s", short(now.Sub(v.began).Truncate(time.Second)), words.Count(d.Count, "job"), v.describe(d, now)))
}

// shownJobs is how many of the jobs inside one line names.
const shownJobs = 3

func (v *drainView) describe(d lull.Drain, now time.Time) string {
	slices.SortStableFunc(d.Inside, func(p, q lull.Pass) int { return insideSince(p).Wall.Compare(insideSince(q).Wall) })
	var parts []string
	for _, p := range d.Inside[:min(len(d.Inside), shownJobs)] {
		text := fmt.Sprintf("%s on %s for %s", first(p.Name, p.JobID, shortID(p.ID)), p.Holder.Host, short(now.Sub(insideSince(p).Wall).Truncate(time.Second)))
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

// end takes the live line away, and says how it went. The hold has begun: it is
// drained, or goes on without.
func (v *drainView) end(ctx context.Context, hold *lull.LiveHold) {
	v.a.clear()
	if !v.waited {
		v.a.say("no job runs")
		return
	}
	// Only a hold that need not be drained may not be.
	left := ""
	_ = hold.Drain(ctx, lull.Draining{Timeout: time.Nanosecond, Waiting: func(d lull.Drain) {
		left = fmt.Sprintf("%s still inside: %s", words.Count(d.Count, "job"), v.describe(d, time.Now()))
	}})
	if left != "" {
		v.a.fail("WARNING: going on with %s; what meets this deployment is a casualty", left)
		return
	}
	v.a.drained(v.began)
}

// drained says that nobody is inside any more.
func (a *app) drained(since time.Time) {
	a.say("drained after %s: no job runs", short(time.Since(since)))
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
	t, err := c.Traffic(ctx, c.Gate(), lately)
	switch last := t.LastJob; {
	case err != nil: // closing the gate will say so
		a.say("%s", where)
		return
	case t.Lately > 0:
		a.say("%s: %s in 24 h, last from %s at %s", where, jobsLately(t), last.Holder.Host, clock(last.At.Wall, time.Now()))
		return
	case last.Kind != "":
		a.say("%s: no job in 24 h, the last one from %s at %s", where, last.Holder.Host, clock(last.At.Wall, time.Now()))
		return
	}
	if s, err := c.Store().Snapshot(ctx, c.Gate()); err == nil && len(s.Inside)+len(s.Waiting) > 0 {
		a.say("%s: %s there now, none before", where, words.Count(len(s.Inside)+len(s.Waiting), "job"))
		return
	}
	a.say("%s", where)
	a.fail("WARNING: no job has ever passed this gate; if there are jobs, they use another store, gate or host (see lull doctor%s)", a.where(c.Gate()))
}

func jobsLately(t lull.Traffic) string {
	text := words.Count(t.Lately, "job")
	if t.Lately >= lull.MostLately {
		text += " or more"
	}
	return text
}
