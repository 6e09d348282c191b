package access_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lull-dev/lull/internal/access"
)

func TestTokenIsBoundToItsGates(t *testing.T) {
	for _, c := range []struct {
		gates []string
		gate  string
		may   bool
	}{
		{nil, "imports", true},
		{[]string{"team-a-*"}, "team-a-imports", true},
		{[]string{"team-a-*"}, "team-a-", true},
		{[]string{"team-a-*"}, "team-b-imports", false},
		{[]string{"team-a-*"}, "x-team-a-imports", false},
		{[]string{"team-a-*"}, "", true}, // about no gate
		{[]string{"imports"}, "imports", true},
		{[]string{"imports"}, "imports2", false},
		{[]string{"imports", "team-?"}, "team-b", true},
		{[]string{"["}, "[", false}, // no pattern matches nothing
	} {
		id := access.Identity{Name: "ci", Role: access.Admin, Source: access.ByToken, Gates: c.gates}
		for _, v := range access.Verbs() {
			if may := id.Check(v, c.gate) == nil; may != c.may {
				t.Errorf("%v at %q, %s: %v, want %v", c.gates, c.gate, v, may, c.may)
			}
		}
	}
}

func TestHoldsAreBoundToTheLongestLimit(t *testing.T) {
	const noLimit = -1
	for _, c := range []struct {
		longest, limit time.Duration
		may            bool
	}{
		{0, time.Hour, true},
		{0, noLimit, true},
		{time.Hour, time.Minute, true},
		{time.Hour, time.Hour, true},
		{time.Hour, time.Hour + 1, false},
		{time.Hour, noLimit, false},
		{time.Hour, 0, false},
		{10 * time.Minute, 30 * time.Minute, false}, // a kind's default
	} {
		err := access.Identity{Name: "ci", Role: access.Deployer, Source: access.ByToken, LongestLimit: c.longest}.CheckLimit(c.limit)
		if (err == nil) != c.may {
			t.Errorf("%s within %s: %v", c.limit, c.longest, err)
		}
		if _, denied := errors.AsType[*access.Denied](err); err != nil && (!denied || !strings.Contains(err.Error(), c.longest.String())) {
			t.Errorf("%s within %s says %v", c.limit, c.longest, err)
		}
	}
}

func TestContextThatNoGuardHasSeenIsNobodys(t *testing.T) {
	if id := access.Of(t.Context()); id.Role != "" || access.Still(t.Context()) {
		t.Errorf("it is %+v", id)
	}
	if id := access.Of(access.With(t.Context(), access.Everybody())); id.Role != access.Admin {
		t.Errorf("it is %+v", id)
	}
}
