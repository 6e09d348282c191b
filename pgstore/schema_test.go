package pgstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/pgtest"
)

// unmigrated is a store of a schema that does not exist.
func unmigrated(t *testing.T) *Store {
	t.Helper()
	return openSchema(t, fmt.Sprintf("lull%d", schemas.Add(1)), "")
}

func migrate(t *testing.T, s *Store, version int64) []Migration {
	t.Helper()
	taken, err := s.Migrate(t.Context(), version)
	if err != nil {
		t.Fatalf("migrate to %d: %v", version, err)
	}
	return taken
}

// isAt says at which version the database is.
func isAt(t *testing.T, s *Store, version int64) {
	t.Helper()
	steps, found, err := s.Migrations(t.Context())
	if err != nil || found != version {
		t.Fatalf("the schema is at %d, %v, and not at %d", found, err, version)
	}
	for _, m := range steps {
		want(t, m.Name+" is applied", m.Applied, m.Version <= version)
	}
}

// wantSetup wants an error that a person must see to, which says all of these.
func wantSetup(t *testing.T, about string, err error, says ...string) {
	t.Helper()
	setup, ok := errors.AsType[*lull.SetupError](err)
	if !ok {
		t.Errorf("%s: %v is for nobody to see to", about, err)
		return
	}
	for _, text := range says {
		if !strings.Contains(setup.Error()+"\n"+setup.Hint, text) {
			t.Errorf("%s: %v, hint %q: it does not say %q", about, err, setup.Hint, text)
		}
	}
}

// worksOnce takes a gate through its ways once.
func worksOnce(t *testing.T, s *Store, gate string) {
	t.Helper()
	ctx := t.Context()
	no := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	pass, hold := lull.PassRef{Gate: gate, ID: lull.NewID()}, lull.HoldRef{Gate: gate, ID: lull.NewID()}
	_, _, err := s.Enter(ctx, lull.Pass{ID: pass.ID, Gate: gate, Name: "j"})
	no("enter", err)
	_, _, err = s.Close(ctx, lull.Hold{ID: hold.ID, Gate: gate, Kind: lull.Deployment})
	no("close", err)
	_, err = s.Renew(ctx, []lull.LeaseRef{{Gate: gate, Pass: pass.ID}, {Gate: gate, Hold: hold.ID}})
	no("renew", err)
	_, _, err = s.Poll(ctx, pass)
	no("poll", err)
	d, err := s.Drain(ctx, hold)
	no("drain", err)
	want(t, "jobs to wait for", d.Count, 1)
	_, err = s.Leave(ctx, pass, lull.Outcome{})
	no("leave", err)
	no("begin", s.Begin(ctx, hold, lull.Start{}))
	_, err = s.Extend(ctx, hold, lull.Extension{Limit: time.Hour})
	no("extend", err)
	_, err = s.Snapshot(ctx, gate)
	no("snapshot", err)
	_, err = s.Open(ctx, hold, lull.Outcome{})
	no("open", err)
	_, err = s.Gates(ctx)
	no("gates", err)
	want(t, "events", kinds(t, s, gate), "closed left begun extended ended released opened")
}

// kinds is what happened at a gate.
func kinds(t *testing.T, s *Store, gate string) string {
	t.Helper()
	var all []string
	for e, err := range s.Events(t.Context(), lull.Filter{Gate: gate}) {
		if err != nil {
			t.Error(err)
			break
		}
		all = append(all, string(e.Kind))
	}
	return strings.Join(all, " ")
}

