package filestore

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

// spareSize is room for a gate.json with some holds, the events of one change, and
// then some: a record that outgrows its spare needs free space to end.
const spareSize = 16 << 10

// mostUntold is how many events of earlier changes a gate carries that the history
// did not take: a disk that stays full must not make it outgrow the spare.
const mostUntold = 16

// commit makes a gate and its events true, in this order, so that whoever is killed
// between two steps leaves nothing that is wrong:
//
//  1. a spare, if the gate will be closed: to open it must need no space
//  2. gate.json by rename: now it is so
//  3. the events, which gate.json carries until the next change
//  4. holds' files: those that changed are rewritten, those not listed removed
//
// What ends something is written into the spare, else it is given up only when there
// is no space for a new file.
func (x *section) commit(g lull.Gate, events []lull.Event, ending bool) error {
	if x.unchanged(g, events) {
		return nil
	}
	stamped := x.untold[max(0, len(x.untold)-mostUntold):]
	for _, e := range events {
		e.At, e.Casualty = x.now, false
		stamped = append(stamped, e)
	}
	next := gateRecord{Format: format, Gate: g, Last: change{After: x.historySize(), Events: stamped}, Leases: x.stored.Leases}
	data, err := seal(next, true)
	if err != nil {
		return err
	}
	if len(g.Holds) > 0 && !ending {
		if err := x.prepareSpare(); err != nil {
			return fault("prepare", x.spareFile, err)
		}
	}
	if err := x.replace(data, ending); err != nil {
		return fault("write", x.gateFile, err)
	}
	before := x.gate
	x.stored, x.gate, x.unstored = next, g, false
	x.untold = x.tell(stamped)
	if len(g.Holds) > 0 && ending {
		_ = x.prepareSpare() // the old gate.json has just made room for it
	}
	x.tidyHolds(before)
	if before.Phase != g.Phase {
		x.tidyTickets()
		x.sweepBlanks()
	}
	return fault("keep", x.dir, x.s.syncDir(x.dir))
}

// replace puts a new gate.json in the place of the old one. An end uses the spare
// first, so that this way is as well worn as the other.
func (x *section) replace(data []byte, ending bool) error {
	sys, path := x.s.sys, x.spareFile
	fd, err := -1, error(unix.ENOENT)
	if ending {
		fd, err = sys.Open(path, unix.O_RDWR, 0)
	}
	if missing(err) {
		path = x.dir + "/.gate.json" // one name: who is killed here leaves one file at most
		fd, err = x.s.makeFile(path, unix.O_TRUNC)
	}
	if err != nil {
		return err
	}
	err = sys.Write(fd, data, 0)
	if err == nil {
		err = sys.Truncate(fd, int64(len(data)))
	}
	if err == nil {
		err = sys.Sync(fd)
	}
	sys.Close(fd)
	if err == nil {
		err = sys.Rename(path, x.gateFile)
	}
	if err != nil && path != x.spareFile {
		sys.Unlink(path)
	}
	return err
}

// prepareSpare makes a file with its blocks allocated. It has the right size only
// when that is done.
func (x *section) prepareSpare() error {
	sys := x.s.sys
	if at, err := sys.Stat(x.spareFile); err == nil && at.size >= spareSize {
		return nil
	}
	path := x.dir + "/.spare.json"
	fd, err := x.s.makeFile(path, unix.O_TRUNC)
	if err != nil {
		return err
	}
	err = sys.Allocate(fd, spareSize)
	sys.Close(fd)
	if err == nil {
		err = sys.Rename(path, x.spareFile)
	}
	if err != nil {
		sys.Unlink(path)
	}
	return err
}

// tidyHolds rewrites the files of the holds that have changed, so that a destroyed
// gate.json can be made anew with their limits, and removes what is not listed. Nothing
// depends on its success.
func (x *section) tidyHolds(before lull.Gate) {
	listed := map[string]bool{}
	was := map[string]string{}
	for _, h := range all(before) {
		was[h.ID] = text(h)
	}
	for _, h := range all(x.gate) {
		listed[h.ID] = true
		if old, known := was[h.ID]; known && old != text(h) {
			x.rewriteHold(h)
		}
	}
	names, _ := x.s.sys.List(x.holds, 0)
	for _, name := range names {
		if id, ok := strings.CutSuffix(name, ".json"); !ok || !listed[id] {
			x.s.sys.Unlink(x.holds + "/" + name)
			if ok {
				x.release(id)
			}
		}
	}
}

func all(g lull.Gate) []lull.Hold {
	return append(append(append([]lull.Hold(nil), g.Holds...), g.Queue...), g.Loose...)
}

func text(h lull.Hold) string {
	data, _ := json.Marshal(h)
	return string(data)
}

// tidyTickets removes the empty directories of tickets that nobody gets any more.
func (x *section) tidyTickets() {
	for _, t := range x.tickets() {
		if t != x.gate.Phase && t != x.gate.Phase.Ticket() {
			x.s.sys.Rmdir(x.ticketDir(t)) // fails while somebody is there
		}
	}
}

// tickets lists the tickets that have a directory, in no order. If there are none to
// be listed, there are none.
func (r *room) tickets() []lull.Phase {
	tickets, _ := r.listTickets()
	return tickets
}

func (r *room) listTickets() ([]lull.Phase, error) {
	names, err := r.s.sys.List(r.passes, 0)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return nil, fault("list", r.passes, err)
	}
	var tickets []lull.Phase
	for _, name := range names {
		if n, err := strconv.ParseInt(name, 10, 64); err == nil {
			tickets = append(tickets, lull.Phase(n))
		}
	}
	return tickets, nil
}

func (r *room) ticketDir(t lull.Phase) string {
	return r.passes + "/" + strconv.FormatInt(int64(t), 10)
}
