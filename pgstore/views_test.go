package pgstore

import (
	"strings"
	"testing"
	"time"
)

// The views answer for each state that a gate can be in. What has lapsed is told, and is
// no fact before somebody makes it one.
func TestViewsTellEveryState(t *testing.T) {
	t.Parallel()
	s := newSession(t, newSchema(t))
	const status = `select coalesce((select concat_ws(' ', state, phase, case when drained then 'drained' else 'undrained' end, coalesce(hold, '-'), coalesce(kind, '-'), coalesce(holder, '-'), coalesce(reason, '-'),
		case when ends_at is null then 'no limit' else extract(epoch from date_trunc('minute', ends_at - since + interval '1 s')) / 60 || ' min' end,
		case when begun_at is null then 'not begun' else 'begun' end, case when lapsed then 'lapsed' else 'heard' end,
		holds, queued, inside, waiting) from SCHEMA.status where gate = 'default'), 'no gate')`
	is := func(what, want string) {
		t.Helper()
		if got := strings.ReplaceAll(one[string](s, status), ".0000000000000000", ""); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	is("never used", "no gate")
	s.enters("default", "j", nil)
	is("open", "open 0 undrained - - - - no limit not begun heard 0 0 1 0")
	s.closes("default", "p", object{"kind": "person", "reason": "database repair", "holder": object{"user": "ann", "host": "desk"}})
	is("closed by a person, with a job inside", "closed 1 undrained p person ann@desk database repair 60 min not begun heard 1 0 1 0")
	s.closes("default", "d", object{"reason": "release 81"})
	s.closes("default", "e", object{"queue": true})
	s.enters("default", "k", nil)
	is("a deployment drains, under the person's hold", "closed 1 undrained d deployment d@web1 release 81 30 min not begun heard 2 1 1 1")
	s.call("leave", object{"gate": "default", "id": "j", "outcome": object{"exit_code": 3, "waited": int64(2 * time.Second), "ran": int64(time.Minute)}})
	is("drained", "closed 1 drained d deployment d@web1 release 81 30 min not begun heard 2 1 0 1")
	s.call("begin", object{"gate": "default", "id": "d"})
	s.enters("default", "own", object{"part_of": "d"})
	is("begun, with a job of its own", "closed 1 drained d deployment d@web1 release 81 30 min begun heard 2 1 1 1")
	s.silence("hold")
	s.silence("pass")
	is("lapsed", "closed 1 drained d deployment d@web1 release 81 30 min begun lapsed 2 1 1 1")
	s.call("renew", object{"gate": "default", "holds": []string{"d", "e"}, "passes": []string{"own"}})
	is("heard again", "closed 1 drained d deployment d@web1 release 81 30 min begun heard 2 1 1 1")

	const jobs = `select string_agg(concat_ws(' ', id, state, name, holder, pid, coalesce(part_of, '-'), case when started_at is null then 'not started' else 'started' end,
		case when lapsed then 'lapsed' else 'heard' end), ', ' order by id) from SCHEMA.job`
	want(t, "jobs", one[string](s, jobs), "k waiting k k@node1 1 - not started lapsed, own inside own own@node1 1 d started heard")

	s.call("open", opening("default", "d"))
	is("the next of the queue", "closed 1 undrained e deployment e@web1 - 30 min not begun heard 2 0 1 1")
	s.call("open", opening("default", "e"))
	is("the person's hold is left", "closed 1 undrained p person ann@desk database repair 60 min not begun heard 1 0 1 1")
	s.call("open", object{"gate": "default", "id": "p", "by": object{"user": "ann", "host": "desk"}})
	is("open again: who waited is inside", "open 2 undrained - - - - no limit not begun heard 0 0 2 0")
	s.closes("default", "endless", object{"kind": "person", "limit": -1})
	is("without a limit", "closed 3 undrained endless person endless@web1 - no limit not begun heard 1 0 2 0")

	const history = `select string_agg(concat_ws(' ', event, id, phase, coalesce(name, '-'), coalesce(exit_code::text, '-'), coalesce(round(waited_seconds)::text, '-'), coalesce(round(ran_seconds)::text, '-')), ', ' order by number)
		from SCHEMA.history where event in ('left', 'waited', 'begun', 'opened', 'queued')`
	want(t, "history", one[string](s, history), "queued e 1 - - - -, waited k 1 k - - -, left j 1 j 3 2 60, begun d 1 - - - -, opened p 2 - - - -")
	want(t, "views without a comment", one[string](s, `select coalesce(string_agg(relname, ' '), '') from pg_class c
		where relnamespace = 'SCHEMA'::regnamespace and relkind = 'v' and obj_description(oid, 'pg_class') is null`), "")
}
