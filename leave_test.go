package lull_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
)

func TestFinalLeaveIsTriedForFiveSeconds(t *testing.T) {
	for name, fault := range map[string]fault{"refuses": down, "hangs": hangs} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				pass := s.enters(s.party("job"), lull.Job{})
				s.broken(fault)
				ctx, cancel := context.WithCancel(s.Context())
				cancel() // the last word is said all the same
				began := time.Now()
				_, err := pass.Leave(ctx, lull.Outcome{})
				s.want(err, lull.ErrUnavailable)
				s.wantTook(began, 4*time.Second, 5*time.Second)
				s.broken(nil)
				time.Sleep(time.Minute)
				s.nothingRemains() // the lease does the rest
			})
		})
	}
}

func TestLeaveIsAtMostFiveSecondsWithItsLookIntoTheHistory(t *testing.T) {
	play(t, func(s *scene) {
		pass := s.enters(s.party("job"), lull.Job{})
		hold := s.closes(s.party("deploy"), lull.Closing{})
		s.broken(slow(3*time.Second), "Leave")
		s.broken(func(ctx context.Context, do func() error) error { return hangs(ctx, do) }, "Events")
		began := time.Now()
		_, err := pass.Leave(s.Context(), lull.Outcome{})
		if err == nil {
			s.Error("nobody was told that the history could not be asked")
		}
		s.wantTook(began, 3*time.Second, 5*time.Second)
		s.opens(hold)
	})
}

func TestLeaveLooksIntoTheHistoryAgain(t *testing.T) {
	play(t, func(s *scene) {
		pass := s.enters(s.party("job"), lull.Job{})
		hold := s.closes(s.party("deploy"), lull.Closing{})
		failed := false
		s.broken(func(_ context.Context, do func() error) error {
			if !failed {
				failed = true
				return down(s.Context(), nil)
			}
			return do()
		}, "Events")
		if _, err := pass.Leave(s.Context(), lull.Outcome{}); err != nil {
			s.Error(err)
		}
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestLeaveCancelsTheContext(t *testing.T) {
	play(t, func(s *scene) {
		type key struct{}
		ctx, cancel := context.WithCancel(context.WithValue(s.Context(), key{}, "value"))
		pass, err := s.party("job").Enter(ctx, lull.Job{})
		if err != nil {
			s.Fatal(err)
		}
		cancel()
		synctest.Wait()
		s.wantCause(pass.Context(), nil) // who is inside stays inside
		if pass.Context().Value(key{}) != "value" {
			s.Error("the context does not carry the values of Enter's")
		}
		s.leaves(pass)
		s.wantCause(pass.Context(), context.Canceled)
		s.wantCause(pass.MustStop(), context.Canceled)
	})
}
