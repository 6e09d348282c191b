package storetest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lull-dev/lull"
)

func snapshots(rule ruler) {
	rule("SnapshotOfUnknownGateIsOpenAndEmpty", func(s *scene) {
		snap := s.at("nobody-was-here").snapshot()
		g := snap.Gate
		if g.Name != "nobody-was-here" || g.Phase != 0 || len(g.Holds)+len(g.Queue)+len(g.Loose)+len(snap.Inside)+len(snap.Waiting) > 0 || snap.Drained {
			s.Fatalf("snapshot is %+v", snap)
		}
		if snap.Now.IsZero() {
			s.Fatal("it is no time of day")
		}
	})

	rule("SnapshotShowsInsideAndWaiting", func(s *scene) {
		var in, out []*job
		for _, name := range []string{"a", "b", "c"} {
			in = append(in, s.arrives(name))
			s.let(s.Lease / 8)
		}
		d := s.deploys("d")
		for _, name := range []string{"x", "y", "z"} {
			out = append(out, s.elsewhere().arrives(name))
			s.let(s.Lease / 8)
		}
		snap := s.snapshot()
		if got := s.calledPasses(snap.Inside); !slices.Equal(got, names(in)) || snap.Drained {
			s.Fatalf("inside are %v, drained %t", got, snap.Drained)
		}
		if got := s.calledPasses(snap.Waiting); !slices.Equal(got, names(out)) {
			s.Fatalf("waiting are %v", got)
		}
		d.opens()
		snap = s.snapshot()
		if got := s.calledPasses(snap.Inside); !slices.Equal(got, append(names(in), names(out)...)) || len(snap.Waiting) != 0 {
			s.Fatalf("inside are %v, %d waiting", got, len(snap.Waiting))
		}
	})

	rule("SnapshotShowsWhoAndWhy", func(s *scene) {
		j := s.arrives("j")
		k := s.arrives("k", within(j))
		d := s.deploys("d", crashHold(time.Hour), limit(time.Hour), func(h *lull.Hold) { h.Holder.Link = "https://ci.example/7" })
		p := s.holds("p")
		s.deploys("e", queueing)
		s.let(s.Lease)
		snap := s.snapshot()
		g := snap.Gate
		if len(snap.Inside) != 2 || len(g.Holds) != 2 || len(g.Queue) != 1 {
			s.Fatalf("%d inside, %d hold, %d queue", len(snap.Inside), len(g.Holds), len(g.Queue))
		}
		got := snap.Inside[0]
		if got.Name != "j" || got.JobID != j.JobID || got.Holder != j.Holder || !slices.Equal(got.Command, j.Command) ||
			got.Lease != s.Lease || got.Gate != s.gate || got.Arrived.IsZero() || snap.Now.Sub(got.Arrived) < s.Lease-time.Millisecond {
			s.Errorf("pass %+v", got)
		}
		if snap.Inside[1].ID != k.ID || snap.Inside[1].Parent != j.ID {
			s.Errorf("nested pass %+v", snap.Inside[1])
		}
		if heard := snap.Now.Sub(got.Heard); got.Heard.IsZero() || heard > s.Lease {
			s.Errorf("heard of %s ago", heard)
		}
		h := g.Holds[0]
		if h.ID != d.ID || h.Kind != lull.Deployment || h.Holder != d.Holder || h.Reason != d.Reason || !slices.Equal(h.Command, d.Command) ||
			h.Limit != time.Hour || h.CrashHold != time.Hour || h.Lease != s.Lease || !h.Begun.IsZero() || h.Phase != 1 ||
			h.State != lull.Held || h.Gate != s.gate || h.Since.IsZero() {
			s.Errorf("hold %+v", h)
		}
		if g.Holds[1].ID != p.ID || g.Holds[1].Kind != lull.Person || g.Queue[0].State != lull.Queued {
			s.Errorf("holds %+v, queue %+v", g.Holds, g.Queue)
		}
	})

	rule("SnapshotSaysDrained", func(s *scene) {
		drained := func(want bool) {
			s.Helper()
			if got := s.snapshot().Drained; got != want {
				s.Fatalf("drained is %t, want %t", got, want)
			}
		}
		drained(false) // it is open
		j := s.arrives("j")
		p := s.holds("p")
		drained(false)
		j.leaves()
		drained(true)
		d := s.deploys("d")
		s.arrives("own", part(d))
		drained(true)
		d.opens()
		drained(false) // what was part of it is now somebody inside
		p.opens()
		drained(false)
	})

	rule("SnapshotDoesNotShowTheDead", func(s *scene) {
		s.arrives("j").dies()
		s.deploys("d").dies()
		s.arrives("k").dies()
		s.deploys("e", queueing).dies()
		s.eventually("nobody is there", func() bool {
			snap := s.snapshot()
			return len(snap.Inside)+len(snap.Waiting)+len(snap.Gate.Holds)+len(snap.Gate.Queue) == 0
		})
	})

	rule("AnswersAreTheCallersOwn", func(s *scene) {
		d := s.deploys("d")
		s.arrives("j")
		_, g, err := s.store.Enter(s.ctx, s.newPass("k"))
		s.no(err)
		snap := s.snapshot()
		if len(g.Holds) != 1 || len(snap.Gate.Holds) != 1 || len(snap.Waiting) != 2 {
			s.Fatalf("%d and %d hold, %d wait", len(g.Holds), len(snap.Gate.Holds), len(snap.Waiting))
		}
		for _, answer := range []lull.Gate{g, snap.Gate} {
			answer.Holds[0].ID, answer.Holds[0].Kind = "spoiled", lull.Person
		}
		snap.Waiting[0].Ticket = 0
		s.holdersAre("d")
		d.isDrained()
	})

	rule("AboutSaysHowToAsk", func(s *scene) {
		a := s.store.About()
		if a.URL == "" || a.PollFirst <= 0 || a.PollMost < a.PollFirst {
			s.Fatalf("about is %+v", a)
		}
	})

	rule("ShutdownTwiceIsHarmless", func(s *scene) {
		s.no(s.Store.Shutdown(s.ctx))
		s.no(s.Store.Shutdown(s.ctx))
	})

	rule("NotifierTakesSubscribers", func(s *scene) {
		n, ok := s.store.(lull.Notifier)
		if !ok {
			return // a store may do without
		}
		ctx, cancel := context.WithCancel(s.ctx)
		changed, err := n.Changed(ctx, s.gate)
		s.no(err)
		if changed == nil {
			cancel()
			return // it gives no hints, as it is set up
		}
		for range 100 { // and a slow subscriber holds up nobody
			s.deploys("d").opens()
		}
		cancel()
		s.deploys("d").opens()
		s.phaseIs(202)
	})
}

func isCancelled(err error) bool { return errors.Is(err, context.Canceled) }

func second[A any](_ A, err error) error        { return err }
func third[A, B any](_ A, _ B, err error) error { return err }
