package pgstore

import (
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lull-dev/lull/internal/pgtest"
)

// TestConnecting goes to a real server, in all the ways a URL knows.
func TestConnecting(t *testing.T) {
	authority := pgtest.NewCertificates(t)
	server := pgtest.NewServer(t, pgtest.Config{TLS: authority, HBA: []string{
		"local all trusted trust",
		"local all all scram-sha-256",
		"hostssl all encrypted all scram-sha-256",
		"host all encrypted all reject",
		"host all all all scram-sha-256",
	}})
	for _, role := range []string{"ann", "trusted", "encrypted", "reader"} {
		err := server.Exec(t.Context(), "", "create role "+role+" login password '"+secret+"'")
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := server.Exec(t.Context(), "", "alter role reader set default_transaction_read_only = on"); err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	sockets := socketDir(t, server)
	dead := closedPort(t)
	refuses := saying(t, "57P03", "the database system is starting up")
	bouncer := pgtest.NewBouncer(t, server, pgtest.BouncerConfig{PoolMode: "statement"})

	dir := t.TempDir()
	passfile, services, wrongPassfile := filepath.Join(dir, "pass"), filepath.Join(dir, "services"), filepath.Join(dir, "wrong")
	for path, content := range map[string]string{
		passfile:      "*:*:*:ann:" + secret + "\n",
		wrongPassfile: "*:*:*:ann:not-" + secret + "\n",
		services:      "[shop]\nhost=" + host + "\nport=" + port + "\nuser=ann\npassword=" + secret + "\ndbname=postgres\n",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ca := "&sslrootcert=" + authority.CAFile
	withPassword := func(user, hosts, query string) string {
		return "postgres://" + user + ":" + secret + "@" + hosts + "/postgres?" + query
	}
	withoutPassword := "postgres://ann@" + server.Addr() + "/postgres"

	for _, test := range []struct {
		name, url  string
		env        map[string]string
		kind, says string // "": it connects
	}{
		{name: "password", url: withPassword("ann", server.Addr(), "")},
		{name: "password in the query", url: withoutPassword + "?password=" + secret},
		{name: "PGPASSWORD", url: withoutPassword, env: map[string]string{"PGPASSWORD": secret}},
		{name: "PGPASSFILE", url: withoutPassword, env: map[string]string{"PGPASSFILE": passfile}},
		{name: "passfile", url: withoutPassword + "?passfile=" + passfile},
		{name: "PGSERVICE", url: "postgres://", env: map[string]string{"PGSERVICEFILE": services, "PGSERVICE": "shop"}},
		{name: "service", url: "postgres:///?service=shop&servicefile=" + services},
		{name: "the keys of Rails", url: withPassword("ann", server.Addr(), "pool=5&prepared_statements=false&variables[statement_timeout]=5s")},
		{name: "verify-full", url: withPassword("encrypted", server.Addr(), "sslmode=verify-full"+ca)},
		{name: "verify-full by name", url: withPassword("encrypted", "localhost:"+port, "sslmode=verify-full"+ca)},
		{name: "TLS 1.3 at least", url: withPassword("encrypted", server.Addr(), "ssl_min_protocol_version=TLSv1.3&sslmode=require")},
		{name: "channel binding", url: withPassword("encrypted", server.Addr(), "channel_binding=require&require_auth=scram-sha-256&sslmode=require")},
		{name: "prefer", url: withPassword("encrypted", server.Addr(), "")},
		{name: "the first host is dead", url: withPassword("ann", dead+","+server.Addr(), "")},
		{name: "the first host starts", url: withPassword("ann", refuses+","+server.Addr(), "target_session_attrs=read-write")},
		{name: "socket", url: "postgres://trusted@/postgres?host=" + sockets + "&port=" + port},
		{name: "socket in the place of the host", url: "postgres://trusted@" + url.QueryEscape(sockets) + ":" + port + "/postgres"},
		{name: "pooler", url: bouncer.TCPURL("postgres", "")},

		{"wrong password", "postgres://ann:not-" + secret + "@" + server.Addr() + "/postgres", nil, isSetup, "the server does not accept the password"},
		{"wrong password in the query", withoutPassword + "?password=not-" + secret, nil, isSetup, "the server does not accept the password"},
		{"wrong password file", withoutPassword, map[string]string{"PGPASSFILE": wrongPassfile}, isSetup, "the server does not accept the password"},
		{"no password", withoutPassword, nil, isSetup, "the server wants a password, and there is none"},
		{"wrong password by the socket", "postgres://ann:not-" + secret + "@/postgres?host=" + sockets + "&port=" + port, nil, isSetup, "does not accept the password"},
		{"no such role", withPassword("bob", server.Addr(), ""), nil, isSetup, "the server does not accept the password"}, // it does not tell
		{"no such role by the socket", "postgres://bob:" + secret + "@/postgres?host=" + sockets + "&port=" + port, nil, isSetup, "does not accept the password"},
		{"no such database", strings.Replace(withPassword("ann", server.Addr(), ""), "/postgres?", "/shop?", 1), nil, isSetup, "there is no such database"},
		{"without TLS", withPassword("encrypted", server.Addr(), "sslmode=disable"), nil, isSetup, "the server does not let us in"},
		{"unknown authority", withPassword("encrypted", server.Addr(), "sslmode=verify-full"), nil, isSetup, "certificate is not trusted"},
		{"all hosts are dead", withPassword("ann", dead+","+refuses, ""), nil, isUnavailable, "the database system is starting up"},
		{"read only", withPassword("reader", server.Addr(), "target_session_attrs=read-write"), nil, isUnavailable, "it is a standby, or read only"},
		{"an option that there is not", withPassword("ann", server.Addr(), "options=-cno_such=1"), nil, isSetup, "does not accept what the URL says"},
		{"options to a pooler", bouncer.TCPURL("postgres", "") + "&options=-cjit%3Doff", nil, isSetup, "PgBouncer does not know a parameter"},
		{"no such database at a pooler", bouncer.TCPURL("shop", ""), nil, isSetup, "no such database"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cleanEnvironment(t) // so that none but what is named is found
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			a := mustParse(t, test.url)
			if strings.Contains(a.shown, secret) {
				t.Errorf("shown: %s", a.shown)
			}
			c, err := connect(t.Context(), a.config)
			if err == nil {
				defer c.Close(context.WithoutCancel(t.Context()))
				_, err = c.Exec(t.Context(), "select 1").ReadAll()
			}
			switch {
			case test.kind != "" && err == nil:
				t.Error("it connects")
			case test.kind != "":
				wantFault(t, test.name, fault(doing, err), test.kind, test.says)
			case err != nil:
				t.Error(fault(doing, err))
			}
		})
	}
}

// socketDir is where a server has its sockets.
func socketDir(t *testing.T, s *pgtest.Server) string {
	t.Helper()
	u, err := url.Parse(s.URL("", ""))
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("host")
}

// A pooler in statement mode ends a transaction block.
func TestAPoolerByStatementIsTold(t *testing.T) {
	cleanEnvironment(t)
	bouncer := pgtest.NewBouncer(t, server, pgtest.BouncerConfig{PoolMode: "statement"})
	c, err := connect(t.Context(), mustParse(t, bouncer.TCPURL("postgres", "")).config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	_, err = c.Exec(t.Context(), "begin").ReadAll()
	wantFault(t, "begin", fault(doing, err), isSetup, "PgBouncer pools by statement here (pool_mode = statement)")
}

// What breaks under a call heals, and what a role may not do does not.
func TestWhatBreaksUnderACall(t *testing.T) {
	cleanEnvironment(t)
	exec(t, "create role breaker login")
	defer exec(t, "drop role breaker")
	for _, test := range []struct{ sql, kind, says string }{
		{"select pg_terminate_backend(pg_backend_pid())", isUnavailable, "terminating connection"},
		{"set statement_timeout = 10; select pg_sleep(10)", isUnavailable, "statement timeout"},
		{"set transaction read only; create temp sequence s; create table t ()", isUnavailable, "standby, or read only"},
		{"create table public.breakers ()", isSetup, "the role may not do this"},
		{"select no_such.enter('{}')", isSetup, "no lull schema"},
		{"select no_such_enter('{}')", isSetup, "no lull schema"},
		{"select 1/0", isMistake, "division by zero"},
	} {
		c, err := connect(t.Context(), mustParse(t, server.URL("postgres", "breaker")).config)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Exec(t.Context(), test.sql).ReadAll()
		wantFault(t, test.sql, fault(doing, err), test.kind, test.says)
		_ = c.Close(t.Context())
	}
}
