package pgtest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
)

// freePort finds a port below those that Linux gives to outgoing connections (from
// 32768): one of those could be taken by anybody while a server restarts.
func freePort() (int, error) {
	const from, to = 20000, 32000
	var last error
	for range 100 {
		port := from + rand.IntN(to-from)
		l, err := net.Listen("tcp", loopback(port))
		if err == nil {
			return port, l.Close()
		}
		last = err
	}
	return 0, fmt.Errorf("find a free port: %w", last)
}

// onFreePort calls start with a port, and again with another if somebody took that
// between our look and the server's.
func onFreePort(start func(port int) error) error {
	for attempt := 1; ; attempt++ {
		port, err := freePort()
		if err != nil {
			return err
		}
		err = start(port)
		// The words are in the logs of PostgreSQL and PgBouncer, from strerror(3).
		if err == nil || attempt == 5 || !strings.Contains(err.Error(), "ddress already in use") {
			return err
		}
	}
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
