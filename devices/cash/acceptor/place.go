package acceptor

import (
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
)

// Place is what a fault hangs on, so that mending one leaves the others. A driver may have places of its own, whose
// faults are not told.
type Place string

// The places.
const (
	Line    Place = "line"
	Honesty Place = "honesty"
	Box     Place = "box"
	Path    Place = "path"
	Lever   Place = "lever" // the return lever of coin acceptors
	Room    Place = "room"  // in the box
	Device  Place = "device"
)

// Places are in the order of what is told first: what makes the rest unknown, then what the hand at the machine sees.
var Places = []Place{Line, Honesty, Box, Path, Lever, Room, Device}

// Hang hangs a fault on a place, as told now. Called with the lock held.
func (d *Driver) Hang(at Place, f *fault.Error) { d.Faults[at] = Placed{f, time.Now()} }

// Worst is the fault that matters most. Called with the lock held.
func (d *Driver) Worst() (*fault.Error, Place) {
	for _, p := range Places {
		if f := d.Faults[p].Fault; f != nil {
			return f, p
		}
	}
	return nil, ""
}

// Faulty says whether the owner was told of a fault that is not cleared. Called with the lock held.
func (d *Driver) Faulty() bool { return d.said != nil }

// Settle tells when the worst fault has changed: its kind, or its place. Called with the lock held.
func (d *Driver) Settle(raw []byte) {
	f, at := d.Worst()
	switch {
	case f == nil && d.said != nil:
		d.said, d.Dirty = nil, d.Dirty || d.Shuts && d.Online
		d.Emit(cash.Signal{What: cash.Cleared, Raw: raw})
	case f != nil && (d.said == nil || d.said.Kind != f.Kind || d.saidAt != at):
		d.said, d.saidAt = f, at
		d.Emit(cash.Signal{What: cash.Faulty, Fault: f, Raw: raw})
	}
}

// Anew has the worst fault told once more, though neither its kind nor its place has changed: what it says has. Called
// with the lock held.
func (d *Driver) Anew() { d.saidAt = "" }
