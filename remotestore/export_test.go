package remotestore

import (
	"context"
	"net"
)

// DialWith makes the store connect by that function, which is told the host that is meant.
func (s *Store) DialWith(dial func(ctx context.Context, host string) (net.Conn, error)) {
	for _, sv := range s.servers {
		sv.transport.Proxy = nil
		sv.transport.DialContext = func(ctx context.Context, _, addr string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			return dial(ctx, host)
		}
	}
}
