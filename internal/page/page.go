package page

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/lull-dev/lull"
)

// Options say what a page shows, and what it may do for whom. Store is needed; a function
// that is nil offers nothing.
type Options struct {
	Store   lull.Store
	Version string
	Log     *slog.Logger // nil: none

	// Base is the server's address as programs reach it, for the lines to copy, such as
	// "https://lull.example.org". "": that of each request.
	Base string

	// Viewer says who looks. nil: somebody who may see everything and change nothing.
	Viewer func(*http.Request) Viewer

	// SignIn is whether there is a way to sign in: a viewer who has not is sent to
	// /sign-in. Whoever mounts the page handles what is posted there (token, next), and to
	// /sign-out. He sends those whose token is not good back to /sign-in?problem=unknown,
	// and those who tried too often to /sign-in?problem=slow, with next as it was.
	SignIn bool

	// Close, Open and Extend, all or none, do what somebody asked for in a form, for the one who sent
	// the request, and check that he may. An error is shown to him: see [Refusal].
	Close  func(context.Context, *http.Request, Closing) error
	Open   func(context.Context, *http.Request, Opening) error
	Extend func(context.Context, *http.Request, Extension) error

	// Changes returns a channel that receives some time after something changed at the
	// gate, until ctx ends. It is a hint: the page looks every few seconds as well. May
	// be nil, and may return nil.
	Changes func(ctx context.Context, gate string) <-chan struct{}

	// Ending is closed when the server ends: streams end then, and come back to whoever
	// serves next. May be nil.
	Ending <-chan struct{}

	// Now is the time. nil: time.Now.
	Now func() time.Time
}

// Viewer is who looks at the page, and what he may do. The zero value sees every gate and
// changes none.
type Viewer struct {
	Name          string // "" when nobody in particular
	SignedIn      bool
	CanClose      bool // may close gates, and open and extend what is his own
	CanOpenOthers bool // … and what is others'

	// Limit is the longest that his holds may last. Zero: as long as he likes.
	Limit time.Duration

	// Gate says which gates he may see and change. nil: all.
	Gate func(gate string) bool

	// Owns says which holds are his own. nil: persons' holds whose user has his name.
	Owns func(lull.Hold) bool
}

func (v Viewer) sees(gate string) bool { return v.Gate == nil || v.Gate(gate) }

func (v Viewer) owns(h lull.Hold) bool {
	if v.Owns != nil {
		return v.Owns(h)
	}
	return h.Kind == lull.Person && v.Name != "" && h.Holder.User == v.Name
}

// Closing is a person's wish to close a gate.
type Closing struct {
	Gate   string
	Reason string
	Limit  time.Duration // [lull.NoLimit] for none; never zero
}

// Opening is a person's wish to end a hold.
type Opening struct {
	Gate, Hold string
	Reason     string // may be ""
	Force      bool   // it is another's, or a deployment's
}

// Extension is a person's wish for a new limit.
type Extension struct {
	Gate, Hold string
	Limit      time.Duration // from now; [lull.NoLimit] for none
	Force      bool
}

// Refusal is an error of Close, Open or Extend in the words for whoever asked.
type Refusal struct {
	What   string
	Hint   string // what to do; may be ""
	Status int    // of HTTP; zero: 409
}

func (r *Refusal) Error() string { return r.What }

// page is the handler. It is safe for concurrent use.
type page struct {
	Options
	assets *assets
	views  *views
	desk   *desk
	scenes *shared[scene]
	mux    *http.ServeMux
}

// New returns the page, to be mounted at "/". Its paths are /, /stream, /sign-in,
// /assets/… and /gates/…. The error is about what is built in, and so never comes after
// the first test.
func New(o Options) (http.Handler, error) {
	if o.Store == nil {
		return nil, errors.New("the page needs a store")
	}
	if given := []bool{o.Close != nil, o.Open != nil, o.Extend != nil}; given[0] != given[1] || given[1] != given[2] {
		return nil, errors.New("the page needs Close, Open and Extend, or none of them")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Viewer == nil {
		o.Viewer = func(*http.Request) Viewer { return Viewer{} }
	}
	if o.Changes == nil {
		o.Changes = func(context.Context, string) <-chan struct{} { return nil }
	}
	assets, err := newAssets()
	if err != nil {
		return nil, fmt.Errorf("load the page's assets: %w", err)
	}
	views, err := newViews(assets)
	if err != nil {
		return nil, fmt.Errorf("load the page's templates: %w", err)
	}
	p := &page{Options: o, assets: assets, views: views, desk: newDesk(o.Store, o.Now), scenes: newShared[scene](o.Now), mux: http.NewServeMux()}
	p.route()
	return withPolicy(p.mux), nil
}

func (p *page) route() {
	p.mux.Handle("GET /assets/{name}", p.assets)
	p.mux.HandleFunc("GET /sign-in", p.signIn)
	p.mux.HandleFunc("GET /{$}", p.known(p.gates))
	p.mux.HandleFunc("GET /stream", p.known(p.streamGates))
	p.mux.HandleFunc("GET /gates/{gate}", p.seen(p.gate))
	p.mux.HandleFunc("GET /gates/{gate}/stream", p.seen(p.streamGate))
	p.mux.HandleFunc("GET /gates/{gate}/history", p.seen(p.history))
	p.mux.HandleFunc("GET /gates/{gate}/history/{event}", p.seen(p.event))
	p.mux.HandleFunc("POST /gates/{gate}/close", p.seen(p.postClose))
	p.mux.HandleFunc("POST /gates/{gate}/holds/{hold}/open", p.seen(p.postOpen))
	p.mux.HandleFunc("POST /gates/{gate}/holds/{hold}/extend", p.seen(p.postExtend))
	p.mux.HandleFunc("/", p.known(func(w http.ResponseWriter, r *http.Request, v Viewer) {
		p.fail(w, r, v, &Refusal{What: "There is no such page.", Hint: "All gates are on the first page.", Status: http.StatusNotFound})
	}))
}

// withPolicy says to browsers what the page may do, which is little.
func withPolicy(next http.Handler) http.Handler {
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // with less, posts come from the origin "null"
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// known sends those away who have to sign in first.
func (p *page) known(next func(http.ResponseWriter, *http.Request, Viewer)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := p.Viewer(r)
		if p.Close == nil {
			v.CanClose, v.CanOpenOthers = false, false
		}
		if p.SignIn && !v.SignedIn {
			p.toSignIn(w, r)
			return
		}
		next(w, r, v)
	}
}

// seen is known for what is about one gate. One that the viewer may not see is as one that
// cannot be.
func (p *page) seen(next func(http.ResponseWriter, *http.Request, Viewer)) http.HandlerFunc {
	return p.known(func(w http.ResponseWriter, r *http.Request, v Viewer) {
		if gate := r.PathValue("gate"); lull.CheckGateName(gate) != nil || !v.sees(gate) {
			p.fail(w, r, v, &Refusal{What: "There is no such gate, or it is not for you to see.", Status: http.StatusNotFound})
			return
		}
		next(w, r, v)
	})
}

// patience is how long the store may take to answer a person.
const patience = 15 * time.Second
