package storm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Role is what a witness is to the gate.
type Role string

// The roles.
const (
	Job        Role = "job"
	Part       Role = "part" // a job inside a deployment
	Deployment Role = "deployment"
	Calm       Role = "calm" // a person who was told that no job is inside
)

// LogName is the name of the log in [Witness.Dir]. A line is one [Witness.Note].
const LogName = "witness.log"

// Witness is somebody whom the referee watches.
type Witness struct {
	Dir    string // of the locks and the log
	ID     string
	Role   Role
	PartOf string // the ID of the deployment that a part runs in
	Phase  string // what lull told about the phase

	held []*os.File
}

// Enter takes the witness's locks, notes an overlap for each that it does not get,
// and then that the witness began. The locks last until [Witness.Release] or the
// end of the process. An error means that the referee itself is broken.
//
// A part cannot share the lock that its deployment holds exclusively. It shares
// another one instead, and then looks whose the first one is. A deployment signs
// its name first and tries the parts' lock second; so of a part and a foreign
// deployment that meet, whoever comes second sees the other, in whatever order
// their steps fall.
func (w *Witness) Enter() error {
	var err error
	switch w.Role {
	case Job:
		err = errors.Join(w.claim("work", syscall.LOCK_SH), w.claim("calm", syscall.LOCK_SH))
	case Calm:
		err = w.claim("calm", syscall.LOCK_EX)
	case Deployment:
		err = w.enterAsDeployment()
	case Part:
		err = w.enterAsPart()
	}
	if err != nil {
		return err
	}
	return w.Note("began")
}

func (w *Witness) enterAsDeployment() error {
	if err := w.claim("work", syscall.LOCK_EX); err != nil {
		return err
	}
	if err := os.WriteFile(w.path("deploying"), []byte(w.ID), 0o644); err != nil {
		return err
	}
	if err := w.claim("parts", syscall.LOCK_EX); err != nil {
		return err
	}
	// Its own parts come from now on.
	return unlock(w.held[len(w.held)-1])
}

func (w *Witness) enterAsPart() error {
	if err := w.claim("parts", syscall.LOCK_SH); err != nil {
		return err
	}
	free, holders, err := w.lock("work", syscall.LOCK_SH)
	if err != nil || free {
		return err
	}
	deploying, err := os.ReadFile(w.path("deploying"))
	if err != nil || string(deploying) == w.PartOf {
		return err
	}
	return w.Note("overlap", "work", holders)
}

// claim takes a lock that must be free.
func (w *Witness) claim(name string, how int) error {
	free, holders, err := w.lock(name, how)
	if err != nil || free {
		return err
	}
	return w.Note("overlap", name, holders)
}

// lock takes a lock if it is free, and else says which processes have it.
func (w *Witness) lock(name string, how int) (free bool, holders string, err error) {
	f, err := os.OpenFile(w.path(name), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return false, "", err
	}
	w.held = append(w.held, f)
	for {
		err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, holdersOf(f), nil
	}
	return err == nil, "", err
}

// Release lets the locks go. A command does that by dying. The locks are undone,
// not only closed: a process that is being forked has a copy of the descriptor
// until its exec.
func (w *Witness) Release() error {
	var errs []error
	for _, f := range w.held {
		errs = append(errs, unlock(f), f.Close())
	}
	w.held = nil
	return errors.Join(errs...)
}

func unlock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }

// Note appends a line to the log, in one write, so that lines are whole and in the
// order in which they were written.
func (w *Witness) Note(what string, more ...string) error {
	f, err := os.OpenFile(w.path(LogName), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	phase := w.Phase
	if phase == "" {
		phase = "-"
	}
	_, err = fmt.Fprintf(f, "%d %s %s %s %d %s %s\n",
		time.Now().UnixNano(), what, w.Role, w.ID, os.Getpid(), phase, strings.Join(more, " "))
	return err
}

func (w *Witness) path(name string) string { return filepath.Join(w.Dir, name) }

// holdersOf lists the processes that have a lock on a file, where the system tells
// (proc_locks(5)). They may be gone by now: it is for a person.
func holdersOf(f *os.File) string {
	info, err := f.Stat()
	if err != nil {
		return "?"
	}
	inode := fmt.Sprintf(":%d", info.Sys().(*syscall.Stat_t).Ino)
	table, _ := os.ReadFile("/proc/locks")
	var pids []string
	for line := range strings.Lines(string(table)) {
		field := strings.Fields(line) // 1: FLOCK ADVISORY WRITE 4711 fe:00:123 0 EOF
		if len(field) > 5 && field[1] == "FLOCK" && strings.HasSuffix(field[5], inode) {
			pids = append(pids, field[4])
		}
	}
	return "held by " + strings.Join(pids, ",")
}
