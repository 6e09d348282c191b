package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/child"
	"github.com/lull-dev/lull/internal/words"
)

// rerunHere lists the jobs, and runs those again that are this user's and this
// host's. One that fails does not keep the others from running; a signal does.
func (a *app) rerunHere(ctx context.Context, c *lull.Client, jobs []finishedJob) error {
	var ours []finishedJob
	for _, j := range jobs {
		if why := j.notHere(a, c.Holder()); why != "" {
			a.say("left out:  %s\n             %s", j.describe(), why)
			continue
		}
		a.say("to be run: %s\n             %s", j.describe(), words.Printable(j.how(a).line))
		ours = append(ours, j)
	}
	if len(ours) == 0 {
		a.say("nothing to run here")
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find our own binary: %w", err)
	}
	signals := child.Catch()
	defer signals.Stop()
	stop := stopSignals()
	defer signal.Stop(stop)
	failed := 0
	for i, j := range ours {
		code, err := a.rerunOne(ctx, c, self, signals, j)
		switch {
		case err != nil:
			return err
		case len(stop) > 0:
			sig := interrupted{(<-stop).(syscall.Signal)}
			return &failure{status: 128 + int(sig.sig), what: fmt.Sprintf("%v: %s of %d not run", sig, words.Count(len(ours)-i-1, "job"), len(ours)), err: sig}
		case code != 0:
			failed++
			a.fail("%s failed again, exit %d", shortID(j.ID), code)
		default:
			a.say("%s succeeded", shortID(j.ID))
		}
	}
	if failed > 0 {
		return &failure{status: 1, what: fmt.Sprintf("%d of %s failed again", failed, words.Count(len(ours), "job")), hint: "see: lull history --failed" + a.where(c.Gate())}
	}
	return nil
}

// stopSignals tells of the signals that end the whole, and not only the job that they
// are relayed to.
func stopSignals() chan os.Signal {
	stop := make(chan os.Signal, 1)
	for _, sig := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM} {
		if !signal.Ignored(sig) {
			signal.Notify(stop, sig)
		}
	}
	return stop
}

// notHere says why a job is not run here; "" if it is.
func (j finishedJob) notHere(a *app, me lull.Holder) string {
	how := j.how(a)
	switch {
	case !j.rerunAt.IsZero():
		return "it was run again at " + eventTime(j.rerunAt)
	case how.line == "":
		return how.why
	case how.scheduler != "":
		return how.scheduler + " runs it again with: " + how.line
	case j.Holder.User != me.User || j.Holder.Host != me.Host:
		return fmt.Sprintf("it is a job of %s, and this is %s", j.Holder, me)
	}
	return ""
}

// rerunOne notes that a job is run again, and runs it through the gate. It is noted
// first: a job that was not run again is easily found, one that ran twice is not.
func (a *app) rerunOne(ctx context.Context, c *lull.Client, self string, signals *child.Signals, j finishedJob) (code int, err error) {
	snap, err := c.Store().Snapshot(ctx, c.Gate())
	if err != nil {
		return 0, err
	}
	err = c.Store().Record(ctx, lull.Event{
		Kind: lull.EventRerun, Gate: c.Gate(), Phase: snap.Gate.Phase, ID: j.ID, Name: j.Name,
		Command: j.Command, JobID: j.JobID, Holder: c.Holder(),
	})
	if err != nil {
		return 0, fmt.Errorf("note that job %s is run again: %w", j.ID, err)
	}
	process, err := child.Start(child.Command{Args: a.rerunArgs(self, c.Gate(), j), Env: a.rerunEnv(), Signals: signals})
	if err != nil {
		return 0, a.cannotRun(err)
	}
	return process.Wait().Code, nil
}

// rerunEnv is the environment of our own command line for a job. The store is in it,
// which everybody on the host could read among the arguments, with its password.
func (a *app) rerunEnv() []string {
	if a.flags.store == "" {
		return a.Environ
	}
	env := slices.DeleteFunc(slices.Clone(a.Environ), func(pair string) bool { return strings.HasPrefix(pair, storeVariable+"=") })
	return append(env, storeVariable+"="+a.flags.store)
}

// rerunArgs is our own command line for a job. What came from the environment and
// the configuration file reaches it by the same way.
func (a *app) rerunArgs(self, gate string, j finishedJob) []string {
	args := []string{self, "run", "--gate", gate}
	add := func(flag, value string, given bool) {
		if given {
			args = append(args, flag, value)
		}
	}
	add("--config", a.flags.config, a.flags.config != "")
	add("--lease", a.flags.lease.d.String(), a.flags.lease.set)
	add("--kill-grace", a.flags.killGrace.d.String(), a.flags.killGrace.set)
	add("--name", j.Name, j.Name != "")
	return append(append(args, "--"), j.Command...)
}
