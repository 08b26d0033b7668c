package ccnetsim

import (
	"time"

	"yichuang/devices/cash/notepath"
	"yichuang/devices/mechanism"
)

// faultRows is what can befall a validator. The last five are states that last until mended.
func faultRows() []mechanism.Fault {
	return append(mechanism.LineFaults(),
		mechanism.Fault{Name: "lost_reply", What: "the note is sent on its way, but the reply to the command is lost"},
		mechanism.Fault{Name: "lost_ack", What: "the host's acknowledgement of a note's end does not arrive"},
		mechanism.Fault{Name: "reset", What: "the validator restarts, the note inside stays where it is"},
		mechanism.Fault{Name: "fraud", What: "the next note looks like an attempt to cheat"},
		mechanism.Fault{Name: "unplug", What: "the plug of the line is out"},
		mechanism.Fault{Name: "jam", What: "the next note that moves is stuck until this is mended"},
		mechanism.Fault{Name: "box_full", What: "the box has no room"},
		mechanism.Fault{Name: "box_removed", What: "the box is out of its place"},
		mechanism.Fault{Name: "failure", What: "the stacker's motor does not turn"},
	)
}

// table ties the rows to the mechanism.
func (s *Sim) table(rows []mechanism.Fault) *mechanism.Faults {
	f := mechanism.NewFaults(rows, "unplug", "jam", "box_full", "box_removed", "failure")
	f.OnChange(func(name string, armed int) { s.befall(f, name, armed > 0) })
	return f
}

// befall does the true thing to the mechanism when a hand arms or mends a fault.
func (s *Sim) befall(f *mechanism.Faults, name string, armed bool) {
	switch name {
	case "unplug":
		if s.onPlug != nil {
			s.onPlug(!armed)
		}
	case "reset":
		if armed && f.Take("reset") {
			s.Restart()
			f.Arm("reset", 0) // one hand, one restart, however often it was asked for
		}
	case "jam", "failure":
		if !armed {
			s.unjam()
		}
	case "box_removed":
		if armed {
			s.path.LiftBox()
		} else {
			s.path.PutBox()
		}
	}
}

// unjam lets a stuck note go on. One that a restart has stopped waits for RESET.
func (s *Sim) unjam() {
	free := false
	s.path.Sync(func() {
		s.m.settle(time.Now())
		at := s.path.Now()
		free = at.Stuck && s.m.Phase != powerUp && (at.BoxIn || at.Leg != notepath.Stacking)
	})
	if free {
		s.path.Free()
	}
}
