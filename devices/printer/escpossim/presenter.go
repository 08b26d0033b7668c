package escpossim

import (
	"fmt"
	"slices"
	"time"
)

// The presenter is a pair of rollers behind the cutter and a mouth in front of them. A strip that is cut stays
// between the rollers; GS e holds it out into the mouth, draws it in to a bin behind, or throws it out. What is
// still there when the next strip is presented comes out together with it.

// Where a strip of a printer with a presenter is.
const (
	fateInside    = "inside"    // cut, between the rollers
	fateMouth     = "mouth"     // held out
	fateTaken     = "taken"     // by a hand
	fateRetracted = "retracted" // drawn in to the bin
	fateDropped   = "dropped"   // thrown out, for anybody
	fateRemoved   = "removed"   // by whoever mended the presenter
)

// at lists the strips that are there now. The caller holds the lock.
func (p *Printer) at(fates ...string) []*Print {
	var list []*Print
	for _, s := range p.prints {
		if slices.Contains(fates, s.Fate) {
			list = append(list, s)
		}
	}
	return list
}

// move brings strips to their next place.
func (p *Printer) move(list []*Print, fate string) {
	for _, s := range list {
		s.Fate = fate
		p.opts.Log.Add(device, "device", nil, fmt.Sprintf("strip %d: %s", s.N, fate))
	}
}

// ejector is GS e n. Retracting, presenting and throwing out cut first what is not cut.
func (p *Printer) ejector(o op, raw []byte) {
	n := o.arg[0]
	if !p.opts.Presenter {
		p.opts.Log.Add(device, "device", o.arg, "has no presenter")
		return
	}
	if n == 6 {
		p.reply([]byte{p.ejectorStatus()}, "ejector status", true)
		return
	}
	if n != 2 && n != 3 && n != 5 && n != 32 {
		return // 18 and 20, continuous mode, change nothing that can be seen
	}
	if s := p.hanging(); s != nil && s.rows() > 0 {
		p.cut(op{cmd: "ESC i"}, raw)
	}
	life := p.life
	if p.opts.Pace {
		p.rolling = true
		p.mu.Unlock()
		time.Sleep(presentTime)
		p.mu.Lock()
	}
	if p.life != life {
		return
	}
	p.rolling = false
	switch {
	case p.faults.On("presenter"):
		p.mouthJam = true
		p.opts.Log.Add(device, "device", nil, "the presenter is stuck")
	case n == 2 && p.faults.On("no_retract"):
		p.opts.Log.Add(device, "device", nil, "does not draw in")
	case n == 2:
		p.move(p.at(fateInside, fateMouth), fateRetracted)
	case n == 5:
		p.move(p.at(fateInside, fateMouth), fateDropped)
	default:
		p.move(p.at(fateInside), fateMouth)
		p.reach()
	}
}

// hanging is the strip that is not cut yet, nil when the paper is clean.
func (p *Printer) hanging() *Print {
	if n := len(p.prints); n > 0 && !p.prints[n-1].Cut {
		return p.prints[n-1]
	}
	return nil
}

// reach lets a hand take what is in the mouth, after a moment, unless nobody is there. The caller holds the lock.
func (p *Printer) reach() {
	for _, s := range p.at(fateMouth) {
		time.AfterFunc(handTime, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			if s.Fate == fateMouth && !p.faults.On("paper_held") {
				p.move([]*Print{s}, fateTaken)
			}
		})
	}
}

// ejectorStatus is the answer to GS e 6.
func (p *Printer) ejectorStatus() byte {
	var b byte
	if p.faults.On("paper_near_end") {
		b |= 0x01
	}
	if !p.faults.On("paper_out") {
		b |= 0x04
	}
	if len(p.at(fateMouth)) > 0 {
		b |= 0x08
	}
	if p.stopped() != "" {
		b |= 0x40
	}
	if p.mouthJam || p.faults.On("jam") {
		b |= 0x80
	}
	return b
}
