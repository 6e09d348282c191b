package page

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/lull-dev/lull/internal/words"
)

// gatesView is all gates, a bar each: the closed ones first.
type gatesView struct {
	Frame frame
	Bars  []bar
	More  int // gates that are not shown
	Says  string
	First string // the gate to use first, where there is none
	Base  string
}

// mostGates is how many gates have a bar; the others are counted.
const mostGates = 200

func (p *page) gatesView(ctx context.Context, r *http.Request, v Viewer, names []string, live bool) (gatesView, error) {
	view := gatesView{Frame: p.frame("Gates", v), More: max(0, len(names)-mostGates), First: defaultGate, Base: p.base(r)}
	view.Frame.Stream, view.Frame.Now = "/stream", p.Now().UnixMilli()
	closed := 0
	for _, name := range names[:len(names)-view.More] {
		snap, _, err := p.desk.snapshot(ctx, name)
		if err != nil {
			return gatesView{}, err
		}
		b := clockwork{snap.Now, live}.bar(snap)
		if b.Tone != toneOpen {
			closed++
			view.Frame.Tone = b.Tone
		}
		view.Bars = append(view.Bars, b)
		view.Frame.Now = snap.Now.Wall.UnixMilli()
	}
	if closed == 0 && len(names) > 0 {
		view.Frame.Tone = toneOpen
	}
	slices.SortStableFunc(view.Bars, func(a, b bar) int { return urgency(a) - urgency(b) })
	view.Says = words.Count(len(names), "gate") + ", " + itoa(closed) + " closed"
	return view, nil
}

func urgency(b bar) int {
	return slices.Index([]string{toneClosed, toneDraining, toneOpen}, b.Tone)
}

// gatesPause is how often the list is looked at again: the more gates, the more seldom.
func gatesPause(gates int) time.Duration {
	return max(2*time.Second, time.Duration(gates)*100*time.Millisecond)
}

func itoa(n int) string { return strconv.Itoa(n) }
