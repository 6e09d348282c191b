package page_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/page"
)

func wants(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("there is no %q", p)
		}
	}
}

func lacks(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if strings.Contains(text, p) {
			t.Errorf("there is %q", p)
		}
	}
}

func TestPageSaysTheStateAndWhoAndWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, anyone, nil)
		shows := func(parts ...string) {
			t.Helper()
			after(2 * time.Second) // what is shown may be a second old
			wants(t, s.get("/gates/default").Body.String(), parts...)
		}
		shows("OPEN", "Nobody is inside.", "Nobody waits.")
		s.enters(t, "default", "nightly-report", "node4", 3*time.Minute)
		shows("OPEN", "nightly-report", "node4", "slurm:81733")
		h := s.deploys(t, "default", "release 81")
		s.enters(t, "default", "import-prices", "node3", 0)
		shows("DRAINING", "1 job is still inside", "deploy@web1", "release 81", "at the latest", "import-prices", "https://ci.example.org/runs/4711")
		s.begins(t, h, lull.Start{Undrained: true})
		shows("CLOSED", "Although 1 job is inside, the deployment has run for", "casualty")
		s.ends(t, h)
		shows("OPEN", "Last closed for", "release 81")
	})
}

func TestEachRoleSeesTheButtonsItMayPress(t *testing.T) {
	for _, c := range []struct {
		viewer              page.Viewer
		closes, own, others bool
	}{
		{anyone, false, false, false},
		{deployer, true, true, false},
		{admin, true, true, true},
	} {
		s := newStage(t, c.viewer, nil)
		deployment := s.deploys(t, "default", "release 81")
		hold := func(by lull.Holder) lull.Hold {
			h, _, err := s.Close(t.Context(), lull.Hold{ID: lull.NewID(), Gate: "default", Kind: lull.Person, Holder: by, Reason: "looking"})
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		own, other := hold(s.me()), hold(lull.Holder{User: "mia", Host: "laptop"})
		text := s.get("/gates/default").Body.String()
		offers := func(path string) bool { return strings.Contains(text, `action="/gates/default/`+path+`"`) }
		for path, want := range map[string]bool{
			"close":                                c.closes,
			"holds/" + own.ID + "/open":            c.own,
			"holds/" + own.ID + "/extend":          c.own,
			"holds/" + other.ID + "/open":          c.others,
			"holds/" + other.ID + "/extend":        c.others,
			"holds/" + deployment.ID + "/open":     c.others,
			"holds/" + deployment.ID + "/extend":   c.others,
			"holds/" + deployment.ID + "/whatever": false,
		} {
			if offers(path) != want {
				t.Errorf("%s is offered %s: %v", c.viewer.Name, path, !want)
			}
		}
		if c.others {
			wants(t, text, "lull open --gate default "+deployment.ID+" --force", "/holds/"+deployment.ID+"/open", "lull close --gate default --reason why --limit 1h")
		}
	}
}

func TestLongestLimitBoundsWhatCanBeChosen(t *testing.T) {
	v := deployer
	v.Limit = 45 * time.Minute
	text := newStage(t, v, nil).get("/gates/default").Body.String()
	wants(t, text, `<option value="30m">`, `<option value="45m" selected>`)
	lacks(t, text, `<option value="1h"`, `value="none"`)
	wants(t, newStage(t, admin, nil).get("/gates/default").Body.String(), `<option value="1h" selected>`, `<option value="none">`)
}

func TestHostileTextStaysText(t *testing.T) {
	const hostile = "\"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e{{.}}"
	s := newStage(t, admin, nil)
	_, _, err := s.Close(t.Context(), lull.Hold{
		ID: `"><script>alert(3)</script>`, Gate: "default", Kind: lull.Person, Reason: hostile, Command: []string{hostile},
		Holder: lull.Holder{User: hostile, Host: hostile, Link: "javascript:alert(4)"},
	})
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := s.Enter(t.Context(), lull.Pass{ID: lull.NewID(), Gate: "default", Name: hostile, JobID: hostile, Lease: time.Hour, Ran: time.Minute, Force: true, Holder: lull.Holder{User: hostile, Host: hostile}})
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{"/gates/default", "/gates/default/history", "/gates/default/history?job=" + url.QueryEscape(hostile)}
	if _, err := s.Leave(t.Context(), lull.PassRef{Gate: "default", ID: p.ID}, lull.Outcome{Ran: time.Minute, Reason: hostile}); err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text := s.get(path).Body.String()
		lacks(t, text, "<script>alert", "<img src=x", "javascript:")
		if !strings.Contains(path, "job=") { // the form says what was asked for, as it was
			lacks(t, text, "\u202e")
		}
		wants(t, text, "&lt;script&gt;alert(1)")
	}
}

var (
	inlineScript = regexp.MustCompile(`<script(?:\s+(?:type="module"|defer))*\s*>|\son\w+="`)
	inlineStyle  = regexp.MustCompile(`\sstyle="|<style`)
	loaded       = regexp.MustCompile(`(?:src|<link[^>]*href|action)="([^"]*)"`)
)

