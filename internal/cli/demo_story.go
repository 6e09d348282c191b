package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lull-dev/lull"
)

// play is the demo, from the first job to the history. Its times are for people who
// read along.
func (d *demo) play() error {
	const second = time.Second

	d.show.step("Jobs arrive. The gate is open: they start at once.")
	report := d.job("report", 4600*time.Millisecond)
	d.pause(300 * time.Millisecond)
	invoices := d.job("invoices", 3400*time.Millisecond)
	d.pause(200 * time.Millisecond)
	backup := d.job("backup", 5200*time.Millisecond)
	d.pause(second)
	d.untilBegun(report, invoices, backup)

	d.show.step("A deployment closes the gate, and waits for the jobs inside.")
	release81 := d.deploy("release 81", 3*second)
	d.hear(release81, "waiting for")
	d.mayEnd(report, invoices, backup)
	d.pause(900 * time.Millisecond)
	mails := d.job("mails", 2500*time.Millisecond)
	d.hear(mails, "is closed")
	d.pause(500 * time.Millisecond)
	sync := d.job("sync", 1800*time.Millisecond)
	d.listen(sync, "is closed")
	d.mayEnd(release81, mails, sync)
	d.untilEnded(report, invoices, backup)

	d.show.step("The last job has left. The deployment runs, and nothing beside it.")
	d.untilBegun(release81)
	d.pause(1500 * time.Millisecond)
	d.ask("status")
	d.untilEnded(release81)
	d.untilBegun(mails, sync)

	d.show.step("It is done: the gate opens. Who waited is inside at that moment.")
	d.tell("mails and sync start together, %s after the deployment", d.afterDeployment)
	d.hear(release81, "open again")
	d.hear(mails, "waited")
	d.untilEnded(mails, sync)
	d.untilExited(release81, mails, sync)

	d.show.step("Another deployment closes the gate, and a job waits for it.")
	release82 := d.hang("release 82")
	d.untilBegun(release82)
	d.pause(700 * time.Millisecond)
	cleanup := d.job("cleanup", 2*second)
	d.hear(cleanup, "is closed")
	d.mayEnd(cleanup)
	d.pause(1500 * time.Millisecond)

	d.show.step("That deployment is killed. Nobody is left to open the gate …")
	d.kill(release82)
	d.untilBegun(cleanup)
	d.tell("… it opens by itself: cleanup starts %s after the kill", d.afterKill)
	d.untilExited(cleanup, release82)
	d.pause(second)
	d.over = d.now()

	d.show.step("Who, why, when, for how long: it is all in the history.")
	d.ask("history", "--limit", strconv.Itoa(paneRows-1))
	d.pause(4 * second)
	return d.verdict()
}

func (d *demo) untilBegun(all ...*actor) {
	for _, who := range all {
		d.until(who.name+" begins", func() bool { return who.begun > 0 })
	}
}

func (d *demo) untilEnded(all ...*actor) {
	for _, who := range all {
		d.until(who.name+" ends", func() bool { return who.ended > 0 })
	}
}

func (d *demo) untilExited(all ...*actor) {
	for _, who := range all {
		d.until(who.name+" exits", func() bool { return who.exited > 0 })
	}
}

// tell shows a figure, if it came to that.
func (d *demo) tell(format string, figure func() time.Duration) {
	if d.err == nil {
		d.show.note(fmt.Sprintf(format, short(figure())))
	}
}

// afterDeployment is how long after the end of a deployment's command the last of
// the jobs that waited for it began.
func (d *demo) afterDeployment() time.Duration {
	var ended, last time.Duration
	for _, who := range d.cast {
		switch {
		case who.deployment && ended == 0:
			ended = who.ended
		case ended > 0 && !who.deployment && who.arrived < ended:
			last = who.begun
		}
	}
	return last - ended
}

// afterKill is how long after the kill the first job began.
func (d *demo) afterKill() time.Duration {
	for _, deployment := range d.cast {
		if deployment.killed == 0 {
			continue
		}
		for _, who := range d.cast {
			if who.begun > deployment.killed {
				return who.begun - deployment.killed
			}
		}
	}
	return 0
}

// verdict is whether what was shown is what is promised: by what the commands wrote
// themselves, and by what lull remembers.
func (d *demo) verdict() error {
	if d.err != nil {
		return d.err
	}
	if met := overlaps(d.entries); len(met) > 0 {
		return errors.New(strings.Join(met, "; "))
	}
	client, err := lull.NewClient(d.store, lull.Options{Gate: demoGate})
	if err != nil {
		return err
	}
	events, err := client.History(context.Background(), lull.Filter{Gate: demoGate})
	if err != nil {
		return err
	}
	crashed := false
	for _, e := range events {
		if e.Casualty {
			return fmt.Errorf("the history has %s as a casualty of a deployment", e.Name)
		}
		crashed = crashed || e.Kind == lull.EventCrashed
	}
	if !crashed {
		return errors.New("the history does not say that a deployment crashed")
	}
	return nil
}

// overlaps names each job whose command ran while a deployment's did. The order of
// the entries is all that counts: no clock is asked.
func overlaps(entries []entry) []string {
	var met []string
	inside, deploying := map[*actor]bool{}, (*actor)(nil)
	for _, e := range entries {
		switch {
		case !e.begin && e.who.deployment:
			deploying = nil
		case !e.begin:
			delete(inside, e.who)
		case !e.who.deployment:
			inside[e.who] = true
			if deploying != nil {
				met = append(met, fmt.Sprintf("%s began while %s was deployed", e.who.name, deploying.name))
			}
		default:
			deploying = e.who
			for who := range inside {
				met = append(met, fmt.Sprintf("%s was deployed while %s ran", e.who.name, who.name))
			}
		}
	}
	return met
}

// lessons are the end of the demo: what one saw, and what to do now.
func (d *demo) lessons() []string {
	return []string{
		"No job ran during a deployment: three were waited for, three waited.",
		fmt.Sprintf("Those that waited started together, %s after the deployment.", short(d.afterDeployment())),
		fmt.Sprintf("A deployment killed with -9 blocked nobody: the job ran %s later.", short(d.afterKill())),
		"Nothing is left behind, no process and no file: nobody has to clean up.",
		"",
		"  in each job:        lull run    -- ./nightly-report.sh",
		"  in the deployment:  lull deploy -- ./deploy.sh",
	}
}
