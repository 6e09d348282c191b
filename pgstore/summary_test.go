package pgstore

import (
	"fmt"
	"maps"
	"reflect"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

// TestSummariesAreWhatTheEventsSay holds Usual and Traffic equal to what the client
// works out of a store that has only Events.
func TestSummariesAreWhatTheEventsSay(t *testing.T) {
	schema := newSchema(t)
	// Of everything that decides: what ended how, whose part it was, long ago and just now.
	exec(t, fmt.Sprintf(`insert into %s.event (at, gate, kind, phase, ref, name, detail)
		select now() - (4000 - i) * interval '14 min 3 s', (array['a', 'b', 'rare'])[1 + least(i %% 41 / 20, 2)],
			(array['left', 'left', 'left', 'left', 'abandoned', 'timed_out', 'closed', 'queued', 'waited'])[1 + i * 7 %% 9],
			i / 10, 'id' || i, case when i * 7 %% 9 < 6 and i %% 13 > 0 then 'job' || i %% 7 end,
			jsonb_strip_nulls(jsonb_build_object('ran', (i * 7919::bigint) %% 1000 * 1000000, 'command', '["true"]'::jsonb,
				'exit_code', case when i %% 17 > 0 then i %% 3 / 2 end, 'part_of', case when i %% 5 = 0 then 'h' end,
				'hold', case when i * 7 %% 9 = 6 or i %% 29 = 0 then 'deployment' end, 'holder', jsonb_build_object('user', 'ann', 'host', 'web' || i %% 3)))
		from generate_series(1, 4000) i`, schema))
	store := openSchema(t, schema, "&lull_connections=1")
	sums, plain := clientOf(t, store), clientOf(t, struct{ lull.Store }{store})
	for _, gate := range []string{"a", "b", "rare", "never"} {
		got, err := sums.Usual(t.Context(), gate)
		want, plainErr := plain.Usual(t.Context(), gate)
		if err != nil || plainErr != nil {
			t.Fatal(err, plainErr)
		}
		if !maps.Equal(got, want) || gate == "a" && len(got) != 7 {
			t.Errorf("gate %s: usual is %v, the events say %v", gate, got, want)
		}
		for _, lately := range []time.Duration{0, 24 * time.Hour, time.Second} {
			got, err := sums.Traffic(t.Context(), gate, lately)
			want, plainErr := plain.Traffic(t.Context(), gate, lately)
			if err != nil || plainErr != nil {
				t.Fatal(err, plainErr)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("gate %s, lately %s: the traffic is %+v, the events say %+v", gate, lately, got, want)
			}
		}
	}
	busy, err := sums.Traffic(t.Context(), "a", 24*time.Hour)
	if err != nil || busy.Lately < 10 || busy.LastJob.Kind == "" || busy.LastClosing.Kind != lull.EventClosed {
		t.Errorf("%+v, %v: this test has nothing to compare", busy, err)
	}
}

func TestTrafficCountsNoFurtherThanItMatters(t *testing.T) {
	schema := newSchema(t)
	exec(t, fmt.Sprintf(`insert into %s.event (at, gate, kind, phase, ref, detail)
		select now(), 'a', 'left', 0, 'id' || i, '{}' from generate_series(1, %d) i`, schema, lull.MostLately+1))
	store := openSchema(t, schema, "")
	for _, c := range []*lull.Client{clientOf(t, store), clientOf(t, struct{ lull.Store }{store})} {
		if got, err := c.Traffic(t.Context(), "a", time.Hour); err != nil || got.Lately != lull.MostLately {
			t.Errorf("%d jobs, %v", got.Lately, err)
		}
	}
}

func clientOf(t *testing.T, s lull.Store) *lull.Client {
	t.Helper()
	c, err := lull.NewClient(s, lull.Options{Holder: lull.Holder{User: "ann", Host: "web1"}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
