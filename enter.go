package lull

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Enter passes the gate: it blocks while the gate is closed, and returns when the
// job is inside, certainly. Its errors are [ErrTimeout] when that took longer than
// job.MaxWait, [ErrUnavailable] when the store could not be asked, and ctx's; the
// job is then not on record any more.
func (c *Client) Enter(ctx context.Context, job Job) (*LivePass, error) {
	p := &LivePass{c: c, job: job, arrived: time.Now()}
	p.asked = Pass{
		ID: NewID(), Gate: c.gate, Name: job.Name, Command: job.Command, JobID: job.JobID,
		Holder: c.holder, Lease: c.timing.Lease, Parent: job.Parent, PartOf: job.PartOf,
	}
	p.pass = p.asked
	if err := p.enter(ctx); err != nil {
		p.giveUp(ctx, err)
		return nil, err
	}
	p.started = time.Now()
	p.life = newLife(ctx)
	p.begin(p.guard)
	return p, nil
}

// enter returns when the pass is inside within trust, or when it may run although
// it is not.
func (p *LivePass) enter(ctx context.Context) error {
	w := p.c.newWaiter(ctx)
	defer w.stop()
	w.until = within(p.job.MaxWait)
	for {
		gate, err := p.ask(ctx, w.until)
		inside := err == nil && p.pass.Inside(gate.Phase)
		switch {
		case inside && p.c.keeper.trusted(p.lease):
			// A loose command meets this job, and may have ended when it leaves.
			p.phase, p.rough = gate.Phase, len(gate.Loose) > 0
			return nil
		case inside:
			p.c.keeper.nudge(p.lease) // the answer took longer than it is worth
		case err == nil && p.job.Waiting != nil:
			p.job.Waiting(gate)
		case err == nil:
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, ErrGone):
			p.reset() // the lease ended while we waited: arrive once more
		case errors.Is(err, ErrUnavailable) && p.job.OnUnavailable == UnavailableRuns:
			p.forget()
			p.rough = true
			return nil
		case errors.Is(err, ErrUnavailable) && p.job.OnUnavailable == UnavailableWaits:
			return p.timedOut(ctx, err)
		default:
			return err
		}
		err = w.wait(ctx)
		if errors.Is(err, ErrTimeout) && ctx.Err() == nil {
			return p.timedOut(ctx, fmt.Errorf("gate %q did not open within %s: %w", p.c.gate, p.job.MaxWait, ErrTimeout))
		}
		if err != nil {
			return err
		}
	}
}

// ask records the pass, or asks about it when it is on record.
func (p *LivePass) ask(ctx context.Context, until time.Time) (gate Gate, err error) {
	ask := func(ctx context.Context) error {
		if p.lease != nil && !p.mayBeCalled() {
			got, g, err := p.c.store.Poll(ctx, p.pass.ref())
			if err == nil {
				p.pass, gate = got, g
			}
			return err
		}
		sent, arrival := time.Now(), p.asked
		arrival.ID = p.pass.ID
		got, g, err := p.c.store.Enter(ctx, arrival)
		if err != nil {
			return err
		}
		p.pass, gate = got, g
		if p.lease != nil {
			p.c.keeper.proved(p.lease, sent)
		} else {
			p.lease = p.c.keeper.keep(p.pass.lease(), sent, p.early())
		}
		return nil
	}
	switch {
	case p.job.OnUnavailable == UnavailableWaits:
		err = p.c.retry(ctx, until, ask)
	case p.lease == nil:
		err = p.c.attempt(ctx, until, ask)
	default:
		err = p.c.retry(ctx, earlier(until, p.c.keeper.trustedUntil(p.lease)), ask)
	}
	return gate, err
}

// mayBeCalled reports whether the job waits although it came with a hint that says what
// it runs in. That may have been lost just now, and is put on record anew soon, if it
// lives: to enter again finds that, and lets the job in. After a lease the hint is one
// that has leaked.
func (p *LivePass) mayBeCalled() bool {
	hinted := p.asked.Parent+p.asked.PartOf != ""
	return hinted && p.pass.Parent+p.pass.PartOf == "" && time.Since(p.arrived) < p.c.timing.Lease
}

// earlier is the earlier of two bounds, of which the first may be none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// timedOut is what becomes of the job whose wait ended with why.
func (p *LivePass) timedOut(ctx context.Context, why error) error {
	if p.job.OnTimeout != TimeoutRuns {
		return why
	}
	p.rough = true
	if p.lease == nil {
		return nil // guard goes on trying to record it
	}
	err := p.c.attempt(ctx, time.Now(), func(ctx context.Context) error {
		pass, gate, err := p.c.store.Force(ctx, p.pass.ref())
		if err == nil {
			p.pass, p.phase = pass, gate.Phase
		}
		return err
	})
	if err != nil {
		p.forget() // it runs all the same, as its owner wished, and guard goes on trying
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// reset makes a new pass for the same job.
func (p *LivePass) reset() {
	p.forget()
	p.pass = p.asked
	p.pass.ID = NewID()
}

// giveUp takes a pass off the record whose wait has ended, with an answer or
// without: the store may have recorded it although its answer was lost. Nobody
// could act on an error of this: the lease does the rest.
func (p *LivePass) giveUp(ctx context.Context, why error) {
	p.forget()
	ctx, cancel := lastMoments(ctx)
	defer cancel()
	out := Outcome{TimedOut: true, Waited: time.Since(p.arrived), Reason: why.Error()}
	leave := func(ctx context.Context) error {
		_, err := p.c.store.Leave(ctx, p.pass.ref(), out)
		return err
	}
	if errors.Is(why, ErrUnavailable) {
		_ = p.c.attempt(ctx, time.Time{}, leave) // to wait for the store more is not asked for
		return
	}
	_ = p.c.lastWord(ctx, leave)
}

// early is how long before the end of trust the owner must know of it.
func (p *LivePass) early() time.Duration {
	if p.job.OnLost == LostTerminates {
		return p.c.timing.KillGrace
	}
	return 0
}

func (p Pass) ref() PassRef    { return PassRef{Gate: p.Gate, ID: p.ID} }
func (p Pass) lease() LeaseRef { return LeaseRef{Gate: p.Gate, Pass: p.ID} }
