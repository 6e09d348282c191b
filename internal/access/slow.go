package access

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// A person mistypes a few times, and then looks closer.
	triesAtOnce = 5
	tryEvery    = 5 * time.Second

	// addressesMost bounds the memory: some 2 MB. Who has more addresses than that is slowed
	// less.
	addressesMost = 10_000
)

// slow remembers the addresses that wrong tokens came from, and how fast.
type slow struct {
	mu     sync.Mutex
	byName map[string]*list.Element // of *tries
	oldest *list.List               // the address that was heard of the longest ago first
}

type tries struct {
	from    string
	limiter *rate.Limiter
	slowed  int // since the last one that was not
}

func newSlow() *slow { return &slow{byName: map[string]*list.Element{}, oldest: list.New()} }

// wrong notes a wrong token, and says how long its sender has to wait until the next one is
// looked at; zero: this one was. Then slowed is how many were not, since the last that was.
func (s *slow) wrong(from string) (wait time.Duration, slowed int) {
	from = neighbourhood(from)
	s.mu.Lock()
	defer s.mu.Unlock()
	at, known := s.byName[from]
	if !known {
		if s.oldest.Len() >= addressesMost {
			delete(s.byName, s.oldest.Remove(s.oldest.Front()).(*tries).from)
		}
		at = s.oldest.PushBack(&tries{from: from, limiter: rate.NewLimiter(rate.Every(tryEvery), triesAtOnce)})
		s.byName[from] = at
	}
	s.oldest.MoveToBack(at)
	t := at.Value.(*tries)
	now := time.Now()
	next := t.limiter.ReserveN(now, 1)
	if wait = next.DelayFrom(now); wait > 0 {
		next.CancelAt(now)
		t.slowed++
		return wait, 0
	}
	slowed, t.slowed = t.slowed, 0
	return 0, slowed
}

// neighbourhood is what one sender has of addresses: of IPv6, a network of 64 bits.
func neighbourhood(from string) string {
	address, err := netip.ParseAddr(from)
	if err != nil || !address.Is6() {
		return from
	}
	network, err := address.Prefix(64)
	if err != nil {
		return from
	}
	return network.String()
}
