package storetest

import (
	"errors"

	"github.com/lull-dev/lull"
)

// anew is about passes and holds that were lost while their command ran, and are put on
// record under a new ID. What they started before carries the old one.
func anew(rule ruler) {
	rule("ChildOfALostPassIsInsideWithTheOneThatResumesIt", func(s *scene) {
		parent := s.arrives("parent")
		parent.isLost()
		d := s.deploys("d")
		again := s.arrives("again", forced, inPlaceOf(parent))
		child := s.elsewhere().arrives("child", within(parent))
		child.isInside()
		if child.Parent != again.ID || child.Ticket != again.Ticket {
			s.Fatalf("its parent is %s, want again", s.name(child.Parent))
		}
		d.waitsFor(again, child)
	})

	rule("ChildOfAPassThatWasLostTwiceIsInside", func(s *scene) {
		first := s.arrives("first")
		first.isLost()
		s.deploys("d")
		second := s.arrives("second", forced, inPlaceOf(first))
		second.isLost()
		s.arrives("third", forced, inPlaceOf(first))
		s.arrives("child", within(first)).isInside()
	})

	rule("WaitingChildThatEntersAgainIsInsideOnceItsParentIsOnRecordAnew", func(s *scene) {
		parent := s.arrives("parent")
		parent.isLost()
		d := s.deploys("d")
		asked := s.elsewhere().newPass("child", within(parent))
		child := s.elsewhere().enters(asked)
		ordinary(child)
		again := s.arrives("again", forced, inPlaceOf(parent))
		child.waits()
		child = s.elsewhere().enters(asked)
		child.isInside()
		if child.Parent != again.ID || child.Ticket != again.Ticket || child.Started.IsZero() {
			s.Fatalf("its parent is %s, its ticket %d, started %v", s.name(child.Parent), child.Ticket, child.Started)
		}
		again.leaves()
		d.waitsFor(child)
		child.leaves()
		d.isDrained()
	})

	rule("WaitingChildThatEntersAgainIsInsideOnceItsHoldIsClosedAnew", func(s *scene) {
		d := s.deploys("d")
		d.begins()
		s.holds("p")
		d.isOpenedByForce(somebody, "")
		asked := s.newPass("own", part(d))
		ordinary(s.enters(asked))
		again := s.deploys("again", resuming(d))
		own := s.enters(asked)
		own.isInside()
		if own.PartOf != again.ID {
			s.Fatalf("it is part of %s, want again", s.name(own.PartOf))
		}
		again.isDrained()
	})

	rule("LeakedHintsDoNotLetInWhoEntersAgain", func(s *scene) {
		parent := s.arrives("parent")
		d := s.deploys("d")
		d.opens()
		s.deploys("e")
		parent.leaves()
		asked := s.newPass("j", within(parent), part(d))
		ordinary(s.enters(asked))
		ordinary(s.enters(asked))
	})

	rule("DeploymentInsideALostPassIsRefused", func(s *scene) {
		parent := s.arrives("parent")
		parent.isLost()
		s.arrives("again", forced, inPlaceOf(parent))
		_, _, err := s.store.Close(s.ctx, s.newHold(lull.Deployment, "d", func(h *lull.Hold) { h.Parent = parent.ID }))
		if _, inside := errors.AsType[*lull.InsideError](err); !inside {
			s.Fatalf("error %v", err)
		}
	})

	rule("LostPassIsFoundByItsOldID", func(s *scene) {
		j := s.arrives("j")
		j.isLost()
		again := s.arrives("again", forced, inPlaceOf(j))
		for _, store := range []lull.Store{s.Store, s.Other} {
			p, _, err := store.Poll(s.ctx, j.ref())
			s.no(err)
			if p.ID != again.ID {
				s.Fatalf("found %s, want again", s.name(p.ID))
			}
		}
		again.leaves()
		j.isGone()
	})

	rule("LostHoldIsFoundByItsOldID", func(s *scene) {
		d := s.deploys("d")
		d.begins()
		d.isOpenedByForce(somebody, "")
		if _, err := s.store.Drain(s.ctx, d.ref()); !errors.Is(err, lull.ErrGone) {
			s.Fatalf("error %v", err)
		}
		again := s.deploys("again", resuming(d))
		got, err := s.store.Drain(s.ctx, d.ref())
		s.no(err)
		if h, _ := got.Gate.Deployment(); h.ID != again.ID || !got.Drained {
			s.Fatalf("held by %s, drained %v", s.name(h.ID), got.Drained)
		}
	})
}

// inPlaceOf is what a job asks for that has lost its pass.
func inPlaceOf(lost *job) func(*lull.Pass) {
	return func(p *lull.Pass) { p.Resumes = lost.ID }
}

// isLost lets the lease end, until that is a fact.
func (j *job) isLost() {
	j.s.Helper()
	j.dies()
	j.s.eventually(j.Name+" is gone", j.gone)
}
