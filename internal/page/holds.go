package page

import (
	"slices"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/words"
)

// holdView is one hold as a viewer sees it, with what he may do about it.
type holdView struct {
	ID, Short  string
	Kind       string // in words
	Who        string
	Reason     string
	Link       string
	Command    string
	Since      stamp
	HeldFor    counted
	Ends       stamp
	Left       counted
	NoLimit    bool
	Begun      bool
	BegunFor   counted
	Deployment bool
	Alone      bool // the bar says already who and why

	MayOpen, MayExtend bool
	Force              bool // it is not his own
	Opens              opening
	Limits             []limit
	OpenLines          lines
	ExtendLines        lines
}

// opening is what ending a hold means, in words.
type opening struct {
	Word, Ask, Press string
	Effect           string
	Warns            bool
}

func openingOf(g lull.Gate, h lull.Hold) opening {
	end := opening{Word: "End this hold…", Ask: "End this hold?", Press: "End the hold", Effect: "The gate stays closed by the other holds."}
	switch {
	case h.State == lull.Queued:
		return opening{Word: "Take it out…", Ask: "Take it out of the queue?", Press: "Take it out", Effect: "The deployment is told that it has lost its place."}
	case len(g.Holds) > 1:
	case len(g.Queue) > 0:
		end.Effect = "The next deployment in the queue takes over."
	default:
		end = opening{Word: "Open…", Ask: "Open the gate?", Press: "Open the gate", Effect: "Jobs that wait go in at once."}
	}
	if !h.Begun.IsZero() {
		end.Effect, end.Warns = "Its command is running: jobs that go in now will be casualties.", true
	}
	return end
}

// limit is one to choose.
type limit struct {
	Value, Text string
	Chosen      bool
}

// limits are those that the viewer may choose from.
func limits(v Viewer, chosen string) []limit {
	var some []limit
	for _, d := range []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 24 * time.Hour} {
		if v.Limit == 0 || d <= v.Limit {
			some = append(some, limit{typed(d), short(d), typed(d) == chosen})
		}
	}
	if v.Limit == 0 {
		return append(some, limit{"none", "no limit", chosen == "none"})
	}
	if len(some) == 0 || typed(v.Limit) != some[len(some)-1].Value {
		some = append(some, limit{typed(v.Limit), short(v.Limit) + ", your longest", typed(v.Limit) == chosen})
	}
	if !slices.ContainsFunc(some, func(l limit) bool { return l.Chosen }) {
		some[len(some)-1].Chosen = true
	}
	return some
}

// presetLimit is how long a person's hold lasts unless he chooses otherwise.
const presetLimit = "1h"

func (c clockwork) hold(g lull.Gate, h lull.Hold, v Viewer, base string) holdView {
	view := holdView{
		ID: h.ID, Short: shortID(h.ID), Kind: "hold of a person", Who: who(h.Holder),
		Reason: words.Printable(h.Reason), Link: link(h.Holder), Since: c.stamp(h.Since), HeldFor: c.since(h.Since),
		NoLimit: h.Ends.IsZero(), Begun: !h.Begun.IsZero(), Deployment: h.Kind == lull.Deployment,
		Alone: len(g.Holds) == 1 && h.State == lull.Held && h.ID == g.Holds[0].ID,
		Opens: openingOf(g, h),
	}
	if view.Deployment {
		view.Kind = "deployment"
	}
	if command := words.Printable(words.ShellLine(h.Command)); command != view.Reason {
		view.Command = command
	}
	if !view.NoLimit {
		view.Ends, view.Left = c.stamp(c.wall(h.Ends)), c.until(c.wall(h.Ends))
	}
	if view.Begun {
		view.BegunFor = c.since(c.wall(h.Begun))
	}
	own := v.owns(h)
	view.Force = !own
	view.MayOpen = v.CanOpenOthers || own && v.CanClose
	view.MayExtend = view.MayOpen && h.State == lull.Held
	view.Limits = limits(v, presetLimit)
	view.OpenLines = openLines(base, g.Name, h.ID, view.Force)
	view.ExtendLines = extendLines(base, g.Name, h.ID, presetLimit, view.Force)
	return view
}

func (c clockwork) holds(g lull.Gate, holds []lull.Hold, v Viewer, base string) []holdView {
	var views []holdView
	for _, h := range holds {
		views = append(views, c.hold(g, h, v, base))
	}
	return views
}

// loose are the deployments that run although their hold has ended: nothing can be done
// about them here.
func (c clockwork) loose(g lull.Gate) []holdView { return c.holds(g, g.Loose, Viewer{}, "") }
