package server

import (
	"sync"

	"github.com/lull-dev/lull"
)

// ownersMost is how many passes it is remembered of whose they are.
const ownersMost = 50_000

// owners remembers whose the passes are that were made here, so that the store need not be
// asked when they are left. What is not known is asked for.
type owners struct {
	mu   sync.Mutex
	user map[lull.PassRef]string
}

func (o *owners) note(p lull.Pass) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.user == nil || len(o.user) >= ownersMost {
		o.user = map[lull.PassRef]string{}
	}
	o.user[lull.PassRef{Gate: p.Gate, ID: p.ID}] = p.Holder.User
}

func (o *owners) of(ref lull.PassRef) (user string, known bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	user, known = o.user[ref]
	return user, known
}

func (o *owners) forget(ref lull.PassRef) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.user, ref)
}
