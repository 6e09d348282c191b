package remotestore

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lull-dev/lull"
)

// How a waiter asks, who is told of changes besides: the server answers from memory, so
// that a question costs it next to nothing.
const (
	pollFirst = 100 * time.Millisecond
	pollMost  = 2 * time.Second
)

// Store asks one of a few servers. It is safe for concurrent use. Make one with [Open].
type Store struct {
	servers  []*server
	shown    string
	version  string
	answered atomic.Int32 // the index of the server that answered last

	closing context.Context // ends with Shutdown
	close   context.CancelFunc

	mu   sync.Mutex
	subs sync.WaitGroup // those who listen for changes; none is added once closing has ended
}

var (
	_ lull.Store      = (*Store)(nil)
	_ lull.Notifier   = (*Store)(nil)
	_ lull.Summarizer = (*Store)(nil)
	_ lull.Inspector  = (*Store)(nil)
)

// Options say how the servers are asked.
type Options struct {
	// Token is what lulld knows the caller by; "" where it wants none. It is sent to every
	// server that the URL names.
	Token string

	// CA is a file with the certificates, in PEM, of the authorities that are trusted for
	// https; "" means those that this host trusts.
	CA string

	// Version is that of the program that asks, for the server's log and for [Store.Inspect].
	Version string
}

// Open returns the store behind the servers that a URL names: http://HOST:PORT,
// https://HOST:PORT, with a path where a proxy wants one, unix:///PATH of a socket, or
// several of these with commas between. HTTP_PROXY, HTTPS_PROXY and NO_PROXY count as they
// do elsewhere. It does not connect: the first call does. The error is a
// *[lull.SetupError], without a token or password in it.
func Open(url string, o Options) (*Store, error) {
	addresses, err := parse(url)
	if err != nil {
		return nil, err
	}
	if err := checkToken(o.Token); err != nil {
		return nil, err
	}
	secure, err := tlsConfig(addresses, o.CA)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Accept": {"application/json"}, "User-Agent": {userAgent(o.Version)}}
	if o.Token != "" {
		header.Set("Authorization", "Bearer "+o.Token)
	}
	s := &Store{shown: shown(addresses), version: o.Version}
	for _, a := range addresses {
		s.servers = append(s.servers, newServer(a, header, secure))
	}
	s.closing, s.close = context.WithCancel(context.Background())
	return s, nil
}

func userAgent(version string) string {
	if version == "" {
		return "lull"
	}
	return "lull/" + version
}

// checkToken refuses what cannot stand in a header, without showing it.
func checkToken(token string) error {
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return &lull.SetupError{What: "the token has a character in it that no token has", Hint: "look for a blank or a line break in LULL_TOKEN"}
	}
	return nil
}

// About describes the store. Whether other hosts see the same gates the server knows, and
// is not asked: over a network they do, and an agent on a socket is there for that.
func (s *Store) About() lull.About {
	return lull.About{URL: s.shown, PollFirst: pollFirst, PollMost: pollMost, Shared: true}
}

// Shutdown ends the subscriptions, and closes the connections that are idle. It returns
// early when ctx ends.
func (s *Store) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.close()
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.subs.Wait()
		for _, sv := range s.servers {
			sv.transport.CloseIdleConnections()
		}
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
