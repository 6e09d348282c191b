package cli

import "github.com/lull-dev/lull"

// notice tells what happened to the store while something waited or ran.
func (a *app) notice(n lull.Notice) {
	switch n.Kind {
	case lull.StoreDown:
		a.say("the store cannot be asked, trying again: %v", n.Err)
	case lull.StoreBack:
		a.say("the store answers again")
	}
}

// passNotice tells what happened to a job's pass while its command runs.
func (a *app) passNotice(n lull.Notice) {
	switch n.Kind {
	case lull.TrustEnded:
		a.fail("WARNING: this job's pass could not be renewed in time, so a deployment may not wait for it any more%s", cause(n.Err))
	case lull.TrustBack:
		a.say("the pass is renewed again: nothing was lost")
	case lull.LeaseLost:
		a.fail("WARNING: pass %s is gone while its command runs; see: lull history%s", n.ID, a.where(a.settings.gate))
	case lull.EnteredAnew:
		a.say("this job is on record anew, as pass %s: the next deployment waits for it", n.ID)
	case lull.NotRecorded:
		a.fail("WARNING: this job could not be recorded, and no deployment will wait for it%s", cause(n.Err))
	case lull.StopAsked:
		a.say("a deployment asks the jobs inside to stop")
	default:
		a.notice(n)
	}
}

// holdNotice tells what happened to a deployment's hold.
func (a *app) holdNotice(f *holdFlags) func(lull.Notice) {
	return func(n lull.Notice) {
		switch n.Kind {
		case lull.TrustEnded:
			a.fail("WARNING: the hold could not be renewed in time, so the gate may open%s", cause(n.Err))
		case lull.TrustBack:
			a.say("the hold is renewed again: nothing was lost")
		case lull.LeaseLost:
			a.fail("WARNING: hold %s has ended before the deployment did; see: lull history%s", n.ID, a.where(a.settings.gate))
		case lull.ClosedAnew:
			a.say("the gate is closed anew, as hold %s", n.ID)
		case lull.NotRecorded:
			a.fail("WARNING: the gate could not be closed anew%s", cause(n.Err))
		case lull.NearLimit:
			a.say("%s left until the limit; for more: lull extend %s --limit 30m --force%s", short(n.Left), n.ID, a.where(a.settings.gate))
		case lull.AtLimit:
			if f.onLimit.value == "terminate" {
				a.fail("WARNING: the limit is reached: the deployment is stopped")
				return
			}
			a.fail("WARNING: the limit is reached: the gate opens although the deployment goes on; jobs that meet it are casualties")
		default:
			a.notice(n)
		}
	}
}

func cause(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}
