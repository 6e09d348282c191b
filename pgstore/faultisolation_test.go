package pgstore

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/lull-dev/lull/internal/pgtest"
	"github.com/lull-dev/lull/storetest"
)

// Where the server's isolation is another one, everything is as always, behind a pooler
// too: each call asks for the one that it needs.
func TestStoreUnderAnotherIsolation(t *testing.T) {
	for isolation, pooled := range map[string]bool{"repeatable read": true, "serializable": false} {
		t.Run(isolation, func(t *testing.T) {
			t.Parallel()
			role := fmt.Sprintf("isolated%d", schemas.Add(1))
			if err := server.CreateUser(t.Context(), role, "superuser"); err != nil {
				t.Fatal(err)
			}
			exec(t, fmt.Sprintf("alter role %s set default_transaction_isolation = '%s'", role, isolation))
			url := server.URL("", role)
			if pooled {
				url = pgtest.NewBouncer(t, server, pgtest.BouncerConfig{Users: []string{role}}).URL("", role)
			}
			var p pool
			storetest.Run(t, func(t *testing.T) storetest.Harness {
				t.Parallel()
				c := p.take(t)
				open := func() *Store {
					s, err := Open(url + "&lull_schema=" + c.schema + "&lull_connections=4")
					if err != nil {
						t.Fatal(err)
					}
					s.vigil.now = c.now
					t.Cleanup(func() {
						ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
						defer cancel()
						if err := s.Shutdown(ctx); err != nil {
							t.Error(err)
						}
					})
					return s
				}
				return storetest.Harness{Store: open(), Other: open(), Lease: time.Minute, Sleep: c.sleep, Workers: 4, Rounds: 2}
			})
		})
	}
}

// Database-wide, with migrations and all, through clients.
func TestDatabaseUnderAnotherIsolation(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{Settings: map[string]string{"default_transaction_isolation": "serializable"}})
	b := pgtest.NewBouncer(t, s, pgtest.BouncerConfig{})
	w := newWorld(t, s)
	jobs, _ := w.people(s.URL("", ""))
	_, deployers := w.people(b.TCPURL("", ""))
	ctx := w.aWhile(3 * time.Second)
	w.crowd(ctx, jobs, deployers)
	w.nobodyMet()
	w.nothingWasLost()
	w.leavesNothing()
}
