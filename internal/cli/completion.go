package cli

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// shells are those that completion can be had for.
var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print the script that completes lull's command line in a shell",
		Long: `Print the script that makes a shell complete lull's commands, flags, gates and
holds. Load it in the shell's start-up file, or install it where the shell looks for
such scripts. bash needs the package bash-completion.

  bash        source <(lull completion bash)
  zsh         source <(lull completion zsh)        after compinit
  fish        lull completion fish | source
  powershell  lull completion powershell | Out-String | Invoke-Expression` + exitHelp(
			exitLine(0, "printed"),
			exitHelpUsage),
		Example: `  lull completion bash > /etc/bash_completion.d/lull
  lull completion zsh > "${fpath[1]}/_lull"`,
		ValidArgs: shells,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 && slices.Contains(shells, args[0]) {
				return nil
			}
			what := "lull completion needs the name of a shell"
			if len(args) > 0 {
				what = fmt.Sprintf("there is no completion for %q", args[len(args)-1])
			}
			return usage(what, "the shells are "+strings.Join(shells, ", "))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			script, err := completionScript(cmd.Root(), args[0])
			if err != nil {
				return err
			}
			return a.print(script)
		},
	}
}

// completionScript is the script for a shell. It needs of the root only its name:
// the script asks lull itself, which then builds all commands.
func completionScript(root *cobra.Command, shell string) (string, error) {
	var b bytes.Buffer
	write := map[string]func(io.Writer) error{
		"bash":       func(w io.Writer) error { return root.GenBashCompletionV2(w, true) },
		"zsh":        root.GenZshCompletion,
		"fish":       func(w io.Writer) error { return root.GenFishCompletion(w, true) },
		"powershell": root.GenPowerShellCompletionWithDesc,
	}[shell]
	err := write(&b)
	return b.String(), err
}

// completeGates offers the names of the store's gates for --gate.
func (a *app) completeGates(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	a.flags.quiet, a.flags.gate = true, "" // what is typed of it is no name yet
	if a.configure(cmd) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	store, err := a.openStore()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	gates, err := store.Gates(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	for _, g := range gates {
		names = append(names, cobra.CompletionWithDesc(g.Name, stateWord(g.Phase)))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeFlags tells which values the flags of every command take.
func (a *app) completeFlags(root *cobra.Command) {
	// The names are of flags that were registered just before: there is no error.
	_ = root.RegisterFlagCompletionFunc("gate", a.completeGates)
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]cobra.Completion{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
}
