package pgstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lull-dev/lull"
)

// What each kind of role may call. Whoever adds a verb says here who may call it.
var (
	jobVerbs    = []string{"enter", "events", "force", "gates", "inspect", "leave", "poll", "poll_all", "renew", "traffic", "usual"}
	viewVerbs   = []string{"events", "events_after", "gates", "inspect", "snapshot", "traffic", "usual"}
	deployVerbs = []string{"begin", "close", "drain", "extend", "open", "record", "stop"}
)

// newRole makes one that may log in, and grants it something.
func newRole(t *testing.T, schema, grant string) string {
	t.Helper()
	role := schema + "_" + grant
	exec(t, "create role "+role+" login")
	if grant != "none" {
		exec(t, fmt.Sprintf("select %s.grant_%s('%s')", schema, grant, role))
	}
	return role
}

// isRefused says that the role lacks the right.
func isRefused(t *testing.T, s *session, sql string) {
	t.Helper()
	if err := s.try(sql); !isCode(err, noPrivilege) {
		t.Errorf("%s: %v, and not that the right is missing", sql, err)
	}
}

const callable = `select coalesce(string_agg(proname, ' ' order by proname), '') from pg_proc
	where pronamespace = 'SCHEMA'::regnamespace and has_function_privilege($1::text, oid, 'execute')`

// PostgreSQL lets everybody execute a new function, and a schema's default privileges
// cannot change that. So a migration that makes one must revoke it, as this test will say.
func TestPublicMayCallNothing(t *testing.T) {
	t.Parallel()
	s := newSession(t, newSchema(t))
	want(t, "functions", one[string](s, callable, "public"), "read_committed")
	want(t, "tables, views and sequences", one[string](s, `select coalesce(string_agg(relname, ' '), '') from pg_class c, unnest('{select,insert,update,delete,truncate,references,trigger}'::text[]) p
		where relnamespace = 'SCHEMA'::regnamespace and (relkind in ('r', 'v', 'm', 'p') and has_table_privilege('public', c.oid, p)
			or relkind = 'S' and has_sequence_privilege('public', c.oid, 'usage, select, update'))`), "")
	want(t, "the schema", one[bool](s, "select has_schema_privilege('public', 'SCHEMA', 'usage, create')"), false)

	nobody := sessionAs(t, s.schema, newRole(t, s.schema, "none"))
	isRefused(t, nobody, query("enter", entering("default", "j", nil)))
	isRefused(t, nobody, "call SCHEMA.read_committed('SCHEMA.enter', '{}')")
	isRefused(t, nobody, "select from SCHEMA.gate")
	isRefused(t, nobody, "select from SCHEMA.status")

	// The trap: without it a function of a later migration would be anybody's who may use
	// the schema.
	s.do("create function SCHEMA.added_later() returns int language sql as 'select 1'")
	want(t, "functions, with one that was not revoked", one[string](s, callable, "public"), "added_later read_committed")
}

func TestRolesMayCallTheirVerbsAndNoMore(t *testing.T) {
	t.Parallel()
	s := newSession(t, newSchema(t))
	all := slices.Concat(jobVerbs, viewVerbs, deployVerbs)
	slices.Sort(all)
	for grant, verbs := range map[string][]string{"job": jobVerbs, "view": viewVerbs, "deploy": slices.Compact(all)} {
		role := newRole(t, s.schema, grant)
		may := slices.Sorted(slices.Values(append(slices.Clone(verbs), "read_committed")))
		want(t, grant, one[string](s, callable, role), strings.Join(may, " "))
		want(t, grant+" makes something in the schema", one[bool](s, "select has_schema_privilege($1, 'SCHEMA', 'create')", role), false)
		tables := ""
		if grant != "job" {
			tables = "history job status"
		}
		want(t, grant+" reads", one[string](s, `select coalesce(string_agg(relname, ' ' order by relname), '') from pg_class
			where relnamespace = 'SCHEMA'::regnamespace and relkind in ('r', 'v') and has_table_privilege($1::text, oid, 'select')`, role), tables)
		want(t, grant+" writes", one[string](s, `select coalesce(string_agg(relname, ' ' order by relname), '') from pg_class
			where relnamespace = 'SCHEMA'::regnamespace and relkind in ('r', 'v') and has_table_privilege($1::text, oid, 'insert, update, delete, truncate, references, trigger')`, role), "")
	}
}

