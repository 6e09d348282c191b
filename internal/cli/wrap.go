package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/child"
	"golang.org/x/sys/unix"
)

// interrupted is a signal that came before the command was started.
type interrupted struct{ sig syscall.Signal }

func (i interrupted) Error() string { return "interrupted by " + unix.SignalName(i.sig) }

// failure tells the signal by the exit status, as a shell would.
func (i interrupted) failure() *failure {
	return &failure{status: 128 + int(i.sig), what: i.Error(), err: i}
}

// untilSignal returns a context that a signal ends, for the time before the command
// is started. Its cause is an interrupted. stop hands the signals over: after it
// the next reader gets them.
func untilSignal(signals *child.Signals) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-over:
				return
			case sig := <-signals.C():
				if child.Ends(sig) {
					cancel(interrupted{sig.(syscall.Signal)})
					return
				}
			}
		}
	}()
	return ctx, func() {
		close(over)
		<-ended
	}
}

// place is what a command runs in: a live pass or a live hold.
type place interface {
	MustStop() context.Context
	Watch(ctx context.Context, p lull.Process) error
}

// wrapped is a command.
type wrapped struct {
	args     []string
	env      []string
	dir      string // entered by its path when the command starts; "": stay
	signals  *child.Signals
	grace    time.Duration
	unheeded bool // start it even if the store cannot note that
}

// result is how a command ended.
type result struct {
	code    int
	started time.Time
	ran     time.Duration
	stopped error // the cause for which we stopped it
}

// wrap runs a command in its place, and returns when it has ended. An error means
// that it was never started.
func (a *app) wrap(in place, w wrapped) (result, error) {
	ctx := context.Background()
	if err := in.Watch(ctx, lull.Process{}); err != nil && !w.unheeded {
		return result{}, fmt.Errorf("nothing was started, since the store could not note it: %w", err)
	}
	r := result{started: time.Now()}
	process, err := child.Start(child.Command{Args: w.args, Dir: w.dir, Env: w.env, Signals: w.signals})
	if err != nil {
		return result{}, a.cannotRun(err)
	}
	if err := in.Watch(ctx, lull.Process{PID: process.PID(), Group: process.Group()}); err != nil {
		a.detail("the store could not note the process: %v", err)
	}
	select {
	case <-process.Done():
	case <-in.MustStop().Done():
		r.stopped = context.Cause(in.MustStop())
		a.fail("stopping the command: %v", r.stopped)
		process.Terminate(w.grace)
	}
	r.code = process.Wait().Code
	process.Linger(w.grace) // what a signal is ending still runs
	r.ran = time.Since(r.started)
	return r, nil
}

// cannotRun is the failure to start a command, with the status that a shell gives.
func (a *app) cannotRun(err error) error {
	var start *child.StartError
	if !errors.As(err, &start) {
		return err
	}
	hint := "give the command behind --, with its path or its name in PATH"
	if _, missing := child.Find(start.Command, "", a.Environ); missing == nil || start.ExitCode() == exitCannotRun {
		hint = "look at its mode and its first line, with: ls -l"
	}
	shown := *start
	shown.Command = mask([]string{start.Command})[0] // it may be NAME=VALUE, as a shell takes it
	return &failure{status: start.ExitCode(), what: shown.Error(), hint: hint, err: err}
}

// command returns the words behind the flags, or says that there are none.
func command(name string, args []string) ([]string, error) {
	if len(args) == 0 || args[0] == "" {
		return nil, usage(fmt.Sprintf("lull %s: there is no command", name), fmt.Sprintf("write it behind --, as in: lull %s -- ./script.sh", name))
	}
	return args, nil
}

// directory is where the command shall run: as the caller sees it, with its
// symlinks, so that one that is switched during a wait is followed afterwards.
// Without PWD it is the physical path; "" if even that is not known.
func (a *app) directory(chdir string) string {
	if filepath.IsAbs(chdir) {
		return chdir
	}
	here := a.Getenv("PWD")
	if !filepath.IsAbs(here) || !isHere(here) {
		// PWD is a hint as well: it counts while it names the directory we are in.
		here, _ = unix.Getwd()
	}
	if chdir == "" || here == "" {
		return here
	}
	// Not filepath.Join: beyond a symlink, .. is not what stands before it.
	return strings.TrimSuffix(here, "/") + "/" + chdir
}

// isHere reports whether a path names the directory we are in.
func isHere(path string) bool {
	named, err := os.Stat(path)
	if err != nil {
		return false
	}
	here, err := os.Stat(".")
	return err == nil && os.SameFile(named, here)
}

// withPWD sets PWD in an environment to the directory that a command will be in.
func withPWD(env []string, dir string) []string {
	if dir == "" {
		return env
	}
	env = slices.DeleteFunc(env, func(pair string) bool { return strings.HasPrefix(pair, "PWD=") })
	return append(env, "PWD="+dir)
}
