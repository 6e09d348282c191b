package pgstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lull-dev/lull"
)

// historyLength is how many events are made up where only a few are read. A busy cluster
// has a million in 90 days.
var historyLength = flag.Int("events", 100_000, "how many events there are in the test of what questions about a long history cost")

// fillHistory makes up 90 days: jobs of some forty names at one busy gate, few at another,
// and hardly any at a third; a deployment every 500 events; and now and then a clock that
// was wrong by up to an hour.
const fillHistory = `
insert into SCHEMA.gate (name) values ('default'), ('staging'), ('rare');
insert into SCHEMA.event (at, gate, kind, phase, ref, name, detail)
select clock_timestamp() - interval '90 days' * (LENGTH - i) / LENGTH + case when i % 1000 = 7 then interval '1 h' * (random() - 1) else '0' end,
	case when i % 5000 = 17 then 'rare' when i % 20 = 3 then 'staging' else 'default' end,
	kind, i / 500 * 2, 'id' || i, case when of_job then 'job-' || (power(random(), 2) * 40)::int end,
	case when of_job then jsonb_strip_nulls(jsonb_build_object(
		'holder', jsonb_build_object('user', 'ann', 'host', 'node' || i % 12, 'pid', i % 30000),
		'command', jsonb_build_array('./report.sh', '--all', '--day', i::text),
		'part_of', case when i % 100 = 5 then 'id' || i / 500 * 500 end,
		'exit_code', case when kind = 'left' then case when random() < 0.03 then 1 else 0 end end,
		'ran', case when kind = 'left' then (random() * 3e11)::bigint end,
		'waited', case when kind = 'waited' then (random() * 1e11)::bigint end))
	else jsonb_build_object('holder', jsonb_build_object('user', 'deploy', 'host', 'web1', 'pid', i / 500),
		'reason', 'release ' || i / 500, 'hold', 'deployment') end
from (select i, kind, kind in ('left', 'waited', 'abandoned', 'timed_out') as of_job from (
	select i, case i % 500 when 1 then 'closed' when 2 then 'begun' when 8 then 'ended' when 9 then 'released' when 10 then 'opened'
		else case when i % 33 = 0 then 'waited' when i % 400 = 9 then 'abandoned' when i % 500 = 11 then 'timed_out' else 'left' end end as kind
	from generate_series(1, LENGTH) i) x) y;
analyze SCHEMA.event`

func newHistory(t *testing.T, length int) *session {
	t.Helper()
	s := newSession(t, newSchema(t))
	began := time.Now()
	s.do(strings.ReplaceAll(fillHistory, "LENGTH", fmt.Sprint(length)))
	t.Logf("%d events made in %v, %s and %s of indexes", length, time.Since(began).Round(time.Millisecond),
		one[string](s, "select pg_size_pretty(pg_relation_size('SCHEMA.event'))"), one[string](s, "select pg_size_pretty(pg_indexes_size('SCHEMA.event'))"))
	return s
}

// explained is a connection on which the server tells how it carries out every statement,
// those of functions, too.
func explained(t *testing.T, schema string) (s *session, plans func() []plan) {
	t.Helper()
	config, err := pgx.ParseConfig(server.URL("postgres", ""))
	if err != nil {
		t.Fatal(err)
	}
	var told []plan
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		_, text, ok := strings.Cut(n.Message, "plan:\n")
		if !ok {
			return
		}
		var p struct{ Plan plan }
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Errorf("%v: %s", err, text)
		}
		told = append(told, p.Plan)
	}
	c, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	s = &session{T: t, schema: schema, conn: c, pid: c.PgConn().PID()}
	s.do(`load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on; set auto_explain.log_analyze = on;
		set auto_explain.log_timing = off; set auto_explain.log_format = json; set auto_explain.log_level = notice`)
	return s, func() []plan {
		p := told
		told = nil
		return p
	}
}

