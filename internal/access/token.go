package access

import (
	"crypto/sha256"
	"fmt"
	"path"
	"slices"
	"time"
)

// Spec is a token to be made.
type Spec struct {
	Name         string // 1 to 40 of a-z, 0-9, ".", "_" and "-"; no live token has it yet
	Role         Role
	Gates        []string      // patterns as of [path.Match]; empty: every gate
	LongestLimit time.Duration // of its holds; zero: as long as it likes
	Expires      time.Time     // zero: never
}

func (s Spec) check(now time.Time) error {
	if !goodName(s.Name) {
		return fmt.Errorf(`the name %q is not 1 to 40 of a-z, 0-9, ".", "_" and "-"`, s.Name)
	}
	if _, err := ParseRole(string(s.Role)); err != nil {
		return err
	}
	for _, pattern := range s.Gates {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return fmt.Errorf("the pattern %q matches no gate: write one such as team-a-*", pattern)
		}
	}
	if s.LongestLimit < 0 {
		return fmt.Errorf("the longest limit %s is less than nothing", s.LongestLimit)
	}
	if !s.Expires.IsZero() && !now.Before(s.Expires) {
		return fmt.Errorf("the token would have expired already, at %s", s.Expires.Format(time.RFC3339))
	}
	return nil
}

func goodName(name string) bool {
	for _, c := range name {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return len(name) > 0 && len(name) <= 40
}

// Info is what may be told of a token.
type Info struct {
	ID           string        `json:"id"` // eight hexadecimal digits
	Name         string        `json:"name"`
	Role         Role          `json:"role"`
	Gates        []string      `json:"gates,omitempty"`
	LongestLimit time.Duration `json:"longest_limit,omitempty"` // nanoseconds
	Created      time.Time     `json:"created"`
	Expires      time.Time     `json:"expires,omitzero"`
	LastUsed     time.Time     `json:"last_used,omitzero"` // the day
	Revoked      time.Time     `json:"revoked,omitzero"`
}

// Err is nil while the token is good, else [ErrRevoked] or [ErrExpired].
func (i Info) Err(now time.Time) error {
	switch {
	case !i.Revoked.IsZero():
		return ErrRevoked
	case !i.Expires.IsZero() && !now.Before(i.Expires):
		return ErrExpired
	}
	return nil
}

// ended is when the token stopped being good; zero while it is.
func (i Info) ended(now time.Time) time.Time {
	switch i.Err(now) {
	case ErrRevoked:
		return i.Revoked
	case ErrExpired:
		return i.Expires
	}
	return time.Time{}
}

func (i Info) identity(source Source) Identity {
	return Identity{
		Name: i.Name, Role: i.Role, Gates: slices.Clone(i.Gates), LongestLimit: i.LongestLimit, Expires: i.Expires,
		Source: source, tokenID: i.ID,
	}
}

// record is a token as it is kept.
type record struct {
	Info
	Hash [sha256.Size]byte
}
