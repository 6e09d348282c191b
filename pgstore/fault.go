package pgstore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lull-dev/lull"
)

// fault turns an error of pgconn into one that a caller can act on: ctx's own, a
// *[lull.SetupError] if a person must see to it, [lull.ErrUnavailable] if trying again
// may heal it. All else is a mistake of ours, and is only given a context. The
// server's *[pgconn.PgError] stays in it; what else pgconn knows does not, since that
// has the password in it.
//
// A deadline that passes while a connection is made may be ctx's or the connection's
// own. It is taken for the latter: ask ctx first.
func fault(doing string, err error) error {
	if err == nil {
		return nil
	}
	connecting, isConnecting := errors.AsType[*pgconn.ConnectError](err)
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded) && !isConnecting:
		return context.DeadlineExceeded
	}
	v := judge(err)
	if isConnecting {
		v = judgeConnecting(connecting)
	}
	return v.about(doing)
}

// verdict is what an error comes to.
type verdict struct {
	kind       kind
	what, hint string // for a person, of setup
	says       string // the error in a line
	pg         *pgconn.PgError
}

// kind is what to do about an error. Of the errors of several hosts and ways to
// connect, the greatest is told.
type kind int

const (
	mistake kind = iota
	noTLS        // setup, unless the way without TLS tells more
	silence      // nobody answered: heals
	heals        // a server said so
	setup
)

// said is an error's text for people, and the error.
type said struct {
	text string
	err  error // may be nil
}

func (s said) Error() string { return s.text }
func (s said) Unwrap() error { return s.err }

func (v verdict) about(doing string) error {
	cause := said{text: doing + ": " + v.says}
	if v.pg != nil {
		cause.err = v.pg
	}
	switch v.kind {
	case noTLS, setup:
		return &lull.SetupError{What: v.what, Hint: v.hint, Err: cause}
	case silence, heals:
		return fmt.Errorf("%w: %w", lull.ErrUnavailable, cause)
	}
	return cause
}

// judgeConnecting picks the error that tells most from those of all hosts, of all
// their addresses, with TLS and without.
func judgeConnecting(connecting *pgconn.ConnectError) verdict {
	var told verdict
	for _, err := range leaves(connecting) {
		v := judge(err)
		switch {
		case v.pg == nil && v.kind == mistake:
			v.kind = silence // whatever it is, it is not our call's
		case v.kind == mistake:
			v.kind, v.what, v.hint = setup, "the server does not accept what the URL says", "look at options, and PGOPTIONS"
		case v.pg != nil && v.pg.Code == wrongPassword && connecting.Config.Password == "":
			v.what, v.hint = "the server wants a password, and there is none", "put it into ~/.pgpass (host:port:database:user:password, chmod 600) or PGPASSWORD"
		}
		if where, ok := tried(err); ok {
			v.says = "connect to " + where + ": " + v.says
		}
		if v.kind > told.kind {
			told = v
		}
	}
	return told
}

// leaves are the errors that were joined into one.
func leaves(err error) []error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		joined, ok := e.(interface{ Unwrap() []error })
		if !ok {
			continue
		}
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, leaves(e)...)
		}
		return all
	}
	return []error{err}
}

// tried is where an attempt to connect went, which pgconn says at the beginning of
// its text only: "10.0.0.1:5432 (db1): …".
func tried(err error) (string, bool) {
	address, rest, _ := strings.Cut(err.Error(), " (")
	name, _, ok := strings.Cut(rest, "): ")
	host, _, notTCP := net.SplitHostPort(address)
	switch {
	case ok && notTCP == nil && host != name:
		return name + " (" + address + ")", true
	case ok && (notTCP == nil || strings.HasPrefix(address, "/")):
		return address, true
	}
	return "", false
}

