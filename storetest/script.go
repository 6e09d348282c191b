package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/memstore"
)

// script plays long random scripts, each verb against the store and against
// memstore, which asks the pure rules of package lull. Nobody dies in it and no
// limit comes: when they would is not the same in two stores.
func script(rule ruler) {
	for seed := range uint64(5) {
		rule(fmt.Sprint("SameScriptSameAnswers", seed+1), func(s *scene) {
			p := &play{
				scene: s, rand: rand.New(rand.NewPCG(seed, 2)), model: memstore.New(),
				passes: []string{lull.NewID()}, holds: []string{lull.NewID()},
			}
			for range 15 * s.Rounds {
				p.line()
			}
			p.end()
		})
	}
}

// play is one script. IDs are called p1, h2 … in the order they came up.
type play struct {
	*scene
	rand          *rand.Rand
	model         lull.Store
	passes, holds []string // all IDs so far, the first of somebody who never was
	lines         []string
}

// answer is what both stores must say alike.
type answer struct {
	err  error
	said []string
	gate lull.Gate
}

// line plays one verb.
func (p *play) line() {
	p.Helper()
	what, verb := p.choose()
	got, want := p.tell(verb(p.either(p.rand.Int()))), p.tell(verb(p.model))
	p.lines = append(p.lines, what+": "+want)
	if got != want {
		p.Fatalf("the script\n\t%s\nends in the store with\n\t%s", strings.Join(p.lines, "\n\t"), got)
	}
}

func (p *play) choose() (string, func(lull.Store) answer) {
	pass, hold := p.some(p.passes), p.some(p.holds)
	pref, href := lull.PassRef{Gate: p.gate, ID: pass}, lull.HoldRef{Gate: p.gate, ID: hold}
	by := lull.Holder{User: fmt.Sprint("user", p.rand.IntN(2)), Host: "web1"}
	force := p.rand.IntN(3) == 0
	switch p.rand.IntN(14) {
	case 0, 1, 2:
		return p.enter(pass, hold)
	case 3, 4:
		return p.close(by, pass, hold)
	case 5:
		return "poll " + p.call(pass), func(s lull.Store) answer {
			got, g, err := s.Poll(p.ctx, pref)
			return answer{err, []string{p.pass(got)}, g}
		}
	case 6:
		return "force " + p.call(pass), func(s lull.Store) answer {
			got, g, err := s.Force(p.ctx, pref)
			return answer{err, []string{p.pass(got)}, g}
		}
	case 7, 8:
		return "leave " + p.call(pass), func(s lull.Store) answer {
			g, err := s.Leave(p.ctx, pref, lull.Outcome{})
			return answer{err, nil, g}
		}
	case 9:
		return "drain " + p.call(hold), func(s lull.Store) answer {
			d, err := s.Drain(p.ctx, href)
			return answer{err, []string{fmt.Sprintf("queued %t drained %t", d.Queued, d.Drained)}, d.Gate}
		}
	case 10:
		how := lull.Start{Undrained: force}
		return fmt.Sprintf("begin %s %+v", p.call(hold), how), func(s lull.Store) answer {
			return answer{err: s.Begin(p.ctx, href, how)}
		}
	case 11:
		if p.rand.IntN(2) == 0 {
			return "stop " + p.call(hold), func(s lull.Store) answer { return answer{err: s.Stop(p.ctx, href)} }
		}
		x := lull.Extension{Limit: forever, By: by, Force: force}
		return fmt.Sprintf("extend %s by %s, force %t", p.call(hold), by, force), func(s lull.Store) answer {
			h, err := s.Extend(p.ctx, href, x)
			return answer{err, []string{p.call(h.ID)}, lull.Gate{}}
		}
	case 12:
		out := lull.Outcome{By: by, Force: force}
		return fmt.Sprintf("open %s by %s, force %t", p.call(hold), by, force), func(s lull.Store) answer {
			o, err := s.Open(p.ctx, href, out)
			return answer{err, []string{fmt.Sprintf("gone %t", o.Gone)}, o.Gate}
		}
	}
	return fmt.Sprintf("renew %s %s", p.call(pass), p.call(hold)), func(s lull.Store) answer {
		states, err := s.Renew(p.ctx, []lull.LeaseRef{{Gate: p.gate, Pass: pass}, {Gate: p.gate, Hold: hold}})
		a := answer{err: err}
		for _, state := range states {
			a.said = append(a.said, fmt.Sprintf("live %t stop %t", state.Live, state.Stop))
		}
		return a
	}
}

