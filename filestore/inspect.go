package filestore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

// slowLock is how long the atomic section may take before it is worth a word: it is
// over in well under a millisecond where nothing is wrong.
const slowLock = 250 * time.Millisecond

// Inspect looks over the store and all its gates: the directory, the host, the
// records.
func (s *Store) Inspect(ctx context.Context) []lull.Finding {
	var all []lull.Finding
	say := func(l lull.Level, remedy, what string, args ...any) {
		all = append(all, lull.Finding{Level: l, What: fmt.Sprintf(what, args...), Remedy: remedy})
	}
	s.inspectDirectory(say)
	s.inspectHost(say)
	names, err := s.gateNames(ctx)
	if err != nil {
		say(lull.LevelProblem, hintOf(err), "the gates cannot be listed: %v", err)
	}
	for _, name := range names {
		r, err := s.room(name)
		if err == nil {
			err = r.inspect(ctx, say)
		}
		if err != nil {
			say(lull.LevelProblem, hintOf(err), "gate %q: %v", name, err)
		}
	}
	return all
}

type sayer func(l lull.Level, remedy, what string, args ...any)

func hintOf(err error) string {
	if setup, ok := errors.AsType[*lull.SetupError](err); ok {
		return setup.Hint
	}
	return ""
}

func (s *Store) inspectDirectory(say sayer) {
	at, err := s.sys.Stat(s.dir)
	if err != nil {
		say(lull.LevelProblem, "", "%s: %v", s.dir, err)
		return
	}
	if err := s.check(at); err != nil {
		say(lull.LevelProblem, hintOf(err), "%v", err)
	}
	m := modesIn(at)
	switch {
	case m.shared:
		say(lull.LevelOK, "", "%s is shared by group %d (mode %04o)", s.dir, at.gid, at.mode&0o7777)
	case at.mode&0o020 != 0:
		say(lull.LevelWarning, "chmod g+s "+s.dir+" if the group is to share it", "%s can be written by group %d, but is not shared with it: what one user makes the others cannot use", s.dir, at.gid)
	default:
		say(lull.LevelOK, "", "%s belongs to uid %d alone (mode %04o)", s.dir, at.uid, at.mode&0o7777)
	}
	on, err := s.sys.FileSystem(s.dir)
	switch {
	case err != nil:
		say(lull.LevelProblem, "", "the file system of %s cannot be told: %v", s.dir, err)
	case on.remote:
		say(lull.LevelWarning, "make sure that flock(2) excludes all hosts that use it", "%s is on %s, which you said to trust", s.dir, on.name)
	default:
		say(lull.LevelOK, "", "%s is on a local file system (%s)", s.dir, on.name)
	}
}

func (s *Store) inspectHost(say sayer) {
	h := s.host
	if h.boot == "" {
		say(lull.LevelProblem, "make /proc/sys/kernel/random/boot_id readable", "the boot of this host has no name: limits follow the wall clock, and jobs that a reboot ended are not told apart")
	}
	if h.machine == "" {
		say(lull.LevelWarning, "make /etc/machine-id, as systemd-machine-id-setup does", "this host has no machine ID")
	}
	if _, err := h.birth(h.pid); err != nil {
		say(lull.LevelProblem, "mount /proc", "processes cannot be looked up (%v): a killed wrapper's command is believed in for one lease", err)
	}
	if err := canWatch(); err != nil {
		say(lull.LevelWarning, "sysctl fs.inotify.max_user_instances", "no notice of changes is to be had (%v): waiting jobs ask %s apart at most", err, pollMost)
	}
}

func (r *room) inspect(ctx context.Context, say sayer) error {
	began := time.Now()
	broken := false
	err := r.enter(ctx, unix.LOCK_EX, looks, r.s.patience, func(x *section) error {
		_, err := x.read()
		broken = unreadable(err)
		return nil
	})
	if err != nil {
		return err
	}
	if took := time.Since(began); took > slowLock {
		say(lull.LevelWarning, "look for a slow disk or a stopped process", "gate %q: its lock took %s", r.name, took.Round(time.Millisecond))
	}
	if broken {
		say(lull.LevelWarning, "", "gate %q: gate.json was missing or unreadable, and is made anew by the next who comes", r.name)
	}
	return r.inspectRecords(say)
}

// inspectRecords reports what nobody needs to clean up, and what cannot be read.
func (r *room) inspectRecords(say sayer) error {
	tickets, err := r.listTickets()
	if err != nil {
		return err
	}
	bad, dead := 0, 0
	for _, t := range tickets {
		passes, err := r.list(t, 0)
		if err != nil {
			return err
		}
		for _, p := range passes {
			rec, found, err := r.examinePass(p.ticket, p.id)
			if err != nil {
				return err
			}
			if found == over {
				dead++
			} else if found == alive && rec.Format == 0 {
				bad++
			}
		}
	}
	if bad > 0 {
		say(lull.LevelWarning, "", "gate %q: %d passes cannot be read; they count as inside for one lease after they were first seen so", r.name, bad)
	}
	if dead > 0 {
		say(lull.LevelOK, "", "gate %q: %d passes of dead processes wait to be cleared away by the next drain", r.name, dead)
	}
	names, err := r.s.sys.List(r.dir, 0)
	if err != nil {
		return fault("list", r.dir, err)
	}
	for _, name := range names {
		switch {
		case name == "gate.broken.json":
			say(lull.LevelWarning, "remove it when you know what happened", "gate %q: %s/%s could not be read once, and was made anew", r.name, r.dir, name)
		case !strings.HasPrefix(name, ".") && !known[name]:
			say(lull.LevelWarning, "remove it if you know what it is", "gate %q: %s/%s is not ours", r.name, r.dir, name)
		}
	}
	return nil
}

// known are the files that a gate consists of.
var known = map[string]bool{
	"lock": true, "turn": true, "gate.json": true, "spare.json": true, "passes": true, "holds": true,
	"history.jsonl": true, "history.1.jsonl": true, "history.2.jsonl": true,
}
