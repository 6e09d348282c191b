package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

// DefaultListen is where lulld listens if nobody says otherwise: on this host alone.
const DefaultListen = "127.0.0.1:5855"

const (
	headerWithin = 5 * time.Second
	headerMost   = 16 << 10
	idleWithin   = 2 * time.Minute

	// endWithin is how long calls under way may take when the server ends.
	endWithin = 15 * time.Second
)

// Listening says where to listen, and what may be risked there.
type Listening struct {
	// Addresses are HOST:PORT, unix:///PATH, or "systemd" for the sockets of a .socket
	// unit. None: [DefaultListen].
	Addresses []string

	// SocketMode is the mode of unix sockets; 0: 0666, since peers are known by their uid.
	SocketMode os.FileMode

	TLS *tls.Config // for TCP; nil: plain HTTP

	// Secured is whether callers by TCP must show who they are.
	Secured bool

	// Plain allows plain HTTP on addresses that other hosts reach, and Anyone that
	// nobody there must show who they are.
	Plain, Anyone bool

	// ConnContext is the http.Server's.
	ConnContext func(context.Context, net.Conn) context.Context
}

// Listen opens the sockets. What is not safe is a *[lull.SetupError] with a hint.
func Listen(l Listening) ([]net.Listener, error) {
	if len(l.Addresses) == 0 {
		l.Addresses = []string{DefaultListen}
	}
	var all []net.Listener
	for _, address := range l.Addresses {
		opened, err := l.open(address)
		if err != nil {
			for _, other := range all {
				other.Close()
			}
			return nil, err
		}
		all = append(all, opened...)
	}
	return all, nil
}

func (l Listening) open(address string) ([]net.Listener, error) {
	if address == "systemd" {
		opened, err := activation.Listeners()
		if err == nil && len(opened) == 0 {
			err = errors.New("systemd has passed no socket")
		}
		if err != nil {
			return nil, &lull.SetupError{What: "no socket of systemd", Hint: "start lulld by its .socket unit, or name an address with --listen", Err: err}
		}
		for i, o := range opened {
			if o.Addr().Network() == "unix" {
				continue
			}
			if err := l.safe(o.Addr().String()); err != nil {
				return nil, err
			}
			opened[i] = l.withTLS(o)
		}
		return opened, nil
	}
	if path, ok := strings.CutPrefix(address, "unix://"); ok {
		opened, err := l.unixSocket(path)
		return []net.Listener{opened}, err
	}
	if err := l.safe(address); err != nil {
		return nil, err
	}
	opened, err := net.Listen("tcp", address)
	if err != nil {
		return nil, &lull.SetupError{What: "cannot listen on " + address, Hint: "name another address with --listen, such as " + DefaultListen, Err: err}
	}
	return []net.Listener{l.withTLS(opened)}, nil
}

func (l Listening) withTLS(n net.Listener) net.Listener {
	if l.TLS == nil {
		return n
	}
	return tls.NewListener(n, l.TLS)
}

// safe refuses to serve other hosts without tokens and TLS, unless that was asked for in so
// many words.
func (l Listening) safe(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return &lull.SetupError{What: fmt.Sprintf("%q is no address", address), Hint: "the addresses are HOST:PORT, unix:///PATH and systemd", Err: err}
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	switch {
	case !l.Secured && !l.Anyone:
		return &lull.SetupError{
			What: address + " can be reached by others, and there are no tokens: anybody could open the gates",
			Hint: "make tokens with: lulld token create, and name their file with --tokens; or say --allow-anyone",
		}
	case l.TLS == nil && !l.Plain:
		return &lull.SetupError{
			What: address + " can be reached by others, and without TLS anybody in between reads the tokens",
			Hint: "give --tls-cert and --tls-key; or, behind a proxy that has TLS, say --allow-plain-http",
		}
	}
	return nil
}

// unixSocket listens on a path. A socket that nobody listens on was left by somebody who
// was killed, and is replaced.
func (l Listening) unixSocket(path string) (net.Listener, error) {
	mode := l.SocketMode
	if mode == 0 {
		mode = 0o666
	}
	setup := func(err error) error {
		return &lull.SetupError{What: "cannot listen on unix://" + path, Hint: "its directory must be there and writable, and no other lulld may listen there", Err: err}
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return nil, setup(errors.New("somebody listens there"))
	} else if errors.Is(err, unix.ECONNREFUSED) {
		_ = os.Remove(path)
	}
	opened, err := net.Listen("unix", path)
	if err != nil {
		return nil, setup(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		opened.Close()
		return nil, setup(err)
	}
	return opened, nil
}

// Serve serves the sockets until ctx ends: then those who wait are sent away, and calls
// under way are answered. It closes the sockets.
func (s *Server) Serve(ctx context.Context, l Listening, sockets []net.Listener) error {
	h := &http.Server{
		Handler: s.handler, ConnContext: l.ConnContext,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: headerWithin, MaxHeaderBytes: headerMost, IdleTimeout: idleWithin,
	}
	var serving sync.WaitGroup
	failed := make(chan error, len(sockets))
	for _, socket := range sockets {
		s.log.Info("listening", "on", socket.Addr().Network()+"://"+socket.Addr().String())
		serving.Go(func() {
			if err := h.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		})
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	s.Close()
	end, cancel := context.WithTimeout(context.Background(), endWithin)
	defer cancel()
	if h.Shutdown(end) != nil {
		h.Close()
	}
	serving.Wait()
	return err
}
