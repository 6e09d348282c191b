package pgstore

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

// churn is how many jobs come and go in the test of what they leave behind.
var churn = flag.Int("churn", 5_000, "how many jobs come and go in the test of what they leave behind")

// manyInside puts passes into a gate, which the owner of each has just renewed.
func (s *session) manyInside(gate string, passes int) {
	s.Helper()
	s.enters(gate, gate+"-first", nil)
	s.do(fmt.Sprintf(`insert into SCHEMA.pass (id, gate_id, ticket, ttl, heard_at, sign, arrived_at, started_at, job)
		select '%[1]s-' || i, g.id, g.phase, '1 min', clock_timestamp(), nextval('SCHEMA.sign_of_life'), clock_timestamp(), clock_timestamp(),
			jsonb_build_object('name', 'job-' || i %% 40, 'command', jsonb_build_array('./report.sh', i::text), 'holder', jsonb_build_object('user', 'ann', 'host', 'node' || i %% 12, 'pid', i))
		from SCHEMA.gate g, generate_series(1, %[2]d) i where g.name = '%[1]s'; analyze SCHEMA.pass`, gate, passes-1))
}

// However many are inside, every verb works, and those that change the phase look at none
// of them: one counter is written.
func TestThousandsInside(t *testing.T) {
	t.Parallel()
	owner := newSession(t, newSchema(t))
	store := openSchema(t, owner.schema, "&lull_connections=1")
	s, plans := explained(t, owner.schema)
	ctx := t.Context()
	for _, passes := range []int{10, 10_000} {
		gate := fmt.Sprintf("gate-%d", passes)
		owner.manyInside(gate, passes)
		measured := func(what string, most int, do func()) {
			t.Helper()
			plans()
			began := time.Now()
			do()
			took := time.Since(began)
			rows, _ := looksAt(plans(), "pass")
			t.Logf("%6d inside: %-14s %8.2f ms %6d passes looked at", passes, what, float64(took.Microseconds())/1000, rows)
			if rows > most {
				t.Errorf("%s looks at %d passes, not %d at most", what, rows, most)
			}
		}
		watch := saw(latest) // nobody else is known to live, but all were heard a moment ago
		hold := object{"gate": gate, "id": "d-" + gate, "watch": watch}
		for range 3 { // the first of a connection compiles
			id := lull.NewID()
			measured("enter, leave", 3, func() {
				s.call("enter", entering(gate, id, nil))
				s.call("leave", object{"gate": gate, "id": id})
			})
		}
		measured("close", 0, func() { s.call("close", closing(gate, "d-"+gate, nil)) })
		measured("drain", 4*passes, func() { want(t, "count", s.call("drain", hold).Count, min(passes, 1000)) })
		measured("begin", 2*passes+2, func() { want(t, "begin", s.call("begin", hold).Error, "not drained") })
		measured("poll", 10, func() { s.call("poll", object{"gate": gate, "id": gate + "-7", "watch": watch}) })
		var renewed []string
		for i := range min(1000, passes) {
			renewed = append(renewed, fmt.Sprintf("%s-%d", gate, i))
		}
		measured("renew", 5*passes, func() {
			want(t, "renewed", len(s.call("renew", object{"gate": gate, "watch": watch, "passes": renewed}).Live), len(renewed)-1) // there is no 0
		})
		measured("stop", 0, func() { s.call("stop", hold) })
		measured("open", 0, func() { s.call("open", opening(gate, "d-"+gate)) })

		began := time.Now()
		snap, err := store.Snapshot(ctx, gate)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "inside", len(snap.Inside), passes)
		t.Logf("%6d inside: snapshot, in Go %v", passes, time.Since(began).Round(time.Millisecond))

		var refs []lull.LeaseRef
		for _, p := range snap.Inside[:min(1000, passes)] {
			refs = append(refs, lull.LeaseRef{Gate: gate, Pass: p.ID})
		}
		refs = append(refs, lull.LeaseRef{Gate: gate, Pass: "never-was"})
		states, err := store.Renew(ctx, refs)
		if err != nil {
			t.Fatal(err)
		}
		live := func(s lull.LeaseState) bool { return s.Live }
		want(t, "the one that never was is live", states[len(states)-1].Live, false)
		want(t, "the first lease that is not live", slices.IndexFunc(states, func(s lull.LeaseState) bool { return !live(s) }), len(refs)-1)
	}

	// Many wait: an opening writes one counter, and all are inside.
	owner.closes("waiting", "d", nil)
	owner.do(`insert into SCHEMA.pass (id, gate_id, ticket, ttl, heard_at, sign, arrived_at, job)
		select 'w' || i, g.id, 2, '1 min', clock_timestamp(), 1, clock_timestamp(), '{}' from SCHEMA.gate g, generate_series(1, 10000) i where g.name = 'waiting'`)
	plans()
	s.call("open", opening("waiting", "d"))
	rows, _ := looksAt(plans(), "pass")
	want(t, "passes that an opening looks at", rows, 0)
	want(t, "inside", owner.number("select inside from SCHEMA.status where gate = 'waiting'"), 10000)
}

