package page

import (
	"fmt"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/words"
)

// sentence says what happened, to those who do not know the words of events.
func sentence(e lull.Event) string {
	if e.Hold != "" || e.Kind == lull.EventOpened {
		return words.Printable(holdSentence(e))
	}
	return words.Printable(jobSentence(e))
}

func jobSentence(e lull.Event) string {
	job := jobName(e.Name, e.Command)
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
		return fmt.Sprintf("%s ran %s again", who(e.Holder), job)
	}
	return fmt.Sprintf("%s: %s%s", e.Kind, job, because(e.Reason))
}

func holdSentence(e lull.Event) string {
	hold := "The hold of " + who(e.Holder)
	if e.Hold == lull.Deployment {
		hold = "The deployment of " + who(e.Holder)
	}
	switch e.Kind {
	case lull.EventOpened:
		return "The gate opened"
	case lull.EventClosed:
		text := who(e.Holder) + " closed the gate"
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
			hold = "The hold of " + who(e.Holder) + "’s deployment"
		}
		return hold + " ended" + afterRunning(e) + because(e.Reason)
	case lull.EventExpired, lull.EventOverdue:
		return hold + " reached its limit" + because(e.Reason)
	case lull.EventCrashed:
		return hold + " crashed" + because(e.Reason)
	case lull.EventForced:
		return who(e.Holder) + " ended the hold by force" + because(e.Reason)
	case lull.EventExtended:
		return who(e.Holder) + " gave the hold a new limit" + because(e.Reason)
	case lull.EventAbandoned:
		return hold + " vanished from the queue" + because(e.Reason)
	}
	return fmt.Sprintf("%s: %s%s", e.Kind, hold, because(e.Reason))
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

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

// failed is whether a command ended badly, or a job never ran.
func failed(e lull.Event) bool {
	switch e.Kind {
	case lull.EventTimedOut, lull.EventAbandoned:
		return true
	case lull.EventLeft, lull.EventEnded:
		return e.ExitCode != nil && *e.ExitCode != 0
	}
	return false
}

// The tones of events, beside those of gates.
const (
	tonePlain = "plain"
	toneWarn  = "warn"
	toneBad   = "bad"
)

// toneOf is the colour that an event has in a list.
func toneOf(e lull.Event) string {
	switch {
	case e.Casualty, e.Kind == lull.EventCrashed:
		return toneBad
	case failed(e), e.Kind == lull.EventOverdue, e.Kind == lull.EventForced, e.Kind == lull.EventLost:
		return toneWarn
	case e.Kind == lull.EventOpened:
		return toneOpen
	case e.Kind == lull.EventClosed, e.Kind == lull.EventBegun:
		return toneClosed
	}
	return tonePlain
}
