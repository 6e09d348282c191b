package remotestore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/wire"
	"github.com/lull-dev/lull/memstore"
	"github.com/lull-dev/lull/remotestore"
)

// lulld is the API as plainly as can be, in front of a store in memory.
func lulld(s *memstore.Store) http.Handler {
	mux := http.NewServeMux()
	serve(mux, "POST "+wire.PathPasses, func(r *http.Request, in wire.Arrival) (wire.Pass, error) {
		p := in.Pass
		p.Gate, p.Ran = r.PathValue("gate"), in.Ran
		p, g, err := s.Enter(r.Context(), p)
		return wire.Pass{Pass: p, Gate: g}, err
	})
	serve(mux, "GET "+wire.PathPass, func(r *http.Request, _ nothing) (wire.Pass, error) {
		p, g, err := s.Poll(r.Context(), pass(r))
		return wire.Pass{Pass: p, Gate: g}, err
	})
	serve(mux, "POST "+wire.PathForce, func(r *http.Request, _ nothing) (wire.Pass, error) {
		p, g, err := s.Force(r.Context(), pass(r))
		return wire.Pass{Pass: p, Gate: g}, err
	})
	serve(mux, "POST "+wire.PathLeave, func(r *http.Request, in wire.Outcome) (wire.Gate, error) {
		g, err := s.Leave(r.Context(), pass(r), lull.Outcome(in))
		return wire.Gate{Gate: g}, err
	})
	serve(mux, "POST "+wire.PathRenew, func(r *http.Request, in wire.Renewal) (wire.Renewed, error) {
		var refs []lull.LeaseRef
		for _, l := range in.Leases {
			refs = append(refs, lull.LeaseRef(l))
		}
		var out wire.Renewed
		states, err := s.Renew(r.Context(), refs)
		for _, state := range states {
			out.States = append(out.States, wire.LeaseState(state))
		}
		return out, err
	})
	serveHolds(mux, s)
	serveLooks(mux, s)
	return mux
}

func serveHolds(mux *http.ServeMux, s *memstore.Store) {
	serve(mux, "POST "+wire.PathHolds, func(r *http.Request, in wire.Closing) (wire.Hold, error) {
		h := in.Hold
		h.Gate, h.Parent, h.PartOf = r.PathValue("gate"), in.Parent, in.PartOf
		h, g, err := s.Close(r.Context(), h)
		return wire.Hold{Hold: h, Gate: g}, err
	})
	serve(mux, "GET "+wire.PathDrain, func(r *http.Request, _ nothing) (wire.Drain, error) {
		d, err := s.Drain(r.Context(), hold(r))
		return wire.Drain(d), err
	})
	serve(mux, "POST "+wire.PathBegin, func(r *http.Request, in wire.Start) (done, error) {
		return done{true}, s.Begin(r.Context(), hold(r), lull.Start(in))
	})
	serve(mux, "POST "+wire.PathStop, func(r *http.Request, _ nothing) (done, error) {
		return done{true}, s.Stop(r.Context(), hold(r))
	})
	serve(mux, "POST "+wire.PathExtend, func(r *http.Request, in wire.Extension) (wire.Hold, error) {
		h, err := s.Extend(r.Context(), hold(r), lull.Extension(in))
		return wire.Hold{Hold: h}, err
	})
	serve(mux, "POST "+wire.PathOpen, func(r *http.Request, in wire.Outcome) (wire.Opening, error) {
		o, err := s.Open(r.Context(), hold(r), lull.Outcome(in))
		return wire.Opening(o), err
	})
}

func serveLooks(mux *http.ServeMux, s *memstore.Store) {
	serve(mux, "GET "+wire.PathAbout, func(*http.Request, nothing) (wire.About, error) {
		return wire.About{Store: s.About().URL, Version: "v1.1.0"}, nil
	})
	serve(mux, "GET "+wire.PathGates, func(r *http.Request, _ nothing) (wire.Gates, error) {
		gates, err := s.Gates(r.Context())
		return wire.Gates{Gates: gates}, err
	})
	serve(mux, "GET "+wire.PathGate, func(r *http.Request, _ nothing) (wire.Snapshot, error) {
		snap, err := s.Snapshot(r.Context(), r.PathValue("gate"))
		return wire.Snapshot(snap), err
	})
	serve(mux, "GET "+wire.PathUsual, func(r *http.Request, _ nothing) (wire.Usual, error) {
		usual, err := client(s).Usual(r.Context(), r.PathValue("gate"))
		return wire.Usual{Usual: usual}, err
	})
	serve(mux, "GET "+wire.PathTraffic, func(r *http.Request, _ nothing) (wire.Traffic, error) {
		t, err := client(s).Traffic(r.Context(), r.PathValue("gate"), number(r, "lately"))
		return wire.Traffic(t), err
	})
	serve(mux, "GET "+wire.PathChanged, func(r *http.Request, _ nothing) (wire.Changed, error) {
		return changed(r, s)
	})
	serve(mux, "POST "+wire.PathEvents, func(r *http.Request, in lull.Event) (done, error) {
		return done{true}, s.Record(r.Context(), in)
	})
	mux.HandleFunc("GET "+wire.PathEvents, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		out := json.NewEncoder(w)
		for e, err := range s.Events(r.Context(), filter(r)) {
			if err != nil {
				return
			}
			_ = out.Encode(e)
		}
		_ = out.Encode(wire.End{End: true})
	})
}

