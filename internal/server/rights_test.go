package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/access"
	"github.com/lull-dev/lull/internal/server"
	"github.com/lull-dev/lull/internal/wire"
	"github.com/lull-dev/lull/memstore"
)

// house is a server with a token for each role.
type house struct {
	*site
	tokens *access.Tokens
	keys   map[string]string // by the token's name
}

func newHouse(t *testing.T) *house {
	t.Helper()
	tokens, err := access.OpenTokens(filepath.Join(t.TempDir(), "tokens.json"))
	if err != nil {
		t.Fatal(err)
	}
	guard, err := access.New(access.Options{Tokens: tokens})
	if err != nil {
		t.Fatal(err)
	}
	store := memstore.New()
	s, err := server.New(server.Options{Store: store, Guard: guard.Wrap, Page: true, SignIn: guard.SignIn, SignOut: guard.SignOut, Metrics: http.NotFoundHandler()})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s.Handler())
	t.Cleanup(func() { s.Close(); web.Close() })
	h := &house{&site{t, store, s, web.URL}, tokens, map[string]string{}}
	for _, role := range access.Roles() {
		h.makes(access.Spec{Name: string(role), Role: role})
	}
	return h
}

func (h *house) makes(s access.Spec) {
	h.Helper()
	token, _, err := h.tokens.Create(s)
	if err != nil {
		h.Fatal(err)
	}
	h.keys[s.Name] = token
}

