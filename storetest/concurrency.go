package storetest

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/lull-dev/lull"
)

func concurrency(rule ruler) {
	rule("JobsAndDeploymentsNeverMeet", func(s *scene) {
		r := &referee{scene: s}
		var working, watching sync.WaitGroup
		done := make(chan struct{})
		watching.Go(func() { r.watches(done) })
		for range s.Workers {
			working.Go(func() { r.rounds(2*s.Rounds, r.works) })
		}
		for range 1 + s.Workers/3 {
			working.Go(func() { r.rounds(s.Rounds, r.deploys) })
			working.Go(func() { r.rounds(s.Rounds, r.holds) })
			working.Go(func() { r.rounds(1+s.Rounds/10, r.dies) })
		}
		working.Wait()
		close(done)
		watching.Wait()
		r.isQuiet()
	})

	rule("NoArrivalAfterCloseIsInside", func(s *scene) {
		for range s.Rounds {
			r := &referee{scene: s}
			var closed atomic.Bool
			var jobs sync.WaitGroup
			for range s.Workers {
				jobs.Go(func() { r.barges(&closed) })
			}
			d := s.newHold(lull.Deployment, "d", func(h *lull.Hold) { h.Lease = forever })
			got, g, err := s.store.Close(s.ctx, d)
			closed.Store(true)
			s.no(err)
			if g.Phase.Open() || got.Phase != g.Phase {
				s.Fatalf("closed in phase %d of a gate in %d", got.Phase, g.Phase)
			}
			r.drains(s.Other, d)
			for range 20 {
				if answer, err := s.Other.Drain(s.ctx, r.ref(d)); err != nil || !answer.Drained {
					s.Errorf("drained, and then not: %+v, error %v", answer, err)
				}
				pause()
			}
			jobs.Wait()
			_, err = s.store.Open(s.ctx, r.ref(d), lull.Outcome{By: d.Holder})
			s.no(err)
		}
	})

	rule("ManyEntersWithOneIDAreOnePass", func(s *scene) {
		d := s.deploys("d", func(h *lull.Hold) { h.Lease = forever })
		p := s.newPass("j", lasting(forever))
		var all sync.WaitGroup
		for i := range s.Workers {
			all.Go(func() {
				if i == 0 {
					if _, err := s.Other.Open(s.ctx, d.ref(), lull.Outcome{By: d.Holder}); err != nil {
						s.Errorf("Open: %v", err)
					}
					return
				}
				if _, _, err := s.either(i).Enter(s.ctx, p); err != nil {
					s.Errorf("Enter: %v", err)
				}
			})
		}
		all.Wait()
		j := s.enters(p)
		j.isInside()
		if n := len(s.snapshot().Inside); n != 1 {
			s.Fatalf("%d passes", n)
		}
		j.leaves()
		if snap := s.snapshot(); len(snap.Inside)+len(snap.Waiting) != 0 {
			s.Fatalf("%d inside, %d waiting after the only one has left", len(snap.Inside), len(snap.Waiting))
		}
		s.event(lull.EventLeft, p.ID)
	})

	rule("OneOfManyDeploymentsHolds", func(s *scene) {
		var won atomic.Int32
		var all sync.WaitGroup
		for i := range s.Workers {
			h := s.newHold(lull.Deployment, "d", func(h *lull.Hold) { h.Lease = forever })
			all.Go(func() {
				_, _, err := s.either(i).Close(s.ctx, h)
				switch _, busy := errors.AsType[*lull.BusyError](err); {
				case err == nil:
					won.Add(1)
				case !busy:
					s.Errorf("Close: %v", err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			s.Fatalf("%d deployments hold", won.Load())
		}
		s.phaseIs(1)
		s.holdersAre("d")
	})

	rule("OneOfManyOpeningsEndsTheHold", func(s *scene) {
		d := s.deploys("d", func(h *lull.Hold) { h.Lease = forever })
		var won atomic.Int32
		var all sync.WaitGroup
		for i := range s.Workers {
			all.Go(func() {
				o, err := s.either(i).Open(s.ctx, d.ref(), lull.Outcome{By: d.Holder})
				if err != nil {
					s.Errorf("Open: %v", err)
				} else if !o.Gone {
					won.Add(1)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			s.Fatalf("%d openings ended the hold", won.Load())
		}
		s.phaseIs(2)
		s.story("closed d 1", "released d 1", "opened d 2")
	})

	rule("ManyWhoFindOneDeathMakeItOneFact", func(s *scene) {
		d := s.deploys("d")
		var waiting []lull.PassRef
		for range s.Workers {
			j := s.arrives("j", lasting(forever))
			s.silent(j.lease())
			waiting = append(waiting, j.ref())
		}
		d.dies()
		s.eventually("all are inside", func() bool {
			var inside atomic.Int32
			var all sync.WaitGroup
			for i, ref := range waiting {
				all.Go(func() {
					p, g, err := s.either(i).Poll(s.ctx, ref)
					if err != nil {
						s.Errorf("Poll: %v", err)
					} else if p.Inside(g.Phase) {
						inside.Add(1)
					}
				})
			}
			all.Wait()
			return int(inside.Load()) == len(waiting)
		})
		s.phaseIs(2)
		s.event(lull.EventCrashed, d.ID)
		s.event(lull.EventOpened, d.ID)
	})
}

// either is one process or the other.
func (s *scene) either(n int) lull.Store {
	if n%2 == 0 {
		return s.Store
	}
	return s.Other
}
