package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/words"
	"github.com/spf13/cobra"
)

// findHold returns the hold that a person named, in force or queued.
func findHold(g lull.Gate, word string) (_ lull.Hold, there bool, _ error) {
	holds := slices.Concat(g.Holds, g.Queue)
	ids := make([]string, len(holds))
	for i, h := range holds {
		ids[i] = h.ID
	}
	i, err := named(strings.TrimPrefix(word, g.Name+"="), ids, "hold")
	if err != nil || i < 0 {
		return lull.Hold{}, false, err
	}
	return holds[i], true, nil
}

// wholeID reports whether a word has the form of an ID, and not of a part of one.
func wholeID(word string) bool { return len(word) == len(lull.NewID()) }

// eachHold is the line to type for each hold of a gate, and what it is.
func (a *app) eachHold(g lull.Gate, now time.Time, line func(lull.Hold) string) string {
	var lines strings.Builder
	columns := tabwriter.NewWriter(&lines, 0, 0, 2, ' ', 0)
	for _, h := range slices.Concat(g.Holds, g.Queue) {
		fmt.Fprintf(columns, "  %s\t# %s\n", line(h), holdLine(h, now))
	}
	columns.Flush() // a strings.Builder takes everything
	return strings.TrimSuffix(lines.String(), "\n")
}

// holdLine says in one line what a hold is, for a terminal.
func holdLine(h lull.Hold, now time.Time) string {
	if h.State == lull.Queued {
		return words.Printable(fmt.Sprintf("queued deployment of %s since %s (%s)%s", h.Holder, clock(h.Since, now), short(now.Sub(h.Since)), because(h.Reason)))
	}
	return words.Printable(describeHold(h, now))
}

// asForce adds to the answer about somebody else's hold the line that does it all
// the same.
func asForce(err error, line string) error {
	var notYours *lull.NotYoursError
	if !errors.As(err, &notYours) {
		return err
	}
	return &failure{status: exitUsage, what: err.Error(), hint: "if you mean it, and it will be in the history: " + line, err: err}
}

// completeHolds offers the holds of the gate, by the short IDs that people see.
func (a *app) completeHolds(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	a.flags.quiet = true
	if len(args) > 0 || a.configure(cmd) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	client, err := a.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	snap, err := client.Store().Snapshot(cmd.Context(), client.Gate())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var all []cobra.Completion
	for _, h := range slices.Concat(snap.Gate.Holds, snap.Gate.Queue) {
		all = append(all, cobra.CompletionWithDesc(shortID(h.ID), holdLine(h, snap.Now.Wall)))
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}
