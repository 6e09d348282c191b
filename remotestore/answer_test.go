package remotestore_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/wire"
	"github.com/lull-dev/lull/remotestore"
)

// asked is the error of a store whose server answers like this.
func asked(t *testing.T, o remotestore.Options, answer http.HandlerFunc) (err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, "http://lulld", o)
		s.DialWith(hosts{"lulld": serveInMemory(t, answer)}.dial)
		_, _, err = s.Enter(t.Context(), lull.Pass{ID: "p", Gate: "default"})
	})
	return err
}

// says answers with a status, a type and a body.
func says(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func TestWhatIsNotLulldMayBeGoneSoon(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"a proxy without its server":     says(502, "text/html", "<h1>Bad Gateway</h1>"),
		"a proxy at maintenance":         says(503, "text/html; charset=utf-8", "<h1>Back soon</h1>"),
		"a proxy that has waited":        says(504, "text/html", ""),
		"a proxy that has had enough":    says(429, "text/plain", "slow down"),
		"a proxy that has no such route": says(404, "text/plain", "404 page not found"),
		"a page to sign in at":           says(200, "text/html", "<form>"),
		"an answer without a type":       says(200, "", "{}"),
		"half a problem":                 says(503, "application/problem+json", `{"type":`),
		"lulld that has had enough":      says(429, "application/problem+json", `{"status":429,"title":"Too Many Requests"}`),
		"lulld that has waited":          says(408, "application/problem+json", `{"status":408,"title":"Request Timeout"}`),
		"lulld that has failed":          says(500, "application/problem+json", `{"status":500,"title":"Internal Server Error"}`),
		"lulld without its store":        says(503, "application/problem+json", `{"type":"urn:lull:problem:unavailable","status":503,"detail":"store unavailable: no route to host"}`),
		"something that speaks no HTTP": func(w http.ResponseWriter, _ *http.Request) {
			if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
				fmt.Fprint(c, "SSH-2.0-OpenSSH_10.0\r\n")
				c.Close()
			}
		},
		"half an answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `{"pass":{"id":"p"}`)
		},
	} {
		err := asked(t, remotestore.Options{}, answer)
		if !errors.Is(err, lull.ErrUnavailable) || strings.Count(err.Error(), lull.ErrUnavailable.Error()) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhoIsNotLetInMustSetUpSomething(t *testing.T) {
	o := remotestore.Options{Token: "lull_s3cret"}
	problem := func(status int, kind, hint string) http.HandlerFunc {
		return says(status, "application/problem+json", fmt.Sprintf(`{"type":%q,"status":%d,"detail":"not so","hint":%q}`, kind, status, hint))
	}
	for _, test := range []struct {
		o      remotestore.Options
		answer http.HandlerFunc
		hint   string
	}{
		{remotestore.Options{}, problem(401, wire.TypeSignIn, ""), "set LULL_TOKEN"},
		{o, problem(401, wire.TypeSignIn, ""), "not known there"},
		{o, problem(401, wire.TypeSignIn, "it has expired"), "it has expired"},
		{o, problem(403, wire.TypeForbidden, ""), "--role"},
		{o, problem(403, "about:blank", ""), "--role"},
		{o, problem(500, wire.TypeSetup, "lull migrate"), "lull migrate"},
		{o, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://other"+r.URL.Path, http.StatusPermanentRedirect)
		}, "name the store so: https://other"},
	} {
		err := asked(t, test.o, test.answer)
		setup, ok := errors.AsType[*lull.SetupError](err)
		if !ok {
			t.Errorf("%v", err)
			continue
		}
		has(t, setup.Hint, test.hint)
		if strings.Contains(setup.Error()+setup.Hint, "s3cret") {
			t.Errorf("the token is told: %s; %s", setup, setup.Hint)
		}
	}
}

func TestAnAnswerAboutNothingProvesNothing(t *testing.T) {
	for _, body := range []string{`{}`, `{"pass":null}`, `[]`, ``} {
		err := asked(t, remotestore.Options{}, says(200, "application/json", body))
		if err == nil || errors.Is(err, lull.ErrUnavailable) {
			t.Errorf("%q: %v", body, err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		s := openInMemory(t, hosts{"lulld": serveInMemory(t, says(200, "application/json", `{"states":[{"live":true}]}`))})
		if states, err := s.Renew(t.Context(), []lull.LeaseRef{{Pass: "a"}, {Pass: "b"}}); err == nil {
			t.Errorf("two leases, and the answer is %v", states)
		}
		if _, _, err := s.Close(t.Context(), lull.Hold{ID: "h"}); err == nil {
			t.Error("closed by an answer about no hold")
		}
	})
}

func TestAnswersAreBounded(t *testing.T) {
	long := `{"detail":"` + strings.Repeat("x", 2<<20) + `"}`
	err := asked(t, remotestore.Options{}, says(400, "application/problem+json", long))
	if err == nil || len(err.Error()) > 200 {
		t.Errorf("%.300v", err)
	}
}

func TestFieldsOfALaterReleaseArePassedOver(t *testing.T) {
	if err := asked(t, remotestore.Options{}, says(200, "application/json", `{"pass":{"id":"p","mood":"good"},"weather":"fair"}`)); err != nil {
		t.Error(err)
	}
}

func TestWhoAsksIsSaid(t *testing.T) {
	var got http.Header
	err := asked(t, remotestore.Options{Token: "lull_s3cret", Version: "v1.2.3"}, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		says(200, "application/json", `{"pass":{"id":"p"}}`)(w, r)
	})
	if err != nil || got.Get("Authorization") != "Bearer lull_s3cret" || got.Get("User-Agent") != "lull/v1.2.3" {
		t.Errorf("%v, %v", got, err)
	}
}
