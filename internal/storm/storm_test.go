//go:build linux

package storm

import (
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	duration = flag.Duration("storm", 0, "how long the storm lasts (default 20s, with -short 3s)")
	seedFlag = flag.Uint64("storm-seed", 0, "the storm's `seed` (default: a new one)")
	raceFlag = flag.Bool("storm-race", false, "build lull with the race detector")
)

// tool builds the command lines of what the storm is let loose on.
type tool struct {
	job, deployment func(p plan, command []string) []string
	nests           bool // whether a job can run inside a job or a deployment
}

// storm is one storm.
type storm struct {
	*testing.T
	ground
	dir      string // of the referee, of the store, and of all diagnostics
	env      []string
	witness  string // the program
	lull     string // the program
	tool     tool
	launcher *launcher
	tokens   chan struct{} // one for each process
	began    time.Time

	mu   sync.Mutex
	runs []run
}

// run is what has become of a plan.
type run struct {
	plan
	began    time.Time
	hit      bool // the fault found its wrapper alive
	hung     bool
	status   int
	bySignal syscall.Signal // that ended the wrapper
	took     time.Duration
	said     string // the end of what it wrote to standard error
}

// newStorm prepares a storm on a file store, with its witness.
func newStorm(t *testing.T) *storm {
	s := prepare(t, func(dir string) ground { return fileGround(filepath.Join(dir, "store")) })
	if err := os.Mkdir(filepath.Join(s.dir, "store"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.build(s.witness, "./witness", false)
	return s
}

// prepare prepares a directory, which is kept if the test fails.
func prepare(t *testing.T, where func(dir string) ground) *storm {
	dir, err := os.MkdirTemp("", "lull-storm-")
	if err != nil {
		t.Fatal(err)
	}
	on := where(dir)
	s := &storm{
		T: t, ground: on, dir: dir, witness: filepath.Join(dir, "witness"), lull: filepath.Join(dir, "lull"),
		tokens: make(chan struct{}, on.room),
	}
	s.env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "USER=storm", "TMPDIR=" + dir, mark + "=" + dir,
		"LULL_CONFIG=" + filepath.Join(dir, "lull.toml"),
		"LULL_LEASE=" + s.lease.String(), "LULL_KILL_GRACE=" + s.killGrace.String(),
		"GORACE=log_path=" + filepath.Join(dir, "race"),
	}, s.ground.store...)
	if err := os.Mkdir(filepath.Join(dir, "diagnostics"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lull.toml"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.killRemaining()
		if t.Failed() {
			t.Logf("everything is kept in %s", dir)
			return
		}
		os.RemoveAll(dir)
	})
	s.launcher = newLauncher(t)
	return s
}

// build builds a program without C, as it is released, or with the race detector.
func (s *storm) build(out, pkg string, race bool) {
	s.Helper()
	seeSource()
	args := []string{"build", "-o", out}
	env := append(os.Environ(), "CGO_ENABLED=0")
	if race {
		args, env = append(args, "-race"), append(os.Environ(), "CGO_ENABLED=1")
	}
	cmd := exec.Command("go", append(args, pkg)...)
	cmd.Env = env
	if text, err := cmd.CombinedOutput(); err != nil {
		s.Fatalf("build %s: %v\n%s", pkg, err, text)
	}
}

// seeSource looks into every directory of the source. go test keeps a result until
// something changes that the test imports, or has looked at: it cannot know what is
// built here.
func seeSource() {
	filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == ".git" {
			return filepath.SkipDir
		}
		return nil
	})
}

// blow lets the planner's plans loose until it is told that it is enough, and
// returns when every wrapper has ended.
func (s *storm) blow(g *planner, enough func() bool) {
	s.began = time.Now()
	var under sync.WaitGroup
	defer under.Wait()
	for !enough() {
		plans, pause := g.next()
		for _, p := range plans {
			for range p.weight() {
				s.tokens <- struct{}{}
			}
			under.Go(func() {
				s.act(p)
				for range p.weight() {
					<-s.tokens
				}
			})
			time.Sleep(s.spread)
		}
		time.Sleep(pause)
	}
}

// act carries out a plan.
func (s *storm) act(p plan) {
	r := run{plan: p, began: time.Now()}
	carryOut := s.runCommand
	if p.closer {
		carryOut = s.closeWhileStdin
	}
	process, err := carryOut(&r)
	if err != nil {
		s.Errorf("%s: %v", p.id, err)
		return
	}
	r.took, r.status, r.bySignal, r.said = time.Since(r.began), process.status, process.bySignal, s.diagnostics(p.id)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs = append(s.runs, r)
}

// runCommand is a wrapper with a command.
func (s *storm) runCommand(r *run) (*process, error) {
	p, err := s.start(r.id, s.wrapper(r.plan))
	if err != nil {
		return nil, err
	}
	r.hit = r.fault.inflict(p)
	r.hung = !p.endedWithin(s.patience)
	return p, nil
}

// howLong is the storm's length: the flag's, else the one of two that fits.
func howLong(usual, short time.Duration) time.Duration {
	switch {
	case *duration > 0:
		return *duration
	case testing.Short():
		return short
	}
	return usual
}

// newSeed returns the flag's seed or a new one, and has it printed.
func newSeed(t *testing.T) uint64 {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	return seed
}

// until says enough after a while.
func until(d time.Duration) func() bool {
	end := time.Now().Add(d)
	return func() bool { return time.Now().After(end) }
}

// lullTool is lull itself.
func (s *storm) lullTool() tool {
	return tool{
		nests: true,
		job: func(p plan, command []string) []string {
			return append(append([]string{s.lull, "run", "--name", p.id}, p.flags...), append([]string{"--"}, command...)...)
		},
		deployment: func(p plan, command []string) []string {
			args := append([]string{s.lull, "deploy", "--reason", p.id}, p.flags...)
			if !p.hurry {
				args = append(args, "--max-wait", "1m")
			}
			return append(append(args, "--"), command...)
		},
	}
}

// rage lets lull loose for a while, and returns when every wrapper has ended.
func (s *storm) rage(seed uint64, length time.Duration) {
	persons := s.persons(rand.New(rand.NewPCG(seed, 2)), length)
	s.blow(&planner{rng: rand.New(rand.NewPCG(seed, 1)), on: s.ground, nests: true}, until(length))
	<-persons
}

// conclude finds the verdict, once it is calm.
func (s *storm) conclude(calmed string, outages ...outage) {
	s.Helper()
	v := judge(evidence{s.entries(), s.history(), s.runs}, s.ground, outages...)
	s.Log(v.figures())
	s.Log(calmed)
	for _, finding := range v.findings {
		s.Error(finding)
	}
	if s.Failed() {
		s.Logf("what the wrappers said is in %s\n%s", filepath.Join(s.dir, "diagnostics"), v.around())
	}
}

// TestStorm: no job runs while a deployment does, everyone has their turn, and
// nothing remains, whatever is killed, stopped or interrupted.
func TestStorm(t *testing.T) {
	s := newStorm(t)
	s.build(s.lull, "../../cmd/lull", *raceFlag)
	s.tool = s.lullTool()
	s.rage(newSeed(t), howLong(20*time.Second, 3*time.Second))
	s.conclude(s.aftermath())
}

func (r run) String() string {
	text := fmt.Sprintf("%s: status %d (signal %d) after %s, fault hit: %t",
		r.plan, r.status, r.bySignal, r.took.Round(time.Millisecond), r.hit)
	if r.said != "" {
		text += "\n    " + strings.ReplaceAll(r.said, "\n", "\n    ")
	}
	return text
}
