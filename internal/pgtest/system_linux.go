package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
)

// freeBytes is 0 if it cannot be known.
func freeBytes(dir string) int64 {
	var fs syscall.Statfs_t
	if syscall.Statfs(dir, &fs) != nil {
		return 0
	}
	return int64(fs.Bavail) * fs.Bsize
}

func signalAtParentsEnd(attr *syscall.SysProcAttr, signal syscall.Signal) { attr.Pdeathsig = signal }

// childrenOf lists the processes that pid has forked.
func childrenOf(pid int) ([]int, error) {
	// proc(5): a task's children, its process id being its first task's.
	list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil, err
	}
	var children []int
	for field := range bytes.FieldsSeq(list) {
		child, err := strconv.Atoi(string(field))
		if err != nil {
			return nil, err
		}
		children = append(children, child)
	}
	return children, nil
}

// runs says whether a process exists and is not stopped.
func runs(pid int) (bool, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	// proc(5): pid, name in parentheses, state. A name may contain anything.
	_, after, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')'):], []byte(" "))
	return !bytes.ContainsAny(after[:1], "TZX"), nil
}
