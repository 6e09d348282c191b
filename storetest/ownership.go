package storetest

import (
	"errors"

	"github.com/lull-dev/lull"
)

// somebody owns nothing.
var somebody = lull.Holder{User: "eve", Host: "node9", PID: 9}

// refuses fails unless somebody else's Open without force is refused.
func (s *scene) refuses(h *hold) {
	s.Helper()
	_, err := s.Other.Open(s.ctx, h.ref(), lull.Outcome{By: somebody})
	s.notYours(err, h)
}

func (s *scene) notYours(err error, h *hold) {
	s.Helper()
	e, ok := errors.AsType[*lull.NotYoursError](err)
	if !ok || e.Gate != s.gate || e.Hold.ID != h.ID || e.Hold.Holder != h.Holder {
		s.Fatalf("error is %v, want a NotYoursError about %s", err, h.name)
	}
}

func ownership(rule ruler) {
	rule("OpeningSomebodyElsesHoldNeedsForce", func(s *scene) {
		p, d := s.holds("p"), s.deploys("d")
		s.refuses(p)
		s.refuses(d)
		s.holdersAre("p", "d")
		s.phaseIs(1)
		s.story("closed p 1", "closed d 1")
	})

	rule("OpeningByForceIsRecorded", func(s *scene) {
		p, d := s.holds("p"), s.deploys("d")
		p.isOpenedByForce(somebody, "lunch is over")
		d.isOpenedByForce(somebody, "it hangs")
		s.story("closed p 1", "closed d 1", "forced p 1", "released p 1", "forced d 1", "released d 1", "opened d 2")
		if e := s.event(lull.EventForced, d.ID); e.Holder != somebody || e.Reason != "it hangs" {
			s.Fatalf("forced by %v because %q", e.Holder, e.Reason)
		}
	})

	rule("PersonsHoldIsOwnedByTheUserOnTheHost", func(s *scene) {
		p, q := s.holds("p"), s.holds("q")
		again := p.Holder
		again.PID++
		p.opens(lull.Outcome{By: again})
		s.holdersAre("q")
		elsewhere := q.Holder
		elsewhere.Host = "node2"
		_, err := s.store.Open(s.ctx, q.ref(), lull.Outcome{By: elsewhere})
		s.notYours(err, q)
		s.story("closed p 1", "closed q 1", "released p 1")
	})

	rule("DeploymentIsOwnedByItsProcess", func(s *scene) {
		d := s.deploys("d")
		sibling := d.Holder
		sibling.PID++
		_, err := s.store.Open(s.ctx, d.ref(), lull.Outcome{By: sibling})
		s.notYours(err, d)
		_, err = s.store.Extend(s.ctx, d.ref(), lull.Extension{Limit: s.Lease, By: sibling})
		s.notYours(err, d)
	})

	rule("OwnersForceIsNoForce", func(s *scene) {
		d := s.deploys("d")
		d.opens(lull.Outcome{Force: true})
		s.story("closed d 1", "released d 1", "opened d 2")
	})

	rule("ExtendingSomebodyElsesHoldNeedsForceAndIsRecorded", func(s *scene) {
		p := s.holds("p")
		_, err := s.Other.Extend(s.ctx, p.ref(), lull.Extension{Limit: lull.NoLimit, By: somebody})
		s.notYours(err, p)
		if h, _, _ := s.snapshot().Gate.Find(p.ID); h.Ends.IsZero() {
			s.Fatal("extended all the same")
		}
		p.extends(lull.Extension{Limit: lull.NoLimit, By: somebody, Force: true})
		if e := s.event(lull.EventExtended, p.ID); e.Holder != somebody {
			s.Fatalf("extended by %v", e.Holder)
		}
	})

	rule("OwnersEndOfADeploymentIsRecorded", func(s *scene) {
		d := s.deploys("d")
		d.begins()
		d.opens(lull.Outcome{ExitCode: ptr(3), Ran: s.Lease})
		s.story("closed d 1", "begun d 1", "ended d 1", "released d 1", "opened d 2")
		if e := s.event(lull.EventEnded, d.ID); e.ExitCode == nil || *e.ExitCode != 3 || e.Ran != s.Lease {
			s.Fatalf("ended with status %v after %s", e.ExitCode, e.Ran)
		}
	})

	rule("LooseCommandIsKnownUntilItsEnd", func(s *scene) {
		d := s.deploys("d")
		d.begins()
		d.isOpenedByForce(somebody, "")
		s.phaseIs(2)
		if d.renews().Live {
			s.Fatal("a hold that was opened by force is live")
		}
		s.let(3 * s.Lease)
		if got := s.snapshot().Gate.Loose; len(got) != 1 || got[0].ID != d.ID {
			s.Fatalf("loose commands are %v, want d", s.called(got))
		}
		if o := d.opens(lull.Outcome{ExitCode: ptr(0), Ran: 3 * s.Lease}); !o.Gone {
			s.Fatal("not told that the hold was gone")
		}
		if got := s.snapshot().Gate.Loose; len(got) != 0 {
			s.Fatalf("loose commands are %v after the end", s.called(got))
		}
		if e := s.event(lull.EventEnded, d.ID); e.Ran != 3*s.Lease {
			s.Fatalf("ended after %s", e.Ran)
		}
		s.story("closed d 1", "begun d 1", "forced d 1", "released d 1", "opened d 2", "ended d 2")
	})

	rule("NothingIsLooseBeforeTheCommandBegan", func(s *scene) {
		d := s.deploys("d")
		d.isOpenedByForce(somebody, "")
		if got := s.snapshot().Gate.Loose; len(got) != 0 {
			s.Fatalf("loose commands are %v", s.called(got))
		}
	})

	rule("LooseCommandIsTakenBackByTheHoldThatResumesIt", func(s *scene) {
		d := s.deploys("d")
		d.begins()
		d.isOpenedByForce(somebody, "")
		again := s.deploys("again", func(h *lull.Hold) { h.Resumes, h.Holder = d.ID, d.Holder })
		s.silent(d.lease())
		again.begins(lull.Start{Undrained: true, Ran: s.Lease})
		if got := s.snapshot().Gate.Loose; len(got) != 0 {
			s.Fatalf("loose commands are %v", s.called(got))
		}
		if e := s.event(lull.EventBegun, again.ID); e.Resumes != d.ID {
			s.Fatalf("the event resumes %q", e.Resumes)
		}
	})
}
