package storetest

import "github.com/lull-dev/lull"

// pollall is about stores that answer for many passes at once. It asks nothing of the
// others.
func pollall(rule ruler) {
	ask := func(name string, body func(*scene)) {
		rule(name, func(s *scene) {
			if _, ok := s.store.(lull.Pollster); ok {
				body(s)
			}
		})
	}

	ask("PollAllAnswersForEachAsPollDoes", func(s *scene) {
		inside, elsewhere := s.arrives("inside"), s.elsewhere().arrives("elsewhere")
		left, lost := s.arrives("left"), s.arrives("lost")
		s.deploys("d")
		waiting := s.arrives("waiting")
		left.leaves()
		lost.dies()
		s.eventually("lost is gone", lost.gone)
		another := s.at("another").arrives("another")
		asked := []string{inside.ID, elsewhere.ID, left.ID, lost.ID, waiting.ID, another.ID, lull.NewID()}
		got, g := s.pollsAll(asked...)
		if g.Name != s.gate || g.Phase != 1 || len(g.Holds) != 1 {
			s.Errorf("the gate is %+v", g)
		}
		for _, j := range []*job{inside, elsewhere, waiting} {
			p, _, err := s.store.Poll(s.ctx, lull.PassRef{Gate: s.gate, ID: j.ID})
			s.no(err)
			if q := got[j.ID]; q.ID != j.ID || q.Ticket != p.Ticket || q.Name != p.Name || q.Holder != p.Holder || q.Started.Sub(p.Started) != 0 {
				s.Errorf("%s is %+v; Poll says %+v", s.name(j.ID), q, p)
			}
		}
		if len(got) != 3 {
			s.Errorf("%d passes are live, want inside, elsewhere and waiting", len(got))
		}
	})

	ask("PollAllAfterAnOpeningNotesWhoWasTold", func(s *scene) {
		d := s.deploys("d")
		told, untold := s.arrives("told"), s.arrives("untold")
		d.opens()
		got, g := s.pollsAll(told.ID)
		p := got[told.ID]
		if !p.Inside(g.Phase) || p.Started.IsZero() {
			s.Fatalf("told is %+v in phase %d; want it inside, and started", p, g.Phase)
		}
		again, _ := s.pollsAll(told.ID)
		if again[told.ID].Started.Sub(p.Started) != 0 {
			s.Errorf("it started at %v, and then at %v", p.Started, again[told.ID].Started)
		}
		snap := s.snapshot()
		for _, p := range snap.Inside {
			if p.Started.IsZero() != (p.ID == untold.ID) {
				s.Errorf("%s started at %v", s.name(p.ID), p.Started)
			}
		}
	})

	ask("PollAllAnswersWithThePassThatResumes", func(s *scene) {
		j := s.arrives("j")
		j.dies()
		s.eventually("j is gone", j.gone)
		again := s.arrives("again", func(p *lull.Pass) { p.Resumes = j.ID })
		got, _ := s.pollsAll(j.ID, again.ID)
		if got[j.ID].ID != again.ID || got[again.ID].ID != again.ID {
			s.Fatalf("%s and %s, want again twice", s.name(got[j.ID].ID), s.name(got[again.ID].ID))
		}
	})

	ask("PollAllProlongsNoLease", func(s *scene) {
		j := s.arrives("j")
		j.dies()
		s.eventually("j is gone", func() bool {
			got, _ := s.pollsAll(j.ID)
			return len(got) == 0
		})
	})

	ask("PollAllOfNothingIsNoError", func(s *scene) {
		got, g := s.pollsAll()
		if got == nil || len(got) > 0 || g.Name != s.gate {
			s.Errorf("%v at gate %+v", got, g)
		}
		if got, _ := s.pollsAll(lull.NewID()); len(got) > 0 {
			s.Errorf("%v at a gate that nobody has used", got)
		}
	})

	ask("PollAllOfManyIsAsOne", func(s *scene) {
		d := s.deploys("d")
		var ids []string
		for range 300 {
			ids = append(ids, s.arrives("one of many").ID)
		}
		d.opens()
		got, g := s.pollsAll(ids...)
		for _, id := range ids {
			if p, live := got[id]; !live || p.ID != id || !p.Inside(g.Phase) || p.Started.IsZero() {
				s.Fatalf("%d of %d answers; one is %+v", len(got), len(ids), p)
			}
		}
	})
}

func (s *scene) pollsAll(ids ...string) (map[string]lull.Pass, lull.Gate) {
	s.Helper()
	got, g, err := s.store.(lull.Pollster).PollAll(s.ctx, s.gate, ids)
	s.no(err)
	return got, g
}
