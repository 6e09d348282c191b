//go:build linux

package storm

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"time"
)

// answers runs a wrapper that answers on its standard output, with a pipe for its
// input, and returns its lines as they come. The channel is closed at their end.
func (s *storm) answers(id string, args ...string) (p *process, input *os.File, lines <-chan string, err error) {
	in, input, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, err
	}
	defer in.Close()
	answer, out, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, err
	}
	defer out.Close()
	if p, err = s.start(id, args, in, out); err != nil {
		return nil, nil, nil, err
	}
	all := make(chan string, 8)
	go func() {
		defer close(all)
		defer answer.Close()
		for scan := bufio.NewScanner(answer); scan.Scan(); {
			all <- scan.Text()
		}
	}()
	return p, input, all, nil
}

// closeWhileStdin is a deployment that holds the gate by lull close. Its witness is
// the test itself, from "drained" to the end of input: a wrapper that is killed
// takes its hold along, so that none is killed or interrupted in between.
func (s *storm) closeWhileStdin(r *run) (*process, error) {
	args := append([]string{s.lull, "close", "--while-stdin", "--drain", "--max-wait", "1m", "--reason", r.id}, r.flags...)
	p, input, lines, err := s.answers(r.id, args...)
	if err != nil {
		return nil, err
	}
	defer func() {
		input.Close()
		r.hung = !p.endedWithin(s.patience) || r.hung
	}()
	var strike <-chan time.Time
	if r.fault.kind != unharmed {
		strike = time.After(r.fault.after)
	}
	for done := false; !done; {
		select {
		case line, more := <-lines:
			if !more {
				return p, nil // the verdict asks for its witness
			}
			done = line == "drained"
		case <-strike:
			strike = nil
			r.fault.after = 0 // is over
			r.hit = r.fault.inflict(p)
			if r.fault.kind != stopped {
				r.hung = !p.endedWithin(s.patience)
				return p, nil
			}
		case <-time.After(s.patience):
			return p, nil // it is called off then, which the verdict finds wrong
		}
	}
	s.testify(&Witness{Dir: s.dir, ID: r.id, Role: Deployment}, r.life)
	if r.fault.kind == killed && strike != nil {
		r.hit = p.signal(syscall.SIGKILL) // as it leaves
	}
	return p, nil
}

// testify is a witness within the test.
func (s *storm) testify(w *Witness, life time.Duration) {
	err := w.Enter()
	time.Sleep(life)
	if noted := w.Note("ended"); err == nil {
		err = noted
	}
	if released := w.Release(); err == nil {
		err = released
	}
	if err != nil {
		s.Errorf("%s: %v", w.ID, err)
	}
}

// persons has a person close and open the gate by hand for a while, one hold after
// the other, and closes the channel afterwards.
func (s *storm) persons(rng *rand.Rand, length time.Duration) <-chan struct{} {
	done := make(chan struct{})
	enough := until(length)
	go func() {
		defer close(done)
		for n := 1; ; n++ {
			time.Sleep(between(rng, 300, 2500))
			if enough() {
				return
			}
			id, life := fmt.Sprintf("p%d", n), between(rng, 20, 200)
			switch rng.IntN(4) {
			case 0:
				s.closeAndForget(id, life, -1)
			case 1:
				s.closeAndForget(id, life, upTo(rng, 30*time.Millisecond)) // killed as it closes
			case 2:
				s.closeAndOpen(id, life, false)
			case 3:
				s.closeAndOpen(id, life, true)
			}
		}
	}()
	return done
}

// closeAndForget leaves a hold to its limit.
func (s *storm) closeAndForget(id string, limit, kill time.Duration) {
	p, err := s.start(id, []string{s.lull, "close", "--reason", id, "--limit", limit.String()})
	if err != nil {
		s.Errorf("%s: %v", id, err)
		return
	}
	if kill >= 0 {
		fault{kind: killed, signal: syscall.SIGKILL, after: kill}.inflict(p)
	}
	if !p.endedWithin(s.patience) || kill < 0 && p.status != 0 {
		s.Errorf("%s: lull close ended with %d", id, p.status)
	}
}

// unavailable is lull's exit status when the store cannot be reached.
const unavailable = 69

// closeAndOpen ends a hold by hand. If it was told that the gate is drained, no job
// may run until then.
func (s *storm) closeAndOpen(id string, life time.Duration, drain bool) {
	args := []string{s.lull, "close", "--reason", id, "--limit", "5m"}
	if drain {
		args = append(args, "--drain")
	}
	p, input, lines, err := s.answers(id, args...)
	if err != nil {
		s.Errorf("%s: %v", id, err)
		return
	}
	defer input.Close()
	if !p.endedWithin(s.patience) || p.status != 0 {
		s.Errorf("%s: lull close ended with %d", id, p.status)
	}
	hold := <-lines
	if drained := <-lines; drained == "drained" {
		s.testify(&Witness{Dir: s.dir, ID: id, Role: Calm}, life)
	} else {
		time.Sleep(life)
	}
	tooLong := until(s.patience)
	for {
		_, status, err := s.run(s.lull, "open", hold)
		if status == unavailable && !tooLong() {
			continue // a person tries again
		}
		if err != nil {
			s.Errorf("%s: %v", id, err)
		}
		return
	}
}
