package access_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull/internal/access"
)

// house is a guarded server that answers with who asks.
type house struct {
	*testing.T
	tokens *access.Tokens
	path   string
	log    *bytes.Buffer
	guard  *access.Guard
	door   http.Handler
	asked  http.Request // as the handler saw it last
}

func newHouse(t *testing.T, o access.Options) *house {
	t.Helper()
	h := &house{T: t, log: &bytes.Buffer{}, path: filepath.Join(t.TempDir(), "tokens.json")}
	if !o.Open && !o.Anyone {
		h.tokens = openTokens(t, h.path)
		o.Tokens = h.tokens
	}
	o.Log = slog.New(slog.NewTextHandler(h.log, nil))
	guard, err := access.New(o)
	if err != nil {
		t.Fatal(err)
	}
	h.guard = guard
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sign-in", guard.SignIn)
	mux.HandleFunc("POST /sign-out", guard.SignOut)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { h.asked = *r })
	h.door = guard.Wrap(mux)
	return h
}

// ask sends a request, with headers as pairs. The identity is the handler's, if it was
// reached.
func (h *house) ask(method, path string, headers ...string) (*http.Response, access.Identity) {
	h.Helper()
	body := ""
	if len(headers)%2 == 1 {
		body, headers = headers[0], headers[1:]
	}
	r := httptest.NewRequestWithContext(h.Context(), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		switch headers[i] {
		case "Host":
			r.Host = headers[i+1]
		case "Remote":
			r.RemoteAddr = headers[i+1]
		default:
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	h.asked = http.Request{}
	w := httptest.NewRecorder()
	h.door.ServeHTTP(w, r)
	if h.asked.URL == nil {
		return w.Result(), access.Identity{}
	}
	return w.Result(), access.Of(h.asked.Context())
}

func TestTokenInTheHeaderSaysWhoAsks(t *testing.T) {
	h := newHouse(t, access.Options{})
	token, _ := create(t, h.tokens, access.Spec{Name: "ci", Role: access.Deployer})
	for _, scheme := range []string{"Bearer ", "bearer ", "Bearer  "} {
		if answer, id := h.ask("GET", "/", "Authorization", scheme+token); answer.StatusCode != 200 || id.Name != "ci" || id.Role != access.Deployer {
			t.Errorf("%s: %d, %+v", scheme, answer.StatusCode, id)
		}
	}
	answer, id := h.ask("GET", "/")
	if answer.StatusCode != 200 || id.Role != "" || id.Source != access.Nobody {
		t.Errorf("who shows nothing is %+v (%d)", id, answer.StatusCode)
	}
	if answer.Header.Get("WWW-Authenticate") == "" {
		t.Error("who shows nothing is not told that a token may help")
	}
}

func TestWrongTokenIsRefusedAndLoggedWithoutItsText(t *testing.T) {
	h := newHouse(t, access.Options{})
	revoked, info := create(t, h.tokens, access.Spec{Name: "old", Role: access.Admin})
	if err := h.tokens.Revoke("old"); err != nil {
		t.Fatal(err)
	}
	unknown, _ := create(t, openTokens(t, newPath(t)), access.Spec{Name: "x", Role: access.Admin})
	for token, why := range map[string]error{revoked: access.ErrRevoked, unknown: access.ErrUnknown, "letmein": access.ErrMistyped} {
		h.log.Reset()
		answer, _ := h.ask("GET", "/", "Authorization", "Bearer "+token)
		var problem struct {
			Status int
			Detail string
		}
		if err := json.NewDecoder(answer.Body).Decode(&problem); err != nil {
			t.Fatal(err)
		}
		if h.asked.URL != nil || answer.StatusCode != 401 || problem.Status != 401 || problem.Detail != why.Error() ||
			answer.Header.Get("Content-Type") != "application/problem+json" ||
			!strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), `Bearer realm="lull", error="invalid_token"`) {
			t.Errorf("%v: %d, %+v, %v", why, answer.StatusCode, problem, answer.Header)
		}
		if log := h.log.String(); !strings.Contains(log, why.Error()) || strings.Contains(log, token) {
			t.Errorf("%v is logged as %s", why, log)
		}
		if log := h.log.String(); why == access.ErrRevoked && !strings.Contains(log, info.ID) {
			t.Errorf("which token it was is not logged: %s", log)
		}
	}
}

func TestWhatIsRefusedIsAnsweredAsTheServerLikes(t *testing.T) {
	var types []string
	h := newHouse(t, access.Options{Refuse: func(w http.ResponseWriter, _ *http.Request, status int, typ, detail string) {
		types = append(types, typ)
		w.WriteHeader(status)
	}})
	for range 6 {
		h.ask("GET", "/", "Authorization", "Bearer x")
	}
	h.ask("POST", "/", "Sec-Fetch-Site", "cross-site")
	if got := strings.Join(types, " "); got != "sign-in sign-in sign-in sign-in sign-in slow forbidden" {
		t.Error(got)
	}
}

func TestWrongTokensAreSlowedPerAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, access.Options{})
		token, _ := create(t, h.tokens, access.Spec{Name: "ci", Role: access.Job})
		try := func(remote string) *http.Response {
			answer, _ := h.ask("GET", "/", "Authorization", "Bearer x", "Remote", remote)
			return answer
		}
		for range 5 {
			if answer := try("192.0.2.1:1000"); answer.StatusCode != 401 {
				t.Fatalf("one of five is answered %d", answer.StatusCode)
			}
		}
		for range 100 {
			if answer := try("192.0.2.1:2000"); answer.StatusCode != 429 || answer.Header.Get("Retry-After") != "5" {
				t.Fatalf("the sixth is answered %d, %v", answer.StatusCode, answer.Header)
			}
		}
		if n := strings.Count(h.log.String(), "refused"); n != 5 {
			t.Errorf("%d lines are logged", n)
		}
		if answer := try("192.0.2.2:1000"); answer.StatusCode != 401 {
			t.Errorf("another address is answered %d", answer.StatusCode)
		}
		if answer, id := h.ask("GET", "/", "Authorization", "Bearer "+token, "Remote", "192.0.2.1:1000"); answer.StatusCode != 200 || id.Name != "ci" {
			t.Errorf("a right token from there is answered %d", answer.StatusCode)
		}
		time.Sleep(4 * time.Second)
		if answer := try("192.0.2.1:1000"); answer.Header.Get("Retry-After") != "1" {
			t.Errorf("after 4 s: %d, %v", answer.StatusCode, answer.Header)
		}
		time.Sleep(time.Second)
		h.log.Reset()
		if answer := try("192.0.2.1:1000"); answer.StatusCode != 401 || !strings.Contains(h.log.String(), "slowed=101") {
			t.Errorf("after 5 s: %d, logged as %s", answer.StatusCode, h.log)
		}
		if answer := try("192.0.2.1:1000"); answer.StatusCode != 429 {
			t.Errorf("and once more: %d", answer.StatusCode)
		}
	})
}

func TestAddressesOfOneNetworkAreOneSender(t *testing.T) {
	h := newHouse(t, access.Options{})
	status := 0
	for _, last := range []string{"1", "2", "3", "4", "5", "6"} {
		answer, _ := h.ask("GET", "/", "Authorization", "Bearer x", "Remote", "[2001:db8::"+last+"]:1000")
		status = answer.StatusCode
	}
	if status != 429 {
		t.Errorf("the sixth address of one IPv6 network is answered %d", status)
	}
}

func TestOpenServerIsOpenToItsOwnHost(t *testing.T) {
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		remote, host string
		open         bool
	}{
		{"127.0.0.1:1000", "127.0.0.1:5855", true},
		{"[::1]:1000", "[::1]:5855", true},
		{"[::ffff:127.0.0.1]:1000", "localhost:5855", true},
		{"127.0.0.1:1000", "lull.localhost", true},
		{"127.0.0.1:1000", "web1", true},
		{"127.0.0.1:1000", name + ":5855", true},
		{"127.0.0.1:1000", "LULL.example.com", true},
		{"127.0.0.1:1000", "evil.example.org:5855", false}, // DNS rebinding
		{"192.0.2.1:1000", "127.0.0.1:5855", false},
		{"@", "localhost", false},
	} {
		h := newHouse(t, access.Options{Open: true, Origins: []string{"https://lull.example.com"}})
		if _, id := h.ask("GET", "/", "Remote", c.remote, "Host", c.host); (id.Role == access.Admin) != c.open || !c.open && id.Role != "" {
			t.Errorf("%s at %s is %+v", c.remote, c.host, id)
		}
		anyone := newHouse(t, access.Options{Anyone: true})
		if _, id := anyone.ask("GET", "/", "Remote", c.remote, "Host", c.host); id.Role != access.Admin {
			t.Errorf("open to anyone, %s at %s is %+v", c.remote, c.host, id)
		}
	}
}

func TestAnotherSiteCannotPostInABrowsersName(t *testing.T) {
	const own = "https://lull.example.com"
	for _, c := range []struct {
		says    string
		method  string
		headers []string
		refused bool
	}{
		{"another site", "POST", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example.org"}, true},
		{"a sibling", "POST", []string{"Sec-Fetch-Site", "same-site", "Origin", "https://evil.example.com"}, true},
		{"an old browser", "POST", []string{"Origin", "https://evil.example.org"}, true},
		{"a sandbox", "DELETE", []string{"Origin", "null"}, true},
		{"this site", "POST", []string{"Sec-Fetch-Site", "same-origin", "Origin", own}, false},
		{"this site behind a proxy", "POST", []string{"Origin", own, "Host", "127.0.0.1:5855"}, false},
		{"a program", "POST", nil, false},
		{"a link", "GET", []string{"Sec-Fetch-Site", "cross-site"}, false},
	} {
		for _, o := range []access.Options{{Origins: []string{own}}, {Origins: []string{own}, Open: true}} {
			h := newHouse(t, o)
			answer, _ := h.ask(c.method, "/gates/x/close", append(c.headers, "Remote", "127.0.0.1:1000")...)
			if refused := answer.StatusCode == 403; refused != c.refused || refused != (h.asked.URL == nil) {
				t.Errorf("%s is answered %d", c.says, answer.StatusCode)
			}
		}
	}
}

func TestWhatIsNoOriginIsNotTrusted(t *testing.T) {
	for _, origin := range []string{"lull.example.com", "", "ftp:/x"} {
		if _, err := access.New(access.Options{Origins: []string{origin}}); err == nil {
			t.Errorf("%q is trusted", origin)
		}
	}
}

func TestTroubleWithTheFileIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, access.Options{})
		token, _ := create(t, h.tokens, access.Spec{Name: "ci", Role: access.Job})
		h.ask("GET", "/", "Authorization", "Bearer "+token)
		if err := os.Chmod(h.path, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(h.path, time.Time{}, time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			time.Sleep(time.Second)
			if answer, _ := h.ask("GET", "/", "Authorization", "Bearer "+token); answer.StatusCode != 200 {
				t.Fatalf("it is answered %d", answer.StatusCode)
			}
		}
		if log := h.log.String(); strings.Count(log, "the file of tokens is wrong") != 1 || !strings.Contains(log, "chmod 600") {
			t.Errorf("the log says %s", log)
		}
	})
}
