package lull_test

import (
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

func TestEveryHoldHasALimitUnlessNoneWasTyped(t *testing.T) {
	for _, c := range []struct {
		hold  lull.Hold
		limit time.Duration
		ends  lull.Moment
	}{
		{deployment("h1"), 0, noon(30 * time.Minute)},
		{personsHold("h1"), 0, noon(time.Hour)},
		{deployment("h1"), 5 * time.Minute, noon(5 * time.Minute)},
		{personsHold("h1"), 8 * time.Hour, noon(8 * time.Hour)},
		{personsHold("h1"), lull.NoLimit, lull.Moment{}},
	} {
		c.hold.Limit = c.limit
		if got := gateWith(t, c.hold).Holds[0].Ends; got != c.ends {
			t.Errorf("%s with limit %s ends %+v, want %+v", c.hold.Kind, c.limit, got, c.ends)
		}
	}
}

func TestQueuedHoldHasNoEndYet(t *testing.T) {
	g := gateWith(t, deployment("d1"), deployment("d2"))
	if h := g.Queue[0]; !h.Ends.IsZero() || h.State != lull.Queued {
		t.Errorf("%+v", h)
	}
}

func TestExtensionCountsFromNow(t *testing.T) {
	g := gateWith(t, personsHold("p1"))
	for _, c := range []struct {
		limit time.Duration
		ends  lull.Moment
	}{{10 * time.Minute, noon(30 * time.Minute)}, {lull.NoLimit, lull.Moment{}}, {0, noon(80 * time.Minute)}} {
		longer, h, events, err := g.Extend("p1", lull.Extension{Limit: c.limit, By: person}, noon(20*time.Minute))
		if err != nil || h.Ends != c.ends || longer.Holds[0].Ends != c.ends {
			t.Errorf("%s: ends %+v, %v; want %+v", c.limit, h.Ends, err, c.ends)
		}
		wantEvents(t, events, "extended p1")
		wantGate(t, longer, 1, "p1", "", "")
	}
}

func TestWhatIsOverIsNotExtended(t *testing.T) {
	g := gateWith(t, deployment("d1"), deployment("d2"))
	late := noon(lull.DefaultDeploymentLimit)
	for _, id := range []string{"d1", "d2", "d3"} {
		if _, _, _, err := g.Extend(id, lull.Extension{Limit: time.Hour, By: deployer}, late); err != lull.ErrGone {
			t.Errorf("%s: %v, want ErrGone", id, err)
		}
	}
}

func TestDrainedAreThoseWithNobodyInsideButTheirOwn(t *testing.T) {
	h := lull.Hold{ID: "d1", Kind: lull.Deployment}
	for _, c := range []struct {
		name    string
		live    []lull.Pass
		drained bool
	}{
		{"nobody", nil, true},
		{"inside since the phase before", []lull.Pass{{Ticket: 2}}, false},
		{"inside since this phase", []lull.Pass{{Ticket: 3}}, false},
		{"waiting", []lull.Pass{{Ticket: 4}}, true},
		{"its own", []lull.Pass{{Ticket: 3, PartOf: "d1"}}, true},
		{"another deployment's", []lull.Pass{{Ticket: 1, PartOf: "d0"}}, false},
		{"its own, and one more", []lull.Pass{{Ticket: 3, PartOf: "d1"}, {Ticket: 2}}, false},
	} {
		if got := h.Drained(c.live, 3); got != c.drained {
			t.Errorf("%s: drained is %t", c.name, got)
		}
	}
}

func TestNoIDIsNobodysPart(t *testing.T) {
	if !(lull.Hold{}).BlockedBy(lull.Pass{}, 1) {
		t.Error("a pass that is part of nothing passes for part of a hold without an ID")
	}
}
