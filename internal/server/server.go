package server

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/access"
)

// Options say what a server serves, and to whom.
type Options struct {
	Store   lull.Store
	Version string
	Log     *slog.Logger // nil: none

	// Guard finds out who asks: see package access. nil: everybody may do everything,
	// which is for tests.
	Guard func(http.Handler) http.Handler

	// Page is whether people are served at every path that is not the API's. URL is the
	// address that its links have, "" for that of each request. SignIn and SignOut handle
	// what the page's forms post; nil: nobody can sign in.
	Page            bool
	URL             string
	SignIn, SignOut http.HandlerFunc

	// Metrics is served at /metrics, to those who may see the gates. nil: nothing is.
	Metrics http.Handler
}

// Server answers for a store. Make one with [New], serve its Handler, and end it with
// Close.
type Server struct {
	store     lull.Store
	version   string
	log       *slog.Logger
	hub       *hub
	polls     polls
	owners    owners
	renewals  *batch[lull.LeaseRef, lull.LeaseState]
	snapshots snapshots
	waiters   waiters
	handler   http.Handler

	closing context.Context // ends when those who wait are sent away
	close   context.CancelFunc
}

// New returns a server of a store. The store stays the caller's, to be shut down after
// Close. The error is about what is built in.
func New(o Options) (*Server, error) {
	s := &Server{store: o.Store, version: cmp.Or(o.Version, "unknown"), log: o.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.closing, s.close = context.WithCancel(context.Background())
	s.hub = newHub(s.closing, o.Store, s.log)
	s.polls.store = o.Store
	s.renewals = newRenewals(o.Store)
	s.snapshots.store = o.Store
	mux := http.NewServeMux()
	s.newAPI(mux)
	mux.HandleFunc("GET /healthz", s.healthy)
	mux.HandleFunc("GET /readyz", s.ready)
	if o.Metrics != nil {
		mux.Handle("GET /metrics", forViewers(o.Metrics))
	}
	if o.Page {
		page, err := s.page(o.URL, o.SignIn != nil)
		if err != nil {
			return nil, err
		}
		mux.Handle("/", page)
	}
	if o.SignIn != nil {
		mux.HandleFunc("POST /sign-in", o.SignIn)
		mux.HandleFunc("POST /sign-out", o.SignOut)
	}
	s.handler = bounded(mux)
	if o.Guard != nil {
		s.handler = bounded(o.Guard(mux))
	}
	return s, nil
}

// Handler is the server's HTTP API, page and all.
func (s *Server) Handler() http.Handler { return s.handler }

// Close sends everybody away who waits: they ask again, of whoever serves then. Calls that
// do not wait go on.
func (s *Server) Close() { s.close() }

// answerWithin is how long an answer that is no stream may take to be read, once the call
// is done.
const answerWithin = time.Minute

// bounded bounds what a caller can make the server wait for. Streams and waits set bounds
// of their own.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerWithin))
		next.ServeHTTP(w, r)
	})
}

// forViewers refuses who may not see the gates.
func forViewers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := access.Of(r.Context()).Check(access.See, ""); err != nil {
			problem(err).Answer(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// client is for what the client works out of a store's history.
func (s *Server) client(gate string) *lull.Client {
	c, err := lull.NewClient(s.store, lull.Options{Gate: gate})
	if err != nil {
		panic(err) // the gate's name was checked, and all else is the default
	}
	return c
}

// healthy says that the process serves.
func (s *Server) healthy(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok\n") }

// readyWithin is how long the store may take to answer whoever asks whether to send work
// here.
const readyWithin = 2 * time.Second

// ready says whether the store answers, and that the server does not end.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.closing.Err() != nil {
		answer(w, http.StatusServiceUnavailable, "the server ends\n")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	if _, err := s.store.Gates(ctx); err != nil {
		s.log.Warn("not ready", "error", err)
		answer(w, http.StatusServiceUnavailable, "the store does not answer\n")
		return
	}
	answer(w, http.StatusOK, "ok\n")
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

// Changes returns a channel that receives some time after something changed at the gate,
// until ctx ends.
func (s *Server) Changes(ctx context.Context, gate string) <-chan struct{} {
	changed := make(chan struct{}, 1)
	w, release := s.hub.watch(gate)
	go func() {
		defer release()
		seen, _ := w.seen()
		for ctx.Err() == nil && s.closing.Err() == nil {
			ctx, cancel := s.waitFor(ctx, time.Hour)
			now := w.wait(ctx, seen)
			cancel()
			if now == seen {
				continue
			}
			seen = now
			select {
			case changed <- struct{}{}:
			default:
			}
		}
	}()
	return changed
}

// Ending is closed when the server ends.
func (s *Server) Ending() <-chan struct{} { return s.closing.Done() }
