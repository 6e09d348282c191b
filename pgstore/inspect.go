package pgstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lull-dev/lull"
)

// Inspect looks over the server, what stands between, and the schema. A role that may
// not look at something is told so, and of all the rest.
func (s *Store) Inspect(ctx context.Context) []lull.Finding {
	x := &inspection{s: s}
	c, ok := x.connect(ctx)
	if !ok {
		return x.findings
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }() // nobody could act on it
	if x.askServer(ctx, c) {
		x.server()
		x.pooling(ctx, c)
		x.durability()
		x.timeouts()
		x.room()
		x.schema(ctx, c)
	}
	return x.findings
}

// inspection is one look over a store.
type inspection struct {
	s        *Store
	at       serverFacts
	findings []lull.Finding
}

func (x *inspection) ok(what string, args ...any) {
	x.findings = append(x.findings, lull.Finding{Level: lull.LevelOK, What: fmt.Sprintf(what, args...)})
}

func (x *inspection) warn(remedy, what string, args ...any) {
	x.findings = append(x.findings, lull.Finding{Level: lull.LevelWarning, What: fmt.Sprintf(what, args...), Remedy: remedy})
}

func (x *inspection) problem(remedy, what string, args ...any) {
	x.findings = append(x.findings, lull.Finding{Level: lull.LevelProblem, What: fmt.Sprintf(what, args...), Remedy: remedy})
}

// failed is a look that came to nothing.
func (x *inspection) failed(ctx context.Context, doing string, err error) {
	if _, refused := Refused(err); refused {
		x.ok("this role may not %s", doing)
		return
	}
	err = x.s.explain(ctx, doing, err)
	remedy := "look whether the server runs, and can be reached from here"
	if setup, ok := errors.AsType[*lull.SetupError](err); ok {
		remedy = setup.Hint
	}
	x.problem(remedy, "%v", err)
}

// connect opens a connection of its own, so that it can be said how long that takes.
func (x *inspection) connect(ctx context.Context) (*link, bool) {
	began := time.Now()
	c, err := connect(ctx, x.s.address.config)
	if err != nil {
		x.failed(ctx, "connect to the database", err)
		return nil, false
	}
	connected := time.Since(began)
	began = time.Now()
	if _, err := askText(ctx, c.PgConn, "select ''"); err != nil {
		x.failed(ctx, "ask the database", err)
		_ = c.Close(ctx)
		return nil, false
	}
	x.ok("a connection takes %s, and a question on it %s", rounded(connected), rounded(time.Since(began)))
	x.encryption(c.PgConn)
	return c, true
}

func rounded(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

// askText is callOn with strings.
func askText(ctx context.Context, c *pgconn.PgConn, sql string, args ...string) (string, error) {
	params := make([][]byte, len(args))
	for i, a := range args {
		params[i] = []byte(a)
	}
	value, err := callOn(ctx, c, sql, params...)
	return string(value), err
}

// askJSON asks for one object.
func askJSON(ctx context.Context, c *pgconn.PgConn, answer any, sql string, args ...string) error {
	text, err := askText(ctx, c, sql, args...)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), answer)
}

// sentence joins words for a sentence.
func sentence(words []string) string {
	words = slices.Clone(words)
	if n := len(words); n > 1 {
		words = append(words[:n-2], words[n-2]+" and "+words[n-1])
	}
	return strings.Join(words, ", ")
}
