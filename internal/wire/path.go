package wire

import (
	"net/url"
	"strings"
)

// Prefix begins the path of every call. A later, incompatible API would have another.
const Prefix = "/api/v1"

// The paths of calls, with the names of their parts in braces, as the server registers
// them; [Path] fills them in.
const (
	PathAbout  = Prefix + "/about"
	PathGates  = Prefix + "/gates"
	PathEvents = Prefix + "/events" // GET: tell, one JSON object a line; POST: keep one
	PathRenew  = Prefix + "/renew"

	PathGate    = Prefix + "/gates/{gate}"         // GET: a snapshot
	PathLive    = Prefix + "/gates/{gate}/live"    // GET: server-sent events, the first a snapshot
	PathChanged = Prefix + "/gates/{gate}/changed" // GET: waits until something has
	PathUsual   = Prefix + "/gates/{gate}/usual"
	PathTraffic = Prefix + "/gates/{gate}/traffic"

	PathPasses = Prefix + "/gates/{gate}/passes" // POST: enter
	PathPass   = Prefix + "/gates/{gate}/passes/{id}"
	PathForce  = PathPass + "/force"
	PathLeave  = PathPass + "/leave"

	PathHolds  = Prefix + "/gates/{gate}/holds" // POST: close
	PathDrain  = Prefix + "/gates/{gate}/holds/{id}/drain"
	PathBegin  = Prefix + "/gates/{gate}/holds/{id}/begin"
	PathStop   = Prefix + "/gates/{gate}/holds/{id}/stop"
	PathExtend = Prefix + "/gates/{gate}/holds/{id}/extend"
	PathOpen   = Prefix + "/gates/{gate}/holds/{id}/open"
)

// Path fills in the gate and the ID that a path is about.
func Path(path, gate, id string) string {
	return strings.NewReplacer("{gate}", url.PathEscape(gate), "{id}", url.PathEscape(id)).Replace(path)
}
