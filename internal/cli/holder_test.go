package cli

import (
	"os"
	"testing"
)

func TestHolderIsWhomCINamesThenSudoThenTheUser(t *testing.T) {
	user := (&app{World: World{Environ: []string{"USER=ann"}}}).userName()
	if os.Getuid() != 0 && user != "ann" {
		t.Errorf("the user is %q", user)
	}
	for _, test := range []struct {
		environ    []string
		user, link string
	}{
		{[]string{"USER=ann"}, user, ""},
		{[]string{"USER=root", "SUDO_USER=bob"}, "bob", ""},
		{[]string{"SUDO_USER=bob", "GITHUB_ACTIONS=true", "GITHUB_ACTOR=carol", "GITHUB_SERVER_URL=https://x", "GITHUB_REPOSITORY=o/r", "GITHUB_RUN_ID=5"}, "carol", "https://x/o/r/actions/runs/5"},
		{[]string{"GITHUB_ACTIONS=true", "GITHUB_ACTOR=carol"}, "carol", ""},
		{[]string{"SUDO_USER=bob", "GITLAB_CI=true", "GITLAB_USER_LOGIN=dan", "CI_JOB_URL=https://g/1"}, "dan", "https://g/1"},
		{[]string{"SUDO_USER=bob", "JENKINS_URL=https://j", "BUILD_URL=https://j/1"}, "bob", "https://j/1"},
		{[]string{"SUDO_USER=bob", "BUILDKITE=false", "BUILDKITE_BUILD_CREATOR=eve"}, "bob", ""},
		{[]string{"CIRCLECI=true", "CIRCLE_USERNAME=fay", "CIRCLE_BUILD_URL=https://c/1"}, "fay", "https://c/1"},
	} {
		h := (&app{World: World{Environ: test.environ}}).holder()
		if h.User != test.user || h.Link != test.link || h.PID != os.Getpid() || h.Host == "" {
			t.Errorf("%q: %+v", test.environ, h)
		}
	}
}
