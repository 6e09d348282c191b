package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// BouncerConfig says what a Bouncer shall be. The zero value pools transactions for
// Superuser.
type BouncerConfig struct {
	// PoolMode is "transaction" (if empty), "session" or "statement".
	PoolMode string
	// Users may log in beside Superuser. Make them with CreateUser.
	Users []string
	// TLS, unless nil, lets clients use TLS.
	TLS *Certificates
	// Settings go into the section [pgbouncer], over those that this package makes.
	Settings map[string]string
}

// Bouncer is PgBouncer before a Server. It listens on a socket and on a port of
// 127.0.0.1, which stay the same when it is restarted; clients log in with SCRAM on
// both, and it does so at the server.
//
// Stop, Start, Restart and Close are for one goroutine; all other methods may be used
// from many.
type Bouncer struct {
	space   *workspace
	program string
	dir     string
	server  *Server
	config  BouncerConfig
	port    int
	process *process
}

// StartBouncer starts PgBouncer before a server. Close it.
func StartBouncer(ctx context.Context, server *Server, c BouncerConfig) (*Bouncer, error) {
	program, err := findBouncer()
	if err != nil {
		return nil, err
	}
	b := &Bouncer{space: server.space, program: program, server: server, config: c}
	if b.dir, err = b.space.place(); err != nil {
		return nil, err
	}
	if c.TLS != nil {
		err = c.TLS.install(b.space.account, b.dir)
	}
	if err == nil {
		err = b.writeUsers()
	}
	if err == nil {
		err = onFreePort(func(port int) error {
			b.port = port
			if err := b.configure(); err != nil {
				return err
			}
			return b.Start(ctx)
		})
	}
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// NewBouncer is StartBouncer for a test, which it fails, and closes at its end.
func NewBouncer(t testing.TB, server *Server, c BouncerConfig) *Bouncer {
	t.Helper()
	b, err := StartBouncer(t.Context(), server, c)
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, "pgbouncer", b)
	return b
}

func findBouncer() (string, error) {
	const debians = "/usr/sbin/pgbouncer" // which is not on everybody's PATH
	if _, err := os.Stat(debians); err == nil {
		return debians, nil
	}
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		return "", errors.New("no PgBouncer here: install Debian's pgbouncer package")
	}
	return program, nil
}

// Start starts a stopped PgBouncer and returns when it answers. The error has the end
// of the log.
func (b *Bouncer) Start(ctx context.Context) error {
	if b.running() {
		return errors.New("start pgbouncer: it runs already")
	}
	logged := len(b.Log())
	cmd := b.space.command(context.Background(), b.program, b.iniFile())
	p, err := startProcess(cmd, b.logFile(), syscall.SIGKILL)
	if err != nil {
		return fmt.Errorf("start pgbouncer: %w", err)
	}
	b.process = p
	err = poll(ctx, func() (bool, error) {
		if p.ended() {
			return false, fmt.Errorf("it ended: %w", p.err)
		}
		answers := b.answers(ctx)
		// A taken port is a warning to PgBouncer, which goes on with its socket.
		if strings.Contains(b.Log()[logged:], "cannot listen on") {
			return false, fmt.Errorf("it cannot listen on %s", b.Addr())
		}
		return answers, nil
	})
	if err != nil {
		p.end(syscall.SIGKILL)
		return fmt.Errorf("start pgbouncer: %w\n%s", err, tail(b.Log()))
	}
	return nil
}

// answers asks the console by the socket: at the port another may answer. PgBouncer
// tries the port first.
func (b *Bouncer) answers(ctx context.Context) bool {
	config, err := pgx.ParseConfig(b.URL("pgbouncer", Superuser))
	if err != nil {
		return false
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false
	}
	conn.Close(ctx)
	return true
}

// Stop ends PgBouncer at once, and with it all its connections. It keeps nothing that
// a kill would lose. To stop a stopped one does nothing.
func (b *Bouncer) Stop() {
	if b.running() {
		b.process.end(syscall.SIGKILL)
	}
}

// Restart stops and starts PgBouncer.
func (b *Bouncer) Restart(ctx context.Context) error {
	b.Stop()
	return b.Start(ctx)
}

// Close stops PgBouncer, and removes everything of it.
func (b *Bouncer) Close() error {
	b.Stop()
	return os.RemoveAll(b.dir)
}

// URL connects by the socket, with Password. An empty database is postgres; an empty
// user is Superuser.
func (b *Bouncer) URL(database, user string) string {
	return socketURL(b.dir, b.port, database, user)
}

// TCPURL connects by the port, with Password; with TLS if PgBouncer has it, and the
// certificate is verified.
func (b *Bouncer) TCPURL(database, user string) string {
	return tcpURL(b.Addr(), b.config.TLS, database, user)
}

// Addr is the host and port that PgBouncer listens on.
func (b *Bouncer) Addr() string { return loopback(b.port) }

// Log is all that PgBouncer has logged since it was made, over restarts.
func (b *Bouncer) Log() string { return readLog(b.logFile()) }

func (b *Bouncer) running() bool   { return b.process != nil && !b.process.ended() }
func (b *Bouncer) iniFile() string { return filepath.Join(b.dir, "pgbouncer.ini") }
func (b *Bouncer) logFile() string { return filepath.Join(b.dir, "log") }
