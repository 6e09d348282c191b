package filestore

import (
	"os"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// instancesLeft is how many inotify instances we leave to the rest of a user's
// programs. There are 128 for each user unless somebody raised it (inotify(7),
// max_user_instances): a hundred waiting jobs must not break the next tail -f.
const instancesLeft = 8

// watcher is one inotify instance.
type watcher struct {
	file *os.File // in the runtime's poller, so that close ends a read
	once sync.Once

	dir int // the watch on the gate's directory
	buf [4096]byte
}

const (
	onGate   = unix.IN_MOVED_TO | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR
	onHolds  = unix.IN_CLOSE_WRITE | unix.IN_DELETE | unix.IN_ONLYDIR
	onPasses = unix.IN_CLOSE_WRITE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_ONLYDIR
)

func (r *room) watcher() (*watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, err
	}
	w, wide := &watcher{}, r.drains()
	if !wide && !sparable() {
		unix.Close(fd)
		return nil, unix.EMFILE
	}
	w.file = os.NewFile(uintptr(fd), "inotify")
	w.dir, err = unix.InotifyAddWatch(fd, r.dir, onGate)
	if err == nil {
		_, err = unix.InotifyAddWatch(fd, r.holds, onHolds)
	}
	if err != nil {
		w.close()
		return nil, err
	}
	if wide {
		for _, t := range r.tickets() {
			unix.InotifyAddWatch(fd, r.ticketDir(t), onPasses) // removed meanwhile: all have left
		}
	}
	return w, nil
}

// sparable reports whether others are left enough instances when we have ours.
func sparable() bool {
	var fds [instancesLeft]int
	for i := range fds {
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
		if err != nil {
			return false
		}
		defer unix.Close(fd)
		fds[i] = fd
	}
	return true
}

// canWatch reports why this process could get no notice of changes.
func canWatch() error {
	if !sparable() {
		return unix.EMFILE
	}
	return nil
}

func (w *watcher) close() { w.once.Do(func() { w.file.Close() }) }

// next blocks until there is something to tell, or for so long; 0 is for ever.
func (w *watcher) next(most time.Duration) (notice, error) {
	var deadline time.Time
	if most > 0 {
		deadline = time.Now().Add(most)
	}
	if err := w.file.SetReadDeadline(deadline); err != nil {
		return nothing, err
	}
	for {
		n, err := w.file.Read(w.buf[:])
		if os.IsTimeout(err) {
			return nothing, nil
		}
		if err != nil {
			return nothing, err
		}
		if seen := w.sort(w.buf[:n]); seen != nothing {
			return seen, nil
		}
	}
}

// sort says what the events amount to.
func (w *watcher) sort(data []byte) (seen notice) {
	for len(data) >= unix.SizeofInotifyEvent {
		e := (*unix.InotifyEvent)(unsafe.Pointer(&data[0]))
		rest := data[unix.SizeofInotifyEvent:]
		name := unix.ByteSliceToString(rest[:e.Len])
		data = rest[e.Len:]
		switch {
		case e.Mask&unix.IN_Q_OVERFLOW != 0:
			seen = max(seen, gateChanged)
		case int(e.Wd) == w.dir && e.Mask&unix.IN_MOVED_TO != 0 && name != "gate.json":
		case e.Mask&unix.IN_CLOSE_WRITE != 0:
			seen = max(seen, somebodyGone)
		case e.Mask&unix.IN_IGNORED != 0:
		default:
			seen = max(seen, gateChanged)
		}
	}
	return seen
}
