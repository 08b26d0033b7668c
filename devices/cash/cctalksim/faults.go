package cctalksim

import (
	"yichuang/devices/cash/notepath"
	"yichuang/devices/mechanism"
)

// faultRows is what can befall a validator. The last four are states that last until mended.
func faultRows() []mechanism.Fault {
	return append(mechanism.LineFaults(),
		mechanism.Fault{Name: "lost_reply", What: "the note is sent on its way, but the reply to the command is lost"},
		mechanism.Fault{Name: "reset", What: "the validator restarts and forgets its events"},
		mechanism.Fault{Name: "fraud", What: "the next note looks like an attempt to cheat"},
		mechanism.Fault{Name: "unplug", What: "the plug of the line is out"},
		mechanism.Fault{Name: "jam", What: "the next note that moves is stuck until this is mended"},
		mechanism.Fault{Name: "box_full", What: "the box has no room"},
		mechanism.Fault{Name: "box_removed", What: "the box is out of its place"},
	)
}

// table ties the rows to the mechanism.
func (s *Sim) table(rows []mechanism.Fault) *mechanism.Faults {
	f := mechanism.NewFaults(rows, "unplug", "jam", "box_full", "box_removed")
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
			s.unjam()
		}
	case "box_removed":
		if armed {
			s.path.LiftBox()
		} else {
			s.path.PutBox()
		}
	case "box_full":
		s.path.Sync(func() { s.filled(armed) })
	}
}

func (s *Sim) unjam() {
	s.path.Sync(func() {
		if at := s.path.Now(); at.Stuck && at.Leg == notepath.Stacking {
			s.m.post(0, evStackerOK)
		}
	})
	s.path.Free()
}

// filled tells of a full box, and shuts the validator (part 3: 0,14 is followed by 0,0).
func (s *Sim) filled(full bool) {
	was := s.m.Full
	s.m.Full = full
	switch {
	case was == full:
		return
	case !full:
		s.m.post(0, evStackerOK)
		return
	}
	s.m.post(0, evFull)
	if s.m.Master {
		s.m.Master = false
		s.m.post(0, evInhibited)
	}
}
