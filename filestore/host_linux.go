package filestore

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func thisHost() *host {
	h := &host{
		machine: firstLine("/etc/machine-id"),
		boot:    firstLine("/proc/sys/kernel/random/boot_id"),
		up:      uptime,
	}
	h.pidSpace, _ = os.Readlink("/proc/self/ns/pid")
	h.birth = birthOf
	return h.common()
}

func firstLine(path string) string {
	data, _ := os.ReadFile(path)
	line, _, _ := strings.Cut(string(data), "\n")
	return line
}

// uptime counts suspended time: a limit is about the time that people wait.
func uptime() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// birthOf reads /proc/PID/stat, whose third field is the state, fifth the group, 20th
// the number of threads, and 22nd the start in clock ticks since the boot
// (proc_pid_stat(5)). The second is the command in parentheses, and may contain
// anything. The state is the first thread's alone: of a process that has ended it by
// pthread_exit(3), or is just ending by its other threads, it is Z while those run.
func birthOf(pid int) (birth, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		if errors.Is(err, unix.ESRCH) {
			err = fs.ErrNotExist // it ended between open and read
		}
		return birth{}, err
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return birth{}, errors.New("/proc has no stat(5) of the kind we know")
	}
	group, _ := strconv.Atoi(string(fields[2]))
	at, err := strconv.ParseUint(string(fields[19]), 10, 64)
	threads, _ := strconv.Atoi(string(fields[17]))
	state := fields[0][0]
	return birth{at, group, (state == 'Z' || state == 'X') && threads <= 1}, err
}

// groupLife says whether anybody in the command's process group lives who may be the
// command or its offspring. Zombies do not, nor whoever has left for a group of his
// own, as daemons do.
func (h *host) groupLife(p process) life {
	if p.Group <= 1 {
		return unsure // kill(2) takes 0 and -1 for something else
	}
	if err := unix.Kill(-p.Group, 0); err == unix.ESRCH {
		return over // this is right also where /proc hides the processes of others
	}
	leader, err := h.birth(p.Group)
	switch {
	case err == nil && leader.at != p.Leader:
		return over // the number has come round: there is no such group any more
	case err == nil && !leader.zombie && leader.at >= p.Born:
		return alive
	}
	// Who forks and dies while we look hides the child, whose number was not listed
	// yet: so a group that is still there is looked through again. Zombies are the usual
	// reason that it is, and the third look settles it.
	for range 3 {
		found, err := h.someoneIn(p)
		switch {
		case err != nil:
			return unsure
		case found:
			return alive
		case unix.Kill(-p.Group, 0) == unix.ESRCH:
			return over
		}
	}
	if _, err := os.Stat("/proc/1/stat"); err != nil {
		return unsure // mounted with hidepid: those we saw were not all
	}
	return over
}

// someoneIn looks through all processes for one of the command's group.
func (h *host) someoneIn(p process) (bool, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return false, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return false, err
	}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		b, err := h.birth(pid)
		if err == nil && b.group == p.Group && !b.zombie && b.at >= p.Born {
			return true, nil
		}
	}
	return false, nil
}
