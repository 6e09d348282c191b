package remotestore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/wire"
)

const (
	// answerMost bounds an answer: a snapshot of a hundred thousand passes is about half of
	// it. Events are read one by one.
	answerMost = 64 << 20

	// problemMost bounds a problem, and what is read of an answer that nobody understands.
	problemMost = 1 << 20
)

// The kinds of answer.
const (
	jsonType    = "application/json"
	linesType   = "application/x-ndjson"
	problemType = "application/problem+json"
)

// reply is what a server says, its body not read yet.
type reply struct {
	*http.Response
	sv    *server
	ctx   context.Context // the request's
	clock *time.Timer     // ends the request when it fires
}

func (r *reply) mediaType() string {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// refusal is the error that the answer is, if it is one.
func (r *reply) refusal() error {
	kind, well := r.mediaType(), r.StatusCode/100 == 2
	switch {
	case well && (kind == jsonType || kind == linesType || r.StatusCode == http.StatusNoContent):
		return nil
	case !well && kind == problemType:
		return r.problem()
	}
	body, _ := io.ReadAll(io.LimitReader(r.Body, problemMost)) // so that the connection can be kept
	moved := r.moved()
	switch {
	case moved != "":
		return r.misnamed(moved, "is at "+moved+" now")
	case r.StatusCode == http.StatusBadRequest && !r.sv.secure && bytes.Contains(body, []byte("HTTPS")): // net/http and nginx
		return r.misnamed(strings.Replace(r.sv.shown, "http:", "https:", 1), "wants to be asked by https")
	}
	return &fault{sent: true, err: r.sv.unavailable("it answers %s, but not as lulld does", r.status())}
}

func (r *reply) status() string {
	return fmt.Sprintf("%d %s", r.StatusCode, http.StatusText(r.StatusCode))
}

// moved is the server that the answer refers to for good, or "". The rest of the URL is
// about this call.
func (r *reply) moved() string {
	to, err := url.Parse(r.Header.Get("Location"))
	forGood := r.StatusCode == http.StatusMovedPermanently || r.StatusCode == http.StatusPermanentRedirect
	if err != nil || to.Host == "" || !forGood {
		return ""
	}
	return to.Scheme + "://" + to.Host
}

// misnamed is the fault of a server that is to be asked by another name.
func (r *reply) misnamed(name, why string) error {
	return &fault{sent: true, err: &lull.SetupError{What: r.sv.shown + " " + why, Hint: "name the store so: " + name}}
}

// problem is a problem as the error that it was.
func (r *reply) problem() error {
	body, err := r.all(problemMost)
	if err != nil {
		return err
	}
	var p wire.Problem
	if json.Unmarshal(body, &p) != nil {
		return &fault{sent: true, err: r.sv.unavailable("it answers %s, with half a problem", r.status())}
	}
	err = p.Err()
	_, isNotYours := errors.AsType[*lull.NotYoursError](err)
	_, isUnknown := errors.AsType[*wire.Problem](err)
	switch status := r.StatusCode; {
	case errors.Is(err, lull.ErrUnavailable):
		return &fault{sent: true, err: err}
	case isNotYours, p.Type == wire.TypeSetup:
		return err
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return r.notLetIn(p)
	case isUnknown && (status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout):
		return &fault{sent: true, err: r.sv.unavailable("%s", p.Error())}
	}
	return err
}

// notLetIn is the error of a caller whom the server does not know, or who may not do
// this.
func (r *reply) notLetIn(p wire.Problem) error {
	e := &lull.SetupError{What: r.sv.shown + ": " + p.Error(), Hint: p.Hint}
	switch {
	case e.Hint != "":
	case r.StatusCode == http.StatusForbidden:
		e.Hint = "ask for a token that may do this: lulld token create --role, --gates"
	case r.sv.header.Get("Authorization") == "":
		e.Hint = "set LULL_TOKEN to a token, which is made by: lulld token create"
	default:
		e.Hint = "the token in LULL_TOKEN is not known there, or not any more: look with lulld token list"
	}
	return e
}

// decoded is the answer. Fields that this release does not know are passed over.
func decoded[A any](r *reply) (a A, err error) {
	body, err := r.all(answerMost)
	if err != nil || r.StatusCode == http.StatusNoContent {
		return a, err
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return a, r.unexpected(err)
	}
	return a, nil
}

// all reads the body.
func (r *reply) all(most int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, most+1))
	switch {
	case err != nil:
		return nil, r.sv.judge(r.ctx, err)
	case int64(len(body)) > most:
		return nil, r.unexpected(fmt.Errorf("it is longer than %d bytes", most))
	}
	return body, nil
}

// unexpected is the error of an answer that was not agreed upon.
func (r *reply) unexpected(err error) error {
	return fmt.Errorf("%s: unexpected answer to %s %s: %w", r.sv.shown, r.Request.Method, r.Request.URL.Path, err)
}