// plan is how a statement is carried out.
type plan struct {
	Node    string  `json:"Node Type"`
	Table   string  `json:"Relation Name"`
	Index   string  `json:"Index Name"`
	Rows    float64 `json:"Actual Rows"` // of each time
	Times   float64 `json:"Actual Loops"`
	Removed float64 `json:"Rows Removed by Filter"`
	Checked float64 `json:"Rows Removed by Index Recheck"`
	Plans   []plan
}

// looksAt is how many rows of a table are looked at, and in which ways.
func looksAt(plans []plan, table string) (rows int, ways string) {
	var all []string
	var walk func([]plan)
	walk = func(plans []plan) {
		for _, p := range plans {
			if p.Table == table && p.Times > 0 {
				rows += int(p.Times * (p.Rows + p.Removed + p.Checked))
				all = append(all, p.Node+" "+p.Index)
			}
			walk(p.Plans)
		}
	}
	walk(plans)
	slices.Sort(all)
	return rows, strings.Join(slices.Compact(all), ", ")
}

// What people and commands ask of the history finds an index, and looks at few more rows
// than it tells of, however long the history is.
func TestQuestionsAboutALongHistoryLookAtFewEvents(t *testing.T) {
	t.Parallel()
	owner := newHistory(t, *historyLength)
	s, plans := explained(t, owner.schema)
	day := int64(24 * time.Hour)
	aDay := *historyLength / 90
	casualties := []string{"left", "abandoned", "timed_out"}
	around := []string{"closed", "begun", "ended", "crashed"}
	for _, q := range []struct {
		what, sql string
		most      int
	}{
		{"the newest 50", query("events", object{"gate": "default", "newest": 50}), 500},
		{"the newest 50 of all gates", query("events", object{"newest": 50}), 500},
		{"the newest 50 of a rare gate", query("events", object{"gate": "rare", "newest": 50}), max(500, *historyLength/2500)},
		{"the newest 50 of no gate", query("events", object{"gate": "none", "newest": 50}), 500},
		{"a page of 24 h", query("events", object{"gate": "default", "since": day}), 2*aDay + 5000},
		{"the newest 50 of 24 h", query("events", object{"gate": "default", "since": day, "newest": 50}), 500},
		{"a page of 30 days", query("events", object{"gate": "default", "since": 30 * day}), *historyLength/3 + 5000},
		{"a later page of 30 days", query("events", object{"gate": "default", "since": 30 * day, "after": *historyLength - *historyLength/10}), 6000},
		{"a job's newest 50", query("events", object{"gate": "default", "name": "job-7", "newest": 50}), 500},
		{"a job's 24 h", query("events", object{"gate": "default", "name": "job-7", "since": day}), 2*aDay + 5000},
		{"the newest of a job that never was", query("events", object{"gate": "default", "name": "nobody", "newest": 50}), 500},
		{"casualties of 24 h", query("events", object{"gate": "default", "kinds": casualties, "since": day}), 2*aDay + 5000},
		{"deployments around them", query("events", object{"gate": "default", "kinds": around, "since": 8 * day}), *historyLength/100 + 1000},
		{"a page of deployments", query("events", object{"gate": "default", "kinds": around}), *historyLength/100 + 5000},
		{"was I a casualty", query("events", object{"gate": "default", "name": "job-7", "kinds": []string{"left", "abandoned"}, "since": int64(6 * time.Minute)}), max(1000, *historyLength/20)},
		{"what was run again", query("events", object{"gate": "default", "kinds": []string{"rerun", "lost"}}), 100},
		{"usual", query("usual", object{"gate": "default"}), 10_000},
		{"usual of a rare gate", query("usual", object{"gate": "rare"}), 10_000},
		{"traffic", query("traffic", object{"gate": "default", "since": day}), 2*aDay + 1000},
		{"traffic of all time", query("traffic", object{"gate": "default"}), 12_000},
		{"traffic of a rare gate", query("traffic", object{"gate": "rare", "since": day}), 1000},
		{"traffic of no gate", query("traffic", object{"gate": "none", "since": day}), 10},
		{"who reads on", "select count(*) from SCHEMA.events_after('0', 0)", 2100},
		{"who has read all", "select count(*) from SCHEMA.events_after((select max(xid) from SCHEMA.event), (select max(id) from SCHEMA.event))", 100},
		{"forgetting, as a leave does", "set search_path = SCHEMA; set enable_seqscan = off; select forget(500); reset enable_seqscan", 1100},
		{"closing", query("close", closing("fresh", "d", nil)), 10},
		{"opening, which forgets", query("open", opening("fresh", "d")), 300},
	} {
		began := time.Now()
		s.do(q.sql)
		took := time.Since(began)
		rows, ways := looksAt(plans(), "event")
		t.Logf("%-36s %8.1f ms %8d events looked at: %s", q.what, float64(took.Microseconds())/1000, rows, ways)
		if strings.Contains(ways, "Seq Scan") || rows > q.most {
			t.Errorf("%s: %d events are looked at, not %d at most: %s", q.what, rows, q.most, ways)
		}
	}
}

