package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/child"
	"github.com/lull-dev/lull/internal/words"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// holdFlags are the flags of a deployment's hold: those of lull deploy, and of lull
// close --while-stdin.
type holdFlags struct {
	reason         string
	limit          duration
	onLimit        choice
	drainTimeout   duration
	onDrainTimeout choice
	maxWait        duration
	afterFailure   duration
	afterCrash     duration
	onLost         choice
	report         string
}

// defaultDrainTimeout is how long a deployment waits for the jobs inside: longer
// than usual jobs run, and half of the usual limit.
const defaultDrainTimeout = 15 * time.Minute

func newHoldFlags() *holdFlags {
	return &holdFlags{
		limit:          duration{none: true},
		onLimit:        oneOf("open", "terminate"),
		drainTimeout:   duration{d: defaultDrainTimeout},
		onDrainTimeout: oneOf("abort", "proceed", "terminate"),
		onLost:         oneOf("keep", "terminate"),
	}
}

func (f *holdFlags) register(flags *pflag.FlagSet) {
	flags.Var(&f.onLimit, "on-limit", "at the limit: open the gate and let the command go on, or terminate it")
	flags.Var(&f.drainTimeout, "drain-timeout", "wait no longer than this for the jobs inside")
	flags.Var(&f.onDrainTimeout, "on-drain-timeout", "then: abort with 75, proceed all the same, or tell the jobs to terminate")
	flags.Var(&f.maxWait, "max-wait", "queue so long behind another deployment (default: fail at once)")
	flags.Var(&f.afterFailure, "hold-after-failure", "if the command fails, keep the gate closed so much longer")
	flags.Var(&f.afterCrash, "hold-after-crash", "if this process dies, keep the gate closed so much longer")
	flags.Var(&f.onLost, "on-lost", "when the hold is lost while the command runs: keep it running, or terminate it")
	flags.StringVar(&f.report, "report", "", "write to this `file`, as JSON, whether the command was started and how it fared")
}

func newDeploy(a *app) *cobra.Command {
	f := newHoldFlags()
	cmd := &cobra.Command{
		Use:   "deploy [flags] -- COMMAND [ARGUMENT...]",
		Short: "Run a deployment: close the gate, drain the jobs, run the command, open",
		Long: `Run a deployment while no job runs. deploy closes the gate, so that jobs that
arrive wait; it waits for the jobs inside to end; it runs the command; and it opens
the gate again, whether the command succeeded, failed, or was killed with this
process. After --limit the gate opens in any case.

Two deployments never hold one gate: the second fails at once and says who holds
it, or queues for --max-wait. A job that the command itself starts with lull run
does not wait. A deployment within a deployment joins it.` + exitHelp(
			"the command's own, 128 + n if signal n ended it",
			exitHelpUsage+", also within a job, where a deployment would wait for itself",
			exitHelpUnavailable+": nothing was deployed",
			exitLine(exitTempFail, "another deployment holds, or the jobs did not end in time: nothing was deployed"),
			exitHelpConfig,
			"126, 127  the command cannot be run, or not be found"),
		Example: `  lull deploy --reason "release 81" -- ./deploy.sh
  lull deploy --max-wait 20m --hold-after-failure 10m -- cap production deploy`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.reported(&f.report, func(rep *report) error {
				if err := a.configure(cmd); err != nil {
					return err
				}
				return a.deploy(f, args, rep)
			})
		},
	}
	cmd.Flags().SetInterspersed(false)
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.reason, "reason", "", "what people see as the reason (default: the command)")
	flags.Var(&f.limit, "limit", "hold the gate no longer than this, or none (default 30m)")
	f.register(flags)
	return cmd
}

func (a *app) deploy(f *holdFlags, args []string, rep *report) error {
	args, err := command("deploy", args)
	if err == nil {
		err = f.check()
	}
	if err == nil {
		// It is looked up once more when it starts. Here it saves the jobs a closing for
		// nothing.
		_, err = child.Find(args[0], "", a.Environ)
	}
	if err != nil {
		return a.cannotRun(err)
	}
	// Most signals are caught in the background, while the store is opened.
	signals := child.Catch()
	client, err := a.openLate(a.holdNotice(f))
	if err != nil {
		return err
	}
	ctx, handOver := untilSignal(signals)
	began := time.Now()
	hold, err := a.holdGate(ctx, f, client, args)
	handOver()
	rep.Waited = time.Since(began).Seconds()
	if err != nil {
		return err
	}
	pass := ""
	if hold.Joined() {
		pass = a.hint(passVariable, client.Gate())
	}
	r, err := a.wrap(hold, wrapped{
		args: args, signals: signals, grace: client.Timing().KillGrace,
		env: a.childEnv(client, pass, hold.Hold().ID, hold.Hold().Phase),
	})
	rep.Lost = errors.Is(context.Cause(hold.Context()), lull.ErrLost)
	code := r.code
	switch {
	case err != nil:
		code = a.explain(err).status
	case r.stopped != nil && code == 0:
		code = 1 // it was told to stop before it was done: that is no success
	}
	// How long it ran is counted from Begin: no job that met it shall be missed.
	a.openAgain(client, hold, lull.Outcome{ExitCode: &code})
	if err != nil {
		return err
	}
	rep.Started, rep.ExitCode = true, &code
	if code != 0 {
		return exit(code)
	}
	return nil
}

