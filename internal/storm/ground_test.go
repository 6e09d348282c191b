//go:build linux

package storm

import (
	"io/fs"
	"path/filepath"
	"strings"
	"time"
)

// ground is what the storm is let loose on: a store, and what is known of it. The
// plans, the referee and the verdict are the same on every ground.
type ground struct {
	store     []string // the variables that name it, and what it takes to use it
	ways      []string // URLs of it, of which each wrapper takes one; none: as store says
	lease     time.Duration
	killGrace time.Duration

	// patience is after how long a wrapper counts as hanging.
	patience time.Duration

	// lapses is whether a lease may end although its owner lives, if that could not
	// renew it: where the store sees no processes, a lease is all that it knows of one.
	// It is also how long a dead owner's place lasts, and somebody must wait to end it.
	lapses bool

	// notice is how long it may take until a waiter asks whether something has changed.
	notice time.Duration

	// pace is how many times longer than usual it is quiet between two bursts, where
	// a wait is longer; and rarity, how many times fewer wrappers meet a fault.
	pace, rarity int

	// spread is how long after one another the wrappers of a burst start, so that the jobs
	// go on arriving when the deployment in their midst has got to closing the gate.
	spread time.Duration

	// lasting is of how many jobs one lives for longer than a lease, where that can
	// lapse, and of four times as many deployments; 0: of none.
	lasting int

	// room is how many wrappers and commands there are at once.
	room int

	// records lists what the store has left of passes and holds, one a line.
	records func() ([]string, error)
}

// fileGround is a directory. The lease is the shortest that lull's checks allow with
// this grace: it is how long a deployment waits for a job whose wrapper was killed
// between its fork and noting whom it had forked.
func fileGround(store string) ground {
	return ground{
		store: []string{"LULL_STORE=file://" + store},
		lease: 1500 * time.Millisecond, killGrace: 300 * time.Millisecond,
		patience: 30 * time.Second, // every wait is for some commands of 0.2 s, a lease, or a stopped wrapper
		pace:     1, rarity: 1,
		room:    60, // enough for a burst of 30 jobs
		records: func() ([]string, error) { return filesLeft(store), nil },
	}
}

// filesLeft lists the files of passes and holds in a file store. The gate's own few
// files stay.
func filesLeft(store string) []string {
	var left []string
	filepath.WalkDir(store, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(store, path)
		if err == nil && !d.IsDir() && (strings.Contains(name, "passes/") || strings.Contains(name, "holds/")) {
			left = append(left, name)
		}
		return nil
	})
	return left
}

// lapse is how long after its last sign of life an owner may be taken for dead: its
// lease, and the margin by which the store believes in it longer than it does itself.
func (g ground) lapse() time.Duration { return g.lease + g.lease/10 }

// longestStop is longer than a lease lasts: a wrapper that was stopped for so long
// finds on waking that it could not renew.
func (g ground) longestStop() time.Duration { return g.lapse() + 500*time.Millisecond }
