// Package lulld is the command lulld: it puts a store, a server, a page, metrics and
// notices together, and listens.
package lulld

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/lull-dev/lull"
	"github.com/spf13/cobra"
)

// The exit statuses, as lull's.
const (
	exitUsage       = 64
	exitUnavailable = 69
	exitConfig      = 78
)

// World is what the command sees of the system.
type World struct {
	Out, Err io.Writer
	Getenv   func(string) string
}

// usageError is a wrong command line.
type usageError struct{ error }

// Main runs lulld with the arguments after its name until ctx ends, and returns its exit
// status.
func Main(ctx context.Context, args []string, w World) int {
	root := newRoot(w)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	status, hint := explain(err)
	if hint != "" {
		fmt.Fprintf(w.Err, "lulld: hint: %s\n", hint)
	}
	fmt.Fprintf(w.Err, "lulld: %v\n", err)
	return status
}

func explain(err error) (status int, hint string) {
	var wrong usageError
	var setup *lull.SetupError
	switch {
	case errors.As(err, &wrong):
		return exitUsage, "see lulld --help"
	case errors.As(err, &setup):
		return exitConfig, setup.Hint
	case errors.Is(err, lull.ErrUnavailable):
		return exitUnavailable, "the store must be reachable when lulld starts; a service manager may try again"
	}
	return 1, ""
}

// globals are the flags that every command has.
type globals struct {
	config, store, tokens string
}

func newRoot(w World) *cobra.Command {
	var f serveFlags
	root := &cobra.Command{
		Use:   "lulld [flags]",
		Short: "Serve gates over HTTP or a unix socket",
		Long: `Serve the gates of a store to jobs, deployments and people: an HTTP API, a page, metrics.

Jobs and deployments use it as their store, with the lull they have:
  LULL_STORE=http://127.0.0.1:5855        one server for a cluster
  LULL_STORE=unix:///run/lull.sock        one server a host: it keeps the host's few connections
                                          to PostgreSQL, and the password

People open http://127.0.0.1:5855 in a browser. Prometheus reads /metrics; /healthz says
that the server runs, /readyz that the store answers.

Without tokens, whoever reaches the address may do everything; so it is served to this
host alone. With tokens, made by lulld token create, callers by TCP must show one:
LULL_TOKEN in a job's or a deployment's environment, the sign-in form for people. Callers
by a unix socket are known by their user.

The server keeps nothing: it may be stopped, killed, updated and started again at any
time while jobs wait and run, and several may serve one store.

It ends with SIGTERM or Ctrl-C: whoever waits is told to ask again.

The configuration is ` + configPath + `, or the file named by --config:
  store = "postgres://lull@db/app"
  listen = ["127.0.0.1:5855", "unix:///run/lull.sock"]
  tokens = "` + tokensPath + `"
  url = "https://lull.example.com"
  tls_cert = "/etc/lull/cert.pem"
  tls_key = "/etc/lull/key.pem"

  [[notify]]
  url = "env:LULL_HOOK"
  events = ["closed", "opened", "crashed", "casualty"]

Exit status: 0 ended by a signal; 64 wrong usage; 69 the store is unreachable; 78 wrong
configuration, or an address that is not safe.`,
		Example: `  lulld --store file:///var/lib/lull
  lulld --store env:LULL_DATABASE --listen unix:///run/lull.sock`,
		Args:          noArgs,
		SilenceErrors: true, SilenceUsage: true,
		SuggestionsMinimumDistance: 2, // so many typing errors are still that command
		CompletionOptions:          cobra.CompletionOptions{DisableDefaultCmd: true},
		Version:                    version(),
		RunE:                       func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), f, w) },
	}
	root.SetOut(w.Out)
	root.SetErr(w.Err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	common := root.PersistentFlags()
	common.SortFlags = false
	common.StringVar(&f.config, "config", "", "the configuration `file` (default "+configPath+", if it is there)")
	common.StringVar(&f.store, "store", "", "the store to serve, as a `URL`, or env:NAME (default: LULL_STORE, or store in the configuration)")
	common.StringVar(&f.tokens, "tokens", "", "the `file` of tokens (default "+tokensPath+", if it is there)")
	flags := root.Flags()
	flags.SortFlags = false
	flags.StringArrayVar(&f.listen, "listen", nil, "an `address`: HOST:PORT, unix:///PATH, or systemd; may be given several times (default 127.0.0.1:5855)")
	flags.StringVar(&f.url, "url", "", "the `URL` under which people reach the page, for links")
	flags.StringVar(&f.cert, "tls-cert", "", "the certificate `file`, in PEM")
	flags.StringVar(&f.key, "tls-key", "", "its key `file`, in PEM")
	flags.BoolVar(&f.plain, "allow-plain-http", false, "serve other hosts without TLS: behind a proxy that has it")
	flags.BoolVar(&f.anyone, "allow-anyone", false, "serve other hosts without tokens: whoever reaches the address may do everything")
	flags.StringVar(&f.log, "log", "", "log as `text` or json (default text)")
	root.AddCommand(newToken(&f.globals, w), newNotify(&f.globals, w), newVersion(w))
	return root
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("%s takes no %q", cmd.CommandPath(), args[0])
	if meant := cmd.SuggestionsFor(args[0]); len(meant) > 0 {
		err = fmt.Errorf("%w: did you mean %s?", err, strings.Join(meant, " or "))
	}
	return usageError{err}
}

// version is that of the binary.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

func newVersion(w World) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show which lulld this is", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(w.Out, "lulld %s\n", version())
			return err
		},
	}
}
