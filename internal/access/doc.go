// Package access says who asks something of lulld, and what they may do there.
//
//	role.go       roles and verbs: what each role may do
//	identity.go   who asks: bound to gates and to a longest limit
//	sign.go       the name under which somebody's passes and holds are recorded
//	secret.go     the text of a token
//	token.go      what there is to a token
//	tokens.go     the tokens: made, listed, revoked, looked up
//	tokenfile.go  … and the file they are kept in, which two processes may use at once
//	guard.go      finds out who asks, for every request
//	peer.go       the user at the other end of a unix socket
//	origin.go     what a browser may be led to do, and may not
//	refuse.go     what is answered where nobody says otherwise
//	signin.go     people sign in with a token, and get a cookie
//	sessions.go   … that names one of these
//	slow.go       slows those who try tokens
//
// # Who asks
//
// A program shows a token, in the header Authorization. A person signs in with one, and
// shows a cookie afterwards, which is worth what the token is worth at that moment: it ends
// with the token. Whoever comes by a unix socket is known by the user that the kernel
// names. A server without tokens may be open: then whoever reaches it from its own host
// may do everything.
//
// Somebody who shows nothing is nobody, and has no role: handlers decide what is for
// everybody, such as the server's health. Somebody who shows a wrong token is refused.
//
// # What they may do
//
// Handlers ask [Identity.Check] for each verb. The stores' rule that everybody ends only
// what is their own rests on names; [Identity.Sign] makes them such that no caller
// can choose another's.
package access