func TestMigrateFromNothingUpAndDown(t *testing.T) {
	t.Parallel()
	s := unmigrated(t)
	isAt(t, s, 0)
	names := func(steps []Migration) string {
		var all []string
		for _, m := range steps {
			all = append(all, fmt.Sprintf("%d %v", m.Version, m.Applied))
		}
		return strings.Join(all, ", ")
	}
	want(t, "steps from nothing", names(migrate(t, s, Latest)), "1 true, 2 true, 3 true")
	isAt(t, s, schemaVersion)
	want(t, "steps when there is nothing to do", names(migrate(t, s, Latest)), "")
	worksOnce(t, s, "default")
	pass := lull.PassRef{Gate: "kept", ID: "kept"}
	if _, _, err := s.Enter(t.Context(), lull.Pass{ID: "kept", Gate: "kept"}); err != nil {
		t.Fatal(err)
	}

	for version := int64(schemaVersion - 1); version >= 1; version-- {
		migrate(t, s, version)
		isAt(t, s, version)
		for e, err := range s.Events(t.Context(), lull.Filter{}) {
			wantSetup(t, "the history, of an older schema", err, quoted(s.address.schema), "older", "lull migrate")
			want(t, "event", e.ID, "")
		}
		_, _, err := s.Poll(t.Context(), pass)
		wantSetup(t, "a verb, of an older schema", err, quoted(s.address.schema), "older", "lull migrate")
		migrate(t, s, Latest)
		isAt(t, s, schemaVersion)
		if _, _, err := s.Poll(t.Context(), pass); err != nil {
			t.Errorf("what was there before: %v", err)
		}
		want(t, "the history", kinds(t, s, "default"), "closed left begun extended ended released opened")
		worksOnce(t, s, fmt.Sprintf("after-%d", version))
	}

	want(t, "steps to nothing", names(migrate(t, s, 0)), "3 false, 2 false, 1 false")
	isAt(t, s, 0)
	look := newSession(t, s.address.schema)
	want(t, "what is left", one[string](look, `select coalesce(string_agg(relname, ' '), '') from pg_class where relnamespace = 'SCHEMA'::regnamespace and relkind <> 'i'
		and relname not like 'migration%'`), "")
	want(t, "functions that are left", look.number("select count(*) from pg_proc where pronamespace = 'SCHEMA'::regnamespace"), 0)
	_, _, err := s.Poll(t.Context(), pass)
	wantSetup(t, "a verb, after all", err, quoted(s.address.schema), "lull migrate")
	migrate(t, s, Latest)
	worksOnce(t, s, "default")
}

// However many migrate at once, each step is taken once, and all are content.
func TestManyMigrateAtOnce(t *testing.T) {
	t.Parallel()
	for range 2 {
		s := unmigrated(t)
		var mu sync.Mutex
		var taken []int64
		at := func(version int64) {
			var all sync.WaitGroup
			for range 6 {
				other := openSchema(t, s.address.schema, "")
				all.Go(func() {
					steps, err := other.Migrate(t.Context(), version)
					if err != nil {
						t.Errorf("migrate to %d: %v", version, err)
					}
					mu.Lock()
					defer mu.Unlock()
					for _, m := range steps {
						taken = append(taken, m.Version)
					}
				})
			}
			all.Wait()
			slices.Sort(taken)
			want(t, "steps", fmt.Sprint(taken), "[1 2 3]")
			taken = nil
		}
		at(Latest)
		isAt(t, s, schemaVersion)
		worksOnce(t, s, "default")
		at(0)
		isAt(t, s, 0)
	}
}