const hush = "--password=hush"

// newUsed is a schema where a deployment waits for a job, another is queued, and much has
// happened, all with command lines.
func newUsed(t *testing.T) *session {
	t.Helper()
	s := newSession(t, newSchema(t))
	command := object{"command": []string{"./do", hush}}
	s.enters("default", "past", command)
	s.call("leave", object{"gate": "default", "id": "past", "outcome": object{"exit_code": 0, "ran": 1}})
	s.enters("default", "inside", command)
	s.closes("default", "d", command)
	s.closes("default", "queued", object{"command": []string{"./do", hush}, "queue": true})
	s.enters("default", "waiting", command)
	s.call("record", object{"event": object{"gate": "default", "event": "rerun", "id": "past", "command": []string{"./do", hush}}})
	return s
}

// jobCalls is one call of each verb that a job may call, in an order that works.
func jobCalls() []struct {
	verb string
	q    object
} {
	own := object{"command": []string{"./own", hush}}
	return []struct {
		verb string
		q    object
	}{
		{"enter", entering("default", "own", own)}, {"poll", object{"gate": "default", "id": "own"}}, {"poll", object{"gate": "default", "id": "inside"}},
		{"poll_all", object{"gate": "default", "passes": []string{"own", "inside", "nobody"}}},
		{"renew", object{"gate": "default", "passes": []string{"own"}}}, {"force", object{"gate": "default", "id": "own"}},
		{"enter", entering("default", "child", object{"parent": "inside", "command": []string{hush}})},
		{"leave", object{"gate": "default", "id": "own", "outcome": object{"exit_code": 0}}},
		{"events", object{}}, {"events", object{"gate": "default", "newest": 50}}, {"usual", object{"gate": "default"}},
		{"traffic", object{"gate": "default", "since": int64(lull.DefaultLease)}}, {"gates", object{}}, {"inspect", object{}},
	}
}

func TestAJobRoleSeesNoCommandLines(t *testing.T) {
	t.Parallel()
	owner := newUsed(t)
	job := sessionAs(t, owner.schema, newRole(t, owner.schema, "job"))
	view := sessionAs(t, owner.schema, newRole(t, owner.schema, "view"))
	var called []string
	for _, c := range jobCalls() {
		called = append(called, c.verb)
		said := one[string](job, query(c.verb, c.q)+"::text")
		if strings.Contains(said, hush) || strings.Contains(said, `"error"`) {
			t.Errorf("%s says %s", c.verb, said)
		}
	}
	slices.Sort(called)
	want(t, "called", strings.Join(slices.Compact(called), " "), strings.Join(jobVerbs, " "))
	for _, told := range []string{query("snapshot", object{"gate": "default"}) + "::text", query("events", object{}) + "::text",
		query("gates", object{}) + "::text", "select coalesce(string_agg(event::text, ''), '') from SCHEMA.events_after('0', 0)",
		"select string_agg(command::text, '') from SCHEMA.job", "select string_agg(command::text, '') from SCHEMA.history"} {
		// Who reads on waits for whatever transaction is older, of another test's perhaps.
		becomes(t, "the owner is told by "+told, func() string { return fmt.Sprint(strings.Contains(one[string](owner, told), hush)) }, "true")
		if said, err := tryOne[*string](view, told); err != nil || said != nil && *said != "" && !strings.Contains(*said, hush) && !strings.Contains(told, "events_after") {
			t.Errorf("who may look is not told: %s: %v", told, err)
		}
		refusedUnlessGranted(t, job, told)
	}
}

