package tail_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/tail"
)

// following is a Run, and what it has told.
type following struct {
	rounds []tail.Round
	errs   []error
	stop   func()
}

// follow starts a Run in this bubble, which ends with stop. What it told may be looked
// at after synctest.Wait.
func follow(t *testing.T, s lull.Store) *following {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f, ended := &following{}, make(chan struct{})
	go func() {
		defer close(ended)
		o := tail.Options{Failed: func(err error) { f.errs = append(f.errs, err) }}
		tail.Run(ctx, s, o, func(_ context.Context, r tail.Round) { f.rounds = append(f.rounds, r) })
	}()
	f.stop = func() { cancel(); <-ended }
	synctest.Wait()
	return f
}

func (f *following) kinds() (kinds []string) {
	synctest.Wait()
	for _, r := range f.rounds {
		for _, l := range r.Looks {
			for _, e := range l.Events {
				kinds = append(kinds, string(e.Kind))
			}
			for range l.Casualties {
				kinds = append(kinds, "casualty")
			}
		}
	}
	return kinds
}

func closes(t *testing.T, s lull.Store, h lull.Hold) lull.HoldRef {
	t.Helper()
	if h.ID == "" {
		h.ID = lull.NewID()
	}
	if h.Gate == "" {
		h.Gate = "default"
	}
	if h.Kind == "" {
		h.Kind = lull.Deployment
	}
	h.Lease = 24 * time.Hour
	if _, _, err := s.Close(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	return lull.HoldRef{Gate: h.Gate, ID: h.ID}
}

func opens(t *testing.T, s lull.Store, ref lull.HoldRef) {
	t.Helper()
	if _, err := s.Open(t.Context(), ref, lull.Outcome{}); err != nil {
		t.Fatal(err)
	}
}

func TestAHintIsFollowedWithinASecondAndWithoutOneAllIsFoundAllTheSame(t *testing.T) {
	for _, hints := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			real := newSlow()
			var s lull.Store = real
			within := 1100 * time.Millisecond
			if !hints {
				s, within = struct{ lull.Store }{real}, tail.DefaultPause+time.Second
			}
			opens(t, s, closes(t, s, lull.Hold{}))
			f := follow(t, s)
			defer f.stop()
			time.Sleep(time.Minute)
			ref := closes(t, s, lull.Hold{})
			time.Sleep(within)
			if got := f.kinds(); !slices.Equal(got, []string{"closed"}) {
				t.Errorf("hints %v: %v", hints, got)
			}
			opens(t, s, ref)
			time.Sleep(within)
			if got := f.kinds(); !slices.Equal(got, []string{"closed", "released", "opened"}) {
				t.Errorf("hints %v: %v", hints, got)
			}
		})
	}
}

func TestOfANewGateAllIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow()
		opens(t, s, closes(t, s, lull.Hold{Gate: "old"}))
		f := follow(t, s)
		defer f.stop()
		opens(t, s, closes(t, s, lull.Hold{Gate: "new"}))
		time.Sleep(10 * time.Second)
		if got := f.kinds(); !slices.Equal(got, []string{"closed", "released", "opened"}) {
			t.Errorf("%v", got)
		}
		if first := f.rounds[0].Looks; len(first) != 1 || !first[0].First {
			t.Errorf("first %+v", first)
		}
	})
}

func TestNothingIsLostOrToldTwiceWhileTheStoreIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow()
		opens(t, s, closes(t, s, lull.Hold{}))
		f := follow(t, s)
		defer f.stop()
		s.goesDown(true)
		ref := closes(t, s, lull.Hold{})
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(f.errs) == 0 || !errors.Is(f.errs[0], lull.ErrUnavailable) {
			t.Errorf("said %v", f.errs)
		}
		s.goesDown(false)
		opens(t, s, ref)
		time.Sleep(time.Minute)
		if got := f.kinds(); !slices.Equal(got, []string{"closed", "overdue", "opened"}) {
			t.Errorf("%v", got)
		}
	})
}

func TestACasualtyIsFoundOnceWhicheverEndsLast(t *testing.T) {
	for _, jobEndsLast := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := newSlow()
			pass := lull.PassRef{Gate: "default", ID: lull.NewID()}
			if _, _, err := s.Enter(t.Context(), lull.Pass{ID: pass.ID, Gate: pass.Gate, Lease: 24 * time.Hour}); err != nil {
				t.Fatal(err)
			}
			ref := closes(t, s, lull.Hold{})
			if err := s.Begin(t.Context(), ref, lull.Start{Undrained: true}); err != nil {
				t.Fatal(err)
			}
			f := follow(t, s) // the deployment began before
			defer f.stop()
			time.Sleep(time.Minute)
			leave := func() {
				if _, err := s.Leave(t.Context(), pass, lull.Outcome{Ran: time.Minute}); err != nil {
					t.Fatal(err)
				}
			}
			if jobEndsLast {
				opens(t, s, ref)
				time.Sleep(time.Second)
				leave()
			} else {
				leave()
				time.Sleep(time.Minute)
				opens(t, s, ref)
			}
			time.Sleep(time.Hour)
			casualties := 0
			for _, kind := range f.kinds() {
				if kind == "casualty" {
					casualties++
				}
			}
			if casualties != 1 {
				t.Errorf("job last %v: %v", jobEndsLast, f.kinds())
			}
		})
	}
}

