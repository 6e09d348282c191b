package filestore

import "golang.org/x/sys/unix"

// Allocate reserves the blocks now: after a plain write many file systems choose
// them only when they write back, and may find none.
func (system) Allocate(fd int, size int64) error {
	err := again(func() error { return unix.Fallocate(fd, 0, 0, size) })
	if err == unix.EOPNOTSUPP || err == unix.ENOSYS {
		return system{}.Write(fd, make([]byte, size), 0)
	}
	return err
}

func renameNew(from, to string) error {
	return unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
}

// remoteFileSystems are those where another host may change files that we lock, or
// where a user's process decides what a lock is. The numbers are from
// include/uapi/linux/magic.h of Linux, those that are not there from the table in
// src/stat.c of GNU coreutils, whose remote ones this list follows.
var remoteFileSystems = map[uint32]string{
	unix.NFS_SUPER_MAGIC:   "nfs",
	unix.SMB_SUPER_MAGIC:   "smb",
	unix.CIFS_SUPER_MAGIC:  "cifs",
	unix.SMB2_SUPER_MAGIC:  "smb2",
	unix.FUSE_SUPER_MAGIC:  "fuse (or virtiofs)",
	unix.CEPH_SUPER_MAGIC:  "ceph",
	unix.CODA_SUPER_MAGIC:  "coda",
	unix.AFS_SUPER_MAGIC:   "afs",
	unix.AFS_FS_MAGIC:      "afs",
	unix.NCP_SUPER_MAGIC:   "ncp",
	unix.OCFS2_SUPER_MAGIC: "ocfs2",
	unix.V9FS_MAGIC:        "9p",
	0x01161970:             "gfs2",
	0x0bd00bd0:             "lustre",
	0x19830326:             "beegfs",
	0x47504653:             "gpfs",
	0xaad7aaea:             "panfs",
	0x61636673:             "acfs",
	0xbeefdead:             "snfs",
	0x20030528:             "orangefs",
	0x6c6c6673:             "llfs",
	0x786f4256:             "vboxsf",
	0xbacbacbc:             "vmhgfs",
	0x7c7c6673:             "prl_fs",
}

// localFileSystems have names for people.
var localFileSystems = map[uint32]string{
	unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs",
	unix.TMPFS_MAGIC: "tmpfs", unix.OVERLAYFS_SUPER_MAGIC: "overlay", unix.F2FS_SUPER_MAGIC: "f2fs",
	0x2fc12fc1: "zfs",
}

func (system) FileSystem(path string) (fileSystem, error) {
	var st unix.Statfs_t
	if err := again(func() error { return unix.Statfs(path, &st) }); err != nil {
		return fileSystem{}, err
	}
	magic := uint32(st.Type)
	if name, remote := remoteFileSystems[magic]; remote {
		return fileSystem{name, true}, nil
	}
	return fileSystem{localFileSystems[magic], false}, nil
}
