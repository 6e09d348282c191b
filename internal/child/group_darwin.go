package child

import "syscall"

// groupLives says whether the group has a member. launchd reaps orphans at once.
func groupLives(group int) bool {
	return syscall.Kill(-group, 0) != syscall.ESRCH
}
