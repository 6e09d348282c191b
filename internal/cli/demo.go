package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/lull-dev/lull/filestore"
	"github.com/spf13/cobra"
)

// fastPace is how much quicker the demo is with --fast: it shows the same, to a
// machine.
const fastPace = 0.3

func newDemo(a *app) *cobra.Command {
	var fast bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show in half a minute what lull does, without touching anything",
		Long: `Show what lull does, with real processes at a throw-away gate: jobs run, a deployment
waits for them, later jobs wait for the deployment, and a deployment that is killed
blocks nobody. It takes less than half a minute.

Everything happens in a temporary directory (under TMPDIR), by calling this binary
as lull run, deploy, status and history. Nothing is left of it, whatever ends the
demo. What is shown is also checked, so the demo tells whether lull works on this
host. On a terminal of at least 80 x 24 it draws a timeline; elsewhere it writes
lines. NO_COLOR=1 leaves the colours away.` + exitHelp(
			exitLine(0, "all went as shown"),
			exitLine(1, "it did not; the last line says what"),
			exitHelpUsage,
			exitHelpConfig+": no gate can be kept in the temporary directory"),
		Example: `  lull demo
  lull demo --fast | cat`,
		Args: noArgs("demo"),
		RunE: func(*cobra.Command, []string) error {
			a.quiet = a.flags.quiet
			if a.flags.output == "json" || a.flags.store != "" || a.flags.gate != "" {
				return usage("lull demo shows text, at a gate of its own", "leave --output, --store and --gate away")
			}
			pace := 1.0
			if fast {
				pace = fastPace
			}
			return a.demo(pace)
		},
	}
	cmd.Flags().BoolVar(&fast, "fast", false, "in a third of the time")
	return cmd
}

// demo plays the demo from setting up to cleaning up.
func (a *app) demo(pace float64) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 1)
	// PIPE as well: whoever reads us may leave early, as head does.
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer signal.Stop(signals)
	go func() {
		select {
		case sig := <-signals:
			cancel(interrupted{sig.(syscall.Signal)})
		case <-ctx.Done():
		}
	}()

	d, err := a.newDemo(ctx, pace)
	if err != nil {
		return err
	}
	defer d.show.close()
	err = d.play()
	if left := d.cleanUp(); err == nil {
		err = left
	}
	if err == nil {
		d.show.lessons(d.lessons())
	}
	return asSignal(err)
}

// demoGate is the demo's only gate.
const demoGate = "demo"

// newDemo makes the directory, with a configuration of its own so that none of this
// host's plays a part.
func (a *app) newDemo(ctx context.Context, pace float64) (_ *demo, err error) {
	dir, err := os.MkdirTemp("", "lull-demo-")
	if err != nil {
		return nil, misconfigured(err.Error(), "name another directory for temporary files with TMPDIR")
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(dir) // the first error says more
		}
	}()
	d := &demo{ctx: ctx, a: a, pace: pace, dir: dir, began: time.Now(),
		exits: make(chan *actor), said: make(chan said), saidMore: make(chan struct{})}
	if d.binary, err = os.Executable(); err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "lull.toml")
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		return nil, err
	}
	if d.journal, err = os.OpenFile(d.journalPath(), os.O_RDONLY|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	gates := filepath.Join(dir, "gates")
	d.env = a.demoEnv(dir, gates, config)
	if d.store, err = filestore.Open(gates, filestore.Options{}); err != nil {
		return nil, fmt.Errorf("no gate can be kept in %s: %w", dir, err)
	}
	d.show = a.newDemoShow(d)
	go d.readJournal()
	return d, nil
}
