package remotestore

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/wire"
)

// Snapshot is one gate as people want to see it.
func (s *Store) Snapshot(ctx context.Context, gate string) (lull.Snapshot, error) {
	a, err := ask[wire.Snapshot](ctx, s, get(wire.Path(wire.PathGate, gate, "")))
	return lull.Snapshot(a), err
}

// Gates lists every gate that was ever used, by name.
func (s *Store) Gates(ctx context.Context) ([]lull.Gate, error) {
	a, err := ask[wire.Gates](ctx, s, get(wire.PathGates))
	return a.Gates, err
}

// Usual is how long the jobs of a gate usually run, by name.
func (s *Store) Usual(ctx context.Context, gate string) (map[string]time.Duration, error) {
	a, err := ask[wire.Usual](ctx, s, get(wire.Path(wire.PathUsual, gate, "")))
	return a.Usual, err
}

// Traffic says how a gate was used.
func (s *Store) Traffic(ctx context.Context, gate string, lately time.Duration) (lull.Traffic, error) {
	c := get(wire.Path(wire.PathTraffic, gate, ""))
	c.query = url.Values{"lately": {strconv.FormatInt(int64(lately), 10)}}
	a, err := ask[wire.Traffic](ctx, s, c)
	return lull.Traffic(a), err
}
