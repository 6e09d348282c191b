package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/metrics"
	"github.com/lull-dev/lull/memstore"
	"github.com/lull-dev/lull/storetest"
)

var goVersion = runtime.Version()

// What is measured is the same store.
func TestAMeasuredStoreIsAStore(t *testing.T) {
	storetest.RunIn(t, synctest.Test, func(*testing.T) storetest.Harness {
		m, s := metrics.New(metrics.Options{}), memstore.New()
		return storetest.Harness{Store: m.Wrap(s), Other: m.Wrap(s), Lease: 2 * time.Second, Sleep: time.Sleep}
	})
}

// answering is a store that answers Drain with an error, after a second.
type answering struct {
	*memstore.Store
	err error
}

func (a answering) Drain(context.Context, lull.HoldRef) (lull.Drain, error) {
	time.Sleep(time.Second)
	return lull.Drain{}, a.err
}

func TestAnswersAreNoErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		kind string
	}{
		{nil, ""},
		{lull.ErrGone, ""},
		{lull.ErrNotDrained, ""},
		{&lull.BusyError{}, ""},
		{&lull.NotYoursError{}, ""},
		{&lull.InsideError{}, ""},
		{errors.ErrUnsupported, ""},
		{context.Canceled, ""},
		{lull.ErrUnavailable, "unavailable"},
		{context.DeadlineExceeded, "unavailable"},
		{&lull.SetupError{What: "no schema", Err: lull.ErrUnavailable}, "setup"},
		{errors.New("what is this"), "other"},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := metrics.New(metrics.Options{})
			err := c.err
			if err != nil {
				err = fmt.Errorf("drain: %w", err)
			}
			if _, got := m.Wrap(answering{memstore.New(), err}).Drain(t.Context(), lull.HoldRef{}); got != err {
				t.Errorf("%v became %v", err, got)
			}
			want := map[string]float64{`lull_store_seconds_count{verb="drain"}`: 1, `lull_store_seconds_sum{verb="drain"}`: 1}
			for _, kind := range []string{"unavailable", "setup", "other"} {
				want[fmt.Sprintf(`lull_store_errors_total{kind=%q,verb="drain"}`, kind)] = map[bool]float64{true: 1}[kind == c.kind]
			}
			scrape(t, m).want(t, want)
		})
	}
}

func TestWhatTheCallerDoesBetweenEventsIsNotTheStoresTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, s := metrics.New(metrics.Options{}), memstore.New()
		for range 3 {
			if err := s.Record(t.Context(), lull.Event{Gate: "default", Kind: lull.EventRerun}); err != nil {
				t.Fatal(err)
			}
		}
		for range m.Wrap(s).Events(t.Context(), lull.Filter{}) {
			time.Sleep(time.Hour)
		}
		scrape(t, m).want(t, map[string]float64{`lull_store_seconds_sum{verb="events"}`: 0, `lull_store_seconds_count{verb="events"}`: 1})
	})
}

// rich is all that a store may be.
type rich struct{ *memstore.Store }

func (rich) Usual(context.Context, string) (map[string]time.Duration, error) {
	return map[string]time.Duration{"report": time.Minute}, nil
}
func (rich) Traffic(context.Context, string, time.Duration) (lull.Traffic, error) {
	return lull.Traffic{Lately: 3}, nil
}
func (rich) Inspect(context.Context) []lull.Finding { return []lull.Finding{{What: "sound"}} }
func (rich) Watch(context.Context, lull.LeaseRef, lull.Process) error {
	return errors.New("watched")
}
func (rich) PollAll(context.Context, string, []string) (map[string]lull.Pass, lull.Gate, error) {
	return nil, lull.Gate{Phase: 8}, nil
}

func TestWhatAStoreIsBesidesGoesThrough(t *testing.T) {
	m := metrics.New(metrics.Options{})
	s := m.Wrap(rich{memstore.New()})
	if usual, err := s.Usual(t.Context(), "default"); usual["report"] != time.Minute || err != nil {
		t.Errorf("usual %v, %v", usual, err)
	}
	if traffic, err := s.Traffic(t.Context(), "default", 0); traffic.Lately != 3 || err != nil {
		t.Errorf("traffic %v, %v", traffic, err)
	}
	if findings := s.Inspect(t.Context()); len(findings) != 1 {
		t.Errorf("findings %v", findings)
	}
	if err := s.Watch(t.Context(), lull.LeaseRef{}, lull.Process{}); err == nil {
		t.Error("not watched")
	}
	if changed, err := s.Changed(t.Context(), "default"); changed == nil || err != nil {
		t.Errorf("hints %v, %v", changed, err)
	}
	if _, g, err := s.PollAll(t.Context(), "default", []string{"a", "b"}); g.Phase != 8 || err != nil {
		t.Errorf("polled %v, %v", g, err)
	}
	scrape(t, m).want(t, map[string]float64{
		`lull_store_seconds_count{verb="usual"}`: 1, `lull_store_seconds_count{verb="traffic"}`: 1, `lull_store_seconds_count{verb="poll"}`: 1,
	})
}

func TestWhatAStoreIsNotIsAnsweredWithNo(t *testing.T) {
	s := metrics.New(metrics.Options{}).Wrap(struct{ lull.Store }{memstore.New()})
	if changed, err := s.Changed(t.Context(), "default"); changed != nil || err != nil {
		t.Errorf("hints %v, %v", changed, err)
	}
	if _, err := s.Usual(t.Context(), "default"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("usual: %v", err)
	}
	if _, err := s.Traffic(t.Context(), "default", 0); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("traffic: %v", err)
	}
	if findings := s.Inspect(t.Context()); findings != nil {
		t.Errorf("findings %v", findings)
	}
	if err := s.Watch(t.Context(), lull.LeaseRef{}, lull.Process{}); err != nil {
		t.Errorf("watch: %v", err)
	}
	live := lull.Pass{ID: lull.NewID(), Gate: "default", Lease: time.Minute}
	if _, _, err := s.Enter(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	passes, g, err := s.PollAll(t.Context(), "default", []string{"gone", live.ID})
	if len(passes) != 1 || passes[live.ID].ID != live.ID || g.Name != "default" || err != nil {
		t.Errorf("polled %v, %v, %v", passes, g, err)
	}
}

func TestConnectionsAreAskedForAtEachScrape(t *testing.T) {
	connected := 3
	m := metrics.New(metrics.Options{Connections: func() int { return connected }})
	scrape(t, m).want(t, map[string]float64{"lull_connections": 3})
	connected = 5
	scrape(t, m).want(t, map[string]float64{"lull_connections": 5})
	if _, there := scrape(t, metrics.New(metrics.Options{}))["lull_connections"]; there {
		t.Error("there are connections that nobody counts")
	}
}
