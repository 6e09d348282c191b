package access

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The types of what is refused, for [Options.Refuse].
const (
	TypeSignIn    = "sign-in"   // what was shown is wrong, or over
	TypeForbidden = "forbidden" // a browser was led to ask it by another site
	TypeSlow      = "slow"      // too many wrong tokens: try later
)

// Options say how it is found out who asks.
type Options struct {
	// Tokens are those that programs show and people sign in with. nil: there are none,
	// and what is shown is ignored.
	Tokens *Tokens

	// Open lets whoever asks from this host, and shows nothing, do everything: for a server
	// without tokens.
	Open bool

	// Anyone is Open for every host.
	Anyone bool

	// Peers is the role of a user of this host who comes by a unix socket, and whose groups
	// these are; "" for none. nil: root and the user that runs this process are admins,
	// others are jobs.
	Peers func(uid int, gids []int) Role

	// Origins are those under which people reach the server, such as
	// https://lull.example.com, where a proxy stands before it. The first one's scheme
	// says whether cookies are for TLS only.
	Origins []string

	// Refuse answers what is refused before a handler sees it. Headers may be set already.
	// nil: a problem detail (RFC 9457) of the type "about:blank".
	Refuse func(w http.ResponseWriter, r *http.Request, status int, typ, detail string)

	// Log hears of wrong tokens and of sign-ins, and never of a token's text. nil: nobody.
	Log *slog.Logger
}

// Guard finds out who asks, for each request. Make one with [New]. It is safe for concurrent
// use.
type Guard struct {
	Options
	origins  *http.CrossOriginProtection
	hosts    []string
	secure   bool
	sessions *sessions
	slow     *slow

	mu      sync.Mutex
	trouble string // with the file of tokens, as it was logged last
}

// New returns a guard. Its error is of an origin that is none.
func New(o Options) (*Guard, error) {
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if o.Refuse == nil {
		o.Refuse = refusePlainly
	}
	if o.Peers == nil {
		o.Peers = ownUserIsAdmin
	}
	g := &Guard{Options: o, sessions: newSessions(), slow: newSlow()}
	return g, g.trust(o.Origins)
}

// Wrap puts who asks into the context of each request, for [Of]. What is refused does not
// reach next.
func (g *Guard) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := g.origins.Check(r); err != nil {
			g.Log.Warn("a browser was led here by another site", "remote", remote(r), "path", r.URL.Path, "origin", r.Header.Get("Origin"))
			g.Refuse(w, r, http.StatusForbidden, TypeForbidden, "another site may not do this in a browser's name")
			return
		}
		a, err := g.whoAsks(w, r)
		if err != nil {
			g.refuseToken(w, r, a.id, err)
			return
		}
		if a.id.Source == Nobody {
			// RFC 9110, section 11.6.1: on any answer it says that a token may change it.
			w.Header().Set("WWW-Authenticate", challenge)
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, a)))
	})
}

const challenge = `Bearer realm="lull"`

// whoAsks is who a request is from, by what it shows first: a token, a cookie, a user of a
// socket. An error is about the token.
func (g *Guard) whoAsks(w http.ResponseWriter, r *http.Request) (asking, error) {
	always := func() bool { return true }
	if token, shown := bearer(r); shown && g.Tokens != nil {
		id, err := g.Tokens.Lookup(token, time.Now())
		g.hearOfTrouble()
		return asking{id, func() bool { _, err := g.Tokens.byID(id.tokenID, time.Now()); return err == nil }}, err
	}
	if cookie, err := r.Cookie(g.cookieName(r)); err == nil && g.Tokens != nil {
		id, err := g.session(cookie.Value)
		if err == nil {
			return asking{id, func() bool { _, err := g.session(cookie.Value); return err == nil }}, nil
		}
		// A session ends every day: whoever shows one that has is somebody who is to sign
		// in, not an attacker.
		g.endCookie(w, r)
		return asking{Identity{}, func() bool { return false }}, nil
	}
	if p, ok := r.Context().Value(peerKey{}).(peer); ok {
		return asking{p.identity(g.Peers(p.uid, p.gids)), always}, nil
	}
	if g.Anyone || g.Open && g.fromHere(r) {
		return asking{Everybody(), always}, nil
	}
	return asking{Identity{}, always}, nil
}

// bearer is the token that a request shows.
func bearer(r *http.Request) (token string, shown bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "Bearer")
}

// refuseToken answers who showed a wrong token.
func (g *Guard) refuseToken(w http.ResponseWriter, r *http.Request, id Identity, why error) {
	if wait := g.wrong(r, id, why); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds(wait)))
		g.Refuse(w, r, http.StatusTooManyRequests, TypeSlow, "too many wrong tokens came from there: try later")
		return
	}
	w.Header().Set("WWW-Authenticate", challenge+`, error="invalid_token", error_description="`+why.Error()+`"`)
	g.Refuse(w, r, http.StatusUnauthorized, TypeSignIn, why.Error())
}

// wrong notes a wrong token, and says how long whoever showed it has to wait.
//
// Only wrong tokens wait. A right one is taken at any time, since a whole cluster may
// have one address, by a proxy, and one job with an old token must not keep the others
// out. That gives nothing away: 256 bits are not guessed, slowly or fast.
func (g *Guard) wrong(r *http.Request, id Identity, why error) (wait time.Duration) {
	from := remote(r)
	wait, unheard := g.slow.wrong(from)
	if wait > 0 {
		return wait // not logged: that would be as many lines as tries
	}
	g.Log.Warn("a token was refused", "remote", from, "why", why, "token", id.tokenID, "name", id.Name, "path", r.URL.Path, "slowed", unheard)
	return 0
}

// hearOfTrouble logs what is wrong with the file of tokens, once.
func (g *Guard) hearOfTrouble() {
	now := ""
	err := g.Tokens.Trouble()
	if err != nil {
		now = err.Error()
	}
	g.mu.Lock()
	before := g.trouble
	g.trouble = now
	g.mu.Unlock()
	switch {
	case now == before:
	case err == nil:
		g.Log.Info("the file of tokens is right again")
	default:
		hint := ""
		if file, ok := errors.AsType[*FileError](err); ok {
			hint = file.Hint
		}
		g.Log.Error("the file of tokens is wrong: those of before are still good", "error", err, "hint", hint)
	}
}

// seconds rounds up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
