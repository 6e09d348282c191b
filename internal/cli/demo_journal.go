package cli

import (
	"bytes"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// said is a line of the journal as it came.
type said struct {
	at   time.Duration
	line string
}

// entry is one line of the journal.
type entry struct {
	begin bool
	pid   int
	who   *actor
}

// look is how often the demo looks at the journal: the error of its figures.
const look = 2 * time.Millisecond

func (d *demo) journalPath() string { return filepath.Join(d.dir, "journal") }

// readJournal passes on what the commands write, until nobody is left to write.
func (d *demo) readJournal() {
	defer close(d.said)
	var rest []byte // the beginning of a line whose end is not written yet
	for last := false; ; {
		text, err := io.ReadAll(d.journal)
		if err != nil {
			return // what waits for a line says which one never came
		}
		rest = append(rest, text...)
		for {
			line, more, whole := bytes.Cut(rest, []byte("\n"))
			if !whole {
				break
			}
			rest = more
			d.said <- said{d.now(), string(line)}
		}
		if last {
			return
		}
		select {
		case <-d.saidMore:
			last = true
		case <-time.After(look):
		}
	}
}

// note takes in one line of the journal.
func (d *demo) note(s said) {
	verb, rest, _ := strings.Cut(s.line, " ")
	pid, name, _ := strings.Cut(rest, " ")
	for _, who := range d.cast {
		if who.name != name {
			continue
		}
		e := entry{begin: verb == "begin", who: who}
		e.pid, _ = strconv.Atoi(pid)
		d.entries = append(d.entries, e)
		if e.begin {
			d.readGate() // what let it begin came first
			who.begun, who.command = s.at, e.pid
			d.show.happens(who.begun, name, "starts"+who.afterWait())
		} else if who.killed == 0 {
			who.ended = s.at
			d.show.happens(who.ended, name, "ends")
		}
		return
	}
}
