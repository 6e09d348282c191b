package filestore

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// lockedBy names the owner of a flock, or is empty. A line of /proc/locks is like
//
//	1: FLOCK  ADVISORY  WRITE 708 08:01:2623 0 EOF
//
// with the device in hexadecimal and the inode (proc_locks(5)). A lock that is waited
// for has lines with "->" besides.
func lockedBy(id fileID) string {
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return ""
	}
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(id.dev), unix.Minor(id.dev), id.ino)
	for line := range strings.Lines(string(locks)) {
		f := strings.Fields(line)
		if len(f) < 6 || f[1] != "FLOCK" || f[5] != file {
			continue
		}
		command, err := os.ReadFile("/proc/" + f[4] + "/cmdline")
		if err != nil || len(command) == 0 {
			return "pid " + f[4]
		}
		words := bytes.ReplaceAll(bytes.TrimRight(command, "\x00"), []byte{0}, []byte{' '})
		return fmt.Sprintf("pid %s (%.80s)", f[4], words)
	}
	return ""
}
