package pgstore

import (
	"errors"
	"strings"
	"testing"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/pgtest"
)

// TestPoolingByStatementIsRefusedAtTheFirstCall, and the two others are not.
func TestPoolingByStatementIsRefusedAtTheFirstCall(t *testing.T) {
	schema := newSchema(t)
	for mode, refused := range map[string]bool{"statement": true, "transaction": false, "session": false} {
		b := pgtest.NewBouncer(t, server, pgtest.BouncerConfig{PoolMode: mode})
		s, err := Open(b.URL("postgres", "") + "&lull_schema=" + schema)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = s.Enter(t.Context(), lull.Pass{ID: lull.NewID(), Gate: lull.DefaultGate})
		_, setup := errors.AsType[*lull.SetupError](err)
		switch {
		case refused && (!setup || !strings.Contains(err.Error(), "PgBouncer pools by statement here")):
			t.Errorf("through pool_mode = %s: %v", mode, err)
		case !refused && err != nil:
			t.Errorf("through pool_mode = %s: %v", mode, err)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
