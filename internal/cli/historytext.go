package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/words"
)

// historyText writes a line for each event.
func historyText(events []lull.Event, p paint) string {
	var b strings.Builder
	for _, e := range events {
		sentence := words.Printable(eventSentence(e))
		switch {
		case e.Casualty:
			sentence = p.red(sentence + " — CASUALTY: a deployment ran meanwhile")
		case e.Kind == lull.EventCrashed || e.Kind == lull.EventOverdue || failed(e):
			sentence = p.yellow(sentence)
		}
		fmt.Fprintf(&b, "%s  %s  %s\n", p.dim(eventTime(e.At.Wall)), p.dim(fmt.Sprintf("%-*s", shownID, shortID(e.ID))), sentence)
	}
	return b.String()
}

// eventSentence says what happened, to those who do not know the words of events.
func eventSentence(e lull.Event) string {
	if e.Hold != "" || e.Kind == lull.EventOpened {
		return holdSentence(e)
	}
	job := e.Name
	if job == "" {
		job = first(words.ShellLine(e.Command), "a job")
	}
	job += " (" + e.Holder.String()
	if e.JobID != "" {
		job += " " + e.JobID
	}
	job += ")"
	switch e.Kind {
	case lull.EventWaited:
		return job + " arrived and waits"
	case lull.EventForced:
		return job + " went in by force" + afterWaiting(e)
	case lull.EventLeft:
		text := job + " ran " + short(e.Ran)
		if e.Waited >= worthSaying {
			text += " after waiting " + short(e.Waited)
		}
		return text + exitWord(e)
	case lull.EventTimedOut:
		return job + " gave up" + afterWaiting(e) + " and never ran" + because(e.Reason)
	case lull.EventAbandoned:
		if e.Ran == 0 {
			return job + " vanished while it waited, and never ran"
		}
		return job + " vanished after it ran " + short(e.Ran)
	case lull.EventLost:
		return job + " found its pass gone while it runs, and is on record anew"
	case lull.EventRerun:
		return fmt.Sprintf("%s ran %s again", e.Holder, first(e.Name, words.ShellLine(e.Command), "a job"))
	}
	return fmt.Sprintf("%s: %s%s", e.Kind, job, because(e.Reason))
}

// holdSentence is eventSentence for the events of holds and of the gate itself.
func holdSentence(e lull.Event) string {
	hold := "the hold of " + e.Holder.String()
	if e.Hold == lull.Deployment {
		hold = "the deployment of " + e.Holder.String()
	}
	switch e.Kind {
	case lull.EventOpened:
		return "the gate opened"
	case lull.EventClosed:
		text := e.Holder.String() + " closed the gate"
		if e.Hold == lull.Deployment {
			text += " for a deployment"
		}
		if e.Resumes != "" {
			text += " anew, since hold " + shortID(e.Resumes) + " was lost"
		}
		return text + because(e.Reason)
	case lull.EventQueued:
		return hold + " queues" + because(e.Reason)
	case lull.EventBegun:
		if e.Resumes != "" {
			return hold + " goes on" + because(e.Reason)
		}
		return hold + " began" + because(e.Reason)
	case lull.EventEnded:
		return hold + " ended" + afterRunning(e) + exitWord(e)
	case lull.EventReleased:
		if e.Hold == lull.Deployment {
			hold = "the hold of " + e.Holder.String() + "'s deployment"
		}
		return hold + " ended" + afterRunning(e) + because(e.Reason)
	case lull.EventExpired, lull.EventOverdue:
		return hold + " reached its limit" + because(e.Reason)
	case lull.EventCrashed:
		return hold + " crashed" + because(e.Reason)
	case lull.EventForced:
		return e.Holder.String() + " ended the hold by force" + because(e.Reason)
	case lull.EventExtended:
		return e.Holder.String() + " gave the hold a new limit" + because(e.Reason)
	case lull.EventAbandoned:
		return hold + " vanished from the queue" + because(e.Reason)
	}
	return fmt.Sprintf("%s: %s%s", e.Kind, hold, because(e.Reason))
}

// worthSaying is the shortest wait that a line about a job mentions.
const worthSaying = time.Second

func afterWaiting(e lull.Event) string {
	if e.Waited == 0 {
		return ""
	}
	return " after waiting " + short(e.Waited)
}

func afterRunning(e lull.Event) string {
	if e.Ran == 0 {
		return ""
	}
	return " after " + short(e.Ran)
}

func exitWord(e lull.Event) string {
	if e.ExitCode == nil {
		return ""
	}
	return fmt.Sprintf(", exit %d", *e.ExitCode)
}