// judge judges one error.
func judge(err error) verdict {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		v := judgeServer(pg)
		v.pg = pg
		if v.says == "" {
			v.says = fmt.Sprintf("%s (SQLSTATE %s)", pg.Message, pg.Code)
		}
		return v
	}
	if errors.Is(err, pgconn.ErrReadOnlyConnection) || errors.Is(err, pgconn.ErrStandbyConnection) {
		return verdict{kind: heals, says: "it is a standby, or read only"}
	}
	if v := judgeSecurity(err); v.kind != mistake {
		return v
	}
	return judgeNetwork(err)
}

// judgeSecurity is about those that came to nothing since one side does not trust
// the other.
func judgeSecurity(err error) verdict {
	text, cause := err.Error(), innermost(err).Error()
	op, isOp := errors.AsType[*net.OpError](err)
	switch {
	case isUntrusted(err):
		return verdict{kind: setup, what: "the server's certificate is not trusted", hint: trustHint, says: cause}
	case isOp && op.Op == "remote error": // crypto/tls: an alert of the other side's
		return verdict{kind: noTLS, what: "the server does not accept our side of TLS", hint: "look at sslcert, sslkey and sslmode", says: cause}
	// pgconn has no types for these.
	case strings.Contains(text, "server refused TLS connection"):
		return verdict{kind: noTLS, what: "the server does not speak TLS", hint: "set ssl = on there, or do without by sslmode=prefer", says: cause}
	case strings.Contains(text, "channel binding"), strings.Contains(text, "require_auth check failed"), strings.Contains(text, "sslcertmode check failed"):
		return verdict{kind: setup, what: "the server is not as safe as the URL wants it", hint: "look at require_auth, channel_binding and sslcertmode", says: cause}
	case strings.Contains(text, "failed GSS auth"):
		return verdict{kind: setup, what: "the server wants Kerberos, which lull does not speak", hint: "let this role in with scram-sha-256 or a certificate, in pg_hba.conf", says: cause}
	}
	return verdict{}
}

const trustHint = "name its authority with sslrootcert=FILE; for sslmode=verify-full the certificate must be for the host as the URL has it"

func isUntrusted(err error) bool {
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	return unverified || unknown || invalid || host
}

// judgeNetwork is about those that got no answer, or only the beginning of one.
func judgeNetwork(err error) verdict {
	_, isNetwork := errors.AsType[net.Error](err)
	op, isOp := errors.AsType[*net.OpError](err)
	dns, isDNS := errors.AsType[*net.DNSError](err)
	errno, isErrno := errors.AsType[syscall.Errno](err)
	v := verdict{kind: silence}
	switch {
	case isDNS:
		// Not there may mean not there yet: a container's name comes and goes with it.
		v.says = fmt.Sprintf("host %q: %s", dns.Name, dns.Err)
	case isOp && op.Op == "dial" && op.Net == "unix" && errors.Is(err, os.ErrPermission):
		return verdict{kind: setup, what: "the server's socket may not be used by this user", hint: "see unix_socket_permissions, or connect by TCP", says: errno.Error()}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.EPIPE):
		v.says = "the server closed the connection"
	case pgconn.Timeout(err), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		v.says = "no answer in time"
	case isErrno:
		v.says = errno.Error()
	case errors.Is(err, pgconn.ErrConnClosed), errors.Is(err, net.ErrClosed):
		v.says = "the connection is closed"
	default:
		v.says = firstLine(innermost(err).Error())
		if !isNetwork {
			v.kind = mistake
		}
	}
	return v
}

// innermost is what it all began with.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	wrongPassword     = "28P01"
	notLetIn          = "28000"
	noDatabase        = "3D000"
	noPrivilege       = "42501"
	readOnly          = "25006"
	protocolViolation = "08P01" // nearly all that PgBouncer says by itself
)

