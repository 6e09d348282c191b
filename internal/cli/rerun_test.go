package cli

import (
	"slices"
	"testing"

	"github.com/lull-dev/lull"
)

func TestHowAJobIsRunAgain(t *testing.T) {
	a := &app{}
	for _, test := range []struct {
		job       lull.Event
		line, why string
	}{
		{lull.Event{Gate: "default", Name: "import", Command: []string{"sh", "-c", "echo 'a b'"}}, `lull run --name import -- sh -c 'echo '\''a b'\'''`, ""},
		{lull.Event{Gate: "imports", Command: []string{"./import.sh", ""}}, "lull run --gate imports -- ./import.sh ''", ""},
		{lull.Event{Gate: "default", JobID: "slurm:123_4", Command: []string{"x"}}, "scontrol requeue 123_4", ""},
		{lull.Event{Gate: "default", JobID: "slurm:123"}, "scontrol requeue 123", ""},
		{lull.Event{Gate: "default", JobID: "pbs:7.head", Command: []string{"x"}}, "lull run -- x", ""},
		{lull.Event{Gate: "default", Name: "import"}, "", "its command was not recorded"},
		{lull.Event{Gate: "default", Command: mask([]string{"curl", "--token", "s3cret"})}, "", "a secret in its command was masked: curl --token '***'"},
	} {
		how := finishedJob{Event: test.job}.how(a)
		if how.line != test.line || how.why != test.why {
			t.Errorf("%v: %q, %q; want %q, %q", test.job.Command, how.line, how.why, test.line, test.why)
		}
	}
}

func TestOnlyTheLastRecordOfAJobIsRunAgain(t *testing.T) {
	jobs := finished([]lull.Event{
		{Kind: lull.EventAbandoned, ID: "lost"},
		{Kind: lull.EventLost, ID: "anew", Resumes: "lost"},
		{Kind: lull.EventAbandoned, ID: "queued", Hold: lull.Deployment},
		{Kind: lull.EventLeft, ID: "anew", Resumes: "lost"},
		{Kind: lull.EventLeft, ID: "again", At: ago(2)},
		{Kind: lull.EventRerun, ID: "again", At: ago(1)},
		{Kind: lull.EventTimedOut, ID: "late"},
	})
	var ids []string
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	if want := []string{"anew", "again", "late"}; !slices.Equal(ids, want) {
		t.Errorf("%v, want %v", ids, want)
	}
	if jobs[1].rerunAt != ago(1).Wall || !jobs[0].rerunAt.IsZero() {
		t.Errorf("it is not told which job was run again: %v", jobs)
	}
}

func TestOnlyOurOwnJobsAreRunHere(t *testing.T) {
	a, ann := &app{}, lull.Holder{User: "ann", Host: "web1", PID: 1}
	ours := lull.Event{Gate: "default", Command: []string{"x"}, Holder: lull.Holder{User: "ann", Host: "web1", PID: 9}}
	elsewhere, others, slurm, again := ours, ours, ours, finishedJob{Event: ours, rerunAt: noon}
	elsewhere.Holder.Host, others.Holder.User, slurm.JobID = "web2", "bob", "slurm:1"
	if why := (finishedJob{Event: ours}).notHere(a, ann); why != "" {
		t.Errorf("our own job is left out: %s", why)
	}
	for _, j := range []finishedJob{{Event: elsewhere}, {Event: others}, {Event: slurm}, again} {
		if j.notHere(a, ann) == "" {
			t.Errorf("%+v is run here", j)
		}
	}
}

func TestOfJobsWithinOneAnotherTheOutermostIsRunAgain(t *testing.T) {
	jobs := outermost(finished([]lull.Event{
		{Kind: lull.EventLeft, ID: "innermost", Parent: "inner"},
		{Kind: lull.EventLeft, ID: "inner", Parent: "lost"},
		{Kind: lull.EventAbandoned, ID: "lost"},
		{Kind: lull.EventLost, ID: "between", Resumes: "lost"},
		{Kind: lull.EventLeft, ID: "early", Parent: "between"},
		{Kind: lull.EventAbandoned, ID: "between", Resumes: "lost"},
		{Kind: lull.EventLost, ID: "anew", Resumes: "lost"},
		{Kind: lull.EventLeft, ID: "anew", Resumes: "lost"},
		{Kind: lull.EventLeft, ID: "orphan", Parent: "not among them"},
	}))
	var ids []string
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	if want := []string{"anew", "orphan"}; !slices.Equal(ids, want) {
		t.Errorf("%v, want %v", ids, want)
	}
}
