package cli

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/lull-dev/lull/internal/words"
)

// console is standard error: lines behind "lull: ", and on a terminal one live
// line below them that is written over and over.
type console struct {
	mu      sync.Mutex
	w       *os.File
	tty     bool
	quiet   bool
	verbose bool
	shown   bool // the live line stands there
	minute  time.Time
	broken  chan os.Signal // nil until something is written
}

func newConsole(w *os.File) *console {
	return &console{w: w, tty: term.IsTerminal(int(w.Fd()))}
}

// fail says what went wrong. It is never quiet.
func (c *console) fail(format string, args ...any) { c.line(format, args...) }

// say tells what a person should know.
func (c *console) say(format string, args ...any) {
	if !c.quiet {
		c.line(format, args...)
	}
}

// detail tells what a person asked for with --verbose.
func (c *console) detail(format string, args ...any) {
	if c.verbose && !c.quiet {
		c.line(format, args...)
	}
}

func (c *console) line(format string, args ...any) {
	// Reasons, names and commands are others' words.
	lines := strings.Split(strings.TrimRight(fmt.Sprintf(format, args...), "\n"), "\n")
	for i := range lines {
		lines[i] = "lull: " + words.Printable(lines[i]) + "\n"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wipe()
	// One write per call, so that the lines of a hundred jobs do not mix.
	c.write(strings.Join(lines, ""))
}

// live shows what is waited for. On a terminal it writes over the last one; else
// it is a line a minute. The caller says the first and the last line itself.
func (c *console) live(text string) {
	text = words.Printable(text)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.quiet {
		return
	}
	now := time.Now()
	if !c.tty {
		if c.minute.IsZero() {
			c.minute = now
		}
		if now.Sub(c.minute) >= time.Minute {
			c.minute = now
			c.write("lull: " + text + "\n")
		}
		return
	}
	width, _, err := term.GetSize(int(c.w.Fd()))
	if err != nil || width < 20 {
		width = 80
	}
	line := []rune("lull: " + text)
	if len(line) >= width {
		line = append(line[:width-2], '…')
	}
	c.write("\r\x1b[K" + string(line))
	c.shown = true
}

// clear takes the live line away.
func (c *console) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wipe()
	c.minute = time.Time{}
}

func (c *console) wipe() {
	if c.shown {
		c.write("\r\x1b[K")
		c.shown = false
	}
}

// write writes. Standard error may be closed; then there is nobody to tell. It must
// not be the end either: for a broken pipe on standard error the Go runtime ends a
// process that does not catch SIGPIPE. That is caught only now, since it takes time,
// and most jobs have nothing to say.
func (c *console) write(text string) {
	if c.broken == nil {
		c.broken = make(chan os.Signal, 1)
		signal.Notify(c.broken, syscall.SIGPIPE)
	}
	_, _ = c.w.WriteString(text)
}
