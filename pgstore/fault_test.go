package pgstore

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/lull-dev/lull"
)

const doing = `close gate "default"`

// What a fault may be, in tests.
const (
	isSetup       = "setup"
	isUnavailable = "unavailable"
	isMistake     = "mistake"
)

// wantFault wants one kind of fault, and in its text what it says.
func wantFault(t *testing.T, about string, err error, kind, says string) {
	t.Helper()
	setup, ok := errors.AsType[*lull.SetupError](err)
	got := isMistake
	switch {
	case ok && !errors.Is(err, lull.ErrUnavailable):
		got = isSetup
		if setup.What == "" || setup.Hint == "" {
			t.Errorf("%s: what %q, hint %q", about, setup.What, setup.Hint)
		}
	case errors.Is(err, lull.ErrUnavailable) && !ok:
		got = isUnavailable
	}
	if got != kind {
		t.Errorf("%s: %v is %s, want %s", about, err, got, kind)
	}
	if text := fmt.Sprint(err); !strings.Contains(text, doing+": ") || !strings.Contains(text, says) || strings.Contains(text, "\n") {
		t.Errorf("%s: says %q, want %q", about, text, says)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		t.Errorf("%s: %v is taken for ctx's", about, err)
	}
	neverSecret(t, about, err)
}

func TestWhatTheServerSays(t *testing.T) {
	for _, test := range []struct{ code, message, kind, says string }{
		{"28P01", `password authentication failed for user "ann"`, isSetup, "does not accept the password"},
		{"28000", `role "ann" does not exist`, isSetup, "does not let us in"},
		{"3D000", `database "shop" does not exist`, isSetup, "no such database"},
		{"42501", "permission denied for function enter", isSetup, "may not do this"},
		{"3F000", `schema "lull" does not exist`, isSetup, "no lull schema"},
		{"42883", "function lull.enter(jsonb) does not exist", isSetup, "no lull schema"},
		{"42P01", `relation "gate" does not exist`, isSetup, "no lull schema"},
		{"42703", `column "sign" does not exist`, isSetup, "no lull schema"},

		{"57P01", "terminating connection due to administrator command", isUnavailable, "administrator command (SQLSTATE 57P01)"},
		{"57P02", "terminating connection because of crash of another server process", isUnavailable, "crash"},
		{"57P03", "the database system is starting up", isUnavailable, "starting up"},
		{"57P05", "terminating connection due to idle-session timeout", isUnavailable, "idle"},
		{"57014", "canceling statement due to statement timeout", isUnavailable, "statement timeout"},
		{"53300", "sorry, too many clients already", isUnavailable, "too many"},
		{"53100", "could not extend file", isUnavailable, "extend"},
		{"53200", "out of memory", isUnavailable, "memory"},
		{"55P03", "canceling statement due to lock timeout", isUnavailable, "lock timeout"},
		{"55006", "database is being accessed by other users", isUnavailable, "accessed"},
		{"25P02", "current transaction is aborted", isUnavailable, "aborted"},
		{"25P03", "terminating connection due to idle-in-transaction timeout", isUnavailable, "idle"},
		{"25P04", "terminating connection due to transaction timeout", isUnavailable, "transaction timeout"},
		{"25006", "cannot execute INSERT in a read-only transaction", isUnavailable, "target_session_attrs=read-write"},
		{"40001", "could not serialize access", isUnavailable, "serialize"},
		{"40P01", "deadlock detected", isUnavailable, "deadlock"},
		{"58030", "could not read block", isUnavailable, "block"},
		{"XX000", "tuple concurrently updated", isUnavailable, "tuple"},
		{"08006", "connection failure", isUnavailable, "failure"},

		{"23505", "duplicate key value violates unique constraint", isMistake, "duplicate key"},
		{"42601", "syntax error", isMistake, "syntax error (SQLSTATE 42601)"},
		{"22P02", "invalid input syntax for type json", isMistake, "json"},
		{"LULL1", "not read committed", isMistake, "read committed"},
		{"", "", isMistake, ""},

		// PgBouncer's, from 1.18 to 1.25; client.c, server.c, objects.c, janitor.c.
		{"08P01", "transaction blocks not allowed in statement pooling mode", isSetup, "PgBouncer pools by statement here (pool_mode = statement)"},
		{"08P01", "unsupported startup parameter: options", isSetup, "does not know a parameter"},
		{"08P01", "unsupported startup parameter in options: jit", isSetup, "does not know a parameter"},
		{"08P01", "unsupported options startup parameter: only '-c config=val' is allowed", isSetup, "does not understand options"},
		{"08P01", "no such database: shop", isSetup, "no such database"},
		{"08P01", "no such user", isSetup, "does not let us in"},
		{"08P01", "password authentication failed", isSetup, "does not accept the password"},
		{"08P01", "SASL authentication failed", isSetup, "does not accept the password"},
		{"08P01", "empty password returned by client", isSetup, "there is none"},
		{"08P01", "SSL required", isSetup, "wants TLS"},
		{"08P01", "bouncer config error", isSetup, "not set up right"},
		{"08P01", "server login failed: FATAL password authentication failed for user \"ann\"", isUnavailable, "server login failed"},
		{"08P01", "server login has been failing, try again later (server_login_retry)", isUnavailable, "server_login_retry"},
		{"08P01", "pgbouncer cannot connect to server", isUnavailable, "cannot connect to server"},
		{"08P01", "query_wait_timeout", isUnavailable, "query_wait_timeout"},
		{"08P01", "client_login_timeout (server down)", isUnavailable, "server down"},
		{"08P01", "no more connections allowed (max_client_conn)", isUnavailable, "max_client_conn"},
		{"08P01", "server conn crashed?", isUnavailable, "crashed"},
		{"08P01", `database "shop" does not exist`, isSetup, "no such database or role behind PgBouncer"},
		{"08P01", `database "shop" is disabled`, isUnavailable, "disabled"},
		{"53300", "no more connections allowed (max_client_conn)", isUnavailable, "max_client_conn"},
	} {
		e := &pgconn.PgError{Severity: "ERROR", Code: test.code, Message: test.message}
		err := fault(doing, fmt.Errorf("any: %w", e))
		wantFault(t, test.code+" "+test.message, err, test.kind, test.says)
		if got, ok := errors.AsType[*pgconn.PgError](err); !ok || got != e {
			t.Errorf("%s: the server's error is not in %#v", test.code, err)
		}
	}
}

