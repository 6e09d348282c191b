package remotestore_test

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull/memstore"
	"github.com/lull-dev/lull/remotestore"
)

// subscribed is a subscription in a bubble, and whether it was told of anything since it
// was asked last.
func subscribed(t *testing.T, ctx context.Context, all hosts) (toldOf func() bool) {
	t.Helper()
	hints, err := openInMemory(t, all).Changed(ctx, "default")
	if err != nil || hints == nil {
		t.Fatalf("%v, %v", hints, err)
	}
	return func() bool {
		time.Sleep(time.Second)
		synctest.Wait()
		select {
		case <-hints:
			return true
		default:
			return false
		}
	}
}

func TestChangesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		var n atomic.Int32
		ctx, cancel := context.WithCancel(t.Context())
		toldOf := subscribed(t, ctx, hosts{"a": serveInMemory(t, counted(&n, lulld(shared)))})
		if !toldOf() {
			t.Error("not told that something may have changed before")
		}
		if closes(t, shared, "another"); toldOf() {
			t.Error("told of another gate")
		}
		for range 3 {
			if closes(t, shared, "default"); !toldOf() || toldOf() {
				t.Error("not told once of a change")
			}
		}
		before := n.Load()
		if time.Sleep(time.Hour); toldOf() {
			t.Error("told of nothing")
		}
		if asked := n.Load() - before; asked > 150 {
			t.Errorf("asked %d times in an idle hour", asked)
		}
		cancel()
		synctest.Wait()
		if closes(t, shared, "default"); toldOf() {
			t.Error("told after the end of the subscription")
		}
	})
}

func TestASubscriptionEndsWithTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openInMemory(t, hosts{"a": serveInMemory(t, lulld(memstore.New()))})
		for range 2 { // the second time it has ended already
			if _, err := s.Changed(t.Context(), "default"); err != nil {
				t.Fatal(err)
			}
			if err := s.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestASubscriptionOutlivesTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		var server atomic.Pointer[network]
		server.Store(serveInMemory(t, lulld(shared)))
		s := open(t, "http://lulld", remotestore.Options{})
		s.DialWith(func(ctx context.Context, _ string) (net.Conn, error) { return server.Load().dial(ctx) })
		hints, err := s.Changed(t.Context(), "default")
		if err != nil {
			t.Fatal(err)
		}
		<-hints
		time.Sleep(time.Second)
		server.Load().stop()
		closes(t, shared, "default") // while nobody listens
		time.Sleep(time.Hour)
		synctest.Wait()
		server.Store(serveInMemory(t, lulld(shared)))
		began := time.Now()
		<-hints
		if late := time.Since(began); late > 20*time.Second {
			t.Errorf("told %s after the server came back", late)
		}
	})
}

func TestAServerThatSendsEverybodyAwayIsNotStormed(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"with an answer":  says(200, "application/json", `{"seen":"x"}`),
		"with half a one": says(200, "application/json", `{}`),
		"with a problem":  says(503, "application/problem+json", `{"type":"urn:lull:problem:unavailable","status":503}`),
		"without a word":  hangUp,
	} {
		synctest.Test(t, func(t *testing.T) {
			var n atomic.Int32
			subscribed(t, t.Context(), hosts{"a": serveInMemory(t, counted(&n, answer))})
			time.Sleep(time.Minute)
			if n.Load() > 40 {
				t.Errorf("%s: asked %d times in a minute", name, n.Load())
			}
		})
	}
}
