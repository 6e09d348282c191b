package storetest

import "github.com/lull-dev/lull"

func idempotence(rule ruler) {
	rule("EnterTwiceWithOneIDIsOnePass", func(s *scene) {
		p := s.newPass("j")
		j := s.enters(p)
		s.deploys("d")
		again := s.enters(p)
		if again.Ticket != j.Ticket {
			s.Fatalf("ticket was %d, is %d", j.Ticket, again.Ticket)
		}
		q := s.newPass("k")
		k := s.enters(q)
		s.enters(q)
		k.waits()
		if snap := s.snapshot(); len(snap.Inside) != 1 || len(snap.Waiting) != 1 {
			s.Fatalf("%d inside, %d waiting", len(snap.Inside), len(snap.Waiting))
		}
		s.story("closed d 1", "waited k 1")
		j.leaves()
		j.isGone()
	})

	rule("WaiterThatEntersAgainKeepsItsTurn", func(s *scene) {
		d := s.deploys("d")
		p := s.newPass("j")
		s.enters(p)
		d.opens()
		s.deploys("e")
		s.enters(p).isInside()
	})

	rule("CloseTwiceWithOneIDIsOneHold", func(s *scene) {
		for _, kind := range []lull.Kind{lull.Deployment, lull.Person} {
			asked := s.newHold(kind, string(kind))
			h := s.closes(asked)
			again := s.closes(asked)
			if again.ID != h.ID || again.Phase != h.Phase {
				s.Fatalf("hold %s of phase %d, then %s of phase %d", h.ID, h.Phase, again.ID, again.Phase)
			}
		}
		s.phaseIs(1)
		s.holdersAre("deployment", "person")
		s.story("closed deployment 1", "closed person 1")
	})

	rule("QueueTwiceWithOneIDIsOnePlace", func(s *scene) {
		d := s.deploys("d")
		asked := s.newHold(lull.Deployment, "e", queueing)
		s.closes(asked)
		f := s.deploys("f", queueing)
		s.closes(asked).isQueued()
		d.opens()
		e := s.closes(asked)
		if e.State != lull.Held {
			s.Fatalf("e is %s", e.State)
		}
		e.opens()
		s.holdersAre("f")
		f.opens()
	})

	rule("LeaveTwiceIsHarmless", func(s *scene) {
		j, k := s.arrives("j"), s.arrives("k")
		j.leaves()
		j.leaves()
		k.isInside()
		s.story("left j 0")
	})

	rule("OpenTwiceSaysGone", func(s *scene) {
		d := s.deploys("d")
		if d.opens().Gone {
			s.Fatal("gone at the first time")
		}
		if !d.opens().Gone {
			s.Fatal("not gone at the second time")
		}
		s.deploys("e")
		if o := d.opens(); !o.Gone || o.Gate.Phase != 3 {
			s.Fatalf("opening is %+v", o)
		}
		s.holdersAre("e")
		s.phaseIs(3)
	})

	rule("OpenOfWhatNeverWasSaysGone", func(s *scene) {
		o, err := s.store.Open(s.ctx, lull.HoldRef{Gate: s.gate, ID: lull.NewID()}, lull.Outcome{})
		s.no(err)
		if !o.Gone || o.Gate.Phase != 0 {
			s.Fatalf("opening is %+v", o)
		}
	})

	rule("BeginTwiceIsOneBeginning", func(s *scene) {
		d := s.deploys("d")
		d.begins()
		s.let(s.Lease / 2)
		first, _ := s.snapshot().Gate.Deployment()
		s.arrives("j", forced) // and the drain is not asked for again
		d.begins()
		second, _ := s.snapshot().Gate.Deployment()
		if second.Begun.Sub(first.Begun) != 0 {
			s.Fatal("it began anew")
		}
		s.event(lull.EventBegun, d.ID)
	})

	rule("StopTwiceIsOneStop", func(s *scene) {
		j := s.arrives("j")
		d := s.deploys("d")
		d.stops()
		d.stops()
		if !j.renews().Stop {
			s.Fatal("not asked to stop")
		}
	})

	rule("ForceTwiceIsOneForce", func(s *scene) {
		s.deploys("d")
		j := s.arrives("j")
		j.forces()
		j.forces()
		s.event(lull.EventForced, j.ID)
	})

	rule("IDOfALooseCommandClosesNothing", func(s *scene) {
		asked := s.newHold(lull.Deployment, "d")
		d := s.closes(asked)
		d.begins()
		d.isOpenedByForce(somebody, "")
		_, _, err := s.store.Close(s.ctx, asked)
		s.is(err, lull.ErrGone)
		s.phaseIs(2)
	})
}