func TestWhatTheNetworkSays(t *testing.T) {
	dial := func(network, addr string, err error) error {
		return &net.OpError{Op: "dial", Net: network, Addr: &net.UnixAddr{Name: addr, Net: network}, Err: os.NewSyscallError("connect", err)}
	}
	for _, test := range []struct {
		err        error
		kind, says string
	}{
		{io.ErrUnexpectedEOF, isUnavailable, "the server closed the connection"},
		{io.EOF, isUnavailable, "the server closed the connection"},
		{&net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, isUnavailable, ": connection reset by peer"},
		{&net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}, isUnavailable, "the server closed the connection"},
		{&net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}, isUnavailable, "no answer in time"},
		{dial("tcp", "", syscall.ECONNREFUSED), isUnavailable, ": connection refused"},
		{dial("tcp", "", syscall.EACCES), isUnavailable, ": permission denied"},
		{dial("unix", "/run/x", syscall.ENOENT), isUnavailable, ": no such file or directory"},
		{dial("unix", "/run/x", syscall.EACCES), isSetup, "may not be used by this user"},
		{&net.DNSError{Name: "db", Err: "server misbehaving", IsTemporary: true}, isUnavailable, `host "db": server misbehaving`},
		{&net.DNSError{Name: "db", Err: "no such host", IsNotFound: true}, isUnavailable, `host "db": no such host`},
		{pgconn.ErrConnClosed, isUnavailable, "the connection is closed"},
		{net.ErrClosed, isUnavailable, "the connection is closed"},
		{errors.New("conn busy"), isMistake, ": conn busy"},
	} {
		wantFault(t, test.says, fault(doing, fmt.Errorf("any: %w", test.err)), test.kind, test.says)
	}
	if err := fault(doing, nil); err != nil {
		t.Errorf("nothing is a fault: %v", err)
	}
}

