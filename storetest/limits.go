package storetest

import (
	"slices"
	"time"

	"github.com/lull-dev/lull"
)

func limits(rule ruler) {
	rule("LimitOpensTheGate", func(s *scene) {
		d := s.deploys("d", limit(2*s.Lease))
		j := s.arrives("j")
		s.let(s.Lease)
		s.holdersAre("d")
		j.waits()
		s.eventually("j is inside", j.look)
		s.phaseIs(2)
		if d.renews().Live {
			s.Fatal("past its limit, and live")
		}
		s.story("closed d 1", "waited j 1", "overdue d 1", "opened d 2")
	})

	rule("PersonsLimitOpensTheGate", func(s *scene) {
		p := s.holds("p", limit(2*s.Lease))
		s.let(s.Lease)
		s.holdersAre("p")
		s.eventually("the limit of p", p.gone)
		s.phaseIs(2)
		s.story("closed p 1", "expired p 1", "opened p 2")
	})

	rule("LimitOfOneHoldLeavesTheOther", func(s *scene) {
		p := s.holds("p", limit(s.Lease))
		s.deploys("d")
		j := s.arrives("j")
		s.eventually("the limit of p", p.gone)
		s.phaseIs(1)
		s.holdersAre("d")
		j.waits()
	})

	rule("LimitOfADeploymentLetsTheNextHold", func(s *scene) {
		s.deploys("d", limit(s.Lease))
		e := s.deploys("e", queueing)
		j := s.arrives("j")
		s.eventually("e holds", func() bool { return !e.drains().Queued })
		s.phaseIs(3)
		e.waitsFor(j)
		s.story("closed d 1", "queued e 1", "waited j 1", "overdue d 1", "opened d 2", "closed e 3")
	})

	rule("CommandPastItsLimitIsLoose", func(s *scene) {
		d := s.deploys("d", limit(s.Lease))
		d.begins()
		s.eventually("the limit of d", d.gone)
		if got := s.snapshot().Gate.Loose; len(got) != 1 || got[0].ID != d.ID {
			s.Fatalf("loose commands are %v, want d", s.called(got))
		}
		d.opens(lull.Outcome{ExitCode: ptr(0)})
		s.story("closed d 1", "begun d 1", "overdue d 1", "opened d 2", "ended d 2")
	})

	rule("HoldWithoutLimitDoesNotEnd", func(s *scene) {
		p, d := s.holds("p", limit(lull.NoLimit)), s.deploys("d", limit(lull.NoLimit))
		if !p.Ends.IsZero() || d.renews().Left != lull.NoLimit {
			s.Fatalf("the person's ends %v, the deployment has %s left", p.Ends, d.renews().Left)
		}
		s.let(3 * s.Lease)
		s.holdersAre("p", "d")
	})

	rule("LimitIsNeverNoneByDefault", func(s *scene) {
		// Half a minute for a slow store; the default is not a matter of seconds.
		near := func(got, want time.Duration) bool { return got > want-30*time.Second && got <= want }
		d, p := s.deploys("d"), s.holds("p")
		if left := d.renews().Left; !near(left, lull.DefaultDeploymentLimit) {
			s.Errorf("a deployment has %s left of %s", left, lull.DefaultDeploymentLimit)
		}
		if left := p.Ends.Sub(s.snapshot().Now); !near(left, lull.DefaultPersonLimit) {
			s.Errorf("a person has %s left of %s", left, lull.DefaultPersonLimit)
		}
	})

	rule("RenewalSaysHowMuchIsLeft", func(s *scene) {
		d := s.deploys("d", limit(6*s.Lease))
		before := d.renews().Left
		s.let(2 * s.Lease)
		after := d.renews().Left
		if before > 6*s.Lease || after > before-2*s.Lease || after <= 0 {
			s.Fatalf("%s left, and %s two leases of %s later", before, after, s.Lease)
		}
	})

	rule("ExtendCountsFromNow", func(s *scene) {
		p := s.holds("p", limit(3*s.Lease))
		d := s.deploys("d", limit(3*s.Lease))
		s.let(2 * s.Lease)
		for _, h := range []*hold{p, d} {
			h.extends(lull.Extension{Limit: 3 * s.Lease, By: h.Holder})
		}
		if left := d.renews().Left; left > 3*s.Lease || left < 2*s.Lease {
			s.Fatalf("%s left just after an extension to %s", left, 3*s.Lease)
		}
		s.let(2 * s.Lease)
		s.holdersAre("p", "d")
		s.eventually("the limit of p", p.gone)
		s.eventually("the limit of d", d.gone)
	})

	rule("ExtendMayShorten", func(s *scene) {
		p := s.holds("p")
		p.extends(lull.Extension{Limit: s.Lease, By: p.Holder})
		s.eventually("the limit of p", p.gone)
	})

	rule("ExtendMayTakeTheLimitAway", func(s *scene) {
		p := s.holds("p", limit(2*s.Lease))
		p.extends(lull.Extension{Limit: lull.NoLimit, By: p.Holder})
		s.let(4 * s.Lease)
		s.holdersAre("p")
		if h, _, _ := s.snapshot().Gate.Find(p.ID); !h.Ends.IsZero() {
			s.Fatalf("it ends %v", h.Ends)
		}
	})

	rule("ExtendOfEndedHoldIsGone", func(s *scene) {
		p, q := s.holds("p"), s.holds("q", limit(s.Lease))
		p.opens()
		s.Sleep(2 * s.Lease) // and nobody has looked at q since
		for _, h := range []*hold{p, q} {
			_, err := s.store.Extend(s.ctx, h.ref(), lull.Extension{Limit: time.Hour, By: h.Holder})
			s.is(err, lull.ErrGone)
		}
		s.phaseIs(2)
	})

	rule("BeginPastTheLimitIsGone", func(s *scene) {
		d := s.deploys("d", limit(s.Lease/4))
		s.Sleep(s.Lease / 2) // and nobody has looked since
		s.is(d.tryBegin(), lull.ErrGone)
	})

	rule("CloserPassesThroughTheOpenPhaseOverAnExpiredHold", func(s *scene) {
		s.holds("p", limit(s.Lease))
		j := s.arrives("j", lasting(time.Hour))
		s.silent(j.lease())
		s.Sleep(2 * s.Lease) // and nobody has looked since
		q := s.holds("q")
		s.phaseIs(3)
		j.isInside()
		q.waitsFor(j)
	})

	rule("ArrivalPassesAnExpiredHold", func(s *scene) {
		s.holds("p", limit(s.Lease))
		s.Sleep(2 * s.Lease)
		j := s.arrives("j")
		if !j.Inside(j.phase) {
			s.Fatalf("ticket %d in phase %d", j.Ticket, j.phase)
		}
		s.phaseIs(2)
	})

	rule("LimitIsSeenByWhoOnlyRenews", func(s *scene) {
		d := s.deploys("d", limit(s.Lease))
		s.eventually("d is lost", func() bool { return !d.renews().Live })
		s.phaseIs(2)
	})

	rule("LimitIsSeenByWhoOnlyOpens", func(s *scene) {
		p := s.holds("p", limit(s.Lease))
		s.Sleep(2 * s.Lease)
		if !p.opens().Gone {
			s.Fatal("p was still there")
		}
		s.story("closed p 1", "expired p 1", "opened p 2")
	})

	rule("JobThatMeetsACommandPastItsLimitIsACasualty", func(s *scene) {
		before := s.arrives("before")
		s.let(s.Lease)
		before.leaves(lull.Outcome{Ran: s.Lease})
		d := s.deploys("d", limit(s.Lease))
		j := s.arrives("j")
		d.begins()
		own := s.arrives("own", part(d))
		s.eventually("j is inside", j.look)
		s.let(s.Lease)
		j.leaves(lull.Outcome{Ran: s.Lease})
		own.leaves(lull.Outcome{Ran: s.Lease})
		s.let(s.Lease / 2)
		d.opens()
		after := s.arrives("after")
		s.let(s.Lease)
		after.leaves(lull.Outcome{Ran: s.Lease / 2})
		s.casualtiesAre("j")
	})
}

// casualtiesAre fails unless just these are casualties, by the store's history.
func (s *scene) casualtiesAre(want ...string) {
	s.Helper()
	var got []string
	for _, e := range lull.MarkCasualties(s.history(lull.Filter{})) {
		if e.Casualty {
			got = append(got, s.name(e.ID))
		}
	}
	if !slices.Equal(got, want) {
		s.Fatalf("casualties are %v, want %v", got, want)
	}
}
