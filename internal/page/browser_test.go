package page_test

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

//go:embed testdata/axe.min.js.gz
var axeGzipped []byte

// browser is a new one, with a profile of its own. It ends with the test.
func browser(t *testing.T) context.Context {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is missing: apt-get install chromium")
		}
		t.Skip("chromium is not installed")
	}
	flags := append([]chromedp.ExecAllocatorOption{},
		chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("hide-scrollbars", true), chromedp.WSURLReadTimeout(time.Minute),
	)
	allocator, stop := chromedp.NewExecAllocator(t.Context(), flags...)
	t.Cleanup(stop)
	return allocator
}

// tab is one page in a browser. At the end it must not have met an error, nor asked
// another host for anything.
type tab struct {
	*testing.T
	ctx    context.Context
	server *httptest.Server
	site   string

	mu       sync.Mutex
	asked    map[string]bool // hosts
	problems []string
}

func (s *stage) visit(t *testing.T, path string) *tab {
	t.Helper()
	server := httptest.NewServer(s.handler)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	b := &tab{T: t, server: server, site: server.URL, asked: map[string]bool{}}
	ctx, cancel := chromedp.NewContext(browser(t), chromedp.WithListener(b.listen))
	t.Cleanup(cancel)
	b.ctx = ctx
	b.do("start the browser", chromedp.EmulateViewport(1280, 1075), send(network.Enable, network.EnableParams{}))
	limited, stop := context.WithTimeout(ctx, 90*time.Second) // the first step's ctx is the browser's life
	t.Cleanup(stop)
	b.ctx = limited
	t.Cleanup(b.check)
	b.goTo(path)
	return b
}

// send is an action that sends one command of the browser's protocol.
func send[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

func (b *tab) goTo(path string) {
	b.Helper()
	b.do("open "+path, chromedp.Navigate(b.site+path))
}

// listen is told what the browser does. It must not block.
func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err == nil && u.Scheme != "data" {
			b.asked[u.Host] = true
		}
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, fmt.Sprint(e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			b.problems = append(b.problems, e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

func (b *tab) check() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		b.Errorf("the browser says: %s", p)
	}
	for host := range b.asked {
		if "http://"+host != b.site {
			b.Errorf("the page asked another host: %s", host)
		}
	}
}

// forgives lets go of what went wrong because the test made it.
func (b *tab) forgives() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = nil
}

func (b *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatalf("%s: %v", what, err)
	}
}

// is works out an expression in the page. One that fails, as while another page is
// loading, is the zero value.
func is[T any](b *tab, expression string) T {
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil && b.ctx.Err() != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return got
}

// sees waits until an expression is true in the page.
func (b *tab) sees(what, expression string) {
	b.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(20 * time.Second); !is[bool](b, expression); <-again.C {
		if time.Now().After(end) {
			b.Fatalf("the page does not show that %s:\n%s", what, is[string](b, `document.body.innerText.slice(0, 1500)`))
		}
	}
}

func (b *tab) says(what, selector, text string) {
	b.Helper()
	b.sees(what, fmt.Sprintf(`(document.querySelector(%q)?.innerText || "").includes(%q)`, selector, text))
}

func (b *tab) dark(on bool) {
	b.Helper()
	scheme := "light"
	if on {
		scheme = "dark"
	}
	b.do("choose colours", send(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}))
}

func (b *tab) phone() {
	b.Helper()
	b.do("become a phone", chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2), chromedp.EmulateMobile))
}

// shoot keeps a picture of the whole page for people, where they asked for it.
func (b *tab) shoot(name string) {
	b.Helper()
	b.keep(name, chromedp.FullScreenshot(100))
}

// shootTop keeps a picture of what is seen without scrolling.
func (b *tab) shootTop(name string) {
	b.Helper()
	b.keep(name, chromedp.CaptureScreenshot())
}

func (b *tab) keep(name string, picture chromedp.Action[[]byte]) {
	b.Helper()
	dir := os.Getenv("LULL_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, picture)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.Fatal(err)
	}
}

// sound fails the test for what axe finds serious.
func (b *tab) sound() {
	b.Helper()
	z, err := gzip.NewReader(bytes.NewReader(axeGzipped))
	if err != nil {
		b.Fatal(err)
	}
	axe, err := io.ReadAll(z)
	if err != nil {
		b.Fatal(err)
	}
	_ = is[int](b, string(axe)+";0")
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](
		`axe.run().then(r => JSON.stringify(r.violations.filter(v => v.impact === "serious" || v.impact === "critical").map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 5).map(n => n.html.slice(0, 160) + " " + n.failureSummary)}))))`,
		chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatal(err)
	}
	var violations []struct {
		ID, Help string
		Nodes    []string
	}
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		b.Fatal(err)
	}
	for _, v := range violations {
		b.Errorf("axe: %s (%s)\n  %s", v.Help, v.ID, strings.Join(v.Nodes, "\n  "))
	}
}

func (b *tab) fitsItsWidth() {
	b.Helper()
	if over := is[float64](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
		b.Errorf("the page is %v pixels too wide", over)
	}
}

// busy is a gate in the middle of a day.
func busy(t *testing.T, s *stage) {
	t.Helper()
	s.past = day("default", time.Now())
	s.enters(t, "default", "nightly-report", "node4", 9*time.Minute+12*time.Second)
	s.enters(t, "default", "invoice-run", "node2", 3*time.Minute)
	s.enters(t, "default", "sync-customers", "node1", 4*time.Minute+40*time.Second)
}
