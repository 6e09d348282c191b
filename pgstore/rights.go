package pgstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lull-dev/lull"
)

// Right is what a role may be let do.
type Right string

// The rights. A role without any may do nothing.
const (
	RightJob    Right = "job"    // pass gates; it sees no command lines
	RightDeploy Right = "deploy" // close and open gates, and all that the others may
	RightView   Right = "view"   // see everything
)

// verbs are the functions that a right lets a role call which no smaller one does:
// the grants are in migrations/00003_reading.sql.
var verbs = map[Right][]string{
	RightJob:    {"enter", "poll", "poll_all", "force", "leave", "renew", "events", "usual", "traffic", "gates", "inspect"},
	RightDeploy: {"close", "drain", "begin", "stop", "extend", "open", "record"},
	RightView:   {"snapshot", "events_after", "status", "job", "history"},
}

// Grant gives a role a right. The role is named as it is called, without quotes; it
// must exist. Only the schema's owner may grant: to others it is a *[lull.SetupError]
// for which [Refused] is true.
func (s *Store) Grant(ctx context.Context, right Right, role string) error {
	if verbs[right] == nil {
		return fmt.Errorf("there is no right %q", right)
	}
	statement := fmt.Sprintf("select %s.%s($1::text::regrole)", quoted(s.address.schema), quoted("grant_"+string(right)))
	_, err := s.links.use(ctx, func(c *pgconn.PgConn) error {
		_, err := callOn(ctx, c, statement, []byte(quoted(role)))
		return err
	})
	if err != nil {
		return s.explain(ctx, fmt.Sprintf("let role %q do what a %s needs", role, right), err)
	}
	return nil
}

// Refused reports whether an error says that the role lacks a right, and which right
// has what was asked for: "" where that cannot be told.
func Refused(err error) (Right, bool) {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || pg.Code != noPrivilege {
		return "", false
	}
	// The message is in the server's language, and names the function.
	words := strings.FieldsFunc(pg.Message, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') })
	for right, names := range verbs {
		if len(words) > 0 && slices.Contains(names, words[len(words)-1]) {
			return right, true
		}
	}
	return "", true
}

// NotLetIn reports whether an error says that the server wants another password, or
// one at all, or does not know the role.
func NotLetIn(err error) bool {
	if _, setup := errors.AsType[*lull.SetupError](err); !setup {
		return false
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == wrongPassword || pg.Code == notLetIn || pg.Code == protocolViolation && strings.Contains(pg.Message, "auth") || strings.HasPrefix(pg.Message, "empty password"))
}

// HasPassword reports whether a store's URL has a password in it, which [Mask] takes
// away.
func HasPassword(text string) bool {
	u, err := splitURL(text)
	return err == nil && (u.password != "" || slices.ContainsFunc(u.query, func(p pair) bool { return slices.Contains(secretKeys, p.key) }))
}
