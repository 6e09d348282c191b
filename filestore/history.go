package filestore

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

const (
	// lineMost is how long an event may be: a write of so much is not mixed with
	// another's on any file system.
	lineMost = 4096

	// historyMost is when the history is rotated: some 15,000 events, read in a few
	// milliseconds. The two files before it are kept.
	historyMost = 4 << 20
)

// line is an event as it stands in the history. One that is too long loses the end of
// its command and the ends of its texts, more and more until it is not.
func line(e lull.Event) []byte {
	e.Casualty = false
	for most := lineMost; ; most /= 2 {
		data, err := json.Marshal(e)
		if err != nil {
			return nil // there is nothing in an event that cannot be marshalled
		}
		if len(data) < lineMost {
			return append(data, '\n')
		}
		e = shortened(e, most)
	}
}

func shortened(e lull.Event, most int) lull.Event {
	var command []string
	for left, i := most, 0; i < len(e.Command); i++ {
		if left <= 0 {
			command = append(command, "…")
			break
		}
		word := cut(e.Command[i], left)
		command = append(command, word)
		left -= len(word) + len(`"",`)
	}
	e.Command = command
	for _, text := range []*string{
		&e.Reason, &e.Name, &e.JobID, &e.PartOf, &e.Resumes, &e.Holder.User, &e.Holder.Host, &e.Holder.Link,
	} {
		*text = cut(*text, most)
	}
	return e
}

// cut shortens a text to so many bytes, and shows that it did.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:max(0, most-len("…"))], "") + "…"
}

// openHistory makes sure that the handle's descriptor is that of history.jsonl, which
// another process may have rotated, and returns its length.
func (x *section) openHistory() (size int64, err error) {
	sys, h := x.s.sys, x.h
	at, err := sys.Stat(x.historyFile)
	if err == nil && h.history >= 0 && at.fileID == h.historyID {
		return at.size, nil
	}
	if h.history >= 0 {
		sys.Close(h.history)
		h.history = -1
	}
	fd, err := x.s.makeFile(x.historyFile, unix.O_APPEND)
	if err != nil {
		return 0, err
	}
	if at, err = sys.Fstat(fd); err != nil {
		sys.Close(fd)
		return 0, err
	}
	h.history, h.historyID = fd, at.fileID
	return at.size, nil
}

// historySize is how long the history is, in the order of commit: before its events.
// One that cannot be opened counts as empty, so that all of it is looked at later.
func (x *section) historySize() int64 {
	size, _ := x.openHistory()
	if size > historyMost && x.exclusive {
		x.rotate()
		size, _ = x.openHistory()
	}
	return size
}

// tell appends events, each in one write, and returns those that it could not. What
// ends something must not fail because the disk is full.
func (x *section) tell(events []lull.Event) (untold []lull.Event) {
	if len(events) == 0 {
		return nil
	}
	if _, err := x.openHistory(); err != nil {
		return events
	}
	for i, e := range events {
		if x.s.sys.Append(x.h.history, line(e)) != nil {
			return events[i:]
		}
	}
	return nil
}

// stamp is tell for events that no change of the gate goes with: if the disk is full
// they are lost.
func (x *section) stamp(events ...lull.Event) {
	for i := range events {
		events[i].At = x.now
	}
	x.tell(events)
}

// catchUp writes those events of the last change that the history does not have.
func (x *section) catchUp(last change) (untold []lull.Event) {
	if len(last.Events) == 0 {
		return nil
	}
	since := x.historySince(last.After)
	var lacking []lull.Event
	for _, e := range last.Events {
		if !bytes.Contains(since, bytes.TrimSuffix(line(e), []byte("\n"))) {
			lacking = append(lacking, e)
		}
	}
	return x.tell(lacking)
}

// historySince is the history after that length. A history that is shorter has been
// rotated since.
func (x *section) historySince(after int64) []byte {
	var data []byte
	size, _ := x.openHistory()
	if size < after {
		data = x.fileFrom(x.older(1), after)
		after = 0
	}
	return append(data, x.fileFrom(x.historyFile, after)...)
}

// fileFrom reads a file from an offset; what cannot be read is nothing.
func (r *room) fileFrom(path string, from int64) []byte {
	fd, err := r.s.sys.Open(path, unix.O_RDONLY, 0)
	if err != nil {
		return nil
	}
	defer r.s.sys.Close(fd)
	data, _ := r.drain(fd, from)
	return data
}

// older is the n-th history before the current one.
func (r *room) older(n int) string {
	return r.dir + "/history." + string(rune('0'+n)) + ".jsonl"
}

// rotate begins a new history. The gate must be written after it: its last change
// points into the old one.
func (x *section) rotate() {
	_ = x.s.sys.Rename(x.older(1), x.older(2)) // there may be none yet
	_ = x.s.sys.Rename(x.historyFile, x.older(1))
	x.unstored = true
}

// rotateIfLong is for those who make the history long without changing the gate.
func (x *section) rotateIfLong() error {
	size, err := x.openHistory()
	if err != nil || size <= historyMost {
		return nil
	}
	x.rotate()
	return x.commit(x.gate, nil, false)
}

// goodbyes reports which of the passes the recent history says have left, or were
// abandoned: their owner, or whoever found them dead, was killed just after it had
// said so.
func (x *section) goodbyes(ids []string) map[string]bool {
	found := map[string]bool{}
	for _, path := range []string{x.historyFile, x.older(1)} {
		data := x.fileFrom(path, 0)
		for _, id := range ids {
			rest := data
			for !found[id] {
				i := bytes.Index(rest, []byte(id))
				if i < 0 {
					break
				}
				start := bytes.LastIndexByte(rest[:i], '\n') + 1
				end := len(rest)
				if n := bytes.IndexByte(rest[i:], '\n'); n >= 0 {
					end = i + n
				}
				if e, ok := parseLine(rest[start:end]); ok && e.ID == id {
					found[id] = e.Kind == lull.EventLeft || e.Kind == lull.EventTimedOut || e.Kind == lull.EventAbandoned
				}
				rest = rest[end:]
			}
		}
	}
	return found
}

// lineStart is how every event begins.
var lineStart = []byte(`{"at":`)

// parseLine reads an event. A line that was torn by a crash may have the next event
// at its end.
func parseLine(line []byte) (lull.Event, bool) {
	for {
		var e lull.Event
		if len(line) > 0 && json.Unmarshal(line, &e) == nil && e.Kind != "" && e.Gate != "" {
			return e, true
		}
		if len(line) < len(lineStart) {
			return lull.Event{}, false
		}
		i := bytes.Index(line[1:], lineStart)
		if i < 0 {
			return lull.Event{}, false
		}
		line = line[1+i:]
	}
}
