package page

import (
	"context"
	"net/http"
	"strings"
	"unicode/utf8"
)

// What a form may carry. A reason is a sentence, not a page.
const (
	formMost   = 16 << 10
	reasonMost = 300
)

// postClose closes the gate for whoever sent the form.
func (p *page) postClose(w http.ResponseWriter, r *http.Request, v Viewer) {
	p.post(w, r, v, "close", func(ctx context.Context, f sent) error {
		if !v.CanClose {
			return notAllowed("close this gate")
		}
		reason, err := checkReason(f.Reason)
		if err != nil {
			return err
		}
		limit, err := parseLimit(f.Limit)
		if err != nil {
			return err
		}
		return p.Close(ctx, r, Closing{Gate: r.PathValue("gate"), Reason: reason, Limit: limit})
	})
}

// postOpen ends a hold.
func (p *page) postOpen(w http.ResponseWriter, r *http.Request, v Viewer) {
	p.post(w, r, v, "open", func(ctx context.Context, f sent) error {
		if !v.CanClose && !v.CanOpenOthers {
			return notAllowed("open this gate")
		}
		return p.Open(ctx, r, Opening{
			Gate: r.PathValue("gate"), Hold: f.Hold, Reason: cut(strings.TrimSpace(f.Reason)), Force: r.PostForm.Get("force") != "",
		})
	})
}

// postExtend gives a hold a new limit.
func (p *page) postExtend(w http.ResponseWriter, r *http.Request, v Viewer) {
	p.post(w, r, v, "extend", func(ctx context.Context, f sent) error {
		if !v.CanClose && !v.CanOpenOthers {
			return notAllowed("extend this hold")
		}
		limit, err := parseLimit(f.Limit)
		if err != nil {
			return err
		}
		return p.Extend(ctx, r, Extension{Gate: r.PathValue("gate"), Hold: f.Hold, Limit: limit, Force: r.PostForm.Get("force") != ""})
	})
}

// post does what a form asks for, and shows the gate: as it is then, or with what was
// wrong above the form as it was sent.
func (p *page) post(w http.ResponseWriter, r *http.Request, v Viewer, form string, do func(context.Context, sent) error) {
	gate := r.PathValue("gate")
	r.Body = http.MaxBytesReader(w, r.Body, formMost)
	if err := r.ParseForm(); err != nil {
		p.fail(w, r, v, &Refusal{What: "The form could not be read.", Hint: "It may be too long.", Status: http.StatusBadRequest})
		return
	}
	f := sent{Form: form, Hold: r.PathValue("hold"), Reason: r.PostForm.Get("reason"), Limit: r.PostForm.Get("limit")}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	err := do(ctx, f)
	p.desk.changed(gate)
	if err != nil {
		refusal := refusalOf(err)
		p.Log.Info("a form was refused", "form", form, "gate", gate, "viewer", v.Name, "error", err)
		p.showGate(w, r, v, gate, refusal.Status, refusal, f)
		return
	}
	http.Redirect(w, r, "/gates/"+gate, http.StatusSeeOther)
}

func checkReason(reason string) (string, error) {
	reason = strings.TrimSpace(reason)
	if reason == "" {
		return "", &Refusal{What: "A reason is missing.", Hint: "Say why the gate is closed: whoever waits will read it.", Status: http.StatusUnprocessableEntity}
	}
	return cut(reason), nil
}

func cut(reason string) string {
	if utf8.RuneCountInString(reason) > reasonMost {
		return string([]rune(reason)[:reasonMost])
	}
	return reason
}

func notAllowed(what string) error {
	return &Refusal{What: "You may not " + what + ".", Hint: "Ask somebody who deploys here, or sign in with another token.", Status: http.StatusForbidden}
}
