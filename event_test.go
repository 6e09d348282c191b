package lull_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

func TestFilterChooses(t *testing.T) {
	e := lull.Event{At: noon(0), Gate: "default", Kind: lull.EventLeft, ID: "j1", Name: "report"}
	now := noon(time.Hour)
	for _, c := range []struct {
		name   string
		filter lull.Filter
		wants  bool
	}{
		{"the zero value", lull.Filter{}, true},
		{"its gate", lull.Filter{Gate: "default"}, true},
		{"another gate", lull.Filter{Gate: "other"}, false},
		{"its name", lull.Filter{Name: "report"}, true},
		{"another name", lull.Filter{Name: "rep"}, false},
		{"its kind", lull.Filter{Kinds: []lull.EventKind{lull.EventClosed, lull.EventLeft}}, true},
		{"other kinds", lull.Filter{Kinds: []lull.EventKind{lull.EventClosed}}, false},
		{"as old as it", lull.Filter{Since: time.Hour}, true},
		{"younger", lull.Filter{Since: time.Hour - 1}, false},
		{"its gate, another name", lull.Filter{Gate: "default", Name: "x"}, false},
		{"a limit is the store's", lull.Filter{Limit: 1}, true},
	} {
		if got := c.filter.Wants(e, now); got != c.wants {
			t.Errorf("%s: wants it: %t", c.name, got)
		}
	}
}

func TestFilterIsNotFooledByASetClock(t *testing.T) {
	e := lull.Event{At: wallSet(noon(0), -24*time.Hour)}
	if !(lull.Filter{Since: time.Hour}).Wants(e, noon(time.Minute)) {
		t.Error("an event of a minute ago is taken for one of yesterday")
	}
}

func TestEventKeepsWhatItSaysAndNothingComputed(t *testing.T) {
	b, err := json.Marshal(lull.Event{At: noon(0), Gate: "default", Kind: lull.EventOpened, Phase: 2, ID: "h1", Casualty: true})
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(b, &fields); err != nil {
		t.Fatal(err)
	}
	if len(fields) != 5 || strings.Contains(strings.ToLower(string(b)), "casualty") {
		t.Errorf("%s: want at, gate, event, phase and id", b)
	}
	status := 0
	b, _ = json.Marshal(lull.Event{Kind: lull.EventLeft, ExitCode: &status})
	if !strings.Contains(string(b), `"exit_code":0`) {
		t.Errorf("%s: success is not said", b)
	}
}
