package pgstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/pgtest"
)

// world is one gate in a real database, and the processes around it: a store, a client
// and connections each. It keeps its own record of which commands run, and in the end
// holds it against the store's.
type world struct {
	*testing.T
	server *pgtest.Server // to look at, not to reach
	schema string
	timing lull.Timing

	referee
	processes     []*process
	ran, deployed atomic.Int32 // by crowds
}

// lease is short, since real time passes. It still leaves a busy machine a second to
// renew in.
const lease = 3 * time.Second

// newWorld makes a schema on a server, which should be the test's own if harm comes to
// it. It must be called when all that is not the stores' has been started: what is left
// of goroutines is told by a label that all inherit which are started from here on.
func newWorld(t *testing.T, on *pgtest.Server) *world {
	t.Helper()
	w := &world{T: t, server: on, timing: lull.Timing{Lease: lease, KillGrace: 50 * time.Millisecond}}
	w.schema = newSchemaOn(t, on)
	pprof.SetGoroutineLabels(pprof.WithLabels(t.Context(), pprof.Labels("world", t.Name())))
	t.Cleanup(func() {
		for _, p := range w.processes {
			p.shutdown(w)
		}
	})
	return w
}

// newSchemaOn makes a schema of its own on another server than the common one.
func newSchemaOn(t testing.TB, on *pgtest.Server) string {
	t.Helper()
	name := fmt.Sprintf("lull%d", schemas.Add(1))
	s, err := Open(on.URL("", "") + "&lull_schema=" + name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Migrate(t.Context(), Latest); err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	return name
}

// process is one with a store of its own.
type process struct {
	*lull.Client
	name  string
	store *Store

	mu      sync.Mutex
	notices []lull.Notice
	down    bool
}

// Three processes are three ways to be connected.
const (
	lonelyProcess    = ""
	pooledProcess    = "&lull_connections=2"
	listeningProcess = "&lull_connections=1&lull_listen=on"
)

// process starts one, which reaches the database by a URL.
func (w *world) process(name, url, more string) *process {
	w.Helper()
	p := &process{name: name}
	var err error
	if p.store, err = Open(url + "&lull_schema=" + w.schema + more); err != nil {
		w.Fatal(err)
	}
	p.Client, err = lull.NewClient(p.store, lull.Options{
		Holder: lull.Holder{User: "ann", Host: name, PID: 1 + rand.IntN(1<<20)},
		Timing: w.timing,
		Notify: func(n lull.Notice) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.notices = append(p.notices, n)
		},
	})
	if err != nil {
		w.Fatal(err)
	}
	w.processes = append(w.processes, p)
	return p
}

// told is how often the process was told of a kind of thing.
func (p *process) told(kinds ...lull.NoticeKind) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, notice := range p.notices {
		if slices.Contains(kinds, notice.Kind) {
			n++
		}
	}
	return n
}

func (p *process) shutdown(t testing.TB) {
	if p.down {
		return
	}
	p.down = true
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := p.store.Shutdown(ctx); err != nil {
		t.Errorf("shut down %s: %v", p.name, err)
	}
}

// patience is for a very busy machine.
const patience = 40 * time.Second

