package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strings"
)

// The text of a token: what it is, the secret, and a checksum by which one that was copied
// badly is told from one that is not known here. The prefix lets scanners find tokens in
// places where they should not be.
const (
	prefix       = "lull_"
	secretBytes  = 32
	secretLength = 43 // of 32 bytes in base64url
	tokenLength  = len(prefix) + secretLength + 6
)

// newToken is the text of a new token.
func newToken() string {
	var secret [secretBytes]byte
	rand.Read(secret[:]) // never fails
	body := prefix + base64.RawURLEncoding.EncodeToString(secret[:])
	return body + checksum(body)
}

// wellFormed says whether a text is a token's, of this server or another.
func wellFormed(token string) bool {
	if len(token) != tokenLength || !strings.HasPrefix(token, prefix) {
		return false
	}
	body := token[:len(prefix)+secretLength]
	return checksum(body) == token[len(body):]
}

func checksum(body string) string {
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE([]byte(body)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// hash is what is kept of a token. It has 256 random bits: nothing slower is needed.
func hash(token string) [sha256.Size]byte { return sha256.Sum256([]byte(token)) }
