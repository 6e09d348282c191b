package cli

import (
	"context"
	"fmt"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/words"
	"github.com/spf13/cobra"
)

// openFlags are the flags of lull open.
type openFlags struct {
	force  bool
	reason string
}

func newOpen(a *app) *cobra.Command {
	var f openFlags
	cmd := &cobra.Command{
		Use:   "open [HOLD] [flags]",
		Short: "End a hold: the gate opens when it was the last",
		Long: `End a hold. When it was the last one, the gate opens, and everyone who waits is
inside at that moment.

Without HOLD it ends the one hold of your own, as lull close made it. If there is
none, or more than one, it lists what there is, with the line to type for each. HOLD
is the ID, or a part of it that fits no other hold: at least 4 characters, such as
the 8 that lull status shows.

A hold that is somebody else's, or a deployment's, needs --force, and the history
will say who did it. A deployment whose hold is taken away goes on, and closes the
gate anew; jobs that met it are listed by lull history --casualties.` + exitHelp(
			exitLine(0, "the hold has ended, or was gone already; without HOLD: also if the gate was open"),
			exitHelpUsage+", also if HOLD is needed, or --force",
			exitHelpUnavailable+", for 5 seconds",
			exitHelpConfig),
		Example: `  lull open
  lull open 3f9a1c07 --force --reason "the deployment hangs, and its host is gone"`,
		Args:              atMostOne("open", "HOLD"),
		ValidArgsFunction: a.completeHolds,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.configure(cmd); err != nil {
				return err
			}
			word := ""
			if len(args) > 0 {
				word = args[0]
			}
			return a.openGate(cmd.Context(), f, word)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&f.force, "force", false, "end it even if it is somebody else's, or a deployment's")
	flags.StringVar(&f.reason, "reason", "", "why, for the history")
	return cmd
}

// openGate ends the hold that the word means, or the only one of the caller.
func (a *app) openGate(ctx context.Context, f openFlags, word string) error {
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
	if word == "" && snap.Gate.Phase.Open() {
		return a.opened(snap.Gate, nil, snap, fmt.Sprintf("gate %q is open", client.Gate()))
	}
	h, there, err := a.holdToOpen(client, snap, word)
	switch {
	case err != nil:
		return err
	case !there:
		return a.opened(snap.Gate, nil, snap, fmt.Sprintf("there is no hold %s any more: gate %q is %s", word, client.Gate(), stateWord(snap.Gate.Phase)))
	}
	opening, err := asked(ctx, client.Ask, func(ctx context.Context) (lull.Opening, error) {
		return client.Store().Open(ctx, lull.HoldRef{Gate: client.Gate(), ID: h.ID},
			lull.Outcome{By: client.Holder(), Force: f.force, Reason: f.reason})
	})
	if err != nil {
		return asForce(err, a.openShort(h, client))
	}
	return a.opened(opening.Gate, &h, snap, a.openingLine(h, opening, snap))
}

// holdToOpen is the hold that the word names; without one the caller's only one. A
// whole ID that is not there any more is no mistake: it is what was wanted.
func (a *app) holdToOpen(c *lull.Client, snap lull.Snapshot, word string) (_ lull.Hold, there bool, _ error) {
	if word != "" {
		h, there, err := findHold(snap.Gate, word)
		if err == nil && !there && !wholeID(word) {
			err = usage(fmt.Sprintf("gate %q has no hold %q", c.Gate(), word), a.openHint(c, snap))
		}
		return h, there, err
	}
	var mine []lull.Hold
	for _, h := range snap.Gate.Holds {
		if h.Kind == lull.Person && h.OwnedBy(c.Holder()) {
			mine = append(mine, h)
		}
	}
	switch len(mine) {
	case 1:
		return mine[0], true, nil
	case 0:
		return lull.Hold{}, false, usage(fmt.Sprintf("gate %q is closed, but by no hold of your own", c.Gate()), a.openHint(c, snap))
	}
	return lull.Hold{}, false, usage(fmt.Sprintf("%d of the holds of gate %q are yours", len(mine), c.Gate()), a.openHint(c, snap))
}

// openHint lists the line to type for each hold.
func (a *app) openHint(c *lull.Client, snap lull.Snapshot) string {
	if len(snap.Gate.Holds) == 0 {
		return "the gate is open; see: " + a.lookLine(c.Gate())
	}
	return "end one of them with its line:\n" + a.eachHold(snap.Gate, snap.Now.Wall, func(h lull.Hold) string { return a.openShort(h, c) })
}

// openShort is the line to end a hold with, for a person to type.
func (a *app) openShort(h lull.Hold, c *lull.Client) string {
	line := "lull open " + shortID(h.ID)
	if h.Kind == lull.Deployment || !h.OwnedBy(c.Holder()) {
		line += " --force"
	}
	return line + a.where(c.Gate())
}

// openingLine says what ending a hold came to.
func (a *app) openingLine(h lull.Hold, o lull.Opening, before lull.Snapshot) string {
	what := fmt.Sprintf("hold %s has ended", shortID(h.ID))
	if o.Gone {
		what = fmt.Sprintf("hold %s had ended already", shortID(h.ID))
	}
	if o.Gate.Phase.Open() {
		return fmt.Sprintf("%s, gate %q is open", what, o.Gate.Name)
	}
	return fmt.Sprintf("%s, gate %q stays closed: %s", what, o.Gate.Name, words.Printable(describeGate(o.Gate, before.Now.Wall)))
}

// openJSON is what lull open -o json prints.
type openJSON struct {
	Schema int        `json:"schema"`
	Gate   string     `json:"gate"`
	State  string     `json:"state"`
	Phase  lull.Phase `json:"phase"`
	Ended  *holdJSON  `json:"ended"` // null: there was nothing to end
	Holds  []holdJSON `json:"holds"` // what keeps it closed
}

// opened prints how the gate is now.
func (a *app) opened(g lull.Gate, ended *lull.Hold, snap lull.Snapshot, text string) error {
	if !a.settings.json {
		return a.sentence(text)
	}
	out := openJSON{schema, snap.Gate.Name, stateWord(g.Phase), g.Phase, nil, list(g.Holds, asHoldJSON)}
	if ended != nil {
		h := asHoldJSON(*ended)
		out.Ended = &h
	}
	return a.printJSON(out)
}

// sentence prints the answer of a command that has done something, unless only
// failures are asked for.
func (a *app) sentence(text string) error {
	if a.quiet {
		return nil
	}
	return a.print(text + "\n")
}

// atMostOne refuses more arguments than the one there may be.
func atMostOne(name, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usage(fmt.Sprintf("lull %s takes one %s at most, and %q is another", name, what, args[1]), fmt.Sprintf("see: lull %s --help", name))
		}
		return nil
	}
}
