package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/filestore"
	"github.com/lull-dev/lull/pgstore"
)

// slowStore is how long a question to a store may take before people notice it in
// every job; clockOff how far two clocks may differ before a history reads oddly.
// Nothing is decided by either.
const (
	slowStore = 100 * time.Millisecond
	clockOff  = 2 * time.Second
)

// store looks at the store, and at every gate in it. The error is that of any other
// command that opens it.
func (d *doctor) store(ctx context.Context) error {
	if dir := d.missing(); dir != "" {
		d.warn("store", fmt.Sprintf("%s is not there (%s); the first job or deployment makes it", dir, d.storeSource()),
			"if it should be there, correct its name; to make it now: lull init file://"+dir)
		return nil
	}
	c, err := d.a.open()
	if err != nil {
		return err
	}
	store := c.Store()
	defer func() { _ = store.Shutdown(ctx) }() // nothing of ours is in it
	about := store.About()
	d.url = about.URL
	d.ok("store", "%s, %s", about.URL, d.storeSource())
	d.cluster(about)

	began := time.Now()
	gates, err := store.Gates(ctx)
	took := time.Since(began)
	inspector, inspects := store.(lull.Inspector)
	switch {
	case errors.Is(err, lull.ErrUnavailable):
		return err // whoever inspects it would wait as long
	case err != nil:
	case took > slowStore:
		d.warn("store", fmt.Sprintf("it took %s to answer", short(took)), "look at the load of its disk, its host, or the network between")
	default:
		d.ok("store", "answers in %s", took.Round(10*time.Microsecond))
	}
	if inspects {
		for _, f := range inspector.Inspect(ctx) {
			d.findings = append(d.findings, finding{Level: f.Level, About: "store", What: f.What, Remedy: f.Remedy})
			d.told = d.told || err != nil && f.Level == lull.LevelProblem
		}
	}
	if err != nil {
		return err
	}
	if !d.a.settings.implied {
		d.bystander(ctx, about)
	}
	return d.gates(ctx, c, gates, inspects)
}

// missing returns the directory of a file store that does not exist yet. To open it
// would make it, and a misspelt one would look sound.
func (d *doctor) missing() string {
	url, err := d.a.storeURL()
	dir := ""
	switch {
	case err != nil:
	case url == "" && d.a.clusterVariable() == "":
		dir, _, err = filestore.Default()
	case strings.HasPrefix(url, "file:"):
		dir, _, err = filestore.ParseURL(url)
	}
	if err != nil || dir == "" {
		return "" // to open it says what is wrong
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		return ""
	}
	d.url = "file://" + dir
	return dir
}

// bystander looks whether the store that is meant where none is named is in use as
// well: by jobs or deployments that were not told of this one.
func (d *doctor) bystander(ctx context.Context, named lull.About) {
	dir, _, err := filestore.Default()
	if err != nil {
		d.warn("store", "where no store is named: "+err.Error(), d.a.explain(err).hint)
		return
	}
	if _, err := os.Stat(dir); err != nil {
		return // to open it would make it
	}
	other, err := filestore.Open(dir, filestore.Options{})
	if err != nil || other.About().URL == named.URL {
		return // whoever names no store learns of the error
	}
	defer func() { _ = other.Shutdown(ctx) }() // nothing of ours is in it
	gates, err := other.Gates(ctx)
	if err != nil {
		return
	}
	for _, g := range gates {
		s, err := other.Snapshot(ctx, g.Name)
		if err == nil && len(s.Inside)+len(s.Waiting)+len(s.Gate.Holds) > 0 {
			d.warn("store", fmt.Sprintf("gate %q of %s is in use too, by somebody who names no store", g.Name, dir),
				"name this store for all jobs and deployments, or for none; look with: lull status --store "+other.About().URL+" --gate "+g.Name)
			return
		}
	}
}

// cluster looks whether the jobs of a cluster have a gate of this host alone.
func (d *doctor) cluster(about lull.About) {
	if name := d.a.clusterVariable(); name != "" && !about.Shared {
		d.warn("store", fmt.Sprintf("this is a job of a cluster (%s is set), and other hosts do not see this store", name),
			"jobs and deployments on other hosts need a store that all of them reach")
	}
}

// clock compares the store's clock to this host's.
func (d *doctor) clock(now lull.Moment) {
	if off := time.Since(now.Wall); off > clockOff || off < -clockOff {
		d.warn("clock", fmt.Sprintf("the store's clock and this host's differ by %s", short(max(off, -off))),
			"set both by NTP; limits go by the store's clock alone, but people read both")
	}
}

// leaked looks whether this shell pretends to be inside a pass or hold that is
// over.
func (d *doctor) leaked(s lull.Snapshot) {
	gate := s.Gate.Name
	if id := d.a.hint(passVariable, gate); id != "" {
		if !slices.ContainsFunc(s.Inside, func(p lull.Pass) bool { return p.ID == id }) {
			d.warn("environment", passVariable+" names a job that is not inside any more", "unset "+passVariable+"; jobs do without it")
		}
	}
	if id := d.a.hint(holdVariable, gate); id != "" {
		if _, held, _ := s.Gate.Find(id); !held {
			d.warn("environment", holdVariable+" names a deployment that has ended", "unset "+holdVariable+"; jobs do without it")
		}
	}
}

