package page_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/page"
)

// post sends a form.
func (s *stage) post(path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func (s *stage) holds(t *testing.T) []lull.Hold {
	t.Helper()
	snap, err := s.Store.Snapshot(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	return snap.Gate.Holds
}

func TestFormsCloseExtendAndOpen(t *testing.T) {
	s := newStage(t, deployer, nil)
	sent := func(path string, form url.Values) {
		t.Helper()
		w := s.post(path, form)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/gates/default" {
			t.Fatalf("%s answers %d to %q: %s", path, w.Code, w.Header().Get("Location"), w.Body)
		}
	}
	sent("/gates/default/close", url.Values{"reason": {"  moving the disk "}, "limit": {"2h"}})
	holds := s.holds(t)
	if len(holds) != 1 || holds[0].Reason != "moving the disk" || holds[0].Limit != 2*time.Hour || holds[0].Kind != lull.Person || holds[0].Holder.User != "dana" {
		t.Fatalf("it is held by %+v", holds)
	}
	sent("/gates/default/holds/"+holds[0].ID+"/extend", url.Values{"limit": {"4h"}})
	if holds = s.holds(t); holds[0].Limit != 4*time.Hour {
		t.Errorf("its limit is %v", holds[0].Limit)
	}
	sent("/gates/default/holds/"+holds[0].ID+"/open", nil)
	if holds = s.holds(t); len(holds) != 0 {
		t.Errorf("it is held by %+v", holds)
	}
}

func TestFormThatIsWrongIsShownAgainWithWhatIsWrong(t *testing.T) {
	s := newStage(t, deployer, nil)
	deployment := s.deploys(t, "default", "release 81")
	for _, c := range []struct {
		path   string
		form   url.Values
		status int
		says   []string
	}{
		{"close", url.Values{"reason": {"  "}, "limit": {"4h"}}, 422, []string{"A reason is missing.", `id="close" open`, `value="4h" selected`}},
		{"close", url.Values{"reason": {"a <b> reason"}, "limit": {"soon"}}, 422, []string{"is not a limit", `value="a &lt;b&gt; reason"`}},
		{"close", url.Values{"reason": {strings.Repeat("x", 20<<10)}, "limit": {"1h"}}, 400, []string{"could not be read"}},
		{"holds/" + deployment.ID + "/open", nil, 403, []string{"That hold is not yours: it belongs to deploy@web1."}},
		{"holds/" + deployment.ID + "/extend", url.Values{"limit": {"1h"}}, 403, []string{"That hold is not yours"}},
		{"holds/gone/open", nil, 409, []string{"had ended already", "release 81"}},
	} {
		w := s.post("/gates/default/"+c.path, c.form)
		if w.Code != c.status {
			t.Errorf("%s answers %d, not %d", c.path, w.Code, c.status)
		}
		wants(t, w.Body.String(), c.says...)
	}
}

func TestViewersFormsAreRefused(t *testing.T) {
	s := newStage(t, anyone, nil)
	deployment := s.deploys(t, "default", "release 81")
	for _, path := range []string{"close", "holds/" + deployment.ID + "/open", "holds/" + deployment.ID + "/extend"} {
		w := s.post("/gates/default/"+path, url.Values{"reason": {"why"}, "limit": {"1h"}, "force": {"1"}})
		if w.Code != http.StatusForbidden {
			t.Errorf("%s answers %d", path, w.Code)
		}
		wants(t, w.Body.String(), "You may not ")
	}
	if len(s.holds(t)) != 1 {
		t.Error("and yet something was done")
	}
}

func TestForceIsAskedForOnlyAboutWhatIsAnothers(t *testing.T) {
	var asked []page.Opening
	s := newStage(t, admin, func(o *page.Options) {
		o.Open = func(_ context.Context, _ *http.Request, opening page.Opening) error {
			asked = append(asked, opening)
			return &page.Refusal{What: "Not today.", Hint: "Ask tomorrow."}
		}
	})
	w := s.post("/gates/default/holds/h1/open", url.Values{"force": {"1"}, "reason": {"it hangs"}})
	if w.Code != http.StatusConflict {
		t.Errorf("it answers %d", w.Code)
	}
	wants(t, w.Body.String(), "Not today.", "Ask tomorrow.")
	s.post("/gates/default/holds/h1/open", nil)
	if len(asked) != 2 || asked[0] != (page.Opening{Gate: "default", Hold: "h1", Reason: "it hangs", Force: true}) || asked[1].Force {
		t.Errorf("asked for %+v", asked)
	}
}

func TestErrorWithoutWordsIsShownAsItIs(t *testing.T) {
	s := newStage(t, admin, func(o *page.Options) {
		o.Close = func(context.Context, *http.Request, page.Closing) error { return errRefused }
	})
	w := s.post("/gates/default/close", url.Values{"reason": {"why"}, "limit": {"1h"}})
	if w.Code != http.StatusInternalServerError {
		t.Errorf("it answers %d", w.Code)
	}
	wants(t, w.Body.String(), "The disk is full.")
}
