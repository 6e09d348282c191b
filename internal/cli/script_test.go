package cli_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lull-dev/lull/internal/cli"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){
		"lull":       lullMain,
		"await-file": awaitFile,
	})
}

func lullMain() {
	os.Exit(cli.Main(os.Args[1:], cli.World{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Environ: os.Environ()}))
}

// awaitFile is a job that ends when the script says so: await-file FILE [STATUS]
// exits once the file exists, or by itself when the script is long over.
func awaitFile() {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(os.Args[1]); err == nil {
			status := 0
			if len(os.Args) > 2 {
				_, _ = fmt.Sscan(os.Args[2], &status)
			}
			os.Exit(status)
		}
	}
	fmt.Fprintln(os.Stderr, "await-file: nobody made", os.Args[1])
	os.Exit(99)
}

// patience is how long a script waits for what must come: long enough for a busy
// machine, since only a failing test waits so long.
const patience = 30 * time.Second

// TestScripts runs the sessions in testdata/script, each with a store of its own in
// $WORK/store, as the user ann. Beyond testscript's own commands they have
//
//	eventually [-stdout REGEXP] [!] PROGRAM [ARGUMENT...]
//	                         run a program until it succeeds (!: fails), and prints that
//	exits STATUS PROGRAM [ARGUMENT...]
//	                         run a program that ends with that status
//	capture NAME             set $NAME to what the last program printed, trimmed
//	reads stdout|stderr FILE the last program's output is FILE's text, save for times,
//	                         durations, IDs, process IDs, this host's name and $WORK
//	await-file FILE [STATUS] a job that ends, with that status, when FILE is there
//	tty PROGRAM [ARGUMENT...] run a program with a terminal as its standard streams
//
// and the condition [root]: they run as root.
func TestScripts(t *testing.T) {
	deadline, _ := t.Deadline()
	params := scriptParams(filepath.Join("testdata", "script"))
	params.Deadline = deadline // a script that hangs then says where
	testscript.Run(t, params)
}

func scriptParams(dir string) testscript.Params {
	return testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			env.Setenv("LULL_STORE", "file://"+filepath.Join(env.WorkDir, "store"))
			env.Setenv("SUDO_USER", "ann") // who it is, whoever runs the tests
			env.Setenv("NO_COLOR", "1")
			// Not the machine's own configuration: a script about one sets its own.
			env.Setenv("LULL_CONFIG", filepath.Join(env.WorkDir, ".tmp", "empty.toml"))
			// Else each process that has looked for races sleeps a second at its end.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			return os.WriteFile(env.Getenv("LULL_CONFIG"), nil, 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"eventually": eventually,
			"exits":      exits,
			"capture":    capture,
			"reads":      reads,
			"tty":        onTTY,
		},
		Condition: func(name string) (bool, error) {
			if name == "root" {
				return os.Getuid() == 0, nil
			}
			return false, fmt.Errorf("there is no condition %q", name)
		},
		RequireExplicitExec: true,
	}
}

func eventually(ts *testscript.TestScript, neg bool, args []string) {
	var want *regexp.Regexp
	fails := false
	for len(args) > 0 {
		if args[0] == "-stdout" && len(args) > 1 {
			want = regexp.MustCompile("(?m)" + args[1])
			args = args[2:]
			continue
		}
		if args[0] != "!" {
			break
		}
		fails, args = true, args[1:]
	}
	if neg || len(args) == 0 {
		ts.Fatalf("usage: eventually [-stdout REGEXP] [!] PROGRAM [ARGUMENT...]")
	}
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		err := ts.Exec(args[0], args[1:]...)
		if (err != nil) == fails && (want == nil || want.MatchString(ts.ReadFile("stdout"))) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("still not so after %s: %v\n%s%s", patience, err, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
		}
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM [ARGUMENT...]")
	}
	status := 0
	err := ts.Exec(args[1], args[2:]...)
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		status = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got := fmt.Sprint(status); got != args[0] {
		ts.Fatalf("it exits with %s, not %s", got, args[0])
	}
}

func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: capture NAME")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// varying is what differs from run to run, in the order in which it is replaced.
var varying = []struct {
	is *regexp.Regexp
	as string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`), "<ID>"},
	{regexp.MustCompile(`\b[0-9a-f]{8}\b`), "<id>"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`), "<time>"},
	{regexp.MustCompile(`(\d{4}-\d\d-\d\d )?\d\d:\d\d(:\d\d)?`), "<time>"},
	{regexp.MustCompile(`\b(\d+(\.\d+)?(ms|s|m|h|d))+\b`), "<duration>"},
	{regexp.MustCompile(`("pid":)\d+`), "${1}<pid>"},
	{regexp.MustCompile(`("(?:usual|waited|ran)_seconds":)[\d.]+`), "${1}<seconds>"},
	{regexp.MustCompile(`(\S) {2,}`), "$1  "}, // the width of columns
}

func reads(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: reads stdout|stderr FILE")
	}
	got := strings.ReplaceAll(ts.ReadFile(args[0]), ts.Getenv("WORK"), "$WORK")
	if host, err := os.Hostname(); err == nil {
		got = regexp.MustCompile(`\b`+regexp.QuoteMeta(host)+`\b`).ReplaceAllString(got, "<host>")
	}
	for _, v := range varying {
		got = v.is.ReplaceAllString(got, v.as)
	}
	if want := ts.ReadFile(args[1]); got != want {
		ts.Fatalf("%s reads\n%s\nand %s is\n%s", args[0], got, args[1], want)
	}
}

// onTTY runs a program on a terminal, whose text is then stdout.
func onTTY(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: tty PROGRAM [ARGUMENT...]")
	}
	path := args[0]
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if found, err := exec.LookPath(filepath.Join(dir, args[0])); err == nil {
			path = found
			break
		}
	}
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = scriptEnv(ts)
	terminal, err := newTerminal(cmd)
	ts.Check(err)
	defer terminal.close()
	err = cmd.Wait()
	if (err != nil) != neg {
		ts.Fatalf("%v; the terminal shows\n%s", err, terminal.text())
	}
	fmt.Fprint(ts.Stdout(), strings.ReplaceAll(terminal.all(), "\r\n", "\n"))
}

// scriptEnv is the environment of a script's programs, as far as lull knows it.
func scriptEnv(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "WORK", "SUDO_USER", "NO_COLOR", "TERM", "GORACE", "LULL_CONFIG", "LULL_STORE", "LULL_GATE", "LULL_PASS", "LULL_HOLD"} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}
