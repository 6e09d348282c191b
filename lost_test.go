package lull_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
)

// lapses lets the leases of everybody but the asker's end.
func (s *scene) lapses() {
	s.broken(down)
	time.Sleep(2 * lull.DefaultLease)
	s.snapshot() // somebody looks, and makes it a fact
	s.broken(nil)
	time.Sleep(10 * time.Second)
	synctest.Wait()
}

func TestLostPassIsRecordedAnewAndDrained(t *testing.T) {
	play(t, func(s *scene) {
		job := s.party("job")
		pass := s.enters(job, lull.Job{Name: "report"})
		old := pass.ID()
		s.lapses()
		if pass.ID() == old {
			s.Error("the pass has its old ID, which is gone")
		}
		s.wantNotices(job, lull.TrustEnded, lull.LeaseLost, lull.EnteredAnew)
		s.wantCause(pass.Context(), lull.ErrLost)

		hold := s.closes(s.party("deploy"), lull.Closing{})
		s.want(hold.Drain(s.Context(), lull.Draining{Timeout: time.Minute}), lull.ErrTimeout)
		if d := s.leaves(pass); d.Casualty {
			s.Error("nothing was deployed, and the job is a casualty")
		}
		s.want(hold.Begin(s.Context(), lull.Draining{}), nil)
		s.opens(hold)
		s.wantEvents(lull.EventAbandoned, lull.EventLost, lull.EventClosed, lull.EventLeft, lull.EventBegun, lull.EventEnded, lull.EventReleased, lull.EventOpened)
		s.nothingRemains()
	})
}

func TestLostPassIsRecordedAnewEachTime(t *testing.T) {
	play(t, func(s *scene) {
		job := s.party("job")
		pass := s.enters(job, lull.Job{})
		for range 3 {
			s.lapses()
		}
		if n := len(s.snapshot().Inside); n != 1 {
			s.Errorf("%d passes are inside, want 1", n)
		}
		s.leaves(pass)
		s.nothingRemains()
	})
}

// What a job starts carries the ID that its pass first had.
func TestChildOfALostPassDoesNotWait(t *testing.T) {
	play(t, func(s *scene) {
		outer := s.enters(s.party("job"), lull.Job{Name: "outer"})
		first := outer.ID()
		for range 2 {
			s.lapses()
			if h := outer.Hint(); h != first {
				s.Errorf("what it starts carries %s, want %s", h, first)
			}
		}
		hold := s.closes(s.party("deploy"), lull.Closing{})
		began := time.Now()
		inner := s.enters(s.party("job"), lull.Job{Name: "inner", Parent: first})
		s.wantTook(began, 0, 0)
		s.leaves(inner)
		s.leaves(outer)
		s.want(hold.Begin(s.Context(), lull.Draining{}), nil)
		s.opens(hold)
		s.nothingRemains()
	})
}