// check refuses values that make no sense together, before anything is held.
func (f *holdFlags) check() error {
	switch {
	case f.limit.set && f.limit.d == 0:
		return usage("--limit must be longer than 0", "leave it away for the default, or write none")
	case f.drainTimeout.set && f.drainTimeout.d == 0:
		return usage("--drain-timeout must be longer than 0", "not to wait for the jobs inside: --drain-timeout 1ms --on-drain-timeout proceed")
	}
	return prepareReport(f.report)
}

// closing is what the flags and the environment say about a deployment's hold.
func (f *holdFlags) closing(a *app, c *lull.Client, args []string, view *waitView) lull.Closing {
	closing := lull.Closing{
		Kind: lull.Deployment, Reason: f.reason, Command: mask(args),
		Limit: f.limit.d, MaxWait: f.maxWait.d,
		CrashHold: f.afterCrash.d, FailureHold: f.afterFailure.d,
		Parent: a.hint(passVariable, c.Gate()), PartOf: a.hint(holdVariable, c.Gate()),
		Queued: view.show,
	}
	if closing.Reason == "" {
		closing.Reason = words.ShellLine(closing.Command)
	}
	if f.onLimit.value == "terminate" {
		closing.OnLimit = lull.LimitTerminates
	}
	if f.onLost.value == "terminate" {
		closing.OnLost = lull.LostTerminates
	}
	return closing
}

// draining is how the flags say to wait for the jobs inside.
func (f *holdFlags) draining(view *drainView) lull.Draining {
	d := lull.Draining{Timeout: f.drainTimeout.d, Waiting: view.show}
	view.timeout = d.Timeout
	switch f.onDrainTimeout.value {
	case "proceed":
		d.OnTimeout = lull.DrainProceeds
	case "terminate":
		d.OnTimeout = lull.DrainTerminates
		view.stopsFor = view.c.Timing().Lease + view.c.Timing().KillGrace
	}
	return d
}

// holdGate closes the gate for a deployment, drains it, and begins. After an error
// the gate is not held.
func (a *app) holdGate(ctx context.Context, f *holdFlags, c *lull.Client, args []string) (*lull.LiveHold, error) {
	hold, err := a.closeGate(ctx, f, c, args)
	if err != nil {
		return nil, err
	}
	if err := a.begin(ctx, f, c, hold); err != nil {
		return nil, err
	}
	return hold, nil
}

// closeGate closes the gate for a deployment, and says which gate that is.
func (a *app) closeGate(ctx context.Context, f *holdFlags, c *lull.Client, args []string) (*lull.LiveHold, error) {
	within := a.hint(holdVariable, c.Gate()) != ""
	if !within {
		a.sayWhichGate(ctx, c)
	}
	view := a.waitView(c)
	hold, err := c.Close(ctx, f.closing(a, c, args, view))
	view.end(err)
	switch {
	case err != nil:
		return nil, a.notHeld(err)
	case hold.Joined():
		a.say("part of the %s", describeHold(hold.Hold(), time.Now()))
	case within: // the variable has leaked from a deployment that is over
		a.sayWhichGate(ctx, c)
	}
	a.detail("held as %s", hold.Hold().ID)
	return hold, nil
}

// begin drains the gate and begins the deployment, or opens the gate again.
func (a *app) begin(ctx context.Context, f *holdFlags, c *lull.Client, hold *lull.LiveHold) error {
	began, view := time.Now(), a.drainView(c)
	err := hold.Begin(ctx, f.draining(view))
	if err == nil {
		view.end(ctx, hold)
		return nil
	}
	a.clear()
	if limit := hold.Hold().Limit; errors.Is(err, lull.ErrLost) && limit > 0 && time.Since(began) >= limit-min(c.Timing().Margin(), limit/2) {
		err = fmt.Errorf("the limit of %s came before the jobs inside had ended: %w", short(limit), lull.ErrTimeout)
	}
	opening, failed := hold.Open(context.Background(), lull.Outcome{Reason: "aborted: " + err.Error()})
	state := ""
	switch {
	case failed != nil:
		a.fail("the gate could not be opened: %v", failed)
	case hold.Joined():
	case opening.Gate.Phase.Open():
		state = ", the gate is open again"
	default:
		state = ", the gate stays closed: " + describeGate(opening.Gate, time.Now())
	}
	not := a.notHeld(err)
	not.what += state
	if errors.Is(err, lull.ErrTimeout) {
		not.hint = "wait longer with --drain-timeout, or see --on-drain-timeout"
	}
	return not
}

// notHeld says why a deployment does not begin.
func (a *app) notHeld(err error) *failure {
	var sig interrupted
	if errors.As(err, &sig) {
		return &failure{status: sig.failure().status, what: sig.Error() + "; nothing was deployed", err: err}
	}
	not := *a.explain(err)
	not.what += "; nothing was deployed"
	return &not
}

// openAgain ends a deployment's hold, and says what that came to.
func (a *app) openAgain(c *lull.Client, hold *lull.LiveHold, out lull.Outcome) {
	opening, err := hold.Open(context.Background(), out)
	switch {
	case err != nil:
		a.fail("the gate could not be opened: %v", err)
	case hold.Joined():
	case opening.Gone:
		a.fail("WARNING: the hold had ended before the command did; see: lull history%s", a.where(c.Gate()))
	case opening.Gate.Phase.Open():
		a.say("gate %q is open again", c.Gate())
	default:
		a.say("gate %q stays closed: %s", c.Gate(), describeGate(opening.Gate, time.Now()))
	}
}

// asSignal turns the error of a wait that a signal ended into that signal's status.
func asSignal(err error) error {
	var sig interrupted
	if errors.As(err, &sig) {
		return sig.failure()
	}
	return err
}
