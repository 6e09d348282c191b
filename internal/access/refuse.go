package access

import (
	"encoding/json"
	"net/http"
)

// refusePlainly answers with a problem detail (RFC 9457) that has no type of its own.
func refusePlainly(w http.ResponseWriter, _ *http.Request, status int, _, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail,
	})
}
