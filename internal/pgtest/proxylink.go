package pgtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// onTheWay is how many pieces may be under way in one direction before the sender
// has to wait. With pieces of a usual size that is as much as a socket's buffer.
const onTheWay = 1024

// link is a connection through a proxy, until both directions have ended.
type link struct {
	client *net.TCPConn
	// broken is done when the link was broken off.
	broken   context.Context
	breakOff context.CancelFunc
	// gone is closed when nothing of the link is left.
	gone chan struct{}
}

func newLink(client *net.TCPConn) *link {
	broken, breakOff := context.WithCancel(context.Background())
	context.AfterFunc(broken, func() { reset(client) })
	return &link{client: client, broken: broken, breakOff: breakOff, gone: make(chan struct{})}
}

func (l *link) run(upstream string, toServer, toClient *way) {
	defer l.breakOff()
	// A handshake is a round trip.
	if !toServer.pass(l.broken, time.Now()) || !toClient.pass(l.broken, time.Now()) {
		return
	}
	conn, err := new(net.Dialer).DialContext(l.broken, "tcp", upstream)
	if err != nil {
		return
	}
	server := conn.(*net.TCPConn)
	stop := context.AfterFunc(l.broken, func() { reset(server) })
	defer stop()

	var both sync.WaitGroup
	both.Go(func() { toServer.carry(l.broken, server, l.client) })
	both.Go(func() { toClient.carry(l.broken, l.client, server) })
	both.Wait()
	server.Close()
	l.client.Close()
}

// piece is what was read at once; err is how the reading ended.
type piece struct {
	bytes []byte
	err   error
	read  time.Time
}

// carry moves bytes, and then the end, from one connection to another.
func (w *way) carry(broken context.Context, to, from *net.TCPConn) {
	pieces := make(chan piece, onTheWay)
	var reading sync.WaitGroup
	reading.Go(func() { read(broken, from, pieces) })
	defer reading.Wait()

	deaf := false
	for p := range pieces {
		if !w.pass(broken, p.read) {
			return
		}
		switch {
		case p.err == nil && !deaf:
			// That the receiver has gone, the sender learns by the other direction,
			// which may be stalled.
			_, err := to.Write(p.bytes)
			deaf = err != nil
		case errors.Is(p.err, io.EOF):
			to.CloseWrite()
		case p.err != nil:
			reset(to)
		}
	}
}

// read puts what comes from a connection on its way, until its end.
func read(broken context.Context, from io.Reader, pieces chan<- piece) {
	defer close(pieces)
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		now := time.Now()
		if n > 0 && !send(broken, pieces, piece{bytes: bytes.Clone(buffer[:n]), read: now}) {
			return
		}
		if err != nil {
			send(broken, pieces, piece{err: err, read: now})
			return
		}
	}
}

func send(broken context.Context, pieces chan<- piece, p piece) bool {
	select {
	case pieces <- p:
		return true
	case <-broken.Done():
		return false
	}
}

// reset closes a connection so that the other end hears "connection reset by peer".
func reset(c *net.TCPConn) {
	c.SetLinger(0)
	c.Close()
}
