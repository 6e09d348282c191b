package notice_test

import (
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/notice"
)

// gate makes the gate known before it is followed, so that hints come from the start.
func gate(s *scene) { s.opens(s.closes(lull.Hold{}), lull.Outcome{}) }

func TestADeploymentIsToldFromItsClosingToItsOpening(t *testing.T) {
	play(t, func(s *scene) {
		gate(s)
		s.config.Link = func(gate, id string) string { return "https://lull.example.com/" + gate + "#" + id }
	}, func(s *scene) {
		job := s.enters(lull.Pass{Name: "nightly-report"})
		closedAt := time.Now()
		hold := s.closes(lull.Hold{Reason: "release 81"})
		s.after(0)
		s.enters(lull.Pass{Name: "import"})
		s.after(2 * time.Minute)
		s.leaves(job, lull.Outcome{Ran: time.Minute})
		s.after(0)
		s.begins(hold, lull.Start{})
		time.Sleep(3 * time.Minute)
		s.opens(hold, lull.Outcome{Ran: 3 * time.Minute})
		s.after(0)
		s.wantTexts(
			"gate default closed: ann@web1 deploys (release 81), for at most 30m; 1 job inside",
			"gate default is drained after 2m3s: nobody is inside but the deployment of ann@web1 (release 81)",
			"gate default is open: the deployment of ann@web1 ended after 5m3s (release 81)",
		)
		all := s.receiver.notices(t)
		first := all[0]
		if first.Event != notice.Closed || first.Gate != "default" || first.Kind != lull.Deployment || first.About != hold.ID ||
			*first.Who != (notice.Who{User: "ann", Host: "web1", Link: ann.Link}) || first.Why != "release 81" ||
			!first.Time.Equal(closedAt) || !first.Since.Equal(closedAt) || !first.Until.Equal(closedAt.Add(30*time.Minute)) ||
			*first.Counts != (notice.Counts{Inside: 1}) || first.Link != "https://lull.example.com/default#"+hold.ID {
			t.Errorf("%s", s.bodies[0])
		}
		if drained := all[1]; *drained.Counts != (notice.Counts{Waiting: 1}) {
			t.Errorf("%s", s.bodies[1])
		}
		ids := map[string]bool{}
		for _, n := range all {
			ids[n.ID] = true
		}
		if len(ids) != 3 || len(first.ID) != 32 {
			t.Errorf("IDs %v", ids)
		}
	})
}

func TestAnOverdueDrainIsToldOnceWithWhoIsInside(t *testing.T) {
	play(t, gate, func(s *scene) {
		for _, name := range []string{"nightly-report", "", "import", "export", "sync"} {
			s.enters(lull.Pass{Name: name})
			time.Sleep(time.Second)
		}
		s.closes(lull.Hold{Reason: "release 81"})
		s.after(10*time.Minute - 5*time.Second)
		s.wantEvents("closed")
		s.after(10 * time.Minute)
		s.wantTexts(
			"gate default closed: ann@web1 deploys (release 81), for at most 30m; 5 jobs inside",
			"gate default has been draining for 10m1s: 5 jobs are still inside (nightly-report on node3, a job on node3, import on node3, 2 more),"+
				" and the deployment of ann@web1 waits for them",
		)
	})
}

func TestEachHookHasItsOwnIdeaOfOverdue(t *testing.T) {
	play(t, func(s *scene) {
		gate(s)
		s.config.Hooks = []notice.Hook{{URL: "http://a", DrainOverdue: "1m"}, {URL: "http://b", DrainOverdue: "5m"}}
	}, func(s *scene) {
		s.enters(lull.Pass{})
		s.closes(lull.Hold{})
		s.after(2 * time.Minute)
		s.wantEvents("closed, closed, drain overdue")
		s.after(10 * time.Minute)
		s.wantEvents("closed, closed, drain overdue, drain overdue")
		if last := s.taken[3].URL.Host; last != "b" {
			t.Errorf("%s was told last", last)
		}
	})
}

func TestHowAGateOpened(t *testing.T) {
	for _, c := range []struct {
		text string
		do   func(s *scene)
	}{
		{"gate default is open: the hold of ann@web1 ended after 1m (lunch)", func(s *scene) {
			hold := s.closes(lull.Hold{Kind: lull.Person, Reason: "lunch"})
			time.Sleep(time.Minute)
			s.opens(hold, lull.Outcome{})
		}},
		{"gate default is open: bob@web2 ended the deployment of ann@web1 by force (it hangs)", func(s *scene) {
			s.opens(s.closes(lull.Hold{Reason: "release 81"}), lull.Outcome{By: bob, Force: true, Reason: "it hangs"})
		}},
		{"gate default is open: the hold of ann@web1 reached its limit (lunch)", func(s *scene) {
			s.closes(lull.Hold{Kind: lull.Person, Reason: "lunch"})
			time.Sleep(2 * time.Hour)
		}},
		{"gate default is open: the deployment of ann@web1 reached its limit, and may still be running (release 81)", func(s *scene) {
			s.closes(lull.Hold{Reason: "release 81"})
			time.Sleep(2 * time.Hour)
		}},
		{"gate default is open: the deployment of ann@web1 crashed (release 81)", func(s *scene) {
			s.closes(lull.Hold{Reason: "release 81", Lease: time.Minute})
			time.Sleep(2 * time.Hour)
		}},
	} {
		play(t, func(s *scene) {
			gate(s)
			s.config.Hooks[0].Events = []string{"opened"}
		}, func(s *scene) {
			c.do(s)
			s.after(0)
			s.wantTexts(c.text)
		})
	}
}

