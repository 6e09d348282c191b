package notice_test

import (
	"errors"
	"testing"
	"time"

	"github.com/lull-dev/lull/internal/notice"
)

func TestASignatureHoldsForOneBodyOneSecretAndFiveMinutes(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	body, secret := []byte(`{"id":"1"}`), []byte("s3cret")
	signature := notice.Sign(body, secret, now)
	// As openssl dgst -sha256 -hmac s3cret says of 1700000000.{"id":"1"}.
	if want := "t=1700000000,v1=2b9dee6c893e4bf012ad34ee7b89d492b9567b4f47740ccbf0f161ba3717dc08"; signature != want {
		t.Errorf("%s, want %s", signature, want)
	}
	for _, c := range []struct {
		name, signature string
		body, secret    string
		after           time.Duration
		right           bool
	}{
		{"as sent", signature, `{"id":"1"}`, "s3cret", 0, true},
		{"four minutes later", signature, `{"id":"1"}`, "s3cret", 4 * time.Minute, true},
		{"a receiver's clock is behind", signature, `{"id":"1"}`, "s3cret", -4 * time.Minute, true},
		{"with another one, as while a secret is changed", signature + ",v1=00", `{"id":"1"}`, "s3cret", 0, true},
		{"replayed", signature, `{"id":"1"}`, "s3cret", 6 * time.Minute, false},
		{"another body", signature, `{"id":"2"}`, "s3cret", 0, false},
		{"another secret", signature, `{"id":"1"}`, "secret", 0, false},
		{"another time", "t=1700000060" + signature[12:], `{"id":"1"}`, "s3cret", 0, false},
		{"none", "", `{"id":"1"}`, "s3cret", 0, false},
		{"no sum", "t=1700000000", `{"id":"1"}`, "s3cret", 0, false},
		{"nonsense", "t=x,v1=zz,,=", `{"id":"1"}`, "s3cret", 0, false},
	} {
		err := notice.Verify(c.signature, []byte(c.body), []byte(c.secret), now.Add(c.after), 5*time.Minute)
		if (err == nil) != c.right || err != nil && !errors.Is(err, notice.ErrSignature) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
