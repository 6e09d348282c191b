package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/child"
	"github.com/spf13/cobra"
)

func newClose(a *app) *cobra.Command {
	f := newHoldFlags()
	var drain, whileStdin bool
	var silence duration
	cmd := &cobra.Command{
		Use:   "close --reason REASON [flags]",
		Short: "Close the gate by hand, or for as long as standard input lasts",
		Long: `Close the gate. Jobs that arrive wait until it opens: with lull open, or at
--limit. The hold's ID is printed, alone on standard output, as soon as the gate is
closed; with --drain a second line "drained" follows when no job runs any more.

With --while-stdin the hold is a deployment's, and lasts until standard input ends
or this process does. That is for deployment tools that run elsewhere and reach this
host by ssh: when they end, however they end, the gate opens. All flags of lull
deploy apply.` + exitHelp(
			exitLine(0, "the gate is closed; with --while-stdin: was closed, until standard input ended"),
			exitHelpUsage+", also a standard input that cannot tell when its writer ends",
			exitHelpUnavailable,
			exitLine(exitTempFail, "the jobs did not end in time; or, with --while-stdin, another deployment holds"),
			exitHelpConfig),
		Example: `  lull close --reason "database restore" --limit 2h --drain
  lull close --while-stdin --drain --reason "release 81" --stdin-silence 30s`,
		Args: noArgs("close"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if whileStdin {
				return a.reported(&f.report, func(rep *report) error {
					if err := a.configure(cmd); err != nil {
						return err
					}
					if err := f.check(); err != nil {
						return err
					}
					return a.closeWhileStdin(f, drain, silence, rep)
				})
			}
			if err := a.configure(cmd); err != nil {
				return err
			}
			if err := f.check(); err != nil {
				return err
			}
			for _, name := range onlyWhileStdin {
				if cmd.Flags().Changed(name) {
					return usage(fmt.Sprintf("--%s is only for --while-stdin", name), "leave it away, or add --while-stdin")
				}
			}
			if f.reason == "" {
				return usage("lull close needs a --reason: it is what everyone who waits will see", `write it like --reason "database restore"`)
			}
			return a.closeByHand(f, drain)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.reason, "reason", "", "what people see as the reason")
	flags.Var(&f.limit, "limit", "hold the gate no longer than this, or none (default 1h; 30m with --while-stdin)")
	flags.BoolVar(&drain, "drain", false, "wait until no job runs, and print \"drained\"")
	flags.BoolVar(&whileStdin, "while-stdin", false, "hold as a deployment, until standard input ends")
	flags.Var(&silence, "stdin-silence", "with --while-stdin: also end when standard input was silent for so long")
	f.register(flags)
	return cmd
}

// onlyWhileStdin are the flags that mean nothing for a hold without a process.
var onlyWhileStdin = []string{"stdin-silence", "on-limit", "max-wait", "hold-after-failure", "hold-after-crash", "on-lost", "report"}

// closeByHand makes a person's hold, which stays when the command has ended.
func (a *app) closeByHand(f *holdFlags, drain bool) error {
	client, err := a.openLate(a.notice)
	if err != nil {
		return err
	}
	signals := child.Catch()
	ctx, handOver := untilSignal(signals)
	defer handOver()
	if drain {
		if err := a.refuseInside(ctx, client); err != nil {
			return err
		}
	}
	hold, err := client.Close(ctx, lull.Closing{Kind: lull.Person, Reason: f.reason, Limit: f.limit.d, PartOf: a.hint(holdVariable, client.Gate())})
	if err != nil {
		return asSignal(err)
	}
	h := hold.Hold()
	if err := a.answer(h.ID); err != nil {
		// Nobody has learnt the ID, so nobody will open it.
		_, _ = hold.Open(ctx, lull.Outcome{Reason: "nobody reads the answer"})
		return err
	}
	openLine := a.openLine(h, client)
	if hold.Joined() {
		a.say("part of the %s", describeHold(h, time.Now()))
	} else {
		a.say("gate %q is closed: %s", client.Gate(), describeHold(h, time.Now()))
		a.say("to open it: %s", openLine)
	}
	if !drain {
		return nil
	}
	view := a.drainView(client)
	err = hold.Drain(ctx, lull.Draining{Timeout: f.drainTimeout.d, Waiting: view.show})
	a.clear()
	if err != nil {
		stays := *a.explain(asSignal(err))
		stays.what += "; the gate stays closed"
		stays.hint = "open it with: " + openLine
		return &stays
	}
	if view.waited {
		a.drained(view.began)
	}
	return a.answer("drained")
}

// refuseInside refuses to wait for the jobs inside from within one of them.
func (a *app) refuseInside(ctx context.Context, c *lull.Client) error {
	id := a.hint(passVariable, c.Gate())
	if id == "" {
		return nil
	}
	pass, live, err := passLive(ctx, c.Store(), lull.PassRef{Gate: c.Gate(), ID: id})
	if err != nil || !live {
		return nil // closing will say what is wrong
	}
	return &failure{
		status: exitUsage, what: fmt.Sprintf("--drain within a job of gate %q would wait for itself (LULL_PASS names %s)", c.Gate(), *pass),
		hint: "leave --drain away, or start it from outside the job",
	}
}

// closeWhileStdin holds the gate as a deployment until standard input ends.
func (a *app) closeWhileStdin(f *holdFlags, drain bool, silence duration, rep *report) error {
	if err := lastingInput(a.In); err != nil {
		return err
	}
	client, err := a.openLate(a.holdNotice(f))
	if err != nil {
		return err
	}
	signals := child.Catch()
	ctx, handOver := untilSignal(signals)
	defer handOver()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { cancel(awaitSilence(a.In, silence.d)) }()

	began := time.Now()
	hold, err := a.closeGate(ctx, f, client, nil)
	if err != nil {
		return inputEnded(err)
	}
	if err := a.answer(hold.Hold().ID); err != nil {
		a.openAgain(client, hold, lull.Outcome{Reason: "nobody reads the answer"})
		return err
	}
	if !drain {
		// The caller goes on at once: what is inside now may become a casualty.
		f.drainTimeout.d, f.onDrainTimeout.value = time.Nanosecond, "proceed"
	}
	if err := a.begin(ctx, f, client, hold); err != nil {
		return inputEnded(err)
	}
	rep.Waited = time.Since(began).Seconds()
	if drain {
		if err := a.answer("drained"); err != nil {
			a.openAgain(client, hold, lull.Outcome{Reason: "nobody reads the answer"})
			return err
		}
	}
	var why error
	select {
	case <-ctx.Done():
		why = context.Cause(ctx)
	case <-hold.MustStop().Done():
		why = context.Cause(hold.MustStop())
	}
	rep.Lost = errors.Is(context.Cause(hold.Context()), lull.ErrLost)
	code := 0
	var failed error
	if !errors.Is(why, errInputEnded) {
		failed = asSignal(why)
		code = a.explain(failed).status
	}
	rep.Started, rep.ExitCode = true, &code
	a.openAgain(client, hold, lull.Outcome{ExitCode: &code, Reason: why.Error()})
	return failed
}

// answer writes one line to standard output, where a script reads it.
func (a *app) answer(line string) error {
	if _, err := fmt.Fprintln(a.Out, line); err != nil {
		return &failure{status: 1, what: fmt.Sprintf("the answer could not be written: %v", err), err: err}
	}
	return nil
}

func noArgs(name string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage(fmt.Sprintf("lull %s takes no arguments, and %q is one", name, mask(args[:1])[0]), fmt.Sprintf("see: lull %s --help", name))
		}
		return nil
	}
}