func TestTheEndOfTheCallersTimeIsItsOwn(t *testing.T) {
	silent := serving(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := fault(doing, connectTo(ctx, t, time.Minute, silent, "")); err != context.Canceled {
		t.Errorf("%v", err)
	}
	for _, err := range []error{context.Canceled, context.DeadlineExceeded} {
		if got := fault(doing, fmt.Errorf("timeout: %w", err)); got != err {
			t.Errorf("%v", got)
		}
	}
}

// serving is a server of the test's own: each of its connections is given to serve.
func serving(t *testing.T, serve func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				serve(c)
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	return l.Addr().String()
}

// connectTo tries to connect with a password, and returns pgconn's error.
func connectTo(ctx context.Context, t *testing.T, within time.Duration, hosts, query string) error {
	t.Helper()
	cleanEnvironment(t)
	a := mustParse(t, "postgres://ann:"+secret+"@"+hosts+"/shop?sslmode=disable&"+query)
	a.config.ConnectTimeout = within
	c, err := connect(ctx, a.config)
	if err == nil {
		_ = c.Close(ctx)
		t.Fatalf("connected to %s", hosts)
	}
	return err
}

// closedPort is where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// startup reads what a client begins with.
func startup(c net.Conn) *pgproto3.Backend {
	b := pgproto3.NewBackend(c, c)
	_, _ = b.ReceiveStartupMessage()
	return b
}

// saying is a server that lets nobody in.
func saying(t *testing.T, code, message string) string {
	return serving(t, func(c net.Conn) {
		b := startup(c)
		b.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: code, Message: message})
		_ = b.Flush()
	})
}

// wanting is a server that lets everybody in who does what it asks for.
func wanting(t *testing.T, first pgproto3.BackendMessage) string {
	return serving(t, func(c net.Conn) {
		b := startup(c)
		b.Send(first)
		b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		_ = b.Flush()
		_, _ = io.Copy(io.Discard, c)
	})
}

func TestWhatConnectingSays(t *testing.T) {
	refuses := closedPort(t)
	hangsUp := serving(t, func(c net.Conn) { startup(c) })
	noTLS := serving(t, func(c net.Conn) { startup(c); _, _ = c.Write([]byte("N")) })
	untrusted := serving(t, func(c net.Conn) {
		startup(c)
		_, _ = c.Write([]byte("S"))
		_ = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}).Handshake()
	})
	alerting := serving(t, func(c net.Conn) {
		startup(c)
		_, _ = c.Write([]byte("S"))
		// Nobody speaks TLS 1.0 any more.
		_ = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}, MaxVersion: tls.VersionTLS10}).Handshake()
	})
	starting := saying(t, "57P03", "the database system is starting up")
	wrong := saying(t, "28P01", `password authentication failed for user "ann"`)
	noHBA := saying(t, "28000", "no pg_hba.conf entry")
	lenient := wanting(t, &pgproto3.AuthenticationOk{})
	kerberos := wanting(t, &pgproto3.AuthenticationGSS{})
	authority := filepath.Join(t.TempDir(), "authority")
	writeAuthority(t, authority)

	for _, test := range []struct{ hosts, query, kind, says string }{
		{refuses, "", isUnavailable, "connect to " + refuses + ": connection refused"},
		{hangsUp, "", isUnavailable, "connect to " + hangsUp + ": the server closed the connection"},
		{starting, "", isUnavailable, "connect to " + starting + ": the database system is starting up (SQLSTATE 57P03)"},
		{wrong, "", isSetup, "does not accept the password: " + doing + ": connect to " + wrong + ": password authentication failed"},
		{noHBA, "", isSetup, "no pg_hba.conf entry (SQLSTATE 28000)"},
		{"", "host=/no/such/dir", isUnavailable, "connect to /no/such/dir/.s.PGSQL.5432: no such file or directory"},

		// Several hosts: a server's word counts more than none, and what is wrong more than what heals.
		{refuses + "," + starting, "", isUnavailable, "starting up"},
		{refuses + "," + wrong, "", isSetup, "does not accept the password"},
		{starting + "," + noHBA, "", isSetup, "no pg_hba.conf entry"},

		{noTLS, "sslmode=require", isSetup, "does not speak TLS"},
		{noTLS, "sslmode=prefer", isUnavailable, "the server closed the connection"},
		{untrusted, "sslmode=verify-full&sslrootcert=" + authority, isSetup, "the server's certificate is not trusted"},
		{untrusted, "sslmode=verify-ca&sslrootcert=" + authority, isSetup, "the server's certificate is not trusted"},
		{untrusted, "sslmode=verify-full", isSetup, "the server's certificate is not trusted"},
		{alerting, "sslmode=require", isSetup, "does not accept our side of TLS"},
		{refuses, "sslmode=require", isUnavailable, "connection refused"},

		{lenient, "require_auth=scram-sha-256", isSetup, "not as safe as the URL wants it"},
		{lenient, "channel_binding=require", isSetup, "not as safe as the URL wants it"},
		{kerberos, "", isSetup, "wants Kerberos"},
	} {
		err := connectTo(t.Context(), t, time.Minute, test.hosts, test.query)
		wantFault(t, test.hosts+" "+test.query, fault(doing, fmt.Errorf("any: %w", err)), test.kind, test.says)
	}
}

