package lull

import (
	"context"
	"time"
)

// Departure is how a job left the gate.
type Departure struct {
	// Casualty is whether its command ran while a deployment's did.
	Casualty bool
}

// ID is the pass's ID. It changes when a lost pass is recorded anew.
func (p *LivePass) ID() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pass.ID
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
	casualty, err := p.c.wasCasualty(ctx, p.pass, out.Ran)
	return Departure{Casualty: casualty}, err
}

// guard watches over the pass while its command runs.
func (p *LivePass) guard(ctx context.Context) {
	if p.lease == nil && !p.record(ctx) {
		return
	}
	var was leaseState
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.lease.changed:
		}
		now := p.c.keeper.look(p.lease)
		p.c.tell(p.pass.ID, was, now)
		if now.stop {
			p.end(ErrStopped)
		}
		if now.untrusted || now.lost {
			p.rough = true
			p.lose(p.job.OnLost)
		}
		if was = now; now.lost {
			if !p.again(ctx) {
				return
			}
			was = leaseState{}
		}
	}
}

// again records a pass anew that was lost while its command runs.
func (p *LivePass) again(ctx context.Context) bool {
	p.forget()
	p.mu.Lock()
	p.pass.ID, p.pass.Resumes, p.pass.Parent = NewID(), p.pass.ID, ""
	p.mu.Unlock()
	if !p.record(ctx) {
		return false
	}
	p.c.notify(Notice{Kind: EnteredAnew, ID: p.pass.ID})
	return true
}

// record puts a job on record that runs already. It tries for as long as the job
// does.
func (p *LivePass) record(ctx context.Context) bool {
	err := p.c.retry(ctx, time.Time{}, func(ctx context.Context) error {
		sent := time.Now()
		got, gate, err := p.enterLate(ctx)
		if err != nil {
			return err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.pass, p.phase = got, gate.Phase
		p.lease = p.c.keeper.keep(got.lease(), sent, p.early())
		return nil
	})
	if err != nil {
		if ctx.Err() == nil {
			p.c.notify(Notice{Kind: NotRecorded, ID: p.pass.ID, Err: err})
		}
		return false
	}
	// The pass is live without it as well, for as long as this process is.
	_ = p.c.attempt(ctx, time.Now(), func(ctx context.Context) error {
		return p.c.watch(ctx, p.pass.lease(), p.told)
	})
	return true
}

// enterLate records a pass whose command runs already. If it is on record, it stays
// as it is, but inside.
func (p *LivePass) enterLate(ctx context.Context) (Pass, Gate, error) {
	late := p.pass
	late.Force, late.Ran = true, time.Since(p.started)
	got, gate, err := p.c.store.Enter(ctx, late)
	if err == nil && !got.Inside(gate.Phase) {
		// It had arrived before, and only the answer was lost.
		return p.c.store.Force(ctx, late.ref())
	}
	return got, gate, err
}
