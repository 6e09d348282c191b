package lull_test

import (
	"context"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

// Each way in which a job and a deployment can meet.
func TestCasualtyIsToldAtLeave(t *testing.T) {
	meets := map[string]func(s *scene) (*lull.LivePass, *lull.LiveHold){
		"drain cut short": func(s *scene) (*lull.LivePass, *lull.LiveHold) {
			pass := s.enters(s.party("job"), lull.Job{})
			hold := s.closes(s.party("deploy"), lull.Closing{})
			s.want(hold.Begin(s.Context(), lull.Draining{Timeout: time.Second, OnTimeout: lull.DrainProceeds}), nil)
			return pass, hold
		},
		"forced entry": func(s *scene) (*lull.LivePass, *lull.LiveHold) {
			hold := s.deploys(s.party("deploy"), lull.Closing{})
			return s.enters(s.party("job"), lull.Job{MaxWait: time.Second, OnTimeout: lull.TimeoutRuns}), hold
		},
		"overdue": func(s *scene) (*lull.LivePass, *lull.LiveHold) {
			hold := s.deploys(s.party("deploy"), lull.Closing{Limit: 10 * time.Minute})
			return s.enters(s.party("job"), lull.Job{}), hold
		},
		"forced opening": func(s *scene) (*lull.LivePass, *lull.LiveHold) {
			hold := s.deploys(s.party("deploy"), lull.Closing{})
			s.forces(hold)
			return s.enters(s.party("job"), lull.Job{}), hold
		},
		"lapsed lease of the job": func(s *scene) (*lull.LivePass, *lull.LiveHold) {
			pass := s.enters(s.party("job"), lull.Job{})
			s.broken(down)
			time.Sleep(2 * lull.DefaultLease)
			s.broken(nil, "Close", "Drain", "Begin")
			hold := s.deploys(s.party("deploy"), lull.Closing{})
			time.Sleep(time.Second)
			s.broken(nil)
			return pass, hold
		},
		"lapsed lease of the deployment": func(s *scene) (*lull.LivePass, *lull.LiveHold) {
			hold := s.deploys(s.party("deploy"), lull.Closing{})
			time.Sleep(time.Second)
			s.broken(down, "Renew")
			pass := s.enters(s.party("job"), lull.Job{})
			s.broken(nil)
			return pass, hold
		},
		"store down at the start": func(s *scene) (*lull.LivePass, *lull.LiveHold) {
			hold := s.deploys(s.party("deploy"), lull.Closing{})
			s.broken(down)
			pass := s.enters(s.party("job"), lull.Job{OnUnavailable: lull.UnavailableRuns})
			s.broken(nil)
			return pass, hold
		},
	}
	for name, meet := range meets {
		for _, first := range []string{"job", "deployment"} {
			t.Run(name+", the "+first+" ends first", func(t *testing.T) {
				play(t, func(s *scene) {
					pass, hold := meet(s)
					time.Sleep(30 * time.Second)
					if first == "deployment" {
						s.opens(hold)
						time.Sleep(30 * time.Second)
					}
					if d := s.leaves(pass); !d.Casualty {
						s.Error("the job was not told that it is a casualty")
					}
					if first == "job" {
						s.opens(hold)
					}
					s.wantCasualties(1)
					s.nothingRemains()
				})
			})
		}
	}
}

// wantCasualties counts the jobs that are casualties in the history.
func (s *scene) wantCasualties(want int) {
	s.Helper()
	events, err := s.party("reader").History(context.Background(), lull.Filter{Kinds: []lull.EventKind{lull.EventLeft}})
	if err != nil {
		s.Fatal(err)
	}
	n := 0
	for _, e := range events {
		if e.Casualty {
			n++
		}
	}
	if n != want {
		s.Errorf("the history has %d casualties, want %d", n, want)
	}
}

func TestCasualtyIsNotClaimedForQuietRuns(t *testing.T) {
	play(t, func(s *scene) {
		s.opens(s.deploys(s.party("deploy"), lull.Closing{}))
		pass := s.enters(s.party("job"), lull.Job{})
		time.Sleep(time.Hour)
		if d := s.leaves(pass); d.Casualty {
			s.Error("a quiet run is said to be a casualty")
		}
		if n := s.called("Events"); n != 0 {
			s.Errorf("the history was asked %d times about a quiet run", n)
		}
	})
}

func TestCasualtyIsNotClaimedForJobsThatWereDrained(t *testing.T) {
	play(t, func(s *scene) {
		pass := s.enters(s.party("job"), lull.Job{})
		hold := s.closes(s.party("deploy"), lull.Closing{})
		ended := meanwhile(func() { s.want(hold.Begin(s.Context(), lull.Draining{}), nil) })
		time.Sleep(time.Minute)
		if d := s.leaves(pass); d.Casualty {
			s.Error("a job that was waited for is said to be a casualty")
		}
		ended()
		s.opens(hold)
		s.wantCasualties(0)
	})
}

func TestHistoryHasEveryEventItWasAskedForAndNoOther(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.deploys(s.party("deploy"), lull.Closing{})
		job := s.party("job")
		quiet := lull.Job{Name: "quiet", MaxWait: time.Second}
		_, err := job.Enter(s.Context(), quiet)
		s.want(err, lull.ErrTimeout)
		hit := s.enters(job, lull.Job{Name: "hit", MaxWait: time.Second, OnTimeout: lull.TimeoutRuns})
		time.Sleep(time.Second)
		s.leaves(hit)
		s.opens(hold)
		pass := s.enters(job, quiet)
		time.Sleep(time.Second)
		s.leaves(pass)

		events, err := job.History(s.Context(), lull.Filter{})
		if err != nil {
			s.Fatal(err)
		}
		if len(events) != len(s.events()) {
			s.Errorf("%d events, want all %d", len(events), len(s.events()))
		}
		for _, e := range events {
			if want := e.Kind == lull.EventLeft && e.Name == "hit"; e.Casualty != want {
				s.Errorf("%s of %q: casualty is %t", e.Kind, e.Name, e.Casualty)
			}
		}
		last, err := job.History(s.Context(), lull.Filter{Name: "hit", Limit: 1})
		if err != nil || len(last) != 1 || !last[0].Casualty {
			s.Errorf("the last of the job is %+v, %v", last, err)
		}
	})
}

