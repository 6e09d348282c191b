package lull_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

// looks is what a person asks.
func (s *scene) looks(ctx context.Context) error {
	return s.call(ctx, "Snapshot", func() error {
		_, err := s.Store.Snapshot(ctx, lull.DefaultGate)
		return err
	})
}

func TestAPersonsQuestionIsAskedAgainWhileTheStoreIsDownForAMoment(t *testing.T) {
	play(t, func(s *scene) {
		s.broken(down, "Snapshot")
		ended := meanwhile(func() {
			time.Sleep(3 * time.Second)
			s.broken(nil, "Snapshot")
		})
		p := s.party("ann")
		began := time.Now()
		if err := p.Ask(s.Context(), s.looks); err != nil {
			s.Error(err)
		}
		s.wantTook(began, 3*time.Second, 5*time.Second)
		ended()
		s.wantNotices(p, lull.StoreDown, lull.StoreBack)
	})
}

func TestAPersonsQuestionEndsAfterFiveSeconds(t *testing.T) {
	for name, fault := range map[string]fault{"refuses": down, "hangs": hangs} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				s.broken(fault, "Snapshot")
				began := time.Now()
				s.want(s.party("ann").Ask(s.Context(), s.looks), lull.ErrUnavailable)
				s.wantTook(began, 5*time.Second, 5*time.Second)
			})
		})
	}
}

func TestAPersonsQuestionThatIsAnsweredIsAskedOnce(t *testing.T) {
	play(t, func(s *scene) {
		s.broken(gone, "Snapshot")
		began := time.Now()
		s.want(s.party("ann").Ask(s.Context(), s.looks), lull.ErrGone)
		s.wantTook(began, 0, 0)
		if n := s.called("Snapshot"); n != 1 {
			s.Errorf("it was asked %d times", n)
		}
	})
}

func TestAPersonsQuestionEndsWithItsContext(t *testing.T) {
	play(t, func(s *scene) {
		s.broken(hangs, "Snapshot")
		interrupt := errors.New("interrupt")
		ctx, cancel := context.WithTimeoutCause(s.Context(), time.Second, interrupt)
		defer cancel()
		began := time.Now()
		s.want(s.party("ann").Ask(ctx, s.looks), interrupt)
		s.wantTook(began, time.Second, time.Second)
	})
}
