package access_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lull-dev/lull/internal/access"
)

func TestEachRoleMayDoWhatIsSaidAndNothingElse(t *testing.T) {
	table := map[access.Role]map[access.Verb]bool{
		"":              {access.See: false, access.Pass: false, access.Close: false, access.OpenOthers: false, access.Manage: false},
		access.Viewer:   {access.See: true, access.Pass: false, access.Close: false, access.OpenOthers: false, access.Manage: false},
		access.Job:      {access.See: true, access.Pass: true, access.Close: false, access.OpenOthers: false, access.Manage: false},
		access.Deployer: {access.See: true, access.Pass: true, access.Close: true, access.OpenOthers: false, access.Manage: false},
		access.Admin:    {access.See: true, access.Pass: true, access.Close: true, access.OpenOthers: true, access.Manage: true},
		"emperor":       {access.See: false, access.Pass: false, access.Close: false, access.OpenOthers: false, access.Manage: false},
	}
	for _, role := range access.Roles() {
		if table[role] == nil {
			t.Errorf("the table has no row for %s", role)
		}
	}
	for role, row := range table {
		if len(row) != len(access.Verbs()) {
			t.Errorf("the row of %q has %d cells, and there are %d verbs", role, len(row), len(access.Verbs()))
		}
		for verb, may := range row {
			id := access.Identity{Name: "x", Role: role, Source: access.ByToken}
			for _, gate := range []string{"", "imports"} {
				err := id.Check(verb, gate)
				var denied *access.Denied
				switch {
				case may && err != nil:
					t.Errorf("%s, %s: %v", role, verb, err)
				case !may && !errors.As(err, &denied):
					t.Errorf("%s, %s: %v, want it denied", role, verb, err)
				case !may && (denied.Verb != verb || denied.Gate != gate || denied.Who.Role != role):
					t.Errorf("%s, %s: denied was %+v", role, verb, denied)
				}
			}
		}
		if (access.Identity{Role: role}).Check(0, "imports") == nil {
			t.Errorf("%s may do nothing in particular", role)
		}
	}
}

func TestWhatIsDeniedSaysWhoWhatAndTheRoleItTakes(t *testing.T) {
	for _, c := range []struct {
		who  access.Identity
		verb access.Verb
		gate string
		says string
	}{
		{access.Identity{}, access.See, "", "without a token nobody may look at gates: it takes the role viewer, job, deployer or admin"},
		{access.Identity{Name: "ci", Role: access.Job, Source: access.ByToken}, access.Close, "imports",
			`the token "ci" may not close or open gate "imports": the role is job, and it takes the role deployer or admin`},
		{access.Identity{Name: "ann", Role: access.Deployer, Source: access.ByUser}, access.OpenOthers, "imports",
			`the user "ann" may not open or extend what is others' at gate "imports": the role is deployer, and it takes the role admin`},
		{access.Identity{Name: "bob", Source: access.ByUser}, access.Pass, "imports",
			`the user "bob" may not pass gate "imports": there is no role, and it takes the role job, deployer or admin`},
		{access.Identity{Name: "ci", Role: access.Deployer, Source: access.BySession, Gates: []string{"team-a-*", "shared"}}, access.Close, "imports",
			`the token "ci" may not close or open gate "imports": it is for team-a-*, shared only`},
	} {
		if err := c.who.Check(c.verb, c.gate); err == nil || err.Error() != c.says {
			t.Errorf("it says %v, want %s", err, c.says)
		}
	}
}

func TestOnlyRolesThatThereAreAreRoles(t *testing.T) {
	for _, r := range access.Roles() {
		if got, err := access.ParseRole(string(r)); got != r || err != nil {
			t.Errorf("%s is %q, %v", r, got, err)
		}
	}
	for _, name := range []string{"", "Admin", "root"} {
		if _, err := access.ParseRole(name); err == nil || !strings.Contains(err.Error(), "viewer, job, deployer, admin") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if slices.Contains(access.Roles(), "") {
		t.Error("no role is a role")
	}
}
