package pgstore

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// The tests in race_*_test.go play one interleaving each, step by step, on connections
// of their own: what a statement waits for is looked up in pg_locks, and nothing sleeps.
// Most play it twice: once with SQL that looks as good as ours and is wrong, to show that
// the interleaving is a dangerous one, and once with ours.

// session is a connection, in which a test is a client in the middle of a transaction.
// SCHEMA in its statements is the schema's name.
type session struct {
	*testing.T
	schema string
	conn   *pgx.Conn
	pid    uint32

	running sync.WaitGroup // a statement that was started
}

// newSession opens one. Settings are of the kind "default_transaction_isolation = …".
func newSession(t *testing.T, schema string, settings ...string) *session {
	t.Helper()
	return sessionAs(t, schema, "", settings...)
}

// sessionAs opens one of a role, which logs in itself.
func sessionAs(t *testing.T, schema, role string, settings ...string) *session {
	t.Helper()
	c, err := pgx.Connect(t.Context(), server.URL("postgres", role))
	if err != nil {
		t.Fatal(err)
	}
	s := &session{T: t, schema: schema, conn: c, pid: c.PgConn().PID()}
	t.Cleanup(func() {
		s.running.Wait() // it ends with the test's context
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = c.Close(ctx)
	})
	for _, setting := range settings {
		s.do("set " + setting)
	}
	return s
}

// in puts the schema's name into a statement.
func (s *session) in(sql string) string { return strings.ReplaceAll(sql, "SCHEMA", s.schema) }

func (s *session) inAll(args []any) []any {
	all := slices.Clone(args)
	for i, arg := range all {
		if text, ok := arg.(string); ok {
			all[i] = s.in(text)
		}
	}
	return all
}

// try executes statements; several only if there are no arguments.
func (s *session) try(sql string, args ...any) error {
	_, err := s.conn.Exec(s.Context(), s.in(sql), s.inAll(args)...)
	return err
}

func (s *session) do(sql string, args ...any) {
	s.Helper()
	if err := s.try(sql, args...); err != nil {
		s.Fatalf("%s: %v", sql, err)
	}
}

// number is what a query gives that gives one.
func (s *session) number(sql string, args ...any) int {
	s.Helper()
	return one[int](s, sql, args...)
}

// one is the one value that a query gives.
func one[V any](s *session, sql string, args ...any) V {
	s.Helper()
	v, err := tryOne[V](s, sql, args...)
	if err != nil {
		s.Fatalf("%s: %v", sql, err)
	}
	return v
}

func tryOne[V any](s *session, sql string, args ...any) (V, error) {
	var none V
	rows, err := s.conn.Query(s.Context(), s.in(sql), s.inAll(args)...)
	if err != nil {
		return none, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowTo[V])
}

// object is JSON, as verbs take it.
type object map[string]any

// saw is a watch that has heard nothing of anybody for ever, up to a sign of life.
func saw(sign int64) [][2]int64 { return [][2]int64{{sign, int64(1000 * time.Hour)}} }

// latest is a sign of life that is later than all.
const latest = 1 << 62

