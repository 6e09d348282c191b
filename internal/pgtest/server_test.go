package pgtest_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lull-dev/lull/internal/pgtest"
)

func TestServerAnswersOnItsSocketAndItsPort(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	check(t, s.CreateDatabase(t.Context(), "orders"))
	check(t, s.CreateUser(t.Context(), "app", ""))
	for _, url := range []string{s.URL("", ""), s.TCPURL("", ""), s.URL("orders", "app"), s.TCPURL("orders", "app")} {
		ask(t, url, "select 1", 1)
	}
	if v := value[string](t, s, "show server_version"); v != s.Version() && !strings.HasPrefix(v, s.Version()+" ") {
		t.Errorf("version %q, the server says %q", s.Version(), v)
	}
}

func TestPortNeedsThePassword(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	wrong := strings.Replace(s.TCPURL("", ""), pgtest.Password, "guess", 1)
	_, err := pgx.Connect(t.Context(), wrong)
	hasCode(t, err, "28P01") // invalid_password
}

func TestServersAreStrangers(t *testing.T) {
	t.Parallel()
	one, other := pgtest.NewServer(t, pgtest.Config{}), pgtest.NewServer(t, pgtest.Config{})
	check(t, one.CreateDatabase(t.Context(), "mine"))
	_, err := pgx.Connect(t.Context(), other.URL("mine", ""))
	hasCode(t, err, "3D000") // invalid_catalog_name
}

func TestOnDiskIsNotInMemory(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{OnDisk: true})
	if parent := cmp.Or(os.Getenv("TMPDIR"), "/var/tmp"); !strings.HasPrefix(s.DataDir(), parent) {
		t.Errorf("%s is not in %s", s.DataDir(), parent)
	}
	ask(t, s.URL("", ""), "show fsync", "on")
}

func TestFailedStartShowsTheLog(t *testing.T) {
	t.Parallel()
	_, err := pgtest.StartServer(t.Context(), pgtest.Config{Settings: map[string]string{"shared_bufers": "1GB"}})
	if err == nil || !strings.Contains(err.Error(), `unrecognized configuration parameter "shared_bufers"`) {
		t.Error(err)
	}
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := pgtest.StartServer(ctx, pgtest.Config{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", s, err)
	}
}

func TestTerminateBackendsEndsTheChosenSessions(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	check(t, s.CreateDatabase(t.Context(), "a"))
	a, b := connect(t, s.URL("a", "")), connect(t, s.URL("", ""))
	n, err := s.TerminateBackends(t.Context(), "datname = $1", "a")
	if n != 1 || err != nil {
		t.Errorf("%d sessions, %v", n, err)
	}
	if a.Ping(t.Context()) == nil {
		t.Error("the session in a still lives")
	}
	check(t, b.Ping(t.Context()))
}

// check fails the test at once.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	check(t, err)
	// A pooler in transaction mode knows no prepared statements.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(t.Context(), config)
	check(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// ask checks the answer to a query, in a session of its own.
func ask[T comparable](t *testing.T, url, sql string, want T) {
	t.Helper()
	conn := connect(t, url)
	defer conn.Close(t.Context())
	var got T
	if err := conn.QueryRow(t.Context(), sql).Scan(&got); err != nil || got != want {
		t.Errorf("%s: %v, %v, want %v", sql, got, err, want)
	}
}

func value[T any](t *testing.T, s *pgtest.Server, sql string, args ...any) T {
	t.Helper()
	v, err := pgtest.Value[T](t.Context(), s, "", sql, args...)
	check(t, err)
	return v
}

func hasCode(t *testing.T, err error, code string) {
	t.Helper()
	if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != code {
		t.Error(fmt.Errorf("not %s: %w", code, err))
	}
}