func TestHistoryThatCannotBeReadSaysSo(t *testing.T) {
	play(t, func(s *scene) {
		s.broken(down)
		_, err := s.party("reader").History(s.Context(), lull.Filter{})
		s.want(err, lull.ErrUnavailable)
		_, err = s.party("reader").Usual(s.Context(), lull.DefaultGate)
		s.want(err, lull.ErrUnavailable)
	})
}

func TestUsualIsTheMedian(t *testing.T) {
	play(t, func(s *scene) {
		job := s.party("job")
		runs := func(name string, code int, ran ...time.Duration) {
			for _, d := range ran {
				pass := s.enters(job, lull.Job{Name: name})
				if _, err := pass.Leave(s.Context(), lull.Outcome{ExitCode: &code, Ran: d}); err != nil {
					s.Fatal(err)
				}
			}
		}
		runs("report", 0, time.Minute, 3*time.Minute, time.Hour)
		runs("report", 1, time.Second, time.Second, time.Second)
		runs("import", 0, 5*time.Minute)
		runs("broken", 1, time.Minute)
		runs("", 0, time.Minute)
		usual, err := job.Usual(s.Context(), lull.DefaultGate)
		if err != nil {
			s.Fatal(err)
		}
		if len(usual) != 2 || usual["report"] != 3*time.Minute || usual["import"] != 5*time.Minute {
			s.Errorf("usual is %v, want report 3m and import 5m", usual)
		}
		for range 100 {
			runs("report", 0, time.Minute)
		}
		for range 50 {
			runs("report", 0, 10*time.Minute)
		}
		if usual, _ = job.Usual(s.Context(), lull.DefaultGate); usual["report"] != 10*time.Minute {
			s.Errorf("usual is %v, want what the last runs took", usual["report"])
		}
	})
}
