package access

import (
	"container/list"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	// sessionLasts is a working day: nobody is asked to sign in while deploying.
	sessionLasts = 12 * time.Hour

	// The bounds of memory. Nobody with one token can push others out.
	sessionsMost      = 10_000
	sessionsMostOfOne = 100
)

var errNoSession = errors.New("the session has ended: sign in again")

// sessions are the people who are signed in. They are in memory only: a server that is
// started again asks them to sign in again.
type sessions struct {
	mu      sync.Mutex
	byHash  map[[sha256.Size]byte]*list.Element // of session
	byToken map[string][]*list.Element          // in the order of oldest
	oldest  *list.List                          // the first to end first: all last as long
}

type session struct {
	hash    [sha256.Size]byte
	tokenID string
	ends    time.Time
}

func newSessions() *sessions {
	return &sessions{byHash: map[[sha256.Size]byte]*list.Element{}, byToken: map[string][]*list.Element{}, oldest: list.New()}
}

// begin makes a session for a token, and returns the value of its cookie.
func (s *sessions) begin(tokenID string) (value string) {
	value = rand.Text() + rand.Text() // 256 bits
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for first := s.oldest.Front(); first != nil && !now.Before(first.Value.(session).ends); first = s.oldest.Front() {
		s.remove(first)
	}
	if of := s.byToken[tokenID]; len(of) >= sessionsMostOfOne {
		s.remove(of[0])
	}
	if s.oldest.Len() >= sessionsMost {
		s.remove(s.oldest.Front())
	}
	in := session{hash(value), tokenID, now.Add(sessionLasts)}
	e := s.oldest.PushBack(in)
	s.byHash[in.hash] = e
	s.byToken[tokenID] = append(s.byToken[tokenID], e)
	return value
}

// find is the ID of the token that the session with this cookie was begun with.
func (s *sessions) find(value string) (tokenID string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.byHash[hash(value)]
	if !ok {
		return "", errNoSession
	}
	in := e.Value.(session)
	if !time.Now().Before(in.ends) {
		s.remove(e)
		return "", errNoSession
	}
	return in.tokenID, nil
}

// end ends the session with this cookie, if there is one.
func (s *sessions) end(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.byHash[hash(value)]; ok {
		s.remove(e)
	}
}

func (s *sessions) remove(e *list.Element) {
	in := s.oldest.Remove(e).(session)
	delete(s.byHash, in.hash)
	left := slices.DeleteFunc(s.byToken[in.tokenID], func(o *list.Element) bool { return o == e })
	if s.byToken[in.tokenID] = left; len(left) == 0 {
		delete(s.byToken, in.tokenID)
	}
}

// session is who signed in and got this cookie. It ends with the token.
func (g *Guard) session(cookie string) (Identity, error) {
	tokenID, err := g.sessions.find(cookie)
	if err != nil {
		return Identity{}, err
	}
	id, err := g.Tokens.byID(tokenID, time.Now())
	if err != nil {
		g.sessions.end(cookie)
	}
	return id, err
}
