package lull_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

// wallSet is m with the wall clock set by d, and the time since the boot as it was.
func wallSet(m lull.Moment, d time.Duration) lull.Moment {
	m.Wall = m.Wall.Add(d)
	return m
}

func TestClockSetBackMovesNothing(t *testing.T) {
	for _, jump := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		g := gateWith(t, personsHold("p1"))
		ends := g.Holds[0].Ends
		for at, passed := range map[time.Duration]bool{0: false, time.Hour - 1: false, time.Hour: true} {
			now := wallSet(noon(at), jump)
			if ends.Passed(now) != passed {
				t.Errorf("clock set by %s: after %s the limit has come: %t", jump, at, !passed)
			}
			if got := ends.Sub(now); got != time.Hour-at {
				t.Errorf("clock set by %s: %s left after %s", jump, got, at)
			}
		}
		_, h, _, err := g.Extend("p1", lull.Extension{Limit: time.Minute, By: person}, wallSet(noon(0), jump))
		if err != nil || h.Ends.Sub(noon(0)) != time.Minute {
			t.Errorf("clock set by %s: extended to %+v, %v", jump, h.Ends, err)
		}
	}
}

func TestLimitIsComparedOnOneBootOnly(t *testing.T) {
	ends := noon(time.Hour)
	rebooted := lull.Moment{Wall: noon(2 * time.Hour).Wall, Boot: "boot-2", Up: time.Minute}
	if !ends.Passed(rebooted) || rebooted.Sub(ends) != time.Hour {
		t.Error("after a reboot the wall clock must count, not the time since the boot")
	}
	rebooted.Wall = noon(0).Wall
	if ends.Passed(rebooted) {
		t.Error("it has passed before its time")
	}
	unknown := lull.Moment{Wall: noon(30 * time.Minute).Wall}
	if ends.Passed(unknown) || ends.Sub(unknown) != 30*time.Minute {
		t.Error("where no boot is known the wall clock must count")
	}
	if a, b := (lull.Moment{Wall: noon(0).Wall, Up: 5}), (lull.Moment{Wall: noon(0).Wall, Up: 9}); b.Sub(a) != 0 {
		t.Error("two unknown boots are not one boot")
	}
}

func TestNoMomentNeverComes(t *testing.T) {
	if (lull.Moment{}).Passed(noon(1e6 * time.Hour)) {
		t.Error("it came")
	}
}

func TestAddMovesBothClocks(t *testing.T) {
	if got := noon(time.Minute).Add(-time.Hour); got != noon(-59*time.Minute) {
		t.Errorf("%+v", got)
	}
	if got := (lull.Moment{Wall: noon(0).Wall}).Add(time.Hour); got.Up != 0 || got.Sub(noon(0)) != time.Hour {
		t.Errorf("%+v", got)
	}
}

func TestMomentsSurviveJSON(t *testing.T) {
	for _, m := range []lull.Moment{{}, noon(1), {Wall: noon(0).Wall}} {
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var got lull.Moment
		if err := json.Unmarshal(b, &got); err != nil || got != m {
			t.Errorf("%s gives %+v, %v; want %+v", b, got, err, m)
		}
	}
}
