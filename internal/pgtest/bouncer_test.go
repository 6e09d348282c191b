package pgtest_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lull-dev/lull/internal/pgtest"
)

func TestBouncerPoolsAsItIsTold(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	for mode, share := range map[string]bool{"": true, "statement": true, "session": false} {
		b := pgtest.NewBouncer(t, s, pgtest.BouncerConfig{PoolMode: mode})
		var backends [2]int
		for i, url := range []string{b.TCPURL("", ""), b.URL("", "")} {
			check(t, connect(t, url).QueryRow(t.Context(), "select pg_backend_pid()").Scan(&backends[i]))
		}
		if (backends[0] == backends[1]) != share {
			t.Errorf("pool mode %q: two clients have the backends %d", mode, backends)
		}
	}
}

func TestBouncerKnowsItsUsers(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	check(t, s.CreateUser(t.Context(), "app", ""))
	check(t, s.CreateUser(t.Context(), "stranger", ""))
	b := pgtest.NewBouncer(t, s, pgtest.BouncerConfig{Users: []string{"app"}, TLS: pgtest.NewCertificates(t)})
	ask(t, b.TCPURL("", "app"), "select current_user::text", "app") // verifies the certificate
	if _, err := pgx.Connect(t.Context(), b.TCPURL("", "stranger")); err == nil {
		t.Error("the stranger was let in")
	}
}

func TestBouncerRestarts(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	b := pgtest.NewBouncer(t, s, pgtest.BouncerConfig{Settings: map[string]string{"default_pool_size": "1"}})
	client := connect(t, b.TCPURL("", ""))
	check(t, client.Ping(t.Context()))
	check(t, b.Restart(t.Context()))
	if client.Ping(t.Context()) == nil {
		t.Error("the connection outlived PgBouncer")
	}
	ask(t, b.TCPURL("", ""), "select 1", 1)
	b.Stop()
	if _, err := pgx.Connect(t.Context(), b.TCPURL("", "")); err == nil {
		t.Error("stopped, and yet somebody answers")
	}
}
