package filestore

import "golang.org/x/sys/unix"

// Allocate writes: what is written on APFS is reserved.
func (system) Allocate(fd int, size int64) error {
	return system{}.Write(fd, make([]byte, size), 0)
}

func renameNew(from, to string) error { return unix.RenamexNp(from, to, unix.RENAME_EXCL) }

// FileSystem asks for MNT_LOCAL, which FUSE file systems may claim as well.
func (system) FileSystem(path string) (fileSystem, error) {
	var st unix.Statfs_t
	if err := again(func() error { return unix.Statfs(path, &st) }); err != nil {
		return fileSystem{}, err
	}
	name := unix.ByteSliceToString(st.Fstypename[:])
	fuse := name == "macfuse" || name == "osxfuse" || name == "fuse"
	return fileSystem{name, fuse || st.Flags&unix.MNT_LOCAL == 0}, nil
}