// until waits for something to be so.
func (w *world) until(what string, so func() bool) {
	w.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			w.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// in fills in the schema's name.
func (w *world) in(sql string) string { return strings.ReplaceAll(sql, "SCHEMA", w.schema) }

// ask looks into the database.
func ask[T any](w *world, sql string, args ...any) T {
	w.Helper()
	v, err := pgtest.Value[T](w.Context(), w.server, "", w.in(sql), args...)
	if err != nil {
		w.Fatal(err)
	}
	return v
}

func (w *world) exec(sql string, args ...any) {
	w.Helper()
	if err := w.server.Exec(w.Context(), "", w.in(sql), args...); err != nil {
		w.Fatal(err)
	}
}

func (w *world) no(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// ---------------------------------------------------------------- who plays

// job is one whose command runs.
type job struct {
	w    *world
	p    *process
	pass *lull.LivePass
	run  *run
}

// enters waits at the gate, and then runs.
func (w *world) enters(ctx context.Context, p *process, j lull.Job) (*job, error) {
	pass, err := p.Enter(ctx, j)
	if err != nil {
		return nil, err
	}
	return &job{w, p, pass, w.starts(jobRun, pass.ID())}, nil
}

// runs starts a job at an open gate.
func (w *world) runs(p *process, name string) *job {
	w.Helper()
	j, err := w.enters(w.Context(), p, lull.Job{Name: name})
	w.no(err)
	return j
}

// ends ends the job's command, and its pass.
func (j *job) ends() lull.Departure {
	j.w.Helper()
	d, err := j.leaves()
	if err != nil {
		j.w.Errorf("%s leaves: %v", j.p.name, err)
	}
	return d
}

func (j *job) leaves() (lull.Departure, error) {
	code := 0
	j.w.ends(j.run, j.pass.ID())
	d, err := j.pass.Leave(context.Background(), lull.Outcome{ExitCode: &code})
	j.run.also(j.pass.ID())
	return d, err
}

// waiting is a job at a closed gate.
type waiting struct {
	*world
	closed  chan struct{} // closed when it has been told that the gate is
	entered chan *job
}

// waits brings a job to a closed gate.
func (w *world) waits(p *process, name string) waiting {
	w.Helper()
	k := w.comes(p, name)
	select {
	case <-k.closed:
	case <-k.entered:
		w.Fatalf("%s did not wait", name)
	case <-time.After(patience):
		w.Fatalf("%s neither waits nor runs", name)
	}
	return k
}

// comes has a job arrive at a closed gate.
func (w *world) comes(p *process, name string) waiting {
	k := waiting{w, make(chan struct{}), make(chan *job, 1)}
	var once sync.Once
	go func() {
		j, err := w.enters(w.Context(), p, lull.Job{Name: name, Waiting: func(lull.Gate) { once.Do(func() { close(k.closed) }) }})
		if err != nil {
			w.Errorf("%s enters: %v", name, err)
		}
		k.entered <- j
	}()
	return k
}

// stillWaits fails if the job got inside.
func (j waiting) stillWaits() {
	j.Helper()
	select {
	case <-j.entered:
		j.Error("a job is inside a closed gate")
	default:
	}
}

// inside waits until it runs.
func (j waiting) inside() *job {
	j.Helper()
	select {
	case got := <-j.entered:
		if got == nil {
			j.FailNow()
		}
		return got
	case <-time.After(patience):
		j.Fatal("the job was left behind")
		return nil
	}
}

// deployment is one that holds the gate.
type deployment struct {
	w     *world
	p     *process
	hold  *lull.LiveHold
	begun chan error
	run   *run
}

// closes closes the gate, and begins to drain it.
func (w *world) closes(p *process) *deployment {
	w.Helper()
	d, err := w.deploys(w.Context(), p, lull.Closing{Kind: lull.Deployment, Reason: p.name})
	w.no(err)
	return d
}

func (w *world) deploys(ctx context.Context, p *process, c lull.Closing) (*deployment, error) {
	hold, err := p.Close(ctx, c)
	if err != nil {
		return nil, err
	}
	d := &deployment{w: w, p: p, hold: hold, begun: make(chan error, 1)}
	go func() {
		err := hold.Begin(ctx, lull.Draining{})
		if err == nil {
			d.run = w.starts(deploymentRun, hold.Hold().ID)
		}
		d.begun <- err
	}()
	return d, nil
}

// drains fails if the deployment began.
func (d *deployment) drains() {
	d.w.Helper()
	select {
	case err := <-d.begun:
		d.w.Errorf("the deployment began while jobs run: %v", err)
	default:
	}
}

// begins waits until the deployment's command runs.
func (d *deployment) begins() {
	d.w.Helper()
	select {
	case err := <-d.begun:
		d.w.no(err)
	case <-time.After(patience):
		d.w.Fatal("the deployment did not begin")
	}
}

// opens ends the deployment's command, and its hold.
func (d *deployment) opens() lull.Opening {
	d.w.Helper()
	o, err := d.ends()
	if err != nil {
		d.w.Errorf("%s opens: %v", d.p.name, err)
	}
	return o
}

func (d *deployment) ends() (lull.Opening, error) {
	code := 0
	out := lull.Outcome{}
	if d.run != nil {
		d.w.referee.ends(d.run, d.hold.Hold().ID)
		out.ExitCode = &code
	}
	return d.hold.Open(context.Background(), out)
}

// ---------------------------------------------------------------- what happened

// referee knows what runs, by this process's monotonic clock, and never asks the store.
type referee struct {
	mu  sync.Mutex
	all []*run
}

type runKind int

const (
	jobRun runKind = iota
	deploymentRun
)

// run is one run of a command.
type run struct {
	kind     runKind
	from, to time.Time
	ids      []string // of the pass or hold, which changes when it is lost
}

func (r *run) also(id string) {
	if !slices.Contains(r.ids, id) {
		r.ids = append(r.ids, id)
	}
}

func (r *referee) starts(kind runKind, id string) *run {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := &run{kind: kind, from: time.Now(), ids: []string{id}}
	r.all = append(r.all, n)
	return n
}

func (r *referee) ends(n *run, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n.to = time.Now()
	n.also(id)
}

// met are the jobs' runs that met a deployment's.
func (r *referee) met() []*run {
	r.mu.Lock()
	defer r.mu.Unlock()
	var met []*run
	for _, j := range r.all {
		if j.kind == jobRun && slices.ContainsFunc(r.all, func(d *run) bool {
			return d.kind == deploymentRun && j.from.Before(d.to) && d.from.Before(j.to)
		}) {
			met = append(met, j)
		}
	}
	return met
}

// nobodyMet fails if a job's command ran while a deployment's did.
func (w *world) nobodyMet() {
	w.Helper()
	if met := w.met(); len(met) > 0 {
		w.Errorf("%d jobs ran while a deployment did", len(met))
	}
}

// history is what the store remembers, casualties marked.
func (w *world) history() []lull.Event {
	w.Helper()
	p := w.process("historian", w.server.URL("", ""), lonelyProcess)
	defer p.shutdown(w)
	events, err := p.History(w.Context(), lull.Filter{Gate: lull.DefaultGate})
	w.no(err)
	return events
}

// onlyCasualtiesMet fails unless each job that met a deployment is a casualty in the
// history. It returns how many did.
func (w *world) onlyCasualtiesMet() int {
	w.Helper()
	met := w.met()
	casualties := map[string]bool{}
	events := w.history()
	for _, e := range events {
		if e.Casualty {
			casualties[e.ID] = true
		}
	}
	for _, m := range met {
		if !slices.ContainsFunc(m.ids, func(id string) bool { return casualties[id] }) {
			w.Errorf("job %v ran while a deployment did, and is no casualty", m.ids)
			for _, e := range events {
				if slices.Contains(m.ids, e.ID) || e.Kind == lull.EventBegun || e.Kind == lull.EventEnded {
					w.Logf("%s %s %s phase %d ran %s resumes %s", e.At.Wall.Format("05.000"), e.Kind, e.ID, e.Phase, e.Ran, e.Resumes)
				}
			}
		}
	}
	return len(met)
}

// counts is how often each kind of event is on record.
func (w *world) counts() map[lull.EventKind]int {
	w.Helper()
	n := map[lull.EventKind]int{}
	for _, e := range w.history() {
		n[e.Kind]++
	}
	return n
}

// nothingWasLost fails if anybody was told of a lost lease.
func (w *world) nothingWasLost() {
	w.Helper()
	for _, p := range w.processes {
		if n := p.told(lull.LeaseLost, lull.ClosedAnew, lull.EnteredAnew, lull.NotRecorded); n > 0 {
			w.Errorf("%s lost a lease: %v", p.name, p.notices)
		}
	}
	n := w.counts()
	for _, kind := range []lull.EventKind{lull.EventCrashed, lull.EventAbandoned, lull.EventLost, lull.EventForced, lull.EventOverdue} {
		if n[kind] > 0 {
			w.Errorf("%d events %q", n[kind], kind)
		}
	}
}

// leavesNothing fails unless everything is gone at the end: rows, connections, locks
// and goroutines. Those that nobody renews have a lease to end.
func (w *world) leavesNothing() {
	w.Helper()
	sweeper := w.process("sweeper", w.server.URL("", ""), lonelyProcess)
	w.until("no pass and no hold is left", func() bool {
		if _, err := sweeper.store.Snapshot(w.Context(), lull.DefaultGate); err != nil && !errors.Is(err, lull.ErrUnavailable) {
			w.Fatal(err)
		}
		return ask[int](w, "select (select count(*) from SCHEMA.pass)::int + (select count(*) from SCHEMA.hold)::int") == 0
	})
	if phase := ask[int](w, "select coalesce(max(phase), 0)::int from SCHEMA.gate"); phase%2 != 0 {
		w.Errorf("phase %d, and nobody holds", phase)
	}
	for _, p := range w.processes {
		p.shutdown(w)
	}
	w.until("no advisory lock is left", func() bool {
		return ask[int](w, `select count(*)::int from pg_locks where locktype = 'advisory' and classid = 1819634796
			and objid = (hashtext('default')::bigint & 4294967295)::oid and pid in (select pid from pg_stat_activity where query like '%SCHEMA%')`) == 0
	})
	pprof.SetGoroutineLabels(context.Background())
	for end := time.Now().Add(patience / 2); w.goroutines() != ""; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			w.Fatalf("goroutines are left:\n%s", w.goroutines())
		}
	}
}

