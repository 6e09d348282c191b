package cli

import "github.com/lull-dev/lull"

// notice tells what happened to a pass or hold while a command runs or waits.
func (a *app) notice(n lull.Notice) {
	switch n.Kind {
	case lull.StoreDown:
		a.say("the store cannot be asked, trying again: %v", n.Err)
	case lull.StoreBack:
		a.say("the store answers again")
	case lull.TrustEnded:
		a.fail("WARNING: the lease could not be renewed in time, so others may believe that this is gone%s", cause(n.Err))
	case lull.TrustBack:
		a.say("the lease is renewed again: nothing was lost")
	case lull.LeaseLost:
		a.fail("WARNING: %s was ended while its command runs (see lull history)", n.ID)
	case lull.ClosedAnew:
		a.say("the gate is closed anew, as hold %s", n.ID)
	case lull.EnteredAnew:
		a.say("this job is on record anew, as pass %s: the next deployment waits for it", n.ID)
	case lull.NotRecorded:
		a.fail("WARNING: this could not be recorded, and nobody will wait for it%s", cause(n.Err))
	case lull.StopAsked:
		a.say("a deployment asks the jobs inside to stop")
	case lull.NearLimit:
		a.say("the limit is near: %s left, extend it with: lull extend %s --limit 30m --force", short(n.Left), n.ID)
	case lull.AtLimit:
		a.fail("WARNING: the limit is reached")
	}
}

func cause(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}
