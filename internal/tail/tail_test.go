package tail_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/tail"
	"github.com/lull-dev/lull/memstore"
)

// slow is a store some of whose events are told late, as those of a transaction that
// takes long to commit, and that counts and can break what it is asked.
type slow struct {
	*memstore.Store

	mu     sync.Mutex
	hidden map[string]bool // by ID
	broken error           // what Events end with, after half of what there is
	down   bool
	takes  time.Duration  // to be asked for events
	reads  map[string]int // of events, by gate
}

func newSlow() *slow {
	return &slow{Store: memstore.New(), hidden: map[string]bool{}, reads: map[string]int{}}
}

func (s *slow) hide(id string, hidden bool) { s.locked(func() { s.hidden[id] = hidden }) }
func (s *slow) breaks(err error)            { s.locked(func() { s.broken = err }) }
func (s *slow) goesDown(down bool)          { s.locked(func() { s.down = down }) }

func (s *slow) dawdles(d time.Duration) { s.locked(func() { s.takes = d }) }

func (s *slow) locked(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

func (s *slow) Gates(ctx context.Context) ([]lull.Gate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return nil, lull.ErrUnavailable
	}
	return s.Store.Gates(ctx)
}

func (s *slow) Events(ctx context.Context, f lull.Filter) iter.Seq2[lull.Event, error] {
	return func(yield func(lull.Event, error) bool) {
		s.mu.Lock()
		time.Sleep(s.takes)
		s.reads[f.Gate]++
		var told []lull.Event
		for e := range s.Store.Events(ctx, f) {
			if !s.hidden[e.ID] {
				told = append(told, e)
			}
		}
		err := s.broken
		if s.down {
			told, err = nil, lull.ErrUnavailable
		}
		s.mu.Unlock()
		if err != nil {
			told = told[:len(told)/2]
		}
		for _, e := range told {
			if !yield(e, nil) {
				return
			}
		}
		if err != nil {
			yield(lull.Event{}, err)
		}
	}
}

func record(t *testing.T, s lull.Store, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := s.Record(t.Context(), lull.Event{Gate: "default", Kind: lull.EventRerun, ID: id}); err != nil {
			t.Fatal(err)
		}
	}
}

// read is the IDs that a reading yields.
func read(t *testing.T, tl *tail.Tail) (ids []string, failed error) {
	t.Helper()
	for e, err := range tl.Events(t.Context()) {
		if err != nil {
			return ids, err
		}
		ids = append(ids, e.ID)
	}
	return ids, nil
}

func wantRead(t *testing.T, tl *tail.Tail, want ...string) {
	t.Helper()
	got, err := read(t, tl)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("read %v, %v, want %v", got, err, want)
	}
}

func TestEachEventIsReadOnceInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow()
		record(t, s, "before")
		tl := tail.FromNow(s, "default")
		wantRead(t, tl)
		for range 300 { // ten minutes: what is forgotten is not met again
			id := lull.NewID()
			record(t, s, id)
			wantRead(t, tl, id)
			time.Sleep(2 * time.Second)
			wantRead(t, tl)
		}
		record(t, s, "a", "b")
		time.Sleep(time.Hour) // nobody reads
		record(t, s, "c")
		wantRead(t, tl, "a", "b", "c")
	})
}

func TestEventsThatAreToldLateAreRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow()
		tl := tail.FromNow(s, "default")
		wantRead(t, tl)
		s.hide("late", true)
		record(t, s, "late", "early")
		time.Sleep(time.Second)
		wantRead(t, tl, "early")
		time.Sleep(time.Minute)
		wantRead(t, tl)
		record(t, s, "newer")
		s.hide("late", false)
		time.Sleep(time.Second)
		wantRead(t, tl, "newer") // quickly
		time.Sleep(30 * time.Second)
		wantRead(t, tl, "late") // thoroughly
		wantRead(t, tl)
	})
}

func TestWhatWasThereIsNotReadEvenIfTheFirstReadingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow()
		record(t, s, "old", "older")
		tl := tail.FromNow(s, "default")
		s.breaks(lull.ErrUnavailable)
		if ids, err := read(t, tl); !errors.Is(err, lull.ErrUnavailable) || len(ids) > 0 {
			t.Errorf("read %v, %v", ids, err)
		}
		s.breaks(nil)
		wantRead(t, tl)
		record(t, s, "new")
		wantRead(t, tl, "new")
	})
}

func TestAReadingThatWasBrokenOffIsTakenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow()
		tl := tail.From(s, "default", time.Now())
		record(t, s, "a", "b", "c", "d")
		for e := range tl.Events(t.Context()) {
			if e.ID == "a" {
				break
			}
		}
		time.Sleep(time.Hour)
		s.breaks(lull.ErrUnavailable)
		ids, err := read(t, tl)
		if strings.Join(ids, "") != "b" || !errors.Is(err, lull.ErrUnavailable) {
			t.Errorf("read %v, %v", ids, err)
		}
		time.Sleep(time.Hour)
		s.breaks(nil)
		wantRead(t, tl, "c", "d")
		wantRead(t, tl)
	})
}

func TestAQuickReadingGoesBackToTheLastOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow()
		tl := tail.FromNow(s, "default")
		wantRead(t, tl)
		record(t, s, "a")
		time.Sleep(25 * time.Second)
		wantRead(t, tl, "a")
	})
}

// What a slow reading is too late for, the next one may meet again.
func TestASlowReadingMakesNothingBeReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow()
		tl := tail.From(s, "default", time.Now())
		record(t, s, "a")
		wantRead(t, tl, "a")
		time.Sleep(70 * time.Second)
		wantRead(t, tl)
		time.Sleep(35 * time.Second)
		s.dawdles(time.Minute)
		wantRead(t, tl)
		s.dawdles(0)
		wantRead(t, tl)
	})
}
