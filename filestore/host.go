package filestore

import (
	"os"
	"time"

	"github.com/lull-dev/lull"
)

// host is what the store knows of the machine it runs on, and of itself. Tests put
// together machines of their own.
type host struct {
	machine  string // survives reboots; "" if it has none
	boot     string // changes with each boot
	pidSpace string // the PID namespace: numbers mean nothing in another
	name     string
	pid      int
	uid      uint32

	wall    func() time.Time
	up      func() time.Duration // since the boot, suspended time included
	running func() time.Duration // since whenever, suspended time not included
	birth   func(pid int) (birth, error)
	group   func(process) life
}

// now is the moment on this host's clocks. Without a boot ID only wall time is left.
func (h *host) now() lull.Moment {
	m := lull.Moment{Wall: h.wall().Round(0).UTC()}
	if h.boot != "" {
		m.Boot, m.Up = h.boot, h.up()
	}
	return m
}

// self is the owner of what this process records.
func (h *host) self() owner {
	return owner{Machine: h.machine, Boot: h.boot, PIDSpace: h.pidSpace, PID: h.pid}
}

func (h *host) common() *host {
	start := time.Now()
	h.pid, h.uid = os.Getpid(), uint32(os.Geteuid())
	h.name, _ = os.Hostname()
	h.wall = time.Now
	h.running = func() time.Duration { return time.Since(start) }
	h.group = h.groupLife
	return h
}

// owner says where a record was made.
type owner struct {
	Machine  string `json:"machine,omitempty"`
	Boot     string `json:"boot,omitempty"`
	PIDSpace string `json:"pid_space,omitempty"`
	PID      int    `json:"pid"`

	// ByLease says that the maker only wrote the record for somebody elsewhere: neither
	// its own life nor that of its boot means anything.
	ByLease bool `json:"by_lease,omitempty"`
}

// process is the command of a pass or hold, and what tells its process group from a
// later one of the same number. Times are in the kernel's own units since the boot.
type process struct {
	PID    int    `json:"pid"`
	Group  int    `json:"group"`
	Born   uint64 `json:"born"`             // the command; members born before it are not its own
	Leader uint64 `json:"leader,omitempty"` // the group's leader; 0: it was gone already
}

// birth is a process as the process table has it.
type birth struct {
	at     uint64
	group  int
	zombie bool
}
