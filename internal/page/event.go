package page

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/words"
)

// eventKey names an event for good: when, what it is about, and what happened. Stores keep
// a time to the microsecond at least.
func eventKey(e lull.Event) string {
	return fmt.Sprintf("%d-%s-%s", e.At.Wall.UnixMicro(), e.ID, e.Kind)
}

// parseKey is what an event's key says.
func parseKey(key string) (at time.Time, kind lull.EventKind, ok bool) {
	micro, rest, dashed := strings.Cut(key, "-")
	i := strings.LastIndex(rest, "-")
	n, err := strconv.ParseInt(micro, 10, 64)
	if !dashed || i < 0 || err != nil {
		return time.Time{}, "", false
	}
	return time.UnixMicro(n), lull.EventKind(rest[i+1:]), true
}

// eventView is one event, with all that is known about it.
type eventView struct {
	Frame   frame
	Gate    string
	Row     eventRow
	Day     string
	Facts   []fact
	Rerun   string // the line that runs a casualty again
	Related []eventRow
}

type fact struct {
	Name, Text, URL string
	Mono            bool
}

// clockSlack is how far the store's clock and this one's may be apart for an event to be
// found by its time.
const clockSlack = 10 * time.Minute

// event shows one event by its permanent link.
func (p *page) event(w http.ResponseWriter, r *http.Request, v Viewer) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	gate, key := r.PathValue("gate"), r.PathValue("event")
	at, kind, ok := parseKey(key)
	missing := &Refusal{
		What: "There is no such event.", Hint: "It may be older than the history goes, or the link is incomplete.", Status: http.StatusNotFound,
	}
	if !ok {
		p.fail(w, r, v, missing)
		return
	}
	e, related, err := p.desk.around(ctx, gate, key, kind, max(p.Now().Sub(at), 0)+clockSlack)
	if errors.Is(err, errNoEvent) {
		err = missing
	}
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	view := eventView{
		Frame: p.frame(kindWord(e.Kind)+" · "+gate, v), Gate: gate, Row: rowOf(e),
		Day: e.At.Wall.Local().Format("Monday, 2 January 2006"), Facts: facts(e),
	}
	view.Frame.Gate, view.Frame.Place = gate, "History"
	if e.Casualty {
		view.Rerun = fmt.Sprintf("lull rerun --gate %s %s", gate, words.ShellWord(e.ID))
	}
	for _, other := range related {
		view.Related = append(view.Related, rowOf(other))
	}
	p.render(w, r, http.StatusOK, "event", view)
}

// facts are what is known about an event, where there is anything to say.
func facts(e lull.Event) []fact {
	exit := ""
	if e.ExitCode != nil {
		exit = strconv.Itoa(*e.ExitCode)
	}
	length := func(d time.Duration) string {
		if d <= 0 {
			return ""
		}
		return short(d)
	}
	all := []fact{
		{Name: "Job", Text: e.Name},
		{Name: "Command", Text: words.ShellLine(e.Command), Mono: true},
		{Name: "Scheduler’s name", Text: e.JobID, Mono: true},
		{Name: "Who", Text: who(e.Holder), URL: link(e.Holder)},
		{Name: "Reason", Text: e.Reason},
		{Name: "Hold", Text: string(e.Hold)},
		{Name: "Waited", Text: length(e.Waited)},
		{Name: "Ran", Text: length(e.Ran)},
		{Name: "Exit status", Text: exit, Mono: true},
		{Name: "Part of", Text: e.PartOf, Mono: true},
		{Name: "Inside of", Text: e.Parent, Mono: true},
		{Name: "Resumes", Text: e.Resumes, Mono: true},
		{Name: "Phase", Text: strconv.FormatInt(int64(e.Phase), 10), Mono: true},
		{Name: "ID", Text: e.ID, Mono: true},
	}
	return slices.DeleteFunc(all, func(f fact) bool { return f.Text == "" })
}
