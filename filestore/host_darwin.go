package filestore

import (
	"encoding/hex"
	"io/fs"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// zombie is SZOMB of sys/proc.h.
const zombie = 5

func thisHost() *host {
	h := &host{machine: hostUUID(), up: uptime, birth: birthOf}
	h.boot, _ = unix.Sysctl("kern.bootsessionuuid")
	return h.common()
}

// hostUUID is gethostuuid(2), or nothing.
func hostUUID() string {
	var id [16]byte
	var wait unix.Timespec
	_, _, errno := unix.Syscall(unix.SYS_GETHOSTUUID, uintptr(unsafe.Pointer(&id)), uintptr(unsafe.Pointer(&wait)), 0)
	if errno != 0 {
		return ""
	}
	return hex.EncodeToString(id[:])
}

// uptime is CLOCK_MONOTONIC, which on this system goes on while it sleeps
// (clock_gettime(3)).
func uptime() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

func birthOf(pid int) (birth, error) {
	p, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return birth{}, fs.ErrNotExist // EIO: the answer was empty
	}
	return birthIn(p), nil
}

func birthIn(p *unix.KinfoProc) birth {
	at := p.Proc.P_starttime
	return birth{uint64(at.Sec)*1e6 + uint64(at.Usec), int(p.Eproc.Pgid), p.Proc.P_stat == zombie}
}

// groupLife says whether anybody in the command's process group lives who may be the
// command or its offspring. Zombies do not, nor whoever has left for a group of his
// own, as daemons do.
func (h *host) groupLife(p process) life {
	if p.Group <= 1 {
		return unsure
	}
	if leader, err := h.birth(p.Group); err == nil && leader.at != p.Leader {
		return over // the number has come round: there is no such group any more
	}
	members, err := unix.SysctlKinfoProcSlice("kern.proc.pgrp", p.Group)
	if err != nil {
		return unsure
	}
	for i := range members {
		if b := birthIn(&members[i]); !b.zombie && b.at >= p.Born {
			return alive
		}
	}
	return over
}
