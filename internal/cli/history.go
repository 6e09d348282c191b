package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lull-dev/lull"
	"github.com/spf13/cobra"
)

// historyFlags are the flags of lull history.
type historyFlags struct {
	since              duration
	casualties, failed bool
	job                string
	limit              int
}

// historyLimit is how many events are shown unless told otherwise: a few screens.
const historyLimit = 50

func newHistory(a *app) *cobra.Command {
	var f historyFlags
	cmd := &cobra.Command{
		Use:   "history [flags]",
		Short: "Show what happened at the gate, and which jobs a deployment broke",
		Long: `Show the gate's events, the oldest first: who closed and opened it and why, which
deployments ran, which jobs waited, ran and failed, what crashed or reached its
limit. Without flags it shows the last 50.

A casualty is a job whose command ran while a deployment's did, and was not part of
it, whatever the cause: it saw two releases. lull rerun tells how to run it again.

With -o json it prints an object a line, with times in UTC and durations in seconds;
exit_code is null where there is none, and holder where nobody did it.` + exitHelp(
			exitLine(0, "shown, also if there is nothing to show"),
			exitHelpUsage,
			exitHelpUnavailable,
			exitHelpConfig),
		Example: `  lull history --since 1d --casualties
  lull history --job import --failed --limit 0 -o json`,
		Args: noArgs("history"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.configure(cmd); err != nil {
				return err
			}
			switch {
			case f.limit < 0:
				return usage("--limit must not be negative", "write --limit 0 for all events")
			case f.since.set && f.since.d == 0:
				return usage("--since must be longer than 0", "leave it away for events of any age")
			}
			return a.history(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(&f.since, "since", "only events of this last time")
	flags.BoolVar(&f.casualties, "casualties", false, "only jobs that ran while a deployment did")
	flags.BoolVar(&f.failed, "failed", false, "only jobs that failed, vanished, or never ran because their wait ended")
	flags.StringVar(&f.job, "job", "", "only the job of this `name`")
	flags.IntVar(&f.limit, "limit", historyLimit, "only the last `n` of them; 0 for all")
	return cmd
}

func (a *app) history(ctx context.Context, f historyFlags) error {
	client, err := a.open()
	if err != nil {
		return err
	}
	events, err := client.History(ctx, f.filter(client.Gate()))
	if err != nil {
		return err
	}
	events = f.choose(events)
	if a.settings.json {
		return a.printJSON(list(events, func(e lull.Event) any { return asEventJSON(e) })...)
	}
	if len(events) == 0 {
		a.say("nothing to show of gate %q", client.Gate())
		return nil
	}
	if err := a.print(historyText(events, a.paint())); err != nil {
		return err
	}
	if n := countCasualties(events); n > 0 {
		a.say("%s: see how to run again what a deployment broke with: lull rerun --casualties%s", casualties(n), a.where(client.Gate()))
	}
	return nil
}

// filter is what the store can choose. What only we can choose has to be counted
// afterwards.
func (f historyFlags) filter(gate string) lull.Filter {
	filter := lull.Filter{Gate: gate, Since: f.since.d, Name: f.job, Limit: f.limit}
	if f.casualties || f.failed {
		filter.Limit = 0
		filter.Kinds = []lull.EventKind{lull.EventLeft, lull.EventAbandoned, lull.EventTimedOut}
	}
	return filter
}

// choose keeps what was asked for, and of it the last.
func (f historyFlags) choose(events []lull.Event) []lull.Event {
	events = slices.DeleteFunc(events, func(e lull.Event) bool {
		return f.casualties && !e.Casualty || f.failed && !failed(e)
	})
	if f.limit > 0 && len(events) > f.limit {
		events = events[len(events)-f.limit:]
	}
	return events
}

// failed reports whether an event is the bad end of a job. A deployment that was
// abandoned in the queue is none.
func failed(e lull.Event) bool {
	switch e.Kind {
	case lull.EventLeft:
		return e.ExitCode != nil && *e.ExitCode != 0
	case lull.EventAbandoned:
		return e.Hold == ""
	}
	return e.Kind == lull.EventTimedOut
}

func countCasualties(events []lull.Event) (n int) {
	for _, e := range events {
		if e.Casualty {
			n++
		}
	}
	return n
}

func casualties(n int) string {
	if n == 1 {
		return "1 casualty"
	}
	return fmt.Sprintf("%d casualties", n)
}

// eventJSON is a line of lull history -o json.
type eventJSON struct {
	Time          instant        `json:"time"`
	Gate          string         `json:"gate"`
	Event         lull.EventKind `json:"event"`
	Phase         lull.Phase     `json:"phase"`
	ID            string         `json:"id"`
	Name          string         `json:"name"`
	Holder        *holderJSON    `json:"holder"`
	Reason        string         `json:"reason"`
	ExitCode      *int           `json:"exit_code"`
	WaitedSeconds float64        `json:"waited_seconds"`
	RanSeconds    float64        `json:"ran_seconds"`
	Casualty      bool           `json:"casualty"`
}

func asEventJSON(e lull.Event) eventJSON {
	out := eventJSON{
		Time: instant(e.At.Wall), Gate: e.Gate, Event: e.Kind, Phase: e.Phase, ID: e.ID, Name: e.Name,
		Reason: e.Reason, ExitCode: e.ExitCode, WaitedSeconds: seconds(e.Waited), RanSeconds: seconds(e.Ran), Casualty: e.Casualty,
	}
	if e.Holder != (lull.Holder{}) {
		h := holderJSON(e.Holder)
		out.Holder = &h
	}
	return out
}

// eventTime is a time in a list of events: with its date, so that a line tells it
// wherever it is copied to.
func eventTime(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }
