package filestore

import (
	"errors"
	"fmt"

	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

// fault turns the kernel's error into one that a caller can act on: what will not
// heal by itself is a *[lull.SetupError], all else is unavailable.
func fault(doing, path string, err error) error {
	if err == nil {
		return nil
	}
	setup := &lull.SetupError{Err: fmt.Errorf("%s %s: %w", doing, path, err)}
	switch {
	case errors.Is(err, unix.EROFS):
		setup.What = "the store is on a read-only file system"
		setup.Hint = "choose a directory that can be written, with --store file:///dir"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		setup.What = "the store may not be used by this user"
		setup.Hint = "run as the store's owner, or share it in a group: chgrp GROUP DIR && chmod 2770 DIR"
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP), errors.Is(err, unix.EISDIR), errors.Is(err, unix.ENAMETOOLONG):
		setup.What = "something that is no store's is in the way"
		setup.Hint = "name a directory that nothing else uses, with --store file:///dir"
	default:
		return fmt.Errorf("%w: %w", lull.ErrUnavailable, setup.Err)
	}
	return setup
}
