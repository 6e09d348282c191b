package cli

import (
	"errors"
	"testing"
)

func TestAnIDIsNamedByAnyPartThatNoOtherHas(t *testing.T) {
	ids := []string{"01a2086d-8ec4-7b0b-90d7-c4d4103e6da4", "01a2086d-8ec4-78b5-84c5-740aeeccd4c0"}
	for word, want := range map[string]int{
		ids[0]:     0,
		"eeccd4c0": 1,
		"EECCD4C0": 1,
		"90d7":     0,
		"dead":     -1,
	} {
		if got, err := named(word, ids, "hold"); got != want || err != nil {
			t.Errorf("named(%q) = %d, %v; want %d", word, got, err, want)
		}
	}
	for _, word := range []string{"", "da4", "01a2086d"} {
		var wrong *failure
		if got, err := named(word, ids, "hold"); !errors.As(err, &wrong) || wrong.status != exitUsage {
			t.Errorf("named(%q) = %d, %v; want wrong usage", word, got, err)
		}
	}
}
