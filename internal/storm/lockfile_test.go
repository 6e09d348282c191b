//go:build linux

package storm

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The wrappers that people write for themselves, a little better than usual: two
// deployments exclude each other, and the exit status is handed through. $1 is a
// directory of its own.
const (
	lockFileJob = `lock=$1/lock; shift
while [ -e "$lock" ]; do sleep 0.05; done
"$@"`
	lockFileDeployment = `lock=$1/lock; shift
until (set -C; : >"$lock") 2>/dev/null; do sleep 0.05; done
"$@"; status=$?
rm -f "$lock"; exit $status`
)

// The same with what most people add next: each job leaves its process ID in a
// directory, and a deployment waits until none of them lives.
const (
	drainLoopJob = `lock=$1/lock; pids=$1/pids; shift
while [ -e "$lock" ]; do sleep 0.05; done
echo job >"$pids/$$"
"$@"; status=$?
rm -f "$pids/$$"; exit $status`
	drainLoopDeployment = `lock=$1/lock; pids=$1/pids; shift
until (set -C; : >"$lock") 2>/dev/null; do sleep 0.05; done
for job in "$pids"/*; do while kill -0 "${job##*/}" 2>/dev/null; do sleep 0.05; done; done
"$@"; status=$?
rm -f "$lock"; exit $status`
)

// cronAfter is the age at which cron deletes a lock file, because a killed
// deployment leaves it behind: longer than any deployment here, as half an hour
// usually is.
const cronAfter = 300 * time.Millisecond

// findsOverlaps lets the storm loose on a home-made pair of wrappers, for as long as
// told and then until it has found something.
func findsOverlaps(t *testing.T, job, deployment string) {
	seed := newSeed(t)
	s := newStorm(t)
	shell := func(script string) func(plan, []string) []string {
		return func(p plan, command []string) []string {
			return append([]string{"sh", "-c", script, p.id, s.dir}, command...)
		}
	}
	s.tool = tool{job: shell(job), deployment: shell(deployment)}
	if err := os.Mkdir(filepath.Join(s.dir, "pids"), 0o755); err != nil {
		t.Fatal(err)
	}
	defer s.cron()()

	found := 0
	long, tooLong := until(howLong(2*time.Second, time.Second)), until(s.patience)
	s.blow(&planner{rng: rand.New(rand.NewPCG(seed, 1)), on: s.ground}, func() bool {
		found = len(overlaps(s.entries()))
		if !long() || found == 0 && !tooLong() {
			return false
		}
		s.killRemaining() // the rest of the queue proves no more
		return true
	})
	jobs, deployments := 0, 0
	for _, r := range s.runs {
		if r.role == Job {
			jobs++
		} else {
			deployments++
		}
	}
	t.Logf("%d overlaps, %d jobs, %d deployments", found, jobs, deployments)
	if found == 0 {
		t.Error("the storm found no overlap: it proves nothing about lull either")
	}
}

// cron deletes a lock file that is too old, until it is told to stop.
func (s *storm) cron() (stop func()) {
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for lock := filepath.Join(s.dir, "lock"); ; {
			select {
			case <-over:
				return
			case <-time.After(20 * time.Millisecond):
			}
			if info, err := os.Stat(lock); err == nil && time.Since(info.ModTime()) > cronAfter {
				os.Remove(lock)
			}
		}
	}()
	return func() {
		close(over)
		<-ended
	}
}

func TestStormFindsOverlapsOfALockFile(t *testing.T) {
	findsOverlaps(t, lockFileJob, lockFileDeployment)
}

func TestStormFindsOverlapsOfADrainLoop(t *testing.T) {
	findsOverlaps(t, drainLoopJob, drainLoopDeployment)
}
