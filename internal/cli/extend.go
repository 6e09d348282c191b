package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/lull-dev/lull"
	"github.com/spf13/cobra"
)

func newExtend(a *app) *cobra.Command {
	limit := duration{none: true}
	var force bool
	cmd := &cobra.Command{
		Use:   "extend HOLD --limit D [flags]",
		Short: "Give a hold a new limit, counted from now",
		Long: `Give a hold a new limit, counted from now: longer or shorter than what is left of
the old one, or none. HOLD is the ID, or a part of it that fits no other hold: at
least 4 characters, such as the 8 that lull status shows.

A hold that is somebody else's, or a deployment's, needs --force, and the history
will say who did it. A hold without a limit stays until somebody ends it; a
deployment's still ends with its process.` + exitHelp(
			exitLine(0, "the hold has the new limit"),
			exitLine(1, "the hold ended before it could be extended"),
			exitHelpUsage+", also if --force is needed",
			exitHelpUnavailable+", for 5 seconds",
			exitHelpConfig),
		Example: `  lull extend 3f9a1c07 --limit 2h
  lull extend 3f9a1c07 --limit none --force`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Sprintf("lull extend takes one HOLD, and here are %d arguments", len(args)), "find its ID with: lull status")
			}
			return nil
		},
		ValidArgsFunction: a.completeHolds,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.configure(cmd); err != nil {
				return err
			}
			if limit.d == 0 {
				return usage("lull extend needs a --limit longer than 0", "write it like --limit 30m, or --limit none; to end the hold: lull open "+args[0])
			}
			return a.extend(cmd.Context(), args[0], lull.Extension{Limit: limit.d, Force: force})
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(&limit, "limit", "how long the hold lasts from now at most, or none")
	flags.BoolVar(&force, "force", false, "extend it even if it is somebody else's, or a deployment's")
	return cmd
}

// extendJSON is what lull extend -o json prints.
type extendJSON struct {
	Schema int      `json:"schema"`
	Gate   string   `json:"gate"`
	Hold   holdJSON `json:"hold"`
}

func (a *app) extend(ctx context.Context, word string, x lull.Extension) error {
	client, err := a.openLate(a.notice)
	if err != nil {
		return err
	}
	snap, err := asked(ctx, client.Ask, func(ctx context.Context) (lull.Snapshot, error) {
		return client.Store().Snapshot(ctx, client.Gate())
	})
	if err != nil {
		return err
	}
	h, there, err := findHold(snap.Gate, word)
	switch {
	case err != nil:
		return err
	case !there && wholeID(word):
		return holdEnded(word, client.Gate())
	case !there:
		return usage(fmt.Sprintf("gate %q has no hold %q", client.Gate(), word), "see what there is with: "+a.lookLine(client.Gate()))
	case h.State == lull.Queued:
		return usage(fmt.Sprintf("hold %s is in the queue: its limit counts from when it closes the gate", shortID(h.ID)), "extend it then")
	}
	x.By = client.Holder()
	ref := lull.HoldRef{Gate: client.Gate(), ID: h.ID}
	h, err = asked(ctx, client.Ask, func(ctx context.Context) (lull.Hold, error) {
		return client.Store().Extend(ctx, ref, x)
	})
	switch {
	case errors.Is(err, lull.ErrGone):
		return holdEnded(word, client.Gate())
	case err != nil:
		return asForce(err, fmt.Sprintf("lull extend %s --limit %s --force%s", word, limitWord(x), a.where(client.Gate())))
	case a.settings.json:
		return a.printJSON(extendJSON{schema, client.Gate(), asHoldJSON(h)})
	case h.Ends.IsZero():
		return a.sentence(fmt.Sprintf("hold %s lasts until it is ended: lull open %s%s", shortID(h.ID), shortID(h.ID), a.where(client.Gate())))
	}
	return a.sentence(fmt.Sprintf("hold %s lasts until %s at most, %s from now", shortID(h.ID), clock(h.Ends.Wall, snap.Now.Wall), limitWord(x)))
}

func limitWord(x lull.Extension) string {
	if x.Limit < 0 {
		return "none"
	}
	return short(x.Limit)
}

func holdEnded(word, gate string) error {
	return &failure{status: 1, what: fmt.Sprintf("hold %s has ended", word), hint: "see when and why with: lull history --gate " + gate}
}
