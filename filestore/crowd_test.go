package filestore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

// crowd is one process's part: many jobs and a deployment at once, each of which
// proves by locks of its own, in a file beside the gates, that the other is not
// running. Those locks know nothing of the store.
func crowd(ctx context.Context, s *Store, what string) (string, error) {
	var jobs, rounds int
	if _, err := fmt.Sscanf(what, "%dx%d", &jobs, &rounds); err != nil {
		return "", err
	}
	errs := make(chan error, jobs+1)
	var all sync.WaitGroup
	for range jobs {
		all.Go(func() {
			for range rounds {
				errs <- oneJob(ctx, s)
			}
		})
	}
	all.Go(func() {
		for range rounds {
			errs <- oneDeployment(ctx, s)
		}
	})
	go func() { all.Wait(); close(errs) }()
	var first error
	for err := range errs {
		if first == nil {
			first = err
		}
	}
	return "done", first
}

// proof takes a lock that nobody who must not run at the same time may have.
func proof(s *Store, how int) (func(), error) {
	fd, err := unix.Open(filepath.Join(s.dir, "proof"), unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(fd, how|unix.LOCK_NB); err != nil {
		unix.Close(fd)
		return nil, errors.New("a job and a deployment run at the same time")
	}
	return func() { unix.Close(fd) }, nil
}

func pause() { time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond) } // between two questions, as a waiter does

func oneJob(ctx context.Context, s *Store) error {
	p := newPass()
	ref := lull.PassRef{Gate: p.Gate, ID: p.ID}
	p, g, err := s.Enter(ctx, p)
	for err == nil && !p.Inside(g.Phase) {
		pause()
		p, g, err = s.Poll(ctx, ref)
	}
	if err != nil {
		return err
	}
	done, err := proof(s, unix.LOCK_SH)
	if err != nil {
		return err
	}
	pause()
	done()
	_, err = s.Leave(ctx, ref, lull.Outcome{})
	return err
}

func oneDeployment(ctx context.Context, s *Store) error {
	h := newHold(lull.Deployment)
	h.Queue, h.Holder.PID = true, os.Getpid()
	ref := lull.HoldRef{Gate: h.Gate, ID: h.ID}
	if _, _, err := s.Close(ctx, h); err != nil {
		return err
	}
	for {
		d, err := s.Drain(ctx, ref)
		if err != nil {
			return err
		}
		if d.Drained {
			break
		}
		pause()
	}
	if err := s.Begin(ctx, ref, lull.Start{}); err != nil {
		return err
	}
	done, err := proof(s, unix.LOCK_EX)
	if err != nil {
		return err
	}
	pause()
	done()
	_, err = s.Open(ctx, ref, lull.Outcome{By: h.Holder})
	return err
}

func TestJobsAndDeploymentsOfManyProcessesNeverMeet(t *testing.T) {
	dir := t.TempDir()
	const processes, jobs, rounds = 5, 40, 3 // 200 jobs at a time
	answers := make(chan string, processes)
	var all []*actor
	for range processes {
		a := newActor(t, dir)
		all = append(all, a)
		go func() {
			answer, _ := a.try("rounds", fmt.Sprintf("%dx%d", jobs, rounds))
			answers <- answer
		}()
	}
	for range processes {
		if answer := <-answers; answer != "done" {
			t.Error(answer)
		}
	}
	s := openAt(t, dir, thisHost())
	snap, err := s.Snapshot(t.Context(), lull.DefaultGate)
	if err != nil || len(snap.Gate.Holds)+len(snap.Inside)+len(snap.Waiting) > 0 {
		t.Fatalf("at the end: %+v, %v", snap, err)
	}
	toldOnce(t, s)
	for _, a := range all {
		a.kill() // with files for the passes they would have made next
	}
	r, err := s.room(lull.DefaultGate)
	if err == nil {
		err = r.tidy(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	nothingLeft(t, r.dir)
}

// TestCloserIsNotStarved counts the arrivals that get in between a closer's request
// and its lock. Those who were there may finish, and each may come once more; without
// the turnstile thousands did.
func TestCloserIsNotStarved(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, thisHost())
	comeAndGo(t, s)
	stop := make(chan struct{})
	var busy sync.WaitGroup
	const arrivers = 4
	var mu sync.Mutex
	asked, slipped := false, 0
	for range arrivers {
		other := openAt(t, dir, thisHost())
		r, err := other.room(lull.DefaultGate)
		if err != nil {
			t.Fatal(err)
		}
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				h, err := r.lock.take(t.Context(), unix.LOCK_SH, time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if asked {
					slipped++
				}
				mu.Unlock()
				r.lock.give(h)
			}
		})
	}
	r, err := s.room(lull.DefaultGate)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		h, err := r.lock.take(t.Context(), unix.LOCK_SH, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		// From here on the closer has the turnstile: nobody may come in any more.
		fd, err := r.s.makeFile(r.lock.turn, 0)
		if err == nil {
			err = r.lock.wait(t.Context(), fd, unix.LOCK_EX, time.Now().Add(time.Minute))
		}
		if err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		asked, slipped = true, 0
		mu.Unlock()
		err = r.lock.wait(t.Context(), h.lock, unix.LOCK_EX, time.Now().Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		if slipped > arrivers {
			t.Errorf("%d arrivals got in before a closer at the turnstile", slipped)
		}
		asked = false
		mu.Unlock()
		unix.Close(fd)
		r.lock.give(h)
	}
	close(stop)
	busy.Wait()
}
