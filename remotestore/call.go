package remotestore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/lull-dev/lull"
)

const (
	// answerWithin is how long an answer may take, whoever asks without a bound of his own:
	// longer than a server gives its store.
	answerWithin = 30 * time.Second

	// passOnAfter is how long a server may take while there is another to ask instead.
	passOnAfter = 5 * time.Second
)

// call is one request.
type call struct {
	method, path string
	query        url.Values
	body         any           // nil: none
	waits        time.Duration // how long the server is asked to wait before it answers
	once         bool          // twice would be one too many
}

func get(path string) call { return call{method: http.MethodGet, path: path} }

func post(path string, body any) call {
	return call{method: http.MethodPost, path: path, body: body}
}

// ask makes a call, and decodes the answer.
func ask[A any](ctx context.Context, s *Store, c call) (a A, err error) {
	err = s.send(ctx, c, func(r *reply) (err error) {
		a, err = decoded[A](r)
		return err
	})
	return a, err
}

// tell makes a call whose answer is only that it was done.
func (s *Store) tell(ctx context.Context, c call) error {
	_, err := ask[struct{}](ctx, s, c)
	return err
}

// send makes a call to one server after the other until one gives an answer, which read
// takes. The first is the one that answered last.
func (s *Store) send(ctx context.Context, c call, read func(*reply) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	body, err := c.encoded()
	if err != nil {
		return err
	}
	var faults []*fault
	first, n := int(s.answered.Load()), len(s.servers)
	for i := range n {
		sv := s.servers[(first+i)%n]
		err := sv.try(ctx, c, body, c.patience(ctx, n-i), read)
		f, failed := errors.AsType[*fault](err)
		switch {
		case !failed:
			s.answered.Store(int32((first + i) % n))
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
		if faults = append(faults, f); c.once && f.sent {
			break
		}
	}
	return allOf(faults)
}

func (c call) encoded() ([]byte, error) {
	if c.body == nil {
		return nil, nil
	}
	body, err := json.Marshal(c.body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", c.method, c.path, err)
	}
	return body, nil
}

// patience is how long an answer is waited for, with so many servers left to ask. The
// others get their share of the caller's time.
func (c call) patience(ctx context.Context, left int) time.Duration {
	if left == 1 {
		return c.waits + answerWithin
	}
	patience := c.waits + passOnAfter
	if end, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(end)/time.Duration(left))
	}
	return patience
}

// try makes a call to this server, and once more on another connection when one broke.
func (sv *server) try(ctx context.Context, c call, body []byte, patience time.Duration, read func(*reply) error) error {
	err := sv.exchange(ctx, c, body, patience, read)
	f, failed := errors.AsType[*fault](err)
	if !failed || !f.broken || c.once || ctx.Err() != nil {
		return err
	}
	sv.transport.CloseIdleConnections() // what ended one has mostly ended them all
	return sv.exchange(ctx, c, body, patience, read)
}

// errNoAnswer is the cause of a request's end whose answer was waited for long enough.
var errNoAnswer = errors.New("no answer in time")

// exchange sends a request and reads its answer. Its error is a *[fault] where there was
// none.
func (sv *server) exchange(ctx context.Context, c call, body []byte, patience time.Duration, read func(*reply) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	clock := time.AfterFunc(patience, func() { cancel(errNoAnswer) })
	defer clock.Stop()
	q, err := sv.request(ctx, c, body)
	if err != nil {
		return err
	}
	got, err := sv.transport.RoundTrip(q) // no redirection is followed: the token is for this server
	if err != nil {
		return sv.judge(ctx, err)
	}
	defer got.Body.Close()
	r := &reply{Response: got, sv: sv, ctx: ctx, clock: clock}
	if err := r.refusal(); err != nil {
		return err
	}
	return read(r)
}

func (sv *server) request(ctx context.Context, c call, body []byte) (*http.Request, error) {
	where := sv.base + c.path
	if len(c.query) > 0 {
		where += "?" + c.query.Encode()
	}
	var reader io.Reader // nil says that there is no body
	if body != nil {
		reader = bytes.NewReader(body)
	}
	q, err := http.NewRequestWithContext(ctx, c.method, where, reader)
	if err != nil {
		return nil, &lull.SetupError{What: "lulld cannot be asked at " + sv.shown, Hint: urlForm}
	}
	q.Header = sv.header.Clone()
	if body != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	return q, nil
}

// nothing is the error of an answer that is not about what was asked.
func (c call) nothing() error {
	return fmt.Errorf("the answer to %s %s is about something else", c.method, c.path)
}
