package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/lull-dev/lull"
	"github.com/spf13/cobra"
)

func newAssert(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "assert",
		Short: "Succeed only inside a live job or deployment",
		Long: `Succeed only if this runs inside a live lull run, lull deploy, or lull close
--while-stdin. Put it at the top of a script that must never run without its gate: a
crontab that lost its "lull run --" is then found out by its first run, and not by the
next deployment.

The environment tells which pass or hold this is (LULL_PASS, LULL_HOLD), and the store
tells whether it is live: a variable that leaked from a job that is over counts for
nothing. The gate is the one the environment names, unless --gate demands another.

On success it prints nothing but, with -o json, which pass or hold it is.` + exitHelp(
			exitLine(0, "inside"),
			exitLine(1, "not inside"),
			exitHelpUsage,
			exitHelpUnavailable,
			exitHelpConfig),
		Example: `  lull assert || exit 1
  lull assert --gate imports`,
		Args: noArgs("assert"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.configure(cmd); err != nil {
				return err
			}
			return a.assert(cmd.Context())
		},
	}
}

// assertJSON is what lull assert -o json prints inside.
type assertJSON struct {
	Schema int     `json:"schema"`
	Gate   string  `json:"gate"`
	Pass   *string `json:"pass"` // null: in a deployment, not in a job
	Hold   *string `json:"hold"` // null: in a job
}

func (a *app) assert(ctx context.Context) error {
	store, err := a.openStore()
	if err != nil {
		return err
	}
	over := ""
	for _, variable := range []string{passVariable, holdVariable} {
		gate, id, ok := strings.Cut(a.Getenv(variable), "=")
		if !ok || lull.CheckGateName(gate) != nil || a.flags.gate != "" && gate != a.flags.gate {
			continue
		}
		found := assertJSON{Schema: schema, Gate: gate}
		var live bool
		if variable == passVariable {
			found.Pass, live, err = passLive(ctx, store, lull.PassRef{Gate: gate, ID: id})
		} else {
			found.Hold, live, err = holdLive(ctx, store, lull.HoldRef{Gate: gate, ID: id})
		}
		switch {
		case err != nil:
			return err
		case live && a.settings.json:
			return a.printJSON(found)
		case live:
			a.detail("inside gate %q (%s)", gate, a.Getenv(variable))
			return nil
		}
		over = variable
	}
	return notInside(a.flags.gate, over)
}

// notInside is the failure: no variable names a place at the gate, or the one that
// does names a place that is over.
func notInside(gate, over string) error {
	where := "any gate"
	if gate != "" {
		where = fmt.Sprintf("gate %q", gate)
	}
	what := "this does not run inside " + where
	if over != "" {
		what += ": the job or deployment that " + over + " names is over"
	}
	return &failure{status: 1, what: what, hint: "start it with: lull run -- COMMAND"}
}

func passLive(ctx context.Context, s lull.Store, ref lull.PassRef) (id *string, live bool, err error) {
	p, g, err := s.Poll(ctx, ref)
	if errors.Is(err, lull.ErrGone) {
		return nil, false, nil
	}
	return &ref.ID, err == nil && p.Inside(g.Phase), err
}

func holdLive(ctx context.Context, s lull.Store, ref lull.HoldRef) (id *string, live bool, err error) {
	d, err := s.Drain(ctx, ref)
	if errors.Is(err, lull.ErrGone) {
		return nil, false, nil
	}
	// The command of a deployment that crashed may live on; its hold is a person's
	// then.
	h, held := d.Gate.Around(ref.ID)
	return &ref.ID, err == nil && held && h.Kind == lull.Deployment, err
}
