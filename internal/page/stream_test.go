package page_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/page"
)

// reader is somebody's browser that follows a stream. One that is stuck takes nothing
// any more.
type reader struct {
	mu       sync.Mutex
	text     strings.Builder
	header   http.Header
	deadline time.Time
	stuck    bool
	ended    atomic.Bool
}

func (r *reader) Header() http.Header { return r.header }
func (r *reader) WriteHeader(int)     {}
func (r *reader) FlushError() error   { return nil }

func (r *reader) SetWriteDeadline(t time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deadline = t
	return nil
}

func (r *reader) Write(b []byte) (int, error) {
	r.mu.Lock()
	stuck, deadline := r.stuck, r.deadline
	if !stuck {
		defer r.mu.Unlock()
		return r.text.Write(b)
	}
	r.mu.Unlock()
	<-time.After(time.Until(deadline))
	return 0, os.ErrDeadlineExceeded
}

type event struct {
	name string
	data struct {
		Title, Tone string
		Pieces      map[string]string
	}
}

// events are what was read since the last time.
func (r *reader) events(t *testing.T) []event {
	t.Helper()
	r.mu.Lock()
	text := r.text.String()
	r.text.Reset()
	r.mu.Unlock()
	var events []event
	for block := range strings.SplitSeq(text, "\n\n") {
		name, data, named := strings.Cut(strings.TrimPrefix(block, "event: "), "\ndata: ")
		if !named {
			continue
		}
		e := event{name: name}
		if err := json.Unmarshal([]byte(data), &e.data); err != nil {
			t.Fatalf("%v in %s", err, block)
		}
		events = append(events, e)
	}
	return events
}

// follow reads a stream until the test ends.
func (s *stage) follow(t *testing.T, path string) *reader {
	ctx, cancel := context.WithCancel(t.Context())
	r := &reader{header: http.Header{}}
	var done sync.WaitGroup
	done.Go(func() {
		s.handler.ServeHTTP(r, httptest.NewRequest(http.MethodGet, path, nil).WithContext(ctx))
		r.ended.Store(true)
	})
	t.Cleanup(func() {
		cancel()
		done.Wait()
	})
	synctest.Wait()
	return r
}

func after(d time.Duration) {
	time.Sleep(d) // in a bubble: time passes as soon as nothing is left to do
	synctest.Wait()
}

func TestStreamBeginsWithASnapshotAndGoesOnWithWhatDiffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, anyone, nil)
		r := s.follow(t, "/gates/default/stream")
		first := r.events(t)
		if len(first) != 1 || first[0].name != "snapshot" || first[0].data.Tone != "open" {
			t.Fatalf("it begins with %+v", first)
		}
		for _, id := range []string{"bar", "numbers", "holds", "inside", "waiting", "timeline", "durations"} {
			if !strings.Contains(first[0].data.Pieces[id], `id="`+id+`"`) {
				t.Errorf("the snapshot has no %s", id)
			}
		}
		s.enters(t, "default", "nightly-report", "node4", 0) // an arrival is no event, so there is no hint
		after(5 * time.Second)
		next := r.events(t)
		if len(next) != 1 || next[0].name != "change" || next[0].data.Pieces["inside"] == "" || next[0].data.Pieces["waiting"] != "" || next[0].data.Pieces["durations"] != "" {
			t.Errorf("an arrival is told as %+v", next)
		}
		s.deploys(t, "default", "release 81")
		after(2 * time.Second)
		last := r.events(t)
		if len(last) == 0 || last[len(last)-1].data.Tone != "draining" || !strings.Contains(last[0].data.Pieces["bar"], "release 81") {
			t.Errorf("a closing is told as %+v", last)
		}
	})
}

func TestStreamOfAQuietGateIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, anyone, nil)
		s.enters(t, "default", "nightly-report", "node4", 0)
		s.deploys(t, "default", "release 81")
		r := s.follow(t, "/gates/default/stream?span=7d")
		r.events(t)
		after(4 * time.Minute)
		r.mu.Lock()
		text, deadline := r.text.String(), r.deadline
		r.mu.Unlock()
		if !deadline.IsZero() {
			t.Error("a deadline goes on while there is nothing to write")
		}
		if n := strings.Count(text, ": still here"); n < 10 {
			t.Errorf("%d heartbeats in 4 minutes", n)
		}
		if strings.Contains(text, "event:") {
			t.Errorf("something was told: %.600s", text)
		}
	})
}

// counting is a store that counts how often somebody looks.
type counting struct {
	*told
	looks atomic.Int64
}

func (s *counting) Snapshot(ctx context.Context, gate string) (lull.Snapshot, error) {
	s.looks.Add(1)
	return s.told.Snapshot(ctx, gate)
}

func TestManyWhoWatchLookOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var store *counting
		s := newStage(t, anyone, func(o *page.Options) {
			store = &counting{told: o.Store.(*told)}
			o.Store = store
		})
		var readers []*reader
		for range 60 {
			readers = append(readers, s.follow(t, "/gates/default/stream"))
		}
		const seconds = 10
		for i := range seconds * 5 {
			p := s.enters(t, "default", "busy", "node1", 0)
			if i%2 == 0 {
				s.leaves(t, p, 0, time.Millisecond)
			}
			after(200 * time.Millisecond)
		}
		if n := store.looks.Load(); n < seconds/2 || n > seconds+2 {
			t.Errorf("%d looks in %d seconds", n, seconds)
		}
		s.deploys(t, "default", "release 81")
		after(2 * time.Second)
		for _, r := range readers {
			if !slices.ContainsFunc(r.events(t), func(e event) bool { return e.data.Tone == "draining" }) {
				t.Fatal("somebody was not told")
			}
		}
	})
}

func TestSlowReaderIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, anyone, nil)
		slow, quick := s.follow(t, "/gates/default/stream"), s.follow(t, "/gates/default/stream")
		slow.mu.Lock()
		slow.stuck = true
		slow.mu.Unlock()
		quick.events(t)
		s.deploys(t, "default", "release 81")
		after(2 * time.Second)
		if len(quick.events(t)) == 0 {
			t.Error("a slow reader holds up another")
		}
		if after(15 * time.Second); !slow.ended.Load() || quick.ended.Load() {
			t.Errorf("dropped: the slow one %v, the quick one %v", slow.ended.Load(), quick.ended.Load())
		}
	})
}

func TestStreamsEndWithTheServerAndAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ending := make(chan struct{})
		s := newStage(t, anyone, func(o *page.Options) { o.Ending = ending })
		old := s.follow(t, "/gates/default/stream")
		if after(6 * time.Minute); !old.ended.Load() {
			t.Error("a stream lasts for ever")
		}
		one, list := s.follow(t, "/gates/default/stream"), s.follow(t, "/stream")
		close(ending)
		if synctest.Wait(); !one.ended.Load() || !list.ended.Load() {
			t.Error("streams outlive the server")
		}
	})
}

func TestStreamSaysThatTheStoreIsDownAndBeginsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, anyone, nil)
		r := s.follow(t, "/gates/default/stream")
		s.down.Store(true)
		after(5 * time.Second)
		s.down.Store(false)
		after(5 * time.Second)
		var names []string
		for _, e := range r.events(t) {
			names = append(names, e.name)
		}
		if got := strings.Join(slices.Compact(names), " "); got != "snapshot trouble snapshot" {
			t.Errorf("it tells: %s", got)
		}
	})
}
