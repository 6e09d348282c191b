// Package cli is the command lull: one file per subcommand, and beside them what
// they share.
//
// Rules for what people see:
//   - standard output belongs to the child, or to the answer; everything else goes
//     to standard error, behind "lull: "
//   - an error is one sentence that says what is wrong, and a hint that says what to
//     do
//   - the exit status is the child's, or one of those in exit.go
//   - start-up is on every job's path: only the chosen command is built, and nothing
//     is opened that it does not need
package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// World is what the command sees of the system.
type World struct {
	In, Out, Err *os.File
	Environ      []string
}

// Getenv returns a variable's value, or "".
func (w World) Getenv(name string) string {
	value, _ := w.LookupEnv(name)
	return value
}

// LookupEnv returns a variable's value, and whether it is set.
func (w World) LookupEnv(name string) (string, bool) {
	for i := len(w.Environ) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(w.Environ[i], name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// app is one run of the command.
type app struct {
	World
	*console
	flags    globals
	settings settings
	command  string // the name of the one that runs
}

// globals are the flags that every command has.
type globals struct {
	store, gate, config, output string
	lease, killGrace            duration
	quiet, verbose              bool
}

// verb names a command and builds it. Its summary is what the list of commands
// shows; the rest is only made for the command that is run.
type verb struct {
	name, group string
	build       func(*app) *cobra.Command
}

// The groups in which help lists the commands.
const (
	groupUse    = "use"
	groupPeople = "people"
	groupLook   = "look"
	groupSetup  = "setup"
)

func verbs() []verb {
	return []verb{
		{"run", groupUse, newRun},
		{"deploy", groupUse, newDeploy},
		{"close", groupPeople, newClose},
		{"open", groupPeople, newOpen},
		{"extend", groupPeople, newExtend},
		{"status", groupLook, newStatus},
		{"wait", groupLook, newWait},
		{"history", groupLook, newHistory},
		{"rerun", groupLook, newRerun},
		{"assert", groupLook, newAssert},
		{"doctor", groupSetup, newDoctor},
		{"init", groupSetup, newInit},
		{"migrate", groupSetup, newMigrate},
		{"demo", groupSetup, newDemo},
		{"completion", groupSetup, newCompletion},
		{"version", groupSetup, newVersion},
	}
}

// Main runs lull with the arguments after its name, and returns its exit status.
func Main(args []string, w World) int {
	a := &app{World: w}
	a.console = newConsole(w.Err)
	root := a.root(args)
	root.SetArgs(args)
	err := root.Execute()
	a.clear()
	return a.finish(err)
}

// root is the command with the one subcommand that the arguments name, or with all
// of them where help, completion or a mistake needs them.
func (a *app) root(args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "lull",
		Short: "Keep background jobs from running while a deployment is in progress",
		Long:  rootHelp,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},

		SuggestionsMinimumDistance: 2, // so many typing errors are still that command
	}
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.SetFlagErrorFunc(flagError)
	a.flags.register(root.PersistentFlags())
	root.AddGroup(
		&cobra.Group{ID: groupUse, Title: "In jobs and deployments:"},
		&cobra.Group{ID: groupPeople, Title: "By hand:"},
		&cobra.Group{ID: groupLook, Title: "To look and to mend:"},
		&cobra.Group{ID: groupSetup, Title: "To set up:"},
	)
	all := verbs()
	chosen := all
	for _, v := range all {
		if v.name == commandWord(args) {
			chosen = []verb{v}
			root.SetHelpCommand(&cobra.Command{Use: "no-help", Hidden: true})
		}
	}
	for _, v := range chosen {
		cmd := v.build(a)
		cmd.GroupID = v.group
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		root.AddCommand(cmd)
	}
	if len(chosen) > 1 {
		a.completeFlags(root)
	}
	return root
}

func (g *globals) register(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&g.store, "store", "", "where gates are kept: file:///DIRECTORY, postgres://USER@HOST/DATABASE, http(s)://HOST:PORT or unix:///SOCKET of lulld, or env:NAME for a variable that holds it (LULL_STORE)")
	f.StringVar(&g.gate, "gate", "", "the gate's `name` (LULL_GATE; default \"default\")")
	f.Var(&g.lease, "lease", "how long the store believes in a silent owner (LULL_LEASE; default 60s)")
	f.StringVarP(&g.output, "output", "o", "", "text or json (default text)")
	f.StringVar(&g.config, "config", "", "the configuration `file` (LULL_CONFIG; default lull.toml beside the binary, then /etc/lull/lull.toml, then the user's)")
	f.Var(&g.killGrace, "kill-grace", "time between TERM and KILL for a command that must stop (LULL_KILL_GRACE; default 5s)")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "say only what went wrong")
	f.BoolVarP(&g.verbose, "verbose", "v", false, "say more")
}

// commandWord finds the command's name among the arguments: the first that is
// neither a global flag nor a global flag's value.
func commandWord(args []string) string {
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "--help", arg == "-h", arg == "--":
			return ""
		case !strings.HasPrefix(arg, "-"):
			return arg
		case takesValue[arg]:
			i++
		}
	}
	return ""
}

// takesValue are the global flags whose value is the next argument.
var takesValue = map[string]bool{
	"--store": true, "--gate": true, "--lease": true, "-o": true, "--output": true,
	"--config": true, "--kill-grace": true,
}

func unknownCommand(root *cobra.Command, name string) error {
	hint := "see the commands with: lull --help"
	if like := root.SuggestionsFor(name); len(like) > 0 {
		hint = fmt.Sprintf("did you mean: lull %s", strings.Join(like, ", lull "))
	}
	return usage(fmt.Sprintf("there is no command %q", mask([]string{name})[0]), hint)
}

func flagError(cmd *cobra.Command, err error) error {
	if errors.Is(err, pflag.ErrHelp) {
		return err
	}
	return usage(err.Error(), fmt.Sprintf("see the flags with: %s --help", cmd.CommandPath()))
}
