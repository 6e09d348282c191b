package pgstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lull-dev/lull"
)

// The SQLSTATEs that our functions raise.
const (
	codeIsolation = "LULL1" // the transaction is not read committed
	codeOlder     = "LULL2" // the schema is older than the caller needs
	codeNewer     = "LULL3" // … or so new that it does not serve it
)

func isCode(err error, code string) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == code
}

// explain is fault, which knows our schema.
func (s *Store) explain(ctx context.Context, doing string, err error) error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return fault(doing, err)
	}
	switch e.Code {
	case codeOlder:
		return s.older(err)
	case codeNewer:
		return s.newer(err)
	case "3F000", "42883", "42P01": // no such schema, function, table
		return s.explainMissing(ctx, doing, err)
	}
	return fault(doing, err)
}

// explainMissing says why a function of ours is not there.
func (s *Store) explainMissing(ctx context.Context, doing string, err error) error {
	steps, version, unknown := s.Migrations(ctx)
	switch {
	case isCode(unknown, noPrivilege): // as is a job's role
		return &lull.SetupError{
			What: fmt.Sprintf("the schema %q in the database is of another release than this lull", s.address.schema),
			Hint: "its owner brings it up to date with: lull migrate; if it is a later release's, update lull on this host", Err: err,
		}
	case unknown != nil:
		return fault(doing, err)
	case version == 0:
		return &lull.SetupError{
			What: fmt.Sprintf("the database has no schema %q of lull", s.address.schema),
			Hint: "make it with: lull migrate", Err: err,
		}
	case version < steps[len(steps)-1].Version:
		return s.older(err)
	}
	return s.newer(err)
}

func (s *Store) older(err error) error {
	return &lull.SetupError{
		What: fmt.Sprintf("the schema %q in the database is older than this lull needs", s.address.schema),
		Hint: "bring it up to date with: lull migrate", Err: err,
	}
}

func (s *Store) newer(err error) error {
	return &lull.SetupError{
		What: fmt.Sprintf("the schema %q in the database is that of a later release, which does not serve this one", s.address.schema),
		Hint: "update lull on this host", Err: err,
	}
}
