package pgstore

import (
	"context"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/pgtest"
)

// TestEverythingInTheManualCanBeTyped runs each SQL block of docs/postgres.md, in a
// database of its own, where the schema has its usual name.
func TestEverythingInTheManualCanBeTyped(t *testing.T) {
	manual, err := os.ReadFile("../docs/postgres.md")
	if err != nil {
		t.Fatal(err)
	}
	s := newDatabase(t, "manual")
	ctx := t.Context()
	if _, _, err := s.Enter(ctx, lull.Pass{ID: lull.NewID(), Gate: lull.DefaultGate, Name: "nightly-report"}); err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllSubmatch(manual, -1)
	if len(blocks) < 4 {
		t.Fatalf("the manual has %d blocks of SQL", len(blocks))
	}
	for _, b := range blocks {
		c, err := server.Connect(ctx, "manual")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.PgConn().Exec(ctx, string(b[1])).ReadAll(); err != nil {
			t.Errorf("%v: %s", err, b[1])
		}
		_ = c.Close(ctx)
	}
	for kind, want := range map[lull.EventKind]int{lull.EventClosed: 1, lull.EventForced: 0, lull.EventReleased: 1, lull.EventOpened: 1} {
		got := 0
		for _, err := range s.Events(ctx, lull.Filter{Kinds: []lull.EventKind{kind}}) {
			if err != nil {
				t.Fatal(err)
			}
			got++
		}
		if got != want {
			t.Errorf("the manual's statements leave %d events %s, want %d", got, kind, want)
		}
	}
	if keep, err := pgtest.Value[string](ctx, server, "manual", "select keep_events::text from lull.setting"); err != nil || keep != "1 year" {
		t.Errorf("the history is kept for %q (%v)", keep, err)
	}
}

// newDatabase is a store in a database of its own.
func newDatabase(t testing.TB, name string) *Store {
	t.Helper()
	if err := server.CreateDatabase(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	s, err := Open(server.URL(name, ""))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
	})
	if _, err := s.Migrate(t.Context(), Latest); err != nil {
		t.Fatal(err)
	}
	return s
}
