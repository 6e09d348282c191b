package wire

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/lull-dev/lull"
)

// Problem is an error, as application/problem+json (RFC 9457). Callers decide by Type;
// the members after Instance are what the errors of package lull carry.
type Problem struct {
	Type     string `json:"type" doc:"which error it is"`
	Title    string `json:"title,omitempty"`
	Status   int    `json:"status"`
	Detail   string `json:"detail,omitempty" doc:"for a person"`
	Instance string `json:"instance,omitempty"`

	Hint   string     `json:"hint,omitempty" doc:"for a person: what to do"`
	Gate   string     `json:"gate,omitempty"`
	Hold   *lull.Hold `json:"hold,omitempty" doc:"the one in the way"`
	Pass   string     `json:"pass,omitempty"`
	Silent bool       `json:"silent,omitempty" doc:"the hold's owner has not been heard of for longer than its lease"`
}

// The types of problems. Any other is a fault of the request.
const (
	typePrefix = "urn:lull:problem:"

	TypeGone        = typePrefix + "gone"
	TypeNotDrained  = typePrefix + "not-drained"
	TypeBusy        = typePrefix + "busy"
	TypeNotYours    = typePrefix + "not-yours"
	TypeInside      = typePrefix + "inside"
	TypeUnavailable = typePrefix + "unavailable"
	TypeSetup       = typePrefix + "setup"
	TypeUnsupported = typePrefix + "unsupported"
	TypeSignIn      = typePrefix + "sign-in"   // who asks is not known
	TypeForbidden   = typePrefix + "forbidden" // … is known, and may not
	TypeSlow        = typePrefix + "slow"      // … has shown too many wrong tokens
	TypeRequest     = typePrefix + "request"   // the request is wrong
)

// ProblemOf is an error of a store as a problem.
func ProblemOf(err error) *Problem {
	p := &Problem{Type: TypeUnavailable, Status: http.StatusServiceUnavailable, Detail: err.Error()}
	busy, isBusy := errors.AsType[*lull.BusyError](err)
	notYours, isNotYours := errors.AsType[*lull.NotYoursError](err)
	inside, isInside := errors.AsType[*lull.InsideError](err)
	setup, isSetup := errors.AsType[*lull.SetupError](err)
	switch {
	case errors.Is(err, lull.ErrGone):
		p.Type, p.Status = TypeGone, http.StatusGone
	case errors.Is(err, lull.ErrNotDrained):
		p.Type, p.Status = TypeNotDrained, http.StatusConflict
	case isBusy:
		p.Type, p.Status = TypeBusy, http.StatusConflict
		p.Gate, p.Hold, p.Silent = busy.Gate, &busy.Hold, busy.Silent
	case isNotYours:
		p.Type, p.Status = TypeNotYours, http.StatusForbidden
		p.Gate, p.Hold = notYours.Gate, &notYours.Hold
	case isInside:
		p.Type, p.Status = TypeInside, http.StatusConflict
		p.Gate, p.Pass = inside.Gate, inside.Pass
	case isSetup:
		p.Type, p.Status, p.Hint = TypeSetup, http.StatusInternalServerError, setup.Hint
	case errors.Is(err, errors.ErrUnsupported):
		p.Type, p.Status = TypeUnsupported, http.StatusNotImplemented
	case errors.Is(err, lull.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
	default:
		p.Type, p.Status = TypeRequest, http.StatusBadRequest
	}
	p.Title = http.StatusText(p.Status)
	return p
}

// Error is the problem for a person.
func (p *Problem) Error() string {
	if p.Detail != "" {
		return p.Detail
	}
	return p.Title
}

// GetStatus is the response's status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of problems, whatever that of the answer would have been.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// Answer answers with the problem.
func (p *Problem) Answer(w http.ResponseWriter) {
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // whom it does not reach has gone
}

// Err is the problem as the error of package lull that it was.
func (p *Problem) Err() error {
	hold := lull.Hold{}
	if p.Hold != nil {
		hold = *p.Hold
	}
	switch p.Type {
	case TypeGone:
		return lull.ErrGone
	case TypeNotDrained:
		return lull.ErrNotDrained
	case TypeBusy:
		return &lull.BusyError{Gate: p.Gate, Hold: hold, Silent: p.Silent}
	case TypeNotYours:
		return &lull.NotYoursError{Gate: p.Gate, Hold: hold}
	case TypeInside:
		return &lull.InsideError{Gate: p.Gate, Pass: p.Pass}
	case TypeUnavailable:
		return &unavailable{strings.TrimPrefix(p.Error(), lull.ErrUnavailable.Error()+": ")}
	case TypeUnsupported:
		return errors.ErrUnsupported
	case TypeSignIn, TypeForbidden, TypeSetup:
		return &lull.SetupError{What: p.Error(), Hint: p.Hint}
	}
	return p
}

// unavailable is what a server says of its store.
type unavailable struct{ why string }

func (e *unavailable) Error() string { return lull.ErrUnavailable.Error() + ": " + e.why }
func (e *unavailable) Unwrap() error { return lull.ErrUnavailable }
