package cli

import (
	"fmt"
	"strings"
)

const rootHelp = `lull keeps background jobs from running while a deployment is in progress.

  lull run    -- ./nightly-report.sh   in the job: waits while the gate is closed, then runs
  lull deploy -- ./deploy.sh           in the deployment: closes, drains, deploys, opens

A gate is open, or closed while somebody holds it. Jobs that are inside when it
closes are waited for; jobs that arrive later wait until it opens. It opens by
itself whatever happens to the deployment.

See it work in half a minute, without touching anything: lull demo`

// exitHelp is the end of a command's help: the statuses it exits with, in order.
func exitHelp(lines ...string) string {
	return "\n\nExit status:\n  " + strings.Join(lines, "\n  ")
}

// The exit statuses that several commands share, for their help.
var (
	exitHelpUsage       = exitLine(exitUsage, "wrong usage")
	exitHelpUnavailable = exitLine(exitUnavailable, "the store cannot be reached")
	exitHelpConfig      = exitLine(exitConfig, "wrong configuration")
)

func exitLine(status int, meaning string) string {
	return fmt.Sprintf("%-4d %s", status, meaning)
}