func TestACrashAndACasualtyAreTold(t *testing.T) {
	play(t, func(s *scene) {
		gate(s)
		s.config.Hooks[0].Events = []string{"crashed", "casualty"}
	}, func(s *scene) {
		job := s.enters(lull.Pass{Name: "nightly-report", JobID: "slurm:12"})
		hold := s.closes(lull.Hold{Reason: "release 81", Lease: time.Minute})
		s.begins(hold, lull.Start{Undrained: true})
		time.Sleep(30 * time.Second)
		failed := 1
		s.leaves(job, lull.Outcome{Ran: 30 * time.Second, ExitCode: &failed})
		s.after(2 * time.Minute)
		s.wantTexts(
			"nightly-report of cron@node3 ran while a deployment did at gate default (exit 1): lull rerun "+job.ID,
			"the deployment of ann@web1 at gate default crashed (release 81)",
		)
		if n := s.receiver.notices(t)[0]; n.Job == nil || n.Job.Name != "nightly-report" || n.Job.JobID != "slurm:12" || n.Job.RanSeconds != 30 || *n.Job.ExitCode != 1 {
			t.Errorf("%s", s.bodies[0])
		}
	})
}

// A person's hold that a deployment joins and leaves again: it is drained once for each
// who may wait for it.
func TestADrainedGateIsNotToldAgainForTheHoldThatStays(t *testing.T) {
	play(t, gate, func(s *scene) {
		person := s.closes(lull.Hold{Kind: lull.Person, Reason: "lunch"})
		s.after(0)
		deployment := s.closes(lull.Hold{Reason: "release 81"})
		s.after(0)
		s.opens(deployment, lull.Outcome{})
		s.after(time.Minute)
		s.opens(person, lull.Outcome{})
		s.after(0)
		s.wantTexts(
			"gate default closed by ann@web1 (lunch), for at most 1h",
			"gate default is drained after 1s: nobody is inside (lunch)",
			"gate default closed: ann@web1 deploys (release 81), for at most 30m",
			"gate default is drained after 1s: nobody is inside but the deployment of ann@web1 (release 81)",
			"gate default is open: the hold of ann@web1 ended after 1m3s (lunch)",
		)
	})
}

func TestWhatIsSoBeforeTheStartIsNotTold(t *testing.T) {
	play(t, func(s *scene) {
		s.closes(lull.Hold{Gate: "drained"})
		s.enters(lull.Pass{Gate: "overdue"})
		s.closes(lull.Hold{Gate: "overdue"})
		time.Sleep(15 * time.Minute)
		s.enters(lull.Pass{Gate: "draining"})
		s.closes(lull.Hold{Gate: "draining"})
	}, func(s *scene) {
		s.after(5 * time.Minute)
		s.wantEvents("")
		s.after(6 * time.Minute)
		s.wantEvents("drain overdue")
	})
}

func TestHooksAreToldOfTheirGatesAndEventsOnly(t *testing.T) {
	play(t, func(s *scene) {
		s.config.Hooks = []notice.Hook{{URL: "http://a", Gates: []string{"team-a-*", "shared"}, Events: []string{"closed"}}}
	}, func(s *scene) {
		for _, gate := range []string{"team-a-1", "team-b-1", "shared"} {
			s.opens(s.closes(lull.Hold{Gate: gate}), lull.Outcome{})
		}
		s.after(10 * time.Second)
		s.wantEvents("closed, closed")
		for _, n := range s.receiver.notices(t) {
			if n.Gate == "team-b-1" {
				t.Errorf("told of %s", n.Gate)
			}
		}
	})
}

// Two lulld follow one store: their notices are the same ones.
func TestEveryServerGivesANoticeTheSameID(t *testing.T) {
	var ids []string
	play(t, func(s *scene) {
		gate(s)
		s.config.Hooks = append(s.config.Hooks, s.config.Hooks[0])
	}, func(s *scene) {
		other, err := notice.New(notice.Config{Hooks: s.config.Hooks[:1], Transport: &s.receiver}, nopLog())
		s.must(err)
		ctx, stop := contextOf(s)
		ended := make(chan struct{})
		go func() { defer close(ended); other.Run(ctx, s.Store) }()
		s.after(300 * time.Millisecond)
		s.enters(lull.Pass{})
		s.closes(lull.Hold{})
		s.after(15 * time.Minute)
		stop()
		<-ended
		for _, n := range s.receiver.notices(t) {
			ids = append(ids, n.ID)
		}
	})
	if len(ids) != 6 {
		t.Fatalf("%d notices", len(ids))
	}
	different := map[string]bool{}
	for _, id := range ids {
		different[id] = true
	}
	if len(different) != 2 {
		t.Errorf("%v", ids)
	}
}
