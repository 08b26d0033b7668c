package acceptor

import (
	"context"
	"slices"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/wire"
)

// Run opens the line, polls, and opens it again after an unplug, until ctx ends.
func (i Intake) Run(ctx context.Context) error {
	d := i.d
	pause := reopenFirst
	for ctx.Err() == nil {
		ready, err := d.Session(ctx)
		if ctx.Err() != nil {
			break
		}
		d.lost(err)
		if ready {
			pause = reopenFirst
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
		}
		pause = min(2*pause, reopenMax)
	}
	d.Lock()
	defer d.Unlock()
	d.gone(d.Fail(fault.Absent, "poll", "stopped"))
	return ctx.Err()
}

// lost takes the device off line and tells it once.
func (d *Driver) lost(err error) {
	f := &fault.Error{Kind: fault.KindOf(err), Device: d.Name, Op: "poll", Err: err}
	if f.Kind == "" {
		f.Kind, f.Detail = fault.Absent, "the line is gone"
	}
	d.Log.Warn(d.Name+": line lost", "error", err)
	d.Lock()
	defer d.Unlock()
	d.gone(f)
	d.Settle(nil)
}

func (d *Driver) gone(f *fault.Error) {
	d.Online = false
	d.Faults[Line] = Placed{Fault: f}
	if d.Gone != nil {
		d.Gone(f)
	}
	d.Change()
}

// Dial opens a line that is the driver's alone; hang up when the session ends.
func (d *Driver) Dial(ctx context.Context, open wire.Opener) (port wire.Port, hangUp func(), err error) {
	if port, err = open(); err != nil {
		return nil, nil, d.Unopened(err)
	}
	stop := d.Sever(ctx, func() { port.Close() })
	return port, func() { stop(); port.Close() }, nil
}

// Unopened is the fault of a line that does not open.
func (d *Driver) Unopened(err error) error {
	return &fault.Error{Kind: fault.Absent, Device: d.Name, Op: "open", Err: err}
}

// Sever cuts a line some time after ctx has ended. Every exchange is bounded; only a write on a line that takes
// nothing may need to be broken off.
func (d *Driver) Sever(ctx context.Context, cut func()) (stop func() bool) {
	return context.AfterFunc(ctx, func() { time.AfterFunc(goodbyeLimit, cut) })
}

// Poll takes turns until the device is gone or ctx ends; then it says goodbye. every is how long until the next turn.
// heard: a turn was whole.
func (d *Driver) Poll(ctx context.Context, turn func() error, every func() time.Duration, goodbye func()) (heard bool, err error) {
	failures := 0
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			goodbye()
			return heard, ctx.Err()
		case <-d.wake:
		case <-t.C:
		}
		err := turn()
		switch {
		case err == nil:
			heard, failures = true, 0
		case failures+1 >= d.Failures || !Retry(err):
			return heard, err
		default:
			failures++
		}
		t.Reset(wire.Tick(every()))
	}
}

// Retry says whether a question may be asked again: not when the port is gone or the device refused.
func Retry(err error) bool {
	return slices.Contains([]fault.Kind{fault.Silent, fault.Garbled, fault.Busy}, fault.KindOf(err))
}