// PgBouncer gives each transaction to another server process.
func TestMigrateBehindAPooler(t *testing.T) {
	t.Parallel()
	b := pgtest.NewBouncer(t, server, pgtest.BouncerConfig{})
	s, err := Open(b.URL("postgres", "") + "&lull_schema=" + unmigrated(t).address.schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	migrate(t, s, Latest)
	isAt(t, s, schemaVersion)
	worksOnce(t, s, "default")
	migrate(t, s, 1)
	migrate(t, s, Latest)
	worksOnce(t, s, "again")
	migrate(t, s, 0)
	isAt(t, s, 0)
}

func TestAMissingSchemaIsExplained(t *testing.T) {
	t.Parallel()
	s := unmigrated(t)
	ctx := t.Context()
	_, _, err := s.Enter(ctx, lull.Pass{ID: "j", Gate: "default"})
	wantSetup(t, "enter", err, quoted(s.address.schema), "lull migrate")
	_, err = s.Snapshot(ctx, "default")
	wantSetup(t, "snapshot", err, quoted(s.address.schema), "lull migrate")
	for _, err := range s.Events(ctx, lull.Filter{}) {
		wantSetup(t, "events", err, quoted(s.address.schema), "lull migrate")
	}

	// There is a schema of that name, but none of lull's.
	exec(t, "create schema "+s.address.schema)
	_, _, err = s.Enter(ctx, lull.Pass{ID: "j", Gate: "default"})
	wantSetup(t, "enter", err, quoted(s.address.schema), "lull migrate")
	migrate(t, s, Latest) // it is no hindrance
	worksOnce(t, s, "default")
}

// later brings a schema to a version that does not exist yet. Its functions are replaced
// with it, but a column that they do not know must not insist on a value.
const later = `
	insert into SCHEMA.migration (version_id, is_applied) values (4, true);
	create or replace function SCHEMA.schema_version() returns int language sql immutable as 'select 4';
	alter table SCHEMA.pass add column weight int default 1;
	alter table SCHEMA.hold add column team text`

func TestALaterSchemaServesUsOrSaysThatItDoesNot(t *testing.T) {
	t.Parallel()
	schema := newSchema(t)
	s, owner := openSchema(t, schema, ""), newSession(t, schema)
	worksOnce(t, s, "before")
	owner.do(later)
	for _, f := range []string{"answer(text, jsonb)", "pass_json(SCHEMA.pass, text, boolean)", "gate_json(SCHEMA.gate, boolean)"} {
		text := one[string](owner, "select pg_get_functiondef('SCHEMA."+f+"'::regprocedure)")
		replaced := strings.Replace(text, "jsonb_build_object(", "jsonb_build_object('of_a_later_release', '{\"x\": [1]}'::jsonb, ", 1)
		if replaced == text {
			t.Fatalf("cannot add a key to %s", text)
		}
		owner.do("set search_path = SCHEMA; " + replaced + "; reset search_path")
	}
	if said := one[string](owner, query("poll", object{"gate": "before", "id": "x"})+"::text"); !strings.Contains(said, "of_a_later_release") {
		t.Fatalf("the answer has no new key: %s", said)
	}

	isAt(t, s, 4)
	worksOnce(t, s, "after")
	want(t, "steps", len(migrate(t, s, Latest)), 0)
	isAt(t, s, 4)

	owner.do("create or replace function SCHEMA.oldest_client() returns int language sql immutable as 'select 4'")
	for what, err := range map[string]error{
		"enter": second(s.Enter(t.Context(), lull.Pass{ID: "j", Gate: "default"})),
		"begin": s.Begin(t.Context(), lull.HoldRef{Gate: "default", ID: "d"}, lull.Start{}),
	} {
		wantSetup(t, what, err, quoted(schema), "update lull")
	}
	want(t, "passes", owner.number("select count(*) from SCHEMA.pass"), 0)

	// Nor can it be taken down by who does not know it.
	if _, err := s.Migrate(t.Context(), 0); err == nil {
		t.Error("a later schema was taken away")
	}
	isAt(t, s, 4)

	// It may have other functions altogether.
	owner.do("drop function SCHEMA.enter(jsonb)")
	wantSetup(t, "enter", second(s.Enter(t.Context(), lull.Pass{ID: "j", Gate: "default"})), quoted(schema), "update lull")
}

func second(_ lull.Pass, _ lull.Gate, err error) error { return err }

// An older schema may have all the functions, and says that it is older.
func TestAnOlderSchemaSaysSo(t *testing.T) {
	t.Parallel()
	schema := newSchema(t)
	s, owner := openSchema(t, schema, ""), newSession(t, schema)
	owner.do(`delete from SCHEMA.migration where version_id = 3;
		create or replace function SCHEMA.schema_version() returns int language sql immutable as 'select 2'`)
	wantSetup(t, "enter", second(s.Enter(t.Context(), lull.Pass{ID: "j", Gate: "default"})), quoted(schema), "older", "lull migrate")
	owner.do("drop function SCHEMA.enter(jsonb)")
	wantSetup(t, "enter", second(s.Enter(t.Context(), lull.Pass{ID: "j", Gate: "default"})), quoted(schema), "older", "lull migrate")
}

// A job's role cannot look up the version. It is told what it needs to know all the same.
func TestAJobRoleIsToldWhatIsWrongWithTheSchema(t *testing.T) {
	t.Parallel()
	schema := newSchema(t)
	owner := newSession(t, schema)
	s, err := Open(server.URL("postgres", newRole(t, schema, "job")) + "&lull_schema=" + schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	enter := func() error { return second(s.Enter(t.Context(), lull.Pass{ID: "j", Gate: "default"})) }

	owner.do("alter function SCHEMA.enter(jsonb) rename to entered")
	wantSetup(t, "a function is missing", enter(), quoted(schema), "lull migrate")
	owner.do("alter function SCHEMA.entered(jsonb) rename to enter; create or replace function SCHEMA.schema_version() returns int language sql immutable as 'select 2'")
	wantSetup(t, "an older schema", enter(), quoted(schema), "older", "lull migrate")
	owner.do("revoke usage on schema SCHEMA from " + schema + "_job")
	wantSetup(t, "no right to use the schema", enter(), "grant_job")
	owner.do("drop schema SCHEMA cascade")
	wantSetup(t, "no schema", enter(), quoted(schema), "lull migrate")
}

// Two schemas in one database have gates of their own. Gates of one name have one lock,
// which costs a wait and nothing else.
func TestSchemasDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	one, two := newSchema(t), newSchema(t)
	a, b := openSchema(t, one, "&lull_listen=on"), openSchema(t, two, "&lull_listen=on")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	told, err := b.Changed(ctx, "default")
	if err != nil {
		t.Fatal(err)
	}
	isTold(t, told) // it listens
	if _, _, err := a.Close(ctx, lull.Hold{ID: "d", Gate: "default", Kind: lull.Deployment}); err != nil {
		t.Fatal(err)
	}
	p, g, err := b.Enter(ctx, lull.Pass{ID: "j", Gate: "default"})
	if err != nil || !g.Phase.Admits(p.Ticket) || len(g.Holds) != 0 {
		t.Errorf("the other schema's gate: %+v, %+v, %v", p, g, err)
	}
	want(t, "history there", kinds(t, b, "default"), "")
	if d, err := a.Drain(ctx, lull.HoldRef{Gate: "default", ID: "d"}); err != nil || !d.Drained {
		t.Errorf("drain: %+v, %v", d, err)
	}

	s := newSession(t, one)
	s.do("begin")
	s.closes("shared-name", "e", nil)
	other := newSession(t, two)
	other.starts("enter", entering("other-name", "k", nil)).gives()
	waits := other.starts("enter", entering("shared-name", "k2", nil)).blocked(s)
	s.do("commit")
	want(t, "ticket", waits.gives().Pass.Ticket, 0)

	select {
	case <-told:
		t.Error("what happens in one schema is told in the other")
	default:
	}
	if _, _, err := b.Close(ctx, lull.Hold{ID: "d", Gate: "default", Kind: lull.Deployment}); err != nil {
		t.Fatal(err)
	}
	isTold(t, told)
	migrate(t, b, 0)
	worksOnce(t, a, "still-there")
}

// isTold waits until a change is told.
func isTold(t *testing.T, changed <-chan struct{}) {
	t.Helper()
	select {
	case <-changed:
	case <-time.After(soon):
		t.Fatal("no change is told")
	}
}