// goroutines are those that were started in this world and still run.
func (w *world) goroutines() string {
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		w.Fatal(err)
	}
	var left []string
	for block := range strings.SplitSeq(all.String(), "\n\n") {
		// A server that was started again is a test's, and so is the proxy before it.
		if strings.Contains(block, fmt.Sprintf("%q:%q", "world", w.Name())) && !strings.Contains(block, "internal/pgtest") {
			left = append(left, block)
		}
	}
	return strings.Join(left, "\n\n")
}

// noConnections fails unless the server has none but ours that look.
func (w *world) noConnections() {
	w.Helper()
	w.until("no connection is left", func() bool {
		return ask[int](w, "select count(*)::int from pg_stat_activity where backend_type = 'client backend' and application_name <> $1", pgtest.ApplicationName) == 0
	})
}

// ---------------------------------------------------------------- a crowd

// aWhile is how long a crowd comes and goes: for some time, and until enough has happened
// on a busy machine.
func (w *world) aWhile(least time.Duration) context.Context {
	ctx, cancel := context.WithCancel(w.Context())
	most := time.Now().Add(patience)
	time.AfterFunc(least, func() {
		defer cancel()
		for (w.ran.Load() < 6 || w.deployed.Load() < 1) && time.Now().Before(most) {
			time.Sleep(10 * time.Millisecond)
		}
	})
	return ctx
}

