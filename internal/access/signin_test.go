package access_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull/internal/access"
)

// signIn sends the form, and returns the answer and the cookie it sets, if any.
func (h *house) signIn(token, next string) (*http.Response, *http.Cookie) {
	h.Helper()
	answer, _ := h.ask("POST", "/sign-in", url.Values{"token": {token}, "next": {next}}.Encode())
	if cookies := answer.Cookies(); len(cookies) > 0 {
		return answer, cookies[0]
	}
	return answer, nil
}

// shows is who the handler is told asks, with a cookie.
func (h *house) shows(c *http.Cookie) access.Identity {
	h.Helper()
	_, id := h.ask("GET", "/", "Cookie", c.Name+"="+c.Value)
	return id
}

func TestWhoSignsInIsKnownByTheCookie(t *testing.T) {
	h := newHouse(t, access.Options{})
	token, _ := create(t, h.tokens, access.Spec{Name: "ann", Role: access.Deployer, Gates: []string{"a*"}, LongestLimit: time.Hour})
	answer, cookie := h.signIn(" "+token+"\n", "/gates/imports?x=1")
	if answer.StatusCode != 303 || answer.Header.Get("Location") != "/gates/imports?x=1" || cookie == nil {
		t.Fatalf("%d, %v", answer.StatusCode, answer.Header)
	}
	if cookie.Name != "lull_session" || !cookie.HttpOnly || cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" ||
		cookie.MaxAge != 12*60*60 || cookie.Domain != "" {
		t.Errorf("the cookie is %s", cookie.Raw)
	}
	id := h.shows(cookie)
	if id.Name != "ann" || id.Role != access.Deployer || id.Source != access.BySession || len(id.Gates) != 1 || id.LongestLimit != time.Hour {
		t.Errorf("the cookie is %+v", id)
	}
	if got := id.Sign(id.Name); got != "ann via ann" {
		t.Errorf("it signs as %q", got)
	}
	if strings.Contains(h.log.String(), token) || strings.Contains(h.log.String(), cookie.Value) {
		t.Errorf("the log has what it must not: %s", h.log)
	}
}

func TestCookieIsForTLSOnlyUnderTLS(t *testing.T) {
	h := newHouse(t, access.Options{Origins: []string{"https://lull.example.com"}})
	token, _ := create(t, h.tokens, access.Spec{Name: "ann", Role: access.Viewer})
	if _, cookie := h.signIn(token, "/"); cookie.Name != "__Host-lull_session" || !cookie.Secure || h.shows(cookie).Name != "ann" {
		t.Errorf("behind a proxy with TLS the cookie is %s", cookie.Raw)
	}
	plain := newHouse(t, access.Options{})
	token, _ = create(t, plain.tokens, access.Spec{Name: "ann", Role: access.Viewer})
	answer, _ := plain.ask("POST", "https://lull.example.com/sign-in", url.Values{"token": {token}}.Encode())
	if cookie := answer.Cookies()[0]; cookie.Name != "__Host-lull_session" || !cookie.Secure {
		t.Errorf("under TLS the cookie is %s", cookie.Raw)
	}
}

func TestWrongTokenLeadsBackToTheForm(t *testing.T) {
	h := newHouse(t, access.Options{})
	for range 5 {
		answer, cookie := h.signIn("nonsense", "/gates/x")
		if answer.StatusCode != 303 || answer.Header.Get("Location") != "/sign-in?next=%2Fgates%2Fx&problem=unknown" || cookie != nil {
			t.Fatalf("%d, %v", answer.StatusCode, answer.Header)
		}
	}
	answer, cookie := h.signIn("nonsense", "/gates/x")
	if answer.Header.Get("Location") != "/sign-in?next=%2Fgates%2Fx&problem=slow" || answer.Header.Get("Retry-After") == "" || cookie != nil {
		t.Errorf("the sixth: %v", answer.Header)
	}
	if strings.Contains(h.log.String(), "nonsense") {
		t.Errorf("the log has what was typed: %s", h.log)
	}
}

func TestReplayedCookieIsNobodysAfterSignOut(t *testing.T) {
	h := newHouse(t, access.Options{})
	token, _ := create(t, h.tokens, access.Spec{Name: "ann", Role: access.Admin})
	_, cookie := h.signIn(token, "/")
	_, other := h.signIn(token, "/")
	_, id := h.ask("GET", "/stream", "Cookie", cookie.Name+"="+cookie.Value)
	stream := h.asked.Context()
	if id.Name != "ann" || !access.Still(stream) {
		t.Fatalf("before, it is %+v", id)
	}
	answer, _ := h.ask("POST", "/sign-out", "Cookie", cookie.Name+"="+cookie.Value)
	if answer.StatusCode != 303 || answer.Header.Get("Location") != "/sign-in" || len(answer.Cookies()) != 1 || answer.Cookies()[0].MaxAge >= 0 {
		t.Errorf("signing out: %d, %v", answer.StatusCode, answer.Header)
	}
	if id := h.shows(cookie); id.Role != "" || id.Name != "" {
		t.Errorf("a replayed cookie is %+v", id)
	}
	if access.Still(stream) {
		t.Error("what goes on since before is still ann's")
	}
	if id := h.shows(other); id.Name != "ann" {
		t.Errorf("her other session has ended too: %+v", id)
	}
}

