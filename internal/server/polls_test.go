package server

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/memstore"
)

// together counts how often it was asked about many passes, and may be away.
type together struct {
	*memstore.Store
	asked atomic.Int32
	away  atomic.Bool
}

func (s *together) Poll(ctx context.Context, ref lull.PassRef) (lull.Pass, lull.Gate, error) {
	s.asked.Add(1)
	if s.away.Load() {
		return lull.Pass{}, lull.Gate{}, lull.ErrUnavailable
	}
	return s.Store.Poll(ctx, ref)
}

func (s *together) PollAll(ctx context.Context, gate string, ids []string) (map[string]lull.Pass, lull.Gate, error) {
	s.asked.Add(1)
	return s.Store.PollAll(ctx, gate, ids)
}

// waiter is a job that has arrived at the gate.
func waiter(t *testing.T, s lull.Store) lull.PassRef {
	t.Helper()
	pass, _, err := s.Enter(t.Context(), lull.Pass{ID: lull.NewID(), Gate: "default", Lease: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return lull.PassRef{Gate: "default", ID: pass.ID}
}

func TestManyWhoWaitAreAskedAboutTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(time.Minute) })
		s := &together{Store: memstore.New()}
		p := &polls{store: s}
		hold := closes(t, s, "default")
		refs := make([]lull.PassRef, 500)
		for i := range refs {
			refs[i] = waiter(t, s)
		}
		opens(t, s, hold)
		var asking sync.WaitGroup
		for _, ref := range refs {
			asking.Go(func() {
				pass, g, err := p.poll(t.Context(), ref)
				if err != nil || !pass.Inside(g.Phase) || pass.ID != ref.ID || pass.Started.IsZero() {
					t.Errorf("pass %+v in phase %d, error %v", pass, g.Phase, err)
				}
			})
		}
		asking.Wait()
		if n := s.asked.Load(); n > pollsSpare+2 {
			t.Errorf("the store was asked %d times", n)
		}
	})
}

func TestHoweverManyAskTheStoreIsAskedAFewTimesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(time.Minute) })
		s := &together{Store: memstore.New()}
		p := &polls{store: s}
		closes(t, s, "default")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var asking sync.WaitGroup
		for range 100 {
			ref := waiter(t, s)
			asking.Go(func() {
				for ctx.Err() == nil {
					_, _, _ = p.poll(ctx, ref)
				}
			})
		}
		asking.Wait()
		if n := s.asked.Load(); n > 105 {
			t.Errorf("the store was asked %d times in ten seconds", n)
		}
	})
}

func TestWhoIsGoneIsToldSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(time.Minute) })
		s := &together{Store: memstore.New()}
		p := &polls{store: s}
		ref, other := waiter(t, s), waiter(t, s)
		if _, err := s.Leave(t.Context(), ref, lull.Outcome{}); err != nil {
			t.Fatal(err)
		}
		var asking sync.WaitGroup
		for ref, want := range map[lull.PassRef]error{ref: lull.ErrGone, other: nil} {
			asking.Go(func() {
				if _, _, err := p.poll(t.Context(), ref); !errors.Is(err, want) {
					t.Errorf("error %v, want %v", err, want)
				}
			})
		}
		asking.Wait()
	})
}

func TestAStoreThatIsAwayIsSaidToBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(time.Minute) })
		s := &together{Store: memstore.New()}
		p := &polls{store: s}
		ref := waiter(t, s)
		s.away.Store(true)
		if _, _, err := p.poll(t.Context(), ref); !errors.Is(err, lull.ErrUnavailable) {
			t.Errorf("error %v", err)
		}
		s.away.Store(false)
		if _, _, err := p.poll(t.Context(), ref); err != nil {
			t.Error(err)
		}
	})
}
