package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/words"
	"github.com/spf13/cobra"
)

// finding is one thing that doctor looked at, as it prints it.
type finding struct {
	Level  lull.Level `json:"level"`
	About  string     `json:"about"`
	What   string     `json:"what"`
	Remedy string     `json:"remedy,omitempty"`
}

// doctor examines how lull is set up here. Its checks only read.
type doctor struct {
	a        *app
	file     configFile
	url      string // the store's, once it is open
	told     bool   // what keeps the store from being used is among the findings
	findings []finding
}

// doctorLimit is how long doctor waits for a store: a person sits before it.
const doctorLimit = 15 * time.Second

func newDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check whether lull is set up soundly here, and say how to mend it",
		Long: `Check how lull is set up here, and list what was looked at: the binary, the
variables, the configuration with the tables of all commands, the store and what it
stands on, and each gate. What is wrong comes with its remedy; with --quiet nothing
else is listed. Nothing is changed.

Two things are looked for above all, since everything seems to work with them: jobs
and deployments that use different stores or gates, and gates that only one of the
two uses. Run it as the user, and on the host, of the job or the deployment that you
ask about.` + exitHelp(
			exitLine(0, "no problem; there may be warnings"),
			exitLine(1, "a problem was found"),
			exitHelpUsage,
			exitHelpUnavailable,
			exitHelpConfig+", or the store cannot be used as it is set up"),
		Example: `  lull doctor --quiet
  sudo -u deploy lull doctor --gate web -o json`,
		Args: noArgs("doctor"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &doctor{a: a}
			failed := d.examine(cmd)
			if err := d.print(); err != nil {
				return err
			}
			return d.status(failed)
		},
	}
}

// examine looks at everything that can be looked at. The error is why the store
// cannot be.
func (d *doctor) examine(cmd *cobra.Command) error {
	ctx, cancel := context.WithTimeout(context.Background(), doctorLimit)
	defer cancel()
	d.binary()
	d.variables()
	if err := d.configuration(cmd); err != nil {
		d.failed("configuration", err)
		return err
	}
	if err := d.store(ctx); err != nil {
		if !d.told {
			d.failed("store", err)
		}
		return err
	}
	return nil
}

// status is the end of the command: what keeps the store from being used, else
// whether there is a problem.
func (d *doctor) status(failed error) error {
	switch {
	case failed != nil:
		f := d.a.explain(failed)
		return &failure{status: f.status, what: f.what, err: failed} // the remedy is in the list
	case d.count(lull.LevelProblem) > 0:
		return exit(1)
	}
	return nil
}

func (d *doctor) ok(about, format string, args ...any) {
	d.findings = append(d.findings, finding{Level: lull.LevelOK, About: about, What: fmt.Sprintf(format, args...)})
}

func (d *doctor) warn(about, what, remedy string) {
	d.findings = append(d.findings, finding{Level: lull.LevelWarning, About: about, What: what, Remedy: remedy})
}

func (d *doctor) problem(about, what, remedy string) {
	d.findings = append(d.findings, finding{Level: lull.LevelProblem, About: about, What: what, Remedy: remedy})
}

// failed makes a problem of an error.
func (d *doctor) failed(about string, err error) {
	f := d.a.explain(err)
	if errors.Is(err, lull.ErrUnavailable) {
		f.hint = "" // it names doctor
	}
	d.problem(about, f.what, f.hint)
}

func (d *doctor) count(level lull.Level) int {
	n := 0
	for _, f := range d.findings {
		if f.Level == level {
			n++
		}
	}
	return n
}

// doctorJSON is what lull doctor -o json prints.
type doctorJSON struct {
	Schema   int       `json:"schema"`
	Store    string    `json:"store"`
	Gate     string    `json:"gate"`
	Config   string    `json:"config"` // the file that was read, or ""
	Findings []finding `json:"findings"`
	Warnings int       `json:"warnings"`
	Problems int       `json:"problems"`
}

// print writes the findings, for a person or a program.
func (d *doctor) print() error {
	s := d.a.settings
	if s.json || d.a.flags.output == "json" { // the latter when the configuration is wrong
		return d.a.printJSON(doctorJSON{schema, d.url, s.gate, s.file, d.findings, d.count(lull.LevelWarning), d.count(lull.LevelProblem)})
	}
	return d.a.print(d.text(d.a.paint()))
}

func (d *doctor) text(p paint) string {
	colours := map[lull.Level]func(string) string{lull.LevelOK: p.green, lull.LevelWarning: p.yellow, lull.LevelProblem: p.red}
	about := 0
	for _, f := range d.findings {
		about = max(about, len(f.About))
	}
	indent := strings.Repeat(" ", len(lull.LevelWarning)+2+about+2)
	var b strings.Builder
	for _, f := range d.findings {
		if f.Level == lull.LevelOK && d.a.quiet {
			continue
		}
		fmt.Fprintf(&b, "%s  %-*s  %s\n", colours[f.Level](fmt.Sprintf("%-7s", f.Level)), about, f.About, words.Printable(f.What))
		if f.Remedy != "" {
			fmt.Fprintf(&b, "%s%s %s\n", indent, p.dim("→"), words.Printable(f.Remedy))
		}
	}
	if !d.a.quiet {
		fmt.Fprintf(&b, "\n%s\n", d.summary(p))
	}
	return b.String()
}

func (d *doctor) summary(p paint) string {
	problems, warnings := d.count(lull.LevelProblem), d.count(lull.LevelWarning)
	switch {
	case problems > 0 && warnings > 0:
		return p.red(words.Count(problems, "problem")) + ", " + words.Count(warnings, "warning")
	case problems > 0:
		return p.red(words.Count(problems, "problem"))
	case warnings > 0:
		return p.yellow("no problem, " + words.Count(warnings, "warning"))
	}
	return p.green("everything is in order")
}
