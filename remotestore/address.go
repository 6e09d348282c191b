package remotestore

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/lull-dev/lull"
)

// address is where one server listens.
type address struct {
	base   string // what the path of a call follows
	socket string // the path of its unix socket, or ""
	shown  string // as people name it
	secure bool   // it speaks TLS
	local  bool   // nothing that is sent to it leaves this host
}

const urlForm = "lulld's URL is like http://HOST:PORT, https://HOST:PORT or unix:///PATH; several may stand with commas between"

// parse takes a URL apart. Its errors say nothing that stands in it, since nobody can
// tell what that is.
func parse(text string) ([]address, error) {
	var all []address
	for part := range strings.SplitSeq(text, ",") {
		a, err := parseOne(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

func parseOne(text string) (address, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return address{}, wrongURL("it cannot be understood", urlForm)
	case u.User != nil:
		return address{}, wrongURL("there is a user or a password in it", "leave it away, and set LULL_TOKEN to a token of yours")
	case u.RawQuery != "", u.ForceQuery, u.Fragment != "", u.Opaque != "":
		return address{}, wrongURL("it has more in it than where the server is", urlForm)
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	switch u.Scheme {
	case "unix":
		if u.Host != "" || path == "" {
			return address{}, wrongURL("the socket's path is not absolute", "write it like unix:///run/lull.sock, with three slashes")
		}
		return address{base: "http://lulld", socket: u.Path, shown: "unix://" + path, local: true}, nil
	case "http", "https":
		if u.Hostname() == "" {
			return address{}, wrongURL("it names no host", urlForm)
		}
		where := u.Scheme + "://" + u.Host + path
		return address{base: where, shown: where, secure: u.Scheme == "https", local: isLoopback(u.Hostname())}, nil
	}
	return address{}, wrongURL("it is neither http, https nor unix", urlForm)
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func wrongURL(what, hint string) error {
	return &lull.SetupError{What: "lulld's URL is wrong: " + what, Hint: hint}
}

func shown(all []address) string {
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = a.shown
	}
	return strings.Join(names, ",")
}

// Mask is the URL as people may see it. Of one that [Open] would refuse nothing but the
// scheme is left: what is wrong with it may be a password.
func Mask(url string) string {
	if all, err := parse(url); err == nil {
		return shown(all)
	}
	scheme, _, ok := strings.Cut(url, "://")
	if !ok {
		return "***"
	}
	return scheme + "://***"
}
