package page

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/words"
)

//go:embed templates/*.html
var templateFiles embed.FS

// views are the templates. Every page is "frame" around a template of its own; the pieces
// that the stream sends are templates as well.
type views struct {
	pages  map[string]*template.Template
	pieces *template.Template
}

func newViews(a *assets) (*views, error) {
	shared, err := template.New("").Funcs(template.FuncMap{"asset": a.url, "pair": pair, "count": words.Count}).
		ParseFS(templateFiles, "templates/frame.html", "templates/pieces.html", "templates/timeline.html")
	if err != nil {
		return nil, err
	}
	v := &views{pages: map[string]*template.Template{}, pieces: shared}
	for _, name := range []string{"gate", "gates", "history", "event", "sign-in", "problem"} {
		own, err := shared.Clone()
		if err != nil {
			return nil, err
		}
		if v.pages[name], err = own.ParseFS(templateFiles, "templates/"+name+".html"); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// pair hands two values to a template, which takes one.
func pair(a, b any) [2]any { return [2]any{a, b} }

// frame is what every page has around it.
type frame struct {
	Title   string
	Tone    string // of the gate: the icon shows it
	Gate    string // "" when it is about no gate
	Place   string // what of the gate, such as "History"
	Viewer  Viewer
	SignOut bool
	Version string
	Stream  string // where changes come from; "" for a page that does not change
	Now     int64  // on the store's clock, in milliseconds

	// All times of day are in the server's zone, so that people who talk about them mean
	// the same.
	Zone        string
	ZoneSeconds int // east of UTC
}

func (p *page) frame(title string, v Viewer) frame {
	zone, seconds := p.Now().Local().Zone()
	return frame{
		Title: title, Tone: "plain", Viewer: v, SignOut: p.SignIn && v.SignedIn, Version: p.Version,
		Zone: zone, ZoneSeconds: seconds,
	}
}

// render answers with a page. data has a field Frame.
func (p *page) render(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	var b bytes.Buffer
	if err := p.views.pages[name].ExecuteTemplate(&b, "frame", data); err != nil {
		p.Log.Error("draw the page", "page", name, "error", err)
		http.Error(w, "The page could not be drawn. The server's log says why.", http.StatusInternalServerError)
		return
	}
	write(w, r, status, "text/html; charset=utf-8", b.Bytes(), nil)
}

// piece draws a part of a page.
func (v *views) piece(name string, data any) (string, error) {
	var b bytes.Buffer
	err := v.pieces.ExecuteTemplate(&b, name, data)
	return b.String(), err
}

// fail answers with an error, in words.
func (p *page) fail(w http.ResponseWriter, r *http.Request, v Viewer, err error) {
	refusal := refusalOf(err)
	if refusal.Status >= http.StatusInternalServerError {
		p.Log.Warn("a page could not be shown", "path", r.URL.Path, "error", err)
	}
	p.render(w, r, refusal.Status, "problem", struct {
		Frame   frame
		Problem *Refusal
	}{p.frame("Problem", v), refusal})
}

// refusalOf is an error in the words for whoever asked.
func refusalOf(err error) *Refusal {
	said := Refusal{What: sentenceOf(err), Status: http.StatusInternalServerError}
	refusal, isRefusal := errors.AsType[*Refusal](err)
	notYours, isNotYours := errors.AsType[*lull.NotYoursError](err)
	setup, isSetup := errors.AsType[*lull.SetupError](err)
	switch {
	case isRefusal:
		said = *refusal
		if said.Status == 0 {
			said.Status = http.StatusConflict
		}
	case isNotYours:
		said.Status = http.StatusForbidden
		said.What = fmt.Sprintf("That hold is not yours: it belongs to %s.", who(notYours.Hold.Holder))
		said.Hint = "Ask them, or somebody who may end the holds of others."
	case errors.Is(err, lull.ErrGone):
		said.Status = http.StatusConflict
		said.What, said.Hint = "That hold had ended already.", "What you see below is how the gate is now."
	case isSetup:
		said.Hint = setup.Hint
	case errors.Is(err, lull.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		said.Status = http.StatusServiceUnavailable
		said.What = "The store does not answer."
		said.Hint = "Jobs that run go on, and jobs that wait ask again. Try again in a moment; lull doctor looks closer."
	}
	return &said
}

// sentenceOf is an error as a sentence.
func sentenceOf(err error) string {
	text := words.Printable(err.Error())
	if text == "" {
		return "Something went wrong."
	}
	return string(bytes.ToUpper([]byte(text[:1]))) + text[1:] + "."
}
