package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

func TestEveryEventIsASentence(t *testing.T) {
	one := 1
	deploy, bob := lull.Holder{User: "deploy", Host: "web1"}, lull.Holder{User: "bob", Host: "node2"}
	job := lull.Event{Name: "import", Holder: bob}
	deployment := lull.Event{Hold: lull.Deployment, Holder: deploy, Reason: "release 81"}
	person := lull.Event{Hold: lull.Person, Holder: bob, Reason: "restore"}
	lostHold := deployment
	lostHold.Resumes = "01a2086d-8ec4-7b0b-90d7-00001a2b3c4d"
	for _, test := range []struct {
		of     lull.Event
		kind   lull.EventKind
		ran    time.Duration
		waited time.Duration
		code   *int
		want   string
	}{
		{of: deployment, kind: lull.EventClosed, want: "deploy@web1 closed the gate for a deployment: release 81"},
		{of: lostHold, kind: lull.EventClosed, want: "deploy@web1 closed the gate for a deployment anew, since hold 1a2b3c4d was lost: release 81"},
		{of: lostHold, kind: lull.EventBegun, want: "the deployment of deploy@web1 goes on: release 81"},
		{of: person, kind: lull.EventClosed, want: "bob@node2 closed the gate: restore"},
		{of: deployment, kind: lull.EventQueued, want: "the deployment of deploy@web1 queues: release 81"},
		{of: deployment, kind: lull.EventBegun, want: "the deployment of deploy@web1 began: release 81"},
		{of: deployment, kind: lull.EventEnded, ran: 80 * time.Second, code: &one, want: "the deployment of deploy@web1 ended after 1m20s, exit 1"},
		{of: deployment, kind: lull.EventReleased, ran: 90 * time.Second, want: "the hold of deploy@web1's deployment ended after 1m30s: release 81"},
		{of: person, kind: lull.EventReleased, ran: time.Hour, want: "the hold of bob@node2 ended after 1h: restore"},
		{of: lull.Event{}, kind: lull.EventOpened, want: "the gate opened"},
		{of: person, kind: lull.EventExpired, want: "the hold of bob@node2 reached its limit: restore"},
		{of: deployment, kind: lull.EventOverdue, want: "the deployment of deploy@web1 reached its limit: release 81"},
		{of: deployment, kind: lull.EventCrashed, want: "the deployment of deploy@web1 crashed: release 81"},
		{of: person, kind: lull.EventForced, want: "bob@node2 ended the hold by force: restore"},
		{of: job, kind: lull.EventForced, waited: time.Minute, want: "import (bob@node2) went in by force after waiting 1m"},
		{of: person, kind: lull.EventExtended, want: "bob@node2 gave the hold a new limit: restore"},
		{of: job, kind: lull.EventWaited, want: "import (bob@node2) arrived and waits"},
		{of: job, kind: lull.EventLeft, ran: 41 * time.Second, waited: 3 * time.Millisecond, code: &one, want: "import (bob@node2) ran 41s, exit 1"},
		{of: job, kind: lull.EventLeft, ran: 41 * time.Second, waited: time.Minute, want: "import (bob@node2) ran 41s after waiting 1m"},
		{of: job, kind: lull.EventTimedOut, waited: time.Minute, want: "import (bob@node2) gave up after waiting 1m and never ran"},
		{of: job, kind: lull.EventAbandoned, ran: time.Minute, want: "import (bob@node2) vanished after it ran 1m"},
		{of: job, kind: lull.EventAbandoned, want: "import (bob@node2) vanished while it waited, and never ran"},
		{of: deployment, kind: lull.EventAbandoned, want: "the deployment of deploy@web1 vanished from the queue: release 81"},
		{of: job, kind: lull.EventLost, want: "import (bob@node2) found its pass gone while it runs, and is on record anew"},
		{of: job, kind: lull.EventRerun, want: "bob@node2 ran import again"},
		{of: job, kind: "later", want: "later: import (bob@node2)"},
	} {
		e := test.of
		e.Kind, e.Ran, e.Waited, e.ExitCode = test.kind, test.ran, test.waited, test.code
		if got := eventSentence(e); got != test.want {
			t.Errorf("%s: %q, want %q", e.Kind, got, test.want)
		}
	}
}

func TestHistoryMarksCasualties(t *testing.T) {
	e := lull.Event{Kind: lull.EventLeft, At: lull.Moment{Wall: noon}, ID: "01a2086d-8ec4-7b0b-90d7-00001a2b3c4d", Name: "import", Holder: lull.Holder{User: "bob", Host: "node2"}, Ran: time.Second, Casualty: true}
	wants(t, historyText([]lull.Event{e}, paint{}), `
2026-11-23 12:00:00  1a2b3c4d  import (bob@node2) ran 1s — CASUALTY: a deployment ran meanwhile
`)
	if !strings.Contains(historyText([]lull.Event{e}, paint{on: true}), "\x1b[1;31m") {
		t.Error("a casualty is not red on a terminal")
	}
}

func TestFailedAreJobsThatEndedBadlyOrNeverRan(t *testing.T) {
	zero, one := 0, 1
	for _, e := range []lull.Event{
		{Kind: lull.EventLeft, ExitCode: &one},
		{Kind: lull.EventAbandoned},
		{Kind: lull.EventTimedOut},
	} {
		if !failed(e) {
			t.Errorf("%+v is no failure", e)
		}
	}
	for _, e := range []lull.Event{
		{Kind: lull.EventLeft, ExitCode: &zero},
		{Kind: lull.EventLeft},
		{Kind: lull.EventAbandoned, Hold: lull.Deployment},
		{Kind: lull.EventEnded, Hold: lull.Deployment, ExitCode: &one},
		{Kind: lull.EventOpened},
	} {
		if failed(e) {
			t.Errorf("%+v is a failure", e)
		}
	}
}

func TestTheLimitCountsWhatWasChosen(t *testing.T) {
	one := 1
	events := []lull.Event{
		{ID: "a", Kind: lull.EventLeft, ExitCode: &one}, {ID: "b", Kind: lull.EventLeft, ExitCode: &one}, {ID: "c", Kind: lull.EventLeft},
	}
	chosen := historyFlags{failed: true, limit: 1}.choose(events)
	if len(chosen) != 1 || chosen[0].ID != "b" {
		t.Errorf("%v, want b", chosen)
	}
}
