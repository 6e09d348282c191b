package pgstore

import (
	"testing"
	"time"
)

// Events are numbered before they are committed. Who reads on from the last number loses
// the event of a slower transaction; events_after does not give what a slower one may
// still come before. It is not parallel: transactions of other tests, which stay open for
// a while, would hold the events back, too.
func TestReadingOnLosesNothingOfASlowTransaction(t *testing.T) {
	slow := newSession(t, newSchema(t))
	fast, reader := newSession(t, slow.schema), newSession(t, slow.schema)
	happens := func(s *session, id string) {
		s.call("record", object{"event": object{"gate": "default", "event": "rerun", "id": id}})
	}
	happens(fast, "first")
	slow.do("begin")
	happens(slow, "second")
	happens(fast, "third")

	const byNumber = "select coalesce(string_agg(ref, ' ' order by id), '') from SCHEMA.event where id > $1"
	want(t, "by number", one[string](reader, byNumber, 0), "first third")
	cursor := reader.number("select max(id) from SCHEMA.event")
	const after = "select coalesce(string_agg(event->>'id', ' ' order by xid, id), '') from SCHEMA.events_after($1::text::xid8, $2)"
	becomes(t, "events_after", func() string { return one[string](reader, after, "0", 0) }, "first")
	xid := one[string](reader, "select xid::text from SCHEMA.events_after('0', 0)")
	id := reader.number("select id from SCHEMA.events_after('0', 0)")

	slow.do("commit")
	want(t, "by number, read on", one[string](reader, byNumber, cursor), "")
	becomes(t, "events_after, read on", func() string { return one[string](reader, after, xid, id) }, "second third")

	// One that is given up leaves a gap, and no more.
	slow.do("begin")
	happens(slow, "fourth")
	happens(fast, "fifth")
	slow.do("rollback")
	becomes(t, "events_after, from the beginning", func() string { return one[string](reader, after, "0", 0) }, "first second third fifth")
	want(t, "of at most two", one[string](reader, "select string_agg(event->>'id', ' ' order by xid, id) from SCHEMA.events_after('0', 0, 2)"), "first second")
}

// becomes waits until a value is the wanted one: the server's own work, such as the
// analysis of a table, has transactions as well.
func becomes(t *testing.T, what string, get func() string, want string) {
	t.Helper()
	for began := time.Now(); ; {
		got := get()
		if got == want {
			return
		}
		if time.Since(began) > soon {
			t.Fatalf("%s: %q, want %q", what, got, want)
		}
	}
}
