package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

// noon is when the gates of these tests are looked at.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.Local)

func ago(d time.Duration) lull.Moment { return lull.Moment{Wall: noon.Add(-d)} }

func holdOf(kind lull.Kind, id, user string, since time.Duration) lull.Hold {
	return lull.Hold{
		ID: "01a2086d-8ec4-7b0b-90d7-0000" + id, Kind: kind, Holder: lull.Holder{User: user, Host: "web1", PID: 7},
		State: lull.Held, Reason: "release 81", Since: noon.Add(-since), Ends: ago(since - 30*time.Minute),
	}
}

func passOf(id, name string, since time.Duration) lull.Pass {
	return lull.Pass{
		ID: "01a2086d-8ec4-7b0b-90d7-0000" + id, Name: name, Holder: lull.Holder{User: "bob", Host: "node2", PID: 8},
		Arrived: ago(since), Started: ago(since), Heard: ago(time.Second),
	}
}

func viewOf(g lull.Gate, drained bool, inside, waiting []lull.Pass) gateView {
	g.Name = "default"
	return gateView{
		Snapshot: lull.Snapshot{Gate: g, Now: lull.Moment{Wall: noon}, Drained: drained, Inside: inside, Waiting: waiting},
		store:    "file:///var/lib/lull",
		usual:    map[string]time.Duration{"report": 3 * time.Minute},
	}
}

func TestStatusOfAnOpenGate(t *testing.T) {
	wants(t, viewOf(lull.Gate{Phase: 4}, false, nil, nil).text(paint{}), `
default  OPEN  nobody inside

file:///var/lib/lull, phase 4
`)
}

func TestStatusOfADrainingGate(t *testing.T) {
	deployment := holdOf(lull.Deployment, "1a2b3c4d", "deploy", 2*time.Minute+10*time.Second)
	deployment.Command, deployment.Holder.Link = []string{"cap", "production", "deploy"}, "https://ci.example.com/81"
	queued := holdOf(lull.Deployment, "5e6f7a8b", "deploy", time.Minute)
	queued.State, queued.Reason = lull.Queued, "release 82"
	slow, quick, own := passOf("00000001", "report", 4*time.Minute), passOf("00000002", "report", 80*time.Second), passOf("00000003", "migrate", 5*time.Second)
	slow.JobID, own.PartOf = "slurm:123_4", deployment.ID
	nameless := passOf("00000004", "", 20*time.Second)
	nameless.Command = []string{"sh", "-c", "echo a b"}
	v := viewOf(lull.Gate{Phase: 5, Holds: []lull.Hold{deployment}, Queue: []lull.Hold{queued}}, false,
		[]lull.Pass{slow, quick, own}, []lull.Pass{nameless})
	wants(t, v.text(paint{}), `
default  DRAINING  2 jobs are still inside

held by
  1a2b3c4d  deployment of deploy@web1 since 11:57 (2m10s): release 81, until 12:27 at most
            cap production deploy
            https://ci.example.com/81

in the queue
  5e6f7a8b  queued deployment of deploy@web1 since 11:59 (1m): release 82

inside: 3
  00000001  report   bob@node2 slurm:123_4  for 4m, longer than its usual 3m
  00000002  report   bob@node2              for 1m20s, usually 3m: until about 12:01
  00000003  migrate  bob@node2              for 5s, part of the deployment

waiting: 1
  00000004  sh -c 'echo a b'  bob@node2  for 20s

file:///var/lib/lull, phase 5
`)
}

