package storetest

import (
	"fmt"
	"slices"

	"github.com/lull-dev/lull"
)

func arrivals(rule ruler) {
	rule("ArrivalAtAnOpenGateIsInside", func(s *scene) {
		j := s.arrives("j")
		j.isInside()
		if j.Ticket != 0 || j.Arrived.IsZero() || j.Started.IsZero() {
			s.Fatalf("ticket %d, arrived %v, started %v", j.Ticket, j.Arrived, j.Started)
		}
		s.elsewhere().arrives("k").isInside()
		s.phaseIs(0)
		j.isInside()
	})

	rule("ArrivalAtAClosedGateWaitsForTheNextOpening", func(s *scene) {
		d := s.deploys("d")
		j, k := s.arrives("j"), s.elsewhere().arrives("k")
		j.waits()
		k.waits()
		if j.Ticket != 2 || !j.Started.IsZero() {
			s.Fatalf("ticket %d, started %v; want 2, never", j.Ticket, j.Started)
		}
		d.opens()
		j.isInside()
		k.isInside()
		if j.Started.IsZero() {
			s.Fatal("nobody knows when it started")
		}
	})

	rule("AllWaitersAreInsideAtTheOpening", func(s *scene) {
		d := s.deploys("d")
		var all []*job
		for i := range 20 {
			from := s
			if i%2 == 1 {
				from = s.elsewhere()
			}
			all = append(all, from.arrives(fmt.Sprint("j", i)))
		}
		d.opens()
		if snap := s.snapshot(); len(snap.Inside) != 20 || len(snap.Waiting) != 0 {
			s.Fatalf("%d inside, %d waiting; want 20, 0", len(snap.Inside), len(snap.Waiting))
		}
		for _, j := range all {
			j.isInside()
		}
	})

	rule("WhoWasAdmittedStaysInsideThoughItNeverAsked", func(s *scene) {
		d := s.deploys("d")
		j := s.arrives("j")
		d.opens()
		e := s.deploys("e")
		e.waitsFor(j)
		j.isInside()
		s.arrives("k").waits()
	})

	rule("ArrivalIsToldWhoHolds", func(s *scene) {
		d := s.deploys("d")
		p := s.elsewhere().newPass("j")
		_, g, err := s.Other.Enter(s.ctx, p)
		s.no(err)
		h, closed := g.Deployment()
		if !closed || h.ID != d.ID || h.Holder != d.Holder || h.Reason != d.Reason || g.Phase != 1 {
			s.Fatalf("the arrival was told of %+v", g)
		}
	})

	rule("LeaveEndsOnlyThatPass", func(s *scene) {
		d := s.deploys("d")
		waiting, other := s.arrives("waiting"), s.arrives("other waiting")
		d.opens()
		j, k := s.arrives("j"), s.elsewhere().arrives("k")
		j.leaves()
		waiting.leaves()
		j.isGone()
		waiting.isGone()
		k.isInside()
		other.isInside()
	})

	rule("LeaveSaysHowTheGateIs", func(s *scene) {
		j := s.arrives("j")
		d := s.deploys("d")
		g, err := s.store.Leave(s.ctx, j.ref(), lull.Outcome{})
		s.no(err)
		if h, _ := g.Deployment(); g.Phase != 1 || h.ID != d.ID {
			s.Fatalf("Leave tells of phase %d, held by %q", g.Phase, h.ID)
		}
	})

	rule("PassThatNeverWasIsGone", func(s *scene) {
		s.arrives("j")
		ref := lull.PassRef{Gate: s.gate, ID: lull.NewID()}
		_, _, err := s.store.Poll(s.ctx, ref)
		s.is(err, lull.ErrGone)
		_, _, err = s.store.Force(s.ctx, ref)
		s.is(err, lull.ErrGone)
		_, err = s.store.Leave(s.ctx, ref, lull.Outcome{})
		s.no(err)
	})

	rule("LateRecordSaysWhenItStarted", func(s *scene) {
		d := s.deploys("d")
		ran := 3 * s.Lease
		j := s.arrives("j", forced, func(p *lull.Pass) { p.Ran = ran })
		if since := s.snapshot().Now.Sub(j.Started); since < ran {
			s.Fatalf("started %s ago, want %s at least", since, ran)
		}
		d.waitsFor(j)
	})

	rule("GatesAreIndependent", func(s *scene) {
		here, there := s.at("here"), s.at("there")
		d := here.deploys("d")
		there.arrives("j").isInside()
		waits := here.arrives("k")
		waits.waits()
		e := there.deploys("e")
		d.opens()
		here.phaseIs(2)
		there.phaseIs(1)
		waits.isInside()
		// A name is found at its own gate only.
		_, _, err := s.store.Poll(s.ctx, lull.PassRef{Gate: "there", ID: waits.ID})
		s.is(err, lull.ErrGone)
		_, err = s.store.Drain(s.ctx, lull.HoldRef{Gate: "here", ID: e.ID})
		s.is(err, lull.ErrGone)
	})

	rule("GatesListsThemAll", func(s *scene) {
		for _, gate := range []string{"b", "c", "a"} {
			s.at(gate).arrives("j").leaves()
		}
		s.at("d.e-f_0").holds("p")
		_, err := s.store.Snapshot(s.ctx, "only-looked-at")
		s.no(err)
		for _, store := range []lull.Store{s.Store, s.Other} {
			gates, err := store.Gates(s.ctx)
			s.no(err)
			var names []string
			for _, g := range gates {
				names = append(names, g.Name)
				if g.Phase.Open() != (len(g.Holds) == 0) || g.Phase.Open() == (g.Name == "d.e-f_0") {
					s.Errorf("gate %s in phase %d with %d holds", g.Name, g.Phase, len(g.Holds))
				}
			}
			if want := []string{"a", "b", "c", "d.e-f_0"}; !slices.Equal(names, want) {
				s.Fatalf("gates are %v, want %v", names, want)
			}
		}
	})
}