func (p *play) enter(pass, hold string) (string, func(lull.Store) answer) {
	asked := lull.Pass{ID: p.newOr(&p.passes, "p", pass), Gate: p.gate, Lease: forever, Force: p.rand.IntN(8) == 0}
	if p.rand.IntN(3) == 0 {
		asked.Parent = pass
	}
	if p.rand.IntN(3) == 0 {
		asked.PartOf = hold
	}
	what := fmt.Sprintf("enter %s, parent %s, part of %s, force %t", p.call(asked.ID), p.call(asked.Parent), p.call(asked.PartOf), asked.Force)
	return what, func(s lull.Store) answer {
		got, g, err := s.Enter(p.ctx, asked)
		return answer{err, []string{p.pass(got)}, g}
	}
}

func (p *play) close(by lull.Holder, pass, hold string) (string, func(lull.Store) answer) {
	asked := lull.Hold{
		ID: p.newOr(&p.holds, "h", hold), Gate: p.gate, Kind: lull.Deployment, Holder: by,
		Limit: forever, Lease: forever, Queue: p.rand.IntN(3) > 0,
	}
	if p.rand.IntN(3) == 0 {
		asked.Kind, asked.Lease = lull.Person, 0
	}
	if p.rand.IntN(5) == 0 {
		asked.Parent = pass
	}
	if p.rand.IntN(5) == 0 {
		asked.PartOf = hold
	}
	what := fmt.Sprintf("close %s (%s) by %s, parent %s, part of %s, queue %t", p.call(asked.ID), asked.Kind, by, p.call(asked.Parent), p.call(asked.PartOf), asked.Queue)
	return what, func(s lull.Store) answer {
		got, g, err := s.Close(p.ctx, asked)
		return answer{err, []string{fmt.Sprintf("%s %s phase %d", p.call(got.ID), got.State, got.Phase)}, g}
	}
}

// some is an ID, mostly of the last few.
func (p *play) some(ids []string) string {
	if p.rand.IntN(8) == 0 {
		return ids[p.rand.IntN(len(ids))]
	}
	return ids[max(0, len(ids)-1-p.rand.IntN(5))]
}

// newOr is mostly a new ID, else that one again.
func (p *play) newOr(ids *[]string, letter, again string) string {
	if p.rand.IntN(5) == 0 {
		return again
	}
	id := lull.NewID()
	p.names[id] = fmt.Sprint(letter, len(*ids))
	*ids = append(*ids, id)
	return id
}

func (p *play) call(id string) string {
	if id == "" {
		return "none"
	}
	return p.name(id)
}

func (p *play) pass(got lull.Pass) string {
	return fmt.Sprintf("%s ticket %d parent %s part of %s", p.call(got.ID), got.Ticket, p.call(got.Parent), p.call(got.PartOf))
}

// tell puts an answer into words. Of an error only what a caller can act on counts,
// and then nothing else.
func (p *play) tell(a answer) string {
	if a.err == nil {
		return fmt.Sprint(a.said, " ", p.state(a.gate))
	}
	if e, ok := errors.AsType[*lull.BusyError](a.err); ok {
		return "busy with " + p.call(e.Hold.ID)
	}
	if e, ok := errors.AsType[*lull.NotYoursError](a.err); ok {
		return "not yours: " + p.call(e.Hold.ID)
	}
	if e, ok := errors.AsType[*lull.InsideError](a.err); ok {
		return "inside " + p.call(e.Pass)
	}
	for _, known := range []error{lull.ErrGone, lull.ErrNotDrained} {
		if errors.Is(a.err, known) {
			return known.Error()
		}
	}
	return "unexpected: " + a.err.Error()
}

func (p *play) state(g lull.Gate) string {
	return fmt.Sprintf("phase %d holds %v queue %v loose %v", g.Phase, p.called(g.Holds), p.called(g.Queue), p.called(g.Loose))
}

// end compares what is left, and what is remembered.
func (p *play) end() {
	p.Helper()
	tell := func(s lull.Store) (told []string) {
		snap, err := s.Snapshot(p.ctx, p.gate)
		p.no(err)
		told = append(told, p.state(snap.Gate), fmt.Sprint("drained ", snap.Drained))
		for _, passes := range [][]lull.Pass{snap.Inside, snap.Waiting} {
			slices.SortFunc(passes, func(a, b lull.Pass) int { return cmp.Compare(a.ID, b.ID) })
			for _, pass := range passes {
				told = append(told, p.pass(pass))
			}
		}
		for e, err := range s.Events(p.ctx, lull.Filter{Gate: p.gate}) {
			p.no(err)
			told = append(told, fmt.Sprintf("%s %s phase %d by %s, part of %s", e.Kind, p.call(e.ID), e.Phase, e.Holder, p.call(e.PartOf)))
		}
		return told
	}
	got, want := tell(p.Other), tell(p.model)
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			p.Fatalf("the script\n\t%s\nleaves (from line %d)\n\t%q\nwant\n\t%q", strings.Join(p.lines, "\n\t"), i, got[min(i, len(got)):], want[min(i, len(want)):])
		}
	}
}
