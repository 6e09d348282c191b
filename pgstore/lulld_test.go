package pgstore

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/access"
	lulld "github.com/lull-dev/lull/internal/server"
	"github.com/lull-dev/lull/remotestore"
	"github.com/lull-dev/lull/storetest"
)

// Two servers in front of one database, and a caller at each.
func TestTwoLulldInFrontOfPostgres(t *testing.T) {
	var p pool
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		t.Parallel()
		c := p.take(t)
		return storetest.Harness{Store: c.served(t), Other: c.served(t), Lease: time.Minute, Sleep: c.sleep, Rounds: 5}
	})
}

// served is the schema behind a server, whose callers may do everything.
func (c *clocked) served(t *testing.T) lull.Store {
	t.Helper()
	s := openSchema(t, c.schema, "&lull_connections=8")
	s.vigil.now = c.now
	srv, err := lulld.New(lulld.Options{Store: s, Guard: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(access.With(r.Context(), access.Everybody())))
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(srv.Handler())
	remote, err := remotestore.Open(web.URL, remotestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = remote.Shutdown(context.Background())
		srv.Close()
		web.Close()
	})
	return remote
}
