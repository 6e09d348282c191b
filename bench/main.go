// Command bench prints the table of docs/benchmarks.md: what lull costs, each figure
// beside a peer's or beside the figure to reach, in one run on one machine.
//
//	go run ./bench              all of it, about five minutes
//	go run ./bench -pairs 400   more pairs for the start-up ratio
//	go run ./bench -many 1000000  … and for what PostgreSQL's tables grow by
//	go run ./bench -only start    the rows whose name begins so
//
// Ratios count; the absolute times are those of the machine at hand. Nothing here
// fails for being slow: it is no test.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one line of the table.
type row struct {
	what, measured, reach string
}

// bench is one measurement: the name for -only, and what it takes.
type bench struct {
	name    string
	measure func(*machine) ([]row, error)
}

// machine is what the measurements share.
type machine struct {
	lull  string // the binary, built as a release is
	dir   string // for stores and files, removed at the end
	pairs int
	many  int // passes for the growth of the tables
}

func main() {
	pairs := flag.Int("pairs", 200, "how many pairs the start-up ratio is taken from")
	many := flag.Int("many", 100_000, "how many passes the growth of PostgreSQL's tables is taken from")
	only := flag.String("only", "", "measure the rows whose name begins with this")
	flag.Parse()
	if err := run(*pairs, *many, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(pairs, many int, only string) error {
	dir, err := os.MkdirTemp("", "lull-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	m := &machine{lull: filepath.Join(dir, "lull"), dir: dir, pairs: pairs, many: many}
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", m.lull, "github.com/lull-dev/lull/cmd/lull")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build lull: %w\n%s", err, out)
	}
	fmt.Printf("%s, %d processors, %s/%s, %s\n\n", time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintln(table, "| what\t| measured\t| to reach\t|")
	fmt.Fprintln(table, "| ---\t| ---\t| ---\t|")
	for _, b := range []bench{
		{"start", startUp},
		{"memory", memory},
		{"waiters", waiters},
		{"crash", afterCrash},
		{"process", inProcess},
		{"size", withPasses},
		{"postgres", onPostgres},
		{"lulld", behindServer},
	} {
		if !strings.HasPrefix(b.name, only) {
			continue
		}
		rows, err := b.measure(m)
		if err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		for _, r := range rows {
			fmt.Fprintf(table, "| %s\t| %s\t| %s\t|\n", r.what, r.measured, r.reach)
		}
	}
	return table.Flush()
}
