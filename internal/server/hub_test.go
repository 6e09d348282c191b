package server

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/memstore"
)

// counted is a store that gives no hints, and counts looks and questions.
type counted struct {
	lull.Store
	looks, polls atomic.Int32
}

func (c *counted) Gates(ctx context.Context) ([]lull.Gate, error) {
	c.looks.Add(1)
	return c.Store.Gates(ctx)
}

func (c *counted) Poll(ctx context.Context, ref lull.PassRef) (lull.Pass, lull.Gate, error) {
	c.polls.Add(1)
	return c.Store.Poll(ctx, ref)
}

// hubOf is a hub in a bubble, which ends with the test.
func hubOf(t *testing.T, s lull.Store) *hub {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); time.Sleep(10 * lookEvery) })
	return newHub(ctx, s, slog.New(slog.DiscardHandler))
}

func closes(t *testing.T, s lull.Store, gate string) lull.HoldRef {
	t.Helper()
	h := lull.Hold{ID: lull.NewID(), Gate: gate, Kind: lull.Person, Holder: lull.Holder{User: "ann", Host: "web1"}}
	if _, _, err := s.Close(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	return lull.HoldRef{Gate: gate, ID: h.ID}
}

func opens(t *testing.T, s lull.Store, ref lull.HoldRef) {
	t.Helper()
	if _, err := s.Open(t.Context(), ref, lull.Outcome{By: lull.Holder{User: "ann", Host: "web1"}}); err != nil {
		t.Fatal(err)
	}
}

func TestAChangeIsSeenWithoutAHintWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &counted{Store: memstore.New()}
		w, release := hubOf(t, s).watch("default")
		defer release()
		synctest.Wait()
		seen, _ := w.seen()
		time.Sleep(300 * time.Millisecond)
		closes(t, s, "default")
		began := time.Now()
		if now := w.wait(t.Context(), seen); now == seen {
			t.Error("nothing was seen")
		}
		if took := time.Since(began); took > lookEvery {
			t.Errorf("it took %s", took)
		}
	})
}

func TestAHintIsHeededAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		w, release := hubOf(t, s).watch("default")
		defer release()
		synctest.Wait()
		seen, _ := w.seen()
		closes(t, s, "default")
		began := time.Now()
		w.wait(t.Context(), seen)
		if took := time.Since(began); took > 10*time.Millisecond {
			t.Errorf("it took %s", took)
		}
	})
}

func TestOneLookServesAllGatesAndAllWhoAreInterested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &counted{Store: memstore.New()}
		h := hubOf(t, s)
		for range 100 {
			for _, gate := range []string{"a", "b", "c"} {
				_, release := h.watch(gate)
				defer release()
			}
		}
		time.Sleep(10*time.Second + time.Millisecond)
		if n := s.looks.Load(); n > 12 {
			t.Errorf("%d looks in ten seconds", n)
		}
	})
}

func TestAGateThatNobodyIsInterestedInIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &counted{Store: memstore.New()}
		_, release := hubOf(t, s).watch("default")
		release()
		time.Sleep(2 * keepFor)
		before := s.looks.Load()
		time.Sleep(keepFor)
		if more := s.looks.Load() - before; more > 0 {
			t.Errorf("%d more looks", more)
		}
	})
}

func TestWhatAnotherServerSawCountsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, release := hubOf(t, memstore.New()).watch("default")
		defer release()
		began := time.Now()
		if w.wait(t.Context(), "another.7") == "another.7" || time.Since(began) > 0 {
			t.Error("it waited")
		}
	})
}