var (
	errInputEnded  = errors.New("standard input ended")
	errInputSilent = fmt.Errorf("%w: it was silent for too long", errInputEnded)
)

// inputEnded is no failure to close, but a deployment that was called off while it
// waited.
func inputEnded(err error) error {
	if errors.Is(err, errInputEnded) {
		return &failure{status: exitTempFail, what: "called off: " + err.Error(), err: err}
	}
	return err
}

// lastingInput refuses a standard input that cannot tell when its writer ends: then
// the hold would last for ever, or not at all.
func lastingInput(in *os.File) error {
	const hint = "give it a pipe or a terminal, as ssh does; for a hold by hand leave --while-stdin away"
	info, err := in.Stat()
	if err != nil {
		return usage("--while-stdin, but standard input is closed", hint)
	}
	null, err := os.Stat(os.DevNull)
	switch {
	case err == nil && os.SameFile(info, null):
		return usage("--while-stdin, but standard input is "+os.DevNull, hint)
	case info.Mode().IsRegular() || info.IsDir():
		return usage("--while-stdin, but standard input is a file, which has no writer to wait for", hint)
	}
	if ended(in) {
		return usage("--while-stdin, but standard input has ended already", hint)
	}
	return nil
}

// awaitSilence reads until the input ends, or was silent for so long; zero is for
// ever. What is read is thrown away: it only shows that somebody is there.
func awaitSilence(in *os.File, silence time.Duration) error {
	read := make(chan error)
	go func() {
		buf := make([]byte, 4096)
		for {
			_, err := in.Read(buf)
			read <- err
			if err != nil {
				return
			}
		}
	}()
	if silence == 0 {
		silence = 1<<63 - 1
	}
	quiet := time.NewTimer(silence)
	for {
		select {
		case err := <-read:
			if err != nil {
				return errInputEnded
			}
			quiet.Reset(silence)
		case <-quiet.C:
			return errInputSilent
		}
	}
}
