// Package wire is what lulld and its callers send each other: the bodies of the HTTP API
// in JSON, and the errors as problem details (RFC 9457). Both ends use these types, so
// that neither can drift from the other.
//
// A body names what it is about by the values of package lull. Durations are nanoseconds,
// for they cross the seam as they are; times are RFC 3339 and only for people, since no
// clock but the store's is compared. A field that an end does not know is ignored, so that
// two releases understand each other.
package wire
