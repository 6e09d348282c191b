package page

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/lull-dev/lull"
)

const (
	// refreshEvery is how often a stream looks without a hint: hints may be lost, and
	// some things change by time alone, such as a job that takes longer than usual.
	refreshEvery = 3 * time.Second

	// heartbeatEvery keeps proxies from taking a quiet stream for a dead one, and finds
	// out readers who are gone.
	heartbeatEvery = 15 * time.Second

	// readWithin is how long a reader may take for what is sent. Who is slower is dropped:
	// it comes back, and begins with a snapshot.
	readWithin = 10 * time.Second

	// streamFor is how long a stream lasts. The reader comes back at once; by then he may
	// have lost the right to look.
	streamFor = 5 * time.Minute
)

// message is what a stream sends: pieces of the page by their IDs, all of them first, and
// then those that differ.
type message struct {
	Now    int64             `json:"now"` // on the store's clock, in milliseconds
	Title  string            `json:"title"`
	Tone   string            `json:"tone"`
	Pieces map[string]string `json:"pieces"`
}

// scene is what a stream shows at one moment.
type scene struct {
	message
	asked time.Time
}

// streamGate sends one gate. Viewers who may do the same are sent the same: it is drawn
// once for all of them.
func (p *page) streamGate(w http.ResponseWriter, r *http.Request, v Viewer) {
	ctx, cancel := p.streaming(r)
	defer cancel()
	gate := r.PathValue("gate")
	win, all := windowOf(r.URL.Query(), p.Now()), r.URL.Query().Get("all")
	hints := p.Changes(ctx, gate)
	p.stream(ctx, w, hints, refreshEvery, func(ctx context.Context) (scene, error) {
		l, err := p.desk.look(ctx, gate, win.span)
		if err != nil {
			return scene{}, err
		}
		key := fmt.Sprint(gate, " ", win.query().Encode(), " ", all, " ", p.base(r), " ", rights(v, l.Gate))
		asked := func(a *answer[scene]) bool { return a.err == nil && a.value.asked.Equal(l.asked) }
		seen, _, err := p.scenes.get(ctx, key, asked, func(context.Context) (scene, error) {
			view := p.gateView(r, v, l, true)
			pieces, err := p.views.draw(view, gatePieces)
			return scene{message{view.Frame.Now, view.Frame.Title, view.Frame.Tone, pieces}, l.asked}, err
		})
		return seen, err
	})
}

// rights are what a viewer may do at a gate, as a key: who has the same sees the same.
func rights(v Viewer, g lull.Gate) string {
	key := fmt.Sprint(v.CanClose, v.CanOpenOthers, v.Limit)
	for _, h := range slices.Concat(g.Holds, g.Queue) {
		key += fmt.Sprint(v.owns(h))
	}
	return key
}

// streamGates sends the list of gates.
func (p *page) streamGates(w http.ResponseWriter, r *http.Request, v Viewer) {
	ctx, cancel := p.streaming(r)
	defer cancel()
	names, err := p.gateNames(ctx, v)
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	p.stream(ctx, w, nil, gatesPause(len(names)), func(ctx context.Context) (scene, error) {
		names, err := p.gateNames(ctx, v)
		if err != nil {
			return scene{}, err
		}
		view, err := p.gatesView(ctx, r, v, names, true)
		if err != nil {
			return scene{}, err
		}
		pieces, err := p.views.draw(view, []string{"gates"})
		return scene{message{view.Frame.Now, view.Frame.Title, view.Frame.Tone, pieces}, p.Now()}, err
	})
}

// streaming is a request's ctx that ends with the server as well, and after a while.
func (p *page) streaming(r *http.Request) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(r.Context(), streamFor)
	if p.Ending == nil {
		return ctx, cancel
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-p.Ending:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(); <-done }
}

// stream sends what look sees: at each hint, and every so often.
func (p *page) stream(ctx context.Context, w http.ResponseWriter, hints <-chan struct{}, every time.Duration, look func(context.Context) (scene, error)) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep it back
	w.WriteHeader(http.StatusOK)
	out := sender{w: w, control: http.NewResponseController(w), now: p.Now}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		seen, err := look(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			p.Log.Debug("a stream could not look", "error", err)
			err = out.trouble(err)
		} else {
			err = out.show(seen.message)
		}
		if err != nil {
			return
		}
		if hints, err = pause(ctx, timer, hints, every); err != nil {
			return
		}
		// A look is shared for a second: who asks earlier is told the same again.
		if _, err = pause(ctx, timer, nil, lookEvery-p.Now().Sub(seen.asked)); err != nil {
			return
		}
	}
}

// pause waits for a hint, for a while, or for the end. A source of hints that has dried up
// is none.
func pause(ctx context.Context, timer *time.Timer, hints <-chan struct{}, d time.Duration) (<-chan struct{}, error) {
	timer.Reset(d)
	select {
	case <-ctx.Done():
		return hints, ctx.Err()
	case <-timer.C:
	case _, more := <-hints:
		if !more {
			return nil, nil
		}
	}
	return hints, nil
}

// sender writes server-sent events to one reader.
type sender struct {
	w       http.ResponseWriter
	control *http.ResponseController
	now     func() time.Time
	sent    map[string]string // the pieces as the reader has them; nil: he has none
	spoke   time.Time
}

// show sends what the reader does not have yet, and once in a while that there is nothing.
func (s *sender) show(m message) error {
	name, all := "change", m.Pieces
	if s.sent == nil {
		name = "snapshot"
	} else {
		m.Pieces = map[string]string{}
		for id, html := range all {
			if s.sent[id] != html {
				m.Pieces[id] = html
			}
		}
	}
	s.sent = all
	if len(m.Pieces) > 0 {
		return s.event(name, m)
	}
	if s.now().Sub(s.spoke) >= heartbeatEvery {
		return s.send(": still here\n\n")
	}
	return nil
}

// trouble says why there is nothing to show. What comes next is all of it.
func (s *sender) trouble(err error) error {
	s.sent = nil
	return s.event("trouble", refusalOf(err))
}

func (s *sender) event(name string, data any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // it is no part of a page, and would be twice as long
	if err := encoder.Encode(data); err != nil {
		return err
	}
	return s.send(fmt.Sprintf("event: %s\ndata: %s\n", name, text.String())) // Encode ends the line
}

// send fails when the reader does not take it in time.
func (s *sender) send(text string) error {
	s.spoke = s.now()
	_ = s.control.SetWriteDeadline(time.Now().Add(readWithin)) // a recorder in a test has none
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	if err := s.control.Flush(); err != nil {
		return err
	}
	// HTTP/2 ends a stream at its deadline, even if there is nothing to write.
	_ = s.control.SetWriteDeadline(time.Time{})
	return nil
}
