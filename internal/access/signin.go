package access

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	// signInPath is where the form is, for who has to try again and who has signed out.
	signInPath = "/sign-in"

	formMost = 16 << 10
)

// SignIn is the handler of POST /sign-in, with the form's fields token and next: the local path
// to go to then. Who shows a wrong token goes back to the form at GET /sign-in, which learns
// by its query why: problem=unknown, or problem=slow. It belongs inside [Guard.Wrap].
func (g *Guard) SignIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, formMost)
	if err := r.ParseForm(); err != nil {
		g.Refuse(w, r, http.StatusBadRequest, TypeSignIn, "the form could not be read")
		return
	}
	next := LocalPath(r.PostForm.Get("next"))
	if g.Tokens == nil {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	id, err := g.Tokens.Lookup(strings.TrimSpace(r.PostForm.Get("token")), time.Now())
	g.hearOfTrouble()
	if err != nil {
		problem := "unknown"
		if wait := g.wrong(r, id, err); wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(seconds(wait)))
			problem = "slow"
		}
		http.Redirect(w, r, signInPath+"?"+url.Values{"problem": {problem}, "next": {next}}.Encode(), http.StatusSeeOther)
		return
	}
	if old, err := r.Cookie(g.cookieName(r)); err == nil {
		g.sessions.end(old.Value)
	}
	cookie := g.cookie(r)
	cookie.Value, cookie.MaxAge = g.sessions.begin(id.tokenID), int(sessionLasts/time.Second)
	setCookie(w, cookie)
	g.Log.Info("signed in", "remote", remote(r), "token", id.tokenID, "name", id.Name)
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// SignOut is the handler of POST /sign-out: it ends the session, for every copy of the cookie.
// It belongs inside [Guard.Wrap].
func (g *Guard) SignOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(g.cookieName(r)); err == nil {
		g.sessions.end(cookie.Value)
		g.endCookie(w, r)
	}
	http.Redirect(w, r, signInPath, http.StatusSeeOther)
}

// cookieName is that of the session. With the prefix, browsers take the cookie from nobody
// but this host, and by TLS.
func (g *Guard) cookieName(r *http.Request) string {
	if g.overTLS(r) {
		return "__Host-lull_session"
	}
	return "lull_session"
}

func (g *Guard) overTLS(r *http.Request) bool { return g.secure || r.TLS != nil }

func (g *Guard) cookie(r *http.Request) *http.Cookie {
	return &http.Cookie{Name: g.cookieName(r), Path: "/", HttpOnly: true, Secure: g.overTLS(r), SameSite: http.SameSiteLaxMode}
}

func (g *Guard) endCookie(w http.ResponseWriter, r *http.Request) {
	cookie := g.cookie(r)
	cookie.MaxAge = -1
	setCookie(w, cookie)
}

// setCookie sets the session's cookie instead of what was to be set of it before.
func setCookie(w http.ResponseWriter, c *http.Cookie) {
	w.Header().Del("Set-Cookie")
	http.SetCookie(w, c)
}

// LocalPath is a path on this server, or else "/". No link to the form leads anybody to
// another site: browsers take a backslash for a slash, drop control characters, and read two
// slashes as another host.
func LocalPath(next string) string {
	u, err := url.Parse(next)
	switch {
	case err != nil, u.Scheme != "", u.Host != "", u.User != nil, u.Opaque != "":
	case !strings.HasPrefix(next, "/"), strings.HasPrefix(next, "//"), strings.HasPrefix(u.Path, "//"):
	case strings.ContainsRune(next, '\\'), strings.ContainsFunc(next, unicode.IsControl), strings.Contains(u.Path, `\`):
	default:
		return next
	}
	return "/"
}
