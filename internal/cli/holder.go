package cli

import (
	"os"
	"strconv"

	"github.com/lull-dev/lull"
)

// ciSystem says how a CI system's environment tells who started a run, and where
// its page is. Each source is the system's own documentation of its variables.
type ciSystem struct {
	is   string // the variable by which it is known
	user string
	link func(getenv func(string) string) string
}

var ciSystems = []ciSystem{
	{is: "GITHUB_ACTIONS", user: "GITHUB_ACTOR", link: func(get func(string) string) string {
		if get("GITHUB_RUN_ID") == "" {
			return ""
		}
		return get("GITHUB_SERVER_URL") + "/" + get("GITHUB_REPOSITORY") + "/actions/runs/" + get("GITHUB_RUN_ID")
	}},
	{is: "GITLAB_CI", user: "GITLAB_USER_LOGIN", link: func(get func(string) string) string { return get("CI_JOB_URL") }},
	{is: "BUILDKITE", user: "BUILDKITE_BUILD_CREATOR", link: func(get func(string) string) string { return get("BUILDKITE_BUILD_URL") }},
	{is: "CIRCLECI", user: "CIRCLE_USERNAME", link: func(get func(string) string) string { return get("CIRCLE_BUILD_URL") }},
	{is: "JENKINS_URL", user: "BUILD_USER_ID", link: func(get func(string) string) string { return get("BUILD_URL") }},
}

// holder says who runs this: whom CI names, with the link to the run; else who
// used sudo; else the user.
func (a *app) holder() lull.Holder {
	h := lull.Holder{Host: hostname(), PID: os.Getpid()}
	for _, ci := range ciSystems {
		if a.Getenv(ci.is) != "" && a.Getenv(ci.is) != "false" {
			h.User, h.Link = a.Getenv(ci.user), ci.link(a.Getenv)
			break
		}
	}
	h.User = first(h.User, a.Getenv("SUDO_USER"), a.userName())
	return h
}

// userName is the user's name as the environment tells it, if it can be trusted to
// be this process's: os/user would read it through libc, or parse /etc/passwd,
// on every job's path.
func (a *app) userName() string {
	if os.Getuid() == 0 {
		return "root"
	}
	return first(a.Getenv("USER"), a.Getenv("LOGNAME"), "uid "+strconv.Itoa(os.Getuid()))
}
