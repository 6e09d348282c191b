package pgtest

import "syscall"

func mountTmpfs(dir, options string) error {
	return syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, options)
}

// unmount works while files are still open there.
func unmount(dir string) error { return syscall.Unmount(dir, syscall.MNT_DETACH) }
