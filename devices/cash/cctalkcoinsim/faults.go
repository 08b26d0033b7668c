package cctalkcoinsim

import "yichuang/devices/mechanism"

// faultRows is what can befall an acceptor. The last three are states that last until mended.
func faultRows() []mechanism.Fault {
	return append(mechanism.LineFaults(),
		mechanism.Fault{Name: "lost_reply", What: "the master inhibit is set, but the reply to the command is lost"},
		mechanism.Fault{Name: "reset", What: "the acceptor restarts and forgets its events"},
		mechanism.Fault{Name: "fraud", What: "the next coin looks like an attempt to cheat"},
		mechanism.Fault{Name: "swallow", What: "the next good coin falls into the box unseen by the credit sensor"},
		mechanism.Fault{Name: "unplug", What: "the plug of the line is out"},
		mechanism.Fault{Name: "jam", What: "the next coin that moves is stuck until this is mended"},
		mechanism.Fault{Name: "lever", What: "the return lever is held down"},
	)
}

// table ties the rows to the mechanism.
func (s *Sim) table(rows []mechanism.Fault) *mechanism.Faults {
	f := mechanism.NewFaults(rows, "unplug", "jam", "lever")
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
	case "lever":
		s.Lever(armed)
	}
}

// Lever presses the return lever or lets it go.
func (s *Sim) Lever(held bool) {
	was := false
	s.path.Sync(func() { was = s.path.Now().Lever })
	s.path.Lever(held)
	s.path.Sync(func() {
		if held && !was && s.path.Now().Powered && !now().Before(s.m.SilentUntil) {
			s.m.post(0, errLever)
		}
	})
}
