package access

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
)

// trust sets up what is refused of browsers that another site leads here: every method that
// may change something. It is refused whatever the request shows, for a browser adds by
// itself what makes it good: the cookie, or the address of this host.
func (g *Guard) trust(origins []string) error {
	g.origins = http.NewCrossOriginProtection()
	for i, origin := range origins {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" {
			return fmt.Errorf("%q is not an origin such as https://lull.example.com", origin)
		}
		if err := g.origins.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			return fmt.Errorf("trust the origin %q: %w", origin, err)
		}
		g.hosts = append(g.hosts, strings.ToLower(u.Hostname()))
		g.secure = g.secure || i == 0 && u.Scheme == "https"
	}
	if name, err := os.Hostname(); err == nil {
		g.hosts = append(g.hosts, strings.ToLower(name))
	}
	return nil
}

// fromHere says whether a request comes from this host, and not from a page of another site
// that has given its own name this host's address (DNS rebinding): to the browser that page is
// then of this server. Such a name has a dot in it.
func (g *Guard) fromHere(r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !from.Addr().Unmap().IsLoopback() {
		return false
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	_, notIP := netip.ParseAddr(host)
	return notIP == nil || !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost") || slices.Contains(g.hosts, host)
}

// remote is the address that a request comes from, without its port, or the user at the other
// end of a unix socket. Headers of proxies say what their senders like, and are not read.
func remote(r *http.Request) string {
	if p, ok := r.Context().Value(peerKey{}).(peer); ok {
		return "user " + p.name
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return "unknown"
	}
	return from.Addr().Unmap().WithZone("").String()
}
