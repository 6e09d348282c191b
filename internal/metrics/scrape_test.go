package metrics_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/metrics"
	"github.com/lull-dev/lull/memstore"
)

// scraped is what Prometheus would see: values by the series as they are written.
type scraped map[string]float64

func page(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func scrape(t *testing.T, m *metrics.Metrics) scraped {
	t.Helper()
	all := scraped{}
	for line := range strings.Lines(page(t, m)) {
		line = strings.TrimSpace(line)
		i := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || i < 0 {
			continue
		}
		value, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all[line[:i]] = value
	}
	return all
}

func (s scraped) want(t *testing.T, want map[string]float64) {
	t.Helper()
	for series, value := range want {
		got, ok := s[series]
		if !ok {
			t.Errorf("there is no %s", series)
		} else if got != value {
			t.Errorf("%s is %g, want %g", series, got, value)
		}
	}
}

// scene is a store that is watched, in a bubble.
type scene struct {
	*testing.T
	*memstore.Store
	metrics *metrics.Metrics
}

// play runs a test in a bubble, which finds the goroutine that is left behind. The watch
// begins with s.watch, or after before.
func play(t *testing.T, before, test func(s *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{t, memstore.New(), metrics.New(metrics.Options{Version: "1.2.3"})}
		before(s)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); s.metrics.Watch(ctx, s.metrics.Wrap(s.Store)) }()
		synctest.Wait()
		test(s)
		cancel()
		<-ended
	})
}

// after lets time pass, and a look at what has changed.
func (s *scene) after(d time.Duration) {
	time.Sleep(d + 1100*time.Millisecond)
	synctest.Wait()
}

func (s *scene) wants(want map[string]float64) {
	s.Helper()
	scrape(s.T, s.metrics).want(s.T, want)
}

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *scene) enters(p lull.Pass) lull.PassRef {
	s.Helper()
	p.ID, p.Gate, p.Lease = lull.NewID(), "default", 24*time.Hour
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
	h.ID, h.Gate = lull.NewID(), "default"
	if h.Kind == "" {
		h.Kind, h.Lease = lull.Deployment, 24*time.Hour
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
	_, err := s.Open(s.Context(), ref, out)
	s.must(err)
}
