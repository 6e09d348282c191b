package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// startUp times lull run -- true against flock -s FILE true.
func startUp(m *machine) ([]row, error) {
	flock, err := exec.LookPath("flock")
	if err != nil {
		return nil, fmt.Errorf("the peer is flock(1), of util-linux: %w", err)
	}
	file := filepath.Join(m.dir, "flock")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return nil, err
	}
	env := m.files("start").env()
	ours := func() *exec.Cmd { return m.command(env, "run", "--", "true") }
	theirs := func() *exec.Cmd { return exec.Command(flock, "-s", file, "true") }
	ratio, err := m.inTurn(ours, theirs)
	return []row{{"`lull run -- true` against `flock -s FILE true`, wall time, ratio of medians", ratio, "≤ 2.0 ×"}}, err
}

// inTurn times two commands in turn, so that both meet the same noise, and tells
// their ratio.
func (m *machine) inTurn(ours, theirs func() *exec.Cmd) (string, error) {
	var lull, peer, ratios []float64
	for i := range m.pairs + 5 {
		a, err := wall(ours())
		if err != nil {
			return "", err
		}
		b, err := wall(theirs())
		if err != nil {
			return "", err
		}
		if i < 5 {
			continue // the first ones warm the page cache
		}
		lull, peer, ratios = append(lull, ms(a)), append(peer, ms(b)), append(ratios, float64(a)/float64(b))
	}
	return fmt.Sprintf("%.2f × (%.2f ms against %.2f ms; median of the ratios of %d pairs %.2f)",
		median(lull)/median(peer), median(lull), median(peer), m.pairs, median(ratios)), nil
}

// wall is how long a command takes, from before its start until it is reaped.
func wall(cmd *exec.Cmd) (time.Duration, error) {
	began := time.Now()
	err := cmd.Run()
	return time.Since(began), err
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
