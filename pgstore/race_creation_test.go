package pgstore

import "testing"

// The lock's key is the gate's name. A key that stands in the gate's row locks nothing
// while there is no row, and the next statement may already see it.
func TestAGateExcludesBeforeItExists(t *testing.T) {
	t.Parallel()
	a := newSession(t, newSchema(t))
	b, maker := newSession(t, a.schema), newSession(t, a.schema)

	a.do("begin")
	want(t, "locks taken by a row that is missing", one[int](a, `select count(*) from (select pg_advisory_xact_lock_shared(1819634796, id) from SCHEMA.gate where name = 'SCHEMA-row') l`), 0)
	maker.do("insert into SCHEMA.gate (name) values ('SCHEMA-row')")
	a.do(`insert into SCHEMA.pass (id, gate_id, ticket, ttl, heard_at, sign, arrived_at, job)
		select 'j', id, phase, '1 min', clock_timestamp(), 1, clock_timestamp(), '{}' from SCHEMA.gate where name = 'SCHEMA-row'`)
	b.do("begin; select pg_advisory_xact_lock(1819634796, id) from SCHEMA.gate where name = 'SCHEMA-row'; update SCHEMA.gate set phase = 1 where name = 'SCHEMA-row'; commit")
	const inside = "select count(*) from SCHEMA.pass p join SCHEMA.gate g on g.id = p.gate_id where g.name = 'SCHEMA-row' and p.ticket <= g.phase"
	want(t, "jobs to wait for", b.number(inside), 0)
	a.do("commit")
	want(t, "jobs that are inside all the same", b.number(inside), 1)

	// Ours, at the same point: the lock is taken, and somebody else makes the row.
	maker.do("begin")
	maker.do("insert into SCHEMA.gate (name) values ('SCHEMA-ours')")
	enters := a.starts("enter", entering(gateOf("ours"), "k", nil)).blocked(maker)
	closes := b.starts("close", closing(gateOf("ours"), "d", nil)).blocked(a)
	maker.do("commit")
	want(t, "the job is inside", enters.gives().inside(), true)
	closes.gives()
	want(t, "jobs to wait for", b.count(gateOf("ours"), "d"), 1)
}

// Whoever comes first makes the gate; who comes at the same time is at the same one, also
// if the first one's coming came to nothing.
func TestAGateIsMadeOnce(t *testing.T) {
	t.Parallel()
	a := newSession(t, newSchema(t))
	b, c := newSession(t, a.schema), newSession(t, a.schema)
	for _, end := range []string{"commit", "rollback"} {
		a.do("begin")
		a.enters(gateOf(end), "j-"+end, nil)
		second := b.starts("enter", entering(gateOf(end), "k-"+end, nil)).blocked(a)
		third := c.starts("close", closing(gateOf(end), "d-"+end, nil)).blocked(a)
		a.do(end)
		want(t, end+": the second is inside", second.gives().inside(), true)
		want(t, end+": the phase", third.gives().Gate.Phase, 1)
		want(t, end+": rows of the gate", c.number("select count(*) from SCHEMA.gate where name = $1", gateOf(end)), 1)
		jobs := 2
		if end == "rollback" {
			jobs = 1
		}
		want(t, end+": jobs to wait for", c.count(gateOf(end), "d-"+end), jobs)
	}

	a.do("begin")
	a.closes(gateOf("closed"), "d", nil)
	second := b.starts("enter", entering(gateOf("closed"), "j", nil)).blocked(a)
	a.do("commit")
	want(t, "ticket at a gate that was made by closing it", second.gives().Pass.Ticket, 2)
}
