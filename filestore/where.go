package filestore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/lull-dev/lull"
)

// systemDir is the store of a host.
const systemDir = "/var/lib/lull"

// Default returns the directory that is meant when none is named: /var/lib/lull if it
// is there, or if this user may make it; else a directory of the user's own, and then
// implied says so, for people to be told on every use. It is never passed over when it
// is there but cannot be used: two stores on one host protect nothing. For the same
// reason the error is a *[lull.SetupError] while there are live entries in the user's
// own.
func Default() (dir, implied string, err error) {
	return place{system: systemDir, env: os.Getenv, root: os.Geteuid() == 0}.choose()
}

// place is what the choice depends on.
type place struct {
	system string
	env    func(string) string
	root   bool
}

func (p place) choose() (dir, implied string, err error) {
	user, userErr := p.user()
	_, err = os.Stat(p.system)
	switch {
	case err == nil, p.root, !errors.Is(err, os.ErrNotExist):
		if userErr == nil {
			err = p.refuseTwo(user)
		} else {
			err = nil
		}
		return p.system, "", err
	case userErr != nil:
		return "", "", userErr
	}
	return user, fmt.Sprintf("using %s, which is this user's alone: other users' jobs and deployments do not see it (sudo mkdir %s makes one for the host)",
		user, p.system), nil
}

// user is the directory of the user's own: see the XDG Base Directory Specification.
func (p place) user() (string, error) {
	if state := p.env("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "lull"), nil
	}
	if home := p.env("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "lull"), nil
	}
	return "", &lull.SetupError{
		What: "there is no place for a store: neither " + p.system + " nor a home directory",
		Hint: "name one with --store file:///dir",
	}
}

// refuseTwo refuses the host's store while the user's own is in use.
func (p place) refuseTwo(user string) error {
	if _, err := os.Stat(user); err != nil {
		return nil
	}
	live, err := inUse(user)
	if err != nil || live == "" {
		return nil // whatever is wrong with it, nobody passes a gate there
	}
	return &lull.SetupError{
		What: fmt.Sprintf("there are two stores on this host, and both are in use: %s, and %s at gate %q", p.system, user, live),
		Hint: fmt.Sprintf("wait until nothing is live in the second (lull status --all --store file://%s), or name the one that is meant with --store", user),
	}
}

// inUse names a gate with live passes or holds, if there is one.
func inUse(dir string) (gate string, err error) {
	s, err := Open(dir, Options{})
	if err != nil {
		return "", err
	}
	ctx := context.Background()
	gates, err := s.Gates(ctx)
	if err != nil {
		return "", err
	}
	for _, g := range gates {
		snap, err := s.Snapshot(ctx, g.Name)
		if err != nil {
			return "", err
		}
		if len(snap.Gate.Holds)+len(snap.Inside)+len(snap.Waiting) > 0 {
			return g.Name, nil
		}
	}
	return "", s.Shutdown(ctx)
}

// ParseURL reads a store's URL, file:///dir, with ?network=trusted if its directory
// may be on a network file system.
func ParseURL(u string) (dir string, o Options, err error) {
	wrong := func(what string) error {
		return &lull.SetupError{What: fmt.Sprintf("store %q: %s", u, what), Hint: "write it like file:///var/lib/lull"}
	}
	parsed, err := url.Parse(u)
	switch {
	case err != nil:
		return "", o, wrong("not a URL")
	case parsed.Scheme != "file":
		return "", o, wrong("the scheme is not file")
	case parsed.Host != "" && parsed.Host != "localhost":
		return "", o, wrong(fmt.Sprintf("%q stands where a host does: the path needs three slashes", parsed.Host))
	case !strings.HasPrefix(parsed.Path, "/") || parsed.User != nil || parsed.Fragment != "":
		return "", o, wrong("it needs an absolute path, and nothing else")
	}
	query, err := url.ParseQuery(parsed.RawQuery)
	if err != nil {
		return "", o, wrong("what follows the question mark cannot be read")
	}
	for key, values := range query {
		if key != "network" || len(values) != 1 || values[0] != "trusted" {
			return "", o, wrong(fmt.Sprintf("%s=%s is not known; there is only network=trusted", key, strings.Join(values, ",")))
		}
		o.NetworkTrusted = true
	}
	return filepath.Clean(parsed.Path), o, nil
}
