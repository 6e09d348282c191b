package cli

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestOverlapIsFoundInWhateverOrderItBegan(t *testing.T) {
	job, other, deployment := &actor{name: "report"}, &actor{name: "mails"}, &actor{name: "release 81", deployment: true}
	begin := func(who *actor) entry { return entry{begin: true, who: who} }
	end := func(who *actor) entry { return entry{who: who} }
	for _, tt := range []struct {
		name    string
		entries []entry
		want    []string
	}{
		{"apart", []entry{begin(job), end(job), begin(deployment), end(deployment), begin(other), end(other)}, nil},
		{"jobs beside each other", []entry{begin(job), begin(other), end(job), end(other), begin(deployment)}, nil},
		{"a job comes in", []entry{begin(deployment), begin(job), end(deployment)}, []string{"report began while release 81 was deployed"}},
		{"a job is left", []entry{begin(job), begin(deployment), end(job)}, []string{"release 81 was deployed while report ran"}},
	} {
		if got := overlaps(tt.entries); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestStretchesThatDidNotMeetShareNoColumn(t *testing.T) {
	const width, span = 50, 10 * time.Second
	for gap := time.Millisecond; gap < 700*time.Millisecond; gap += 7 * time.Millisecond {
		end := 3 * time.Second
		job := cells([]stretch{{time.Second, end, bandRuns}}, span, width)
		deployment := cells([]stretch{{end + gap, 5 * time.Second, bandDeploys}}, span, width)
		for i := range width {
			if job[i] != bandNone && deployment[i] != bandNone {
				t.Fatalf("gap %s: both in column %d", gap, i)
			}
		}
	}
}

func TestShortStretchIsSeen(t *testing.T) {
	row := cells([]stretch{{0, time.Second, bandOpen}, {time.Second, time.Second, bandKilled}}, 10*time.Second, 20)
	if !slices.Contains(row, bandKilled) {
		t.Errorf("row %v has no mark of the kill", row)
	}
	if late := cells([]stretch{{10 * time.Second, 10 * time.Second, bandKilled}}, 10*time.Second, 20); slices.Contains(late, bandKilled) {
		t.Errorf("row %v shows what is past its end", late)
	}
}

func TestPictureFitsTheTerminalThatEverybodyHas(t *testing.T) {
	d := &demo{pace: 1, gate: []gateMove{{time.Second, true, "release 81"}}}
	for i := range castRows {
		d.cast = append(d.cast, &actor{name: "release 82", deployment: i%2 == 0, arrived: time.Second, begun: time.Duration(i) * time.Second})
	}
	s := &demoScreen{d: d, title: "3  A step", pane: nil}
	for range paneRows + 3 {
		s.enter("$ " + strings.Repeat("wide ", 40))
	}
	lines := s.lines(50 * time.Second)
	if len(lines) != demoHeight {
		t.Errorf("%d lines, want %d", len(lines), demoHeight)
	}
	for _, line := range lines {
		if n := utf8.RuneCountInString(line); n > demoWidth {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestGateRowFollowsItsMoves(t *testing.T) {
	row := gateRow([]gateMove{{time.Second, true, ""}, {3 * time.Second, false, ""}}, 4*time.Second)
	want := []stretch{{0, time.Second, bandOpen}, {time.Second, 3 * time.Second, bandClosed}, {3 * time.Second, 4 * time.Second, bandOpen}}
	if !slices.Equal(row.stretches, want) || row.state != "open" {
		t.Errorf("got %v, %s", row.stretches, row.state)
	}
}
