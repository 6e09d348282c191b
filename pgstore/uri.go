package pgstore

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lull-dev/lull"
)

// uri is a connection URI in its parts, as libpq finds them, and nothing decoded but
// the keys. See https://www.postgresql.org/docs/current/libpq-connect.html.
type uri struct {
	scheme         string
	user, password string
	place          string // hosts, ports and database
	query          []pair
}

// pair is a key, and what stands for it in the query.
type pair struct{ key, raw string }

// splitURL refuses what libpq would take apart in another place than was meant: it
// would look up the rest of a password as a host.
func splitURL(text string) (uri, error) {
	var u uri
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || !slices.Contains(schemes, scheme) {
		return u, wrongURL("it is not a PostgreSQL URL", urlForm)
	}
	u.scheme = scheme
	// Only a slash ends the search for the @: so a password may have a ? in it.
	if i := strings.IndexAny(rest, "@/"); i >= 0 && rest[i] == '@' {
		u.user, u.password, _ = strings.Cut(rest[:i], ":")
		if _, after, ok := strings.Cut(rest[:i], "?"); ok && strings.Contains(after, "=") {
			return u, wrongURL("it may be cut at the ? or at the @ that follows it", "write %3F for a ? in a password, %40 for an @ that is part of a value")
		}
		rest = rest[i+1:]
	}
	place, query, _ := strings.Cut(rest, "?")
	u.place = place
	torn := strings.Contains(place, "@")
	for raw := range strings.SplitSeq(query, "&") {
		p, ok := readPair(raw)
		if ok {
			u.query = append(u.query, p)
		}
		torn = torn || strings.Contains(raw, "@") && !understood(p.key)
	}
	if torn {
		return uri{}, wrongURL("it has an @ too many, or a / before it", "in a password write %40 for @, %2F for /, %3F for ?")
	}
	return u, nil
}

// readPair reads key=value, less strictly than libpq, as Rails does: what has no value
// is passed over, and a value may have a = in it. So is what nobody would look at and
// nobody can read.
func readPair(raw string) (pair, bool) {
	rawKey, value, ok := strings.Cut(raw, "=")
	key, err := url.PathUnescape(rawKey)
	if !ok || err != nil {
		return pair{}, false
	}
	if key == "username" { // Rails calls it so
		key = "user"
	}
	p := pair{key, url.QueryEscape(key) + "=" + strings.ReplaceAll(value, "=", "%3D")}
	_, err = url.PathUnescape(value)
	return p, err == nil || understood(key)
}

func understood(key string) bool {
	return slices.Contains(driverKeys, key) || slices.Contains(ourKeys, key)
}

// join puts the parts together again, of the query and of the passwords those keys
// that are wanted.
func (u uri) join(scheme string, want func(key string) bool) string {
	var b strings.Builder
	b.WriteString(scheme + "://" + u.user)
	if u.password != "" && want("password") {
		b.WriteString(":" + u.password)
	}
	if !strings.HasSuffix(b.String(), "//") {
		b.WriteString("@")
	}
	b.WriteString(u.place)
	mark := "?"
	for _, p := range u.query {
		if want(p.key) {
			b.WriteString(mark + p.raw)
			mark = "&"
		}
	}
	return b.String()
}

// public reports whether a key may be shown. What is not understood may be anything.
func public(key string) bool {
	return understood(key) && !slices.Contains(secretKeys, key)
}

func (u uri) shown() string { return u.join(u.scheme, public) }

// complaint says what is wrong with a URL that pgconn does not take. Its error text
// has the URL in it, with what it recognizes as a password masked; we have it parse
// one without any.
func (u uri) complaint() *lull.SetupError {
	open := u.join("postgres", public)
	_, err := pgconn.ParseConfig(open)
	if err == nil {
		return wrongURL("a password in it is not percent-encoded, or does not open the key", "write %25 for %, or leave the password out: PGPASSWORD and ~/.pgpass are read")
	}
	what, ok := strings.CutPrefix(err.Error(), "cannot parse `"+open+"`: ")
	switch cause := errors.Unwrap(err); {
	case !ok:
		what = "it cannot be read"
	case cause != nil && strings.HasPrefix(what, "failed to "):
		what = cause.Error()
	}
	return wrongURL(what, "it is read as by psql: https://www.postgresql.org/docs/current/libpq-connect.html")
}

const urlForm = "write it like postgres://user@host:5432/database; the password may stand in ~/.pgpass"
