//go:build linux

package storm

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// An overlap is excused by what the store has on record, and by nothing else.
func TestVerdictExcusesOnlyWhatIsOnRecord(t *testing.T) {
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	entries := []entry{
		{at(0), "began", Deployment, "d", 7, 1, ""},
		{at(1), "overlap", Job, "j", 8, 2, "work held by 7"},
		{at(2), "began", Job, "j", 8, 2, ""},
		{at(3), "ended", Job, "j", 8, 2, ""},
		{at(4000), "ended", Deployment, "d", 7, 1, ""},
	}
	soon := append(slices.Clone(entries[:4]), entry{at(500), "ended", Deployment, "d", 7, 1, ""})
	byDeployment := append([]entry{entries[2], {at(1), "overlap", Deployment, "d", 7, 1, "work held by 8"}, entries[0]}, entries[3:]...)
	begun := event{Time: at(0), Kind: "begun", Reason: "d", ID: "h"}
	crashed := event{Time: at(1), Kind: "crashed", Reason: "d", ID: "h"}
	ended := event{Time: at(4000), Kind: "ended", ID: "h"}
	left := event{Time: at(3), Kind: "left", Name: "j", Ran: 0.001}
	casualty := left
	casualty.Casualty = true
	stop := fault{kind: stopped}
	runs := []run{{plan: plan{id: "j", role: Job}}, {plan: plan{id: "d", role: Deployment, fault: stop}, hit: true}}
	unharmed := []run{runs[0], {plan: plan{id: "d", role: Deployment}}}

	for _, test := range []struct {
		name, want string
		lapses     bool
		evidence
	}{
		{"a casualty on record", "", true, evidence{entries, []event{begun, crashed, casualty, ended}, runs}},
		{"a casualty on record, seen by the deployment", "", true, evidence{byDeployment, []event{begun, crashed, casualty, ended}, runs}},
		{"a casualty that nobody knows of", "overlap: ", true, evidence{entries, []event{begun, crashed, left, ended}, runs}},
		{"… seen by the deployment", "overlap: ", true, evidence{byDeployment, []event{begun, crashed, left, ended}, runs}},
		{"… just before the deployment's end", "", true, evidence{soon, []event{begun, crashed, left, ended}, runs}},
		{"… of a deployment whose lease has not ended", "overlap: ", true, evidence{soon, []event{begun, left, ended}, runs}},
		{"a casualty of a lease that has not ended", "believes in a casualty", true, evidence{entries, []event{begun, casualty, ended}, runs}},
		{"a lease that ends by itself", "lapsed, though", true, evidence{entries, []event{begun, crashed, casualty, ended}, unharmed}},
		{"where leases do not lapse", "overlap: ", false, evidence{entries, []event{begun, crashed, casualty, ended}, runs}},
	} {
		on := fileGround("")
		on.lapses = test.lapses
		all := strings.Join(judge(test.evidence, on).findings, "\n")
		if test.want == "" && all != "" || !strings.Contains(all, test.want) {
			t.Errorf("%s: found %q, want %q", test.name, all, test.want)
		}
	}
}
