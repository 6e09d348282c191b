package cli

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/child"
	"golang.org/x/term"
)

// watchEvery is how often a watch looks: people count along in seconds.
const watchEvery = time.Second

// watch shows the gate again and again, until a signal ends it. A store that cannot
// be asked is asked again.
func (a *app) watch(g *gateViewer) error {
	signals := child.Catch()
	defer signals.Stop()
	ctx, stop := untilSignal(signals)
	defer stop()
	redraw := onTerminal(a.Out) && !a.settings.json
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	shown, down := "", false
	for {
		views, err := g.look(ctx)
		switch {
		case ctx.Err() != nil:
		case errors.Is(err, lull.ErrUnavailable):
			if !down {
				a.say("the store cannot be asked, trying again: %v", err)
			}
			down, shown = true, ""
		case err != nil:
			return err
		case redraw:
			down = false
			if err := a.redraw(g.text(views, a.paint())); err != nil {
				return err
			}
		default:
			down = false
			if key := whatMatters(views); key != shown {
				if shown != "" && !a.settings.json && !g.all {
					if err := a.print("\n"); err != nil {
						return err
					}
				}
				if err := a.show(g, views); err != nil {
					return err
				}
				shown = key
			}
		}
		select {
		case <-ctx.Done():
			return nil // that is how a watch ends
		case <-tick.C:
		}
	}
}

// redraw writes a screen over the last one. Lines that are too long or too many are
// cut: a terminal that scrolls would show them again and again.
func (a *app) redraw(screen string) error {
	lines := strings.Split(strings.TrimSuffix(screen, "\n"), "\n")
	if _, height, err := term.GetSize(int(a.Out.Fd())); err == nil && height > 1 {
		lines = lines[:min(len(lines), height-1)]
	}
	const (
		home, wrapOff, wrapOn    = "\x1b[H", "\x1b[?7l", "\x1b[?7h"
		eraseLine, eraseToBottom = "\x1b[K", "\x1b[J"
	)
	return a.print(home + wrapOff + strings.Join(lines, eraseLine+"\n") + eraseLine + "\n" + eraseToBottom + wrapOn)
}

// whatMatters is equal for two looks when nothing but the time has changed.
func whatMatters(views []gateView) string {
	all := make([]statusJSON, len(views))
	for i, v := range views {
		v.usual = nil
		s := v.json()
		for _, holds := range [][]holdJSON{s.Holds, s.Queued} {
			for i := range holds {
				holds[i].LastHeard = instant{}
			}
		}
		for _, passes := range [][]passJSON{s.Inside, s.Waiting} {
			for i := range passes {
				passes[i].LastHeard = instant{}
			}
		}
		all[i] = s
	}
	key, _ := json.Marshal(all) // plain values: there is nothing to go wrong
	return string(key)
}
