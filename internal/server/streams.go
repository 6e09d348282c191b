package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/access"
	"github.com/lull-dev/lull/internal/wire"
)

const (
	// livePause is the shortest time between two snapshots of a stream.
	livePause = time.Second

	// liveBeat is how often a stream without changes says that it is there.
	liveBeat = 15 * time.Second

	// writeWithin is how long a caller may take to read what was written to a stream
	// before it counts as gone.
	writeWithin = 10 * time.Second
)

type eventsIn struct {
	Gate  string   `query:"gate" doc:"of this gate alone"`
	Since int64    `query:"since" doc:"not older than so many nanoseconds"`
	Kinds []string `query:"kind,explode" doc:"of these kinds alone"`
	Name  string   `query:"name" doc:"of jobs of this name alone"`
	Limit int      `query:"limit" doc:"the newest so many; 0: all"`
}

func (a *api) registerStreams() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "events", Method: http.MethodGet, Path: wire.PathEvents,
		Summary:   "Tell the history, the oldest first: an event a line, and a last line that says that it was all.",
		Responses: streamed("application/x-ndjson"),
	}, a.events)
	huma.Register(a.huma, huma.Operation{
		OperationID: "live", Method: http.MethodGet, Path: wire.PathLive,
		Summary:   "Server-sent events, each a snapshot: the first at once, then one after each change.",
		Responses: streamed("text/event-stream"),
	}, a.live)
}

func streamed(content string) map[string]*huma.Response {
	text := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	return map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{content: text}}}
}

// stream is an answer that is written bit by bit.
type stream struct {
	w http.ResponseWriter
	c *http.ResponseController
}

func newStream(ctx huma.Context, content string) *stream {
	_, w := humago.Unwrap(ctx)
	w.Header().Set("Content-Type", content)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep it back
	return &stream{w, http.NewResponseController(w)}
}

// write sends a text now.
func (s *stream) write(format string, args ...any) error {
	_ = s.c.SetWriteDeadline(time.Now().Add(writeWithin)) // where it cannot be set there is none
	if _, err := fmt.Fprintf(s.w, format, args...); err != nil {
		return err
	}
	return s.c.Flush()
}

func (a *api) events(ctx context.Context, in *eventsIn) (*huma.StreamResponse, error) {
	who := access.Of(ctx)
	if in.Gate != "" {
		if err := checkGate(in.Gate); err != nil {
			return nil, err
		}
	}
	if err := who.Check(access.See, in.Gate); err != nil {
		return nil, problem(err)
	}
	f := lull.Filter{Gate: in.Gate, Since: time.Duration(max(in.Since, 0)), Name: in.Name, Limit: max(in.Limit, 0)}
	for _, k := range in.Kinds {
		f.Kinds = append(f.Kinds, lull.EventKind(k))
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) { a.tell(ctx, hc, who, f) }}, nil
}

// tell writes the events. An error before the first is an ordinary one; after it, nothing
// can be said any more but that the end is missing.
func (a *api) tell(ctx context.Context, hc huma.Context, who access.Identity, f lull.Filter) {
	var s *stream
	begin := func() *json.Encoder {
		s = newStream(hc, "application/x-ndjson")
		return json.NewEncoder(s.w)
	}
	var out *json.Encoder
	for e, err := range a.store.Events(ctx, f) {
		if err != nil {
			if out == nil {
				a.refuse(hc, err)
			}
			return
		}
		if who.Check(access.See, e.Gate) != nil {
			continue
		}
		if out == nil {
			out = begin()
		}
		_ = s.c.SetWriteDeadline(time.Now().Add(writeWithin))
		if out.Encode(e) != nil {
			return
		}
	}
	if out == nil {
		out = begin()
	}
	_ = out.Encode(wire.End{End: true})
}

// refuse answers with a problem where the answer would have been a stream.
func (a *api) refuse(hc huma.Context, err error) {
	_, w := humago.Unwrap(hc)
	wire.ProblemOf(err).Answer(w)
}

func (a *api) live(ctx context.Context, in *AtGate) (*huma.StreamResponse, error) {
	if err := checkGate(in.Gate); err != nil {
		return nil, err
	}
	if err := access.Of(ctx).Check(access.See, in.Gate); err != nil {
		return nil, problem(err)
	}
	done, err := a.waiters.take()
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer done()
		a.stream(ctx, hc, in.Gate)
	}}, nil
}

// stream writes snapshots until the caller or the server goes.
func (a *api) stream(ctx context.Context, hc huma.Context, gate string) {
	ctx, cancel := a.waitFor(ctx, time.Duration(1<<62))
	defer cancel()
	w, release := a.hub.watch(gate)
	defer release()
	first, err := a.snapshots.of(ctx, w, "")
	if err != nil {
		a.refuse(hc, err)
		return
	}
	s := newStream(hc, "text/event-stream")
	if s.write("retry: 1000\nid: %s\nevent: snapshot\ndata: %s\n\n", first.seen, first.data) != nil {
		return
	}
	for seen := first.seen; ctx.Err() == nil && access.Still(ctx); {
		pause, stop := context.WithTimeout(ctx, liveBeat)
		now := w.wait(pause, seen)
		stop()
		if now == seen || ctx.Err() != nil {
			if s.write(": still here\n\n") != nil {
				return
			}
			continue
		}
		next, err := a.snapshots.of(ctx, w, now)
		if err != nil {
			continue // the next change, or beat, tries again
		}
		if seen = next.seen; s.write("id: %s\nevent: snapshot\ndata: %s\n\n", seen, next.data) != nil {
			return
		}
		select {
		case <-time.After(livePause):
		case <-ctx.Done():
		}
	}
}
