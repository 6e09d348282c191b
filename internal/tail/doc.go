// Package tail follows what happens at the gates of a store, for those who tell others of
// it: metrics and notices.
//
//	Run           looks at the gates again and again, sooner where a hint comes
//	Tail          the events of one gate, each once
//	casualties    the jobs that turn out to have run beside a deployment
//
// A store tells events by their age, and only those that have been committed. One that
// was stamped early and committed late stands before others that were read already: who
// asked for what is newer than the last one read would lose it. So each reading goes back
// over an overlap, and what was seen before is left out by a key. No time of this
// process is compared with the store's; only lengths of time are.
package tail