func TestAJobIsACasualtyAlsoWhenTheDeploymentIsToldLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow()
		pass := lull.PassRef{Gate: "default", ID: lull.NewID()}
		if _, _, err := s.Enter(t.Context(), lull.Pass{ID: pass.ID, Gate: pass.Gate, Lease: 24 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		ref := closes(t, s, lull.Hold{})
		f := follow(t, s)
		defer f.stop()
		s.hide(ref.ID, true)
		if err := s.Begin(t.Context(), ref, lull.Start{Undrained: true}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		if _, err := s.Leave(t.Context(), pass, lull.Outcome{Ran: 20 * time.Second}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(40 * time.Second)
		if got := f.kinds(); !slices.Equal(got, []string{"left"}) {
			t.Errorf("%v", got)
		}
		s.hide(ref.ID, false)
		time.Sleep(40 * time.Second)
		if got := f.kinds(); !slices.Equal(got, []string{"left", "begun", "casualty"}) {
			t.Errorf("%v", got)
		}
	})
}

// What is asked does not grow with the gates, but each is looked at in turn, and no more
// than the limit.
func TestManyQuietGatesAreLookedAtInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow()
		for i := range tail.MostGates + 50 {
			opens(t, s, closes(t, s, lull.Hold{Gate: fmt.Sprintf("gate-%03d", i)}))
		}
		f := follow(t, struct{ lull.Store }{s})
		defer f.stop()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		looked := map[string]int{}
		for i, r := range f.rounds {
			if i > 0 && len(r.Looks) > 10 {
				t.Fatalf("round %d looked at %d gates", i, len(r.Looks))
			}
			if r.Known != tail.MostGates+50 {
				t.Fatalf("%d gates known", r.Known)
			}
			for _, l := range r.Looks {
				looked[l.Gate.Name]++
			}
		}
		if len(looked) != tail.MostGates {
			t.Errorf("%d gates were looked at", len(looked))
		}
		for name, times := range looked {
			if times < 3 || times > 5 {
				t.Errorf("%s was looked at %d times", name, times)
			}
		}
	})
}

func TestWhereHintsComeTheEventsOfAQuietGateAreSeldomRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow()
		opens(t, s, closes(t, s, lull.Hold{}))
		f := follow(t, s)
		time.Sleep(10 * time.Minute)
		f.stop()
		s.locked(func() {
			if n := s.reads["default"]; n > 25 {
				t.Errorf("read %d times in ten minutes", n)
			}
		})
	})
}

func TestReadingTakesNoMoreThanItsShareOfTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow()
		opens(t, s, closes(t, s, lull.Hold{}))
		s.dawdles(2 * time.Second)
		f := follow(t, s)
		defer f.stop()
		time.Sleep(time.Minute) // the first reading learns what is there
		s.locked(func() { clear(s.reads) })
		for range 600 { // ten minutes in which something always happens
			record(t, s, lull.NewID())
			time.Sleep(time.Second)
		}
		time.Sleep(2 * time.Minute)
		s.locked(func() {
			if n := s.reads["default"]; n < 12 || n > 20 {
				t.Errorf("read %d times in twelve minutes, of which a twentieth is 36 seconds", n)
			}
		})
		if got := len(f.kinds()); got != 600 {
			t.Errorf("%d events", got)
		}
	})
}

// A store may hint at what it has not told yet.
func TestWhatIsToldAfterItsHintIsReadInTheNextRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow()
		opens(t, s, closes(t, s, lull.Hold{}))
		f := follow(t, s)
		defer f.stop()
		time.Sleep(time.Minute)
		s.hide("late", true)
		record(t, s, "late")
		time.Sleep(1100 * time.Millisecond)
		s.hide("late", false)
		time.Sleep(tail.DefaultPause)
		if got := f.kinds(); !slices.Equal(got, []string{"rerun"}) {
			t.Errorf("%v", got)
		}
	})
}

// fickle is a store whose hints end again and again.
type fickle struct{ *slow }

func (f fickle) Changed(ctx context.Context, gate string) (<-chan struct{}, error) {
	told, once := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	changed, err := f.slow.Changed(ctx, gate)
	go func() { defer cancel(); defer close(told); defer close(once); wait(ctx, changed) }()
	return told, err
}

func wait(ctx context.Context, changed <-chan struct{}) {
	select {
	case <-ctx.Done():
	case <-changed:
	}
}

func TestAChannelThatIsClosedIsAHintLikeAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fickle{newSlow()}
		opens(t, s, closes(t, s, lull.Hold{}))
		f := follow(t, s)
		defer f.stop()
		for range 3 {
			time.Sleep(time.Minute)
			opens(t, s, closes(t, s, lull.Hold{}))
		}
		time.Sleep(1100 * time.Millisecond)
		if got := f.kinds(); len(got) != 9 {
			t.Errorf("%v", got)
		}
	})
}
