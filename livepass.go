package lull

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"
)

// LivePass is a pass that this process keeps alive. Whoever got one must call
// [LivePass.Leave].
type LivePass struct {
	c   *Client
	job Job
	life

	asked   Pass // as it first arrived
	arrived time.Time
	started time.Time
	rough   bool // not an undisturbed run: ask the history about casualties

	// Written by guard alone while it runs, which reads them without the mutex.
	mu    sync.Mutex
	pass  Pass
	phase Phase
	lease *lease // nil while not on record

	// What Watch was told, under the mutex too.
	command Process
	watched bool
}

// ID is the pass's ID. It changes when a lost pass is recorded anew.
func (p *LivePass) ID() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pass.ID
}

// Hint is the ID that what the job starts carries, so that it is found to run inside: see
// [Job]. It stays the same when a lost pass is recorded anew.
func (p *LivePass) Hint() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return cmp.Or(p.pass.Resumes, p.pass.ID)
}

// Phase is the gate's phase in which the job was last found inside; zero if it runs
// although the store could not be asked.
func (p *LivePass) Phase() Phase {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.phase
}

// Waited is how long Enter took.
func (p *LivePass) Waited() time.Duration { return p.started.Sub(p.arrived) }

// Watch tells a store on this host about the job's command, so that it believes in
// the pass for as long as the command lives: with the zero [Process] just before
// it is started, and with its own just after. Other stores need not know.
func (p *LivePass) Watch(ctx context.Context, command Process) error {
	p.mu.Lock()
	p.command, p.watched = command, true
	ref, recorded := p.pass.lease(), p.lease != nil
	p.mu.Unlock()
	if !recorded {
		return nil
	}
	return p.c.watch(ctx, ref, p.told)
}

// watch passes on what it is told, until that is still the last that was told: two
// who tell at once must not end with the older word.
func (c *Client) watch(ctx context.Context, ref LeaseRef, told func() (command Process, any bool)) error {
	w, ok := c.store.(Watcher)
	if !ok {
		return nil
	}
	for command, any := told(); any; {
		if err := w.Watch(ctx, ref, command); err != nil {
			return err
		}
		now, _ := told()
		if now == command {
			return nil
		}
		command = now
	}
	return nil
}

// told is what Watch was told.
func (p *LivePass) told() (command Process, any bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.command, p.watched
}

// Departure is how a job left the gate.
type Departure struct {
	// Casualty is whether its command ran while a deployment's did.
	Casualty bool
}

// Leave ends the pass. It tries for a few seconds, whatever ctx says, and then
// leaves the rest to the lease; the error is for a person. It must be called once.
// out.Waited, and out.Ran if it is zero, are filled in.
func (p *LivePass) Leave(ctx context.Context, out Outcome) (Departure, error) {
	p.finish()
	recorded := p.lease != nil && p.c.keeper.trusted(p.lease)
	p.forget()
	out.Waited = p.Waited()
	if out.Ran == 0 {
		out.Ran = time.Since(p.started)
	}
	ctx, cancel := lastMoments(ctx)
	defer cancel()
	var gate Gate
	err := p.c.lastWord(ctx, func(ctx context.Context) (err error) {
		if !recorded {
			// It ran, and may not be on record: let the history know.
			if _, _, err := p.enterLate(ctx); err != nil {
				return err
			}
			recorded, p.rough = true, true
		}
		gate, err = p.c.store.Leave(ctx, p.pass.ref(), out)
		return err
	})
	if err != nil {
		return Departure{}, err
	}
	quiet := !p.rough && gate.Phase == p.phase && gate.Phase.Open() && len(gate.Loose) == 0
	if quiet {
		return Departure{}, nil
	}
	for pause := retryFirst; ; pause = min(2*pause, retryMost) {
		casualty, err := p.c.wasCasualty(ctx, p.pass, out.Ran)
		if !errors.Is(err, ErrUnavailable) || sleep(ctx, jitter(pause)) != nil {
			return Departure{Casualty: casualty}, err
		}
	}
}

func (p *LivePass) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lease != nil {
		p.c.keeper.drop(p.lease)
		p.lease = nil
	}
}