// gates looks at the gate that is meant, those that the configuration lists, and
// those that are in the store.
func (d *doctor) gates(ctx context.Context, c *lull.Client, known []lull.Gate, inspected bool) error {
	names := append([]string{c.Gate()}, d.file.Gates...)
	for _, g := range known {
		names = append(names, g.Name)
	}
	slices.Sort(names[1:])
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		s, seeing, err := d.look(ctx, c, name, known)
		var t lull.Traffic
		if err == nil {
			t, err = c.Traffic(ctx, name, lately)
		}
		switch {
		case errors.Is(err, lull.ErrUnavailable), err != nil && name == c.Gate():
			return err
		case err != nil:
			d.failed(gateTitle(name), err)
			continue
		}
		if name == c.Gate() && seeing {
			d.leaked(s)
			if !inspected {
				d.clock(s.Now)
			}
		}
		d.use(s, t, len(known) > 0)
		d.holds(s)
		if len(d.file.Gates) > 0 && !slices.Contains(d.file.Gates, name) {
			d.warn(gateTitle(name), "it is in use, but not one of gates in "+d.a.settings.file, "add it there, or look who uses it with: lull history --gate "+name)
		}
	}
	return nil
}

// look is a gate as it is; or as far as this user may see it, who is inside left out:
// a database's role that runs jobs need not see the others.
func (d *doctor) look(ctx context.Context, c *lull.Client, name string, known []lull.Gate) (s lull.Snapshot, seeing bool, err error) {
	s, err = c.Store().Snapshot(ctx, name)
	if _, refused := pgstore.Refused(err); !refused {
		return s, true, err
	}
	s = lull.Snapshot{Gate: lull.Gate{Name: name}, Now: lull.Moment{Wall: time.Now()}}
	if i := slices.IndexFunc(known, func(g lull.Gate) bool { return g.Name == name }); i >= 0 {
		s.Gate = known[i]
	}
	return s, false, nil
}

func gateTitle(name string) string { return fmt.Sprintf("gate %q", name) }

// use says whether both jobs and deployments use a gate. One of them alone is
// protected from nothing, and looks as if all were well.
func (d *doctor) use(s lull.Snapshot, t lull.Traffic, others bool) {
	name, about := s.Gate.Name, gateTitle(s.Gate.Name)
	passed := t.LastJob.Kind != "" || len(s.Inside) > 0
	closed := t.LastClosing.Kind != "" || s.Gate.Phase > 0
	switch {
	case !passed && !closed && others:
		d.warn(about, "nobody has used it, but there are other gates", "name the gate that jobs and deployments use: --gate NAME, or LULL_GATE")
	case !passed && !closed:
		d.ok(about, "not used yet%s", d.meant(name))
	case !passed:
		d.warn(about, "it was closed, but no job has ever passed it", "start the jobs with: lull run"+d.gateFlag(name)+" -- COMMAND; if they are, they use another store or gate")
	case !closed:
		d.warn(about, "jobs pass it, but nobody has ever closed it", "deploy with: lull deploy"+d.gateFlag(name)+" -- COMMAND; if you do, it uses another store or gate")
	default:
		d.ok(about, "%s%s", useText(s, t), d.meant(name))
	}
}

// meant says of the gate that is meant here who named it.
func (d *doctor) meant(gate string) string {
	if gate != d.a.settings.gate {
		return ""
	}
	return "; " + d.gateSource()
}

func (d *doctor) gateFlag(name string) string {
	if name == lull.DefaultGate {
		return ""
	}
	return " --gate " + name
}

// useText is a gate's use in one line.
func useText(s lull.Snapshot, t lull.Traffic) string {
	parts := []string{stateWord(s.Gate.Phase)}
	if n := len(s.Inside); n > 0 {
		parts = append(parts, fmt.Sprintf("%d inside", n))
	}
	if n := len(s.Waiting); n > 0 {
		parts = append(parts, fmt.Sprintf("%d waiting", n))
	}
	parts = append(parts, jobsLately(t)+" in 24 h")
	if t.LastJob.Kind != "" {
		parts = append(parts, fmt.Sprintf("the last %s ago on %s", short(time.Since(t.LastJob.At.Wall)), t.LastJob.Holder.Host))
	}
	if t.LastClosing.Kind != "" {
		parts = append(parts, fmt.Sprintf("last closed %s ago by %s", short(time.Since(t.LastClosing.At.Wall)), t.LastClosing.Holder))
	}
	return strings.Join(parts, ", ")
}

// oldHold is the age at which somebody has forgotten a hold.
const oldHold = 12 * time.Hour

// holds looks for closures that nobody remembers.
func (d *doctor) holds(s lull.Snapshot) {
	for _, h := range s.Gate.Holds {
		age := s.Now.Wall.Sub(h.Since)
		switch {
		case h.Ends.IsZero():
			d.warn(gateTitle(s.Gate.Name), fmt.Sprintf("closed without limit by %s for %s%s", h.Holder, short(age), because(h.Reason)),
				fmt.Sprintf("give it one: lull extend %s --limit 1h --gate %s", h.ID, s.Gate.Name))
		case age > oldHold:
			d.warn(gateTitle(s.Gate.Name), fmt.Sprintf("closed by %s for %s%s", h.Holder, short(age), because(h.Reason)),
				fmt.Sprintf("open it if that is over: lull open %s --gate %s", h.ID, s.Gate.Name))
		}
	}
	if err := s.Gate.Check(); err != nil {
		d.problem(gateTitle(s.Gate.Name), "its record is inconsistent: "+err.Error(), "please report this, with the output of: lull status --gate "+s.Gate.Name+" -o json")
	}
}
