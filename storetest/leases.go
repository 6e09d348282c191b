package storetest

import (
	"time"

	"github.com/lull-dev/lull"
)

func leases(rule ruler) {
	rule("RenewedLeaseLives", func(s *scene) {
		j := s.arrives("j")
		d := s.elsewhere().deploys("d")
		waiting := s.arrives("waiting")
		e := s.elsewhere().deploys("e", queueing)
		s.let(4 * s.Lease)
		j.isInside()
		waiting.waits()
		e.isQueued()
		d.waitsFor(j)
		for _, ref := range []lull.LeaseRef{j.lease(), waiting.lease()} {
			if !s.renews(ref).Live {
				s.Fatalf("%s is lost", s.name(ref.ID()))
			}
		}
		if !d.renews().Live || !e.renews().Live {
			s.Fatal("a hold is lost")
		}
	})

	rule("RenewAnswersForEachInOrder", func(s *scene) {
		j, k := s.arrives("j"), s.at("another").arrives("k")
		d := s.deploys("d")
		d.stops()
		j2 := s.arrives("j2")
		stranger := lull.LeaseRef{Gate: s.gate, Pass: lull.NewID()}
		states, err := s.store.Renew(s.ctx, []lull.LeaseRef{k.lease(), stranger, j.lease(), d.lease(), j2.lease()})
		s.no(err)
		want := []lull.LeaseState{{Live: true}, {}, {Live: true, Stop: true}, {Live: true}, {Live: true}}
		for i, w := range want {
			if len(states) != len(want) || states[i].Live != w.Live || states[i].Stop != w.Stop {
				s.Fatalf("states are %+v, want (Left aside) %+v", states, want)
			}
		}
		states, err = s.store.Renew(s.ctx, nil)
		s.no(err)
		if len(states) != 0 {
			s.Fatalf("%d states for nothing", len(states))
		}
	})

	rule("RenewSaysLost", func(s *scene) {
		j, k := s.arrives("j"), s.arrives("k")
		d := s.deploys("d")
		j.leaves()
		k.dies()
		s.eventually("k is gone", k.gone)
		d.opens()
		e := s.deploys("e")
		e.isOpenedByForce(somebody, "")
		for _, ref := range []lull.LeaseRef{j.lease(), k.lease(), d.lease(), e.lease()} {
			if s.renews(ref).Live {
				s.Errorf("%s is live", s.name(ref.ID()))
			}
		}
	})

	rule("LostIsLostForGood", func(s *scene) {
		j := s.arrives("j")
		d := s.deploys("d")
		j.dies()
		s.eventually("d is drained", func() bool { return d.drains().Drained })
		s.renews(j.lease())
		j.isGone()
		d.isDrained()
	})

	rule("EachLeaseHasItsOwnLength", func(s *scene) {
		long := s.arrives("long", lasting(6*s.Lease))
		d := s.deploys("d", func(h *lull.Hold) { h.Lease = 6 * s.Lease })
		s.Sleep(3 * s.Lease)
		long.isInside()
		d.waitsFor(long)
		s.renewAll()
		s.Sleep(3*s.Lease + s.Lease/2)
		long.isInside()
		d.waitsFor(long)
	})

	// The client believes in its lease from the moment that it sent one of these, if
	// the answer was good, even where the call changed nothing else.
	for _, of := range []struct {
		verb  string
		again func(s *scene, own *job, d *hold) (id string)
	}{
		{"Enter", func(s *scene, own *job, _ *hold) string { s.enters(own.Pass); return own.ID }},
		{"Close", func(s *scene, _ *job, d *hold) string { s.closes(d.Hold); return d.ID }},
		{"Begin", func(s *scene, _ *job, d *hold) string { d.begins(); return d.ID }},
		{"Renew", func(s *scene, own *job, _ *hold) string { own.renews(); return own.ID }},
	} {
		rule("LeaseIsProlongedBy"+of.verb, func(s *scene) {
			d := s.deploys("d", func(h *lull.Hold) { h.Lease = 4 * s.Lease })
			own := s.arrives("own", part(d), lasting(4*s.Lease))
			var id string
			for range 3 {
				s.Sleep(2 * s.Lease)
				id = of.again(s, own, d)
			}
			for _, e := range s.history(lull.Filter{Kinds: []lull.EventKind{lull.EventAbandoned, lull.EventCrashed}}) {
				if e.ID == id {
					s.Fatalf("%s %s all the same", s.name(id), e.Kind)
				}
			}
		})
	}

	rule("ChildOfALostHoldIsPartOfTheOneThatResumesIt", func(s *scene) {
		d := s.deploys("d")
		d.begins()
		d.isOpenedByForce(somebody, "")
		again := s.deploys("again", resuming(d))
		own := s.elsewhere().arrives("own", part(d))
		own.isInside()
		if own.PartOf != again.ID {
			s.Fatalf("it is part of %s, want again", s.name(own.PartOf))
		}
		again.isDrained()
		inner := s.newHold(lull.Deployment, "inner", func(h *lull.Hold) { h.PartOf, h.Parent = d.ID, own.ID })
		got, _, err := s.store.Close(s.ctx, inner)
		s.no(err)
		if got.ID != again.ID {
			s.Fatalf("a deployment inside it gets %s, want again", s.name(got.ID))
		}
	})

	rule("ChildOfALostHoldWaitsWhileTheOneThatResumesItIsQueued", func(s *scene) {
		d := s.deploys("d")
		d.begins()
		s.deploys("e", queueing)
		d.isOpenedByForce(somebody, "")
		s.deploys("again", queueing, resuming(d)).isQueued()
		ordinary(s.arrives("j", part(d)))
	})

	rule("PersonsHoldNeedsNoRenewal", func(s *scene) {
		s.holds("p")
		j := s.arrives("j")
		s.let(3 * s.Lease)
		s.holdersAre("p")
		j.waits()
	})

	rule("PersonsHoldOutlivesItsProcess", func(s *scene) {
		s.holds("p")
		s.no(s.Store.Shutdown(s.ctx))
		if s.Store == s.Other {
			return
		}
		snap, err := s.Other.Snapshot(s.ctx, s.gate)
		s.no(err)
		if snap.Gate.Phase != 1 || len(snap.Gate.Holds) != 1 {
			s.Fatalf("phase %d, %d holds", snap.Gate.Phase, len(snap.Gate.Holds))
		}
	})

	rule("WaitingPassMayBeForcedLate", func(s *scene) {
		d := s.deploys("d")
		j := s.arrives("j")
		s.let(2 * s.Lease)
		j.forces()
		if e := s.event(lull.EventForced, j.ID); e.Waited < 2*s.Lease-time.Millisecond {
			s.Fatalf("waited %s by the event", e.Waited)
		}
		d.waitsFor(j)
	})
}