// The deployment waits for the outer job, and that for the inner one: this must not wait
// for the deployment, although it came while the outer one was lost.
func TestChildThatCameWhileItsParentWasLostEntersOnceThatIsOnRecordAnew(t *testing.T) {
	play(t, func(s *scene) {
		outer := s.enters(s.party("job"), lull.Job{Name: "outer"})
		first := outer.ID()
		s.broken(down, "Renew")
		time.Sleep(2 * lull.DefaultLease)
		s.snapshot() // somebody looks, and makes it a fact
		hold := s.closes(s.party("deploy"), lull.Closing{})
		began := time.Now()
		ended := meanwhile(func() {
			time.Sleep(20 * time.Second)
			s.broken(nil)
		})
		inner := s.enters(s.party("job"), lull.Job{Name: "inner", Parent: first})
		ended()
		s.wantTook(began, 20*time.Second, 40*time.Second)
		if now := outer.ID(); now == first {
			s.Error("the outer job has its old pass, which is gone")
		}
		s.leaves(inner)
		s.leaves(outer)
		s.want(hold.Begin(s.Context(), lull.Draining{}), nil)
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestLeakedHintIsAskedAboutForOneLease(t *testing.T) {
	play(t, func(s *scene) {
		over := s.enters(s.party("job"), lull.Job{})
		hold := s.closes(s.party("deploy"), lull.Closing{})
		s.leaves(over)
		_, err := s.party("job").Enter(s.Context(), lull.Job{Parent: over.ID(), MaxWait: lull.DefaultLease})
		s.want(err, lull.ErrTimeout)
		entered := s.called("Enter")
		_, err = s.party("job").Enter(s.Context(), lull.Job{Parent: over.ID(), MaxWait: 10 * lull.DefaultLease})
		s.want(err, lull.ErrTimeout)
		if more := s.called("Enter") - entered; more > entered*5/4 {
			s.Errorf("it entered %d times in ten leases, and %d times in one", more, entered)
		}
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestPassThatCannotBeRecordedAnewIsSaidToBe(t *testing.T) {
	play(t, func(s *scene) {
		job := s.party("job")
		pass := s.enters(job, lull.Job{})
		s.broken(down)
		time.Sleep(2 * lull.DefaultLease)
		s.snapshot()
		s.broken(nil)
		s.broken(func(context.Context, func() error) error { return &lull.SetupError{What: "disk full"} }, "Enter")
		time.Sleep(10 * time.Second)
		s.wantNotices(job, lull.TrustEnded, lull.LeaseLost, lull.NotRecorded)
		s.broken(nil)
		s.leaves(pass)
		s.nothingRemains()
	})
}

// Its owner did not find out in time: the process was stopped while the job ran.
func TestPassFoundLostAtLeaveIsInTheHistoryAllTheSame(t *testing.T) {
	play(t, func(s *scene) {
		job := s.party("job")
		pass := s.enters(job, lull.Job{Name: "report"})
		s.broken(hangs, "Renew")
		time.Sleep(lull.DefaultLease)
		s.broken(nil, "Renew")
		hold := s.deploys(s.party("deploy"), lull.Closing{}) // drained: the pass has lapsed
		time.Sleep(time.Millisecond)
		if d := s.leaves(pass); !d.Casualty {
			s.Error("a job that ran beside a deployment was not told so")
		}
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestLostDeploymentClosesAnewAndResumes(t *testing.T) {
	loses := map[string]func(s *scene, h *lull.LiveHold){
		"forced opening": func(s *scene, h *lull.LiveHold) {
			s.forces(h)
			time.Sleep(3 * time.Second)
		},
		"lapsed lease": func(s *scene, h *lull.LiveHold) { s.lapses() },
	}
	for name, lose := range loses {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				deploy := s.party("deploy")
				hold := s.deploys(deploy, lull.Closing{Reason: "release 81", Limit: 20 * time.Minute})
				began, old := time.Now(), hold.Hold().ID
				time.Sleep(5 * time.Minute)
				lose(s, hold)

				got, held := s.snapshot().Gate.Deployment()
				if !held || got.Resumes != old || got.ID == old || got.Reason != "release 81" || got.Begun.IsZero() {
					s.Fatalf("the gate is held by %+v, want what resumes %s", got, old)
				}
				if got.ID != hold.Hold().ID {
					s.Errorf("the hold's ID is said to be %s, and is %s", hold.Hold().ID, got.ID)
				}
				if left := got.Ends.Wall.Sub(began); (left - 20*time.Minute).Abs() > time.Second {
					s.Errorf("its limit is %s after the beginning, want the 20m that it had", left)
				}
				if n := len(s.snapshot().Gate.Loose); n != 0 {
					s.Errorf("%d commands are loose, and the one there is was resumed", n)
				}
				s.wantCause(hold.Context(), lull.ErrLost)
				s.wantCause(hold.MustStop(), nil)
				want := []lull.NoticeKind{lull.LeaseLost, lull.ClosedAnew}
				if name == "lapsed lease" {
					want = slices.Insert(want, 0, lull.TrustEnded)
				}
				s.wantNotices(deploy, want...)
				s.opens(hold)
				s.nothingRemains()
			})
		})
	}
}

// The store notes the beginning before we hear of it. A job that met the last moments of
// a command whose hold was lost is a casualty all the same.
func TestSlowAnswerToBeginHidesNoCasualty(t *testing.T) {
	play(t, func(s *scene) {
		s.broken(slow(200*time.Millisecond), "Begin")
		hold := s.deploys(s.party("deploy"), lull.Closing{})
		s.broken(down, "Close") // it is not closed anew
		time.Sleep(time.Minute)
		s.forces(hold)
		time.Sleep(time.Minute)
		job := s.enters(s.party("job"), lull.Job{})
		time.Sleep(50 * time.Millisecond)
		s.leaves(job)
		time.Sleep(50 * time.Millisecond)
		s.broken(nil)
		s.opens(hold)
		s.wantCasualties(1)
	})
}

func TestLostDeploymentThatMustNotGoOnIsToldSo(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.deploys(s.party("deploy"), lull.Closing{OnLost: lull.LostTerminates})
		s.forces(hold)
		time.Sleep(3 * time.Second)
		s.wantCause(hold.MustStop(), lull.ErrLost)
		if s.snapshot().Gate.Phase.Open() {
			s.Error("the gate is open while the command is stopped")
		}
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestLostDeploymentQueuesBehindTheOneThatTookItsPlace(t *testing.T) {
	play(t, func(s *scene) {
		ann := s.party("ann")
		hold := s.deploys(ann, lull.Closing{})
		s.broken(down, "Close") // for ann to be the second
		s.forces(hold)
		time.Sleep(2 * time.Second)
		s.broken(nil)
		other := s.deploys(s.party("ben"), lull.Closing{})
		time.Sleep(10 * time.Minute)
		g := s.snapshot().Gate
		if len(g.Queue) != 1 || g.Queue[0].ID != hold.Hold().ID {
			s.Errorf("queued are %+v", g.Queue)
		}
		if len(g.Loose) != 1 {
			s.Errorf("%d commands are loose, want ann's, which goes on", len(g.Loose))
		}
		s.opens(other)
		time.Sleep(5 * time.Second)
		if h, held := s.snapshot().Gate.Deployment(); !held || h.ID != hold.Hold().ID || h.Begun.IsZero() {
			s.Errorf("the gate is held by %+v, want what resumes ann's", h)
		}
		s.wantNotices(ann, lull.LeaseLost, lull.StoreDown, lull.StoreBack, lull.ClosedAnew)
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestLostDeploymentThatEndsInTheQueueLeavesNothing(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.deploys(s.party("ann"), lull.Closing{})
		s.broken(down, "Close")
		s.forces(hold)
		time.Sleep(2 * time.Second)
		s.broken(nil)
		other := s.deploys(s.party("ben"), lull.Closing{})
		time.Sleep(time.Minute)
		s.opens(hold)
		g := s.snapshot().Gate
		if len(g.Queue)+len(g.Loose) != 0 {
			s.Errorf("left are %+v queued, %+v loose", g.Queue, g.Loose)
		}
		s.opens(other)
		s.nothingRemains()
	})
}

func TestLostDeploymentWhoseLimitComesInTheQueueGivesUpItsPlace(t *testing.T) {
	for _, on := range []lull.OnLimit{lull.LimitOpens, lull.LimitTerminates} {
		play(t, func(s *scene) {
			ann := s.party("ann")
			hold := s.deploys(ann, lull.Closing{Limit: 10 * time.Minute, OnLimit: on})
			s.broken(down, "Close")
			s.forces(hold)
			time.Sleep(2 * time.Second)
			s.broken(nil)
			other := s.deploys(s.party("ben"), lull.Closing{})
			time.Sleep(10 * time.Minute)
			if q := s.snapshot().Gate.Queue; len(q) != 0 {
				s.Errorf("queued are %+v, after the limit", q)
			}
			if n := len(s.snapshot().Gate.Loose); n != 1 {
				s.Errorf("%d commands are loose, want ann's, which goes on", n)
			}
			if on == lull.LimitTerminates {
				s.wantCause(hold.MustStop(), lull.ErrOverdue)
			}
			s.wantNotices(ann, lull.LeaseLost, lull.StoreDown, lull.StoreBack, lull.AtLimit)
			s.opens(other)
			s.opens(hold)
			s.nothingRemains()
		})
	}
}

// While it was taken for dead, its hold became a person's.
func TestLostDeploymentClosesAnewInPlaceOfItsHoldAfterACrash(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.deploys(s.party("deploy"), lull.Closing{CrashHold: 10 * time.Minute})
		s.lapses()
		if holds := s.snapshot().Gate.Holds; len(holds) != 1 || holds[0].ID != hold.Hold().ID {
			s.Errorf("held by %+v", holds)
		}
		s.opens(hold)
		if got := s.events(); count(got, lull.EventCrashed) != 1 || count(got, lull.EventOpened) != 1 {
			s.Errorf("events are %v, want a crash, and one opening, at the end", got)
		}
		s.nothingRemains()
	})
}

func TestDeploymentThatCannotCloseAnewSaysSo(t *testing.T) {
	play(t, func(s *scene) {
		deploy := s.party("deploy")
		hold := s.deploys(deploy, lull.Closing{})
		s.broken(func(context.Context, func() error) error { return &lull.SetupError{What: "disk full"} }, "Close")
		s.forces(hold)
		time.Sleep(3 * time.Second)
		s.wantNotices(deploy, lull.LeaseLost, lull.NotRecorded)
		s.broken(nil)
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestCommandWithoutAHoldStillHasItsLimit(t *testing.T) {
	play(t, func(s *scene) {
		deploy := s.party("deploy")
		hold := s.deploys(deploy, lull.Closing{Limit: 10 * time.Minute, OnLimit: lull.LimitTerminates})
		s.broken(func(context.Context, func() error) error { return &lull.SetupError{What: "disk full"} }, "Close")
		s.forces(hold)
		began := time.Now()
		<-hold.MustStop().Done()
		s.wantTook(began, 10*time.Minute, 10*time.Minute)
		s.wantCause(hold.MustStop(), lull.ErrOverdue)
		s.wantNotices(deploy, lull.LeaseLost, lull.NotRecorded, lull.AtLimit)
		s.broken(nil)
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestStoreThatNeverKnowsTheHoldIsNotAskedWithoutAPause(t *testing.T) {
	for _, verb := range []string{"Close", "Begin", "Drain"} {
		t.Run(verb, func(t *testing.T) {
			play(t, func(s *scene) {
				hold := s.deploys(s.party("deploy"), lull.Closing{})
				s.broken(gone, verb)
				if verb == "Drain" {
					s.broken(gone, "Begin")
				}
				s.forces(hold)
				time.Sleep(time.Minute)
				if n := s.called("Close") + s.called("Begin") + s.called("Drain"); n > 500 {
					s.Errorf("the store was asked %d times in a minute", n)
				}
				s.broken(nil)
				s.opens(hold)
				time.Sleep(lull.DefaultLease) // for what was closed anew, and lost again
				s.nothingRemains()
			})
		})
	}
}

func TestAnswerOfClosingAnewThatIsLostLeavesNothing(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.deploys(s.party("deploy"), lull.Closing{})
		s.broken(func(ctx context.Context, do func() error) error {
			do()
			return down(ctx, nil)
		}, "Close")
		s.forces(hold)
		time.Sleep(5 * time.Second)
		s.opens(hold)
		s.nothingRemains()
	})
}