// as is do for one who shows the token of that name; "" shows none.
func (h *house) as(name, method, path, body string) (status int) {
	h.Helper()
	r, err := http.NewRequestWithContext(h.Context(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if name != "" {
		r.Header.Set("Authorization", "Bearer "+h.keys[name])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := client.Do(r)
	if err != nil {
		h.Fatal(err)
	}
	got.Body.Close()
	return got.StatusCode
}

// Who may not is refused before the store is asked: 401 without a token, 403 with one that
// is too little. All else is an answer of the store.
func TestEachRoleMayDoWhatItIsFor(t *testing.T) {
	h := newHouse(t)
	person := func() string {
		return fmt.Sprintf(`{"hold":{"id":%q,"kind":"person","limit":1000000000}}`, lull.NewID())
	}
	calls := []struct {
		says, method, path string
		body               func() string
		least              access.Role
	}{
		{"about", "GET", wire.PathAbout, nil, access.Viewer},
		{"gates", "GET", wire.PathGates, nil, access.Viewer},
		{"snapshot", "GET", wire.PathGate, nil, access.Viewer},
		{"live", "GET", wire.PathLive, nil, access.Viewer},
		{"changed", "GET", wire.PathChanged, nil, access.Viewer},
		{"usual", "GET", wire.PathUsual, nil, access.Viewer},
		{"traffic", "GET", wire.PathTraffic, nil, access.Viewer},
		{"events", "GET", wire.PathEvents, nil, access.Viewer},
		{"drain", "GET", wire.PathDrain, nil, access.Viewer},
		{"poll", "GET", wire.PathPass, nil, access.Viewer},
		{"record", "POST", wire.PathEvents, func() string { return `{"gate":"default","event":"rerun","id":"x"}` }, access.Job},
		{"enter", "POST", wire.PathPasses, func() string { return fmt.Sprintf(`{"pass":{"id":%q}}`, lull.NewID()) }, access.Job},
		{"force", "POST", wire.PathForce, nil, access.Job},
		{"leave", "POST", wire.PathLeave, func() string { return `{}` }, access.Job},
		{"renew a pass", "POST", wire.PathRenew, func() string { return `{"leases":[{"gate":"default","pass":"x"}]}` }, access.Job},
		{"renew a hold", "POST", wire.PathRenew, func() string { return `{"leases":[{"gate":"default","hold":"x"}]}` }, access.Deployer},
		{"close", "POST", wire.PathHolds, person, access.Deployer},
		{"begin", "POST", wire.PathBegin, func() string { return `{}` }, access.Deployer},
		{"stop", "POST", wire.PathStop, nil, access.Deployer},
		{"extend", "POST", wire.PathExtend, func() string { return `{"limit":1000000000}` }, access.Deployer},
		{"extend by force", "POST", wire.PathExtend, func() string { return `{"limit":1000000000,"force":true}` }, access.Admin},
		{"open", "POST", wire.PathOpen, func() string { return `{}` }, access.Deployer},
		{"open by force", "POST", wire.PathOpen, func() string { return `{"force":true}` }, access.Admin},
	}
	rank := map[access.Role]int{access.Viewer: 1, access.Job: 2, access.Deployer: 3, access.Admin: 4}
	for _, c := range calls {
		for _, who := range []access.Role{"", access.Viewer, access.Job, access.Deployer, access.Admin} {
			body := ""
			if c.body != nil {
				body = c.body()
			}
			status := h.as(string(who), c.method, wire.Path(c.path, "default", "nobody"), body)
			switch may := rank[who] >= rank[c.least]; {
			case who == "" && status != http.StatusUnauthorized:
				t.Errorf("%s without a token: %d", c.says, status)
			case who != "" && !may && status != http.StatusForbidden:
				t.Errorf("%s as %s: %d, want it forbidden", c.says, who, status)
			case may && (status == http.StatusUnauthorized || status == http.StatusForbidden || status >= 500):
				t.Errorf("%s as %s: %d, want it allowed", c.says, who, status)
			}
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/openapi.json", "/sign-in"} {
		if status := h.as("", "GET", path, ""); status != http.StatusOK {
			t.Errorf("%s without a token: %d", path, status)
		}
	}
	if without, with := h.as("", "GET", "/metrics", ""), h.as("viewer", "GET", "/metrics", ""); without != http.StatusUnauthorized || with != http.StatusNotFound {
		t.Errorf("the metrics without a token: %d, and with one: %d", without, with)
	}
	if status := h.as("", "GET", "/", ""); status != http.StatusSeeOther {
		t.Errorf("the page without a token: %d, want to be led to the form", status)
	}
}

func TestATokenIsForItsGatesAndItsLimit(t *testing.T) {
	h := newHouse(t)
	h.makes(access.Spec{Name: "team", Role: access.Deployer, Gates: []string{"team-a-*"}, LongestLimit: time.Hour})
	hold := func(gate, limit string) int {
		return h.as("team", "POST", wire.Path(wire.PathHolds, gate, ""), fmt.Sprintf(`{"hold":{"id":%q,"kind":"person"%s}}`, lull.NewID(), limit))
	}
	for _, c := range []struct {
		gate, limit string
		status      int
	}{
		{"team-a-web", `,"limit":60000000000`, 200},
		{"team-a-web", ``, 200},                       // an hour, by default
		{"team-a-web", `,"limit":7200000000000`, 403}, // two
		{"team-a-web", `,"limit":-1`, 403},            // none
		{"team-b-web", `,"limit":60000000000`, 403},
	} {
		if status := hold(c.gate, c.limit); status != c.status {
			t.Errorf("a hold at %s%s: %d, want %d", c.gate, c.limit, status, c.status)
		}
	}
	if status := h.as("team", "GET", wire.Path(wire.PathGate, "team-b-web", ""), ""); status != http.StatusForbidden {
		t.Errorf("a look at another team's gate: %d", status)
	}
	lease := `{"leases":[{"gate":"team-b-web","pass":"x"}]}`
	if status := h.as("team", "POST", wire.PathRenew, lease); status != http.StatusForbidden {
		t.Errorf("a renewal at another team's gate: %d", status)
	}
}

// What a caller says of himself does not make him another.
func TestNobodyEndsWhatAnotherTokenMade(t *testing.T) {
	h := newHouse(t)
	h.makes(access.Spec{Name: "one", Role: access.Deployer})
	h.makes(access.Spec{Name: "two", Role: access.Deployer})
	const holder = `{"user":"ann","host":"web1","pid":7}`
	post := func(who, path, id, body string) int {
		return h.as(who, "POST", wire.Path(path, "default", id), body)
	}
	if status := post("one", wire.PathPasses, "", `{"pass":{"id":"p1","holder":`+holder+`}}`); status != 200 {
		t.Fatal(status)
	}
	if status := post("one", wire.PathHolds, "", `{"hold":{"id":"h1","kind":"deployment","holder":`+holder+`}}`); status != 200 {
		t.Fatal(status)
	}
	as := `{"by":` + holder + `}`
	for _, c := range []struct {
		says, path, id, body string
	}{
		{"open", wire.PathOpen, "h1", as},
		{"extend", wire.PathExtend, "h1", `{"limit":1000000000,"by":` + holder + `}`},
		{"begin", wire.PathBegin, "h1", `{"undrained":true}`},
		{"stop", wire.PathStop, "h1", `{}`},
		{"leave", wire.PathLeave, "p1", `{}`},
		{"force", wire.PathForce, "p1", `{}`},
		{"open in the other's name", wire.PathOpen, "h1", `{"by":{"user":"ann via one","host":"web1","pid":7}}`},
	} {
		if status := post("two", c.path, c.id, c.body); status != http.StatusForbidden {
			t.Errorf("%s: %d", c.says, status)
		}
	}
	for _, own := range []struct{ path, id, body string }{
		{wire.PathLeave, "p1", `{}`}, {wire.PathBegin, "h1", `{}`}, {wire.PathOpen, "h1", as},
	} {
		if status := post("one", own.path, own.id, own.body); status != 200 {
			t.Errorf("its own %s: %d", own.path, status)
		}
	}
}

func TestARevokedTokenEndsAStream(t *testing.T) {
	h := newHouse(t)
	r, err := http.NewRequestWithContext(t.Context(), "GET", h.url+wire.Path(wire.PathLive, "default", ""), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.keys["viewer"])
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	if err := h.tokens.Revoke("viewer"); err != nil {
		t.Fatal(err)
	}
	// A change wakes the stream, which would otherwise find out at its next beat.
	if status := h.as("deployer", "POST", wire.Path(wire.PathHolds, "default", ""), `{"hold":{"id":"h1","kind":"person"}}`); status != 200 {
		t.Fatal(status)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for buffer := make([]byte, 4096); ; {
			if _, err := got.Body.Read(buffer); err != nil {
				return
			}
		}
	}()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("the stream goes on")
	}
}

// The server that a pass was made at may be another, or have been started anew since.
func TestWhoseAPassIsTheStoreKnows(t *testing.T) {
	h := newHouse(t)
	h.makes(access.Spec{Name: "one", Role: access.Job})
	h.makes(access.Spec{Name: "two", Role: access.Job})
	p := lull.Pass{ID: "p1", Gate: "default", Holder: lull.Holder{User: "ann via one", Host: "web1"}}
	if _, _, err := h.store.Enter(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	leave := func(who string) int { return h.as(who, "POST", wire.Path(wire.PathLeave, "default", "p1"), `{}`) }
	if status := leave("two"); status != http.StatusForbidden {
		t.Errorf("another's: %d", status)
	}
	// Who enters with another's ID gets what is another's, and may not end it.
	if status := h.as("two", "POST", wire.Path(wire.PathPasses, "default", ""), `{"pass":{"id":"p1","holder":{"user":"ann via one"}}}`); status != http.StatusOK {
		t.Errorf("enters: %d", status)
	}
	if status := leave("two"); status != http.StatusForbidden {
		t.Errorf("another's, entered again: %d", status)
	}
	if status := leave("one"); status != http.StatusOK {
		t.Errorf("its own: %d", status)
	}
}
