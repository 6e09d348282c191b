package access

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Source is how somebody is known.
type Source string

// The sources.
const (
	Nobody      Source = ""        // showed nothing
	ByToken     Source = "token"   // a program with a token
	BySession   Source = "session" // a person who signed in with one
	ByUser      Source = "socket"  // a user of this host, by a unix socket
	ByOpenDoors Source = "open"    // the server is open to whoever reaches it
)

// Identity is who asks. The zero value is nobody.
type Identity struct {
	Name   string // the token's, or the user's
	Role   Role
	Gates  []string // patterns such as "team-a-*", as of [path.Match]; empty: every gate
	Source Source

	// LongestLimit is the longest that its holds may last. Zero: as long as it likes.
	LongestLimit time.Duration

	// Expires is when the token ends. Zero: never.
	Expires time.Time

	tokenID     string
	namesOthers bool // may say who is behind what it records
}

// Everybody is whoever reaches an open server: an admin who may name anybody.
func Everybody() Identity {
	return Identity{Role: Admin, Source: ByOpenDoors, namesOthers: true}
}

// Check says whether it may do something at a gate. A gate of "" is for what is about no
// gate, or about several that are checked one by one. The error is a *[Denied].
func (id Identity) Check(v Verb, gate string) error {
	denied := func(why string) error { return &Denied{Who: id, Verb: v, Gate: gate, Why: why} }
	switch {
	case id.Role == "" && id.Source == Nobody:
		return denied("it takes " + v.takes())
	case id.Role == "":
		return denied("there is no role, and it takes " + v.takes())
	case !id.Role.May(v):
		return denied(fmt.Sprintf("the role is %s, and it takes %s", id.Role, v.takes()))
	case gate != "" && !id.atGate(gate):
		return denied("it is for " + strings.Join(id.Gates, ", ") + " only")
	}
	return nil
}

func (id Identity) atGate(gate string) bool {
	return len(id.Gates) == 0 || slices.ContainsFunc(id.Gates, func(pattern string) bool {
		ok, err := path.Match(pattern, gate)
		return ok && err == nil
	})
}

// CheckLimit says whether its holds may last so long. The limit is the one that the hold
// will have: its kind's default where nobody gave another. Zero or less is no limit. The
// error is a *[Denied].
func (id Identity) CheckLimit(limit time.Duration) error {
	switch {
	case id.LongestLimit == 0 || limit > 0 && limit <= id.LongestLimit:
		return nil
	case limit <= 0:
		return &Denied{Who: id, Verb: Close, Why: fmt.Sprintf("its holds need a limit, of %s at most", id.LongestLimit)}
	}
	return &Denied{Who: id, Verb: Close, Why: fmt.Sprintf("its holds may last %s at most, and this one %s", id.LongestLimit, limit)}
}

// Denied is the error of somebody who may not do something.
type Denied struct {
	Who  Identity
	Verb Verb
	Gate string // "" when it is about none
	Why  string // follows a colon
}

// Error says who may not do what, and why: for a person.
func (d *Denied) Error() string {
	if d.Who.Source == Nobody && d.Who.Role == "" {
		return fmt.Sprintf("without a token nobody may %s: %s", d.Verb.at(d.Gate), d.Why)
	}
	return fmt.Sprintf("%s may not %s: %s", d.Who, d.Verb.at(d.Gate), d.Why)
}

// String names it for a person.
func (id Identity) String() string {
	switch id.Source {
	case ByToken, BySession:
		return fmt.Sprintf("the token %q", id.Name)
	case ByUser:
		return fmt.Sprintf("the user %q", id.Name)
	case ByOpenDoors:
		return "whoever reaches this server"
	}
	if id.Name != "" {
		return id.Name
	}
	return "nobody"
}

type key struct{}

// asking is what a context knows about who asks.
type asking struct {
	id    Identity
	still func() bool
}

// With is a context in which somebody asks.
func With(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, key{}, asking{id, func() bool { return true }})
}

// Of is who asks in a context. Where no [Guard] has looked, it is nobody.
func Of(ctx context.Context) Identity {
	a, _ := ctx.Value(key{}).(asking)
	return a.id
}

// Still says whether what somebody showed when the request came is good yet: their token
// has not ended, nor their session. It is for answers that go on for long.
func Still(ctx context.Context) bool {
	a, ok := ctx.Value(key{}).(asking)
	return ok && a.still()
}
