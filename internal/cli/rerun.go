package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/words"
	"github.com/spf13/cobra"
)

// rerunFlags are the flags of lull rerun.
type rerunFlags struct {
	casualties, exec bool
	since            duration
}

// rerunSince is how far back casualties are looked for unless told otherwise: over
// a weekend and some days more. What is older has been mended by other means.
const rerunSince = 7 * 24 * time.Hour

func newRerun(a *app) *cobra.Command {
	f := rerunFlags{since: duration{d: rerunSince}}
	cmd := &cobra.Command{
		Use:   "rerun ID... | --casualties [flags]",
		Short: "Tell how to run again what a deployment broke",
		Long: `Print the lines that run jobs again: those that are named by the IDs that lull
history shows, or with --casualties all that ran while a deployment did and were not
run again yet. What is printed is a shell script: look at it, delete lines, and pipe
it to sh.

A job of Slurm is requeued there. For others it is the lull run line with the command
as it was recorded, to be run as the job's user, on its host, in its directory, which
is not recorded. A command in which a secret was masked, or that was not recorded, cannot
be told.

With --exec the jobs are listed, and those of this user and host are run here, in the
current directory, one after the other through the gate. It leaves out what has a
scheduler, and what was run again before: each job is noted in the history before it
starts, so that nothing runs twice.` + exitHelp(
			exitLine(0, "printed; with --exec: all that was run succeeded"),
			exitLine(1, "with --exec: one of them failed"),
			exitHelpUsage,
			exitHelpUnavailable,
			exitHelpConfig),
		Example: `  lull rerun --casualties
  lull rerun 3f9a1c07 77e02b4d --exec`,
		Args: func(cmd *cobra.Command, args []string) error {
			if chosen, err := cmd.Flags().GetBool("casualties"); err != nil || chosen == (len(args) > 0) {
				return usage("lull rerun needs either the IDs of jobs or --casualties", "see what a deployment broke with: lull rerun --casualties")
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.configure(cmd); err != nil {
				return err
			}
			switch {
			case f.since.set && !f.casualties:
				return usage("--since goes with --casualties only", "leave it away")
			case f.since.d == 0:
				return usage("--since must be longer than 0", "leave it away for 7d")
			case f.exec && a.settings.json:
				return usage("--exec and -o json do not go together: standard output is the jobs'", "leave one of them away")
			}
			return a.rerun(cmd.Context(), f, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&f.casualties, "casualties", false, "all jobs that ran while a deployment did")
	flags.Var(&f.since, "since", "with --casualties: of this last time")
	flags.BoolVar(&f.exec, "exec", false, "run them here, one after the other")
	return cmd
}

func (a *app) rerun(ctx context.Context, f rerunFlags, words []string) error {
	client, err := a.open()
	if err != nil {
		return err
	}
	jobs, err := a.finishedJobs(ctx, client, f)
	if err == nil && len(words) > 0 {
		jobs, err = pick(jobs, words)
	}
	if err != nil {
		return err
	}
	if f.casualties {
		jobs = outermost(slices.DeleteFunc(jobs, func(j finishedJob) bool { return !j.Casualty }))
	}
	switch {
	case len(jobs) == 0 && !a.settings.json:
		a.say("no casualties at gate %q in the last %s", client.Gate(), short(f.since.d))
		return nil
	case f.exec:
		return a.rerunHere(ctx, client, jobs)
	case a.settings.json:
		return a.printJSON(list(jobs, func(j finishedJob) any { return j.json(a) })...)
	}
	return a.printReruns(jobs)
}

// printReruns prints a shell script.
func (a *app) printReruns(jobs []finishedJob) error {
	var b strings.Builder
	here := false
	requeued := map[string]bool{}
	for i, j := range jobs {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "# %s\n", j.describe())
		how := j.how(a)
		switch {
		case how.line != "" && j.rerunAt.IsZero() && !requeued[how.line]:
			fmt.Fprintf(&b, "%s\n", how.line)
		case how.line != "" && j.rerunAt.IsZero():
			b.WriteString("# requeued above: it was the same job\n")
		case how.line != "":
			fmt.Fprintf(&b, "# run again at %s already: %s\n", eventTime(j.rerunAt), how.line)
		default:
			fmt.Fprintf(&b, "# cannot be told: %s\n", how.why)
		}
		requeued[how.line] = how.scheduler != ""
		here = here || how.line != "" && how.scheduler == ""
	}
	if err := a.print(b.String()); err != nil {
		return err
	}
	if here {
		a.say("run the lines as the job's user, on its host, in its directory: that is not recorded")
	}
	return nil
}

// finishedJob is a job that has run, or never will.
type finishedJob struct {
	lull.Event
	rerunAt time.Time // zero: it was not run again
	within  string    // the job that started it, by its last record; "": none
}

// outermost leaves out the jobs that one of the others started: run again, that one
// starts them again.
func outermost(jobs []finishedJob) []finishedJob {
	there := map[string]bool{}
	for _, j := range jobs {
		there[j.ID] = true
	}
	return slices.DeleteFunc(jobs, func(j finishedJob) bool { return there[j.within] })
}

// finishedJobs reads the ends of jobs from the history, the oldest first. A job that
// was recorded anew while it ran is told by its last record alone.
func (a *app) finishedJobs(ctx context.Context, c *lull.Client, f rerunFlags) ([]finishedJob, error) {
	filter := lull.Filter{Gate: c.Gate(), Kinds: []lull.EventKind{
		lull.EventLeft, lull.EventAbandoned, lull.EventTimedOut, lull.EventLost, lull.EventRerun,
	}}
	if f.casualties {
		filter.Since = f.since.d
	}
	events, err := c.History(ctx, filter)
	if err != nil {
		return nil, err
	}
	return finished(events), nil
}

func finished(events []lull.Event) []finishedJob {
	first := map[string]string{} // the ID of a job's first record, by that of each
	last := map[string]string{}  // … and that of its last, by the first
	rerunAt := map[string]time.Time{}
	for _, e := range events {
		if e.Hold == "" && e.Kind != lull.EventRerun {
			first[e.ID] = cmp.Or(e.Resumes, e.ID)
			last[first[e.ID]] = e.ID
		}
		if e.Kind == lull.EventRerun {
			rerunAt[e.ID] = e.At.Wall
		}
	}
	var jobs []finishedJob
	for _, e := range events {
		ended := e.Kind == lull.EventLeft || e.Kind == lull.EventAbandoned || e.Kind == lull.EventTimedOut
		if ended && e.Hold == "" && last[first[e.ID]] == e.ID {
			within := cmp.Or(first[e.Parent], e.Parent)
			jobs = append(jobs, finishedJob{Event: e, rerunAt: rerunAt[e.ID], within: cmp.Or(last[within], within)})
		}
	}
	return jobs
}

// pick returns the jobs that words name, in the words' order.
func pick(jobs []finishedJob, words []string) ([]finishedJob, error) {
	ids := make([]string, len(jobs))
	for i, j := range jobs {
		ids[i] = j.ID
	}
	var picked []finishedJob
	for _, w := range words {
		i, err := named(w, ids, "job")
		if err != nil {
			return nil, err
		}
		if i < 0 {
			return nil, usage(fmt.Sprintf("no job of ID %q has ended at this gate", w), "see the IDs with: lull history --failed, or lull history --casualties")
		}
		if !slices.ContainsFunc(picked, func(j finishedJob) bool { return j.ID == jobs[i].ID }) {
			picked = append(picked, jobs[i])
		}
	}
	return picked, nil
}

// rerunWay is how a job is run again.
type rerunWay struct {
	line      string   // for a shell; "": it cannot be told
	command   []string // what the line runs through the gate; nil if a scheduler does
	scheduler string   // the one that runs it again by itself
	why       string   // it cannot be told
}

// how tells the way to run a job again.
func (j finishedJob) how(a *app) rerunWay {
	if id, ok := strings.CutPrefix(j.JobID, "slurm:"); ok {
		return rerunWay{line: "scontrol requeue " + words.ShellWord(id), scheduler: "Slurm"}
	}
	switch {
	case len(j.Command) == 0:
		return rerunWay{why: "its command was not recorded"}
	case slices.ContainsFunc(j.Command, func(w string) bool { return strings.Contains(w, masked) }):
		return rerunWay{why: "a secret in its command was masked: " + words.Printable(words.ShellLine(j.Command))}
	}
	line := []string{"lull", "run"}
	if j.Gate != lull.DefaultGate {
		line = append(line, "--gate", j.Gate)
	}
	if a.flags.store != "" {
		line = append(line, "--store", shownStore(a.flags.store))
	}
	if j.Name != "" {
		line = append(line, "--name", j.Name)
	}
	return rerunWay{line: words.ShellLine(append(append(line, "--"), j.Command...)), command: j.Command}
}

// describe says which job it was, and how it fared.
func (j finishedJob) describe() string {
	text := fmt.Sprintf("%s  %s  %s", shortID(j.ID), eventTime(j.At.Wall), eventSentence(j.Event))
	if j.Casualty {
		text += ", a casualty"
	}
	return words.Printable(text)
}

// rerunJSON is a line of lull rerun -o json.
type rerunJSON struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	JobID    string     `json:"job_id"`
	Holder   holderJSON `json:"holder"`
	EndedAt  instant    `json:"ended_at"`
	ExitCode *int       `json:"exit_code"`
	Casualty bool       `json:"casualty"`
	RerunAt  instant    `json:"rerun_at"` // null: not run again yet
	Line     *string    `json:"line"`     // null: it cannot be told
	Why      string     `json:"why"`      // it cannot be told
}

func (j finishedJob) json(a *app) rerunJSON {
	how := j.how(a)
	out := rerunJSON{
		ID: j.ID, Name: j.Name, JobID: j.JobID, Holder: holderJSON(j.Holder), EndedAt: instant(j.At.Wall),
		ExitCode: j.ExitCode, Casualty: j.Casualty, RerunAt: instant(j.rerunAt), Why: how.why,
	}
	if how.line != "" {
		out.Line = &how.line
	}
	return out
}