// query is the statement that calls a verb.
func query(verb string, q object) string {
	all := object{"schema": schemaVersion}
	for k, v := range q {
		all[k] = v
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return "select SCHEMA." + quoted(verb) + "(" + literal(string(text)) + ")"
}

// call calls a verb in the transaction that the session is in, and returns its answer.
func (s *session) call(verb string, q object) answer {
	s.Helper()
	return one[answer](s, query(verb, q))
}

// enters is Enter for a test: more goes into the pass.
func (s *session) enters(gate, id string, more object) answer {
	s.Helper()
	return s.call("enter", entering(gate, id, more))
}

func entering(gate, id string, more object) object {
	pass := object{"id": id, "name": id, "lease": int64(time.Minute), "holder": object{"user": id, "host": "node1", "pid": 1}}
	for k, v := range more {
		pass[k] = v
	}
	return object{"gate": gate, "pass": pass}
}

// closes is Close for a deployment, unless more says otherwise.
func (s *session) closes(gate, id string, more object) answer {
	s.Helper()
	return s.call("close", closing(gate, id, more))
}

func closing(gate, id string, more object) object {
	hold := object{"id": id, "kind": "deployment", "lease": int64(time.Minute), "holder": object{"user": id, "host": "web1", "pid": 1}}
	for k, v := range more {
		hold[k] = v
	}
	return object{"gate": gate, "hold": hold}
}

// opening is Open by the one who closed.
func opening(gate, id string) object {
	return object{"gate": gate, "id": id, "by": object{"user": id, "host": "web1", "pid": 1}}
}

// count is how many a deployment has to wait for, as ours finds it.
func (s *session) count(gate, hold string) int {
	s.Helper()
	a := s.call("drain", object{"gate": gate, "id": hold})
	if a.Error != "" {
		s.Fatalf("drain: %s", a.Error)
	}
	return a.Count
}

// events is what happened to somebody.
func (s *session) events(ref string) string {
	s.Helper()
	return one[string](s, "select coalesce(string_agg(kind, ' ' order by id), '') from SCHEMA.event where ref = $1", ref)
}

// pending is a statement under way.
type pending[V any] struct {
	s     *session
	sql   string
	done  chan struct{}
	value V
	err   error
}

// start sends a statement that gives one value, and does not wait for it. The session
// can be used again when it has ended.
func start[V any](s *session, sql string, args ...any) *pending[V] {
	p := &pending[V]{s: s, sql: sql, done: make(chan struct{})}
	s.running.Go(func() {
		defer close(p.done)
		p.value, p.err = tryOne[V](s, sql, args...)
	})
	return p
}

// starts sends the call of a verb.
func (s *session) starts(verb string, q object) *pending[answer] {
	return start[answer](s, query(verb, q))
}

// soon is how long something may take that must come.
const soon = 20 * time.Second

// blocked returns when the statement waits for a lock that another session has.
func (p *pending[V]) blocked(by *session) *pending[V] {
	p.s.Helper()
	look := newSession(p.s.T, p.s.schema)
	for began := time.Now(); ; {
		if one[bool](look, "select $1::int = any(pg_blocking_pids($2::int))", int32(by.pid), int32(p.s.pid)) {
			return p
		}
		select {
		case <-p.done:
			p.s.Fatalf("it did not wait: %s: %v, %v", p.sql, p.value, p.err)
		default:
		}
		if time.Since(began) > soon {
			p.s.Fatalf("it does not wait for the other: %s", p.sql)
		}
	}
}

// ends waits for the statement's end.
func (p *pending[V]) ends() (V, error) {
	p.s.Helper()
	select {
	case <-p.done:
	case <-time.After(soon):
		p.s.Fatalf("it does not end: %s", p.sql)
	}
	return p.value, p.err
}

// gives is the value that the statement gives in the end.
func (p *pending[V]) gives() V {
	p.s.Helper()
	v, err := p.ends()
	if err != nil {
		p.s.Fatalf("%s: %v", p.sql, err)
	}
	return v
}

// inside reports whether the answer's pass is inside its gate.
func (a answer) inside() bool { return a.Gate.Phase.Admits(a.Pass.Ticket) }

// want fails the test unless the two are equal.
func want[V comparable](t testing.TB, what string, got, want V) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// silence puts the last signs of life an hour back, of the passes or the holds.
func (s *session) silence(table string) {
	s.Helper()
	s.do("update SCHEMA." + table + " set heard_at = heard_at - interval '1 h'")
}

// dying is a lease so short that who is silent has lapsed at once, though the server has
// just started.
var dying = object{"lease": int64(time.Millisecond)}

// here is the gate of most tests that hold a lock. It has the schema's name in it, since
// gates of one name have one lock, in whatever schema they are.
const here = "SCHEMA-default"

// gateOf is another one, named for what is tried at it.
func gateOf(what string) string {
	return "SCHEMA-" + strings.NewReplacer(" ", "-", "'", "", ",", "").Replace(strings.ToLower(what))
}
