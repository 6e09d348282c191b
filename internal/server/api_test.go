package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/access"
	"github.com/lull-dev/lull/internal/server"
	"github.com/lull-dev/lull/internal/wire"
	"github.com/lull-dev/lull/memstore"
)

// site is a server that everybody may ask, in front of a store in memory.
type site struct {
	*testing.T
	store  *memstore.Store
	server *server.Server
	url    string
}

func newSite(t *testing.T) *site {
	t.Helper()
	store := memstore.New()
	s, err := server.New(server.Options{Store: store, Version: "v1.2.3", Guard: open})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s.Handler())
	t.Cleanup(func() { s.Close(); web.Close() })
	return &site{t, store, s, web.URL}
}

// open lets everybody do everything.
func open(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(access.With(r.Context(), access.Everybody())))
	})
}

// do sends a request, and returns the answer's status and body.
func (s *site) do(method, path string, body any) (status int, answer string) {
	s.Helper()
	var sent io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		sent = strings.NewReader(b)
	default:
		data, err := json.Marshal(b)
		if err != nil {
			s.Fatal(err)
		}
		sent = strings.NewReader(string(data))
	}
	r, err := http.NewRequestWithContext(s.Context(), method, s.url+path, sent)
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer got.Body.Close()
	data, err := io.ReadAll(got.Body)
	if err != nil {
		s.Fatal(err)
	}
	if got.StatusCode >= 400 && got.Header.Get("Content-Type") != "application/problem+json" {
		s.Errorf("%s %s is answered with %d of %s: %s", method, path, got.StatusCode, got.Header.Get("Content-Type"), data)
	}
	return got.StatusCode, string(data)
}

