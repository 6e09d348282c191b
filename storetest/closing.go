package storetest

import (
	"errors"

	"github.com/lull-dev/lull"
)

func closing(rule ruler) {
	rule("FirstHoldClosesAndLastHoldOpens", func(s *scene) {
		d := s.deploys("d")
		if d.Phase != 1 || d.State != lull.Held || d.Since.IsZero() || d.Ends.IsZero() {
			s.Fatalf("hold is %+v", d.Hold)
		}
		s.phaseIs(1)
		o := d.opens()
		if o.Gone || o.Gate.Phase != 2 || len(o.Gate.Holds) != 0 {
			s.Fatalf("opening is %+v", o)
		}
		s.phaseIs(2)
		s.holdersAre()
	})

	rule("PersonsHoldProlongsAClosure", func(s *scene) {
		d := s.deploys("d")
		j := s.arrives("j")
		p := s.elsewhere().holds("p")
		s.phaseIs(1)
		s.holdersAre("d", "p")
		d.opens()
		s.phaseIs(1)
		j.waits()
		p.opens()
		s.phaseIs(2)
		j.isInside()
	})

	rule("DeploymentMayHoldBesidePersons", func(s *scene) {
		p, q := s.holds("p"), s.holds("q")
		d := s.deploys("d")
		s.phaseIs(1)
		s.holdersAre("p", "q", "d")
		p.opens()
		q.opens()
		s.holdersAre("d")
		s.phaseIs(1)
		d.opens()
		s.phaseIs(2)
	})

	rule("SecondDeploymentIsBusyAndToldWhoHolds", func(s *scene) {
		s.holds("p")
		d := s.deploys("d")
		_, _, err := s.Other.Close(s.ctx, s.newHold(lull.Deployment, "e"))
		busy, ok := errors.AsType[*lull.BusyError](err)
		if !ok {
			s.Fatalf("error is %v, want a BusyError", err)
		}
		if busy.Gate != s.gate || busy.Hold.ID != d.ID || busy.Hold.Holder != d.Holder || busy.Hold.Reason != d.Reason || busy.Hold.Since.IsZero() {
			s.Fatalf("told of %+v", busy)
		}
	})

	rule("WhoWasBusyLeavesNothing", func(s *scene) {
		d := s.deploys("d")
		e := s.newHold(lull.Deployment, "e")
		_, _, err := s.store.Close(s.ctx, e)
		if err == nil {
			s.Fatal("two deployments hold at once")
		}
		if s.renews(lull.LeaseRef{Gate: s.gate, Hold: e.ID}).Live {
			s.Fatal("the second is live")
		}
		d.opens()
		s.phaseIs(2)
		s.story("closed d 1", "released d 1", "opened d 2")
	})

	rule("OpenEndsOnlyThatHold", func(s *scene) {
		p, q := s.holds("p"), s.elsewhere().holds("q")
		d := s.deploys("d")
		q.opens()
		s.holdersAre("p", "d")
		d.opens()
		s.holdersAre("p")
		p.opens()
		s.holdersAre()
	})

	rule("PhaseOnlyGrows", func(s *scene) {
		for n := range lull.Phase(5) {
			d := s.deploys("d")
			s.phaseIs(2*n + 1)
			d.opens()
			s.phaseIs(2*n + 2)
		}
	})

	rule("DeployInsideAJobIsRefused", func(s *scene) {
		j := s.arrives("j")
		_, _, err := s.store.Close(s.ctx, s.newHold(lull.Deployment, "d", func(h *lull.Hold) { h.Parent = j.ID }))
		inside, ok := errors.AsType[*lull.InsideError](err)
		if !ok || inside.Gate != s.gate || inside.Pass != j.ID {
			s.Fatalf("error is %v, want an InsideError about the job", err)
		}
		s.phaseIs(0)
	})

	rule("DeployInsideAJobThatHasLeftIsNotRefused", func(s *scene) {
		j := s.arrives("j")
		j.leaves()
		s.deploys("d", func(h *lull.Hold) { h.Parent = j.ID })
		s.phaseIs(1)
	})

	rule("DeployInsideAJobOfAnotherGateIsNotRefused", func(s *scene) {
		j := s.at("another").arrives("j")
		s.deploys("d", func(h *lull.Hold) { h.Parent = j.ID })
		s.phaseIs(1)
	})

	rule("PersonMayCloseFromInsideAJob", func(s *scene) {
		j := s.arrives("j")
		p := s.holds("p", func(h *lull.Hold) { h.Parent = j.ID })
		p.waitsFor(j)
	})

	rule("ClosingInsideALiveHoldJoinsIt", func(s *scene) {
		d := s.deploys("d")
		j := s.arrives("j", part(d))
		for _, kind := range []lull.Kind{lull.Deployment, lull.Person} {
			asked := s.newHold(kind, "inner", func(h *lull.Hold) { h.PartOf, h.Parent = d.ID, j.ID })
			got, g, err := s.Other.Close(s.ctx, asked)
			s.no(err)
			if got.ID != d.ID || g.Phase != 1 {
				s.Fatalf("a %s inside d got hold %s in phase %d", kind, s.name(got.ID), g.Phase)
			}
		}
		s.holdersAre("d")
		s.story("closed d 1")
	})

	rule("ClosingInsideAHoldThatIsGoneIsOrdinary", func(s *scene) {
		d := s.deploys("d")
		d.opens()
		e := s.deploys("e", func(h *lull.Hold) { h.PartOf = d.ID })
		if e.ID == d.ID {
			s.Fatal("joined a hold that is gone")
		}
		s.phaseIs(3)
		s.holdersAre("e")
	})
}
