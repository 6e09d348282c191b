package notice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// tryTimeout is how long one request may take: Slack answers in less than a second.
	tryTimeout = 10 * time.Second

	// triedFor is how long a notice is sent again. After that, people have found out.
	triedFor = time.Hour

	// The pauses between attempts, doubled each time, half of it by chance so that many
	// lulld do not come back to a receiver at once.
	firstPause = time.Second
	mostPause  = 5 * time.Minute

	// atOnce is how many requests are under way, of all hooks together.
	atOnce = 4
)

// sender makes requests.
type sender struct {
	client *http.Client
	agent  string
	slots  chan struct{} // capacity atOnce
}

func newSender(c Config) *sender {
	transport := c.Transport
	if transport == nil {
		transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	return &sender{
		client: &http.Client{
			Transport: transport,
			// Where a redirect leads, nobody has configured: it would carry a secret there.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		agent: strings.TrimSuffix("lulld/"+c.Version, "/"),
		slots: make(chan struct{}, atOnce),
	}
}

// deliver sends a notice until it is taken, or cannot be, or its time is up.
func (s *sender) deliver(ctx context.Context, t target, n Notice, failed func(err error, pause time.Duration)) error {
	pauses := &backoff.ExponentialBackOff{
		InitialInterval: firstPause, MaxInterval: mostPause, Multiplier: 2, RandomizationFactor: 0.5,
	}
	try := func() (struct{}, error) { return struct{}{}, s.send(ctx, t, n) }
	_, err := backoff.Retry(ctx, try, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(triedFor), backoff.WithNotify(failed))
	return err
}

// send makes one request. An error that trying again cannot heal is a
// [backoff.PermanentError]. No error shows the hook's URL.
func (s *sender) send(ctx context.Context, t target, n Notice) error {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	body, err := t.body(n)
	if err != nil {
		return backoff.Permanent(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(body))
	if err != nil {
		return backoff.Permanent(withoutURL(err))
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", s.agent)
	if len(t.secret) > 0 {
		request.Header.Set(SignatureHeader, Sign(body, t.secret, time.Now()))
	}
	response, err := s.client.Do(request)
	if err != nil {
		return withoutURL(err)
	}
	defer func() { _ = response.Body.Close() }()
	const readMost = 64 << 10 // so much is read for the connection's sake
	_, _ = io.CopyN(io.Discard, response.Body, readMost)
	return verdict(response)
}

// verdict is what an answer means.
func verdict(r *http.Response) error {
	err := fmt.Errorf("the answer is %s", r.Status)
	switch {
	case r.StatusCode < 300:
		return nil
	case r.StatusCode < 400:
		return backoff.Permanent(fmt.Errorf("%w: redirects are not followed", err))
	case r.StatusCode == http.StatusTooManyRequests, r.StatusCode == http.StatusServiceUnavailable:
		if seconds, no := strconv.Atoi(r.Header.Get("Retry-After")); no == nil && seconds > 0 {
			pause := min(time.Duration(seconds)*time.Second, mostPause)
			return fmt.Errorf("%w: %w", err, &backoff.RetryAfterError{Duration: pause})
		}
		return err
	case r.StatusCode >= 500, r.StatusCode == http.StatusRequestTimeout, r.StatusCode == http.StatusTooEarly:
		return err
	}
	return backoff.Permanent(err)
}

// withoutURL is an error of net/http without the URL that it begins with.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// body is a notice in the form of a hook.
func (t target) body(n Notice) ([]byte, error) {
	if t.form == FormSlack {
		return json.Marshal(struct {
			Text string `json:"text"`
		}{slackText(n)})
	}
	return json.Marshal(n)
}

// slackText is the sentence, with the link. What people wrote must not become a mention
// of everybody: see https://api.slack.com/reference/surfaces/formatting#escaping.
func slackText(n Notice) string {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	text := escape.Replace(n.Text)
	if n.Link != "" {
		text += " <" + escape.Replace(n.Link) + "|look>"
	}
	return text
}
