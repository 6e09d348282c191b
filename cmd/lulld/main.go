// Command lulld serves gates over HTTP or a unix socket, in front of any store. See
// lulld --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/lull-dev/lull/internal/lulld"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(lulld.Main(ctx, os.Args[1:], lulld.World{Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}))
}