func TestASilentServerIsUnavailable(t *testing.T) {
	silent := serving(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	refuses := closedPort(t)
	for hosts, says := range map[string]string{
		silent:                 "connect to " + silent + ": no answer in time",
		refuses + "," + silent: "connect to " + refuses + ": connection refused",
	} {
		err := connectTo(t.Context(), t, 50*time.Millisecond, hosts, "")
		wantFault(t, hosts, fault(doing, err), isUnavailable, says)
	}
}

func TestAPasswordThatIsMissingIsSaid(t *testing.T) {
	cleanEnvironment(t)
	wrong := saying(t, "28P01", `password authentication failed for user "ann"`)
	_, err := connect(t.Context(), mustParse(t, "postgres://ann@"+wrong+"/shop?sslmode=disable").config)
	wantFault(t, "no password", fault(doing, err), isSetup, "the server wants a password, and there is none")
}

func TestAHostIsCalledByItsName(t *testing.T) {
	cleanEnvironment(t)
	refuses := closedPort(t)
	_, port, _ := net.SplitHostPort(refuses)
	a := mustParse(t, "postgres://ann@db1:"+port+"/shop?sslmode=disable")
	a.config.LookupFunc = func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil }
	_, err := connect(t.Context(), a.config)
	wantFault(t, "name", fault(doing, err), isUnavailable, "connect to db1 ("+refuses+"): connection refused")

	a.config.LookupFunc = func(_ context.Context, host string) ([]string, error) {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	_, err = connect(t.Context(), a.config)
	wantFault(t, "no name", fault(doing, err), isUnavailable, doing+`: host "db1": no such host`)
}

func TestWithoutAPrimaryTheStoreIsUnavailable(t *testing.T) {
	cleanEnvironment(t)
	standby := wanting(t, &pgproto3.AuthenticationOk{})
	a := mustParse(t, "postgres://ann@"+standby+","+closedPort(t)+"/shop?sslmode=disable")
	a.config.ValidateConnect = func(context.Context, *pgconn.PgConn) error { return pgconn.ErrReadOnlyConnection }
	_, err := connect(t.Context(), a.config)
	wantFault(t, "standby", fault(doing, err), isUnavailable, "connect to "+standby+": it is a standby, or read only")
}

// selfSigned is a certificate that nobody trusts.
func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Error(err)
		return tls.Certificate{}
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Error(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// writeAuthority writes the certificate of an authority that has signed nothing.
func writeAuthority(t *testing.T, path string) {
	t.Helper()
	der := selfSigned(t).Certificate[0]
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
