package tail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lull-dev/lull"
)

// MostGates is how many gates are followed; others are not looked at. It bounds what a
// store is asked, and how many series and notices there can be.
const MostGates = 200

// The pace of a [Run]. Hints make it quicker, but no quicker than leastPause, however much
// happens.
const (
	DefaultPause = 5 * time.Second
	leastPause   = time.Second

	// mostQuiet is how many gates at which nothing seems to happen are looked at in one
	// round: what an idle server asks must not grow with its gates.
	mostQuiet = 10

	// patience is how long the list of gates may take.
	patience = 30 * time.Second
)

// Round is what one look at the gates has found.
type Round struct {
	Known    int    // how many gates there are
	Looks    []Look // at those that were looked at this time
	Complete bool   // the store answered everything that it was asked
}

// Look is one gate, as it was, and what happened there since the last look at it.
type Look struct {
	Gate       lull.Gate
	Events     []lull.Event
	Casualties []lull.Event // jobs of which it is known by now, each once
	First      bool         // the gate was there before; what happened then is not told
}

// Options of a [Run]. The zero value means the defaults.
type Options struct {
	Pause time.Duration     // between rounds, without hints; zero: [DefaultPause]
	Wants func(string) bool // which gates, by name; nil: all

	// Failed is told of each round in which the store could not be asked for everything.
	// The next one makes up for it. May be nil.
	Failed func(error)
}

// Run follows the gates of a store until ctx ends, and calls see after each round that
// found the gates. It returns when all that it has started has ended.
//
// What happened before the first round is not told. A gate that is closed or has changed
// is looked at in each round, one at which nothing seems to happen in turn with others.
func Run(ctx context.Context, s lull.Store, o Options, see func(context.Context, Round)) {
	ctx, stop := context.WithCancel(ctx)
	r := &runner{Options: o, store: s, hints: newHints(s), gates: map[string]*follower{}}
	defer r.hints.ended()
	defer stop()
	if r.Pause < leastPause {
		r.Pause = DefaultPause
	}
	for ctx.Err() == nil {
		round, err := r.round(ctx)
		if ctx.Err() != nil {
			return
		}
		if round != nil {
			see(ctx, *round)
		}
		if err != nil && r.Failed != nil {
			r.Failed(err)
		}
		r.hints.wait(ctx, leastPause, r.Pause)
	}
}

// runner is the state of one Run.
type runner struct {
	Options
	store lull.Store
	hints *hints
	gates map[string]*follower
	turn  []string  // the gates in the order of their last look
	last  time.Time // when the last list of gates was asked for
}

// round looks once. It is nil when the list of gates could not be had.
func (r *runner) round(ctx context.Context) (*Round, error) {
	began := time.Now()
	asking, cancel := context.WithTimeout(ctx, patience)
	all, err := r.store.Gates(asking)
	cancel()
	if err != nil {
		return nil, fmt.Errorf("list the gates: %w", err)
	}
	now := map[string]lull.Gate{}
	for _, g := range all {
		if r.follows(g.Name) {
			now[g.Name] = g
		}
	}
	r.last = began
	round := &Round{Known: len(all)}
	var failed []error
	for _, name := range r.due(ctx, now) {
		look, err := r.gates[name].look(ctx, now[name])
		if err != nil {
			failed = append(failed, err)
		}
		if look != nil {
			round.Looks = append(round.Looks, *look)
		}
	}
	round.Complete = len(failed) == 0
	return round, errors.Join(failed...)
}

// follows takes a gate on if there is room. One that was not there in the last round is
// new: all that happened there is told.
func (r *runner) follows(name string) bool {
	if r.gates[name] != nil {
		return true
	}
	if len(r.gates) >= MostGates || r.Wants != nil && !r.Wants(name) {
		return false
	}
	f := &follower{name: name, tail: FromNow(r.store, name), casualties: newCasualties(r.store, name), first: true}
	if !r.last.IsZero() {
		f.tail, f.first, f.stirred = From(r.store, name, r.last), false, time.Now()
	}
	r.gates[name] = f
	r.turn = append(r.turn, name)
	return true
}

// due chooses the gates to look at, and moves them to the end of the turn.
func (r *runner) due(ctx context.Context, now map[string]lull.Gate) []string {
	var due, others []string
	for quiet := 0; len(r.turn) > 0; r.turn = r.turn[1:] {
		name := r.turn[0]
		g, there := now[name]
		f := r.gates[name]
		f.hinted = r.hints.listen(ctx, name)
		if r.hints.take(name) || f.state != "" && f.state != stateOf(g) {
			f.stirred = time.Now()
		}
		switch {
		case !there:
			others = append(others, name)
		case f.due() || !g.Phase.Open():
			due = append(due, name)
		case quiet < mostQuiet:
			quiet++
			due = append(due, name)
		default:
			others = append(others, name)
		}
	}
	r.turn = slices.Concat(others, due)
	return due
}
