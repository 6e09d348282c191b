package page_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

var (
	eventLink = regexp.MustCompile(`class="at"><a href="([^"]+)"`)
	olderLink = regexp.MustCompile(`rel="next" href="([^"]+)"`)
)

func TestHistoryIsLeafedThroughToItsEndOnce(t *testing.T) {
	s := newStage(t, anyone, nil)
	for i := range 220 {
		s.past = append(s.past, lull.Event{
			Kind: lull.EventLeft, Gate: "default", ID: fmt.Sprintf("job-%d", i), Name: "nightly",
			At: lull.Moment{Wall: time.Now().Add(-time.Duration(220-i) * time.Minute)}, Ran: time.Second,
		})
	}
	seen := map[string]bool{}
	pages := 0
	for path := "/gates/default/history"; path != ""; pages++ {
		text := s.get(path).Body.String()
		for _, found := range eventLink.FindAllStringSubmatch(text, -1) {
			if seen[found[1]] {
				t.Errorf("%s is shown twice", found[1])
			}
			seen[found[1]] = true
		}
		path = ""
		if older := olderLink.FindStringSubmatch(text); older != nil {
			path = strings.ReplaceAll(older[1], "&amp;", "&")
		}
		// What happens meanwhile moves nothing.
		s.past = append(s.past, lull.Event{Kind: lull.EventLeft, Gate: "default", ID: lull.NewID(), Name: "late", At: lull.Moment{Wall: time.Now()}})
	}
	if len(seen) != 220 || pages != 5 {
		t.Errorf("%d events on %d pages", len(seen), pages)
	}
}

func TestHistoryIsFiltered(t *testing.T) {
	s := newStage(t, anyone, nil)
	s.past = day("default", time.Now())
	for query, c := range map[string]struct{ has, lacks string }{
		"kind=deployments": {"release 80.1", "nightly-report ran"},
		"kind=jobs":        {"import-prices ran", "closed the gate"},
		"job=mail-digest":  {"mail-digest ran", "import-prices"},
		"since=1h":         {"ran", "release 79"},
		"casualties=1":     {"invoice-run ran 7m", "mail-digest"},
		"kind=trouble":     {"exit 1", "exit 0"},
		"job=nobody":       {"Nothing like that has happened.", "ran"},
	} {
		text := s.get("/gates/default/history?" + query).Body.String()
		_, text, _ = strings.Cut(text, "</form>")
		text, _, _ = strings.Cut(text, "In a terminal")
		if _, rest, ok := strings.Cut(text, "Filter</button>"); ok {
			text = rest
		}
		wants(t, text, c.has)
		lacks(t, text, c.lacks)
	}
	wants(t, s.get("/gates/default/history?job=mail-digest&casualties=1&since=24h").Body.String(), "lull history --gate default --since 24h --job mail-digest --casualties")
}

func TestEachEventHasALinkThatLasts(t *testing.T) {
	s := newStage(t, anyone, nil)
	s.past = day("default", time.Now())
	link := eventLink.FindStringSubmatch(s.get("/gates/default/history?casualties=1").Body.String())
	if link == nil {
		t.Fatal("there is no casualty")
	}
	w := s.get(link[1])
	if w.Code != http.StatusOK {
		t.Fatalf("%s answers %d", link[1], w.Code)
	}
	wants(t, w.Body.String(), "invoice-run", "ops@node4", "slurm:81999", "./invoice-run.sh --month 2026-11", "Exit status", "lull rerun --gate default")
	closed := eventLink.FindStringSubmatch(s.get("/gates/default/history?kind=deployments").Body.String())
	wants(t, s.get(closed[1]).Body.String(), "What else happened to it")
}
