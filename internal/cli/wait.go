package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/child"
	"github.com/lull-dev/lull/internal/words"
	"github.com/spf13/cobra"
)

// awaited are the states that lull wait can wait for.
var awaited = []string{"open", "closed", "drained"}

func newWait(a *app) *cobra.Command {
	var maxWait duration
	cmd := &cobra.Command{
		Use:   "wait open|closed|drained [flags]",
		Short: "Wait until the gate is open, closed or drained",
		Long: `Wait until the gate is open, closed, or drained: closed, and no job inside. It is
for people, tests and dashboards.

Never start a job from this: between the moment when wait says "open" and the moment
when the job starts, a deployment may begin, and it would not know of the job. That
is the race that lull exists to close. lull run waits and enters in one step.

A state that lasts only a moment may be missed.` + exitHelp(
			exitLine(0, "it is so"),
			exitHelpUsage,
			exitHelpUnavailable+", until --max-wait was over",
			exitLine(exitTempFail, "it was not so within --max-wait"),
			exitHelpConfig,
			"128 + n  signal n ended the wait"),
		Example: `  lull wait open && echo "they are done"
  lull wait drained --max-wait 15m --gate imports`,
		ValidArgs: awaited,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 && slices.Contains(awaited, args[0]) {
				return nil
			}
			what := "lull wait needs to know for what"
			if len(args) > 0 {
				what = fmt.Sprintf("%q is nothing to wait for", args[len(args)-1])
			}
			return usage(what, "write one of: lull wait open, lull wait closed, lull wait drained")
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.configure(cmd); err != nil {
				return err
			}
			return a.wait(args[0], maxWait)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(&maxWait, "max-wait", "wait no longer than this (default: as long as it takes)")
	return cmd
}

func (a *app) wait(state string, maxWait duration) error {
	client, err := a.open()
	if err != nil {
		return err
	}
	signals := child.Catch()
	defer signals.Stop()
	ctx, stop := untilSignal(signals)
	defer stop()
	if maxWait.set {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, max(maxWait.d, oneLook), lull.ErrTimeout)
		defer cancel()
	}
	began, waited := time.Now(), false
	var seen gateView
	err = client.Await(ctx, func(s lull.Snapshot) bool {
		seen = gateView{Snapshot: s, store: client.Store().About().URL}
		late := maxWait.set && time.Since(began) >= maxWait.d
		if seen.is(state) || late {
			return true
		}
		now := seen.inWords()
		if !waited {
			waited = true
			a.say("gate %q is %s", client.Gate(), now)
			a.say("waiting until it is %s; look with: %s", state, a.lookLine(client.Gate()))
		}
		a.live(fmt.Sprintf("waiting %s · %s", short(time.Since(began).Truncate(time.Second)), now))
		return false
	})
	a.clear()
	switch {
	case err == nil && !seen.is(state), errors.Is(err, lull.ErrTimeout):
		return &failure{
			status: exitTempFail, what: fmt.Sprintf("gate %q was not %s within %s: it is %s", client.Gate(), state, short(maxWait.d), seen.inWords()),
			hint: "look with: " + a.lookLine(client.Gate()), err: lull.ErrTimeout,
		}
	case err != nil:
		return asSignal(err)
	case a.settings.json:
		return a.printJSON(seen.json())
	case waited:
		a.say("gate %q is %s after %s", client.Gate(), state, short(time.Since(began)))
	}
	return nil
}

// oneLook is how long a single look at the store may take: with --max-wait 0 there
// is one.
const oneLook = time.Second

// is reports whether the gate is in a state that one can wait for.
func (v gateView) is(state string) bool {
	switch state {
	case "open":
		return v.Gate.Phase.Open()
	case "closed":
		return !v.Gate.Phase.Open()
	}
	return !v.Gate.Phase.Open() && v.Drained
}

// inWords says in one line how the gate is.
func (v gateView) inWords() string {
	if v.Gate.Name == "" {
		return "not known" // the store has not answered
	}
	_, why := v.state()
	if v.Gate.Phase.Open() {
		return "open, " + why
	}
	return words.Printable(fmt.Sprintf("closed, %s: %s", why, describeGate(v.Gate, v.Now.Wall)))
}
