package remotestore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/lull-dev/lull"
)

const (
	// connectWithin is how long a connection may take to come about.
	connectWithin = 5 * time.Second

	// idleFor is how long a connection is kept that nobody uses. A waiter asks more often,
	// and keeps his; the renewals of a job that runs are further apart: ten thousand of
	// those would be as many connections to hold, for the server too.
	idleFor = 10 * time.Second

	// idleMost is as many as a process uses at once: it renews and listens beside what it
	// asks.
	idleMost = 3

	// headerMost bounds the header of an answer.
	headerMost = 64 << 10
)

// server is one lulld, and the connections to it.
type server struct {
	address
	transport *http.Transport
	header    http.Header // of every request
}

func newServer(a address, header http.Header, secure *tls.Config) *server {
	dialer := &net.Dialer{Timeout: connectWithin}
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        secure,
		TLSHandshakeTimeout:    connectWithin,
		MaxIdleConnsPerHost:    idleMost,
		IdleConnTimeout:        idleFor,
		MaxResponseHeaderBytes: headerMost,
	}
	if a.socket != "" {
		t.Proxy, t.DisableCompression = nil, true
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", a.socket)
		}
	}
	return &server{address: a, transport: t, header: header}
}

// tlsConfig is nil where nothing is asked by https.
func tlsConfig(addresses []address, ca string) (*tls.Config, error) {
	secure := false
	for _, a := range addresses {
		secure = secure || a.secure
	}
	if !secure {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)}
	if ca == "" {
		return c, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, &lull.SetupError{What: "the certificates of the authorities cannot be read", Hint: "name a file that you may read", Err: err}
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, &lull.SetupError{What: "there is no certificate in " + ca, Hint: "name a file with certificates in PEM"}
	}
	return c, nil
}
