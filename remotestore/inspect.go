package remotestore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/wire"
)

// slowAnswer is how long a server may take to say who it is before people notice it in
// every job; clockOff how far two clocks may differ before a history reads oddly. Nothing
// is decided by either.
const (
	slowAnswer = 100 * time.Millisecond
	clockOff   = 2 * time.Second
)

// Inspect looks whether each server can be asked, how quickly, and what it is.
func (s *Store) Inspect(ctx context.Context) []lull.Finding {
	x := &inspection{s: s}
	for _, sv := range s.servers {
		x.server(ctx, sv)
	}
	x.together()
	return x.findings
}

// inspection is one look over the servers.
type inspection struct {
	s        *Store
	abouts   []wire.About // of those that answered
	findings []lull.Finding
}

func (x *inspection) ok(what string, args ...any) {
	x.findings = append(x.findings, lull.Finding{Level: lull.LevelOK, What: fmt.Sprintf(what, args...)})
}

func (x *inspection) warn(remedy, what string, args ...any) {
	x.findings = append(x.findings, lull.Finding{Level: lull.LevelWarning, What: fmt.Sprintf(what, args...), Remedy: remedy})
}

func (x *inspection) problem(remedy, what string, args ...any) {
	x.findings = append(x.findings, lull.Finding{Level: lull.LevelProblem, What: fmt.Sprintf(what, args...), Remedy: remedy})
}

// server asks a server twice: the first answer may have needed a connection.
func (x *inspection) server(ctx context.Context, sv *server) {
	began := time.Now()
	if _, _, err := sv.about(ctx); err != nil {
		x.away(sv, err)
		return
	}
	first := time.Since(began)
	began = time.Now()
	a, clock, err := sv.about(ctx)
	took := time.Since(began)
	switch {
	case err != nil:
		x.away(sv, err)
		return
	case took > slowAnswer:
		x.warn("look at the load of its host, and at the network between", "%s takes %s to answer", sv.shown, rounded(took))
	default:
		x.ok("%s answers in %s, and the first time in %s", sv.shown, rounded(took), rounded(first))
	}
	x.abouts = append(x.abouts, a)
	x.ok("%s keeps its gates in %s", sv.shown, a.Store)
	x.token(sv)
	x.version(sv, a.Version)
	x.clock(sv, time.Since(clock))
}

func rounded(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

// about asks this server what it is. The time is that of its clock.
func (sv *server) about(ctx context.Context) (a wire.About, clock time.Time, err error) {
	err = sv.try(ctx, get(wire.PathAbout), nil, passOnAfter, func(r *reply) (err error) {
		if clock, err = http.ParseTime(r.Header.Get("Date")); err != nil {
			clock = time.Now() // where a proxy leaves it away, it tells nothing
		}
		a, err = decoded[wire.About](r)
		return err
	})
	return a, clock, err
}

func (x *inspection) away(sv *server, err error) {
	var f *fault
	if errors.As(err, &f) {
		err = f.err
	}
	setup, isSetup := errors.AsType[*lull.SetupError](err)
	switch {
	case isSetup:
		x.problem(setup.Hint, "%v", err)
	case len(x.s.servers) > 1:
		x.warn("look whether lulld runs there, and can be reached from here; the others are asked meanwhile", "%v", err)
	default:
		x.problem("look whether lulld runs there, and can be reached from here", "%v", err)
	}
}

func (x *inspection) token(sv *server) {
	switch given := sv.header.Get("Authorization") != ""; {
	case !given && sv.socket != "":
		x.ok("%s lets this user in", sv.shown)
	case !given:
		x.ok("%s lets us look without a token", sv.shown)
	case !sv.local && !sv.secure:
		x.warn("serve it by https, and name it so", "%s accepts the token, which crosses the network for anybody to read", sv.shown)
	default:
		x.ok("%s accepts the token", sv.shown)
	}
}

// version compares releases. Those built from a checkout have no order.
func (x *inspection) version(sv *server, theirs string) {
	ours := x.s.version
	released := strings.HasPrefix(ours, "v") && strings.HasPrefix(theirs, "v")
	if released && ours != theirs {
		x.warn("a release understands the one before it and the one after it: upgrade the older one", "%s is lulld %s, and this is lull %s", sv.shown, theirs, ours)
	}
}

// clock compares the server's clock to this host's. It is told in whole seconds.
func (x *inspection) clock(sv *server, behind time.Duration) {
	if behind < -clockOff || behind > clockOff+time.Second {
		x.warn("set both by NTP; limits go by the store's clock alone, but people read both",
			"the clocks of %s and of this host differ by %s", sv.shown, max(behind, -behind).Round(time.Second))
	}
}

// together looks whether several servers are one store.
func (x *inspection) together() {
	var stores []string
	shared := true
	for _, a := range x.abouts {
		stores, shared = append(stores, a.Store), shared && a.Shared
	}
	slices.Sort(stores)
	stores = slices.Compact(stores)
	switch {
	case len(x.abouts) < 2:
	case !shared:
		x.problem("put them in front of one database, or name one of them", "the servers do not share their gates: a job and a deployment that ask different ones do not see each other")
	case len(stores) > 1:
		x.warn("give all of them the same --store, unless these are names of the same one", "the servers keep their gates in %s", strings.Join(stores, " and "))
	}
}
