package lull

import "context"

// Pollster is what a store may be besides, when it can answer the question of [Store]'s
// Poll for many passes of one gate at once. Whoever waits for thousands asks so, as the
// gate opens.
type Pollster interface {
	// PollAll answers for each ID as Poll would: with the pass, or the one that resumes
	// it, under the ID that was asked for. One that is not live has no entry; that is no
	// error. The gate is as it was then or before: a pass that is inside by it has been
	// noted as told so. The map is the caller's.
	PollAll(ctx context.Context, gate string, ids []string) (map[string]Pass, Gate, error)
}
