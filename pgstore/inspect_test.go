package pgstore

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/pgtest"
)

// inspected is what Inspect found.
type inspected []lull.Finding

func (all inspected) String() string {
	var b strings.Builder
	for _, f := range all {
		fmt.Fprintf(&b, "%-7s  %s → %s\n", f.Level, f.What, f.Remedy)
	}
	return b.String()
}

// wants fails unless it was found, at that level. What is not sound has a remedy.
func (all inspected) wants(t *testing.T, level lull.Level, what ...string) {
	t.Helper()
	for _, w := range what {
		found := false
		for _, f := range all {
			found = found || f.Level == level && strings.Contains(f.What, w)
		}
		if !found {
			t.Errorf("no %s says %q:\n%s", level, w, all)
		}
	}
	for _, f := range all {
		if f.Level != lull.LevelOK && f.Remedy == "" {
			t.Errorf("no remedy for: %s", f.What)
		}
	}
}

func (all inspected) sound(t *testing.T) {
	t.Helper()
	for _, f := range all {
		if f.Level != lull.LevelOK {
			t.Errorf("%s: %s", f.Level, f.What)
		}
	}
}

func inspect(t *testing.T, url string) inspected {
	t.Helper()
	s, err := Open(url)
	if err != nil {
		t.Fatal(err)
	}
	return s.Inspect(t.Context())
}

