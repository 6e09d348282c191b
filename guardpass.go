package lull

import (
	"cmp"
	"context"
	"time"
)

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
	p.pass.Resumes = cmp.Or(p.pass.Resumes, p.pass.ID)
	p.pass.ID, p.pass.Parent = NewID(), ""
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
