package lulld

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/access"
	"github.com/spf13/cobra"
)

// openTokens opens a file of tokens, with what is wrong as a set-up error.
func openTokens(path string) (*access.Tokens, error) {
	tokens, err := access.OpenTokens(path)
	if err != nil {
		return nil, fileTrouble(err)
	}
	return tokens, nil
}

func fileTrouble(err error) error {
	if file, ok := errors.AsType[*access.FileError](err); ok {
		return &lull.SetupError{What: file.Error(), Hint: file.Hint}
	}
	return err
}

// tokenFile is the tokens that flags and configuration name.
func (g *globals) tokenFile() (*access.Tokens, error) {
	c, err := readConfig(g.config)
	if err != nil {
		return nil, err
	}
	path := cmp.Or(g.tokens, c.Tokens, tokensPath)
	if dir := filepath.Dir(path); path == tokensPath {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, &lull.SetupError{What: "cannot make " + dir, Hint: "run this as root, or name another file with --tokens", Err: err}
		}
	}
	return openTokens(path)
}

func newToken(g *globals, w World) *cobra.Command {
	cmd := &cobra.Command{
		Use: "token", Short: "Make, list and revoke tokens",
		Long: `Make, list and revoke the tokens by which lulld knows who asks. They are kept in a file
as hashes; a server that runs sees a change within a second.

The roles, each of which may do what those before it may:
  viewer    see gates, jobs and history
  job       enter, wait and leave
  deployer  close, begin, open and extend what is its own
  admin     open and extend what is others'`,
	}
	cmd.AddCommand(newTokenCreate(g, w), newTokenList(g, w), newTokenRevoke(g, w))
	return cmd
}

func newTokenCreate(g *globals, w World) *cobra.Command {
	var role, expires, longest string
	var spec access.Spec
	cmd := &cobra.Command{
		Use: "create --role ROLE --name NAME", Short: "Make a token, and show it once",
		Long: `Make a token, and show it on standard output: this once, since only its hash is kept.`,
		Example: `  lulld token create --role deployer --name ci --expires 90d --longest-limit 1h
  lulld token create --role job --name team-a --gates 'team-a-*'`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			var err error
			if spec.Role, err = access.ParseRole(role); err != nil {
				return usageError{fmt.Errorf("--role: %w", err)}
			}
			if spec.LongestLimit, err = length(longest); err != nil {
				return usageError{fmt.Errorf("--longest-limit: %w", err)}
			}
			lasting, err := length(expires)
			if err != nil {
				return usageError{fmt.Errorf("--expires: %w", err)}
			}
			if lasting > 0 {
				spec.Expires = time.Now().Add(lasting).UTC().Truncate(time.Second)
			}
			tokens, err := g.tokenFile()
			if err != nil {
				return err
			}
			token, info, err := tokens.Create(spec)
			if err != nil {
				return usageError{fileTrouble(err)}
			}
			fmt.Fprintf(w.Err, "lulld: token %s of %q, %s, %s; it is shown this once:\n", info.ID, info.Name, info.Role, until(info))
			_, err = fmt.Fprintln(w.Out, token)
			return err
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&role, "role", "", "what it may do: viewer, job, deployer or admin")
	flags.StringVar(&spec.Name, "name", "", "what it is called in the history and in logs")
	flags.StringVar(&expires, "expires", "", "how long it is good, such as 90d (default: until it is revoked)")
	flags.StringSliceVar(&spec.Gates, "gates", nil, "the gates it is for, as `patterns` such as 'team-a-*' (default: all)")
	flags.StringVar(&longest, "longest-limit", "", "the longest that its holds may last, such as 1h (default: as long as it likes)")
	return cmd
}

func newTokenList(g *globals, w World) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "List the tokens", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			tokens, err := g.tokenFile()
			if err != nil {
				return err
			}
			switch output {
			case "json":
				return json.NewEncoder(w.Out).Encode(tokens.List())
			case "text":
			default:
				return usageError{fmt.Errorf("--output %q is not one of text, json", output)}
			}
			table := tabwriter.NewWriter(w.Out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "ID\tNAME\tROLE\tGATES\tLONGEST LIMIT\tLAST USED\t")
			for _, t := range tokens.List() {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, t.Name, t.Role, cmp.Or(strings.Join(t.Gates, " "), "all"),
					bound(t.LongestLimit), used(t.LastUsed), until(t))
			}
			return table.Flush()
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "`text` or json")
	return cmd
}

func newTokenRevoke(g *globals, w World) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID|NAME", Short: "End a token at once, and the sessions of those who signed in with it",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("lulld token revoke takes the ID or the name of one token")}
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			tokens, err := g.tokenFile()
			if err != nil {
				return err
			}
			if err := tokens.Revoke(args[0]); err != nil {
				return fileTrouble(err)
			}
			_, err = fmt.Fprintf(w.Out, "revoked %s\n", args[0])
			return err
		},
	}
}

// length is a stretch of time such as 90d, 12h or 1h30m; "" is none.
func length(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	parsed := text
	days := 0
	if n, rest, ok := strings.Cut(text, "d"); ok {
		if _, err := fmt.Sscanf(n, "%d", &days); err != nil {
			return 0, fmt.Errorf("%q is not a duration: write it like 90d, 12h or 30m", text)
		}
		parsed = cmp.Or(rest, "0s")
	}
	d, err := time.ParseDuration(parsed)
	if d += time.Duration(days) * 24 * time.Hour; err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a duration: write it like 90d, 12h or 30m", text)
	}
	return d, nil
}

func until(t access.Info) string {
	switch {
	case !t.Revoked.IsZero():
		return "revoked " + t.Revoked.Local().Format(time.DateOnly)
	case t.Expires.IsZero():
		return "good until revoked"
	case t.Err(time.Now()) != nil:
		return "expired " + t.Expires.Local().Format(time.DateOnly)
	}
	return "good until " + t.Expires.Local().Format(time.DateTime)
}

func bound(d time.Duration) string {
	if d == 0 {
		return "none"
	}
	return d.String()
}

func used(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format(time.DateOnly)
}
