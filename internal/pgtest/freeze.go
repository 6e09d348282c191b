package pgtest

import (
	"context"
	"errors"
	"fmt"
	"syscall"
)

// Freeze stops all processes of the server where they are (SIGSTOP), as a host does
// that swaps or is suspended: connections stay open, and nothing answers. When it
// returns, none of them runs.
func (s *Server) Freeze(ctx context.Context) error {
	if !s.Running() {
		return errors.New("freeze postgres: it does not run")
	}
	// The parent may have been forking when it was told: look until nobody is left.
	return poll(ctx, func() (bool, error) {
		if err := s.signalAll(syscall.SIGSTOP); err != nil {
			return false, err
		}
		return s.allStopped()
	})
}

// Thaw lets a frozen server go on. To thaw another does nothing.
func (s *Server) Thaw() error {
	if !s.Running() {
		return nil
	}
	return s.signalAll(syscall.SIGCONT)
}

func (s *Server) signalAll(signal syscall.Signal) error {
	pids, err := s.processes()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		// A backend may have ended meanwhile.
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("send %v to process %d: %w", signal, pid, err)
		}
	}
	return nil
}

func (s *Server) allStopped() (bool, error) {
	pids, err := s.processes()
	if err != nil {
		return false, err
	}
	for _, pid := range pids {
		if runs, err := runs(pid); runs || err != nil {
			return false, err
		}
	}
	return true, nil
}

// processes lists the server's, the parent first.
func (s *Server) processes() ([]int, error) {
	children, err := childrenOf(s.PID())
	if err != nil {
		return nil, fmt.Errorf("list the processes of postgres: %w", err)
	}
	return append([]int{s.PID()}, children...), nil
}
