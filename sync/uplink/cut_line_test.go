package uplink

import (
	"testing"
	"time"
)

func TestNewTerminalIsEnrolledAndSends(t *testing.T) {
	onDesk(t, func(d *desk) {
		if d.link.Sealing() || d.link.Root() != nil || d.link.Catalog() != nil || d.link.Status().Enrolled {
			t.Error("a terminal that is not enrolled knows a hall")
		}
		d.happen(3)
		d.online()
		d.await(time.Second, "delivered", d.delivered)
		d.await(time.Second, "catalogue", func() bool { return d.link.Catalog() != nil })
		s := d.link.Status()
		if !s.Up || !s.Enrolled || s.Err != "" || s.Cursor != 3 || s.Head != 3 || !s.OldestUnsent.IsZero() {
			t.Errorf("status: got %+v", s)
		}
		if !d.link.Sealing() || len(d.link.Root()) == 0 {
			t.Error("no sealing key or license root after the enrolment")
		}
	})
}