// Ten thousand who died are buried, so many at a time, and drains go on.
func TestThousandsDead(t *testing.T) {
	t.Parallel()
	s := newSession(t, newSchema(t))
	s.manyInside("default", 10_000)
	s.closes("default", "d", nil)
	s.do("update SCHEMA.pass set ttl = '1 ms', heard_at = heard_at - interval '1 h'")
	dead := func() int { return 10_000 - s.number("select count(*) from SCHEMA.pass") }
	q := object{"gate": "default", "id": "d", "watch": saw(latest)}
	s.call("drain", q)
	want(t, "buried at once", dead(), 1000)
	drains := 1
	for began := time.Now(); s.call("drain", q).Count > 0 && time.Since(began) < soon; drains++ {
	}
	want(t, "drains", drains, 9)
	want(t, "buried", dead(), 10_000)
	want(t, "events", s.number("select count(*) from SCHEMA.event where kind = 'abandoned'"), 10_000)
	want(t, "begin", s.call("begin", q).Error, "")
}

// Jobs that come and go leave their events and nothing else: what they have freed is used
// again. The test is not parallel: what a transaction of another test may still see is not
// cleaned up.
func TestJobsThatComeAndGoLeaveNoBloat(t *testing.T) {
	s := newSession(t, newSchema(t))
	s.enters("default", "stays", nil)
	began := time.Now()
	round := func() {
		s.do(fmt.Sprintf(`do $$ begin for i in 1..%d loop
			perform SCHEMA.enter(jsonb_build_object('schema', 3, 'gate', 'default', 'pass', jsonb_build_object('id', gen_random_uuid(), 'name', 'j', 'lease', 60000000000, 'command', '["./report.sh"]'::jsonb,
				'holder', '{"user": "ann", "host": "node1", "pid": 1}'::jsonb)));
			perform SCHEMA.leave(jsonb_build_object('schema', 3, 'gate', 'default', 'id', (select id from SCHEMA.pass where id <> 'stays'), 'outcome', '{"exit_code": 0}'::jsonb));
			commit;
		end loop; end $$`, *churn/2))
	}
	pages := func() int { return s.number("select pg_relation_size('SCHEMA.pass') / 8192") }
	round()
	most := pages()
	s.do("vacuum SCHEMA.pass")
	round()
	t.Logf("%d jobs came and went in %v; the table of passes had %d pages at most, then %d", *churn, time.Since(began).Round(time.Millisecond), most, pages())
	want(t, "passes", s.number("select count(*) from SCHEMA.pass"), 1)
	want(t, "events", s.number("select count(*) from SCHEMA.event where kind = 'left'"), *churn/2*2)
	if pages() > most+8 {
		t.Errorf("what was freed is not used again: %d pages, then %d", most, pages())
	}
}

// A renewal writes no index: its new row stays in the page of the old one. The test is not
// parallel: what a transaction of another test may still see is not cleaned up.
// What an update leaves behind is only reused once no older snapshot is about. Autovacuum
// may have one, of any table, while it analyses: then the table grows, and is tried again.
func TestRenewalsStayWithinThePage(t *testing.T) {
	var before, after int
	for range 3 {
		if before, after = renewalsGrow(t); after <= 3*before {
			return
		}
	}
	t.Errorf("three times over: the table of passes was %d bytes, and is %d", before, after)
}

// renewalsGrow renews a thousand passes twenty times, and returns how large their table was
// and is.
func renewalsGrow(t *testing.T) (before, after int) {
	s := newSession(t, newSchema(t))
	s.manyInside("default", 1000)
	s.closes("default", "d", nil)
	var passes []string
	for i := range 1000 {
		passes = append(passes, fmt.Sprintf("default-%d", i))
	}
	before = s.number("select pg_relation_size('SCHEMA.pass')")
	for range 20 {
		s.call("renew", object{"gate": "default", "passes": passes, "holds": []string{"d"}})
	}
	after = s.number("select pg_relation_size('SCHEMA.pass')")
	t.Logf("the table of passes was %d kB, and is %d kB", before/1024, after/1024)
	s.do("select pg_stat_force_next_flush()")
	s.do("select 1") // when it has ended, the numbers are told
	for table, updates := range map[string]int{"pass": 20 * 999, "hold": 21} {
		all := s.number("select n_tup_upd from pg_stat_user_tables where relid = ('SCHEMA.' || $1::text)::regclass", table)
		hot := s.number("select n_tup_hot_upd from pg_stat_user_tables where relid = ('SCHEMA.' || $1::text)::regclass", table)
		t.Logf("%s: %d of %d updates within the page", table, hot, all)
		if all < updates || after <= 3*before && hot < all*9/10 {
			t.Errorf("%s: %d of %d updates within the page", table, hot, all)
		}
	}
	return before, after
}
