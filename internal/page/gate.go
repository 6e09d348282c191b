package page

import (
	"context"
	"net/http"
	"strings"

	"github.com/lull-dev/lull"
)

// gateView is one gate for one viewer: what the templates of its page and of its pieces
// draw.
type gateView struct {
	Frame  frame
	Gate   string
	Bar    bar
	Holds  []holdView
	Queue  []holdView
	Loose  []holdView
	Inside jobs
	Wait   jobs
	All    string // which lists are shown whole: "", "inside" or "waiting"

	Window    string // the window's query, for links that keep it
	Timeline  timeline
	Durations durations
	Numbers   []number

	CanClose   bool
	Limits     []limit
	CloseLines lines

	Problem *Refusal // of the form that was sent
	Sent    sent
}

// number is a figure that people look for first.
type number struct {
	Text, Label string
	Tone        string
	Age         *counted
}

// sent is what a form was sent with, so that nobody types it twice.
type sent struct {
	Form, Hold    string
	Reason, Limit string
}

// gatePieces are the parts of a gate's page that change, by their IDs.
var gatePieces = []string{"bar", "numbers", "holds", "close-word", "inside", "waiting", "timeline", "durations"}

// gate shows one gate.
func (p *page) gate(w http.ResponseWriter, r *http.Request, v Viewer) {
	p.showGate(w, r, v, r.PathValue("gate"), http.StatusOK, nil, sent{})
}

func (p *page) showGate(w http.ResponseWriter, r *http.Request, v Viewer, gate string, status int, problem *Refusal, form sent) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	l, err := p.desk.look(ctx, gate, windowOf(r.URL.Query(), p.Now()).span)
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	view := p.gateView(r, v, l, false)
	view.Problem, view.Sent = problem, form
	if form.Form == "close" {
		view.Limits = limits(v, form.Limit)
	}
	p.render(w, r, status, "gate", view)
}

// gateView is a gate as one viewer sees it. live is whether the script counts: then what it
// draws differs only when something has happened.
func (p *page) gateView(r *http.Request, v Viewer, l look, live bool) gateView {
	win := windowOf(r.URL.Query(), p.Now())
	gate, all := l.Gate.Name, r.URL.Query().Get("all")
	c, base := clockwork{l.Now, live}, p.base(r)
	view := gateView{
		Frame: p.frame(gate, v), Gate: gate, Bar: c.bar(l.Snapshot), All: all,
		Holds: c.holds(l.Gate, l.Gate.Holds, v, base), Queue: c.holds(l.Gate, l.Gate.Queue, v, base), Loose: c.loose(l.Gate),
		Inside: c.inside(l, all == "inside"), Wait: c.waiting(l, all == "waiting"),
		Timeline: c.timeline(l, win, all), Durations: c.durations(l, win),
		CanClose: v.CanClose, Limits: limits(v, presetLimit), CloseLines: closeLines(base, gate),
	}
	if l.Gate.Phase.Open() {
		view.Bar.Last = c.lastClosing(l.past.events)
	}
	view.Numbers = c.numbers(l, view.Timeline)
	view.Frame.Gate, view.Frame.Tone, view.Frame.Now = gate, view.Bar.Tone, l.Now.Wall.UnixMilli()
	view.Frame.Title = view.Bar.Word + " · " + gate
	query := win.query()
	query.Set("all", all)
	view.Frame.Stream = "/gates/" + gate + "/stream?" + query.Encode()
	view.Window = win.query().Encode()
	return view
}

// base is the server's address, for lines to copy.
func (p *page) base(r *http.Request) string {
	if p.Base != "" {
		return strings.TrimSuffix(p.Base, "/")
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (c clockwork) numbers(l look, t timeline) []number {
	all := []number{
		{Text: itoa(len(l.Inside)), Label: "inside"},
		{Text: itoa(len(l.Waiting)), Label: "waiting"},
	}
	longest := number{Text: "–", Label: "longest wait"}
	if len(l.Waiting) > 0 {
		age := c.since(c.wall(l.Waiting[0].Arrived))
		longest.Age = &age
	}
	casualties := number{Text: itoa(t.Casualties), Label: "casualties in " + t.Span}
	if t.Casualties > 0 {
		casualties.Tone = "bad"
	}
	return append(all, longest, number{Text: itoa(t.Deployments), Label: "deployments in " + t.Span}, casualties)
}

// draw is the pieces of a gate's page, by their IDs.
func (v *views) draw(view any, names []string) (map[string]string, error) {
	drawn := make(map[string]string, len(names))
	for _, name := range names {
		html, err := v.piece(name, view)
		if err != nil {
			return nil, err
		}
		drawn[name] = html
	}
	return drawn, nil
}

// gates shows all gates, or the one that there is.
func (p *page) gates(w http.ResponseWriter, r *http.Request, v Viewer) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	names, err := p.gateNames(ctx, v)
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	if len(names) == 1 {
		p.showGate(w, r, v, names[0], http.StatusOK, nil, sent{})
		return
	}
	view, err := p.gatesView(ctx, r, v, names, false)
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	p.render(w, r, http.StatusOK, "gates", view)
}

// gateNames are the gates that the viewer may see, by name.
func (p *page) gateNames(ctx context.Context, v Viewer) ([]string, error) {
	all, err := p.desk.list(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, g := range all {
		if v.sees(g.Name) {
			names = append(names, g.Name)
		}
	}
	return names, nil
}

// defaultGate is what is shown to use first.
const defaultGate = lull.DefaultGate
