package filestore

import (
	"context"
	"time"
)

// subscribeAfter is how long a subscription rests before it costs anything: most jobs
// find the gate open, and have cancelled it by then.
const subscribeAfter = 10 * time.Millisecond

// A process that ends closes its files before their locks are free, and its command's
// group may take some time to end after it. So a hint that somebody has gone is
// repeated, further and further apart.
const (
	echoFirst = 2 * time.Millisecond
	echoMost  = 300 * time.Millisecond
)

// Changed returns a channel that receives after something has changed at the gate:
// gate.json was replaced, or the owner of a hold has gone. Whoever has a hold at the
// gate, and so waits for jobs to leave, is told of passes too. Where the system has no
// notice to give, it never receives.
func (s *Store) Changed(ctx context.Context, gate string) (<-chan struct{}, error) {
	r, err := s.asked(ctx, gate)
	if err != nil {
		return nil, err
	}
	hint := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
		return hint, nil
	default:
	}
	s.subs.Go(func() { r.subscribe(ctx, hint) })
	return hint, nil
}

// subscribe hints until ctx or the store ends.
func (r *room) subscribe(ctx context.Context, hint chan<- struct{}) {
	t := time.NewTimer(subscribeAfter)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return
	case <-r.s.closed:
		return
	case <-t.C:
	}
	w, err := r.watcher()
	if err != nil {
		return // a hint is all this would have been
	}
	ends := context.AfterFunc(ctx, w.close)
	defer ends()
	done := make(chan struct{})
	closing := make(chan struct{})
	go func() {
		defer close(closing)
		select {
		case <-r.s.closed:
			w.close()
		case <-done:
		}
	}()
	defer func() {
		close(done)
		<-closing
		w.close()
	}()
	tell(hint) // something may have changed while we rested
	r.relay(w, hint)
}

// relay passes on what the watcher sees, and repeats what may have come too early.
func (r *room) relay(w *watcher, hint chan<- struct{}) {
	var echo time.Duration
	for {
		seen, err := w.next(echo)
		if err != nil {
			return
		}
		switch {
		case seen == somebodyGone:
			echo = echoFirst
		case seen == nothing && echo > 0:
			if echo *= 2; echo > echoMost {
				echo = 0
			}
		}
		tell(hint)
	}
}

func tell(hint chan<- struct{}) {
	select {
	case hint <- struct{}{}:
	default:
	}
}

// notice is what a watcher has seen.
type notice int

const (
	nothing      notice = iota // the time was up
	gateChanged                // a file was replaced, made or removed
	somebodyGone               // a file was closed that its owner keeps open
)

// drains reports whether this process waits for jobs to leave the gate.
func (r *room) drains() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.mine) > 0
}
