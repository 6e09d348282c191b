package remotestore_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/filestore"
	"github.com/lull-dev/lull/internal/access"
	"github.com/lull-dev/lull/internal/server"
	"github.com/lull-dev/lull/memstore"
	"github.com/lull-dev/lull/storetest"
)

// atOnce is how many tests run at a time, however few processors there are: those in front
// of files mostly wait for a lease to end.
const atOnce = "16"

func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", atOnce); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// served is lulld itself, whose callers may do everything.
func served(t *testing.T, s lull.Store) http.Handler {
	t.Helper()
	srv, err := server.New(server.Options{Store: s, Guard: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(access.With(r.Context(), access.Everybody())))
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return srv.Handler()
}

// restful is served in a bubble, at whose end all that it does in the background is at rest.
func restful(t *testing.T, s lull.Store) http.Handler {
	t.Cleanup(func() { time.Sleep(10 * time.Second) })
	return served(t, s)
}

func TestLulldInFrontOfMemory(t *testing.T) {
	storetest.RunIn(t, synctest.Test, func(t *testing.T) storetest.Harness {
		all := hosts{"lulld": serveInMemory(t, restful(t, memstore.New()))}
		return storetest.Harness{
			Store: openInMemory(t, all), Other: openInMemory(t, all),
			Lease: 20 * time.Second, Sleep: time.Sleep, Rounds: 10,
		}
	})
}

// Two servers of one store: whoever asks one sees what was done by the other.
func TestTwoLulldInFrontOfMemory(t *testing.T) {
	storetest.RunIn(t, synctest.Test, func(t *testing.T) storetest.Harness {
		s := memstore.New()
		return storetest.Harness{
			Store: openInMemory(t, hosts{"one": serveInMemory(t, restful(t, s))}),
			Other: openInMemory(t, hosts{"two": serveInMemory(t, restful(t, s))}),
			Lease: 20 * time.Second, Sleep: time.Sleep, Rounds: 10,
		}
	})
}

// Time is real, and short.
func TestLulldInFrontOfFiles(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		t.Parallel()
		s, err := filestore.Open(t.TempDir(), filestore.Options{ByLease: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Shutdown(context.Background()) })
		web := serveInMemory(t, served(t, s))
		all := hosts{"lulld": web}
		return storetest.Harness{
			Store: openInMemory(t, all), Other: openInMemory(t, all),
			Lease: 2 * time.Second, Sleep: time.Sleep, Rounds: 10,
		}
	})
}
