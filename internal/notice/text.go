package notice

import (
	"fmt"
	"strings"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/words"
)

// String is user@host.
func (w *Who) String() string {
	if w == nil {
		return "somebody"
	}
	return w.User + "@" + w.Host
}

// hold names the hold that a notice is about.
func (n Notice) hold() string {
	if n.Kind == lull.Deployment {
		return fmt.Sprintf("the deployment of %s", n.Who)
	}
	return fmt.Sprintf("the hold of %s", n.Who)
}

func closedText(n Notice) string {
	text := fmt.Sprintf("gate %s closed by %s", n.Gate, n.Who)
	if n.Kind == lull.Deployment {
		text = fmt.Sprintf("gate %s closed: %s deploys", n.Gate, n.Who)
	}
	text += because(n.Why)
	if n.Since != nil && n.Until != nil {
		text += fmt.Sprintf(", for at most %s", short(n.Until.Sub(*n.Since)))
	}
	if n.Counts != nil && n.Counts.Inside > 0 {
		text += fmt.Sprintf("; %s inside", words.Count(n.Counts.Inside, "job"))
	}
	return text
}

func drainedText(n Notice, after time.Duration) string {
	text := fmt.Sprintf("gate %s is drained after %s: nobody is inside", n.Gate, short(after))
	if n.Kind == lull.Deployment {
		text += fmt.Sprintf(" but %s", n.hold())
	}
	return text + because(n.Why)
}

func overdueText(n Notice, after time.Duration, inside []lull.Pass) string {
	const most = 3
	var names []string
	for _, p := range inside[:min(most, len(inside))] {
		names = append(names, fmt.Sprintf("%s on %s", nameOf(p.Name), p.Holder.Host))
	}
	if more := len(inside) - most; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	verb := "is"
	if len(inside) > 1 {
		verb = "are"
	}
	return fmt.Sprintf("gate %s has been draining for %s: %s %s still inside (%s), and %s waits for them",
		n.Gate, short(after), words.Count(len(inside), "job"), verb, strings.Join(names, ", "), n.hold())
}

// openedText tells how the last hold ended, if that is known.
func openedText(n Notice, end lull.Event) string {
	text := fmt.Sprintf("gate %s is open", n.Gate)
	switch {
	case n.By != nil:
		text += fmt.Sprintf(": %s ended %s by force", n.By, n.hold())
	case end.Kind == lull.EventOverdue:
		text += fmt.Sprintf(": %s reached its limit, and may still be running", n.hold())
	case end.Kind == lull.EventExpired:
		text += fmt.Sprintf(": %s reached its limit", n.hold())
	case end.Kind == lull.EventCrashed:
		text += fmt.Sprintf(": %s crashed", n.hold())
	case end.Kind == lull.EventReleased && end.Ran > 0:
		text += fmt.Sprintf(": %s ended after %s", n.hold(), short(end.Ran))
	case end.Kind == lull.EventReleased:
		text += fmt.Sprintf(": %s ended", n.hold())
	default:
		return text
	}
	return text + because(n.Why)
}

func crashedText(n Notice) string {
	return fmt.Sprintf("%s at gate %s crashed", n.hold(), n.Gate) + because(n.Why)
}

func casualtyText(n Notice) string {
	text := fmt.Sprintf("%s of %s ran while a deployment did at gate %s", nameOf(n.Job.Name), n.Who, n.Gate)
	if n.Job.ExitCode != nil {
		text += fmt.Sprintf(" (exit %d)", *n.Job.ExitCode)
	}
	return text + ": lull rerun " + n.About
}

func nameOf(job string) string {
	if job == "" {
		return "a job"
	}
	return cut(job)
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return " (" + why + ")"
}

// short writes a duration as people say it: 42s, 2m10s, 30m, 1h5m.
func short(d time.Duration) string {
	d = d.Round(time.Second)
	if d >= time.Hour {
		d = d.Round(time.Minute)
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// cut keeps what people wrote to a length, and on its line.
func cut(s string) string {
	const most = 500
	s = words.Printable(s)
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
