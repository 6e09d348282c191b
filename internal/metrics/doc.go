// Package metrics tells Prometheus about a store and its gates.
//
//	Wrap     measures what is asked of a store
//	Watch    keeps the gates' state, and counts what happens there
//	Handler  answers a scrape
//
// Label sets are closed: the name of a gate, of which [tail.MostGates] are followed; the
// kind of a hold; a verb of the store; the kind of an error. Nothing that a job or a
// person chose becomes a label.
//
// Counters begin with the process, as Prometheus expects: what is in the history from
// before is not counted. Two servers on one store both count what happens there: look at
// one of them, or at the maximum.
package metrics
