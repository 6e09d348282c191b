//go:build linux

package storm

import (
	"strings"
	"testing"
	"time"
)

// A storm that finds nothing has to be able to: here is what the verdict must find.
func TestVerdictFinds(t *testing.T) {
	job := func(id string) run { return run{plan: plan{id: id, role: Job}} }
	deployment := func(id string) run { return run{plan: plan{id: id, role: Deployment}} }
	start := time.Now()
	log := func(lines ...string) (all []entry) {
		for i, line := range lines {
			word := strings.Fields(line)
			all = append(all, entry{
				at: start.Add(time.Duration(i) * time.Millisecond), what: word[0], role: Role(word[1]), id: word[2],
				phase: int64(word[3][0] - '0'),
			})
		}
		return all
	}
	closed := func(id string, phase int64) event {
		return event{Time: start, Kind: "closed", Reason: id, Phase: phase}
	}
	waited := func(id string, phase int64) event { return event{Time: start, Kind: "waited", Name: id, Phase: phase} }
	calm := log("began job j 0", "ended job j 0", "began deployment d 1", "ended deployment d 1")
	failed := job("j")
	failed.status = 1
	lost := deployment("d")
	lost.hung = true
	both := []run{job("j"), deployment("d")}

	for _, test := range []struct {
		name, want string
		evidence
	}{
		{"nothing", "", evidence{calm, []event{closed("d", 1)}, both}},
		{"a wait", "", evidence{
			log("began deployment d 1", "ended deployment d 1", "began job j 3", "ended job j 3"),
			[]event{closed("d", 1), waited("j", 1)}, both,
		}},
		{"an overlap", "overlap: ", evidence{append(log("overlap job j 1"), calm...), nil, both}},
		{"a lost job", "began 0 times", evidence{nil, nil, []run{job("j")}}},
		{"a killed job", "ended 0", evidence{log("began job j 0"), nil, []run{job("j")}}},
		{"a job that ran twice", "ran 2 times", evidence{append(calm, calm[0], calm[1]), nil, both}},
		{"another exit status", "wrong exit status", evidence{calm, nil, []run{failed}}},
		{"a starved deployment", "starved", evidence{nil, nil, []run{lost}}},
		{"a barger", "barged in", evidence{
			log("began job j 1", "ended job j 1"), []event{closed("d", 1)}, []run{job("j")},
		}},
		{"a barger that waited", "barged in", evidence{
			log("began job j 1", "ended job j 1"), []event{closed("d", 1), waited("j", 1)}, []run{job("j")},
		}},
		{"a starved job", "through another closed phase", evidence{
			log("began deployment d 3", "ended deployment d 3", "began job j 4", "ended job j 4"),
			[]event{closed("d", 3), waited("j", 1)}, both,
		}},
		{"a slow drain", "was drained", evidence{
			log("began deployment d 1", "ended deployment d 1"),
			[]event{{Time: start.Add(-time.Minute), Kind: "closed", Reason: "d", Phase: 1}}, []run{deployment("d")},
		}},
		{"a casualty", "casualty", evidence{calm, []event{{Kind: "left", Name: "j", Casualty: true}}, both}},
	} {
		findings := judge(test.evidence, fileGround("")).findings
		all := strings.Join(findings, "\n")
		if test.want == "" && all != "" || !strings.Contains(all, test.want) || len(findings) > 1 {
			t.Errorf("%s: found %q, want %q", test.name, all, test.want)
		}
	}
}
