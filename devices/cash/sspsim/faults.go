package sspsim

import (
	"yichuang/devices/mechanism"
)

// faultRows is what can befall a unit. The last are states that last until mended.
func faultRows(pays bool) []mechanism.Fault {
	rows := append(mechanism.LineFaults(),
		mechanism.Fault{Name: "lost_reply", What: "the note is sent on its way, but the reply to the command is lost"},
		mechanism.Fault{Name: "reset", What: "the unit restarts and forgets its events and its keys"},
		mechanism.Fault{Name: "fraud", What: "the next note looks like an attempt to cheat"},
		mechanism.Fault{Name: "unplug", What: "the plug of the line is out"},
		mechanism.Fault{Name: "jam", What: "the next note that moves is stuck until this is mended"},
		mechanism.Fault{Name: "box_full", What: "the box has no room"},
		mechanism.Fault{Name: "box_removed", What: "the box is out of its place"},
	)
	if pays {
		rows = append(rows, mechanism.Fault{Name: "payout_jam", What: "the next piece that is paid is stuck until this is mended"})
	}
	return rows
}

// table ties the rows to the mechanism.
func (s *Sim) table(rows []mechanism.Fault) *mechanism.Faults {
	f := mechanism.NewFaults(rows, "unplug", "jam", "box_full", "box_removed", "payout_jam")
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
			s.Reset()
			f.Arm("reset", 0) // one hand, one restart, however often it was asked for
		}
	case "jam":
		if !armed {
			s.path.Free()
		}
	case "payout_jam":
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
