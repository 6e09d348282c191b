package cli

import (
	"context"
	"errors"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lull-dev/lull"
	"github.com/spf13/cobra"
)

// statusFlags are the flags of lull status.
type statusFlags struct {
	all, watch, exitCode bool
}

func newStatus(a *app) *cobra.Command {
	var f statusFlags
	cmd := &cobra.Command{
		Use:   "status [flags]",
		Short: "Show who holds the gate, who is inside, and who waits",
		Long: `Show a gate: whether it is open, who holds it, why, since when and until when,
which deployments queue, which jobs are inside and when they usually end, and which
jobs wait. Looking changes nothing, and a gate that nobody has used is open.

  OPEN      jobs pass
  DRAINING  jobs that arrive wait, and jobs are still inside
  CLOSED    jobs that arrive wait, and no job is inside, or the deployment runs

With -o json it prints an object on one line, with times in UTC; with --all an object
on a line for each gate. Within "schema":1 fields are added, never changed. With
--watch a terminal is redrawn every second; elsewhere the status is printed again
whenever more than the time has changed.

To start something only if the gate is open, do not look here first: use lull run.` + exitHelp(
			exitLine(0, "shown; with --exit-code: the gate is open"),
			exitLine(1, "with --exit-code: the gate is closed; with --all: one of them is"),
			exitHelpUsage,
			exitHelpUnavailable+", for 5 seconds",
			exitHelpConfig),
		Example: `  lull status --watch
  lull status -o json | jq -r '.inside[] | "\(.name) \(.holder.host)"'`,
		Args: noArgs("status"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.configure(cmd); err != nil {
				return err
			}
			if f.watch && f.exitCode {
				return usage("--watch and --exit-code do not go together: a watch ends when you end it", "to wait for a state use: lull wait open")
			}
			return a.status(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&f.all, "all", false, "show every gate of the store, a line each")
	flags.BoolVar(&f.watch, "watch", false, "keep showing, until Ctrl-C")
	flags.BoolVar(&f.exitCode, "exit-code", false, "exit with 1 if the gate is closed")
	return cmd
}

func (a *app) status(ctx context.Context, f statusFlags) error {
	client, err := a.openLate(a.notice)
	if err != nil {
		return err
	}
	g := gateViewer{client: client, ask: client.Ask, all: f.all}
	if f.watch {
		g.ask = once
		return a.watch(&g)
	}
	views, err := g.look(ctx)
	if err != nil {
		return err
	}
	if err := a.show(&g, views); err != nil {
		return err
	}
	for _, v := range views {
		if f.exitCode && !v.Gate.Phase.Open() {
			return exit(1)
		}
	}
	return nil
}

// show prints what was seen.
func (a *app) show(g *gateViewer, views []gateView) error {
	if !a.settings.json {
		return a.print(g.text(views, a.paint()))
	}
	lines := make([]any, len(views))
	for i, v := range views {
		lines[i] = v.json()
	}
	return a.printJSON(lines...)
}

// gateViewer looks at one gate, or at all of a store.
type gateViewer struct {
	client *lull.Client
	ask    asker
	all    bool
	usual  map[string]time.Duration
	asked  time.Time // when usual was
}

// usualFor is how long the usual durations of jobs are taken for granted by one who
// watches: they take a reading of the history, and hardly change.
const usualFor = time.Minute

// look asks the store.
func (g *gateViewer) look(ctx context.Context) ([]gateView, error) {
	store := g.client.Store()
	names := []string{g.client.Gate()}
	if g.all {
		gates, err := asked(ctx, g.ask, store.Gates)
		if err != nil {
			return nil, err
		}
		names = names[:0]
		for _, gate := range gates {
			names = append(names, gate.Name)
		}
	}
	views := make([]gateView, 0, len(names))
	for _, name := range names {
		snap, err := asked(ctx, g.ask, func(ctx context.Context) (lull.Snapshot, error) { return store.Snapshot(ctx, name) })
		if err != nil {
			return nil, err
		}
		v := gateView{Snapshot: snap, store: store.About().URL}
		v.Gate.Name = name
		views = append(views, v)
		if g.all || len(snap.Inside) == 0 || time.Since(g.asked) < usualFor {
			continue
		}
		switch usual, err := g.client.Usual(ctx, name); {
		case err == nil:
			g.usual, g.asked = usual, time.Now()
		case !errors.Is(err, lull.ErrUnavailable): // then the rest is worth showing all the same
			return nil, err
		}
	}
	if !g.all {
		views[0].usual = g.usual
	}
	return views, nil
}

// text is the screen about the gate, or the list of all gates.
func (g *gateViewer) text(views []gateView, p paint) string {
	if !g.all {
		return views[0].text(p)
	}
	if len(views) == 0 {
		return "no gate was ever used in " + g.client.Store().About().URL + "\n"
	}
	var b strings.Builder
	columns := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, v := range views {
		_, _ = columns.Write([]byte(v.line(p)))
	}
	columns.Flush()
	return b.String()
}
