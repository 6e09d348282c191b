package pgstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/lull-dev/lull/internal/pgtest"
)

// An administrator's limits, however low, keep nobody from passing: what they end is tried
// again.
func TestLowTimeoutsOfTheDatabase(t *testing.T) {
	for _, c := range []struct{ setting, value string }{
		{"lock_timeout", "1ms"},
		{"statement_timeout", "40ms"},
		{"idle_in_transaction_session_timeout", "1ms"},
		{"idle_session_timeout", "10ms"},
	} {
		t.Run(c.setting, func(t *testing.T) {
			t.Parallel()
			s := pgtest.NewServer(t, pgtest.Config{})
			w := newWorld(t, s)
			w.exec(fmt.Sprintf("alter database postgres set %s = '%s'", c.setting, c.value))
			// Ours look without.
			w.exec(fmt.Sprintf("alter role postgres set %s = 0", c.setting))
			w.no(s.CreateUser(t.Context(), "app", "superuser"))
			jobs, deployers := w.people(s.URL("", "app"))
			ctx := w.aWhile(3 * time.Second)
			w.crowd(ctx, jobs, deployers)
			w.onlyCasualtiesMet()
			w.leavesNothing()
			w.noConnections()
		})
	}
}