// refusedUnlessGranted is isRefused, but for what a job may call as well.
func refusedUnlessGranted(t *testing.T, job *session, sql string) {
	t.Helper()
	for _, verb := range jobVerbs {
		if strings.Contains(sql, `"`+verb+`"`) {
			return
		}
	}
	isRefused(t, job, sql)
}

func TestAJobRoleIsRefusedEverythingElse(t *testing.T) {
	t.Parallel()
	owner := newUsed(t)
	job := sessionAs(t, owner.schema, newRole(t, owner.schema, "job"))
	before := one[string](owner, "select string_agg(h::text, '' order by id) from SCHEMA.hold h")
	for verb, q := range map[string]object{
		"close": closing("default", "x", nil), "open": opening("default", "d"), "begin": {"gate": "default", "id": "d"},
		"extend": {"gate": "default", "id": "d", "limit": 1, "force": true}, "stop": {"gate": "default", "id": "d"},
		"drain": {"gate": "default", "id": "d"}, "snapshot": {"gate": "default"}, "record": {"event": object{}}, "guard": {},
	} {
		isRefused(t, job, query(verb, q))
		isRefused(t, job, "call SCHEMA.read_committed('SCHEMA."+verb+"', '{}')") // which lends no rights
	}
	for _, sql := range []string{
		"select SCHEMA.sweep(1, '{}')", "select SCHEMA.bury(g, '{}', 1) from (select null::SCHEMA.gate g) x", "select SCHEMA.promote(1)",
		"select SCHEMA.put_in_force(null)", "select SCHEMA.end_hold(null, 'x', 'x')", "select SCHEMA.lock_gate('default', true)", "select SCHEMA.forget(1000)",
		"select SCHEMA.grant_deploy(current_user::regrole)", "select SCHEMA.grant_execute(current_user::regrole, '{open}')", "select SCHEMA.clock()",
		"select nextval('SCHEMA.sign_of_life')", "select setval('SCHEMA.sign_of_life', 1)",
		"create table SCHEMA.x ()", "create function SCHEMA.x() returns int language sql as 'select 1'",
		"create or replace function SCHEMA.guard(q jsonb) returns void language sql as ''", "drop function SCHEMA.guard(jsonb)",
		"alter function SCHEMA.open(jsonb) security invoker", "set role postgres",
	} {
		isRefused(t, job, sql)
	}
	for _, table := range []string{"gate", "hold", "pass", "event", "setting", "migration", "status", "job", "history"} {
		isRefused(t, job, "select from SCHEMA."+table)
	}
	for _, table := range []string{"gate", "hold", "pass", "event", "setting", "migration"} {
		isRefused(t, job, "delete from SCHEMA."+table)
	}
	want(t, "holds", one[string](owner, "select string_agg(h::text, '' order by id) from SCHEMA.hold h"), before)
}

func TestAViewRoleReadsAndChangesNothing(t *testing.T) {
	t.Parallel()
	owner := newUsed(t)
	view := sessionAs(t, owner.schema, newRole(t, owner.schema, "view"))
	want(t, "status", view.number("select count(*) from SCHEMA.status"), 1)
	want(t, "job", view.number("select count(*) from SCHEMA.job"), 2)
	want(t, "history", view.number("select count(*) from SCHEMA.history") > 3, true)
	want(t, "snapshot", len(view.call("snapshot", object{"gate": "default"}).Inside), 1)
	for _, name := range []string{"status", "job", "history"} {
		for _, sql := range []string{"delete from SCHEMA." + name, "update SCHEMA." + name + " set gate = 'x'", "insert into SCHEMA." + name + " (gate) values ('x')"} {
			if view.try(sql) == nil {
				t.Errorf("%s succeeds", sql)
			}
		}
	}
	for verb, q := range map[string]object{
		"enter": entering("default", "x", nil), "leave": {"gate": "default", "id": "inside"}, "renew": {"gate": "default", "passes": []string{"inside"}},
		"force": {"gate": "default", "id": "waiting"}, "poll": {"gate": "default", "id": "waiting"},
		"close": closing("default", "x", nil), "open": opening("default", "d"), "record": {"event": object{}}, "stop": {"gate": "default", "id": "d"},
	} {
		isRefused(t, view, query(verb, q))
	}
	for _, table := range []string{"gate", "hold", "pass", "event", "setting", "migration"} {
		isRefused(t, view, "select from SCHEMA."+table)
	}
}

