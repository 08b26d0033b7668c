package cctalkhoppersim

import (
	"time"

	"yichuang/devices/mechanism"
)

// faultRows is what can befall a rack. The last three are states that last until mended.
func faultRows() []mechanism.Fault {
	return append(mechanism.LineFaults(),
		mechanism.Fault{Name: "lost_reply", What: "the coins are being paid, but the reply to the order is lost"},
		mechanism.Fault{Name: "reset", What: "the hoppers restart, also in the middle of a payout"},
		mechanism.Fault{Name: "fraud", What: "after the next coin the exit looks as if somebody cheated it"},
		mechanism.Fault{Name: "unplug", What: "the plug of the line is out"},
		mechanism.Fault{Name: "jam", What: "the wheel does not turn"},
		mechanism.Fault{Name: "empty", What: "no coin reaches the wheel"},
	)
}

// table ties the rows to the mechanism.
func (r *Rack) table(rows []mechanism.Fault) *mechanism.Faults {
	f := mechanism.NewFaults(rows, "unplug", "jam", "empty")
	f.OnChange(func(name string, armed int) { r.befall(f, name, armed > 0) })
	return f
}

// befall does the true thing to the mechanism when a hand arms or mends a fault.
func (r *Rack) befall(f *mechanism.Faults, name string, armed bool) {
	switch name {
	case "unplug":
		if r.onPlug != nil {
			r.onPlug(!armed)
		}
	case "reset":
		if armed && f.Take("reset") {
			r.reset(bootTime)
			f.Arm("reset", 0) // one hand, one restart, however often it was asked for
		}
	}
}

// Blink restarts the hoppers so fast that no silence shows it.
func (r *Rack) Blink() { r.reset(0) }

func (r *Rack) reset(silent time.Duration) {
	r.mu.Lock()
	defer r.unlock()
	for _, h := range r.hoppers {
		h.restart(silent)
	}
	r.log("device", nil, "restarts")
}
