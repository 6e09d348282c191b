package pgtest_test

import (
	"testing"

	"github.com/lull-dev/lull/internal/pgtest"
)

func TestPromotedStandbyHasANewTimelineAndMissesWhatItDidNotReceive(t *testing.T) {
	t.Parallel()
	primary := pgtest.NewServer(t, pgtest.Config{})
	check(t, primary.Exec(t.Context(), "", "create table n (n int)"))
	standby := pgtest.NewStandby(t, primary)
	check(t, primary.Exec(t.Context(), "", "insert into n values (1)"))
	check(t, standby.CatchUp(t.Context()))
	ask(t, standby.URL("", ""), "select count(*) from n", 1)
	ask(t, standby.URL("", ""), "select pg_is_in_recovery()", true)

	check(t, standby.StopReceiving(t.Context()))
	check(t, primary.Exec(t.Context(), "", "insert into n values (2)"))
	check(t, standby.Promote(t.Context()))
	check(t, standby.Exec(t.Context(), "", "insert into n values (3)"))
	ask(t, standby.TCPURL("", ""), "select string_agg(n::text, ' ' order by n) from n", "1 3")
	ask(t, primary.TCPURL("", ""), "select string_agg(n::text, ' ' order by n) from n", "1 2")
	for s, want := range map[*pgtest.Server]int{primary: 1, standby.Server: 2} {
		if got, err := s.Timeline(t.Context()); got != want || err != nil {
			t.Errorf("timeline %d, %v, want %d", got, err, want)
		}
	}
}
