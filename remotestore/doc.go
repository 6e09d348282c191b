// Package remotestore asks lulld: its HTTP API as a store, over TCP or a unix socket.
//
// # Nothing is decided here
//
// Each verb is one request, and its answer that of the store behind the server. Nothing
// is answered from memory, so that an owner's trust in its lease means the same as
// without a server between. The bodies are those of package wire.
//
// # Several servers
//
// A URL may name several servers in front of one store, with commas between: each call
// goes to the one that answered last, and to the next when that cannot be asked, does not
// answer in time, or cannot ask its store. So any of them may die, or be replaced.
//
// A request whose connection broke before its answer was complete is sent again at once,
// on another connection, and once only: a server or a proxy between may have hung up on an
// idle connection just then. The IDs are the caller's, so the server takes it for the same.
// To wait and to ask again later is the client's business.
//
// # What the errors say
//
// A problem (RFC 9457) is the error that the store behind the server gave. One that the
// server has with the caller, that it does not know the token or that it may not do this,
// is a [lull.SetupError]. Everything else that goes wrong wraps [lull.ErrUnavailable]: no
// connection, no answer, half an answer, and the answers of proxies whose server is away,
// whatever their status; trying again heals most of them, and a job that runs must
// not end for the others. Neither errors nor [Store.About] have a token in them.
package remotestore
