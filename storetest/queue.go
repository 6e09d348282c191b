package storetest

import (
	"slices"

	"github.com/lull-dev/lull"
)

func queue(rule ruler) {
	rule("QueuedDeploymentsHoldInOrder", func(s *scene) {
		d := s.deploys("d")
		e := s.elsewhere().deploys("e", queueing)
		f := s.deploys("f", queueing)
		g := s.elsewhere().deploys("g", queueing)
		if got := s.called(s.snapshot().Gate.Queue); !slices.Equal(got, []string{"e", "f", "g"}) {
			s.Fatalf("the queue is %v", got)
		}
		e.isQueued()
		f.isQueued()
		d.opens()
		s.holdersAre("e")
		e.isDrained()
		f.isQueued()
		e.opens()
		s.holdersAre("f")
		f.opens()
		s.holdersAre("g")
		s.phaseIs(7)
		g.opens()
		s.phaseIs(8)
	})

	rule("QueueIsNotNeededAtAFreeGate", func(s *scene) {
		s.holds("p")
		if d := s.deploys("d", queueing); d.State != lull.Held {
			s.Fatalf("the first deployment is %s", d.State)
		}
	})

	rule("QueueDoesNotMoveThePhase", func(s *scene) {
		s.deploys("d")
		s.deploys("e", queueing)
		s.phaseIs(1)
		s.holdersAre("d")
	})

	rule("JobsThatWaitedGoBetweenTwoDeployments", func(s *scene) {
		d := s.deploys("d")
		e := s.elsewhere().deploys("e", queueing)
		j := s.arrives("j")
		j.waits()
		o := d.opens()
		if h, held := o.Gate.Deployment(); !held || h.ID != e.ID || o.Gate.Phase != 3 || h.Phase != 3 || h.State != lull.Held {
			s.Fatalf("the opening ends in phase %d, held by %+v", o.Gate.Phase, h)
		}
		s.phaseIs(3)
		j.isInside()
		late := s.arrives("late")
		late.waits()
		e.waitsFor(j)
		s.is(e.tryBegin(), lull.ErrNotDrained)
		j.leaves()
		e.isDrained()
		e.begins()
		late.waits()
		e.opens()
		late.isInside()
		s.phaseIs(4)
	})

	rule("QueueWithAPersonsHoldTakesOverWithoutMovingThePhase", func(s *scene) {
		d := s.deploys("d")
		p := s.holds("p")
		e := s.deploys("e", queueing)
		j := s.arrives("j")
		d.opens()
		s.phaseIs(1)
		s.holdersAre("p", "e")
		e.isDrained()
		j.waits()
		p.opens()
		s.phaseIs(1)
		j.waits()
		e.opens()
		s.phaseIs(2)
		j.isInside()
	})

	rule("LimitOfAQueuedDeploymentBeginsWhenItHolds", func(s *scene) {
		d := s.deploys("d")
		e := s.deploys("e", queueing, limit(4*s.Lease))
		if !e.Ends.IsZero() || e.renews().Left != lull.NoLimit {
			s.Fatalf("queued with an end: %v", e.Ends)
		}
		s.let(3 * s.Lease)
		d.opens()
		if left := e.renews().Left; left < 2*s.Lease || left > 4*s.Lease {
			s.Fatalf("%s left of %s just after it came into force", left, 4*s.Lease)
		}
		s.let(2 * s.Lease)
		s.holdersAre("e")
		s.eventually("the limit of e", e.gone)
	})

	rule("QueuedDeploymentMayGiveUp", func(s *scene) {
		d := s.deploys("d")
		e, f := s.deploys("e", queueing), s.deploys("f", queueing)
		if e.opens().Gone {
			s.Fatal("gone before")
		}
		s.phaseIs(1)
		s.holdersAre("d")
		d.opens()
		s.holdersAre("f")
		f.opens()
		s.story("closed d 1", "queued e 1", "queued f 1", "released e 1", "released d 1", "opened d 2",
			"closed f 3", "released f 3", "opened f 4")
	})

	rule("QueuedDeploymentCannotBeginStopOrExtend", func(s *scene) {
		s.deploys("d")
		e := s.deploys("e", queueing)
		s.is(e.tryBegin(lull.Start{Undrained: true}), lull.ErrGone)
		s.is(s.store.Stop(s.ctx, e.ref()), lull.ErrGone)
		_, err := s.store.Extend(s.ctx, e.ref(), lull.Extension{Limit: s.Lease, By: e.Holder})
		s.is(err, lull.ErrGone)
	})

	rule("QueuedDeploymentIsOpenedBySomebodyElseOnlyByForce", func(s *scene) {
		s.deploys("d")
		e := s.deploys("e", queueing)
		s.refuses(e)
		e.isOpenedByForce(somebody, "")
		if !e.gone() {
			s.Fatal("still queued")
		}
	})
}
