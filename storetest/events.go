package storetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lull-dev/lull"
)

func events(rule ruler) {
	rule("EventsTellTheStory", func(s *scene) {
		j := s.arrives("j")
		d := s.deploys("d")
		e := s.elsewhere().deploys("e", queueing)
		k := s.elsewhere().arrives("k")
		quitter := s.arrives("quitter")
		j.leaves()
		d.begins()
		quitter.leaves(lull.Outcome{TimedOut: true})
		p := s.holds("p")
		d.opens()
		p.extends(lull.Extension{Limit: time.Hour, By: p.Holder})
		p.opens()
		e.opens()
		k.leaves()
		s.story("closed d 1", "queued e 1", "waited k 1", "waited quitter 1", "left j 1", "begun d 1",
			"timed_out quitter 1", "closed p 1", "ended d 1", "released d 1", "closed e 1", "extended p 1",
			"released p 1", "released e 1", "opened e 2", "left k 2")
	})

	rule("EventSaysWhoAndWhat", func(s *scene) {
		d := s.deploys("d")
		j := s.arrives("j", part(d))
		s.let(s.Lease / 2)
		j.leaves(lull.Outcome{ExitCode: ptr(7), Waited: time.Second, Ran: 2 * time.Second, Reason: "broken"})
		e := s.event(lull.EventLeft, j.ID)
		if e.Name != "j" || e.JobID != "test:j" || e.Holder != j.Holder || !slices.Equal(e.Command, j.Command) || e.PartOf != d.ID ||
			e.ExitCode == nil || *e.ExitCode != 7 || e.Waited != time.Second || e.Ran != 2*time.Second || e.Reason != "broken" {
			s.Errorf("left: %+v", e)
		}
		d.opens(lull.Outcome{Reason: "done"})
		e = s.event(lull.EventClosed, d.ID)
		if e.Hold != lull.Deployment || e.Holder != d.Holder || e.Reason != d.Reason || e.Gate != s.gate {
			s.Errorf("closed: %+v", e)
		}
		if e := s.event(lull.EventReleased, d.ID); e.Reason != "done" || e.Ran < s.Lease/2-time.Millisecond {
			s.Errorf("released: %+v", e)
		}
	})

	rule("EventsAreStampedByTheStore", func(s *scene) {
		s.deploys("d").opens()
		before := s.snapshot().Now
		s.let(s.Lease)
		s.arrives("j").leaves()
		after := s.snapshot().Now
		all := s.history(lull.Filter{})
		if !slices.IsSortedFunc(all, func(a, b lull.Event) int { return cmp.Compare(a.At.Sub(b.At), 0) }) {
			s.Error("not in the order of time")
		}
		if len(all) == 0 {
			s.Fatal("nothing is remembered")
		}
		last := all[len(all)-1].At
		if all[0].At.IsZero() || before.Sub(all[0].At) < 0 || last.Sub(before) <= 0 || after.Sub(last) < 0 {
			s.Errorf("first %v, then it was %v, last %v, now %v", all[0].At, before, last, after)
		}
	})

	rule("WhoComesAndGoesAtAnOpenGateLeavesOneEvent", func(s *scene) {
		s.arrives("j").leaves()
		s.story("left j 0")
	})

	rule("WaitThatEndedBeforeTheOpeningIsTimedOut", func(s *scene) {
		s.deploys("d")
		s.arrives("j").leaves()
		s.story("closed d 1", "waited j 1", "timed_out j 1")
	})

	rule("WhoIsRecordedAnewWasLost", func(s *scene) {
		j := s.arrives("j")
		j.dies()
		s.eventually("j is gone", j.gone)
		s.deploys("d")
		k := s.arrives("k", forced, func(p *lull.Pass) { p.Resumes = j.ID })
		k.isInside()
		if e := s.event(lull.EventLost, k.ID); e.Resumes != j.ID {
			s.Fatalf("it resumes %q", e.Resumes)
		}
		s.story("abandoned j 0", "closed d 1", "lost k 1")
	})

	rule("EventsFilter", func(s *scene) {
		s.at("another").deploys("elsewhere").opens()
		s.deploys("d").opens()
		for i := range 4 {
			s.arrives(fmt.Sprint("j", i%2)).leaves()
		}
		s.let(s.Lease)
		s.deploys("e").opens()
		for _, want := range []struct {
			filter lull.Filter
			events []string
		}{
			{lull.Filter{Kinds: []lull.EventKind{lull.EventOpened, lull.EventClosed}}, []string{"closed d", "opened d", "closed e", "opened e"}},
			{lull.Filter{Name: "j1"}, []string{"left j1", "left j1"}},
			{lull.Filter{Since: s.Lease / 2}, []string{"closed e", "released e", "opened e"}},
			{lull.Filter{Limit: 4}, []string{"left j1", "closed e", "released e", "opened e"}},
			{lull.Filter{Limit: 1, Name: "j0"}, []string{"left j0"}},
			{lull.Filter{Limit: 100, Kinds: []lull.EventKind{lull.EventReleased}}, []string{"released d", "released e"}},
			{lull.Filter{Kinds: []lull.EventKind{lull.EventRerun}}, nil},
		} {
			var got []string
			for _, e := range s.history(want.filter) {
				got = append(got, fmt.Sprintf("%s %s", e.Kind, s.name(e.ID)))
			}
			if !slices.Equal(got, want.events) {
				s.Errorf("%+v chooses %q, want %q", want.filter, got, want.events)
			}
		}
		var gates []string
		for e, err := range s.store.Events(s.ctx, lull.Filter{Kinds: []lull.EventKind{lull.EventClosed}}) {
			s.no(err)
			gates = append(gates, e.Gate)
		}
		if want := []string{"another", s.gate, s.gate}; !slices.Equal(gates, want) {
			s.Errorf("without a gate the filter chooses from %v, want %v", gates, want)
		}
	})

	rule("EventsMayBeLeftEarly", func(s *scene) {
		s.deploys("d").opens()
		for range s.store.Events(s.ctx, lull.Filter{}) {
			break
		}
		s.deploys("e").opens()
	})

	rule("RecordKeepsAnEvent", func(s *scene) {
		j := s.arrives("j")
		j.leaves()
		s.no(s.store.Record(s.ctx, lull.Event{Kind: lull.EventRerun, Gate: s.gate, ID: j.ID, Name: "j", Holder: somebody, Reason: "casualty"}))
		e := s.event(lull.EventRerun, j.ID)
		if e.At.IsZero() || e.Name != "j" || e.Holder != somebody || e.Reason != "casualty" {
			s.Fatalf("kept %+v", e)
		}
	})

	rule("CancelledContextIsReported", func(s *scene) {
		j := s.arrives("j")
		d := s.deploys("d")
		ctx, cancel := context.WithCancel(s.ctx)
		cancel()
		p, h := s.newPass("k"), s.newHold(lull.Person, "p")
		for verb, err := range map[string]error{
			"Enter":    third(s.store.Enter(ctx, p)),
			"Poll":     third(s.store.Poll(ctx, j.ref())),
			"Force":    third(s.store.Force(ctx, j.ref())),
			"Leave":    second(s.store.Leave(ctx, j.ref(), lull.Outcome{})),
			"Close":    third(s.store.Close(ctx, h)),
			"Drain":    second(s.store.Drain(ctx, d.ref())),
			"Begin":    s.store.Begin(ctx, d.ref(), lull.Start{Undrained: true}),
			"Stop":     s.store.Stop(ctx, d.ref()),
			"Extend":   second(s.store.Extend(ctx, d.ref(), lull.Extension{Limit: time.Hour, By: d.Holder})),
			"Open":     second(s.store.Open(ctx, d.ref(), lull.Outcome{By: d.Holder})),
			"Renew":    second(s.store.Renew(ctx, []lull.LeaseRef{j.lease()})),
			"Snapshot": second(s.store.Snapshot(ctx, s.gate)),
			"Gates":    second(s.store.Gates(ctx)),
			"Record":   s.store.Record(ctx, lull.Event{Kind: lull.EventRerun, Gate: s.gate, ID: j.ID}),
		} {
			if err == nil || !isCancelled(err) {
				s.Errorf("%s with a cancelled context: %v", verb, err)
			}
		}
		var last error
		for _, err := range s.store.Events(ctx, lull.Filter{}) {
			last = err
		}
		if !isCancelled(last) {
			s.Errorf("Events with a cancelled context: %v", last)
		}
		// And nothing has happened.
		j.isInside()
		s.holdersAre("d")
		s.story("closed d 1")
	})
}