// A store of a role that may do too little says so, and how it may do more.
func TestAStoreOfAJobRole(t *testing.T) {
	t.Parallel()
	schema := newSchema(t)
	role := newRole(t, schema, "job")
	s, err := Open(server.URL("postgres", role) + "&lull_schema=" + schema + "&options=-c%20default_transaction_isolation=serializable")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Enter(t.Context(), lull.Pass{ID: "j", Gate: "default"}); err != nil {
		t.Error(err)
	}
	if _, err := s.Leave(t.Context(), lull.PassRef{Gate: "default", ID: "j"}, lull.Outcome{}); err != nil {
		t.Error(err)
	}
	_, _, err = s.Close(t.Context(), lull.Hold{ID: "d", Gate: "default", Kind: lull.Deployment})
	if setup, ok := errors.AsType[*lull.SetupError](err); !ok || !strings.Contains(setup.Hint, "grant_deploy") {
		t.Errorf("close: %v", err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// Rights are had through groups, too.
func TestAMemberMayWhatItsGroupMay(t *testing.T) {
	t.Parallel()
	owner := newUsed(t)
	for grant, sees := range map[string]bool{"job": false, "view": true} {
		group := newRole(t, owner.schema, grant)
		exec(t, "create role "+group+"_ann login in role "+group)
		ann := sessionAs(t, owner.schema, group+"_ann")
		said := one[string](ann, query("events", object{})+"::text")
		want(t, grant+" sees commands", strings.Contains(said, hush), sees)
	}
}

// The verbs have their owner's rights, so nobody else may say what the names in them mean.
func TestNothingCanBePutBeforeOurNames(t *testing.T) {
	t.Parallel()
	owner := newUsed(t)
	role := newRole(t, owner.schema, "deploy")
	evil := owner.schema + "_evil"
	exec(t, fmt.Sprintf("create schema %s authorization %s", evil, role))
	thief := sessionAs(t, owner.schema, role)
	traps := `
		create temp table gate (like EVIL.nothing); create temp table hold (like EVIL.nothing); create temp table pass (like EVIL.nothing);
		create temp table event (like EVIL.nothing); create temp table setting (like EVIL.nothing); create temp sequence sign_of_life;
		create function EVIL.sprung() returns void language plpgsql as $$ begin raise exception 'the trap has sprung, as %', current_user using errcode = 'SPRNG'; end $$;
		create function EVIL.hashtext(text) returns int language sql as 'select EVIL.sprung(); select 1';
		create function EVIL.clock_timestamp() returns timestamptz language sql as 'select EVIL.sprung(); select now()';
		create function EVIL.pg_advisory_xact_lock(int, int) returns void language sql as 'select EVIL.sprung()';
		create function EVIL.pg_notify(text, text) returns void language sql as 'select EVIL.sprung()';
		create function EVIL.guard(jsonb) returns void language sql as 'select EVIL.sprung()';
		create function EVIL.clock() returns timestamptz language sql as 'select EVIL.sprung(); select now()';
		create function EVIL.may_look() returns boolean language sql as 'select EVIL.sprung(); select true';
		create function EVIL.bits(bigint, bigint) returns bigint language sql as 'select EVIL.sprung(); select 0::bigint';
		create operator EVIL.& (leftarg = bigint, rightarg = bigint, function = EVIL.bits);
		create function EVIL.arrow(jsonb, text) returns text language sql as 'select EVIL.sprung(); select null::text';
		create operator EVIL.->> (leftarg = jsonb, rightarg = text, function = EVIL.arrow);
		set search_path = EVIL, pg_temp, SCHEMA, pg_catalog`
	thief.do(strings.ReplaceAll("create table EVIL.nothing (id text, name text, phase bigint);"+traps, "EVIL", evil))
	if err := thief.try("select 1::bigint & 1::bigint"); !isCode(err, "SPRNG") {
		t.Fatalf("the traps are none: %v", err)
	}
	for _, c := range append(jobCalls(), []struct {
		verb string
		q    object
	}{
		{"drain", object{"gate": "default", "id": "d"}}, {"snapshot", object{"gate": "default"}}, {"begin", object{"gate": "default", "id": "d", "undrained": true}},
		{"stop", object{"gate": "default", "id": "d"}}, {"open", opening("default", "d")}, {"close", closing("other", "x", nil)},
		{"record", object{"event": object{"gate": "default", "event": "rerun", "id": "x"}}},
	}...) {
		if err := thief.try(query(c.verb, c.q)); err != nil {
			t.Errorf("%s: %v", c.verb, err)
		}
	}
	for _, sql := range []string{"select from SCHEMA.status", "select from SCHEMA.job", "select from SCHEMA.history", "select from SCHEMA.events_after('0', 0)"} {
		if err := thief.try(sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	want(t, "the gate's phase", owner.number("select phase from SCHEMA.gate where name = 'default'"), 3)

	// Without the search path that is pinned to them they would be had.
	for _, verb := range []string{"enter", "open", "events"} {
		owner.do("alter function SCHEMA." + quoted(verb) + "(jsonb) reset search_path")
		if thief.try(query(verb, entering("default", "again", nil))) == nil {
			t.Errorf("%s is not had without a search path of its own: the traps are none", verb)
		}
	}
	want(t, "verbs without one", owner.number(`select count(*) from pg_proc where pronamespace = 'SCHEMA'::regnamespace and prosecdef
		and not coalesce(proconfig, '{}') @> array['search_path=SCHEMA, pg_temp']`), 3)
}

// Who owns the schema need not be a superuser: the right to make one is enough.
func TestAnOwnerNeedNotBeSuperuser(t *testing.T) {
	t.Parallel()
	schema := fmt.Sprintf("lull%d", schemas.Add(1))
	owner, database := schema+"_owner", schema+"_database"
	exec(t, "create role "+owner+" login; create role "+owner+"_job login")
	if err := server.CreateDatabase(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	exec(t, "grant create on database "+database+" to "+owner)
	open := func(role string) *Store {
		s, err := Open(server.URL(database, role) + "&lull_schema=" + schema)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Shutdown(t.Context()) })
		return s
	}
	s := open(owner)
	if _, err := s.Migrate(t.Context(), Latest); err != nil {
		t.Fatal(err)
	}
	if err := server.Exec(t.Context(), database, fmt.Sprintf("set role %[2]s; select %[1]s.grant_job('%[2]s_job')", schema, owner)); err != nil {
		t.Error(err)
	}
	if _, _, err := open(owner+"_job").Enter(t.Context(), lull.Pass{ID: "j", Gate: "default"}); err != nil {
		t.Error(err)
	}
	hold := lull.HoldRef{Gate: "default", ID: "d"}
	if _, _, err := s.Close(t.Context(), lull.Hold{ID: "d", Gate: "default", Kind: lull.Deployment}); err != nil {
		t.Error(err)
	}
	if d, err := s.Drain(t.Context(), hold); err != nil || d.Count != 1 {
		t.Errorf("drain: %+v, %v", d, err)
	}
	if _, err := s.Leave(t.Context(), lull.PassRef{Gate: "default", ID: "j"}, lull.Outcome{}); err != nil {
		t.Error(err)
	}
	if err := s.Begin(t.Context(), hold, lull.Start{}); err != nil {
		t.Error(err)
	}
	if _, err := s.Migrate(t.Context(), 0); err != nil {
		t.Error(err)
	}
	// Who may not make a schema is told so.
	_, err := open(owner+"_job").Migrate(t.Context(), Latest)
	if _, ok := errors.AsType[*lull.SetupError](err); !ok {
		t.Errorf("a role without rights migrates: %v", err)
	}
}
