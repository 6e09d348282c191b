package access

import (
	"fmt"
	"slices"
	"strings"
)

// Role is what a token, or a user of a unix socket, is for. Each may do what those before
// it may. The zero value may do nothing.
type Role string

// The roles.
const (
	Viewer   Role = "viewer"   // sees gates and their history
	Job      Role = "job"      // passes gates
	Deployer Role = "deployer" // closes gates, and opens what is its own
	Admin    Role = "admin"    // opens what is others', and manages tokens
)

// Roles lists the roles, the one that may do least first.
func Roles() []Role { return []Role{Viewer, Job, Deployer, Admin} }

// ParseRole is the role with that name. Its error lists the roles.
func ParseRole(name string) (Role, error) {
	if slices.Contains(Roles(), Role(name)) {
		return Role(name), nil
	}
	return "", fmt.Errorf("there is no role %q: it is one of viewer, job, deployer, admin", name)
}

// Verb is what somebody wants to do. The zero value is nothing, and nobody may do it.
type Verb int

// The verbs.
const (
	See        Verb = iota + 1 // look at gates, their events and the server
	Pass                       // enter, poll, force, leave, renew passes, record reruns
	Close                      // close, drain, begin, stop, renew holds, open and extend one's own
	OpenOthers                 // open and extend somebody else's holds
	Manage                     // make, list and revoke tokens
)

// Verbs lists the verbs.
func Verbs() []Verb { return []Verb{See, Pass, Close, OpenOthers, Manage} }

// rights are what a role may do, and takes to be done.
var rights = map[Role][]Verb{
	Viewer:   {See},
	Job:      {See, Pass},
	Deployer: {See, Pass, Close},
	Admin:    {See, Pass, Close, OpenOthers, Manage},
}

// May says whether a role may do something, at some gate.
func (r Role) May(v Verb) bool { return slices.Contains(rights[r], v) }

// String is the verb for a person, as it stands after "may not", without a gate.
func (v Verb) String() string {
	switch v {
	case See:
		return "look at gates"
	case Pass:
		return "pass gates"
	case Close:
		return "close or open gates"
	case OpenOthers:
		return "open or extend what is others'"
	case Manage:
		return "manage tokens"
	}
	return fmt.Sprintf("do something unknown (%d)", int(v))
}

// at is the verb with its gate.
func (v Verb) at(gate string) string {
	if gate == "" {
		return v.String()
	}
	if v == OpenOthers {
		return fmt.Sprintf("%s at gate %q", v, gate)
	}
	return fmt.Sprintf("%s %q", strings.TrimSuffix(v.String(), "s"), gate)
}

// takes names the roles that may do it: "deployer or admin".
func (v Verb) takes() string {
	var names []string
	for _, r := range Roles() {
		if r.May(v) {
			names = append(names, string(r))
		}
	}
	switch len(names) {
	case 0:
		return "more than any role"
	case 1:
		return "the role " + names[0]
	}
	return "the role " + strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
