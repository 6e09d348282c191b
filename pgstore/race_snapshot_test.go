package pgstore

import (
	"fmt"
	"testing"

	"github.com/lull-dev/lull"
)

// lockThenLook is how it must be done: VOLATILE, so that each statement has a snapshot of
// its own, and the second one's is later than the lock. Made stable, it is wrong.
const lockThenLook = `
	create function SCHEMA.%[1]s(gate_name text) returns int language plpgsql %[2]s as $$ begin
		perform pg_advisory_xact_lock(1819634796, hashtext(gate_name));
		return (select count(*) from SCHEMA.pass p join SCHEMA.gate g on g.id = p.gate_id where g.name = gate_name);
	end $$;
	create function SCHEMA.%[1]s_phase(gate_name text) returns bigint language plpgsql %[2]s as $$ begin
		perform pg_advisory_xact_lock_shared(1819634796, hashtext(gate_name));
		return (select phase from SCHEMA.gate where name = gate_name);
	end $$`

// waysToLook are ways to see, under the gate's lock, what was done by those who had it
// before: looks counts the passes, phase reads the phase. right says whether it does.
var waysToLook = []struct {
	name, isolation, looks, phase string
	right                         bool
}{
	{
		name: "lock and read in one statement",
		looks: `with l as materialized (select pg_advisory_xact_lock(1819634796, hashtext($1)))
			select (select count(*) from SCHEMA.pass p join SCHEMA.gate g on g.id = p.gate_id where g.name = $1)::int from l`,
		phase: `with l as materialized (select pg_advisory_xact_lock_shared(1819634796, hashtext($1)))
			select (select phase from SCHEMA.gate where name = $1) from l`,
	},
	{name: "a stable function", looks: "select SCHEMA.stable($1)", phase: "select SCHEMA.stable_phase($1)"},
	{name: "repeatable read", isolation: "repeatable read", looks: "select SCHEMA.volatile($1)", phase: "select SCHEMA.volatile_phase($1)"},
	{name: "serializable", isolation: "serializable", looks: "select SCHEMA.volatile($1)", phase: "select SCHEMA.volatile_phase($1)"},
	{name: "a volatile function", looks: "select SCHEMA.volatile($1)", phase: "select SCHEMA.volatile_phase($1)", right: true},
}

func newWaysToLook(t *testing.T) *session {
	t.Helper()
	s := newSession(t, newSchema(t))
	s.do(fmt.Sprintf(lockThenLook, "stable", "stable"))
	s.do(fmt.Sprintf(lockThenLook, "volatile", "volatile"))
	return s
}

// A job is arriving: its pass is not committed yet. The one who closes waits for the lock,
// and must see the pass as soon as it has it.
func TestWhoClosesSeesWhoArrivedBefore(t *testing.T) {
	t.Parallel()
	a := newWaysToLook(t)
	arriving := func(gate string, wait func()) {
		t.Helper()
		a.do("insert into SCHEMA.gate (name, longest_lease) values ($1, '1 h')", gate)
		a.do("begin")
		if !a.enters(gate, "job-"+gate, nil).inside() {
			t.Fatal("the job is not inside")
		}
		wait()
		a.do("commit")
	}
	for _, w := range waysToLook {
		b := newSession(t, a.schema)
		if w.isolation != "" {
			b.do("set default_transaction_isolation = '" + w.isolation + "'")
		}
		var looks *pending[int]
		arriving(gateOf(w.name), func() { looks = start[int](b, w.looks, gateOf(w.name)).blocked(a) })
		want(t, w.name+": it sees the pass", looks.gives() == 1, w.right)
	}

	b := newSession(t, a.schema)
	var closes *pending[answer]
	arriving(gateOf("ours"), func() { closes = b.starts("close", closing(gateOf("ours"), "d", nil)).blocked(a) })
	want(t, "phase", closes.gives().Gate.Phase, 1)
	want(t, "jobs to wait for", b.count(gateOf("ours"), "d"), 1)
}

