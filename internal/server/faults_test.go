package server_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/server"
	"github.com/lull-dev/lull/internal/wire"
	"github.com/lull-dev/lull/memstore"
)

// looked counts the snapshots that a store was asked for.
type looked struct {
	*memstore.Store
	snapshots atomic.Int32
}

func (s *looked) Snapshot(ctx context.Context, gate string) (lull.Snapshot, error) {
	s.snapshots.Add(1)
	return s.Store.Snapshot(ctx, gate)
}

// onSocket serves a store on a unix socket, as lulld does.
func onSocket(t *testing.T, s lull.Store) (path string) {
	t.Helper()
	srv, err := server.New(server.Options{Store: s, Guard: open})
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "s")
	l := server.Listening{Addresses: []string{"unix://" + path}}
	sockets, err := server.Listen(l)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- srv.Serve(ctx, l, sockets) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return path
}

func dial(t *testing.T, path string) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Thousands who watch a gate cost one look for all of them, and are told together.
func TestFiveThousandIdleStreamsCostOneLook(t *testing.T) {
	const many = 5_000
	s := &looked{Store: memstore.New()}
	path := onSocket(t, s)
	before := runtime.NumGoroutine()
	var first, second sync.WaitGroup
	var told atomic.Int32
	turns := make(chan struct{}, 100)
	watchers := make([]net.Conn, many)
	for i := range watchers {
		c := dial(t, path)
		watchers[i] = c
		first.Add(1)
		turns <- struct{}{}
		second.Go(func() {
			_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: lull\r\n\r\n", wire.Path(wire.PathLive, "default", ""))
			lines := bufio.NewScanner(c)
			seen := 0
			for lines.Scan() {
				if !strings.HasPrefix(lines.Text(), "data: ") {
					continue
				}
				if seen++; seen == 1 {
					first.Done()
					<-turns
				}
				if strings.Contains(lines.Text(), `"phase":1`) {
					told.Add(1)
					return
				}
			}
		})
	}
	first.Wait()
	looks := s.snapshots.Load()
	if _, _, err := s.Close(t.Context(), lull.Hold{ID: lull.NewID(), Gate: "default", Kind: lull.Person}); err != nil {
		t.Fatal(err)
	}
	second.Wait()
	if n := told.Load(); n != many {
		t.Errorf("%d of %d were told", n, many)
	}
	// One a second at most, for all: the first may have taken a while to come.
	if n := s.snapshots.Load() - looks; n > 10 {
		t.Errorf("%d looks for one change", n)
	}
	for _, c := range watchers {
		c.Close()
	}
	for began := time.Now(); runtime.NumGoroutine() > before+50; time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatalf("%d goroutines are left of %d", runtime.NumGoroutine(), before)
		}
	}
}

// Half a request, and a body that does not come, hold nobody up, and end.
func TestHalfARequestIsGivenUp(t *testing.T) {
	t.Parallel()
	path := onSocket(t, memstore.New())
	head := dial(t, path)
	fmt.Fprint(head, "GET /healthz HTT")
	body := dial(t, path)
	fmt.Fprintf(body, "POST %s HTTP/1.1\r\nHost: lull\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{", wire.Path(wire.PathPasses, "default", ""))
	other := dial(t, path)
	fmt.Fprint(other, "GET /healthz HTTP/1.1\r\nHost: lull\r\nConnection: close\r\n\r\n")
	if status, err := bufio.NewReader(other).ReadString('\n'); err != nil || !strings.Contains(status, "200") {
		t.Errorf("another caller: %q, %v", status, err)
	}
	for name, c := range map[string]net.Conn{"half a head": head, "half a body": body} {
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := bufio.NewReader(c).ReadString(0); err == nil || strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s is waited for: %v", name, err)
		}
	}
}

// Whatever is sent, it is answered, and no fault of the server.
func FuzzBodies(f *testing.F) {
	paths := []string{
		wire.PathPasses, wire.PathLeave, wire.PathForce, wire.PathRenew, wire.PathHolds, wire.PathBegin,
		wire.PathStop, wire.PathExtend, wire.PathOpen, wire.PathEvents,
	}
	for i, body := range []string{
		`{"pass":{"id":"x","lease":60000000000}}`, `{"exit_code":0,"ran":1}`, `{}`, `{"leases":[{"gate":"default","pass":"x"}]}`,
		`{"hold":{"id":"x","kind":"deployment","limit":-1}}`, `{"undrained":true}`, `null`, `{"limit":9223372036854775807}`, `[`, `{"event":"rerun","gate":"default"}`,
		`{"pass":null}`, `{"pass":{"id":1}}`, `{"leases":null}`, "\xff\xfe", `{"hold":{"holder":{"pid":-1}}}`,
	} {
		f.Add(i, "default", "x", body)
	}
	f.Fuzz(func(t *testing.T, i int, gate, id, body string) {
		s, err := server.New(server.Options{Store: memstore.New(), Guard: open})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		path := wire.Path(paths[max(i, -i, 0)%len(paths)], gate, id)
		r, err := http.NewRequest("POST", "http://lull"+path, strings.NewReader(body))
		if err != nil {
			return // no client can send that
		}
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code >= 500 || w.Code == 0 {
			t.Errorf("%s %q: %d %s", path, body, w.Code, w.Body)
		}
	})
}
