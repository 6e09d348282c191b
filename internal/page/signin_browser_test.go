package page_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/access"
	"github.com/lull-dev/lull/internal/server"
	"github.com/lull-dev/lull/memstore"
)

// A real server, with tokens: each role signs in by the form, and finds what it may do, and
// no button more.
func TestEachRoleSignsInAndSeesWhatItMayDo(t *testing.T) {
	tokens, err := access.OpenTokens(filepath.Join(t.TempDir(), "tokens.json"))
	if err != nil {
		t.Fatal(err)
	}
	guard, err := access.New(access.Options{Tokens: tokens})
	if err != nil {
		t.Fatal(err)
	}
	store := memstore.New()
	s, err := server.New(server.Options{Store: store, Guard: guard.Wrap, Page: true, SignIn: guard.SignIn, SignOut: guard.SignOut})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	deploy := lull.Hold{ID: lull.NewID(), Gate: "default", Kind: lull.Deployment, Holder: lull.Holder{User: "deploy", Host: "web1", PID: 7}, Reason: "release 81"}
	if _, _, err := store.Close(t.Context(), deploy); err != nil {
		t.Fatal(err)
	}
	b := (&stage{handler: s.Handler()}).visit(t, "/gates/default")
	b.sees("one is led to the form", `location.pathname === "/sign-in"`)
	b.signsIn("lull_wrong")
	b.sees("a wrong token is refused", `location.pathname === "/sign-in" && location.search.includes("problem=unknown") && document.readyState === "complete"`)
	b.forgives() // that was a 401
	for _, role := range access.Roles() {
		token, _, err := tokens.Create(access.Spec{Name: string(role), Role: role})
		if err != nil {
			t.Fatal(err)
		}
		b.goTo("/sign-in?next=%2Fgates%2Fdefault")
		b.signsIn(token)
		b.sees(string(role)+" is at the gate", `location.pathname === "/gates/default" && document.body.innerText.includes("release 81")`)
		closes, opens := role == access.Deployer || role == access.Admin, role == access.Admin
		if got := is[bool](b, `!!document.querySelector('form[action$="/close"]')`); got != closes {
			b.Errorf("%s may close: %v", role, got)
		}
		if got := is[bool](b, fmt.Sprintf(`!!document.querySelector('form[action$="/holds/%s/open"]')`, deploy.ID)); got != opens {
			b.Errorf("%s may open what is another's: %v", role, got)
		}
		b.sees("there is a way out", `!!document.querySelector('form[action="/sign-out"]')`)
		_ = is[int](b, `document.querySelector('form[action="/sign-out"]').requestSubmit(), 0`)
		b.sees(string(role)+" is out", `location.pathname === "/sign-in"`)
		b.goTo("/gates/default")
		b.sees("nobody is in", `location.pathname === "/sign-in"`)
	}
}

// signsIn sends the form that the browser shows.
func (b *tab) signsIn(token string) {
	b.Helper()
	b.sees("the form is there", `!!document.querySelector('form[action="/sign-in"]')`)
	_ = is[int](b, fmt.Sprintf(`document.querySelector('input[name=token]').value = %q, document.querySelector('form[action="/sign-in"]').requestSubmit(), 0`, token))
}