func TestPagesKeepToAStrictPolicyAndToTheirHost(t *testing.T) {
	s := newStage(t, admin, nil)
	busy(t, s)
	s.deploys(t, "default", "release 81")
	s.leaves(t, s.enters(t, "other", "nightly", "node1", time.Minute), 0, time.Minute)
	for path, status := range map[string]int{
		"/": 200, "/gates/default": 200, "/gates/other?span=7d&all=inside": 200, "/gates/default/history": 200, "/gates/default/history?casualties=1": 200,
		"/sign-in": 200, "/sign-in?problem=slow": 429, "/sign-in?problem=unknown": 401, "/nowhere": 404, "/gates/NO": 404, "/gates/default/history/1-2-left": 404,
	} {
		w := s.get(path)
		if w.Code != status {
			t.Errorf("%s answers %d, not %d", path, w.Code, status)
		}
		policy := w.Header().Get("Content-Security-Policy")
		wants(t, policy, "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'")
		lacks(t, policy, "unsafe")
		if got := w.Header().Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("%s lacks nosniff", path)
		}
		text := w.Body.String()
		for _, inline := range []*regexp.Regexp{inlineScript, inlineStyle} {
			if found := inline.FindString(text); found != "" {
				t.Errorf("%s has %q", path, found)
			}
		}
		for _, found := range loaded.FindAllStringSubmatch(text, -1) {
			if !strings.HasPrefix(found[1], "/") || strings.HasPrefix(found[1], "//") {
				t.Errorf("%s loads %q", path, found[1])
			}
		}
	}
}

func TestFirstPageIsSmall(t *testing.T) {
	s := newStage(t, admin, nil)
	busy(t, s)
	s.deploys(t, "default", "release 81")
	for i := range 1000 {
		s.enters(t, "default", "import-prices", fmt.Sprintf("node%d", i%40), 0)
	}
	ask := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Accept-Encoding", "gzip, br")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK || w.Header().Get("Content-Encoding") != "gzip" {
			t.Fatalf("%s: %d, encoded as %q", path, w.Code, w.Header().Get("Content-Encoding"))
		}
		return w
	}
	first := ask("/gates/default")
	size := first.Body.Len()
	z, err := gzip.NewReader(first.Body)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(z); err != nil {
		t.Fatal(err)
	}
	wants(t, text.String(), "and 900 more")
	for _, found := range loaded.FindAllStringSubmatch(text.String(), -1) {
		if !strings.HasPrefix(found[1], "/assets/") {
			continue
		}
		w := ask(found[1])
		wants(t, w.Header().Get("Cache-Control"), "immutable")
		size += w.Body.Len()
	}
	t.Logf("%d bytes", size)
	if size > 100<<10 {
		t.Errorf("the first page is %d bytes, compressed", size)
	}
}

func TestGatesThatAreNotForAViewerAreNotThere(t *testing.T) {
	v := anyone
	v.Gate = func(gate string) bool { return strings.HasPrefix(gate, "team-a-") }
	s := newStage(t, v, nil)
	for _, gate := range []string{"team-a-mail", "team-a-search", "team-b-mail"} {
		s.deploys(t, gate, "release of "+gate)
	}
	text := s.get("/").Body.String()
	wants(t, text, "team-a-mail", "team-a-search")
	lacks(t, text, "team-b")
	for _, path := range []string{"/gates/team-b-mail", "/gates/team-b-mail/history", "/gates/team-b-mail/stream", "/gates/team-b-mail/history/1-2-left"} {
		if got := s.get(path).Code; got != http.StatusNotFound {
			t.Errorf("%s answers %d", path, got)
		}
	}
}

func TestOneGateIsTheFirstPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, anyone, nil)
		wants(t, s.get("/").Body.String(), "has used a gate yet", "lull deploy --")
		s.deploys(t, "default", "release 81")
		after(2 * time.Second)
		wants(t, s.get("/").Body.String(), `id="timeline"`, "release 81")
		s.deploys(t, "second", "release 3")
		after(2 * time.Second)
		text := s.get("/").Body.String()
		wants(t, text, `href="/gates/default"`, `href="/gates/second"`)
		lacks(t, text, `id="timeline"`)
	})
}

func TestWhoIsNotSignedInIsSentToSignIn(t *testing.T) {
	s := newStage(t, page.Viewer{}, nil)
	w := s.get("/gates/default?span=24h")
	if got, want := w.Header().Get("Location"), "/sign-in?next=%2Fgates%2Fdefault%3Fspan%3D24h"; w.Code != http.StatusSeeOther || got != want {
		t.Errorf("%d to %s, want %s", w.Code, got, want)
	}
	wants(t, s.get("/sign-in?next=/gates/default").Body.String(), `action="/sign-in"`, `name="token"`, `name="next" value="/gates/default"`)
	for _, elsewhere := range []string{"//evil.example", "https://evil.example", `/\evil.example`, "javascript:alert(1)"} {
		wants(t, s.get("/sign-in?next="+url.QueryEscape(elsewhere)).Body.String(), `name="next" value="/"`)
	}
	open := newStage(t, page.Viewer{}, func(o *page.Options) { o.SignIn = false })
	if w := open.get("/gates/default"); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "Sign out") {
		t.Errorf("without a sign-in it answers %d", w.Code)
	}
}

func TestStoreThatIsDownIsSaidInWords(t *testing.T) {
	s := newStage(t, anyone, nil)
	s.down.Store(true)
	w := s.get("/gates/default")
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("it answers %d", w.Code)
	}
	wants(t, w.Body.String(), "The store does not answer.", "lull doctor")
}
