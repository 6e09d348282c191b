package storetest

import (
	"errors"
	"time"

	"github.com/lull-dev/lull"
)

func crashes(rule ruler) {
	rule("CrashedDeploymentOpensTheGate", func(s *scene) {
		d := s.deploys("d")
		d.begins()
		j := s.elsewhere().arrives("j")
		d.dies()
		s.eventually("j is inside", j.look)
		s.phaseIs(2)
		s.holdersAre()
		s.story("closed d 1", "begun d 1", "waited j 1", "crashed d 1", "opened d 2")
		if o := d.opens(); !o.Gone {
			s.Fatal("not told that the hold was gone")
		}
	})

	rule("CrashIsToldToArrivals", func(s *scene) {
		s.deploys("d").dies()
		s.eventually("an arrival is inside", func() bool {
			j := s.arrives("j")
			inside := j.Inside(j.phase)
			j.leaves(lull.Outcome{TimedOut: !inside})
			return inside
		})
		s.phaseIs(2)
	})

	rule("CrashLeavesTheOtherHolds", func(s *scene) {
		d := s.deploys("d")
		s.holds("p")
		d.dies()
		s.eventually("d is gone", d.gone)
		s.phaseIs(1)
		s.holdersAre("p")
	})

	rule("CrashHoldKeepsTheGateClosedWithoutAFlash", func(s *scene) {
		d := s.deploys("d", crashHold(time.Hour))
		d.begins()
		j := s.arrives("j")
		d.dies()
		s.eventually("d has crashed", func() bool {
			j.waits()
			return len(s.history(lull.Filter{Kinds: []lull.EventKind{lull.EventCrashed}})) > 0
		})
		snap := s.snapshot()
		if snap.Gate.Phase != 1 || len(snap.Gate.Holds) != 1 || len(snap.Gate.Loose) != 0 {
			s.Fatalf("phase %d, %d holds, %d loose", snap.Gate.Phase, len(snap.Gate.Holds), len(snap.Gate.Loose))
		}
		h := snap.Gate.Holds[0]
		if left := h.Ends.Sub(snap.Now); h.Kind != lull.Person || left <= 0 || left > time.Hour {
			s.Fatalf("a %s's hold with %s left", h.Kind, left)
		}
		j.waits()
		s.story("closed d 1", "begun d 1", "waited j 1", "crashed d 1")
	})

	rule("CrashHoldIsNoMoreItsMakers", func(s *scene) {
		d := s.deploys("d", crashHold(time.Hour))
		d.dies()
		s.eventually("d has crashed", d.isAPersons)
		if d.renews().Live {
			s.Error("its maker is told that it is live")
		}
		s.is(d.tryBegin(lull.Start{Undrained: true}), lull.ErrGone)
	})

	rule("CrashHoldEnds", func(s *scene) {
		d := s.deploys("d", crashHold(3*s.Lease))
		j := s.arrives("j")
		d.dies()
		s.eventually("d is gone", d.gone)
		j.isInside()
		s.phaseIs(2)
		s.story("closed d 1", "waited j 1", "crashed d 1", "expired d 1", "opened d 2")
	})

	rule("CrashHoldThatIsOverWhenTheCrashIsSeenEnds", func(s *scene) {
		d := s.deploys("d", crashHold(time.Millisecond))
		j := s.arrives("j")
		d.dies()
		s.eventually("j is inside", j.look)
		s.phaseIs(2)
		s.story("closed d 1", "waited j 1", "crashed d 1", "expired d 1", "opened d 2")
	})

	rule("CrashHoldDoesNotKeepTheNextDeploymentWaiting", func(s *scene) {
		d := s.deploys("d", crashHold(time.Hour))
		e := s.deploys("e", queueing)
		d.dies()
		s.eventually("e holds", func() bool { return !e.drains().Queued })
		s.phaseIs(1)
		s.holdersAre("d", "e")
		e.opens()
		s.phaseIs(1)
		s.holdersAre("d")
	})

	rule("CrashHoldEndsWhenItsDeploymentClosesAnew", func(s *scene) {
		d := s.deploys("d", crashHold(time.Hour))
		d.begins()
		d.dies()
		s.eventually("d has crashed", d.isAPersons)
		again := s.deploys("again", resuming(d))
		s.holdersAre("again")
		again.opens(lull.Outcome{Ran: s.Lease})
		s.holdersAre()
		s.story("closed d 1", "begun d 1", "crashed d 1", "closed again 1", "released d 1",
			"ended again 1", "released again 1", "opened again 2")
	})

	rule("CrashHoldStaysWhileItsDeploymentIsQueued", func(s *scene) {
		d := s.deploys("d", crashHold(time.Hour))
		d.begins()
		e := s.deploys("e", queueing)
		d.dies()
		s.eventually("d has crashed", d.isAPersons)
		again := s.deploys("again", queueing, resuming(d))
		s.holdersAre("d", "e")
		e.opens()
		s.holdersAre("again")
		again.opens()
		s.phaseIs(2)
	})

	rule("CloserPassesThroughTheOpenPhaseOverADeadHold", func(s *scene) {
		d := s.deploys("d")
		j := s.arrives("j", lasting(time.Hour))
		s.silent(j.lease()) // so that the closer is the first to look
		d.dies()
		asked := s.newHold(lull.Deployment, "e")
		s.eventually("e is not busy", func() bool {
			_, _, err := s.store.Close(s.ctx, asked)
			if _, busy := errors.AsType[*lull.BusyError](err); !busy {
				s.no(err)
			}
			return err == nil
		})
		e := s.closes(asked)
		s.phaseIs(3)
		j.isInside()
		e.waitsFor(j)
		s.story("closed d 1", "waited j 1", "crashed d 1", "opened d 2", "closed e 3")
	})

	rule("CrashedDeploymentLetsTheNextHold", func(s *scene) {
		d := s.deploys("d")
		e := s.elsewhere().deploys("e", queueing)
		d.dies()
		s.eventually("e holds", func() bool { return !e.drains().Queued })
		s.phaseIs(3)
		e.isDrained()
	})

	rule("DeadQueuedDeploymentIsNotPromoted", func(s *scene) {
		d := s.deploys("d")
		e := s.deploys("e", queueing)
		f := s.deploys("f", queueing)
		e.dies()
		s.eventually("e is gone", e.gone)
		s.holdersAre("d")
		f.isQueued()
		d.opens()
		s.holdersAre("f")
		s.phaseIs(3)
		s.story("closed d 1", "queued e 1", "queued f 1", "abandoned e 1", "released d 1", "opened d 2", "closed f 3")
	})

	rule("DeadHeadOfTheQueueIsPassedOver", func(s *scene) {
		d := s.deploys("d")
		e := s.deploys("e", queueing)
		f := s.deploys("f", queueing, func(h *lull.Hold) { h.Lease = time.Hour })
		s.silent(f.lease())
		d.dies()
		e.dies() // both, and nobody looks until both are over
		s.Sleep(2 * s.Lease)
		s.eventually("f holds", func() bool { return !f.drains().Queued })
		s.phaseIs(3)
		for _, ev := range s.history(lull.Filter{Kinds: []lull.EventKind{lull.EventClosed}}) {
			if ev.ID == e.ID {
				s.Fatal("a dead deployment held")
			}
		}
	})

	rule("DeadWaiterDoesNotBlock", func(s *scene) {
		d := s.deploys("d")
		j := s.arrives("j")
		e := s.deploys("e", queueing)
		j.dies()
		d.begins()
		s.let(s.Lease / 2)
		d.opens(lull.Outcome{Ran: s.Lease / 2})
		s.eventually("e is drained", func() bool { return e.drains().Drained })
		j.isGone()
		// It never ran, so it met nobody.
		if ev := s.event(lull.EventAbandoned, j.ID); ev.Ran != 0 {
			s.Fatalf("the dead waiter ran for %s", ev.Ran)
		}
		s.casualtiesAre()
	})

	rule("DeadJobIsAbandonedAndDrains", func(s *scene) {
		j, k := s.arrives("j"), s.elsewhere().arrives("k")
		d := s.deploys("d")
		s.let(s.Lease)
		j.dies()
		s.eventually("j is gone", func() bool { return d.drains().Count < 2 })
		d.waitsFor(k)
		j.isGone()
		k.isInside()
		if e := s.event(lull.EventAbandoned, j.ID); e.Ran < s.Lease-time.Millisecond {
			s.Fatalf("the dead job ran for %s, want %s at least", e.Ran, s.Lease)
		}
		s.story("closed d 1", "abandoned j 1")
	})

	rule("DeathIsSeenByWhoOnlyPolls", func(s *scene) {
		s.deploys("d").dies()
		j := s.arrives("j", lasting(time.Hour))
		s.silent(j.lease())
		s.eventually("j is inside", func() bool {
			p, g, err := s.Other.Poll(s.ctx, j.ref())
			s.no(err)
			return p.Inside(g.Phase)
		})
	})

	rule("DeathIsAFactOnce", func(s *scene) {
		d := s.deploys("d")
		d.begins()
		j := s.arrives("j", forced)
		d.dies()
		j.dies()
		s.eventually("both are gone", func() bool { return d.gone() && j.gone() })
		for range 3 {
			s.snapshot()
			s.arrives("k").leaves()
		}
		s.event(lull.EventCrashed, d.ID)
		s.event(lull.EventOpened, d.ID)
		s.event(lull.EventAbandoned, j.ID)
	})

	rule("LooseCommandEndsWithItsOwner", func(s *scene) {
		d := s.deploys("d")
		d.begins()
		d.isOpenedByForce(somebody, "")
		d.dies()
		s.eventually("no command is loose", func() bool { return len(s.snapshot().Gate.Loose) == 0 })
		s.story("closed d 1", "begun d 1", "forced d 1", "released d 1", "opened d 2", "crashed d 2")
	})

	rule("ParentThatDiedIsNoParent", func(s *scene) {
		parent := s.arrives("parent")
		s.deploys("d")
		parent.dies()
		s.eventually("a child is an ordinary arrival", func() bool {
			child := s.arrives("child", within(parent))
			waits := !child.Inside(child.phase)
			child.leaves(lull.Outcome{TimedOut: waits})
			return waits
		})
		parent.isGone()
	})
}

// resuming is what a deployment asks for that has lost its hold.
func resuming(lost *hold) func(*lull.Hold) {
	return func(h *lull.Hold) { h.Resumes, h.Holder = lost.ID, lost.Holder }
}

// isAPersons reports whether a crash has made the hold a person's.
func (h *hold) isAPersons() bool {
	h.s.Helper()
	now, held, _ := h.s.snapshot().Gate.Find(h.ID)
	return held && now.Kind == lull.Person
}
