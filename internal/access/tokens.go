package access

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// The errors of [Tokens.Lookup].
var (
	ErrMistyped = errors.New("that is no token: a part is missing or wrong")
	ErrUnknown  = errors.New("the token is not known here")
	ErrExpired  = errors.New("the token has expired")
	ErrRevoked  = errors.New("the token was revoked")
)

// ErrNoToken is the error of revoking what there is not.
var ErrNoToken = errors.New("there is no such token")

const (
	// lookEvery is how often the file is looked at: so late may a revocation by another
	// process be.
	lookEvery = time.Second

	// rememberEnded is how long a token that has ended stays on the list. Nobody has to
	// clean up.
	rememberEnded = 90 * 24 * time.Hour

	day = 24 * time.Hour
)

// Tokens are the tokens in one file. Other processes may use the file at the same time. All
// methods are safe for concurrent use.
type Tokens struct {
	file tokenFile

	mu      sync.Mutex
	known   []record
	version version
	looked  time.Time
	trouble error
	noted   map[string]time.Time // the day of the last use that this process knows of, by ID
}

// OpenTokens returns the tokens in a file, which the first [Tokens.Create] makes if it is
// not there. Once the file is removed, there are none. The error is a *[FileError].
func OpenTokens(path string) (*Tokens, error) {
	t := &Tokens{file: tokenFile{path}, noted: map[string]time.Time{}}
	var err error
	if t.known, t.version, err = t.file.read(); err != nil {
		return nil, err
	}
	t.looked = time.Now()
	return t, nil
}

// Create makes a token, and returns its text, which is kept nowhere. It waits while another
// process changes the file.
func (t *Tokens) Create(s Spec) (token string, _ Info, _ error) {
	now := time.Now()
	if err := s.check(now); err != nil {
		return "", Info{}, err
	}
	token = newToken()
	made := record{Info{
		Name: s.Name, Role: s.Role, Gates: slices.Clone(s.Gates), LongestLimit: s.LongestLimit,
		Created: now.UTC().Truncate(time.Second), Expires: s.Expires,
	}, hash(token)}
	err := t.change(func(all []record) ([]record, error) {
		if slices.ContainsFunc(all, func(r record) bool { return r.Name == s.Name && r.Err(now) == nil }) {
			return nil, fmt.Errorf("there is a token %q already: take another name, or revoke that one first", s.Name)
		}
		for made.ID == "" || slices.ContainsFunc(all, func(r record) bool { return r.ID == made.ID }) {
			var id [4]byte
			rand.Read(id[:])
			made.ID = hex.EncodeToString(id[:])
		}
		all = slices.DeleteFunc(all, func(r record) bool {
			ended := r.ended(now)
			return !ended.IsZero() && now.Sub(ended) > rememberEnded
		})
		return append(all, made), nil
	})
	if err != nil {
		return "", Info{}, err
	}
	return token, made.Info, nil
}

// List is every token, the oldest first, also those that ended in the last months.
func (t *Tokens) List() []Info {
	all := t.current()
	infos := make([]Info, len(all))
	for i, r := range all {
		infos[i] = r.Info
		infos[i].Gates = slices.Clone(r.Gates)
	}
	return infos
}

// Revoke ends a token, named by its ID or, while it is good, by its name. It is over in this
// process at once, in others within a second. The error is [ErrNoToken], [ErrRevoked] or
// [ErrExpired] if there is none to revoke, or one of the file.
func (t *Tokens) Revoke(idOrName string) error {
	now := time.Now()
	return t.change(func(all []record) ([]record, error) {
		i := slices.IndexFunc(all, func(r record) bool { return r.Name == idOrName && r.Err(now) == nil })
		if i < 0 {
			i = slices.IndexFunc(all, func(r record) bool { return r.ID == idOrName })
		}
		if i < 0 {
			i = slices.IndexFunc(all, func(r record) bool { return r.Name == idOrName })
		}
		if i < 0 {
			return nil, fmt.Errorf("revoke %q: %w", idOrName, ErrNoToken)
		}
		if err := all[i].Err(now); err != nil {
			return nil, fmt.Errorf("revoke %q: %w", idOrName, err)
		}
		all[i].Revoked = now.UTC().Truncate(time.Second)
		return all, nil
	})
}

// Lookup says whose token a text is. Its time tells nothing about the tokens there are. The
// error is [ErrMistyped], [ErrUnknown], [ErrExpired] or [ErrRevoked]; of the last two the
// identity has the name, and no role.
func (t *Tokens) Lookup(token string, now time.Time) (Identity, error) {
	if !wellFormed(token) {
		return Identity{}, ErrMistyped
	}
	sum := hash(token)
	all := t.current()
	found := -1
	for i := range all {
		if subtle.ConstantTimeCompare(all[i].Hash[:], sum[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return Identity{}, ErrUnknown
	}
	return t.use(all[found].Info, ByToken, now)
}

// byID is Lookup for somebody whose token was looked up before.
func (t *Tokens) byID(id string, now time.Time) (Identity, error) {
	for _, r := range t.current() {
		if r.ID == id {
			return t.use(r.Info, BySession, now)
		}
	}
	return Identity{}, ErrUnknown
}

func (t *Tokens) use(i Info, source Source, now time.Time) (Identity, error) {
	if err := i.Err(now); err != nil {
		return Identity{Name: i.Name, tokenID: i.ID}, err
	}
	t.noteUse(i, now)
	return i.identity(source), nil
}

// noteUse keeps the day of the last use: at most one write a day for each token. That it
// could not be written is no reason to refuse anybody.
func (t *Tokens) noteUse(i Info, now time.Time) {
	today := now.UTC().Truncate(day)
	t.mu.Lock()
	noted := !i.LastUsed.Before(today) || !t.noted[i.ID].Before(today)
	t.noted[i.ID] = today
	t.mu.Unlock()
	if noted {
		return
	}
	_ = t.change(func(all []record) ([]record, error) {
		for n := range all {
			if all[n].ID == i.ID && all[n].LastUsed.Before(today) {
				all[n].LastUsed = today
			}
		}
		return all, nil
	})
}

// Trouble is what was wrong with the file when it was last looked at; nil if nothing was.
// While it lasts, the tokens are what they were before.
func (t *Tokens) Trouble() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.trouble
}

// current is the tokens as they were in the file a second ago or later. It is not to be
// changed.
func (t *Tokens) current() []record {
	now := time.Now()
	t.mu.Lock()
	all, version, fresh := t.known, t.version, now.Sub(t.looked) < lookEvery && now.Sub(t.looked) >= 0
	if !fresh {
		t.looked = now // the others go on with what is known
	}
	t.mu.Unlock()
	if fresh {
		return all
	}
	same, err := t.file.is(version)
	if !same && err == nil {
		all, version, err = t.file.read()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trouble = err
	if err != nil || same {
		return t.known
	}
	t.known, t.version = all, version
	return all
}

// change replaces the tokens by what f makes of them as they are in the file, while no other
// process changes them.
func (t *Tokens) change(f func([]record) ([]record, error)) error {
	unlock, err := t.file.lock()
	if err != nil {
		return err
	}
	defer unlock()
	all, _, err := t.file.read()
	if err != nil {
		return err
	}
	all, err = f(all)
	if err != nil {
		return err
	}
	version, err := t.file.write(all)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known, t.version, t.looked, t.trouble = all, version, time.Now(), nil
	return nil
}
