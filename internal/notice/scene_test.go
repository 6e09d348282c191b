package notice_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/notice"
	"github.com/lull-dev/lull/memstore"
)

// receiver is the other end of every hook: it takes requests, or what a test puts into
// answer.
type receiver struct {
	mu     sync.Mutex
	answer func(*http.Request) (*http.Response, error)
	taken  []*http.Request
	bodies [][]byte
	tries  []time.Time
}

func (r *receiver) RoundTrip(q *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.tries = append(r.tries, time.Now())
	answer := r.answer
	r.mu.Unlock()
	response := status(http.StatusOK)
	if answer != nil {
		if response, err = answer(q); err != nil {
			return nil, err
		}
	}
	if response.StatusCode == http.StatusOK {
		r.mu.Lock()
		r.taken, r.bodies = append(r.taken, q), append(r.bodies, body)
		r.mu.Unlock()
	}
	return response, nil
}

func status(code int) *http.Response {
	return &http.Response{StatusCode: code, Status: http.StatusText(code), Header: http.Header{}, Body: http.NoBody}
}

func (r *receiver) answers(answer func(*http.Request) (*http.Response, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func (r *receiver) fails(code int) {
	r.answers(func(*http.Request) (*http.Response, error) { return status(code), nil })
}

// hangs until the caller gives up.
func hangs(q *http.Request) (*http.Response, error) {
	<-q.Context().Done()
	return nil, q.Context().Err()
}

// notices are what was taken.
func (r *receiver) notices(t *testing.T) (notices []notice.Notice) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, body := range r.bodies {
		var n notice.Notice
		if err := json.Unmarshal(body, &n); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		notices = append(notices, n)
	}
	return notices
}

func (r *receiver) events(t *testing.T) string {
	t.Helper()
	var names []string
	for _, n := range r.notices(t) {
		names = append(names, string(n.Event))
	}
	return strings.Join(names, ", ")
}

// scene is a store that is followed, in a bubble.
type scene struct {
	*testing.T
	*memstore.Store
	receiver
	config  notice.Config
	notices *notice.Notices
	log     journal
	atEnd   func() // called after the end of Run; may be nil
}

// journal is a log that may be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// play runs a test in a bubble, which finds the goroutine that is left behind.
func play(t *testing.T, before, test func(s *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{T: t, Store: memstore.New()}
		s.config = notice.Config{
			Hooks:     []notice.Hook{{URL: "https://hooks.example.com/secret-path?key=secret-query", Secret: "secret-word"}},
			Transport: &s.receiver,
		}
		if before != nil {
			before(s)
		}
		var err error
		log := slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		if s.notices, err = notice.New(s.config, log); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); s.notices.Run(ctx, s.Store) }()
		synctest.Wait()
		test(s)
		cancel()
		<-ended
		if s.atEnd != nil {
			s.atEnd()
		}
		if strings.Contains(s.log.String(), "secret-") {
			t.Errorf("the log shows what is secret: %s", &s.log)
		}
	})
}

// after lets time pass, and a look at what has changed.
func (s *scene) after(d time.Duration) {
	time.Sleep(d + 1100*time.Millisecond)
	synctest.Wait()
}

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

var (
	ann = lull.Holder{User: "ann", Host: "web1", PID: 7, Link: "https://ci.example.com/81"}
	bob = lull.Holder{User: "bob", Host: "web2", PID: 8}
)

func (s *scene) enters(p lull.Pass) lull.PassRef {
	s.Helper()
	if p.Gate == "" {
		p.Gate = "default"
	}
	p.ID, p.Lease, p.Holder = lull.NewID(), 24*time.Hour, lull.Holder{User: "cron", Host: "node3"}
	_, _, err := s.Enter(s.Context(), p)
	s.must(err)
	return lull.PassRef{Gate: p.Gate, ID: p.ID}
}

func (s *scene) leaves(ref lull.PassRef, out lull.Outcome) {
	s.Helper()
	_, err := s.Leave(s.Context(), ref, out)
	s.must(err)
}

func (s *scene) closes(h lull.Hold) lull.HoldRef {
	s.Helper()
	h.ID = lull.NewID()
	if h.Gate == "" {
		h.Gate = "default"
	}
	if h.Holder.User == "" {
		h.Holder = ann
	}
	if h.Kind == "" {
		h.Kind = lull.Deployment
	}
	if h.Kind == lull.Deployment && h.Lease == 0 {
		h.Lease = 24 * time.Hour
	}
	_, _, err := s.Close(s.Context(), h)
	s.must(err)
	return lull.HoldRef{Gate: h.Gate, ID: h.ID}
}

func (s *scene) begins(ref lull.HoldRef, how lull.Start) {
	s.Helper()
	s.must(s.Begin(s.Context(), ref, how))
}

func (s *scene) opens(ref lull.HoldRef, out lull.Outcome) {
	s.Helper()
	if out.By.User == "" {
		out.By = ann
	}
	_, err := s.Open(s.Context(), ref, out)
	s.must(err)
}

func (s *scene) wantEvents(want string) {
	s.Helper()
	if got := s.events(s.T); got != want {
		s.Errorf("told of %s; want %s", got, want)
	}
}

// wantTexts compares the sentences of all notices.
func (s *scene) wantTexts(want ...string) {
	s.Helper()
	var got []string
	for _, n := range s.receiver.notices(s.T) {
		got = append(got, n.Text)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		s.Errorf("told\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}