// migrated makes the schema that a URL names.
func migrated(t *testing.T, url string) string {
	t.Helper()
	s, err := Open(url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Migrate(t.Context(), Latest); err != nil {
		t.Fatal(err)
	}
	return url
}

func TestASoundServerIsInOrder(t *testing.T) {
	found := openSchema(t, newSchema(t), "").Inspect(t.Context())
	inspected(found).sound(t)
	inspected(found).wants(t, lull.LevelOK, "a connection takes", "socket of this host", "PostgreSQL "+server.Version(), "connections that the server has",
		`the role "postgres" may run jobs, deploy, look at everything and migrate`, fmt.Sprintf("the schema has version %d", schemaVersion), "the history is empty")
}

func TestInspectFindsASchemaThatCannotServe(t *testing.T) {
	inspected(openSchema(t, "nowhere", "").Inspect(t.Context())).wants(t, lull.LevelProblem, `has no schema "nowhere" of lull`)

	schema := newSchema(t)
	s := openSchema(t, schema, "")
	exec(t, fmt.Sprintf(`create or replace function %s.schema_version() returns int language sql immutable as $$ select 2 $$`, schema))
	inspected(s.Inspect(t.Context())).wants(t, lull.LevelProblem, "the schema has version 2")
	exec(t, fmt.Sprintf(`create or replace function %[1]s.schema_version() returns int language sql immutable as $$ select 9 $$`, schema))
	inspected(s.Inspect(t.Context())).wants(t, lull.LevelOK, "the schema has version 9, which serves this lull, too")
	exec(t, fmt.Sprintf(`create or replace function %s.oldest_client() returns int language sql immutable as $$ select 8 $$`, schema))
	inspected(s.Inspect(t.Context())).wants(t, lull.LevelProblem, "serves no lull that was made for one before 8")

	if _, err := s.Migrate(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	inspected(s.Inspect(t.Context())).wants(t, lull.LevelProblem, "is older than this lull needs")
}

func TestInspectFindsWhatIsLeft(t *testing.T) {
	schema := newSchema(t)
	s := openSchema(t, schema, "")
	if _, _, err := s.Enter(t.Context(), lull.Pass{ID: "p", Gate: "web"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Close(t.Context(), lull.Hold{ID: "h", Gate: "web", Kind: lull.Deployment}); err != nil {
		t.Fatal(err)
	}
	inspected(s.Inspect(t.Context())).sound(t)
	exec(t, fmt.Sprintf(`update %[1]s.pass set heard_at = now() - interval '1 h'; update %[1]s.hold set heard_at = now() - interval '1 h';
		update %[1]s.setting set database = 1`, schema))
	found := inspected(s.Inspect(t.Context()))
	found.wants(t, lull.LevelOK, `gate "web": of 1 jobs nothing was heard`, `gate "web": of 1 deployments nothing was heard`, "the history begins on")
	found.wants(t, lull.LevelWarning, "copied or restored from another database")
}

func TestEachRoleIsToldWhatItMayDo(t *testing.T) {
	schema := newSchema(t)
	owner := openSchema(t, schema, "")
	for right, may := range map[Right]string{
		RightJob:    "may run jobs",
		RightDeploy: "may run jobs, deploy and look at everything",
		RightView:   "may look at everything",
	} {
		role := "Inspect-" + string(right) // which needs quotes
		if err := server.CreateUser(t.Context(), role, ""); err != nil {
			t.Fatal(err)
		}
		url := server.TCPURL("postgres", role) + "&lull_schema=" + schema
		inspect(t, url).wants(t, lull.LevelProblem, "may do nothing here")
		if err := owner.Grant(t.Context(), right, role); err != nil {
			t.Fatal(err)
		}
		found := inspect(t, url)
		found.sound(t)
		found.wants(t, lull.LevelOK, fmt.Sprintf("the role %q %s", role, may), fmt.Sprintf("the schema has version %d", schemaVersion), "the history is empty")

		mine, err := Open(url)
		if err != nil {
			t.Fatal(err)
		}
		if right, refused := Refused(mine.Grant(t.Context(), RightDeploy, role)); !refused {
			t.Errorf("a role may grant itself %s", right)
		}
		exec(t, fmt.Sprintf(`revoke execute on function %s.events(jsonb), %[1]s.open(jsonb) from "%s"`, schema, role))
		if right != RightView {
			inspect(t, url).wants(t, lull.LevelProblem, ", but not ")
		}
	}
	if err := owner.Grant(t.Context(), "all", "postgres"); err == nil {
		t.Error("there is a right that nobody knows")
	}
}

func TestRefusedNamesTheRight(t *testing.T) {
	schema := newSchema(t)
	if err := server.CreateUser(t.Context(), "refused", ""); err != nil {
		t.Fatal(err)
	}
	s, err := Open(server.TCPURL("postgres", "refused") + "&lull_schema=" + schema)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		grant string
		ask   func(context.Context) error
		right Right
	}{
		{"", func(ctx context.Context) error { _, err := s.Gates(ctx); return err }, ""}, // not even the schema's names
		{"view", func(ctx context.Context) error {
			_, _, err := s.Enter(ctx, lull.Pass{ID: "p", Gate: "a"})
			return err
		}, RightJob},
		{"", func(ctx context.Context) error {
			_, err := s.Open(ctx, lull.HoldRef{Gate: "a", ID: "h"}, lull.Outcome{})
			return err
		}, RightDeploy},
	} {
		if step.grant != "" {
			if err := openSchema(t, schema, "").Grant(t.Context(), Right(step.grant), "refused"); err != nil {
				t.Fatal(err)
			}
		}
		err := step.ask(t.Context())
		if right, refused := Refused(err); !refused || right != step.right {
			t.Errorf("%v: %t, the right is %q, want %q", err, refused, right, step.right)
		}
	}
	if _, refused := Refused(nil); refused {
		t.Error("no error is a refusal")
	}
}

// TestInspectFindsAServerThatMayLose looks at one that is set up as badly as it can
// be, and still lets everybody in.
func TestInspectFindsAServerThatMayLose(t *testing.T) {
	bad := pgtest.NewServer(t, pgtest.Config{Settings: map[string]string{
		"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "autovacuum": "off",
		"default_transaction_isolation": "serializable", "statement_timeout": "500ms", "lock_timeout": "1s", "idle_session_timeout": "10min",
		"max_connections": "7", "superuser_reserved_connections": "2", "max_wal_senders": "0",
	}})
	url := migrated(t, bad.URL("postgres", ""))
	found := inspect(t, url)
	found.wants(t, lull.LevelWarning, "fsync is off", "full_page_writes is off", "synchronous_commit is off", "autovacuum is off", "statement_timeout is 500ms",
		"of the 5 connections that the server has 4 are left")
	found.wants(t, lull.LevelOK, "the default isolation is serializable", "lock_timeout is 1s, and hits no call", "idle_session_timeout is 10m0s, and hits no call",
		fmt.Sprintf("the schema has version %d", schemaVersion))

	for _, statement := range []string{
		"create database latin encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C'",
		"create role reader login connection limit 1", "alter role reader set default_transaction_read_only = on",
	} {
		if err := bad.Exec(t.Context(), "", statement); err != nil {
			t.Fatal(err)
		}
	}
	inspect(t, bad.URL("latin", "")).wants(t, lull.LevelWarning, "the database's encoding is LATIN1")
	found = inspect(t, bad.URL("postgres", "reader"))
	found.wants(t, lull.LevelProblem, "transactions are read only here", `the role "reader" may do nothing here`)
	found.wants(t, lull.LevelWarning, "of the 1 connections that the role reader may have 0 are left")
}

func TestInspectKnowsAStandby(t *testing.T) {
	primary := pgtest.NewServer(t, pgtest.Config{})
	url := migrated(t, primary.URL("postgres", ""))
	standby := pgtest.NewStandby(t, primary)
	if err := standby.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	inspect(t, standby.URL("postgres", "")).wants(t, lull.LevelProblem, "the server is a standby")
	found := inspect(t, url)
	found.sound(t)
	found.wants(t, lull.LevelOK, "1 standbys follow, and none is waited for")
}

func TestInspectTellsWhoCanRead(t *testing.T) {
	authority := pgtest.NewCertificates(t)
	encrypted := pgtest.NewServer(t, pgtest.Config{TLS: authority})
	for query, says := range map[string]string{
		"sslmode=disable": "which is not encrypted",
		"sslmode=require": "that it is the right server is not checked",
		"sslmode=verify-full&sslrootcert=" + authority.CAFile: "and the server's certificate is checked",
		"sslmode=verify-ca&sslrootcert=" + authority.CAFile:   "and the server's certificate is checked",
	} {
		url := fmt.Sprintf("postgres://%s:%s@%s/postgres?%s", pgtest.Superuser, pgtest.Password, encrypted.Addr(), query)
		inspect(t, url).wants(t, lull.LevelOK, says)
	}
}

func TestInspectKnowsHowAPoolerPools(t *testing.T) {
	schema := newSchema(t)
	for mode, says := range map[string]string{
		"transaction": "pools by transaction: lull is made for that",
		"session":     "pools by session, it seems",
	} {
		b := pgtest.NewBouncer(t, server, pgtest.BouncerConfig{PoolMode: mode})
		found := inspect(t, b.TCPURL("postgres", "")+"&lull_schema="+schema)
		found.sound(t)
		found.wants(t, lull.LevelOK, says, fmt.Sprintf("the schema has version %d", schemaVersion))
		listening := inspect(t, b.TCPURL("postgres", "")+"&lull_listen=on&lull_schema="+schema)
		if mode == "transaction" {
			listening.wants(t, lull.LevelWarning, "lull_listen=on hears nothing")
		} else {
			listening.sound(t)
		}
	}
	b := pgtest.NewBouncer(t, server, pgtest.BouncerConfig{PoolMode: "statement"})
	inspect(t, b.TCPURL("postgres", "")).wants(t, lull.LevelProblem, "PgBouncer pools by statement here")
	// A pool of one, which our own connection has used up.
	b = pgtest.NewBouncer(t, server, pgtest.BouncerConfig{PoolMode: "session", Settings: map[string]string{"default_pool_size": "1"}})
	inspect(t, b.TCPURL("postgres", "")+"&lull_schema="+schema).wants(t, lull.LevelOK, "pools by session, it seems")
}

func TestInspectSaysWhyNothingAnswers(t *testing.T) {
	found := inspect(t, "postgres://ann:"+secret+"@"+closedPort(t)+"/shop")
	found.wants(t, lull.LevelProblem, "connection refused")
	if strings.Contains(found.String(), secret) {
		t.Errorf("the password is shown:\n%s", found)
	}
}

func TestTheScriptDoesWhatMigrateDoes(t *testing.T) {
	s := openSchema(t, "scripted", "")
	script, err := s.Script(t.Context(), Latest)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, script)
	exec(t, "reset search_path")
	steps, version, err := s.Migrations(t.Context())
	if err != nil || version != steps[len(steps)-1].Version {
		t.Fatalf("the script brings the schema to version %d: %v", version, err)
	}
	if taken, err := s.Migrate(t.Context(), Latest); err != nil || len(taken) != 0 {
		t.Errorf("after the script Migrate takes %d steps: %v", len(taken), err)
	}
	if _, _, err := s.Enter(t.Context(), lull.Pass{ID: "p", Gate: "a"}); err != nil {
		t.Error(err)
	}
	if rest, err := s.Script(t.Context(), Latest); err != nil || rest != "" {
		t.Errorf("there is more to do: %q, %v", rest, err)
	}
	down, err := s.Script(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, down)
	if _, version, err := s.Migrations(t.Context()); err != nil || version != 0 {
		t.Errorf("down again, it has version %d: %v", version, err)
	}
}

func TestPasswordsInURLsAreKnown(t *testing.T) {
	for url, has := range map[string]bool{
		"postgres://ann@db/shop":                                 false,
		"postgres://ann:" + secret + "@db/shop":                  true,
		"postgis://ann@db/shop?pool=5&password=" + secret:        true,
		"postgres://ann@db/shop?sslpassword=" + secret:           true,
		"postgres://ann@db/shop?passfile=/x&sslmode=verify-full": false,
		"file:///var/lib/lull":                                   false,
		"":                                                       false,
	} {
		if HasPassword(url) != has {
			t.Errorf("%s: %t", url, !has)
		}
	}
}
