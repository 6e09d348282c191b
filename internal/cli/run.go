package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/child"
	"github.com/spf13/cobra"
)

// runFlags are the flags of lull run.
type runFlags struct {
	name          string
	maxWait       duration
	onTimeout     choice
	onUnavailable choice
	onLost        choice
	chdir         string
	partOf        string
	report        string
	record        choice
}

func newRun(a *app) *cobra.Command {
	f := runFlags{
		onTimeout:     oneOf("fail", "run", "skip"),
		onUnavailable: oneOf("wait", "run", "fail"),
		onLost:        oneOf("keep", "terminate"),
		record:        oneOf("command", "name"),
	}
	cmd := &cobra.Command{
		Use:   "run [flags] -- COMMAND [ARGUMENT...]",
		Short: "Run a job: wait while the gate is closed, then run the command inside",
		Long: `Run a job inside the gate. While the gate is closed, run waits; when it opens,
the command is looked up, its directory is entered by its path, and it runs. So a
"current" symlink that the deployment switched is followed to the new release. A
deployment that comes while the command runs waits for it to end.

The command gets lull's standard streams, terminal and signals, and lull ends with
its exit status. It runs without a shell: for pipes and variables write
sh -c '...'. A job that is started within a job, or within the deployment itself,
does not wait for its own gate.` + exitHelp(
			"the command's own, 128 + n if signal n ended it",
			exitHelpUsage,
			exitHelpUnavailable+", for as long as --max-wait or --on-unavailable say",
			exitLine(exitTempFail, "the gate did not open within --max-wait"),
			exitHelpConfig,
			"126, 127  the command cannot be run, or not be found"),
		Example: `  lull run -- ./nightly-report.sh
  lull run --name import --max-wait 2h --chdir /srv/app/current -- bin/rake import`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.reported(&f.report, func(rep *report) error {
				if err := a.configure(cmd); err != nil {
					return err
				}
				return a.run(f, args, rep)
			})
		},
	}
	// What follows the command's name is the command's.
	cmd.Flags().SetInterspersed(false)
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.name, "name", "", "what people call the job (default: the scheduler's name for it, or the command's)")
	flags.Var(&f.maxWait, "max-wait", "wait no longer than this (default: as long as it takes, since every closure ends)")
	flags.Var(&f.onTimeout, "on-timeout", "what to do then: fail with 75, run all the same, or skip the job with 0")
	flags.Var(&f.onUnavailable, "on-unavailable", "when the store cannot be asked: wait, run all the same, or fail with 69")
	flags.Var(&f.onLost, "on-lost", "when the lease is lost while the command runs: keep it running, or terminate it")
	flags.StringVar(&f.chdir, "chdir", "", "enter this `directory` after the wait (default: the one where lull was started, by its path)")
	flags.StringVar(&f.partOf, "part-of", "", "the `hold` of the deployment that this job is part of (default: LULL_HOLD)")
	flags.StringVar(&f.report, "report", "", "write to this `file`, as JSON, whether the command was started and how it fared")
	flags.Var(&f.record, "record", "record the command (secrets masked), or only the name")
	return cmd
}

func (a *app) run(f runFlags, args []string, rep *report) error {
	args, err := command("run", args)
	if err == nil {
		err = prepareReport(f.report)
	}
	if err != nil {
		return err
	}
	// Most signals are caught in the background, while the store is opened.
	signals := child.Catch()
	client, err := a.openLate(a.passNotice)
	if err != nil {
		return err
	}
	ctx, handOver := untilSignal(signals)
	dir := a.directory(f.chdir)

	began, view := time.Now(), a.waitView(client)
	pass, err := client.Enter(ctx, f.job(a, client, args, view))
	handOver()
	view.end(err)
	rep.Waited = time.Since(began).Seconds()
	if err != nil {
		return a.notEntered(f, view, err)
	}
	if view.waited && dir != "" {
		a.warnOldRelease(dir)
	}
	if !view.waited && f.chdir == "" {
		dir = "" // nothing can have changed under us
	}
	a.detail("inside gate %q of %s, as pass %s", client.Gate(), client.Store().About().URL, pass.ID())
	env := a.childEnv(client, pass.Hint(), "", pass.Phase())
	r, err := a.wrap(pass, wrapped{
		args: args, dir: dir, signals: signals, grace: client.Timing().KillGrace,
		env: withPWD(env, dir), unheeded: f.onUnavailable.value == "run",
	})
	rep.Lost = errors.Is(context.Cause(pass.Context()), lull.ErrLost)
	code := r.code
	if err != nil {
		code = a.explain(err).status
	}
	left, leaveErr := pass.Leave(context.Background(), lull.Outcome{ExitCode: &code, Ran: max(r.ran, time.Nanosecond)})
	if leaveErr != nil {
		a.fail("the end of this job could not be noted: %v", leaveErr)
	}
	if err != nil {
		return err
	}
	rep.Started, rep.ExitCode, rep.Casualty = true, &code, left.Casualty
	if left.Casualty {
		a.fail("WARNING: a deployment ran while this job did; see: lull history --casualties%s", a.where(client.Gate()))
	}
	if code != 0 {
		return exit(code)
	}
	return nil
}

// job is what the flags and the environment say about this one.
func (f runFlags) job(a *app, c *lull.Client, args []string, view *waitView) lull.Job {
	job := lull.Job{
		MaxWait: f.maxWait.d,
		Parent:  a.hint(passVariable, c.Gate()),
		PartOf:  first(strings.TrimPrefix(f.partOf, c.Gate()+"="), a.hint(holdVariable, c.Gate())),
		Waiting: view.show,
	}
	name, id := a.schedulerJob()
	job.Name, job.JobID = first(f.name, name, filepath.Base(args[0])), id
	if f.record.value == "command" {
		job.Command = mask(args)
	}
	if f.maxWait.set && f.maxWait.d == 0 {
		job.MaxWait = time.Nanosecond // 0 is not for ever, it is not at all
	}
	if f.onTimeout.value == "run" {
		job.OnTimeout = lull.TimeoutRuns
	}
	switch f.onUnavailable.value {
	case "run":
		job.OnUnavailable = lull.UnavailableRuns
	case "fail":
		job.OnUnavailable = lull.UnavailableFails
	}
	if f.onLost.value == "terminate" {
		job.OnLost = lull.LostTerminates
	}
	return job
}

// notEntered says why a job does not run.
func (a *app) notEntered(f runFlags, view *waitView, err error) error {
	const notRun = "; the command was not run"
	var sig interrupted
	switch {
	case errors.As(err, &sig):
		return &failure{status: sig.failure().status, what: sig.Error() + notRun, err: err}
	case errors.Is(err, lull.ErrTimeout):
		what := fmt.Sprintf("gate %q did not open within %s (%s)", view.c.Gate(), short(f.maxWait.d), describeGate(view.last, time.Now()))
		if f.onTimeout.value == "skip" {
			a.say("%s: the command is skipped", what)
			return nil
		}
		return &failure{status: exitTempFail, what: what + notRun, hint: "look with: " + a.lookLine(view.c.Gate()), err: err}
	case errors.Is(err, lull.ErrUnavailable):
		return &failure{status: exitUnavailable, what: err.Error() + notRun, hint: "look with: lull doctor" + a.where(view.c.Gate()), err: err}
	}
	return err
}