func TestSigningInAgainEndsTheSessionBefore(t *testing.T) {
	h := newHouse(t, access.Options{})
	token, _ := create(t, h.tokens, access.Spec{Name: "ann", Role: access.Admin})
	_, before := h.signIn(token, "/")
	h.ask("POST", "/sign-in", url.Values{"token": {token}}.Encode(), "Cookie", before.Name+"="+before.Value)
	if id := h.shows(before); id.Role != "" {
		t.Errorf("it is %+v", id)
	}
	answer, _ := h.ask("POST", "/sign-in", url.Values{"token": {token}}.Encode(), "Cookie", before.Name+"="+before.Value)
	if cookies := answer.Cookies(); len(cookies) != 1 || h.shows(cookies[0]).Name != "ann" {
		t.Errorf("with a cookie that is over, signing in sets %v", cookies)
	}
}

func TestSessionEndsWithItsTokenAndAfterTwelveHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, access.Options{})
		sign := func(s access.Spec) *http.Cookie {
			token, _ := create(t, h.tokens, s)
			_, cookie := h.signIn(token, "/")
			return cookie
		}
		revoked := sign(access.Spec{Name: "revoked", Role: access.Admin})
		short := sign(access.Spec{Name: "short", Role: access.Admin, Expires: time.Now().Add(time.Hour)})
		long := sign(access.Spec{Name: "long", Role: access.Admin})
		if err := h.tokens.Revoke("revoked"); err != nil {
			t.Fatal(err)
		}
		if id := h.shows(revoked); id.Role != "" {
			t.Errorf("revoked, it is %+v", id)
		}
		time.Sleep(time.Hour - 1)
		if id := h.shows(short); id.Name != "short" {
			t.Errorf("before its token ends, it is %+v", id)
		}
		time.Sleep(time.Nanosecond)
		if id := h.shows(short); id.Role != "" {
			t.Errorf("expired, it is %+v", id)
		}
		time.Sleep(11*time.Hour - 1)
		if id := h.shows(long); id.Name != "long" {
			t.Errorf("before twelve hours, it is %+v", id)
		}
		time.Sleep(time.Nanosecond)
		answer, id := h.ask("GET", "/", "Cookie", long.Name+"="+long.Value)
		if id.Role != "" || len(answer.Cookies()) != 1 || answer.Cookies()[0].MaxAge >= 0 {
			t.Errorf("after twelve hours, it is %+v, and the browser is told %v", id, answer.Header)
		}
	})
}

func TestOneTokenHasAHundredSessionsAtMost(t *testing.T) {
	h := newHouse(t, access.Options{})
	token, _ := create(t, h.tokens, access.Spec{Name: "ann", Role: access.Viewer})
	other, _ := create(t, h.tokens, access.Spec{Name: "bob", Role: access.Viewer})
	_, bob := h.signIn(other, "/")
	_, first := h.signIn(token, "/")
	_, second := h.signIn(token, "/")
	for range 99 {
		h.signIn(token, "/")
	}
	if h.shows(first).Role != "" || h.shows(second).Name != "ann" || h.shows(bob).Name != "bob" {
		t.Errorf("first %v, second %v, bob %v", h.shows(first), h.shows(second), h.shows(bob))
	}
}

func TestSignInFromAnotherSiteIsRefused(t *testing.T) {
	h := newHouse(t, access.Options{})
	token, _ := create(t, h.tokens, access.Spec{Name: "evil", Role: access.Viewer})
	answer, _ := h.ask("POST", "/sign-in", url.Values{"token": {token}}.Encode(), "Sec-Fetch-Site", "cross-site")
	if answer.StatusCode != 403 || len(answer.Cookies()) > 0 {
		t.Errorf("%d, %v", answer.StatusCode, answer.Header)
	}
}

func TestHugeFormIsRefused(t *testing.T) {
	h := newHouse(t, access.Options{})
	if answer, _ := h.ask("POST", "/sign-in", "token="+strings.Repeat("a", 1<<20)); answer.StatusCode != 400 {
		t.Errorf("%d", answer.StatusCode)
	}
}

func TestSignInLeadsToNoOtherSite(t *testing.T) {
	for next, want := range map[string]string{
		"/": "/", "/gates/x?since=1h#e1": "/gates/x?since=1h#e1", "/gates/a%2Fb": "/gates/a%2Fb",
		"": "/", "gates": "/", "//evil.example": "/", "///evil.example": "/", "https://evil.example": "/", `/\evil.example`: "/", `\\evil.example`: "/",
		"/\t/evil.example": "/", "/\n/evil.example": "/", "javascript:alert(1)": "/", "/%2F/evil.example": "/", "/%5Cevil.example": "/", "/a%zz": "/",
	} {
		if got := access.LocalPath(next); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}

func FuzzLocalPathStaysHere(f *testing.F) {
	for _, next := range []string{"/", "/gates/x?y#z", "//evil", `/\evil`, "/\t/evil", "http:/evil", "/%2f%2fevil", "/a?b=//c"} {
		f.Add(next)
	}
	here, err := url.Parse("https://lull.example.com/sign-in")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, next string) {
		got := access.LocalPath(next)
		// As browsers read it: control characters dropped, backslashes as slashes.
		read := strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(got)
		to, err := here.Parse(read)
		if err != nil || to.Host != here.Host || to.Scheme != here.Scheme || strings.HasPrefix(read, "//") {
			t.Errorf("%q leads to %q", next, got)
		}
		if again := access.LocalPath(got); again != got {
			t.Errorf("%q is not a local path the second time", got)
		}
	})
}
