package storetest

import "github.com/lull-dev/lull"

func nested(rule ruler) {
	rule("NestedPassSharesItsParentsTicket", func(s *scene) {
		parent := s.arrives("parent")
		d := s.deploys("d")
		child := s.elsewhere().arrives("child", within(parent))
		grandchild := s.arrives("grandchild", within(child))
		child.isInside()
		grandchild.isInside()
		if child.Ticket != parent.Ticket || child.Parent != parent.ID || child.PartOf != "" {
			s.Fatalf("ticket %d, parent %q, part of %q", child.Ticket, child.Parent, child.PartOf)
		}
		d.waitsFor(parent, child, grandchild)
		parent.leaves()
		d.waitsFor(child, grandchild)
		child.isInside()
		s.story("closed d 1", "left parent 1")
	})

	rule("NestedInDeploymentIsPartOfIt", func(s *scene) {
		d := s.deploys("d")
		own := s.arrives("own", part(d))
		child := s.elsewhere().arrives("child", within(own))
		for _, j := range []*job{own, child} {
			j.isInside()
			if j.PartOf != d.ID || j.Ticket != 1 {
				s.Fatalf("%s is part of %q with ticket %d", j.Name, j.PartOf, j.Ticket)
			}
		}
		d.isDrained()
		s.story("closed d 1")
	})

	rule("PartOfADeploymentThatEndedIsDrainedByTheNext", func(s *scene) {
		d := s.deploys("d")
		own := s.arrives("own", part(d))
		e := s.deploys("e", queueing)
		d.opens()
		e.waitsFor(own)
		own.isInside()
	})

	rule("PartOfAQueuedDeploymentIsAnOrdinaryArrival", func(s *scene) {
		s.deploys("d")
		e := s.deploys("e", queueing)
		ordinary(s.arrives("j", part(e)))
	})

	rule("PartOfAPersonsHoldIsAnOrdinaryArrival", func(s *scene) {
		p := s.holds("p")
		ordinary(s.arrives("j", part(p)))
	})

	rule("PartOfAGoneHoldIsAnOrdinaryArrival", func(s *scene) {
		d := s.deploys("d")
		d.opens()
		s.deploys("e")
		ordinary(s.arrives("j", part(d)))
	})

	rule("LeakedParentIsAnOrdinaryArrival", func(s *scene) {
		parent := s.arrives("parent")
		s.deploys("d")
		parent.leaves()
		ordinary(s.arrives("j", within(parent)))
	})

	rule("ParentOfAnotherGateIsAnOrdinaryArrival", func(s *scene) {
		parent := s.at("another").arrives("parent")
		s.deploys("d")
		ordinary(s.arrives("j", within(parent)))
	})

	rule("DeploymentOfAnotherGateIsNotJoined", func(s *scene) {
		d := s.at("another").deploys("d")
		s.deploys("e")
		ordinary(s.arrives("j", part(d)))
	})

	rule("ForcedEnterIsInsideAtOnce", func(s *scene) {
		s.deploys("d")
		j := s.elsewhere().arrives("j", forced)
		j.isInside()
		if j.Ticket != 1 || j.Started.IsZero() {
			s.Fatalf("ticket %d, started %v", j.Ticket, j.Started)
		}
		s.arrives("k").waits()
		s.story("closed d 1", "forced j 1", "waited k 1")
	})

	rule("ForcedEnterAtAnOpenGateIsOrdinary", func(s *scene) {
		j := s.arrives("j", forced)
		j.isInside()
		s.story()
	})

	rule("ForcedEnterNextToAWaitingParentIsInside", func(s *scene) {
		s.deploys("d")
		parent := s.arrives("parent")
		s.arrives("j", within(parent), forced).isInside()
		parent.waits()
	})

	rule("ForcedPassMustBeDrained", func(s *scene) {
		d := s.deploys("d")
		j := s.arrives("j")
		k := s.arrives("k")
		d.isDrained()
		j.forces()
		j.isInside()
		k.waits()
		d.waitsFor(j)
		s.is(d.tryBegin(), lull.ErrNotDrained)
		j.leaves()
		d.isDrained()
		s.story("closed d 1", "waited j 1", "waited k 1", "forced j 1", "left j 1")
	})

	rule("ForceOfOneInsideChangesNothing", func(s *scene) {
		j := s.arrives("j")
		s.deploys("d")
		j.forces()
		j.isInside()
		if j.Ticket != 0 {
			s.Fatalf("ticket is now %d", j.Ticket)
		}
		s.story("closed d 1")
	})

	rule("ForceOfAPassThatHasLeftIsGone", func(s *scene) {
		s.deploys("d")
		j := s.arrives("j")
		j.leaves()
		_, _, err := s.store.Force(s.ctx, j.ref())
		s.is(err, lull.ErrGone)
	})
}

// ordinary fails unless the job has arrived at the closed gate as anybody would.
func ordinary(j *job) {
	j.s.Helper()
	j.waits()
	if j.Parent != "" || j.PartOf != "" || j.Ticket != j.phase.Ticket() {
		j.s.Fatalf("%s has ticket %d, parent %q, part of %q", j.Name, j.Ticket, j.Parent, j.PartOf)
	}
}
