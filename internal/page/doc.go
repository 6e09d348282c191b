// Package page is lulld's web page for people: what an operator opens in the middle of a
// deployment, also on a phone.
//
//	page.go       what it is given, the paths, and who may see what
//	desk.go       one look at a gate a second, however many watch
//	bar.go        OPEN, DRAINING or CLOSED; holds.go: why, and what can be done
//	jobs.go       who is inside and who waits
//	timeline.go   the last hours: deployments as bands (bands.go), jobs as bars (runs.go)
//	durations.go  how long jobs ran and waited, by name
//	history.go    events, with filters; event.go: one, by its permanent link
//	forms.go      close, open, extend
//	stream.go     the same pieces of the page again, when they change
//
// # Rules
//
// The server renders everything, with html/template; without JavaScript the page is a
// picture of the moment and its forms work. A piece of the page that may change has an ID.
// The stream sends such pieces as the same template renders them, and the script
// (assets/page.js) puts into the document what differs, so that focus, what is being
// typed and what is folded open stay.
//
// What only time changes is not sent: an element with data-from or data-until carries a
// moment on the store's clock, in milliseconds, and the script counts. So a piece differs
// when something has happened, and a quiet gate costs a heartbeat.
//
// Nothing is loaded from another host. The Content-Security-Policy allows no inline script
// and no style attribute: lengths that depend on data are attributes of SVG.
//
// Who may do what is decided by the functions in [Options]. The page shows no button that
// the viewer may not press, but relies on them to refuse. Whoever mounts it must refuse
// cross-origin posts: see [net/http.CrossOriginProtection].
package page
