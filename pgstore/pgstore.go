package pgstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lull-dev/lull"
)

// schemaVersion is the version of the schema that this package was written for, and
// needs at least: the number of the last migration that changed what it asks or is
// answered. The schema itself says how old a client it still serves.
const schemaVersion = 3

// How a waiter asks. A lone process opens a connection for each question, so it asks
// a hundred times less often than it would a file; one that listens asks only in case
// it was not told.
const (
	pollFirst     = time.Second
	pollMost      = 5 * time.Second
	pollListening = 5 * time.Second
)

// Store keeps gates in a PostgreSQL database. It is safe for concurrent use. Make one
// with [Open].
type Store struct {
	address address
	links   *links
	vigil   vigil
	ears    *ears // nil unless the URL asks to listen

	// The server's default isolation is not read committed: each call has to say so.
	insist atomic.Bool
}

var (
	_ lull.Store      = (*Store)(nil)
	_ lull.Notifier   = (*Store)(nil)
	_ lull.Summarizer = (*Store)(nil)
	_ lull.Inspector  = (*Store)(nil)
	_ lull.Pollster   = (*Store)(nil)
)

// Open returns the store that a URL names. It does not connect: the first call does.
// The error is a *[lull.SetupError], without a password in it.
//
// The URL is what libpq takes, with what the environment, a password file and a
// service file add. Three keys are ours: lull_schema names the schema, "lull" unless
// given; lull_connections=N keeps up to N connections, where otherwise each call makes
// its own; lull_listen=on keeps one more, on which changes are told.
func Open(url string) (*Store, error) {
	a, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	s := &Store{address: a, vigil: vigil{now: time.Now}}
	s.links = newLinks(a)
	if a.listen {
		s.ears = newEars(s)
	}
	return s, nil
}

// About describes the store.
func (s *Store) About() lull.About {
	a := lull.About{URL: s.address.shown, PollFirst: pollFirst, PollMost: pollMost, Shared: true}
	if s.ears != nil {
		a.PollFirst, a.PollMost = pollListening, pollListening
	}
	return a
}

// Shutdown closes all connections, when the calls under way have ended. It returns
// early when ctx ends.
func (s *Store) Shutdown(ctx context.Context) error {
	if s.ears != nil {
		s.ears.stop()
	}
	return s.links.close(ctx)
}

// mostTries is how often a call is made whose transaction the server has ended for the
// sake of another: once more is mostly enough.
const mostTries = 4

// ask calls a verb, and tells the vigil what its answer says of the living.
func (s *Store) ask(ctx context.Context, doing, verb string, q question) (a answer, err error) {
	err = s.askInto(ctx, doing, verb, q, &a) // not in the return, which may read a before
	return a, err
}

// askInto is ask with an answer that is known in part.
func (s *Store) askInto(ctx context.Context, doing, verb string, q question, a *answer) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.Schema = schemaVersion
	if verb != "leave" { // which judges nobody
		q.Watch = s.vigil.report()
	}
	text, err := json.Marshal(q)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	reply, err := s.call(ctx, verb, text)
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return s.explain(ctx, doing, err)
	}
	if err := json.Unmarshal(reply, a); err != nil {
		return fmt.Errorf("%s: unexpected answer: %w", doing, err)
	}
	s.vigil.note(a.Sign)
	return nil
}

// call calls a verb until the server has carried it out or refused it. Every verb can
// be repeated: the IDs are ours.
func (s *Store) call(ctx context.Context, verb string, q []byte) (reply []byte, err error) {
	for try := 1; ; try++ {
		insist := s.insist.Load()
		var again bool
		again, err = s.links.use(ctx, func(c *pgconn.PgConn) error {
			reply, err = callOn(ctx, c, s.statement(verb, insist), q)
			return err
		})
		switch {
		case err == nil || try == mostTries || ctx.Err() != nil:
			return reply, err
		case isCode(err, codeIsolation) && !insist:
			s.insist.Store(true)
		case again, isCode(err, "40001"), isCode(err, "40P01"):
		default:
			return nil, err
		}
	}
}

// statement is a call of a verb, in one message either way.
func (s *Store) statement(verb string, insist bool) string {
	name := quoted(s.address.schema) + "." + quoted(verb)
	if insist {
		return "call " + quoted(s.address.schema) + ".read_committed(" + literal(name) + ", $1::jsonb)"
	}
	return "select " + name + "($1::jsonb)"
}

// callOn asks for one value, with parameters as text. The statement has no name, so that
// a pooler may give the next one to another server process.
func callOn(ctx context.Context, c *pgconn.PgConn, statement string, params ...[]byte) ([]byte, error) {
	r := c.ExecParams(ctx, statement, params, nil, nil, nil).Read()
	if r.Err != nil {
		return nil, r.Err
	}
	if len(r.Rows) != 1 || len(r.Rows[0]) != 1 {
		return nil, errors.New("the server did not answer with one value")
	}
	return r.Rows[0][0], nil
}
