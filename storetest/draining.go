package storetest

import (
	"fmt"

	"github.com/lull-dev/lull"
)

func draining(rule ruler) {
	rule("DrainWaitsForThoseInside", func(s *scene) {
		j, k := s.arrives("j"), s.elsewhere().arrives("k")
		d := s.deploys("d")
		d.waitsFor(j, k)
		j.leaves()
		d.waitsFor(k)
		k.leaves()
		d.isDrained()
	})

	rule("DrainDoesNotWaitForThoseWhoWait", func(s *scene) {
		d := s.deploys("d")
		s.arrives("j")
		d.isDrained()
	})

	rule("DrainedAgainAfterAForcedPass", func(s *scene) {
		d := s.deploys("d")
		d.isDrained()
		j := s.arrives("j", forced)
		d.waitsFor(j)
		j.leaves()
		d.isDrained()
	})

	rule("DrainOfManyNamesAFew", func(s *scene) {
		for i := range 12 {
			s.arrives(fmt.Sprint("j", i))
		}
		d := s.deploys("d").drains()
		if d.Drained || len(d.Inside) == 0 {
			s.Fatalf("drained %t, %d named", d.Drained, len(d.Inside))
		}
	})

	rule("DrainSaysHowTheGateIs", func(s *scene) {
		d := s.deploys("d")
		e := s.deploys("e", queueing)
		g := e.drains().Gate
		if h, _ := g.Deployment(); h.ID != d.ID || g.Phase != 1 {
			s.Fatalf("while it queues: phase %d, held by %q", g.Phase, h.ID)
		}
		d.opens()
		g = e.drains().Gate
		if h, held, _ := g.Find(e.ID); !held || h.State != lull.Held || h.Phase != 3 {
			s.Fatalf("when it holds: %+v", h)
		}
	})

	rule("DrainIgnoresItsOwnParts", func(s *scene) {
		d := s.deploys("d")
		own := s.arrives("own", part(d))
		s.arrives("own child", within(own))
		d.isDrained()
		d.begins()
	})

	rule("PersonsDrainSeesParts", func(s *scene) {
		d := s.deploys("d")
		p := s.holds("p")
		j := s.arrives("j", part(d))
		p.waitsFor(j)
		d.isDrained()
	})

	rule("PersonMayDrainToo", func(s *scene) {
		j := s.arrives("j")
		p := s.holds("p")
		p.waitsFor(j)
		j.leaves()
		p.isDrained()
	})

	rule("DrainOfAHoldThatIsGoneIsGone", func(s *scene) {
		d := s.deploys("d")
		d.opens()
		_, err := s.Other.Drain(s.ctx, d.ref())
		s.is(err, lull.ErrGone)
	})

	rule("BeginRefusesUndrained", func(s *scene) {
		j := s.arrives("j")
		d := s.deploys("d")
		s.is(d.tryBegin(), lull.ErrNotDrained)
		if h, _ := s.snapshot().Gate.Deployment(); !h.Begun.IsZero() {
			s.Fatal("begun all the same")
		}
		j.leaves()
		d.begins()
		if h, _ := s.snapshot().Gate.Deployment(); h.Begun.IsZero() {
			s.Fatal("not begun")
		}
		s.story("closed d 1", "left j 1", "begun d 1")
	})

	rule("BeginIsRefusedWhenSomebodyEnteredAfterTheDrain", func(s *scene) {
		d := s.deploys("d")
		d.isDrained()
		s.elsewhere().arrives("j", forced)
		s.is(d.tryBegin(), lull.ErrNotDrained)
	})

	rule("BeginMayProceedUndrained", func(s *scene) {
		s.arrives("j")
		d := s.deploys("d")
		d.begins(lull.Start{Undrained: true})
		s.story("closed d 1", "begun d 1")
	})

	rule("BeginOnAGoneHoldIsGone", func(s *scene) {
		d := s.deploys("d")
		d.isOpenedByForce(somebody, "")
		s.is(d.tryBegin(), lull.ErrGone)
		s.is(d.tryBegin(lull.Start{Undrained: true}), lull.ErrGone)
		s.deploys("e")
		s.is(d.tryBegin(), lull.ErrGone)
	})

	rule("BeginOfWhatRunsAlreadyCountsFromItsStart", func(s *scene) {
		ran := 3 * s.Lease
		d := s.deploys("d")
		d.begins(lull.Start{Ran: ran})
		h, _ := s.snapshot().Gate.Deployment()
		if age := s.snapshot().Now.Sub(h.Begun); age < ran {
			s.Fatalf("begun %s ago, want %s at least", age, ran)
		}
		if e := s.event(lull.EventBegun, d.ID); e.Ran != ran {
			s.Fatalf("the event says it ran for %s, want %s", e.Ran, ran)
		}
	})

	rule("StopReachesThoseInsideByRenewal", func(s *scene) {
		j, k := s.arrives("j"), s.elsewhere().arrives("k")
		d := s.deploys("d")
		if j.renews().Stop {
			s.Fatal("asked to stop before anybody asked")
		}
		d.stops()
		for _, inside := range []*job{j, k} {
			if state := inside.renews(); !state.Live || !state.Stop {
				s.Fatalf("%s: live %t, asked to stop %t", inside.Name, state.Live, state.Stop)
			}
		}
	})

	rule("StopReachesWhoEntersByForceAfterIt", func(s *scene) {
		d := s.deploys("d")
		d.stops()
		if j := s.arrives("j", forced); !j.renews().Stop {
			s.Fatal("not asked to stop")
		}
	})

	rule("StopReachesNeitherWaitersNorParts", func(s *scene) {
		d := s.deploys("d")
		d.stops()
		waiting, own := s.arrives("waiting"), s.arrives("own", part(d))
		if waiting.renews().Stop || own.renews().Stop || d.renews().Stop {
			s.Fatal("the wrong ones are asked to stop")
		}
		d.opens()
		if waiting.renews().Stop {
			s.Fatal("asked to stop after the opening")
		}
	})

	rule("StopIsNotInheritedFromTheDeploymentBefore", func(s *scene) {
		d := s.deploys("d")
		d.stops()
		j := s.arrives("j")
		e := s.deploys("e", queueing)
		d.opens()
		e.waitsFor(j)
		if j.renews().Stop {
			s.Fatal("asked to stop by a hold that is gone")
		}
	})

	rule("StopByAGoneHoldIsGone", func(s *scene) {
		d := s.deploys("d")
		d.opens()
		s.is(s.store.Stop(s.ctx, d.ref()), lull.ErrGone)
	})
}
