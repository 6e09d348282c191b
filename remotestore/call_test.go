package remotestore_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/memstore"
	"github.com/lull-dev/lull/remotestore"
)

// counted counts the requests that a server gets.
func counted(n *atomic.Int32, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		h.ServeHTTP(w, r)
	})
}

// mute never answers.
func mute(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// hangUp ends the connection without a word.
func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func TestEitherServerMayDie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		var atA, atB atomic.Int32
		a := serveInMemory(t, counted(&atA, lulld(shared)))
		b := serveInMemory(t, counted(&atB, lulld(shared)))
		s := openInMemory(t, hosts{"a": a, "b": b})

		h := closes(t, s, "default")
		if atA.Load() != 1 || atB.Load() != 0 {
			t.Errorf("%d requests to the first, %d to the second, while both live", atA.Load(), atB.Load())
		}
		a.stop()
		for range 3 {
			if g, err := s.Gates(t.Context()); err != nil || len(g) != 1 {
				t.Errorf("the first is dead: %v, %v", g, err)
			}
		}
		if atB.Load() != 3 {
			t.Errorf("%d requests to the one that lives, want 3", atB.Load())
		}
		if _, err := s.Open(t.Context(), lull.HoldRef{Gate: "default", ID: h.ID}, lull.Outcome{By: h.Holder}); err != nil {
			t.Errorf("the hold was made at the other server: %v", err)
		}
		b.stop()
		_, err := s.Gates(t.Context())
		if !errors.Is(err, lull.ErrUnavailable) {
			t.Errorf("both are dead: %v", err)
		}
		has(t, err.Error(), "http://a: connection refused", "http://b: connection refused")
	})
}

func TestTheFirstOfTwoIsDeadFromTheBeginning(t *testing.T) {
	dead := httptest.NewServer(nil)
	dead.Close()
	live := httptest.NewServer(lulld(memstore.New()))
	t.Cleanup(live.Close)
	s := open(t, dead.URL+","+live.URL, remotestore.Options{})
	closes(t, s, "default")
}

func TestAServerWithoutItsStoreIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := says(503, "application/problem+json", `{"type":"urn:lull:problem:unavailable","status":503,"detail":"store unavailable: no route to host"}`)
		s := openInMemory(t, hosts{"a": serveInMemory(t, down), "b": serveInMemory(t, lulld(memstore.New()))})
		closes(t, s, "default")
	})
}

func TestAServerThatRefusesHasAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		forbidden := says(403, "application/problem+json", `{"type":"urn:lull:problem:forbidden","status":403}`)
		s := openInMemory(t, hosts{"a": serveInMemory(t, forbidden), "b": serveInMemory(t, counted(&n, lulld(memstore.New())))})
		_, err := s.Gates(t.Context())
		if _, ok := errors.AsType[*lull.SetupError](err); !ok || n.Load() != 0 {
			t.Errorf("%v, and the other was asked %d times", err, n.Load())
		}
	})
}

func TestAServerThatHangsIsNotWaitedForWhileThereIsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openInMemory(t, hosts{"a": serveInMemory(t, http.HandlerFunc(mute)), "b": serveInMemory(t, lulld(memstore.New()))})
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		for i, most := range []time.Duration{2 * time.Second, 0} {
			began := time.Now()
			if _, err := s.Gates(ctx); err != nil || time.Since(began) > most {
				t.Errorf("call %d: %v after %s", i+1, err, time.Since(began))
			}
		}
	})
}

func TestAnAnswerIsNotWaitedForForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openInMemory(t, hosts{"a": serveInMemory(t, http.HandlerFunc(mute))})
		began := time.Now()
		if _, err := s.Gates(t.Context()); !errors.Is(err, lull.ErrUnavailable) || time.Since(began) > time.Minute {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func TestTheEndOfACallerIsHisOwnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := http.HandlerFunc(mute)
		s := openInMemory(t, hosts{"a": serveInMemory(t, m), "b": serveInMemory(t, m)})
		late, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Gates(late); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, lull.ErrUnavailable) {
			t.Errorf("at the deadline: %v", err)
		}
		gone, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, leave)
		for range 2 { // the second time he is gone before he asks
			if _, err := s.Gates(gone); !errors.Is(err, context.Canceled) || errors.Is(err, lull.ErrUnavailable) {
				t.Errorf("cancelled: %v", err)
			}
		}
	})
}

func TestABrokenConnectionIsMadeAgainOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			broken, asked int32
			works         bool
		}{{0, 1, true}, {1, 2, true}, {2, 2, false}} {
			shared := memstore.New()
			var n atomic.Int32
			s := openInMemory(t, hosts{"a": serveInMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) <= test.broken {
					hangUp(w, r)
				}
				lulld(shared).ServeHTTP(w, r)
			}))})
			_, _, err := s.Enter(t.Context(), lull.Pass{ID: "p", Gate: "default"})
			if (err == nil) != test.works || err != nil && !errors.Is(err, lull.ErrUnavailable) || n.Load() != test.asked {
				t.Errorf("%d broken: %v after %d requests", test.broken, err, n.Load())
			}
		}
	})
}

func TestAnEventIsNotRecordedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		half := counted(&n, http.HandlerFunc(hangUp))
		s := openInMemory(t, hosts{"a": serveInMemory(t, half), "b": serveInMemory(t, half)})
		if err := s.Record(t.Context(), lull.Event{Kind: lull.EventRerun, Gate: "default"}); !errors.Is(err, lull.ErrUnavailable) || n.Load() != 1 {
			t.Errorf("%v after %d requests", err, n.Load())
		}
	})
}

func TestARestartBetweenTwoCallsIsNotNoticed(t *testing.T) {
	shared := memstore.New()
	first := httptest.NewServer(lulld(shared))
	at := first.Listener.Addr().String()
	s := open(t, first.URL, remotestore.Options{})
	var all sync.WaitGroup
	for range 3 { // as many connections are kept
		all.Go(func() { closes(t, s, "default") })
	}
	all.Wait()
	first.Close()
	second := httptest.NewUnstartedServer(lulld(shared))
	second.Listener.Close()
	second.Listener = listen(t, at)
	second.Start()
	t.Cleanup(second.Close)
	closes(t, s, "default")
}
