package notice

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// SignatureHeader has a request's signature: "t=1700000000,v1=…", the time at which it
// was sent in seconds, and the HMAC-SHA256 of that time, a dot and the body, under the
// hook's secret, in hexadecimal.
const SignatureHeader = "Lull-Signature"

// ErrSignature is the error of [Verify].
var ErrSignature = errors.New("the signature is not right")

// Sign is the signature of a body that is sent at that time.
func Sign(body, secret []byte, at time.Time) string {
	return fmt.Sprintf("t=%d,v1=%x", at.Unix(), mac(body, secret, at.Unix()))
}

// Verify reports whether a request with that signature and body is lulld's, and was sent
// within tolerance of now: an older one may be somebody's who has seen it before.
func Verify(signature string, body, secret []byte, now time.Time, tolerance time.Duration) error {
	var sent int64
	var right [][]byte
	for part := range strings.SplitSeq(signature, ",") {
		switch name, value, _ := strings.Cut(part, "="); name {
		case "t":
			sent, _ = strconv.ParseInt(value, 10, 64)
		case "v1":
			if sum, err := hex.DecodeString(value); err == nil {
				right = append(right, sum)
			}
		}
	}
	if age := now.Sub(time.Unix(sent, 0)).Abs(); age > tolerance {
		return fmt.Errorf("%w: it is from another time", ErrSignature)
	}
	for _, sum := range right {
		if hmac.Equal(sum, mac(body, secret, sent)) {
			return nil
		}
	}
	return ErrSignature
}

func mac(body, secret []byte, at int64) []byte {
	h := hmac.New(sha256.New, secret)
	fmt.Fprintf(h, "%d.", at)
	h.Write(body)
	return h.Sum(nil)
}
