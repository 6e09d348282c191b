package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/memstore"
)

// testDoctor examines an environment, with nothing of this host's in it.
func testDoctor(t *testing.T, environ ...string) *doctor {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { null.Close() })
	world := World{In: null, Out: null, Err: null, Environ: append([]string{"HOME=" + t.TempDir()}, environ...)}
	return &doctor{a: &app{World: world, console: newConsole(null)}}
}

// want fails unless doctor found that, at that level.
func (d *doctor) want(t *testing.T, level lull.Level, what string) {
	t.Helper()
	for _, f := range d.findings {
		if f.Level == level && strings.Contains(f.What+" "+f.Remedy, what) {
			return
		}
	}
	t.Errorf("no %s says %q:\n%s", level, what, d.text(paint{}))
}

func (d *doctor) wantNone(t *testing.T, level lull.Level) {
	t.Helper()
	if d.count(level) > 0 {
		t.Errorf("there is a %s:\n%s", level, d.text(paint{}))
	}
}

func TestDoctorNamesTheVariableThatWasMeant(t *testing.T) {
	d := testDoctor(t, "LULL_GATES=web", "LULL_LEASE=", "LULL_SOMETHING_ELSE=1", "LULL_STORE=file:///x")
	d.variables()
	d.want(t, lull.LevelWarning, "did you mean LULL_GATE?")
	d.want(t, lull.LevelWarning, "LULL_LEASE is set to nothing")
	d.want(t, lull.LevelWarning, "the variables are LULL_STORE")
	d.want(t, lull.LevelOK, "LULL_STORE")
}

func TestDoctorTriesTheTablesOfAllCommands(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lull.toml")
	writeFile(t, path, `
[run]
max_wait = "soon"
on_timeout = "skip"
[deploy]
limit = "10m"
[close]
remark = "x"
`)
	d := testDoctor(t)
	_, file, err := (&app{World: d.a.World, flags: globals{config: path}}).readConfig()
	if err != nil {
		t.Fatal(err)
	}
	d.tables(file, path)
	d.want(t, lull.LevelProblem, "[run] max_wait")
	d.want(t, lull.LevelProblem, "[close] remark is no such key")
	d.want(t, lull.LevelOK, "[deploy] sets 1 flag")
	if n := d.count(lull.LevelProblem); n != 2 {
		t.Errorf("%d problems, want 2:\n%s", n, d.text(paint{}))
	}
}

func TestDoctorSeesConfigurationThatAnybodyMayWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lull.toml")
	writeFile(t, path, "")
	d := testDoctor(t)
	d.writable(path)
	d.wantNone(t, lull.LevelProblem)
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	d.writable(path)
	d.want(t, lull.LevelProblem, "chmod o-w "+path)
}

// gatesOf examines the gates of a store in which that has happened.
func gatesOf(t *testing.T, gate string, happened ...func(*lull.Client)) *doctor {
	t.Helper()
	store := memstore.New()
	client, err := lull.NewClient(store, lull.Options{Gate: gate, Holder: lull.Holder{User: "ann", Host: "web1"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range happened {
		h(client)
	}
	d := testDoctor(t)
	known, err := store.Gates(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.gates(t.Context(), client, known, false); err != nil {
		t.Fatal(err)
	}
	return d
}

func aJob(c *lull.Client) {
	pass, err := c.Enter(context.Background(), lull.Job{Name: "report"})
	if err != nil {
		panic(err)
	}
	if _, err := pass.Leave(context.Background(), lull.Outcome{}); err != nil {
		panic(err)
	}
}

func aDeployment(c *lull.Client) {
	hold, err := c.Close(context.Background(), lull.Closing{Kind: lull.Deployment})
	if err != nil {
		panic(err)
	}
	if _, err := hold.Open(context.Background(), lull.Outcome{}); err != nil {
		panic(err)
	}
}

func TestDoctorWarnsOfGateThatOnlyJobsOrOnlyDeploymentsUse(t *testing.T) {
	gatesOf(t, "web").want(t, lull.LevelOK, "not used yet")
	gatesOf(t, "web", aJob).want(t, lull.LevelWarning, "nobody has ever closed it")
	gatesOf(t, "web", aDeployment).want(t, lull.LevelWarning, "no job has ever passed it")
	both := gatesOf(t, "web", aJob, aDeployment)
	both.want(t, lull.LevelOK, "1 job in 24 h")
	both.wantNone(t, lull.LevelWarning)
}

func TestDoctorWarnsOfHoldWithoutLimit(t *testing.T) {
	d := gatesOf(t, "web", func(c *lull.Client) {
		if _, err := c.Close(context.Background(), lull.Closing{Kind: lull.Person, Limit: lull.NoLimit, Reason: "holidays"}); err != nil {
			panic(err)
		}
	})
	d.want(t, lull.LevelWarning, "closed without limit by ann@web1")
	d.want(t, lull.LevelWarning, "lull extend ")
}

func TestDoctorWarnsOfLeakedHints(t *testing.T) {
	d := testDoctor(t, "LULL_PASS=web=gone", "LULL_HOLD=other=gone")
	d.leaked(lull.Snapshot{Gate: lull.Gate{Name: "web"}, Now: lull.Moment{Wall: time.Now()}})
	d.want(t, lull.LevelWarning, "LULL_PASS names a job that is not inside any more")
	if n := d.count(lull.LevelWarning); n != 1 {
		t.Errorf("%d warnings, want 1: the other hint is about another gate", n)
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
