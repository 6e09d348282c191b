package pgtest

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// ApplicationName is that of the sessions this package makes for itself.
const ApplicationName = "pgtest"

// URL connects by the socket. An empty database is postgres; an empty user is
// Superuser. It has Password, which the socket asks for only if HBA says so.
func (s *Server) URL(database, user string) string {
	return socketURL(s.socketDir(), s.port, database, user)
}

// TCPURL connects by the port, with Password; with TLS if the server has it, and the
// certificate is verified.
func (s *Server) TCPURL(database, user string) string {
	return tcpURL(s.Addr(), s.tls, database, user)
}

// Addr is the host and port that the server listens on.
func (s *Server) Addr() string { return loopback(s.port) }

func socketURL(dir string, port int, database, user string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(cmp.Or(user, Superuser), Password), Path: "/" + cmp.Or(database, "postgres")}
	u.RawQuery = url.Values{"host": {dir}, "port": {strconv.Itoa(port)}}.Encode()
	return u.String()
}

func tcpURL(addr string, tls *Certificates, database, user string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(cmp.Or(user, Superuser), Password), Host: addr, Path: "/" + cmp.Or(database, "postgres")}
	parameters := url.Values{"sslmode": {"disable"}}
	if tls != nil {
		parameters = url.Values{"sslmode": {"verify-full"}, "sslrootcert": {tls.CAFile}}
	}
	u.RawQuery = parameters.Encode()
	return u.String()
}

// Connect opens a session of the superuser. Close it.
func (s *Server) Connect(ctx context.Context, database string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(s.URL(database, ""))
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["application_name"] = ApplicationName
	return pgx.ConnectConfig(ctx, config)
}

// Exec executes a statement, or several if there are no arguments, as the superuser
// in a session of its own. An empty database is postgres.
func (s *Server) Exec(ctx context.Context, database, sql string, args ...any) error {
	conn, err := s.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, sql, args...)
	return err
}

// Value returns the one value that a query of the superuser gives.
func Value[T any](ctx context.Context, s *Server, database, sql string, args ...any) (T, error) {
	var none T
	conn, err := s.Connect(ctx, database)
	if err != nil {
		return none, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return none, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
}

// CreateDatabase makes an empty database.
func (s *Server) CreateDatabase(ctx context.Context, name string) error {
	return s.Exec(ctx, "", "create database "+pgx.Identifier{name}.Sanitize())
}

// CreateUser makes a user with Password who may log in. Options are those of CREATE
// ROLE, such as "connection limit 2".
func (s *Server) CreateUser(ctx context.Context, name, options string) error {
	return s.Exec(ctx, "", fmt.Sprintf("create role %s login password %s %s", pgx.Identifier{name}.Sanitize(), quote(Password), options))
}

// TerminateBackends ends the sessions of clients for which a condition on
// pg_stat_activity holds, such as "datname = $1", and returns how many there were
// when they have gone. An empty condition ends all.
func (s *Server) TerminateBackends(ctx context.Context, where string, args ...any) (int, error) {
	// pg_terminate_backend waits until the process has gone, up to so many milliseconds.
	count, err := Value[int](ctx, s, "", `
		select count(*) filter (where pg_terminate_backend(pid, 10000))
		from pg_stat_activity
		where backend_type = 'client backend' and pid <> pg_backend_pid()
		and (`+cmp.Or(where, "true")+`)`, args...)
	if err != nil {
		return 0, fmt.Errorf("terminate backends: %w", err)
	}
	return count, nil
}
