package lull_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/memstore"
)

func TestTrafficIsOfThoseThatCameByThemselves(t *testing.T) {
	play(t, func(s *scene) {
		job, deploy := s.party("job"), s.party("deploy")
		traffic := func() lull.Traffic {
			got, err := job.Traffic(s.Context(), lull.DefaultGate, 24*time.Hour)
			if err != nil {
				s.Fatal(err)
			}
			return got
		}
		if got := traffic(); got.Lately != 0 || got.LastJob.Kind != "" || got.LastClosing.Kind != "" {
			s.Errorf("at an unused gate there was %+v", got)
		}
		s.leaves(s.enters(job, lull.Job{Name: "report"}))
		s.leaves(s.enters(job, lull.Job{Name: "import"}))
		hold := s.deploys(deploy, lull.Closing{Kind: lull.Deployment})
		s.leaves(s.enters(job, lull.Job{Name: "migration", PartOf: hold.Hold().ID}))
		s.opens(hold)
		if got := traffic(); got.Lately != 2 || got.LastJob.Name != "import" || got.LastClosing.ID != hold.Hold().ID {
			s.Errorf("there was %+v; want two jobs, the last one import", got)
		}
		time.Sleep(25 * time.Hour)
		if got := traffic(); got.Lately != 0 || got.LastJob.Name != "import" {
			s.Errorf("a day later there was %+v; want none lately, the last one import", got)
		}
		s.broken(down)
		_, err := job.Traffic(s.Context(), lull.DefaultGate, 0)
		s.want(err, lull.ErrUnavailable)
	})
}

// summing is a store that can sum up, unless it says that it cannot.
type summing struct {
	lull.Store
	err error
}

func (s summing) Usual(context.Context, string) (map[string]time.Duration, error) {
	return map[string]time.Duration{"report": time.Minute}, s.err
}

func (s summing) Traffic(context.Context, string, time.Duration) (lull.Traffic, error) {
	return lull.Traffic{Lately: 7}, s.err
}

func TestAStoreThatCanSumUpIsAsked(t *testing.T) {
	for _, test := range []struct {
		err, want error
		jobs      int
	}{
		{nil, nil, 7},
		{errors.ErrUnsupported, nil, 0}, // of the events, of which there are none
		{lull.ErrUnavailable, lull.ErrUnavailable, 7},
	} {
		c, err := lull.NewClient(summing{memstore.New(), test.err}, lull.Options{Holder: lull.Holder{User: "ann", Host: "web1"}})
		if err != nil {
			t.Fatal(err)
		}
		traffic, err := c.Traffic(t.Context(), lull.DefaultGate, time.Hour)
		if !errors.Is(err, test.want) || traffic.Lately != test.jobs {
			t.Errorf("%v: %d jobs, %v", test.err, traffic.Lately, err)
		}
		usual, err := c.Usual(t.Context(), lull.DefaultGate)
		if !errors.Is(err, test.want) || (len(usual) > 0) != (test.jobs > 0) {
			t.Errorf("%v: usual is %v, %v", test.err, usual, err)
		}
	}
}