// ask is do for what succeeds.
func ask[T any](s *site, method, path string, body any) (answer T) {
	s.Helper()
	status, text := s.do(method, path, body)
	if status != http.StatusOK {
		s.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		s.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
	return answer
}

// problem is do for what fails.
func (s *site) problem(method, path string, body any, status int, kind string) wire.Problem {
	s.Helper()
	got, text := s.do(method, path, body)
	var p wire.Problem
	if err := json.Unmarshal([]byte(text), &p); err != nil || got != status || p.Type != kind || p.Detail == "" {
		s.Errorf("%s %s: %d %s, want %d and %q", method, path, got, text, status, kind)
	}
	return p
}

func (s *site) closes() wire.Hold {
	s.Helper()
	return ask[wire.Hold](s, "POST", wire.Path(wire.PathHolds, "default", ""), wire.Closing{
		Hold: lull.Hold{ID: lull.NewID(), Kind: lull.Deployment, Holder: lull.Holder{User: "ann", Host: "web1", PID: 7}, Reason: "release 81"},
	})
}

func (s *site) enters() wire.Pass {
	s.Helper()
	return ask[wire.Pass](s, "POST", wire.Path(wire.PathPasses, "default", ""), wire.Arrival{
		Pass: lull.Pass{ID: lull.NewID(), Name: "report", Lease: time.Minute, Holder: lull.Holder{User: "bob", Host: "node1", PID: 8}},
	})
}

func (s *site) opens(h wire.Hold) wire.Opening {
	s.Helper()
	return ask[wire.Opening](s, "POST", wire.Path(wire.PathOpen, "default", h.Hold.ID), wire.Outcome{By: h.Hold.Holder})
}

func TestAWaitingCallIsAnsweredWhenTheGateOpens(t *testing.T) {
	s := newSite(t)
	hold := s.closes()
	pass := s.enters()
	if pass.Pass.Inside(pass.Gate.Phase) {
		t.Fatal("it is inside")
	}
	answered := make(chan wire.Pass)
	go func() {
		answered <- ask[wire.Pass](s, "GET", wire.Path(wire.PathPass, "default", pass.Pass.ID)+"?wait=25s", nil)
	}()
	select {
	case got := <-answered:
		t.Fatalf("it was answered while the gate was closed: %+v", got)
	case <-time.After(100 * time.Millisecond):
	}
	s.opens(hold)
	if got := <-answered; !got.Pass.Inside(got.Gate.Phase) || got.Pass.Started.IsZero() {
		t.Errorf("it is not inside: %+v", got)
	}
}

func TestAWaitingCallIsAnsweredWhenItsTimeIsUp(t *testing.T) {
	s := newSite(t)
	s.closes()
	pass := s.enters()
	began := time.Now()
	got := ask[wire.Pass](s, "GET", wire.Path(wire.PathPass, "default", pass.Pass.ID)+"?wait=50ms", nil)
	if got.Pass.Inside(got.Gate.Phase) || time.Since(began) > 10*time.Second {
		t.Errorf("%+v after %s", got, time.Since(began))
	}
}

func TestWhoWaitsIsSentAwayWhenTheServerEnds(t *testing.T) {
	s := newSite(t)
	s.closes()
	pass := s.enters()
	changed := ask[wire.Changed](s, "GET", wire.Path(wire.PathChanged, "default", ""), nil)
	answered := make(chan bool, 2)
	for _, path := range []string{
		wire.Path(wire.PathPass, "default", pass.Pass.ID) + "?wait=30s",
		wire.Path(wire.PathChanged, "default", "") + "?wait=30s&seen=" + changed.Seen,
	} {
		go func() {
			status, _ := s.do("GET", path, nil)
			answered <- status == http.StatusOK
		}()
	}
	time.AfterFunc(50*time.Millisecond, s.server.Close)
	for range 2 {
		select {
		case fine := <-answered:
			if !fine {
				t.Error("a waiting call failed")
			}
		case <-time.After(10 * time.Second):
			t.Fatal("a call waits on")
		}
	}
}

func TestErrorsOfTheStoreAreProblems(t *testing.T) {
	s := newSite(t)
	pass := s.enters()
	hold := s.closes()
	s.problem("GET", wire.Path(wire.PathPass, "default", "nobody"), nil, http.StatusGone, wire.TypeGone)
	s.problem("POST", wire.Path(wire.PathBegin, "default", hold.Hold.ID), wire.Start{}, http.StatusConflict, wire.TypeNotDrained)
	busy := s.problem("POST", wire.Path(wire.PathHolds, "default", ""), wire.Closing{
		Hold: lull.Hold{ID: lull.NewID(), Kind: lull.Deployment, Holder: lull.Holder{User: "eve", Host: "web2", PID: 9}},
	}, http.StatusConflict, wire.TypeBusy)
	if busy.Hold == nil || busy.Hold.ID != hold.Hold.ID || busy.Hold.Reason != "release 81" {
		t.Errorf("the one in the way is %+v", busy.Hold)
	}
	s.problem("POST", wire.Path(wire.PathOpen, "default", hold.Hold.ID), wire.Outcome{By: lull.Holder{User: "eve", Host: "web2"}}, http.StatusForbidden, wire.TypeNotYours)
	s.problem("POST", wire.Path(wire.PathHolds, "default", ""), wire.Closing{
		Hold: lull.Hold{ID: lull.NewID(), Kind: lull.Deployment}, Parent: pass.Pass.ID,
	}, http.StatusConflict, wire.TypeInside)
}

func TestWrongRequestsAreRefused(t *testing.T) {
	s := newSite(t)
	arrival := wire.Arrival{Pass: lull.Pass{ID: lull.NewID()}}
	for _, c := range []struct {
		says, method, path string
		body               any
		status             int
	}{
		{"a gate that cannot be", "POST", wire.Path(wire.PathPasses, "No Gate", ""), arrival, 400},
		{"a pass without an ID", "POST", wire.Path(wire.PathPasses, "default", ""), wire.Arrival{}, 400},
		{"an ID that is a path", "POST", wire.Path(wire.PathPasses, "default", ""), wire.Arrival{Pass: lull.Pass{ID: "../x"}}, 400},
		{"a hold of no kind", "POST", wire.Path(wire.PathHolds, "default", ""), wire.Closing{Hold: lull.Hold{ID: "h"}}, 400},
		{"a wait that is none", "GET", wire.Path(wire.PathPass, "default", "x") + "?wait=soon", nil, 400},
		{"no JSON", "POST", wire.Path(wire.PathPasses, "default", ""), "hello", 400},
		{"a body that is too large", "POST", wire.Path(wire.PathPasses, "default", ""), `{"pass":{"id":"` + strings.Repeat("x", 1<<20) + `"}}`, 413},
		{"a number that is a word", "POST", wire.Path(wire.PathPasses, "default", ""), `{"pass":{"id":"x"},"ran":"long"}`, 422},
		{"an event that a store makes", "POST", wire.PathEvents, lull.Event{Gate: "default", Kind: lull.EventOpened}, 400},
	} {
		if status, text := s.do(c.method, c.path, c.body); status != c.status {
			t.Errorf("%s: %d %.200s, want %d", c.says, status, text, c.status)
		}
	}
	if g, err := s.store.Gates(context.Background()); err != nil || len(g) > 0 {
		t.Errorf("gates were made: %v, %v", g, err)
	}
}

// A newer release may send what this one does not know.
func TestUnknownFieldsAreIgnored(t *testing.T) {
	s := newSite(t)
	id := lull.NewID()
	got := ask[wire.Pass](s, "POST", wire.Path(wire.PathPasses, "default", ""), fmt.Sprintf(`{"pass":{"id":%q,"colour":"red"},"later":[1]}`, id))
	if got.Pass.ID != id {
		t.Errorf("the pass is %+v", got.Pass)
	}
}

func TestRenewalAnswersInOrder(t *testing.T) {
	s := newSite(t)
	pass, hold := s.enters(), s.closes()
	got := ask[wire.Renewed](s, "POST", wire.PathRenew, wire.Renewal{Leases: []wire.Lease{
		{Gate: "default", Pass: pass.Pass.ID}, {Gate: "default", Pass: "nobody"}, {Gate: "default", Hold: hold.Hold.ID},
	}})
	if len(got.States) != 3 || !got.States[0].Live || got.States[1].Live || !got.States[2].Live || got.States[2].Left <= 0 {
		t.Errorf("the states are %+v", got.States)
	}
}

func TestEventsEndWithALineThatSaysSo(t *testing.T) {
	s := newSite(t)
	s.opens(s.closes())
	_, text := s.do("GET", wire.PathEvents+"?gate=default&kind=closed&kind=opened", nil)
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) != 3 || lines[2] != `{"end":true}` || !strings.Contains(lines[0], `"event":"closed"`) || !strings.Contains(lines[1], `"event":"opened"`) {
		t.Errorf("the answer is\n%s", text)
	}
}

func TestLiveBeginsWithASnapshotAndShowsEachChange(t *testing.T) {
	s := newSite(t)
	s.enters()
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+wire.Path(wire.PathLive, "default", ""), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	next := func() (snap wire.Snapshot) {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &snap); err != nil {
					t.Fatal(err)
				}
				return snap
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return snap
	}
	if first := next(); first.Gate.Phase != 0 || len(first.Inside) != 1 {
		t.Errorf("it begins with %+v", first)
	}
	s.closes()
	if second := next(); second.Gate.Phase != 1 || len(second.Gate.Holds) != 1 {
		t.Errorf("it goes on with %+v", second)
	}
}

func TestHealthAndReadiness(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, text := s.do("GET", path, nil); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
}
