package lull_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
)

func TestImpossibleTimingsNameBothValues(t *testing.T) {
	for _, c := range []struct {
		timing lull.Timing
		says   []string
	}{
		{lull.Timing{Lease: 10 * time.Second}, []string{"lease 10s", "kill grace of 5s", "18s"}},
		{lull.Timing{KillGrace: time.Minute}, []string{"lease 1m0s", "kill grace of 1m0s", "3m6s"}},
		{lull.Timing{Lease: 21*time.Second - 1, KillGrace: 5 * time.Second}, []string{"lease 20.999999999s", "5s", "21s"}},
		{lull.Timing{Lease: -time.Second}, []string{"lease -1s", "kill grace 5s", "positive"}},
		{lull.Timing{KillGrace: -time.Second}, []string{"lease 1m0s", "kill grace -1s", "positive"}},
	} {
		err := c.timing.Check()
		if err == nil {
			t.Errorf("%+v is possible", c.timing)
			continue
		}
		for _, part := range c.says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
	}
}

func TestPossibleTimings(t *testing.T) {
	for _, timing := range []lull.Timing{{}, {Lease: 21 * time.Second}, {Lease: time.Second, KillGrace: 200 * time.Millisecond}} {
		if err := timing.Check(); err != nil {
			t.Errorf("%+v: %v", timing, err)
		}
	}
}

func TestZeroTimingMeansTheDefaults(t *testing.T) {
	whole := lull.Timing{Lease: lull.DefaultLease, KillGrace: lull.DefaultKillGrace}
	if (lull.Timing{}).Margin() != whole.Margin() || (lull.Timing{}).RenewEvery() != whole.RenewEvery() {
		t.Errorf("margin %s, renewed every %s", (lull.Timing{}).Margin(), (lull.Timing{}).RenewEvery())
	}
}

func TestTwoRenewalsMayFailWithinOneLease(t *testing.T) {
	timing := lull.Timing{Lease: time.Minute}
	if timing.RenewEvery() != 20*time.Second || timing.Margin() != 2*time.Second {
		t.Errorf("renewed every %s, margin %s", timing.RenewEvery(), timing.Margin())
	}
	if short := (lull.Timing{Lease: time.Second}); short.Margin() != 100*time.Millisecond {
		t.Errorf("margin %s", short.Margin())
	}
}

func TestIDsAreUUIDsOfVersion7(t *testing.T) {
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 1000 {
		id := lull.NewID()
		if !uuid.MatchString(id) || seen[id] {
			t.Fatalf("%q is no UUID of version 7, or was made before", id)
		}
		seen[id] = true
	}
}

func TestIDsSortByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ids []string
		for _, step := range []time.Duration{0, time.Millisecond, time.Second, time.Hour, 40 * 24 * time.Hour, 50 * 365 * 24 * time.Hour} {
			time.Sleep(step)
			ids = append(ids, lull.NewID())
		}
		if !slices.IsSorted(ids) {
			t.Errorf("%q", ids)
		}
	})
}
