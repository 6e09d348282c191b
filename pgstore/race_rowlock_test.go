package pgstore

import "testing"

// Row locks on the gate look as if they would do, and do not: an arrival that locks its
// gate FOR KEY SHARE, or has a foreign key do so, excludes nobody who changes the phase,
// since the phase is not in the key.
func TestWeakRowLocksExcludeNobody(t *testing.T) {
	t.Parallel()
	a := newSession(t, newSchema(t))
	b := newSession(t, a.schema)
	a.do("create table SCHEMA.referring (gate_id int references SCHEMA.gate, ticket bigint)")
	for _, w := range []struct{ name, arrives, inside string }{
		{
			"for key share",
			`insert into SCHEMA.pass (id, gate_id, ticket, ttl, heard_at, sign, arrived_at, job)
			select 'j', g.id, g.phase, '1 min', clock_timestamp(), 1, clock_timestamp(), '{}' from (select * from SCHEMA.gate where name = 'SCHEMA-for-key-share' for key share) g`,
			"select count(*) from SCHEMA.pass p join SCHEMA.gate g on g.id = p.gate_id where g.name = 'SCHEMA-for-key-share' and p.ticket <= g.phase",
		},
		{
			"a foreign key",
			"insert into SCHEMA.referring select id, phase from SCHEMA.gate where name = 'SCHEMA-a-foreign-key'",
			"select count(*) from SCHEMA.referring p join SCHEMA.gate g on g.id = p.gate_id where g.name = 'SCHEMA-a-foreign-key' and p.ticket <= g.phase",
		},
	} {
		gate := gateOf(w.name)
		a.do("insert into SCHEMA.gate (name) values ($1)", gate)
		a.do("begin")
		a.do(w.arrives)
		b.do("update SCHEMA.gate set phase = phase + 1 where name = $1", gate) // which waits for nobody
		want(t, w.name+": jobs to wait for", b.number(w.inside), 0)
		a.do("commit")
		want(t, w.name+": jobs that are inside all the same", b.number(w.inside), 1)
	}

	a.do("begin")
	a.enters(gateOf("ours"), "k", nil)
	closes := b.starts("close", closing(gateOf("ours"), "d", nil)).blocked(a)
	a.do("commit")
	closes.gives()
	want(t, "jobs to wait for", b.count(gateOf("ours"), "d"), 1)
}

// now() is when the transaction began, which may be long before it has the lock. A hold
// that counted from there would have been in force before it was, and its limit and lease
// would end too early.
func TestTimeIsTakenAfterTheLock(t *testing.T) {
	t.Parallel()
	a := newSession(t, newSchema(t))
	a.do(`create function SCHEMA.now_under_lock(gate_name text) returns timestamptz language plpgsql as $$ begin
		perform pg_advisory_xact_lock(1819634796, hashtext(gate_name));
		return now();
	end $$`)
	a.do("begin")
	a.enters(here, "j", nil)
	variant, ours := newSession(t, a.schema), newSession(t, a.schema)
	since := start[string](variant, "select SCHEMA.now_under_lock('SCHEMA-default')::text").blocked(a)
	closes := ours.starts("close", closing(here, "d", nil)).blocked(a)
	released := one[string](a, "select clock_timestamp()::text")
	a.do("commit")
	want(t, "now() lies before the lock was free", one[bool](a, "select $1::timestamptz < $2::timestamptz", since.gives(), released), true)
	closes.gives()
	want(t, "since, heard and limit lie after that", one[bool](a, `select since > $1::timestamptz and heard_at > $1::timestamptz
		and ends_at > $1::timestamptz + interval '30 min' from SCHEMA.hold where id = 'd'`, released), true)
	want(t, "the event, too", one[bool](a, "select at > $1::timestamptz from SCHEMA.event where ref = 'd'", released), true)
}
