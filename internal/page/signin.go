package page

import (
	"net/http"
	"net/url"
	"strings"
)

// signInView is the form that asks for a token. Where it is posted to is not the page's.
type signInView struct {
	Frame   frame
	Next    string
	Problem *Refusal
}

// signIn shows the form. The query says what was wrong with the last try: problem=unknown
// or problem=slow.
func (p *page) signIn(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	view := signInView{Frame: p.frame("Sign in", Viewer{}), Next: localPath(query.Get("next"))}
	status := http.StatusOK
	switch query.Get("problem") {
	case "":
	case "slow":
		status = http.StatusTooManyRequests
		view.Problem = &Refusal{What: "That was one try too many.", Hint: "Wait a minute, then try again."}
	default:
		status = http.StatusUnauthorized
		view.Problem = &Refusal{What: "That token is not known, or has expired.", Hint: "Make a new one with: lulld token create"}
	}
	p.render(w, r, status, "sign-in", view)
}

// toSignIn sends somebody to the form, and back afterwards.
func (p *page) toSignIn(w http.ResponseWriter, r *http.Request) {
	next := "/"
	if r.Method == http.MethodGet && !strings.HasSuffix(r.URL.Path, "/stream") {
		next = localPath(r.URL.RequestURI())
	}
	http.Redirect(w, r, "/sign-in?"+url.Values{"next": {next}}.Encode(), http.StatusSeeOther)
}

// localPath is a path on this server, or else the first page's: nobody is led away from
// here by a link to the form.
func localPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.Contains(path, `\`) {
		return "/"
	}
	return path
}
