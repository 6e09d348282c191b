package pgstore

import "testing"

// Forced and nested passes have the ticket of the closed phase: a drain that looked for
// earlier ones only would not see them.
func TestADrainSeesForcedAndNestedPasses(t *testing.T) {
	t.Parallel()
	s := newSession(t, newSchema(t))
	s.closes(here, "d", nil)
	s.closes(here, "p", object{"kind": "person"})
	s.enters(here, "forced", nil)
	s.call("force", object{"gate": here, "id": "forced"})
	nested := entering(here, "nested", object{"part_of": "d"})
	want(t, "the nested pass's ticket", s.call("enter", nested).Pass.Ticket, 1)
	want(t, "jobs with an earlier ticket", s.number("select count(*) from SCHEMA.pass p join SCHEMA.gate g on g.id = p.gate_id where p.ticket < g.phase"), 0)
	want(t, "jobs that the deployment waits for", s.count(here, "d"), 1)
	want(t, "jobs that the person waits for", s.count(here, "p"), 2)
	want(t, "begin", s.call("begin", object{"gate": here, "id": "d"}).Error, "not drained")
	s.call("leave", object{"gate": here, "id": "forced"})
	want(t, "begin, when only its own job is inside", s.call("begin", object{"gate": here, "id": "d"}).Error, "")
}

// A job inside starts another, and ends. If it could leave between the look at it and the
// insertion of its child, the gate would be drained for a moment, and not a moment later.
func TestAParentDoesNotLeaveBeforeItsChildHasEntered(t *testing.T) {
	t.Parallel()
	child := newSession(t, newSchema(t))
	parent, deployment, blocker := newSession(t, child.schema), newSession(t, child.schema), newSession(t, child.schema)
	const insert = `insert into SCHEMA.pass (id, gate_id, ticket, ttl, heard_at, sign, arrived_at, job)
		select $1, g.id, $2, '1 min', clock_timestamp(), 1, clock_timestamp(), '{}' from SCHEMA.gate g where name = $3`
	prepare := func(gate string) {
		parent.enters(gateOf(gate), "parent-"+gate, nil)
		deployment.closes(gateOf(gate), "d-"+gate, nil)
	}

	prepare("wrong")
	child.do("begin")
	ticket := child.number("select ticket from SCHEMA.pass where id = 'parent-wrong'")
	parent.call("leave", object{"gate": gateOf("wrong"), "id": "parent-wrong"})
	want(t, "jobs to wait for", deployment.count(gateOf("wrong"), "d-wrong"), 0)
	want(t, "begin", deployment.call("begin", object{"gate": gateOf("wrong"), "id": "d-wrong"}).Error, "")
	child.do(insert, "child-wrong", ticket, gateOf("wrong"))
	child.do("commit")
	want(t, "jobs that are inside all the same", deployment.count(gateOf("wrong"), "d-wrong"), 1)

	// Ours is held between the look and the insertion: by one who has the child's ID.
	prepare("ours")
	blocker.do("begin")
	blocker.do(insert, "child-ours", 0, gateOf("ours"))
	enters := child.starts("enter", entering(gateOf("ours"), "child-ours", object{"parent": "parent-ours"})).blocked(blocker)
	leaves := parent.starts("leave", object{"gate": gateOf("ours"), "id": "parent-ours"}).blocked(child)
	want(t, "jobs to wait for", deployment.count(gateOf("ours"), "d-ours"), 1)
	blocker.do("rollback")
	want(t, "the child's ticket", enters.gives().Pass.Ticket, 0)
	leaves.gives()
	want(t, "jobs to wait for, when the parent has left", deployment.count(gateOf("ours"), "d-ours"), 1)
	want(t, "begin", deployment.call("begin", object{"gate": gateOf("ours"), "id": "d-ours"}).Error, "not drained")

	// The parent leaves first: then the child is an ordinary arrival, unless the parent
	// stays after all.
	for end, ticket := range map[string]int64{"commit": 2, "rollback": 0} {
		prepare(end)
		parent.do("begin")
		parent.call("leave", object{"gate": gateOf(end), "id": "parent-" + end})
		enters := child.starts("enter", entering(gateOf(end), "child-"+end, object{"parent": "parent-" + end})).blocked(parent)
		parent.do(end)
		want(t, "the child's ticket after "+end, int64(enters.gives().Pass.Ticket), ticket)
	}
}

// A job's wait ends, and it goes inside by force, just as the gate opens, or as it leaves.
func TestForceMeetsOpeningAndLeaving(t *testing.T) {
	t.Parallel()
	a := newSession(t, newSchema(t))
	b := newSession(t, a.schema)
	a.closes(here, "d", nil)
	a.enters(here, "j", nil)
	a.enters(here, "k", nil)
	a.do("begin")
	a.call("open", opening(here, "d"))
	forces := b.starts("force", object{"gate": here, "id": "j"}).blocked(a)
	a.do("commit")
	want(t, "ticket", forces.gives().Pass.Ticket, 2)
	want(t, "events: it was not by force", b.events("j"), "waited")

	a.do("begin")
	a.call("leave", object{"gate": here, "id": "k"})
	forces = b.starts("force", object{"gate": here, "id": "k"}).blocked(a)
	a.do("commit")
	want(t, "force of who has left", forces.gives().Error, "gone")
}

// One process renews thousands while it asks for them all: in two orders, each would wait
// for what the other has.
func TestWhoRenewsManyAndWhoAsksForManyLockThemInOneOrder(t *testing.T) {
	t.Parallel()
	asks := newSession(t, newSchema(t))
	renews, blocker := newSession(t, asks.schema), newSession(t, asks.schema)
	asks.closes(here, "d", nil)
	for _, id := range []string{"c", "a", "b"} {
		asks.enters(here, id, nil)
	}
	asks.call("open", opening(here, "d"))
	many := object{"gate": here, "passes": []string{"c", "b", "a"}}
	blocker.do("begin")
	blocker.do("select from SCHEMA.pass where id = 'b' for no key update")
	renewing := renews.starts("renew", many).blocked(blocker)
	asking := asks.starts("poll_all", many).blocked(renews)
	blocker.do("rollback")
	want(t, "renewed", len(renewing.gives().Live), 3)
	want(t, "told", len(asking.gives().Passes), 3)

	exec(t, "update "+asks.schema+".pass set started_at = null")
	blocker.do("begin")
	blocker.do("select from SCHEMA.pass where id = 'b' for no key update")
	asking = asks.starts("poll_all", many).blocked(blocker)
	renewing = renews.starts("renew", many).blocked(asks)
	blocker.do("rollback")
	want(t, "told", len(asking.gives().Passes), 3)
	want(t, "renewed", len(renewing.gives().Live), 3)
}
