package lull_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

func TestClientRefusesWhatCannotWork(t *testing.T) {
	for name, o := range map[string]lull.Options{
		"a gate name that is none":        {Gate: "Über Gate"},
		"a lease too short to stop in":    {Timing: lull.Timing{Lease: 10 * time.Second}},
		"a grace too long for the lease":  {Timing: lull.Timing{KillGrace: 30 * time.Second}},
		"a lease that ended before birth": {Timing: lull.Timing{Lease: -time.Second}},
	} {
		if _, err := lull.NewClient(nil, o); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestClientFillsInTheDefaults(t *testing.T) {
	c, err := lull.NewClient(nil, lull.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Gate() != lull.DefaultGate || c.Timing().Lease != lull.DefaultLease || c.Timing().KillGrace != lull.DefaultKillGrace {
		t.Errorf("gate %q, timing %+v", c.Gate(), c.Timing())
	}
}

// odd is a store that tells of changes, and of its pace, in a way of its own.
type odd struct {
	*faulty
	changed <-chan struct{}
	about   lull.About
}

func (o odd) Changed(context.Context, string) (<-chan struct{}, error) { return o.changed, nil }
func (o odd) About() lull.About                                        { return o.about }

func (s *scene) oddClient(o odd) party {
	c, err := lull.NewClient(o, lull.Options{})
	if err != nil {
		s.Fatal(err)
	}
	return party{c, &notices{}}
}

// restless tells of changes without end.
func restless() (changed <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	var over atomic.Bool
	ended := meanwhile(func() {
		for !over.Load() {
			time.Sleep(time.Millisecond)
			select {
			case c <- struct{}{}:
			default:
			}
		}
	})
	return c, func() { over.Store(true); ended() }
}

// A store that tells of changes is asked seldom without one. That is no reason to leave
// the second of two unheeded for as long.
func TestSecondHintIsHeededSoonWhereQuestionsAreRare(t *testing.T) {
	play(t, func(s *scene) {
		changed := make(chan struct{}, 1)
		c := s.oddClient(odd{s.faulty, changed, lull.About{PollFirst: 5 * time.Minute, PollMost: 5 * time.Minute}})
		hold := s.deploys(c, lull.Closing{})
		ended := meanwhile(func() {
			time.Sleep(time.Second)
			changed <- struct{}{} // of something else
			time.Sleep(10 * time.Millisecond)
			s.opens(hold)
			changed <- struct{}{}
		})
		began := time.Now()
		pass := s.enters(c, lull.Job{})
		s.wantTook(began, time.Second, 3*time.Second)
		ended()
		s.leaves(pass)
		s.nothingRemains()
	})
}

func TestStoreThatTellsOfChangesWithoutEndIsAskedAtItsPace(t *testing.T) {
	play(t, func(s *scene) {
		changed, stop := restless()
		defer stop()
		c := s.oddClient(odd{s.faulty, changed, lull.About{PollFirst: 100 * time.Millisecond, PollMost: time.Second}})
		hold := s.deploys(c, lull.Closing{})
		_, err := c.Enter(s.Context(), lull.Job{MaxWait: time.Minute})
		s.want(err, lull.ErrTimeout)
		if n := s.called("Poll"); n > 610 {
			s.Errorf("a waiter asked %d times in a minute, want every 100 ms at most", n)
		}
		if n := s.called("Renew"); n > 65 {
			s.Errorf("a deployment asked %d times in a minute, want every second at most", n)
		}
		s.opens(hold)
	})
}

func TestClosedChannelOfChangesIsOneHint(t *testing.T) {
	play(t, func(s *scene) {
		closed := make(chan struct{})
		close(closed)
		c := s.oddClient(odd{s.faulty, closed, lull.About{PollFirst: 100 * time.Millisecond, PollMost: time.Second}})
		hold := s.deploys(c, lull.Closing{})
		_, err := c.Enter(s.Context(), lull.Job{MaxWait: time.Minute})
		s.want(err, lull.ErrTimeout)
		if n := s.called("Poll"); n > 200 {
			s.Errorf("a waiter asked %d times in a minute", n)
		}
		if n := s.called("Renew"); n > 5 {
			s.Errorf("a deployment asked %d times in a minute", n)
		}
		s.opens(hold)
	})
}

func TestStoreThatTellsNothingIsPolled(t *testing.T) {
	for name, about := range map[string]lull.About{
		"its pace":   {PollFirst: 50 * time.Millisecond, PollMost: 2 * time.Second},
		"no pace":    {},
		"half of it": {PollFirst: 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				c := s.oddClient(odd{s.faulty, nil, about})
				hold := s.deploys(c, lull.Closing{})
				ended := meanwhile(func() {
					time.Sleep(10 * time.Minute)
					s.opens(hold)
				})
				began := time.Now()
				pass := s.enters(c, lull.Job{})
				s.wantTook(began, 10*time.Minute, 10*time.Minute+5*time.Second)
				ended()
				if n := s.called("Poll"); n > 1500 {
					s.Errorf("a waiter asked %d times in ten minutes", n)
				}
				s.leaves(pass)
			})
		})
	}
}

func TestHangingStoreIsAskedAgain(t *testing.T) {
	play(t, func(s *scene) {
		hung := false
		s.broken(func(ctx context.Context, do func() error) error {
			if !hung {
				hung = true
				return hangs(ctx, do)
			}
			return do()
		}, "Enter")
		c := s.party("job")
		began := time.Now()
		pass := s.enters(c, lull.Job{})
		s.wantTook(began, 20*time.Second, 21*time.Second)
		s.wantNotices(c, lull.StoreDown, lull.StoreBack)
		s.leaves(pass)
	})
}
