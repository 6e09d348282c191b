package access

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// FileError is what is wrong with the file of tokens, for a person.
type FileError struct {
	What string
	Hint string // what to do; may be ""
	Err  error  // the cause; may be nil
}

// Error is what is wrong, and the cause.
func (e *FileError) Error() string {
	if e.Err != nil {
		return e.What + ": " + e.Err.Error()
	}
	return e.What
}

// Unwrap is the cause.
func (e *FileError) Unwrap() error { return e.Err }

// tokenFile is the path of the file that tokens are kept in. It is replaced as a whole, by
// rename: who reads needs no lock. Who changes it holds the lock on a file beside it, from
// reading to writing.
type tokenFile struct{ path string }

// version tells one content of the file from the next. A rename makes a new file, so that two
// changes of the same size and moment differ.
type version struct {
	info os.FileInfo // nil: there is no file
}

func (v version) same(o version) bool {
	if v.info == nil || o.info == nil {
		return v.info == nil && o.info == nil
	}
	return os.SameFile(v.info, o.info) && v.info.Size() == o.info.Size() && v.info.ModTime().Equal(o.info.ModTime())
}

// is says whether the file is of a version yet.
func (f tokenFile) is(v version) (bool, error) {
	now, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return v.same(version{}), nil
	}
	if err != nil {
		return false, f.fault("look at", err)
	}
	return v.same(version{now}), nil
}

// content is the file.
type content struct {
	Tokens []kept `json:"tokens"`
}

type kept struct {
	Info
	Hash string `json:"sha256"`
}

// read is what the file says. One that is not there says nothing.
func (f tokenFile) read() ([]record, version, error) {
	in, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, version{}, nil
	}
	if err != nil {
		return nil, version{}, f.fault("read", err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, version{}, f.fault("read", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, version{}, &FileError{
			What: fmt.Sprintf("others than its owner may read or change %s (its mode is %04o)", f.path, mode),
			Hint: "chmod 600 " + f.path,
		}
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return nil, version{}, f.fault("read", err)
	}
	records, err := parse(data)
	if err != nil {
		return nil, version{}, &FileError{
			What: f.path + " is not a file of tokens", Err: err,
			Hint: "put it back from a copy, or move it away and make new tokens",
		}
	}
	return records, version{info}, nil
}

func parse(data []byte) ([]record, error) {
	var c content
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, err
	}
	records := make([]record, len(c.Tokens))
	for i, k := range c.Tokens {
		sum, err := hex.DecodeString(k.Hash)
		if err != nil || len(sum) != len(records[i].Hash) || k.ID == "" || !goodName(k.Name) {
			return nil, fmt.Errorf("token %d is not complete", i+1)
		}
		if _, err := ParseRole(string(k.Role)); err != nil {
			return nil, fmt.Errorf("token %d: %w", i+1, err)
		}
		records[i] = record{k.Info, [32]byte(sum)}
	}
	return records, nil
}

// write replaces the file. What is on the disk is the old content or the new, at any time.
func (f tokenFile) write(records []record) (version, error) {
	c := content{Tokens: make([]kept, len(records))}
	for i, r := range records {
		c.Tokens[i] = kept{r.Info, hex.EncodeToString(r.Hash[:])}
	}
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(c); err != nil {
		return version{}, f.fault("write", err)
	}
	out, err := os.CreateTemp(filepath.Dir(f.path), "."+filepath.Base(f.path)+"-*") // mode 0600
	if err != nil {
		return version{}, f.fault("write", err)
	}
	info, err := f.replace(out, data.Bytes())
	if err != nil {
		os.Remove(out.Name())
		return version{}, f.fault("write", err)
	}
	return version{info}, nil
}

func (f tokenFile) replace(out *os.File, data []byte) (os.FileInfo, error) {
	defer out.Close()
	if _, err := out.Write(data); err != nil {
		return nil, err
	}
	if err := f.own(out); err != nil {
		return nil, err
	}
	if err := out.Sync(); err != nil {
		return nil, err
	}
	info, err := out.Stat()
	if err != nil {
		return nil, err
	}
	return info, os.Rename(out.Name(), f.path)
}

// own gives what root has made to whom the file belonged, or else the directory: to the
// server, which could not read it otherwise.
func (f tokenFile) own(made *os.File) error {
	before, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		before, err = os.Stat(filepath.Dir(f.path))
	}
	if err != nil || os.Geteuid() != 0 {
		return err
	}
	owner := before.Sys().(*syscall.Stat_t)
	return made.Chown(int(owner.Uid), int(owner.Gid))
}

// The lock is held for milliseconds. Ten seconds mean that its owner is stopped, or the disk
// is.
const (
	lockPatience = 10 * time.Second
	lockPause    = 5 * time.Millisecond
)

// lock keeps other processes, and other calls in this one, from changing the file. It makes
// the directory if there is none.
func (f tokenFile) lock() (unlock func(), _ error) {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return nil, f.fault("make the directory of", err)
	}
	l, err := os.OpenFile(f.path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, f.fault("lock", err)
	}
	err = f.own(l)
	for until := time.Now().Add(lockPatience); err == nil; time.Sleep(lockPause) {
		err = syscall.Flock(int(l.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { l.Close() }, nil // that unlocks as well
		}
		if time.Now().Before(until) && (errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR)) {
			err = nil
		}
	}
	l.Close()
	return nil, f.fault("lock", err)
}

// fault is an error of the system.
func (f tokenFile) fault(doing string, err error) error {
	hint := ""
	if errors.Is(err, fs.ErrPermission) {
		hint = "do it as the user that lulld runs as, or as root"
	}
	return &FileError{What: fmt.Sprintf("cannot %s %s", doing, f.path), Hint: hint, Err: err}
}
