package remotestore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/lull-dev/lull"
)

// fault is why there is no answer of a server.
type fault struct {
	err    error // for the caller: it wraps [lull.ErrUnavailable], or is a *[lull.SetupError]
	sent   bool  // the server may have done what it was asked
	broken bool  // the connection broke while that was so
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// allOf is the error of servers none of which gave an answer. While one of them may be back
// by itself the call is worth another try, whatever is wrong with the others.
func allOf(faults []*fault) error {
	var whys []string
	heals := false
	for _, f := range faults {
		heals = heals || errors.Is(f, lull.ErrUnavailable)
		whys = append(whys, strings.TrimPrefix(f.Error(), lull.ErrUnavailable.Error()+": "))
	}
	if len(faults) == 1 || !heals {
		return faults[0].err
	}
	return fmt.Errorf("%w: %s", lull.ErrUnavailable, strings.Join(whys, "; "))
}

func (sv *server) unavailable(format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", lull.ErrUnavailable, sv.shown, fmt.Sprintf(format, args...))
}

// judge says what an error means with which there was no answer, or half of one. What the
// error says of itself may have the whole request in it: only its cause is told.
func (sv *server) judge(ctx context.Context, err error) *fault {
	dial, isOp := errors.AsType[*net.OpError](err)
	sent := !isOp || dial.Op != "dial" && dial.Op != "proxyconnect"
	if setup := sv.misfit(err); setup != nil {
		return &fault{err: setup, sent: sent}
	}
	late, isNetwork := errors.AsType[net.Error](err)
	switch {
	case ctx.Err() != nil, isNetwork && late.Timeout():
		return &fault{err: sv.unavailable("%v", errNoAnswer), sent: sent}
	}
	return &fault{err: sv.unavailable("%s", cause(err)), sent: sent, broken: sent}
}

// misfit is the error of two sides that will never understand each other as they are set
// up, or nil.
func (sv *server) misfit(err error) error {
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	header, isHeader := errors.AsType[tls.RecordHeaderError](err)
	op, isOp := errors.AsType[*net.OpError](err)
	said := errors.New(innermost(err).Error())
	switch {
	case unverified:
		return &lull.SetupError{
			What: "the certificate of " + sv.shown + " is not trusted",
			Hint: "it must be for the host as the URL has it; let this host trust its authority, or name a file with that in SSL_CERT_FILE", Err: said,
		}
	case isHeader && string(header.RecordHeader[:]) == "HTTP/":
		return &lull.SetupError{What: sv.shown + " does not speak TLS", Hint: "name it with http:// if that is meant"}
	case isOp && op.Op == "remote error": // crypto/tls: an alert of the other side's
		return &lull.SetupError{What: sv.shown + " does not accept our side of TLS", Hint: "it may want a newer version of TLS, or a certificate of ours, which lull has not", Err: said}
	case isOp && op.Op == "dial" && sv.socket != "" && errors.Is(err, os.ErrPermission):
		return &lull.SetupError{What: "the socket of " + sv.shown + " may not be used by this user", Hint: "look at its mode, and at the groups of this user", Err: said}
	case isOp && op.Op == "dial" && sv.socket != "" && errors.Is(err, syscall.EINVAL):
		return &lull.SetupError{What: "the path of " + sv.shown + " is too long for a socket", Hint: "give it a shorter one"}
	}
	return nil
}

// cause is the cause of an error, for a person.
func cause(err error) string {
	dns, isDNS := errors.AsType[*net.DNSError](err)
	errno, isErrno := errors.AsType[syscall.Errno](err)
	switch {
	case isDNS: // not there may mean not there yet
		return fmt.Sprintf("host %q: %s", dns.Name, dns.Err)
	case isErrno:
		return errno.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "the connection was closed before the answer was complete"
	}
	line, _, _ := strings.Cut(innermost(err).Error(), "\n")
	return line
}

// innermost is what it all began with.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