// The gate is being closed: the phase is not committed yet. Who arrives waits for the
// lock, and must see the phase as soon as it has it.
func TestWhoArrivesSeesWhoClosedBefore(t *testing.T) {
	t.Parallel()
	a := newWaysToLook(t)
	closingOf := func(gate string, wait func()) {
		t.Helper()
		a.do("insert into SCHEMA.gate (name, longest_lease) values ($1, '1 h')", gate)
		a.do("begin")
		a.closes(gate, "d-"+gate, nil)
		wait()
		a.do("commit")
	}
	for _, w := range waysToLook {
		b := newSession(t, a.schema)
		if w.isolation != "" {
			b.do("set default_transaction_isolation = '" + w.isolation + "'")
		}
		var phase *pending[int]
		closingOf(gateOf(w.name), func() { phase = start[int](b, w.phase, gateOf(w.name)).blocked(a) })
		ticket := lull.Phase(phase.gives()).Ticket()
		want(t, w.name+": the closed gate admits it", lull.Phase(1).Admits(ticket), !w.right)
	}

	b := newSession(t, a.schema)
	var enters *pending[answer]
	closingOf(gateOf("ours"), func() { enters = b.starts("enter", entering(gateOf("ours"), "j", nil)).blocked(a) })
	want(t, "ticket", enters.gives().Pass.Ticket, 2)
}

// Every verb that reads what it must not misread refuses a snapshot of the transaction,
// and so does every other: a caller who meets one refusal need not know which they are.
func TestVerbsRefuseSnapshotsOfTheTransaction(t *testing.T) {
	t.Parallel()
	schema := newSchema(t)
	c := newSession(t, schema)
	c.closes(here, "d", nil)
	for _, isolation := range []string{"repeatable read", "serializable"} {
		s := newSession(t, schema, "default_transaction_isolation = '"+isolation+"'")
		for verb, q := range map[string]object{
			"enter": entering(here, "j", nil), "poll": {"gate": here, "id": "j"}, "force": {"gate": here, "id": "j"},
			"leave": {"gate": here, "id": "j"}, "renew": {"gate": here, "passes": []string{"j"}},
			"close": closing(here, "e", nil), "drain": {"gate": here, "id": "d"}, "begin": {"gate": here, "id": "d"},
			"stop": {"gate": here, "id": "d"}, "extend": {"gate": here, "id": "d", "limit": 1}, "open": opening(here, "d"),
			"snapshot": {"gate": here}, "gates": {}, "events": {}, "usual": {"gate": here}, "traffic": {"gate": here, "since": 1},
			"record": {"event": object{"gate": here, "event": "rerun", "id": "j"}},
		} {
			if err := s.try(query(verb, q)); !isCode(err, codeIsolation) {
				t.Errorf("%s in a transaction that is %s: %v", verb, isolation, err)
			}
		}
	}
	want(t, "events", c.number("select count(*) from SCHEMA.event"), 1)
	want(t, "passes", c.number("select count(*) from SCHEMA.pass"), 0)
}

// A store whose server has another default isolation asks for the right one in the same
// message, and sees what it must.
func TestAStoreIsRightWhateverTheDefaultIsolation(t *testing.T) {
	t.Parallel()
	for _, isolation := range []string{"repeatable%20read", "serializable"} {
		schema := newSchema(t)
		s := openSchema(t, schema, "&options=-c%20default_transaction_isolation="+isolationOption(isolation))
		a := newSession(t, schema)
		a.do("begin")
		a.enters(here, "j", nil)
		closed := make(chan error, 1)
		go func() {
			_, _, err := s.Close(t.Context(), lull.Hold{ID: "d", Gate: a.in(here), Kind: lull.Deployment, Lease: lull.DefaultLease})
			closed <- err
		}()
		waitsFor(t, a)
		a.do("commit")
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
		d, err := s.Drain(t.Context(), lull.HoldRef{Gate: a.in(here), ID: "d"})
		if err != nil || d.Count != 1 || d.Drained {
			t.Errorf("%s: drain is %+v, %v", isolation, d, err)
		}
		p, _, err := s.Enter(t.Context(), lull.Pass{ID: "k", Gate: a.in(here)})
		if err != nil || p.Ticket != 2 {
			t.Errorf("%s: pass is %+v, %v", isolation, p, err)
		}
	}
}

// isolationOption escapes the blank once more: options are split at blanks.
func isolationOption(isolation string) string {
	if isolation == "repeatable%20read" {
		return `repeatable%5C%20read`
	}
	return isolation
}

// waitsFor returns when some session waits for that one.
func waitsFor(t *testing.T, s *session) {
	t.Helper()
	look := newSession(t, s.schema)
	for !one[bool](look, "select exists (select from pg_stat_activity where $1::int = any(pg_blocking_pids(pid)))", int32(s.pid)) {
		if t.Context().Err() != nil {
			t.Fatal(t.Context().Err())
		}
	}
}