// What the questions find is what is there, page by page.
func TestTheHistoryIsReadWhole(t *testing.T) {
	t.Parallel()
	look := newHistory(t, 30_000)
	s := openSchema(t, look.schema, "&lull_connections=1")
	for _, f := range []lull.Filter{
		{Gate: "default", Limit: 50},
		{Gate: "rare", Limit: 50},
		{Gate: "none"},
		{Limit: 3000},
		{Gate: "default", Since: 24 * time.Hour},
		{Gate: "default", Since: 10 * 24 * time.Hour},
		{Gate: "staging"},
		{Since: 24 * time.Hour, Limit: 7},
		{Gate: "default", Name: "job-7"},
		{Gate: "default", Name: "job-7", Since: 5 * 24 * time.Hour},
		{Gate: "default", Kinds: []lull.EventKind{lull.EventClosed, lull.EventBegun, lull.EventEnded, lull.EventCrashed}},
		{Gate: "default", Kinds: []lull.EventKind{lull.EventLeft, lull.EventAbandoned, lull.EventTimedOut}, Since: 3 * 24 * time.Hour},
		{Gate: "default", Since: time.Microsecond},
	} {
		var kindsWanted []string
		for _, k := range f.Kinds {
			kindsWanted = append(kindsWanted, string(k))
		}
		wanted := func() []string {
			ids, err := tryOne[[]string](look, `select coalesce(array_agg(ref order by id), '{}') from (select * from SCHEMA.event where ($1 = '' or gate = $1) and ($2 = '' or name = $2)
				and ($3::text[] is null or kind = any($3)) and ($4::bigint = 0 or at >= clock_timestamp() - $4 * interval '1 us')
				order by id desc limit $5) e`, f.Gate, f.Name, kindsWanted, f.Since.Microseconds(), cmp.Or(f.Limit, 1<<30))
			if err != nil {
				t.Fatal(err)
			}
			return ids
		}
		for {
			before := wanted()
			var found []string
			for e, err := range s.Events(t.Context(), f) {
				if err != nil {
					t.Fatal(err)
				}
				found = append(found, e.ID)
			}
			if slices.Equal(before, found) {
				break
			}
			if slices.Equal(before, wanted()) { // else time went on, and one grew too old
				t.Errorf("%+v: %d events, and not %d", f, len(found), len(before))
				break
			}
		}
	}

	usual, err := s.Usual(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	var medians []byte
	if err := look.conn.QueryRow(t.Context(), look.in(`select jsonb_object_agg(name, ran) from (
		select name, (array_agg(ran order by ran))[count(*) / 2 + 1] as ran from (
			select name, (detail->>'ran')::bigint as ran, row_number() over (partition by name order by id desc) as back from SCHEMA.event
			where gate = 'default' and kind = 'left' and detail->>'exit_code' = '0' and at >= clock_timestamp() - interval '30 days') e
		where back <= 50 group by name) m`)).Scan(&medians); err != nil {
		t.Fatal(err)
	}
	var wanted map[string]time.Duration
	if err := json.Unmarshal(medians, &wanted); err != nil {
		t.Fatal(err)
	}
	want(t, "names", len(usual), len(wanted))
	for name, d := range wanted {
		want(t, "how long "+name+" usually runs", usual[name], d)
	}

	for _, since := range []time.Duration{time.Hour, 24 * time.Hour, 0} {
		traffic, err := s.Traffic(t.Context(), "default", since)
		if err != nil {
			t.Fatal(err)
		}
		jobs := look.number(`select count(*) from SCHEMA.event where gate = 'default' and kind in ('left', 'abandoned', 'timed_out')
			and not detail ? 'part_of' and not detail ? 'hold' and ($1::bigint = 0 or at >= clock_timestamp() - $1 * interval '1 us')`, since.Microseconds())
		if got := traffic.Lately; got < min(jobs, 10_000) || got > min(jobs+20, 10_000) {
			t.Errorf("jobs within %v: %d, and not %d", since, got, jobs)
		}
		want(t, "the last closing", traffic.LastClosing.ID, one[string](look, "select ref from SCHEMA.event where gate = 'default' and kind = 'closed' order by id desc limit 1"))
		if traffic.LastJob.PartOf != "" || traffic.LastJob.ID == "" {
			t.Errorf("the last job: %+v", traffic.LastJob)
		}
	}

	c, err := lull.NewClient(s, lull.Options{})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	events, err := c.History(t.Context(), lull.Filter{Gate: "default", Since: 3 * 24 * time.Hour, Kinds: []lull.EventKind{lull.EventLeft, lull.EventAbandoned}})
	if err != nil {
		t.Fatal(err)
	}
	casualties := slices.DeleteFunc(events, func(e lull.Event) bool { return !e.Casualty })
	t.Logf("%d casualties in 3 days found in %v", len(casualties), time.Since(began).Round(time.Millisecond))
	if len(casualties) == 0 {
		t.Error("no casualties, though there are jobs while commands run")
	}
}

// A job that runs rarely, among others that run often, is not looked for among theirs: the
// planner, which knows averages only, would do so.
func TestARareJobIsFoundAmongFrequentOnes(t *testing.T) {
	t.Parallel()
	owner := newSession(t, newSchema(t))
	owner.do(`insert into SCHEMA.event (at, gate, kind, phase, ref, name, detail)
		select clock_timestamp() - interval '90 days' * (30000 - i) / 30000, 'default', 'left', 0, 'id' || i, case when i < 20 then 'rare' else 'frequent' end, '{"exit_code": 0, "ran": 5}'
		from generate_series(1, 30000) i; analyze SCHEMA.event`)
	s, plans := explained(t, owner.schema)
	s.do(query("usual", object{"gate": "default"}))
	if rows, ways := looksAt(plans(), "event"); rows > 200 {
		t.Errorf("usual looks at %d events: %s", rows, ways)
	}
	s.do(query("events", object{"gate": "default", "name": "rare", "newest": 50}))
	if rows, ways := looksAt(plans(), "event"); rows > 200 {
		t.Errorf("a job's newest events: %d are looked at: %s", rows, ways)
	}
}

// Whoever reads on with events_after meets each event once, of many writers, some of which
// are slow, and some give up.
func TestReadingOnBesideManyWriters(t *testing.T) {
	t.Parallel()
	schema := newSchema(t)
	const writers, each = 8, 60
	var mu sync.Mutex
	written := map[string]bool{}
	var all sync.WaitGroup
	for w := range writers {
		s := newSession(t, schema)
		all.Go(func() {
			for i := range each {
				var ids []string
				s.do("begin")
				for range 1 + rand.IntN(3) {
					id := fmt.Sprintf("w%d-%d-%d", w, i, len(ids))
					s.call("record", object{"event": object{"gate": "default", "event": "rerun", "id": id}})
					ids = append(ids, id)
					if w == 0 { // this one is slow
						s.do("select pg_sleep($1)", rand.Float64()*0.02)
					}
				}
				if rand.IntN(4) == 0 {
					s.do("rollback")
					continue
				}
				s.do("commit")
				mu.Lock()
				for _, id := range ids {
					written[id] = true
				}
				mu.Unlock()
			}
		})
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		all.Wait()
	}()

	reader := newSession(t, schema)
	read := map[string]bool{}
	byNumber, lost, cursor := map[string]bool{}, 0, 0
	xid, id := "0", 0
	over := false
	for began := time.Now(); ; {
		rows, err := reader.conn.Query(t.Context(), reader.in("select a.xid::text, a.id, event->>'id' from SCHEMA.events_after($1::text::xid8, $2, 7) a order by a.xid, a.id"), xid, id)
		if err != nil {
			t.Fatal(err)
		}
		var ref string
		if _, err := pgx.ForEachRow(rows, []any{&xid, &id, &ref}, func() error {
			if read[ref] {
				return errors.New(ref + " was told twice")
			}
			read[ref] = true
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		// Beside it, who goes by the number alone.
		rows, _ = reader.conn.Query(t.Context(), reader.in("select id, ref from SCHEMA.event where id > $1 order by id"), cursor)
		if _, err := pgx.ForEachRow(rows, []any{&cursor, &ref}, func() error { byNumber[ref] = true; return nil }); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		done := over && len(read) >= len(written)
		mu.Unlock()
		if done {
			break
		}
		if time.Since(began) > soon {
			t.Fatalf("%d of %d events were told", len(read), len(written))
		}
		select {
		case <-ended:
			over = true
		default:
		}
	}
	for ref := range written {
		if !read[ref] {
			t.Errorf("%s was not told", ref)
		}
		if !byNumber[ref] {
			lost++
		}
	}
	want(t, "events that were told", len(read), len(written))
	t.Logf("of %d events, who goes by the number alone would have lost %d", len(written), lost)
}

// What is too old goes by and by, as the gate is used, and nothing else does.
func TestOldEventsAreForgottenByAndBy(t *testing.T) {
	t.Parallel()
	s := newSession(t, newSchema(t))
	s.do(`insert into SCHEMA.event (at, gate, kind, phase, ref, detail)
		select clock_timestamp() - case when i <= 1000 and i <> 50 then interval '91 days' else '89 days' end, 'default', 'left', 0, 'old' || i, '{}' from generate_series(1, 1201) i`)
	old := func() int {
		return s.number("select count(*) from SCHEMA.event where at < clock_timestamp() - interval '90 days'")
	}
	young := func() int { return s.number("select count(*) from SCHEMA.event where ref like 'old%'") - old() }
	cycle := func() {
		s.closes("default", "d", nil)
		s.call("open", opening("default", "d"))
	}
	cycle()
	want(t, "old events after an opening: it looks at a hundred, of which one is young", old(), 900)

	// Two at once do not wait for each other, and forget no more than they may.
	other := newSession(t, s.schema)
	other.do("set search_path = SCHEMA; begin; select forget(100)")
	cycle()
	want(t, "old events after an opening beside another", old(), 900)
	other.do("commit")
	want(t, "old events after both", old(), 801)

	// A leave does it once in a hundred times: this seed makes it so.
	seed := one[float64](s, `select x from (select i / 10000.0::float8 as x from generate_series(1, 10000) i) s, lateral (select setseed(x) is not null as set) y,
		lateral (select random() as r where set) z where r < 0.005 limit 1`)
	leaves := func() {
		s.enters("default", "j", nil)
		s.do("select setseed($1)", seed)
		s.call("leave", object{"gate": "default", "id": "j"})
	}
	leaves()
	want(t, "old events after a leave", old(), 302)
	want(t, "its event", s.events("j"), "left")
	leaves()
	want(t, "old events after another", old(), 0)
	leaves()
	cycle()
	want(t, "events that are not too old", young(), 202)

	// How old is too old is the owner's to say.
	s.do("update SCHEMA.setting set keep_events = '1 day'")
	cycle()
	want(t, "events that are not too old", young(), 102)
	cycle()
	cycle()
	want(t, "events that are not too old", young(), 0)
	want(t, "events of today", s.number("select count(*) from SCHEMA.event where at > clock_timestamp() - interval '1 h'") > 10, true)
}
