// Package notice tells other programs what happens at the gates, by webhooks.
//
//	Hook      who is told of what, as lulld's configuration has it
//	Notice    what is told, and the body of a request in JSON
//	Notices   follows the gates, and tells the hooks
//	Verify    how a receiver knows that a request is lulld's
//
// A notice never delays a gate: it is made from what the store tells afterwards, and each
// hook has a queue of its own, which forgets the oldest when it is full. A notice is sent
// at least once while lulld runs, in order, and again until it is taken, for an hour; its
// ID is the same each time, and from every lulld that follows the same store. What happens
// while no lulld runs is not told.
package notice
