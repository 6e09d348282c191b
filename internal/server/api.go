package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/access"
	"github.com/lull-dev/lull/internal/wire"
)

const (
	// bodyMost is the largest body of a request; a renewal of all that one host keeps may
	// be renewalMost.
	bodyMost    = 256 << 10
	renewalMost = 4 << 20

	// bodyWithin is how long the body of a request may take to arrive.
	bodyWithin = 10 * time.Second
)

// api serves the verbs of the store.
type api struct {
	*Server
	huma huma.API
}

// newAPI registers the API at a multiplexer. Its description, derived from the types, is at
// /openapi.json and /openapi.yaml.
func (s *Server) newAPI(mux *http.ServeMux) *api {
	config := huma.DefaultConfig("lull", s.version)
	config.Info.Description = "Keeps background jobs from running while a deployment is in progress. " +
		"Durations are nanoseconds. Errors are problem details (RFC 9457), told apart by their type."
	config.DocsPath = ""
	config.CreateHooks = nil // no links to schemas in the answers
	config.SchemasPath = ""
	// Two releases of lull understand each other: what one does not know it ignores.
	config.AllowAdditionalPropertiesByDefault = true
	config.FieldsOptionalByDefault = true
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "made by lulld token create"},
	}
	config.Security = []map[string][]string{{"token": {}}, {}}
	a := &api{s, humago.New(mux, config)}
	a.registerPasses()
	a.registerHolds()
	a.registerLooks()
	return a
}

// schemaName tells the bodies of the API from the values of package lull in them.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if strings.HasSuffix(t.PkgPath(), "/internal/wire") {
		name += "Body"
	}
	return name
}

// AtGate is what a call about a gate has in its path. It is exported since the library
// fills in no others where they are embedded.
type AtGate struct {
	Gate string `path:"gate" doc:"the gate's name"`
}

// AtID is what a call about a pass or hold has in its path.
type AtID struct {
	AtGate
	ID string `path:"id" doc:"the ID of the pass or hold, which its owner chose"`
}

func (g AtGate) gate() string { return g.Gate }

// about is what a request is about.
type about interface{ gate() string }

// ok is an answer with a body.
type ok[T any] struct{ Body T }

// verb describes one call.
type verb struct {
	id, method, path, says string
	right                  access.Verb
	most                   int64 // the largest body, if it may be larger than usual
}

// register serves one verb at a gate, for those who may.
func register[I about, O any](a *api, v verb, do func(ctx context.Context, who access.Identity, in I) (O, error)) {
	op := huma.Operation{
		OperationID: v.id, Method: v.method, Path: v.path, Summary: v.says,
		MaxBodyBytes: max(v.most, bodyMost), BodyReadTimeout: bodyWithin,
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable},
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*ok[O], error) {
		gate := (*in).gate()
		if gate != "" || strings.Contains(v.path, "{gate}") {
			if err := checkGate(gate); err != nil {
				return nil, err
			}
		}
		who := access.Of(ctx)
		if err := who.Check(v.right, gate); err != nil {
			return nil, problem(err)
		}
		body, err := do(ctx, who, *in)
		if err != nil {
			return nil, problem(err)
		}
		return &ok[O]{body}, nil
	})
}

// problem is an error, which is not nil, as the API tells it.
func problem(err error) *wire.Problem {
	if told, ok := errors.AsType[*wire.Problem](err); ok {
		return told
	}
	denied, ok := errors.AsType[*access.Denied](err)
	switch {
	case !ok:
		return wire.ProblemOf(err)
	case denied.Who.Role == "":
		return refused(http.StatusUnauthorized, wire.TypeSignIn, err, "send a token: set LULL_TOKEN")
	}
	return refused(http.StatusForbidden, wire.TypeForbidden, err, "use a token that may")
}

func refused(status int, kind string, err error, hint string) *wire.Problem {
	return &wire.Problem{Type: kind, Status: status, Title: http.StatusText(status), Detail: err.Error(), Hint: hint}
}

// badRequest is a problem with what was asked.
func badRequest(format string, args ...any) error {
	return refused(http.StatusBadRequest, wire.TypeRequest, fmt.Errorf(format, args...), "")
}

// checkGate refuses names that no gate has.
func checkGate(name string) error {
	if err := lull.CheckGateName(name); err != nil {
		return badRequest("%w", err)
	}
	return nil
}
