package lulld

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/notice"
	"github.com/spf13/cobra"
)

func newNotify(g *globals, w World) *cobra.Command {
	cmd := &cobra.Command{Use: "notify", Short: "Try the notices that the configuration asks for"}
	cmd.AddCommand(&cobra.Command{
		Use: "test", Short: "Send a test to each receiver, and say how it was taken",
		Long: `Send a test to each receiver that [[notify]] names in the configuration, and say how
it was taken. Receivers are named by their host: the rest of a URL may be a secret.

Exit status: 0 all took it; 1 one did not; 64 wrong usage; 78 wrong configuration.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := readConfig(g.config)
			if err != nil {
				return err
			}
			if len(c.Notify) == 0 {
				return &lull.SetupError{What: "the configuration names no receiver", Hint: "add a [[notify]] with a url"}
			}
			results, err := notice.Test(cmd.Context(), c.notices(""))
			if err != nil {
				return misconfigured(err)
			}
			failed := 0
			for _, r := range results {
				if r.Err != nil {
					failed++
					fmt.Fprintf(w.Out, "%s (%s): not taken: %v\n", r.Host, r.Form, r.Err)
					continue
				}
				fmt.Fprintf(w.Out, "%s (%s): taken in %s\n", r.Host, r.Form, r.Took.Round(time.Millisecond))
			}
			if failed > 0 {
				return fmt.Errorf("%d of %d receivers did not take the test", failed, len(results))
			}
			return nil
		},
	})
	return cmd
}

// notices is what the configuration asks for, with links to the page at base.
func (c config) notices(base string) notice.Config {
	n := notice.Config{Hooks: c.Notify, Version: version()}
	if base != "" {
		n.Link = func(gate, _ string) string { return strings.TrimSuffix(base, "/") + "/gates/" + url.PathEscape(gate) }
	}
	return n
}

func misconfigured(err error) error {
	var setup *lull.SetupError
	if errors.As(err, &setup) {
		return err
	}
	return &lull.SetupError{What: err.Error(), Hint: "mend it in the configuration"}
}