func TestStatusSaysWhatAClosedGateMeansJustNow(t *testing.T) {
	person, about, runs := holdOf(lull.Person, "1a2b3c4d", "ann", time.Minute), holdOf(lull.Deployment, "1a2b3c4d", "ann", time.Minute), holdOf(lull.Deployment, "1a2b3c4d", "ann", time.Minute)
	runs.Begun = ago(30 * time.Second)
	job := passOf("00000001", "report", time.Second)
	for _, test := range []struct {
		hold    lull.Hold
		drained bool
		inside  []lull.Pass
		want    string
	}{
		{person, true, nil, "CLOSED nobody inside"},
		{person, false, []lull.Pass{job}, "DRAINING 1 job is still inside"},
		{about, true, nil, "CLOSED nobody inside, the deployment is about to begin"},
		{runs, true, nil, "CLOSED the deployment has run for 30s"},
		{runs, false, []lull.Pass{job}, "CLOSED the deployment has run for 30s, although 1 job is inside"},
	} {
		word, why := viewOf(lull.Gate{Phase: 5, Holds: []lull.Hold{test.hold}}, test.drained, test.inside, nil).state()
		if got := word + " " + why; got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

func TestStatusShowsCommandsThatOutlivedTheirHold(t *testing.T) {
	loose := holdOf(lull.Deployment, "1a2b3c4d", "deploy", time.Hour)
	text := viewOf(lull.Gate{Phase: 6, Loose: []lull.Hold{loose}}, false, nil, nil).text(paint{})
	if !strings.Contains(text, "still running, although the hold has ended\n  1a2b3c4d  deployment of deploy@web1") {
		t.Errorf("no word of the deployment that goes on:\n%s", text)
	}
}

func TestStatusKeepsToAScreen(t *testing.T) {
	var waiting []lull.Pass
	for i := range 100 {
		waiting = append(waiting, passOf(fmt.Sprintf("%08d", i), "job", time.Second))
	}
	text := viewOf(lull.Gate{Phase: 5, Holds: []lull.Hold{holdOf(lull.Person, "1a2b3c4d", "ann", time.Minute)}}, true, nil, waiting).text(paint{})
	if n := strings.Count(text, "\n"); n > 30 {
		t.Errorf("%d lines", n)
	}
	if !strings.Contains(text, "waiting: 100") || !strings.Contains(text, "… and 80 more: lull status -o json") {
		t.Errorf("it does not say how many there are:\n%s", text)
	}
}

func TestWhatOthersWroteHasNoPowerOverTheTerminal(t *testing.T) {
	const evil = "\x1b]0;evil\a\n"
	hold, job := holdOf(lull.Person, "1a2b3c4d", evil, time.Minute), passOf("00000001", evil, time.Second)
	hold.Reason, hold.Command, hold.Holder.Link, job.JobID, job.Holder.Host = evil, []string{evil}, evil, evil, evil
	v := viewOf(lull.Gate{Phase: 5, Holds: []lull.Hold{hold}}, false, []lull.Pass{job}, []lull.Pass{job})
	left := lull.Event{Kind: lull.EventLeft, ID: evil, Name: evil, Holder: hold.Holder, Reason: evil}
	for _, text := range []string{v.text(paint{}), v.line(paint{}), v.inWords(), historyText([]lull.Event{left}, paint{}), finishedJob{Event: left}.describe()} {
		if strings.ContainsAny(text, "\x1b\a") {
			t.Errorf("control characters come through: %q", text)
		}
	}
}

func TestStatusJSONIsAsDocumented(t *testing.T) {
	deployment := holdOf(lull.Deployment, "1a2b3c4d", "deploy", time.Minute)
	deployment.Ends = lull.Moment{}
	job := passOf("00000001", "report", time.Minute)
	job.Ticket, job.Command, job.JobID = 4, []string{"./report.sh", "a>b"}, "slurm:123_4"
	new := passOf("00000002", "other", time.Second)
	new.Ticket, new.PartOf = 5, deployment.ID
	v := viewOf(lull.Gate{Phase: 5, Holds: []lull.Hold{deployment}}, false, []lull.Pass{job, new}, nil)
	got, err := json.MarshalIndent(v.json(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	at := func(d time.Duration) string { return noon.Add(-d).UTC().Format("2006-01-02T15:04:05.000Z") }
	wants(t, string(got)+"\n", `
{
 "schema": 1,
 "gate": "default",
 "store": "file:///var/lib/lull",
 "state": "closed",
 "drained": false,
 "phase": 5,
 "holds": [
  {
   "id": "01a2086d-8ec4-7b0b-90d7-00001a2b3c4d",
   "kind": "deployment",
   "holder": {
    "user": "deploy",
    "host": "web1",
    "pid": 7,
    "link": ""
   },
   "reason": "release 81",
   "command": [],
   "since": "`+at(time.Minute)+`",
   "expires_at": null,
   "begun_at": null,
   "last_heard": "`+at(time.Minute)+`"
  }
 ],
 "queued": [],
 "inside": [
  {
   "id": "01a2086d-8ec4-7b0b-90d7-000000000001",
   "name": "report",
   "command": [
    "./report.sh",
    "a\u003eb"
   ],
   "job_id": "slurm:123_4",
   "holder": {
    "user": "bob",
    "host": "node2",
    "pid": 8,
    "link": ""
   },
   "since": "`+at(time.Minute)+`",
   "ticket": 4,
   "part_of": null,
   "usual_seconds": 180,
   "last_heard": "`+at(time.Second)+`"
  },
  {
   "id": "01a2086d-8ec4-7b0b-90d7-000000000002",
   "name": "other",
   "command": [],
   "job_id": "",
   "holder": {
    "user": "bob",
    "host": "node2",
    "pid": 8,
    "link": ""
   },
   "since": "`+at(time.Second)+`",
   "ticket": 5,
   "part_of": "01a2086d-8ec4-7b0b-90d7-00001a2b3c4d",
   "usual_seconds": null,
   "last_heard": "`+at(time.Second)+`"
  }
 ],
 "waiting": []
}
`)
}

func TestAWatchSeesMoreThanTheTimeChange(t *testing.T) {
	look := func(heard time.Duration, names ...string) string {
		var inside []lull.Pass
		for _, name := range names {
			p := passOf("00000001", name, time.Minute)
			p.Heard = ago(heard)
			inside = append(inside, p)
		}
		return whatMatters([]gateView{viewOf(lull.Gate{Phase: 4}, false, inside, nil)})
	}
	if look(time.Second, "report") != look(2*time.Second, "report") {
		t.Error("a sign of life counts as a change")
	}
	if look(time.Second, "report") == look(time.Second, "report", "import") {
		t.Error("an arrival does not count as a change")
	}
}

// wants compares with a text that begins after the quote's line.
func wants(t *testing.T, got, want string) {
	t.Helper()
	if want = strings.TrimPrefix(want, "\n"); got != want {
		t.Errorf("it reads\n%s\nand not\n%s", got, want)
	}
}
