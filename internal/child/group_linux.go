package child

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// groupLives says whether the group has a member that is more than a zombie.
// Orphans stay zombies for good where process 1 reaps nobody, as in a container
// started with tail or a script; kill alone would count them as living.
func groupLives(group int) bool {
	// Who forks and dies while we look hides the child, whose number was not listed
	// yet: so a group that is still there is looked through again. Zombies are the usual
	// reason, and the third look settles it.
	for range 3 {
		if syscall.Kill(-group, 0) == syscall.ESRCH {
			return false
		}
		if someoneIn(group) {
			return true
		}
	}
	return false
}

func someoneIn(group int) bool {
	proc, err := os.Open("/proc")
	if err != nil {
		return true
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	if err != nil {
		return true
	}
	for _, name := range names {
		if name[0] < '1' || name[0] > '9' {
			continue
		}
		stat, err := os.ReadFile("/proc/" + name + "/stat")
		if err == nil && livesIn(group, stat) {
			return true
		}
	}
	return false
}

// livesIn reads /proc/PID/stat (proc_pid_stat(5)): the state, the parent and the
// group follow the name, which stands in parentheses and may contain some.
func livesIn(group int, stat []byte) bool {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 3 || string(fields[2]) != strconv.Itoa(group) {
		return false
	}
	state := fields[0][0]
	return state != 'Z' && state != 'X'
}
