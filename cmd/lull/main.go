// Command lull keeps background jobs from running while a deployment is in
// progress. See the package lull for the idea, and lull --help for the rest.
package main

import (
	"os"

	"github.com/lull-dev/lull/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.World{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Environ: os.Environ(),
	}))
}
