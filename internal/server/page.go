package server

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"os"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/access"
	"github.com/lull-dev/lull/internal/page"
)

// viewer is who looks at the page.
func viewer(r *http.Request) page.Viewer {
	who := access.Of(r.Context())
	return page.Viewer{
		Name:          who.Name,
		SignedIn:      who.Role != "",
		CanClose:      who.Check(access.Close, "") == nil,
		CanOpenOthers: who.Check(access.OpenOthers, "") == nil,
		Limit:         who.LongestLimit,
		Gate:          func(gate string) bool { return who.Check(access.See, gate) == nil },
		Owns:          func(h lull.Hold) bool { return h.Kind == lull.Person && h.OwnedBy(person(who)) },
	}
}

// person is how somebody is recorded who closes a gate from the page.
func person(who access.Identity) lull.Holder {
	host, err := os.Hostname()
	if err != nil {
		host = "lulld"
	}
	// Where everybody may do everything, nobody says who he is.
	return lull.Holder{User: who.Sign(cmp.Or(who.Name, "somebody")), Host: host}
}

func (s *Server) pageClose(ctx context.Context, r *http.Request, c page.Closing) error {
	who := access.Of(r.Context())
	h := lull.Hold{ID: lull.NewID(), Gate: c.Gate, Kind: lull.Person, Holder: person(who), Reason: c.Reason, Limit: c.Limit}
	err := who.Check(access.Close, c.Gate)
	if err == nil {
		err = who.CheckLimit(c.Limit)
	}
	if err == nil {
		_, _, err = s.store.Close(ctx, h)
	}
	return refusal(err)
}

func (s *Server) pageOpen(ctx context.Context, r *http.Request, o page.Opening) error {
	who := access.Of(r.Context())
	err := who.Check(rightTo(o.Force), o.Gate)
	if err == nil {
		var opening lull.Opening
		opening, err = s.store.Open(ctx, lull.HoldRef{Gate: o.Gate, ID: o.Hold}, lull.Outcome{By: person(who), Force: o.Force, Reason: o.Reason})
		if err == nil && opening.Gone {
			err = lull.ErrGone
		}
	}
	return refusal(err)
}

func (s *Server) pageExtend(ctx context.Context, r *http.Request, x page.Extension) error {
	who := access.Of(r.Context())
	err := who.Check(rightTo(x.Force), x.Gate)
	if err == nil {
		err = who.CheckLimit(x.Limit)
	}
	if err == nil {
		_, err = s.store.Extend(ctx, lull.HoldRef{Gate: x.Gate, ID: x.Hold}, lull.Extension{Limit: x.Limit, By: person(who), Force: x.Force})
	}
	return refusal(err)
}

func rightTo(force bool) access.Verb {
	if force {
		return access.OpenOthers
	}
	return access.Close
}

// refusal is what is not allowed, in words for the page. Other errors it words itself.
func refusal(err error) error {
	var denied *access.Denied
	if errors.As(err, &denied) {
		return &page.Refusal{What: denied.Error(), Hint: "sign in with a token that may", Status: http.StatusForbidden}
	}
	return err
}

// page is what people see of this server.
func (s *Server) page(base string, signIn bool) (http.Handler, error) {
	return page.New(page.Options{
		Store: s.store, Version: s.version, Log: s.log, Base: base, SignIn: signIn, Viewer: viewer,
		Close: s.pageClose, Open: s.pageOpen, Extend: s.pageExtend,
		Changes: s.Changes, Ending: s.Ending(),
	})
}
