package page_test

import (
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/lull-dev/lull"
)

func TestBrowserWatchesADeploymentDrainAndEnd(t *testing.T) {
	s := newStage(t, admin, nil)
	s.aged = true
	busy(t, s)
	b := s.visit(t, "/")
	b.says("the gate is open", "#bar", "OPEN")
	b.says("the stream is live", "#live", "Live")
	b.shoot("light-open")
	b.sound()

	release := s.deploys(t, "default", "release 81")
	b.says("the gate drains", "#bar", "DRAINING")
	b.says("it says who and why", "#bar", "deploy@web1")
	waiting := s.enters(t, "default", "import-prices", "node3", 0)
	s.enters(t, "default", "mail-digest", "node5", 0)
	b.says("a job waits", "#waiting", "import-prices")
	b.sees("the countdown runs", `/^2[67]m/.test(document.querySelector("#bar .clock").innerText)`)
	b.sees("the title says so", `document.title.startsWith("DRAINING")`)
	b.shoot("light-draining")
	b.shootTop("page")
	b.sound()
	b.dark(true)
	b.shoot("dark-draining")
	b.sound()
	b.dark(false)

	snap, err := s.Snapshot(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range snap.Inside {
		s.leaves(t, p, 0, 5*time.Minute)
	}
	s.begins(t, release, lull.Start{})
	b.says("the gate is closed", "#bar", "CLOSED")
	b.says("the deployment runs", "#bar", "The deployment has run for")
	b.shoot("light-closed")
	b.sound()
	b.dark(true)
	b.shoot("dark-closed")
	b.dark(false)

	s.ends(t, release)
	b.says("the gate is open again", "#bar", "OPEN")
	b.sees("who waited is inside", `document.querySelector("#inside #pass-`+waiting.ID+`") !== null`)
	b.says("nobody waits", "#waiting", "Nobody waits")
}

func TestBrowserClosesAndOpensByClicking(t *testing.T) {
	s := newStage(t, deployer, nil)
	busy(t, s)
	b := s.visit(t, "/gates/default")
	b.says("the stream is live", "#live", "Live")
	b.do("unfold the form", chromedp.Click(chromedp.CSS("#close > summary")))
	b.do("type a reason", chromedp.SendKeys(chromedp.CSS("#close input[name=reason]"), "moving the database's disk"))
	b.do("unfold the lines", chromedp.Click(chromedp.CSS("#close .terminal > summary")))
	b.says("the line does the same", "#close pre", `lull close --gate default --reason 'moving the database'\''s disk' --limit 1h`)
	s.enters(t, "default", "thumbnail-batch", "node6", 0)
	b.says("the page goes on meanwhile", "#inside", "thumbnail-batch")
	b.sees("what was typed is still there", `document.querySelector("#close input[name=reason]").value.startsWith("moving") && document.querySelector("#close").open`)
	b.sees("the field still has the focus, or the summary has", `document.querySelector("#close").contains(document.activeElement)`)
	b.shoot("light-closing")
	b.sound()
	b.do("close the gate", chromedp.Click(chromedp.CSS("#close form > button")))
	b.says("the gate is closed", "#bar", "dana@lulld")
	b.says("it says why", "#bar", "moving the database's disk")
	b.sees("the limit is the preset", `/^(59m|1h)/.test(document.querySelector("#bar .clock").innerText)`)

	b.do("unfold the opening", chromedp.Click(chromedp.CSS("#holds .act:first-child > summary")))
	b.says("it asks, and names the holder", "#holds .panel", "dana@lulld")
	b.sound()
	b.do("open the gate", chromedp.Click(chromedp.CSS("#holds .act:first-child .danger")))
	b.says("the gate is open", "#bar", "OPEN")
}

func TestBrowserExtendsAndIsToldWhatIsWrong(t *testing.T) {
	s := newStage(t, deployer, nil)
	hold, _, err := s.Close(t.Context(), lull.Hold{ID: lull.NewID(), Gate: "default", Kind: lull.Person, Holder: s.me(), Reason: "looking"})
	if err != nil {
		t.Fatal(err)
	}
	b := s.visit(t, "/gates/default")
	b.do("unfold", chromedp.Click(chromedp.CSS("#extend-"+hold.ID+" > summary")))
	b.do("choose", chromedp.SetValue(chromedp.CSS("#extend-"+hold.ID+" select"), "4h"))
	b.do("extend", chromedp.Click(chromedp.CSS("#extend-"+hold.ID+" form > button")))
	b.sees("the limit is new", `/^(3h 59m|4h)/.test(document.querySelector("#bar .clock").innerText)`)

	b.do("unfold", chromedp.Click(chromedp.CSS("#open-"+hold.ID+" > summary")))
	if _, err := s.Open(t.Context(), lull.HoldRef{Gate: "default", ID: hold.ID}, lull.Outcome{By: s.me()}); err != nil {
		t.Fatal(err)
	}
	b.says("it is open already", "#bar", "OPEN")
	b.sees("there is nothing left to press", `document.querySelector("#open-`+hold.ID+`") === null`)
}

func TestBrowserOfAViewerHasNothingToPress(t *testing.T) {
	s := newStage(t, anyone, nil)
	busy(t, s)
	s.deploys(t, "default", "release 81")
	b := s.visit(t, "/gates/default")
	b.says("it is draining", "#bar", "DRAINING")
	b.says("the stream is live", "#live", "Live")
	b.sees("there is no button but the one to sign out", `[...document.querySelectorAll("button:not(.copy), .button, input, select")].every(e => e.closest("form[action='/sign-out']"))`)
	b.sound()
}

func TestBrowserZoomsAndHoversTheTimeline(t *testing.T) {
	s := newStage(t, anyone, nil)
	busy(t, s)
	b := s.visit(t, "/gates/default")
	b.says("the stream is live", "#live", "Live")
	b.sees("a casualty is marked", `document.querySelector(".jb.casualty .ran") !== null`)
	b.sees("the charts are drawn", `document.querySelectorAll("#charts canvas").length === 2`)
	type point struct{ X, Y float64 }
	at := is[point](b, `(() => { document.querySelector("#timeline").scrollIntoView(); const r = document.querySelector(".jb.casualty .ran").getBoundingClientRect(); return {X: r.x + r.width / 2, Y: r.y + r.height / 2} })()`)
	b.do("hover", chromedp.MouseEvent("mouseMoved", at.X, at.Y))
	b.says("it says what that is", "#tip", "CASUALTY")
	b.shoot("light-timeline")
	b.do("zoom", chromedp.Click(chromedp.CSS(".zoom a:nth-child(3)")))
	b.says("it goes further back", "#timeline", "The last 24h")
	b.sees("the stream follows", `document.body.dataset.stream.includes("span=24h")`)

	type stretch struct{ Left, Right, Y float64 }
	line := is[stretch](b, `(() => { document.querySelector("#timeline").scrollIntoView(); const r = document.querySelector(".tl-back").getBoundingClientRect(); return {Left: r.left, Right: r.right, Y: r.y + 3} })()`)
	b.do("draw over the last part", chromedp.MouseEvent("mousePressed", line.Left+0.75*(line.Right-line.Left), line.Y, chromedp.Button("left"), chromedp.ClickCount(1)),
		chromedp.MouseEvent("mouseMoved", line.Right-9, line.Y), chromedp.MouseEvent("mouseReleased", line.Right-9, line.Y, chromedp.Button("left"), chromedp.ClickCount(1)))
	b.sees("that part is shown", `location.search.includes("from=") && document.querySelector("#timeline .tl-says").innerText.includes("–")`)
	b.sees("the deployments in it are", `document.querySelectorAll(".band.running").length === 3`)
	b.says("the stream is live", "#live", "Live")
	b.shoot("light-part")
}

func TestBrowserOnAPhoneNeedsNoSidewaysScrolling(t *testing.T) {
	s := newStage(t, admin, nil)
	busy(t, s)
	s.aged = true
	release := s.deploys(t, "default", "release 81: invoices in two currencies, with a reason that is rather long")
	s.enters(t, "default", "import-prices", "node3", 0)
	b := s.visit(t, "/gates/default")
	b.phone()
	b.goTo("/gates/default")
	b.says("the stream is live", "#live", "Live")
	b.says("it is draining", "#bar", "DRAINING")
	b.fitsItsWidth()
	b.shoot("phone-light-draining")
	b.dark(true)
	b.shoot("phone-dark-draining")
	b.shootTop("page-phone")
	b.sound()
	b.do("unfold", chromedp.Click(chromedp.CSS("#open-"+release.ID+" > summary")))
	b.fitsItsWidth()
	b.shoot("phone-dark-opening")
	b.goTo("/gates/default/history")
	b.says("there is a history", "main", "release 80")
	b.fitsItsWidth()
	b.shoot("phone-dark-history")
	b.sound()
	b.goTo("/sign-in?problem=unknown")
	b.fitsItsWidth()
	b.shoot("phone-dark-sign-in")
	b.forgives() // the status of a refused token is an error, and the browser says so
}

func TestBrowserReadsTheHistory(t *testing.T) {
	s := newStage(t, anyone, nil)
	busy(t, s)
	b := s.visit(t, "/gates/default/history")
	b.shoot("light-history")
	b.sound()
	b.dark(true)
	b.shoot("dark-history")
	b.sound()
	b.dark(false)
	b.do("choose casualties", chromedp.Click(chromedp.CSS("input[name=casualties]")), chromedp.Click(chromedp.CSS(".filters .button")))
	b.sees("only they are left", `document.querySelectorAll(".events tbody tr").length === 1`)
	b.do("follow the link", chromedp.Click(chromedp.CSS(".events tbody tr:first-child .at a")))
	b.says("it says how to run it again", ".event", "lull rerun --gate default")
	b.shoot("light-event")
	b.sound()
}

func TestBrowserShowsAllGates(t *testing.T) {
	s := newStage(t, admin, nil)
	for _, gate := range []string{"billing", "mail", "search"} {
		s.leaves(t, s.enters(t, gate, "nightly", "node1", time.Minute), 0, time.Minute)
	}
	busy(t, s)
	s.deploys(t, "default", "release 81")
	h := s.deploys(t, "search", "index rebuilt with the new tokens")
	s.begins(t, h, lull.Start{})
	s.enters(t, "search", "nightly", "node2", 0)
	b := s.visit(t, "/")
	b.says("the stream is live", "#live", "Live")
	b.sees("the closed one comes first", `document.querySelector(".gate-bar .gate-name").innerText === "search"`)
	b.shoot("light-gates")
	b.sound()
	s.ends(t, h)
	b.says("it opens", "#gate-search", "OPEN")
	b.phone()
	b.fitsItsWidth()
	b.dark(true)
	b.shoot("phone-dark-gates")
}

func TestBrowserStaysSmoothWithAThousandJobs(t *testing.T) {
	s := newStage(t, admin, nil)
	s.deploys(t, "default", "release 81")
	for range 1000 {
		s.enters(t, "default", "import-prices", "node3", 0)
	}
	b := s.visit(t, "/gates/default")
	b.says("the stream is live", "#live", "Live")
	b.says("the others are counted", "#waiting .more", "and 900 more")
	b.do("show all", chromedp.Click(chromedp.CSS("#waiting .more a")))
	b.sees("all are shown", `document.querySelectorAll("#waiting tbody tr").length === 1000`)
	b.says("the stream is live", "#live", "Live")
	longest := `new Promise(done => { let last = performance.now(), most = 0, n = 0; const tick = () => { const now = performance.now(); most = Math.max(most, now - last); last = now; ++n < 120 ? requestAnimationFrame(tick) : done(most) }; requestAnimationFrame(tick) })`
	frame, err := chromedp.Run(b.ctx, chromedp.Evaluate[float64](longest, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the longest frame took %.0f ms", frame)
}

func TestBrowserKeepsTheFocusWhileThePageChanges(t *testing.T) {
	s := newStage(t, admin, nil)
	hold := s.deploys(t, "default", "release 81")
	b := s.visit(t, "/gates/default")
	b.says("the stream is live", "#live", "Live")
	b.do("press Tab", chromedp.KeyEvent(kb.Tab))
	b.sees("the first stop skips to the content", `document.activeElement.matches(".skip")`)
	_ = is[bool](b, `document.querySelector("#open-`+hold.ID+` > summary").focus() || true`)
	b.do("press Enter", chromedp.KeyEvent(kb.Enter))
	b.do("type", chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent("it hangs"))
	s.enters(t, "default", "import-prices", "node3", 0)
	s.begins(t, hold, lull.Start{Undrained: true})
	b.says("the page changes around it", "#open-"+hold.ID, "Its command is running")
	b.says("the job is shown", "#waiting", "import-prices")
	b.sees("the field has kept the focus and the text", `document.activeElement.matches("#open-`+hold.ID+` input[name=reason]") && document.activeElement.value === "it hangs"`)
}

func TestBrowserComesBackWhenTheConnectionIsCut(t *testing.T) {
	s := newStage(t, anyone, nil)
	b := s.visit(t, "/gates/default")
	b.says("the stream is live", "#live", "Live")
	s.deploys(t, "default", "release 81")
	b.server.CloseClientConnections()
	b.says("it is told what happened meanwhile", "#bar", "release 81")
	b.says("the stream is live again", "#live", "Live")
	b.sees("the page does not look stale", `!document.body.classList.contains("stale")`)
	b.forgives()
}

func TestBrowserWithoutJavaScriptReadsAndCloses(t *testing.T) {
	s := newStage(t, deployer, nil)
	busy(t, s)
	b := s.visit(t, "/gates/default")
	b.do("switch scripts off", send(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	b.goTo("/gates/default")
	b.says("the gate is open", "#bar", "OPEN")
	b.says("ages are there", "#inside", "9m 1")
	b.sees("the timeline is drawn", `document.querySelectorAll(".jb").length > 50`)
	b.says("it says that it shows one moment", ".foot", "Without JavaScript")
	b.do("unfold the form", chromedp.Click(chromedp.CSS("#close > summary")))
	b.do("type a reason", chromedp.SendKeys(chromedp.CSS("#close input[name=reason]"), "by hand"))
	b.do("close the gate", chromedp.Click(chromedp.CSS("#close form > button")))
	b.says("the gate is draining", "#bar", "DRAINING")
	b.says("it says why", "#bar", "by hand")
}
