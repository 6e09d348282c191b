package pgtest

import (
	"errors"
	"net"
	"testing"
)

func TestTakenPortIsNotTheEnd(t *testing.T) {
	t.Parallel()
	s := NewServer(t, Config{})
	b := NewBouncer(t, s, BouncerConfig{})
	b.Stop()
	if err := s.Stop(t.Context(), Fast); err != nil {
		t.Fatal(err)
	}
	for name, servant := range map[string]struct {
		addr  string
		start func() error
	}{
		"postgres":  {s.Addr(), func() error { return s.Start(t.Context()) }},
		"pgbouncer": {b.Addr(), func() error { return b.Start(t.Context()) }},
	} {
		rival, err := net.Listen("tcp", servant.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer rival.Close()
		ports := map[int]bool{}
		err = onFreePort(func(port int) error {
			ports[port] = true
			if len(ports) == 1 {
				return servant.start()
			}
			return nil
		})
		if err != nil || len(ports) != 2 {
			t.Errorf("%s: %v, tried %d ports", name, err, len(ports))
		}
	}
}

func TestOtherFailuresAreTheEnd(t *testing.T) {
	t.Parallel()
	tries, broken := 0, errors.New("no such user")
	if err := onFreePort(func(int) error { tries++; return broken }); err != broken || tries != 1 {
		t.Errorf("%v after %d tries", err, tries)
	}
	tries = 0
	taken := errors.New("Address already in use")
	if err := onFreePort(func(int) error { tries++; return taken }); err != taken || tries != 5 {
		t.Errorf("%v after %d tries", err, tries)
	}
}
