package remotestore

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/url"
	"strconv"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/wire"
)

// eventMost bounds the line of one event. The server takes requests of a few hundred
// kilobytes, and an event has little more in it than one of those.
const eventMost = 4 << 20

// Events yields the chosen events, the oldest first, as they arrive. When the answer is
// cut short the last is an error that wraps [lull.ErrUnavailable].
func (s *Store) Events(ctx context.Context, f lull.Filter) iter.Seq2[lull.Event, error] {
	return func(yield func(lull.Event, error) bool) {
		if err := s.send(ctx, chosen(f), func(r *reply) error { return r.events(ctx, yield) }); err != nil {
			yield(lull.Event{}, err)
		}
	}
}

// chosen asks for events.
func chosen(f lull.Filter) call {
	c := get(wire.PathEvents)
	c.query = url.Values{}
	if f.Gate != "" {
		c.query.Set("gate", f.Gate)
	}
	if f.Since > 0 {
		c.query.Set("since", strconv.FormatInt(int64(f.Since), 10))
	}
	for _, kind := range f.Kinds {
		c.query.Add("kind", string(kind))
	}
	if f.Name != "" {
		c.query.Set("name", f.Name)
	}
	if f.Limit > 0 {
		c.query.Set("limit", strconv.Itoa(f.Limit))
	}
	return c
}

// line is an event, or the end of the answer.
type line struct {
	lull.Event
	wire.End
}

// events reads the answer line by line. Its error is no *[fault], since the first lines
// may have been taken: the call is not made again. A caller may take his time with an
// event; only the server's is counted.
func (r *reply) events(caller context.Context, yield func(lull.Event, error) bool) error {
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(nil, eventMost)
	for lines.Scan() {
		if caller.Err() != nil {
			return caller.Err()
		}
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return r.unexpected(err)
		}
		if l.End.End {
			lines.Scan() // the end of the body, so that the connection can be kept
			return nil
		}
		r.clock.Stop()
		if !yield(l.Event, nil) {
			return nil
		}
		r.clock.Reset(answerWithin)
	}
	switch err := lines.Err(); {
	case caller.Err() != nil:
		return caller.Err()
	case errors.Is(err, bufio.ErrTooLong):
		return r.unexpected(err)
	case err != nil:
		return r.sv.judge(r.ctx, err).err
	}
	return r.sv.unavailable("the events were cut short")
}

// Record keeps one event that no other verb does. It is sent once: nothing tells two of
// the same from one that is repeated.
func (s *Store) Record(ctx context.Context, e lull.Event) error {
	c := post(wire.PathEvents, e)
	c.once = true
	return s.tell(ctx, c)
}