// judgeServer is about what the server says, or a pooler in front of it.
func judgeServer(pg *pgconn.PgError) verdict {
	switch pg.Code {
	case wrongPassword:
		return verdict{kind: setup, what: "the server does not accept the password", hint: "look at the URL, PGPASSWORD and ~/.pgpass"}
	case notLetIn:
		return verdict{kind: setup, what: "the server does not let us in", hint: "is there such a role, and does pg_hba.conf let it in from this host?"}
	case noDatabase:
		return verdict{kind: setup, what: "there is no such database", hint: "make it with createdb, or name another in the URL"}
	case noPrivilege:
		return verdict{kind: setup, what: "the role may not do this", hint: "the schema's owner lets it: select lull.grant_job('ROLE'), or grant_deploy; see docs/postgres.md"}
	case "3F000", "42883", "42P01", "42703": // no such schema, function, table, column
		return verdict{kind: setup, what: "the database has no lull schema, or an older one", hint: "run: lull migrate"}
	case readOnly:
		return verdict{kind: heals, says: "the server is a standby, or read only: name all hosts in the URL, with target_session_attrs=read-write"}
	case protocolViolation:
		return judgePooler(pg.Message)
	}
	if slices.ContainsFunc(healing, func(h string) bool { return strings.HasPrefix(pg.Code, h) }) {
		return verdict{kind: heals}
	}
	return verdict{}
}

// healing are the codes, and beginnings of codes, that are over sooner or later.
var healing = []string{
	"08",             // connection
	"25P02",          // a transaction that failed before, which should not be ours
	"25P03", "25P04", // a transaction that idled, or took too long
	"40",             // rolled back: serialization, deadlock
	"53",             // out of connections, memory, disk
	"55006", "55P03", // an object or a lock is taken
	"57",    // a timeout, or the server shuts down, crashed, starts
	"58",    // I/O
	"XX000", // what PostgreSQL did not foresee, such as two grants at a time
}

// judgePooler knows PgBouncer's own errors by their beginnings. What is not here is
// about the server behind it, or about too many clients, and heals.
func judgePooler(message string) verdict {
	for _, p := range []struct{ begins, what, hint string }{
		{"transaction blocks not allowed in statement pooling", "PgBouncer pools by statement here (pool_mode = statement)", "lull needs pool_mode = transaction or session"},
		{"unsupported startup parameter", "PgBouncer does not know a parameter that is sent", "leave out options, PGOPTIONS too; or name it in ignore_startup_parameters"},
		{"unsupported options startup parameter", "PgBouncer does not understand options", "leave out options, PGOPTIONS too"},
		{"no such database", "PgBouncer has no such database", "add it to pgbouncer.ini, or name another in the URL"},
		{"no such user", "PgBouncer does not let us in", "see auth_file and auth_query"},
		{"password authentication failed", "PgBouncer does not accept the password", "look at the URL, PGPASSWORD and ~/.pgpass, and at its auth_file"},
		{"SASL authentication failed", "PgBouncer does not accept the password", "look at the URL, PGPASSWORD and ~/.pgpass, and at its auth_file"},
		{"empty password returned by client", "PgBouncer wants a password, and there is none", "put it into ~/.pgpass or PGPASSWORD"},
		{"certificate authentication failed", "PgBouncer does not let us in", "look at sslcert and sslkey"},
		{"unix socket login rejected", "PgBouncer does not let us in", "its auth_type is peer: be that user, or connect by TCP"},
		{"login rejected", "PgBouncer does not let us in", "look at its auth_hba_file"},
		{"SSL required", "PgBouncer wants TLS", "set sslmode=require, or better verify-full"},
		{"bouncer config error", "PgBouncer is not set up right", "look at its log"},
	} {
		if strings.HasPrefix(message, p.begins) {
			return verdict{kind: setup, what: p.what, hint: p.hint}
		}
	}
	if strings.HasSuffix(message, "does not exist") { // the server's own words, which lose their code in old releases
		return verdict{kind: setup, what: "there is no such database or role behind PgBouncer", hint: "look at pgbouncer.ini, and name another in the URL"}
	}
	return verdict{kind: heals}
}
