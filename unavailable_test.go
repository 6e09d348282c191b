package lull_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

func TestStoreDownWhenAJobStartsWaits(t *testing.T) {
	play(t, func(s *scene) {
		s.broken(down)
		ended := meanwhile(func() {
			time.Sleep(time.Hour)
			s.broken(nil)
		})
		job := s.party("job")
		began := time.Now()
		pass := s.enters(job, lull.Job{})
		s.wantTook(began, time.Hour, time.Hour+10*time.Second)
		ended()
		if n := s.called("Enter"); n < 360 || n > 2000 {
			s.Errorf("the store was asked %d times in an hour", n)
		}
		s.wantNotices(job, lull.StoreDown, lull.StoreBack)
		s.leaves(pass)
		s.nothingRemains()
	})
}

func TestStoreDownWhenAJobStartsWaitsNoLongerThanMaxWait(t *testing.T) {
	for name, fault := range map[string]fault{"refuses": down, "hangs": hangs} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				s.broken(fault)
				began := time.Now()
				_, err := s.party("job").Enter(s.Context(), lull.Job{MaxWait: time.Minute})
				s.want(err, lull.ErrUnavailable)
				if errors.Is(err, lull.ErrTimeout) {
					s.Errorf("%v: of a gate that was never seen nobody can say that it did not open", err)
				}
				s.wantTook(began, time.Minute, time.Minute+10*time.Second)
			})
		})
	}
}

func TestStoreDownWhenAJobStartsRuns(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.deploys(s.party("deploy"), lull.Closing{})
		s.broken(down)
		began := time.Now()
		pass := s.enters(s.party("job"), lull.Job{OnUnavailable: lull.UnavailableRuns})
		s.wantTook(began, 0, 0)
		time.Sleep(30 * time.Second)
		s.broken(nil)
		time.Sleep(10 * time.Second)
		if n := len(s.snapshot().Inside); n != 1 {
			s.Errorf("%d passes are inside, want the one that is recorded late", n)
		}
		if d := s.leaves(pass); !d.Casualty {
			s.Error("a job that ran beside a deployment was not told so")
		}
		s.opens(hold)
		s.wantEvents(lull.EventClosed, lull.EventBegun, lull.EventForced, lull.EventLeft, lull.EventEnded, lull.EventReleased, lull.EventOpened)
		s.nothingRemains()
	})
}

func TestJobThatRanWhileTheStoreWasDownIsRecordedWhenItLeaves(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.deploys(s.party("deploy"), lull.Closing{})
		s.broken(losesAnswer(), "Enter") // so that it is on record, waiting
		s.broken(down, "Leave", "Force", "Poll")
		pass := s.enters(s.party("job"), lull.Job{OnUnavailable: lull.UnavailableRuns})
		time.Sleep(30 * time.Second)
		ended := meanwhile(func() {
			time.Sleep(2 * time.Second)
			s.broken(nil)
		})
		if d := s.leaves(pass); !d.Casualty {
			s.Error("a job that ran beside a deployment was not told so")
		}
		ended()
		s.opens(hold)
		s.wantEvents(lull.EventClosed, lull.EventBegun, lull.EventWaited, lull.EventForced, lull.EventLeft, lull.EventEnded, lull.EventReleased, lull.EventOpened)
	})
}

func TestStoreDownWhenAJobStartsFails(t *testing.T) {
	for name, fault := range map[string]fault{"refuses": down, "hangs": hangs} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				s.broken(fault)
				began := time.Now()
				_, err := s.party("job").Enter(s.Context(), lull.Job{OnUnavailable: lull.UnavailableFails})
				s.want(err, lull.ErrUnavailable)
				most := time.Duration(0)
				if name == "hangs" {
					most = 25 * time.Second // one renewal's time for the question, 5 s for the farewell
				}
				s.wantTook(began, 0, most)
			})
		})
	}
}

// Of a job on record the store has answered that the gate is closed.
func TestHiccupWhileAJobWaitsNeitherRunsNorFailsIt(t *testing.T) {
	for _, on := range []lull.OnUnavailable{lull.UnavailableRuns, lull.UnavailableFails} {
		play(t, func(s *scene) {
			hold := s.deploys(s.party("deploy"), lull.Closing{})
			ended := meanwhile(func() {
				time.Sleep(time.Minute)
				s.broken(down)
				time.Sleep(30 * time.Second)
				s.broken(nil)
				time.Sleep(time.Minute)
				s.opens(hold)
			})
			began := time.Now()
			pass := s.enters(s.party("job"), lull.Job{OnUnavailable: on})
			s.wantTook(began, 150*time.Second, 152*time.Second)
			ended()
			s.leaves(pass)
		})
	}
}

func TestStoreDownForALeaseWhileAJobWaitsRunsIt(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.closes(s.party("deploy"), lull.Closing{})
		ended := meanwhile(func() {
			time.Sleep(time.Minute)
			s.broken(down)
		})
		began := time.Now()
		pass := s.enters(s.party("job"), lull.Job{OnUnavailable: lull.UnavailableRuns})
		s.wantTook(began, 90*time.Second, 2*time.Minute)
		ended()
		s.broken(nil)
		s.leaves(pass)
		s.opens(hold)
	})
}

func TestInterruptedWaitForAStoreSaysWhatInterruptedIt(t *testing.T) {
	for name, fault := range map[string]fault{"refuses": down, "hangs": hangs} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				s.broken(fault)
				interrupt := errors.New("interrupt")
				ctx, cancel := context.WithTimeoutCause(s.Context(), 10*time.Second, interrupt)
				defer cancel()
				began := time.Now()
				_, err := s.party("job").Enter(ctx, lull.Job{})
				s.want(err, interrupt)
				s.wantTook(began, 10*time.Second, 15*time.Second)
			})
		})
	}
}

func TestLostAnswerOfEnterIsHarmless(t *testing.T) {
	play(t, func(s *scene) {
		s.broken(losesAnswer(), "Enter")
		pass := s.enters(s.party("job"), lull.Job{})
		if n := len(s.snapshot().Inside); n != 1 {
			s.Errorf("%d passes are inside, want 1", n)
		}
		s.broken(losesAnswer(), "Leave")
		s.leaves(pass)
		s.wantEvents(lull.EventLeft)
		s.nothingRemains()
	})
}

func TestPassWhoseAnswerWasLostDoesNotOutliveTheWait(t *testing.T) {
	play(t, func(s *scene) {
		s.broken(losesAnswer(), "Enter")
		_, err := s.party("job").Enter(s.Context(), lull.Job{OnUnavailable: lull.UnavailableFails})
		s.want(err, lull.ErrUnavailable)
		s.nothingRemains()
	})
}

func TestStoreThatKnowsNobodyIsNotAskedWithoutAPause(t *testing.T) {
	for _, verb := range []string{"Enter", "Poll"} {
		play(t, func(s *scene) {
			hold := s.closes(s.party("deploy"), lull.Closing{})
			s.broken(gone, verb)
			_, err := s.party("job").Enter(s.Context(), lull.Job{MaxWait: time.Minute})
			s.want(err, lull.ErrTimeout)
			if n := s.called("Enter"); n > 500 {
				s.Errorf("the store was asked %d times in a minute", n)
			}
			s.opens(hold)
		})
	}
}
