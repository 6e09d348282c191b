package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lull-dev/lull/internal/pgtest"
	"github.com/rogpeppe/go-internal/testscript"
)

// tests runs all tests, and ends the server when one has needed it.
type tests struct{ *testing.M }

func (t tests) Run() int {
	code := t.M.Run()
	if postgres.started != nil {
		if err := postgres.started.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

// postgres is the server that all scripts share, each with a database of its own. TCP
// needs passwords.
var postgres struct {
	once    sync.Once
	started *pgtest.Server
	err     error

	databases atomic.Int32
}

func sharedServer(t *testing.T) *pgtest.Server {
	t.Helper()
	postgres.once.Do(func() { postgres.started, postgres.err = pgtest.StartServer(context.Background(), pgtest.Config{}) })
	if postgres.err != nil {
		t.Fatal(postgres.err)
	}
	return postgres.started
}

// rolePassword is that of the roles of scripts. It is no word that anything else
// prints.
const rolePassword = "s3cr3t-pw"

// TestPostgresScripts runs the sessions in testdata/postgres, each with a database of
// its own, as the user ann. It is $DB, at $HOST; its roles are $OWNER, who may make a
// schema, $JOB, $DEPLOY and $VIEW, who may do nothing yet, all with the password s3cr3t-pw. $STORE is
// its URL for the owner, with the password, and $OPEN is without. Beyond the commands of
// TestScripts they have
//
//	sql STATEMENT | @FILE    run SQL as the superuser, in the script's database
//	bouncer MODE             start PgBouncer, and set $BOUNCER to its address
//	hushes PROGRAM [ARGUMENT...]
//	                         run a program, however it ends, that does not print s3cr3t-pw
func TestPostgresScripts(t *testing.T) {
	server := sharedServer(t)
	deadline, _ := t.Deadline()
	params := scriptParams(filepath.Join("testdata", "postgres"))
	params.Deadline = deadline
	params.Cmds["sql"] = func(ts *testscript.TestScript, neg bool, args []string) {
		text := strings.Join(args, " ")
		if file, ok := strings.CutPrefix(text, "@"); ok {
			text = ts.ReadFile(file)
		}
		err := server.Exec(context.Background(), ts.Getenv("DB"), text)
		if neg == (err == nil) {
			ts.Fatalf("sql: %v", err)
		}
	}
	params.Cmds["hushes"] = hushes
	params.Cmds["bouncer"] = func(ts *testscript.TestScript, neg bool, args []string) {
		users := []string{ts.Getenv("OWNER"), ts.Getenv("JOB")}
		for _, user := range users { // the pooler knows pgtest's password
			ts.Check(server.Exec(context.Background(), "", fmt.Sprintf("alter role %s password '%s'", user, pgtest.Password)))
		}
		b, err := pgtest.StartBouncer(context.Background(), server, pgtest.BouncerConfig{PoolMode: args[0], Users: users})
		ts.Check(err)
		ts.Defer(func() { ts.Check(b.Close()) })
		ts.Setenv("BOUNCER", b.Addr())
	}
	setup := params.Setup
	params.Setup = func(env *testscript.Env) error {
		if err := setup(env); err != nil {
			return err
		}
		return ownDatabase(env, server)
	}
	testscript.Run(t, params)
}

// ownDatabase makes a script's database and roles, and names them to it.
func ownDatabase(env *testscript.Env, server *pgtest.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db := fmt.Sprintf("shop%d", postgres.databases.Add(1))
	if err := server.CreateDatabase(ctx, db); err != nil {
		return err
	}
	for _, role := range []string{"OWNER", "JOB", "DEPLOY", "VIEW"} {
		name := strings.ToLower(role) + "_" + db
		if err := server.Exec(ctx, "", fmt.Sprintf("create role %s login password '%s'", name, rolePassword)); err != nil {
			return err
		}
		env.Setenv(role, name)
	}
	if err := server.Exec(ctx, "", fmt.Sprintf("grant create on database %s to owner_%s", db, db)); err != nil {
		return err
	}
	env.Setenv("DB", db)
	env.Setenv("HOST", server.Addr())
	env.Setenv("STORE", fmt.Sprintf("postgres://owner_%s:%s@%s/%s", db, rolePassword, server.Addr(), db))
	env.Setenv("OPEN", fmt.Sprintf("postgres://owner_%s@%s/%s", db, server.Addr(), db))
	env.Setenv("LULL_STORE", "")
	env.Setenv("PGPASSFILE", filepath.Join(env.WorkDir, "pgpass")) // not the machine's own
	return nil
}

// hushes runs a program that must not print the password, in any way.
func hushes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: hushes PROGRAM [ARGUMENT...]")
	}
	_ = ts.Exec(args[0], args[1:]...) // it may fail
	for _, stream := range []string{"stdout", "stderr"} {
		if text := ts.ReadFile(stream); bytes.Contains([]byte(text), []byte(rolePassword)) {
			ts.Fatalf("the password is in %s:\n%s", stream, text)
		}
	}
}
