package escpossim

// statusByte is the answer to DLE EOT n: bits 1 and 4 are always set, 0 and 7 never.
func (p *Printer) statusByte(n byte) byte {
	b := byte(0x12)
	out, near := p.faults.On("paper_out"), p.faults.On("paper_near_end")
	switch n {
	case 1:
		if p.stopped() != "" {
			b |= 0x08
		}
	case 2:
		if p.faults.On("cover_open") {
			b |= 0x04
		}
		if out {
			b |= 0x20
		}
		if p.stuck || p.faults.On("jam") {
			b |= 0x40
		}
		if p.opts.FeedBit {
			b |= 0x08
		}
	case 3:
		if p.faults.On("jam") {
			b |= 0x04
		}
		if p.stuck {
			b |= 0x08
		}
	case 4:
		if near || out {
			b |= 0x0C
		}
		if out {
			b |= 0x60
		}
	}
	return b
}

// sendASB sends the four bytes of automatic status, when the host has asked for them with GS a.
func (p *Printer) sendASB() {
	if p.modes.asb == 0 || !p.power {
		return
	}
	frame := []byte{0x10, 0, 0, 0}
	if p.stopped() != "" {
		frame[0] |= 0x08
	}
	if p.faults.On("cover_open") {
		frame[0] |= 0x20
	}
	if p.stuck {
		frame[1] |= 0x08
	}
	if p.faults.On("jam") {
		frame[1] |= 0x04
	}
	if p.faults.On("paper_near_end") || p.faults.On("paper_out") {
		frame[2] |= 0x03
	}
	if p.faults.On("paper_out") {
		frame[2] |= 0x0C
	}
	p.reply(frame, "automatic status", false)
}

// fullStatus is the answer to DLE EOT 20 of kiosk printers: paper, user, recoverable, unrecoverable.
func (p *Printer) fullStatus() []byte {
	f := []byte{0x10, 0x0F, 0, 0, 0, 0}
	if p.faults.On("paper_out") {
		f[2] |= 0x01
	}
	if p.faults.On("paper_near_end") {
		f[2] |= 0x04
	}
	if n := len(p.prints); len(p.at(fateMouth)) > 0 || !p.opts.Presenter && n > 0 && p.prints[n-1].Cut && p.faults.On("paper_held") {
		f[2] |= 0x20
	}
	if p.faults.On("cover_open") {
		f[3] |= 0x02
	}
	if p.rolling {
		f[3] |= 0x08
	}
	if p.faults.On("jam") || p.mouthJam {
		f[4] |= 0x40
	}
	if p.stuck {
		f[5] |= 0x01
	}
	return f
}

// Request answers a request of the USB printer class (version 1.1, §4.2): 0 who the printer is, 1 how it is.
func (p *Printer) Request(request byte) (answer []byte, ok bool) {
	switch request {
	case 0:
		name := "MFG:" + p.opts.Maker + ";MDL:" + p.opts.Model + ";CMD:ESC/POS;SN:" + p.opts.Serial + ";"
		return append([]byte{byte((len(name) + 2) >> 8), byte(len(name) + 2)}, name...), true
	case 1:
		b := byte(0x18) // selected, no error
		if p.faults.On("paper_out") {
			b |= 0x20
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.stopped() != "" {
			b &^= 0x08
		}
		return []byte{b}, true
	}
	return nil, false
}
