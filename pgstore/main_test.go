package pgstore

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lull-dev/lull/internal/pgtest"
)

// server is the one that all tests share which do nothing to it.
var server *pgtest.Server

// atOnce is how many tests run at a time, however few processors there are: most of
// them wait for a lease to end.
const atOnce = "6"

func TestMain(m *testing.M) {
	status, is := instead()
	if !is {
		status = withServer(m)
	}
	os.Exit(status)
}

func withServer(m *testing.M) int {
	if err := flag.Set("test.parallel", atOnce); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s, err := pgtest.StartServer(context.Background(), pgtest.Config{Settings: map[string]string{"max_connections": "200"}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer s.Close()
	server = s
	return m.Run()
}

// schemas counts those that were made, to name them.
var schemas atomic.Int32

// newSchema makes a schema of its own, and returns its name.
func newSchema(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("lull%d", schemas.Add(1))
	s := openSchema(t, name, "")
	if _, err := s.Migrate(t.Context(), Latest); err != nil {
		t.Fatal(err)
	}
	return name
}

// openSchema is a store as another process would have it.
func openSchema(t testing.TB, schema, more string) *Store {
	t.Helper()
	s, err := Open(server.URL("postgres", "") + "&lull_schema=" + schema + more)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

func exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if err := server.Exec(t.Context(), "postgres", sql, args...); err != nil {
		t.Fatal(err)
	}
}
