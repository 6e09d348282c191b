package pgtest

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"
)

// Upstream is what a Proxy stands before: a Server, a Standby or a Bouncer.
type Upstream interface {
	Addr() string
	TCPURL(database, user string) string
}

// Direction is a way through a Proxy.
type Direction int

const (
	ToServer Direction = 1 << iota
	ToClient
	BothWays = ToServer | ToClient
)

// Proxy is the network between clients and a server, which can fail. It forwards
// bytes from a port of 127.0.0.1 of its own, and understands none of them, so TLS
// goes through.
//
// All methods may be used from many goroutines.
//
// It is our own since the libraries for it could not be used: toxiproxy 2.12 never
// returns from removing a delay when a client has gone meanwhile, drops what it holds
// back, and lets the end of a connection pass.
type Proxy struct {
	upstream Upstream
	addr     string
	work     sync.WaitGroup
	// The two directions.
	toServer, toClient *way

	mu       sync.Mutex
	listener net.Listener // nil while cut
	links    map[*link]struct{}
	closed   bool
}

// StartProxy listens before upstream. Close it.
func StartProxy(upstream Upstream) (*Proxy, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	p := &Proxy{upstream: upstream, addr: loopback(port), toServer: newWay(), toClient: newWay(), links: map[*link]struct{}{}}
	return p, p.listen()
}

// NewProxy is StartProxy for a test, which it fails, and closes at its end.
func NewProxy(t testing.TB, upstream Upstream) *Proxy {
	t.Helper()
	p, err := StartProxy(upstream)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// Addr is the host and port to connect to.
func (p *Proxy) Addr() string { return p.addr }

// TCPURL is that of the upstream, by way of the proxy.
func (p *Proxy) TCPURL(database, user string) string {
	u, err := url.Parse(p.upstream.TCPURL(database, user))
	if err != nil {
		panic(err) // it was made by this package
	}
	u.Host = p.addr
	return u.String()
}

// Reset breaks all connections, and lets new ones in: both ends see a connection
// reset by its peer.
func (p *Proxy) Reset() {
	p.mu.Lock()
	links := slices.Collect(maps.Keys(p.links))
	p.mu.Unlock()
	for _, l := range links {
		l.breakOff()
	}
	for _, l := range links {
		<-l.gone
	}
}

// Cut breaks all connections, and refuses new ones until Restore.
func (p *Proxy) Cut() {
	p.mu.Lock()
	if p.listener != nil {
		p.listener.Close()
		p.listener = nil
	}
	p.mu.Unlock()
	p.Reset()
}

// Stall lets nothing pass in some directions until Restore: no bytes, and no end of
// a connection. Nothing is lost. In one direction it leaves connections half open.
// New connections seem to be made, and hang.
func (p *Proxy) Stall(directions Direction) {
	if directions&ToServer != 0 {
		p.toServer.stall()
	}
	if directions&ToClient != 0 {
		p.toClient.stall()
	}
}

// Slow makes each byte take that long in each direction, so a round trip takes
// twice as long, and so does making a connection. It replaces an earlier delay.
func (p *Proxy) Slow(oneWay time.Duration) {
	p.toServer.slow(oneWay)
	p.toClient.slow(oneWay)
}

// Restore ends all that Cut, Stall and Slow have done. What was held back goes on.
func (p *Proxy) Restore() error {
	p.toServer.restore()
	p.toClient.restore()
	return p.listen()
}

// Connections is how many connections there are, counting those of which one end has
// gone and the other does not know yet.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// Close breaks all connections and ends the proxy.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Cut()
	p.work.Wait()
	return nil
}

// listen accepts connections, unless that is done already.
func (p *Proxy) listen() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil || p.closed {
		return nil
	}
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		return fmt.Errorf("listen before %s: %w", p.upstream.Addr(), err)
	}
	p.listener = l
	p.work.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // closed by Cut
			}
			p.admit(l, client.(*net.TCPConn))
		}
	})
	return nil
}

// admit starts a link, unless the listener was closed while it accepted.
func (p *Proxy) admit(by net.Listener, client *net.TCPConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := newLink(client)
	if p.listener != by {
		l.breakOff()
		return
	}
	p.links[l] = struct{}{}
	p.work.Go(func() {
		defer close(l.gone)
		l.run(p.upstream.Addr(), p.toServer, p.toClient)
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.links, l)
	})
}
