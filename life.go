package lull

import "context"

// life is that of a pass or a hold between its beginning and its end: what its
// owner may see of it, and the goroutine that watches over it.
type life struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	must    context.Context
	stop    context.CancelCauseFunc
	quit    context.CancelFunc // ends guard
	quitted chan struct{}      // closed when guard has ended
}

// newLife carries the values of ctx, but not its end.
func newLife(ctx context.Context) life {
	ctx = context.WithoutCancel(ctx)
	l := life{quitted: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	l.must, l.stop = context.WithCancelCause(ctx)
	return l
}

// begin starts guard, which must return when its ctx ends. That is not l.ctx: guard
// has most to do when that is cancelled.
func (l *life) begin(guard func(context.Context)) {
	guarding, quit := context.WithCancel(context.WithoutCancel(l.ctx))
	l.quit = quit
	go func() {
		defer close(l.quitted)
		guard(guarding)
	}()
}

// lose tells the owner that its place is lost, or may be.
func (l *life) lose(onLost OnLost) {
	l.cancel(ErrLost)
	if onLost == LostTerminates {
		l.stop(ErrLost)
	}
}

// end tells the owner that the command is to stop.
func (l *life) end(why error) {
	l.cancel(why)
	l.stop(why)
}

// finish ends the guard, and waits for it.
func (l *life) finish() {
	l.quit()
	<-l.quitted
	l.end(context.Canceled)
}

// Context is cancelled when the place inside the gate, or the hold on it, is lost or
// may be, with the cause [ErrLost]; when a deployment asks the jobs inside to stop,
// with [ErrStopped]; when a deployment's limit has come and its command is to stop,
// with [ErrOverdue]; and after Leave or Open. It carries the values of the context
// given to Enter or Close, but not its end: a job inside stays inside.
func (l *life) Context() context.Context { return l.ctx }

// MustStop is like Context, but for whoever keeps a command running when its place
// is lost: it is cancelled with [ErrLost] only if OnLost is [LostTerminates].
func (l *life) MustStop() context.Context { return l.must }
