package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// StopMode is how a server is stopped, with the names and meanings of pg_ctl.
type StopMode syscall.Signal

const (
	// Smart waits until all clients have gone, and lets none in.
	Smart StopMode = StopMode(syscall.SIGTERM)
	// Fast throws clients out.
	Fast StopMode = StopMode(syscall.SIGINT)
	// Immediate is a crash: the next start recovers.
	Immediate StopMode = StopMode(syscall.SIGQUIT)
)

// Start starts a stopped server and returns when it accepts connections. The error
// has the end of the log.
func (s *Server) Start(ctx context.Context) error {
	if s.Running() {
		return errors.New("start postgres: it runs already")
	}
	// Not ctx: the server outlives it.
	cmd := s.space.command(context.Background(), s.space.path("postgres"), "-D", s.data,
		"-k", s.socketDir(), "-h", "127.0.0.1", "-p", strconv.Itoa(s.port))
	p, err := startProcess(cmd, s.logFile(), syscall.SIGQUIT)
	if err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	s.process = p
	err = poll(ctx, func() (bool, error) {
		if p.ended() {
			return false, fmt.Errorf("it ended: %w", p.err)
		}
		return s.ready(), nil
	})
	if err != nil {
		p.end(syscall.SIGQUIT)
		return fmt.Errorf("start postgres: %w\n%s", err, tail(s.Log()))
	}
	return nil
}

// ready says whether the server accepts connections, as pg_ctl finds out: in the
// eighth line of postmaster.pid (src/include/utils/pidfile.h). So neither pg_hba.conf
// nor max_connections can stand in the way.
func (s *Server) ready() bool {
	content, err := os.ReadFile(filepath.Join(s.data, "postmaster.pid"))
	if err != nil {
		return false
	}
	lines := strings.Split(string(content), "\n")
	// A crash leaves the file of the process before.
	return len(lines) >= 8 && lines[0] == strconv.Itoa(s.process.pid()) && strings.TrimSpace(lines[7]) == "ready"
}

// firstStart starts a new server, on a port that stays its own.
func (s *Server) firstStart(ctx context.Context) error {
	return onFreePort(func(port int) error {
		s.port = port
		return s.Start(ctx)
	})
}

// Stop stops the server, and waits for its end or ctx's. After an error it may still
// be stopping. To stop a stopped server does nothing.
func (s *Server) Stop(ctx context.Context, mode StopMode) error {
	if !s.Running() {
		return nil
	}
	if err := s.process.stop(ctx, syscall.Signal(mode)); err != nil {
		return fmt.Errorf("stop postgres: %w", err)
	}
	return nil
}

// Restart stops and starts the server.
func (s *Server) Restart(ctx context.Context, mode StopMode) error {
	if err := s.Stop(ctx, mode); err != nil {
		return err
	}
	return s.Start(ctx)
}

// Running says whether the server's process exists; it may still be stopping, or
// frozen.
func (s *Server) Running() bool { return s.process != nil && !s.process.ended() }

// PID is the process id of the server, and parent of all its processes.
func (s *Server) PID() int { return s.process.pid() }
