package filestore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/lull-dev/lull"
)

// format is the number in every record. A gate.json with a larger one was written by
// a newer lull, and is left alone.
const format = 1

// errUnreadable is the answer about a record that is torn, empty, or not ours.
var errUnreadable = errors.New("unreadable record")

// gateRecord is gate.json.
type gateRecord struct {
	Format int `json:"format"`
	lull.Gate
	Last   change `json:"last_change"`
	Leases leases `json:"leases,omitzero"`
}

// change is what the history must say of the last change. It is there for the case
// that its maker was killed, or the disk full, before the history said it.
type change struct {
	After  int64        `json:"after"` // how long the history was then
	Events []lull.Event `json:"events,omitempty"`
}

// vitals are what tells whether the maker of a record lives.
type vitals struct {
	Owner   owner    `json:"owner"`
	Stage   stage    `json:"stage"`
	Process *process `json:"process,omitempty"`
}

// stage is how far the command of a pass or hold has come.
type stage string

const (
	waiting  stage = "waiting"  // there is none
	starting stage = "starting" // it may be there, and nobody knows its number
	running  stage = "running"  // it is the Process
	leaving  stage = "leaving"  // the owner, who is elsewhere, has said that it is over
)

type passRecord struct {
	Format int `json:"format"`
	lull.Pass
	vitals
}

type holdRecord struct {
	Format int `json:"format"`
	lull.Hold
	vitals
}

func (r *passRecord) vital() *vitals       { return &r.vitals }
func (r *holdRecord) vital() *vitals       { return &r.vitals }
func (r *passRecord) lease() time.Duration { return r.Lease }
func (r *holdRecord) lease() time.Duration { return r.Lease }
func (r *passRecord) heard() lull.Moment   { return r.Heard }
func (r *holdRecord) heard() lull.Moment   { return r.Heard }

// sumKey comes last in every record, before the checksum of all that stands before
// it. Records of passes and holds are rewritten in place, because the flock is on the
// file, and a reader may meet one half written. The key cannot occur in a string: its
// quotes would be escaped.
const sumKey = `"sum":`

// seal makes a record of a value, which must be a struct.
func seal(v any, indent bool) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	comma, end := ",", "}\n"
	if indent {
		var b bytes.Buffer
		if err := json.Indent(&b, data, "", "  "); err != nil {
			return nil, err
		}
		data = bytes.TrimSuffix(b.Bytes(), []byte("\n}"))
		comma, end = ",\n  ", "\n}\n"
	} else {
		data = data[:len(data)-1]
	}
	return fmt.Appendf(data, `%s%s"%08x"%s`, comma, sumKey, crc32.ChecksumIEEE(data), end), nil
}

// unseal reads a record into a value. What follows the record, spaces or zeros, is
// padding.
func unseal(data []byte, v any) error {
	i := bytes.LastIndex(data, []byte(sumKey))
	if i < 0 {
		return errUnreadable
	}
	body := bytes.TrimRight(data[:i], " \n")
	body = bytes.TrimSuffix(body, []byte(","))
	var sum string
	tail := bytes.TrimRight(data[i+len(sumKey):], "\x00 \n")
	if json.Unmarshal(bytes.TrimSpace(bytes.TrimSuffix(tail, []byte("}"))), &sum) != nil {
		return errUnreadable
	}
	if sum != fmt.Sprintf("%08x", crc32.ChecksumIEEE(body)) {
		return errUnreadable
	}
	if err := json.Unmarshal(bytes.TrimRight(data, "\x00 \n"), v); err != nil {
		return fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return nil
}

// paddedTo is what the length of a record is rounded up to, so that it can grow by a
// process and a moment without a new block on a full disk, and never shrinks.
const paddedTo = 512

// pad fills a record up to a length, or to the next step.
func pad(data []byte, least int) []byte {
	size := max(least, (len(data)+paddedTo/2+paddedTo-1)/paddedTo*paddedTo)
	padded := make([]byte, size)
	n := copy(padded, data)
	for i := n; i < size-1; i++ {
		padded[i] = ' '
	}
	padded[size-1] = '\n'
	return padded
}