// changed waits until the events at the gate are not as many as the caller knows of.
func changed(r *http.Request, s *memstore.Store) (wire.Changed, error) {
	wait, err := time.ParseDuration(r.FormValue("wait"))
	if err != nil {
		return wire.Changed{}, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	hints, err := s.Changed(ctx, r.PathValue("gate"))
	if err != nil {
		return wire.Changed{}, err
	}
	for {
		n := 0
		for range s.Events(r.Context(), lull.Filter{Gate: r.PathValue("gate")}) {
			n++
		}
		now := fmt.Sprintf("count.%d", n)
		if now != r.FormValue("seen") {
			return wire.Changed{Seen: now}, nil
		}
		select {
		case <-hints:
		case <-ctx.Done():
			return wire.Changed{Seen: now}, nil
		}
	}
}

func filter(r *http.Request) lull.Filter {
	f := lull.Filter{Gate: r.FormValue("gate"), Since: number(r, "since"), Name: r.FormValue("name"), Limit: int(number(r, "limit"))}
	for _, kind := range r.Form["kind"] {
		f.Kinds = append(f.Kinds, lull.EventKind(kind))
	}
	return f
}

func number(r *http.Request, name string) time.Duration {
	n, _ := strconv.ParseInt(r.FormValue(name), 10, 64)
	return time.Duration(n)
}

func pass(r *http.Request) lull.PassRef {
	return lull.PassRef{Gate: r.PathValue("gate"), ID: r.PathValue("id")}
}

func hold(r *http.Request) lull.HoldRef {
	return lull.HoldRef{Gate: r.PathValue("gate"), ID: r.PathValue("id")}
}

func client(s lull.Store) *lull.Client {
	c, err := lull.NewClient(s, lull.Options{})
	if err != nil {
		panic(err) // only of options that are wrong
	}
	return c
}

type nothing struct{}

type done struct {
	Done bool `json:"done"`
}

// serve answers a call with JSON.
func serve[In, Out any](mux *http.ServeMux, pattern string, do func(*http.Request, In) (Out, error)) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		var in In
		if r.Method == http.MethodPost && r.ContentLength != 0 {
			if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
				refuse(w, wire.ProblemOf(err))
				return
			}
		}
		out, err := do(r, in)
		if err != nil {
			refuse(w, wire.ProblemOf(err))
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(out)
	})
}

func refuse(w http.ResponseWriter, p *wire.Problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// network is connections in memory, by which a server is reached inside a bubble.
type network struct {
	calls  chan net.Conn
	closed chan struct{}
	stop   func() // as kill -9 would; once is enough
}

// serveInMemory serves until the end of the test, or stop.
func serveInMemory(t *testing.T, h http.Handler) *network {
	t.Helper()
	n := &network{calls: make(chan net.Conn), closed: make(chan struct{})}
	srv := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(n) }()
	n.stop = sync.OnceFunc(func() {
		_ = srv.Close()
		<-ended
	})
	t.Cleanup(n.stop)
	return n
}

func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.calls:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error   { close(n.closed); return nil }
func (n *network) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }

// dial is refused once the server is gone.
func (n *network) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case n.calls <- theirs:
		return ours, nil
	case <-n.closed:
		return nil, refused
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// open opens a store for the length of the test.
func open(t *testing.T, url string, o remotestore.Options) *remotestore.Store {
	t.Helper()
	s, err := remotestore.Open(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// hosts are servers by their names.
type hosts map[string]*network

// openInMemory opens a store that reaches servers inside a bubble.
func openInMemory(t *testing.T, all hosts) *remotestore.Store {
	t.Helper()
	var urls []string
	for _, host := range slices.Sorted(maps.Keys(all)) {
		urls = append(urls, "http://"+host)
	}
	s := open(t, strings.Join(urls, ","), remotestore.Options{})
	s.DialWith(all.dial)
	return s
}

func (all hosts) dial(ctx context.Context, host string) (net.Conn, error) { return all[host].dial(ctx) }

// closes puts a person's hold on the gate.
func closes(t *testing.T, s lull.Store, gate string) lull.Hold {
	t.Helper()
	h, _, err := s.Close(t.Context(), lull.Hold{ID: lull.NewID(), Gate: gate, Kind: lull.Person, Holder: lull.Holder{User: "ann", Host: "web1"}, Reason: "lunch"})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// has fails unless the text has all of these in it.
func has(t *testing.T, text string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(text, want) {
			t.Errorf("%q has no %q in it", text, want)
		}
	}
}

// refused is the error of who dials where nobody listens.
var refused = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}

// slow takes a second to answer.
func slow(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Second)
		h.ServeHTTP(w, r)
	})
}

// late has a clock that is an hour behind.
func late(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		h.ServeHTTP(w, r)
	})
}
