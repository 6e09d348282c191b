package server

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/wire"
)

// snapshots shows a gate to all who follow it by one question.
type snapshots struct {
	store lull.Store

	mu   sync.Mutex
	last map[string]*shown
}

// shown is one snapshot. Its mutex is held across the question, which is what it shares.
type shown struct {
	mu   sync.Mutex
	seen string // the changes that it shows, at least
	at   time.Time
	data []byte // JSON
}

// picture is a snapshot as it is sent.
type picture struct {
	seen string
	data []byte
}

// of is a snapshot that shows the changes so far, or one of a moment ago that shows those
// that want names.
func (s *snapshots) of(ctx context.Context, w *watched, want string) (picture, error) {
	s.mu.Lock()
	if s.last == nil {
		s.last = map[string]*shown{}
	}
	show := s.last[w.name]
	if show == nil {
		show = &shown{}
		s.last[w.name] = show
	}
	s.mu.Unlock()
	show.mu.Lock()
	defer show.mu.Unlock()
	seen, _ := w.seen()
	fresh := show.seen == seen && time.Since(show.at) < livePause
	if fresh || want != "" && show.seen == want {
		return picture{show.seen, show.data}, nil
	}
	snap, err := s.store.Snapshot(ctx, w.name)
	if err != nil {
		return picture{}, err
	}
	data, err := json.Marshal(wire.Snapshot(snap))
	if err != nil {
		return picture{}, err
	}
	show.seen, show.at, show.data = seen, time.Now(), data
	return picture{seen, data}, nil
}
