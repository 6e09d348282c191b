package notice_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/notice"
	"github.com/lull-dev/lull/memstore"
)

// A real receiver, that believes in signed requests only, refuses the first one, and is
// told of a closing.
func TestARealReceiverGetsASignedNotice(t *testing.T) {
	secret := "secret-word"
	got := make(chan notice.Notice, 10)
	var tries atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/secret-path" || r.Header.Get("Content-Type") != "application/json" ||
			r.UserAgent() != "lulld/1.2.3" {
			t.Errorf("%s %s, %v, %v", r.Method, r.URL, r.Header, err)
		}
		if err := notice.Verify(r.Header.Get(notice.SignatureHeader), body, []byte(secret), time.Now(), time.Minute); err != nil {
			t.Error(err)
		}
		if tries.Add(1) == 1 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		var n notice.Notice
		if err := json.Unmarshal(body, &n); err != nil {
			t.Error(err)
		}
		got <- n
	}))
	defer server.Close()
	log := &journal{}
	n, err := notice.New(notice.Config{
		Hooks:   []notice.Hook{{URL: server.URL + "/secret-path", Secret: "env:WORD", Events: []string{"closed"}}},
		Version: "1.2.3",
		Getenv:  func(string) string { return secret },
	}, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	s := memstore.New()
	closed := func() {
		if _, _, err := s.Close(t.Context(), lull.Hold{ID: lull.NewID(), Gate: "default", Kind: lull.Person, Holder: ann, Reason: "lunch"}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	closed() // the gate is there
	ended := make(chan struct{})
	go func() { defer close(ended); n.Run(ctx, firstLook{s, closed}) }()
	if n := <-got; n.Event != notice.Closed || n.Who.User != "ann" || n.Why != "lunch" || tries.Load() != 2 {
		t.Errorf("%+v after %d tries", n, tries.Load())
	}
	cancel()
	<-ended
	if strings.Contains(log.String(), "secret-") || !strings.Contains(log.String(), "127.0.0.1") {
		t.Errorf("the log says %s", log)
	}
}

// firstLook is a store at which something happens as soon as it is listened to.
type firstLook struct {
	*memstore.Store
	happens func()
}

func (f firstLook) Snapshot(ctx context.Context, gate string) (lull.Snapshot, error) {
	defer f.happens()
	return f.Store.Snapshot(ctx, gate)
}

// A redirect would carry the notice, and its signature, to where nobody configured it.
func TestARedirectIsNotFollowed(t *testing.T) {
	var elsewhere atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Store(true) }))
	defer other.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.RedirectHandler(other.URL, code))
		results, err := notice.Test(t.Context(), notice.Config{Hooks: []notice.Hook{{URL: server.URL + "/secret-path"}}})
		if err != nil || results[0].Err == nil || !strings.Contains(results[0].Err.Error(), "redirects are not followed") || elsewhere.Load() {
			t.Errorf("%d: %+v, %v", code, results, err)
		}
		server.Close()
	}
}

func TestNoErrorShowsTheURL(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close() // nobody listens there
	results, err := notice.Test(t.Context(), notice.Config{Hooks: []notice.Hook{
		{URL: server.URL + "/secret-path?secret-query"}, {URL: "https://" + strings.TrimPrefix(server.URL, "http://") + "/secret-path"},
	}})
	if err != nil || len(results) != 2 {
		t.Fatal(results, err)
	}
	for _, r := range results {
		if r.Err == nil || strings.Contains(r.Err.Error(), "secret-") || !strings.Contains(r.Err.Error(), "refused") {
			t.Errorf("%v", r.Err)
		}
	}
}

// A receiver that answers without end is not read without end.
func TestALongAnswerIsNotReadToItsEnd(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	results, err := notice.Test(t.Context(), notice.Config{Hooks: []notice.Hook{{URL: server.URL}}})
	if err != nil || results[0].Err != nil || results[0].Took > 5*time.Second {
		t.Errorf("%+v, %v", results, err)
	}
}
