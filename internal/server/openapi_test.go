package server_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/lull-dev/lull/internal/wire"
)

// description is what the tests read of the API's own description.
type description struct {
	OpenAPI string `json:"openapi"`
	Paths   map[string]map[string]struct {
		OperationID string         `json:"operationId"`
		Summary     string         `json:"summary"`
		Responses   map[string]any `json:"responses"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]struct {
			Properties           map[string]any `json:"properties"`
			AdditionalProperties any            `json:"additionalProperties"`
		} `json:"schemas"`
	} `json:"components"`
}

func TestTheDescriptionNamesEveryCall(t *testing.T) {
	s := newSite(t)
	d := ask[description](s, "GET", "/openapi.json", nil)
	if !strings.HasPrefix(d.OpenAPI, "3.1") {
		t.Errorf("it is OpenAPI %s", d.OpenAPI)
	}
	var calls []string
	for path, methods := range d.Paths {
		for method, call := range methods {
			calls = append(calls, call.OperationID)
			if call.Summary == "" || call.Responses["200"] == nil {
				t.Errorf("%s %s says nothing of itself", method, path)
			}
			if call.OperationID == "live" {
				continue // it would not end
			}
			// Each is there: with nothing to go on it is refused as what it is, or answered.
			if status, text := s.do(strings.ToUpper(method), wire.Path(path, "default", "x"), map[string]any{}); status == 404 || status == 405 {
				t.Errorf("%s %s: %d %s", method, path, status, text)
			}
		}
	}
	slices.Sort(calls)
	const want = "about begin changed close drain enter events extend force gates leave live open poll record renew snapshot stop traffic usual"
	if got := strings.Join(calls, " "); got != want {
		t.Errorf("the calls are\n%s, want\n%s", got, want)
	}
}

// What an answer has, the description names.
func TestAnswersAreAsDescribed(t *testing.T) {
	s := newSite(t)
	d := ask[description](s, "GET", "/openapi.json", nil)
	hold := s.closes()
	s.enters()
	_, text := s.do("GET", wire.Path(wire.PathGate, "default", ""), nil)
	var snapshot map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &snapshot); err != nil {
		t.Fatal(err)
	}
	var gate struct{ Holds []map[string]any }
	var waiting []map[string]any
	if json.Unmarshal(snapshot["gate"], &gate) != nil || json.Unmarshal(snapshot["waiting"], &waiting) != nil || len(gate.Holds) != 1 || len(waiting) != 1 {
		t.Fatalf("the snapshot is %s", text)
	}
	for schema, value := range map[string]map[string]any{"Hold": gate.Holds[0], "Pass": waiting[0]} {
		for field := range value {
			if d.Components.Schemas[schema].Properties[field] == nil {
				t.Errorf("%s has a field %q, which is not described", schema, field)
			}
		}
	}
	if gate.Holds[0]["id"] != hold.Hold.ID {
		t.Errorf("the hold is %v", gate.Holds[0])
	}
}
