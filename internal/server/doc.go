// Package server is lulld: a gate over HTTP or a unix socket, in front of any store.
//
// What it adds to the store is company. Many jobs of one host, or of a cluster, share its
// few connections:
//
//   - Renewals that arrive while one is under way go to the store together, in the next
//     one. Nothing is answered before the store has: an owner's trust in its lease means
//     the same as without a server between (batch.go, renewals.go).
//   - So do the questions of those who wait (polls.go). Until something changes they need
//     not ask: a gate that somebody is interested in is looked at once a second, and at
//     each hint of the store, for all of them (hub.go).
//
// It keeps no state that matters. It may be killed and started again at any moment, and
// two may serve one store: the store decides, as ever.
//
// Who may do what is package access's; package page is the page, metrics and notice are
// what they say.
package server