// crowd has jobs and deployments come and go until ctx ends, and then go home. It says
// how many there were.
func (w *world) crowd(ctx context.Context, jobs, deployers []*process) {
	w.Helper()
	var all sync.WaitGroup
	for _, p := range jobs {
		all.Go(func() {
			for ctx.Err() == nil {
				j, err := w.enters(ctx, p, lull.Job{Name: p.name})
				switch {
				case err == nil:
				case ctx.Err() != nil:
					return
				default:
					w.Errorf("%s enters: %v", p.name, err)
					return
				}
				pause(30 * time.Millisecond)
				if _, err := j.leaves(); err != nil {
					w.Logf("%s leaves: %v", p.name, err)
				}
				w.ran.Add(1)
			}
		})
	}
	for _, p := range deployers {
		all.Go(func() {
			for ctx.Err() == nil {
				pause(150 * time.Millisecond)
				if err := w.deploysOnce(ctx, p); err != nil && ctx.Err() == nil {
					w.Logf("%s: %v", p.name, err)
				} else if err == nil {
					w.deployed.Add(1)
				}
			}
		})
	}
	all.Wait()
	w.Logf("%d jobs, %d deployments", w.ran.Load(), w.deployed.Load())
	if w.ran.Load() < 6 || w.deployed.Load() < 1 {
		w.Error("too little happened")
	}
}

func (w *world) deploysOnce(ctx context.Context, p *process) error {
	d, err := w.deploys(ctx, p, lull.Closing{Kind: lull.Deployment, Reason: p.name, MaxWait: time.Minute})
	if err != nil {
		return err
	}
	began := <-d.begun
	if began == nil {
		pause(100 * time.Millisecond)
	}
	_, err = d.ends()
	return errors.Join(began, err)
}

// pause is how long a command takes, at most.
func pause(most time.Duration) { time.Sleep(rand.N(most)) }
