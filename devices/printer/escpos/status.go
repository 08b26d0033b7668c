package escpos

import "yichuang/devices/fault"

// status is the four answers to DLE EOT 1 to 4, with every bit named.
type status struct {
	raw [4]byte

	// n = 1, printer
	drawerHigh, offline, waiting, feedPressed bool
	// n = 2, cause of off-line
	coverOpen, feedButton, paperStop, failed bool
	// n = 3, cause of error
	mechanical, cutter, unrecoverable, autoRecoverable bool
	// n = 4, roll paper
	nearEnd, paperEnd bool
}

// statusFeedButton is a bit of DLE EOT 2.
const statusFeedButton = 0x08

// makeStatus names the bits. DLE EOT in the manual: bits 0 and 7 are 0, bits 1 and 4 are 1 in all four.
func makeStatus(raw [4]byte) status {
	s := status{raw: raw}
	s.drawerHigh = raw[0]&0x04 != 0
	s.offline = raw[0]&0x08 != 0
	s.waiting = raw[0]&0x20 != 0
	s.feedPressed = raw[0]&0x40 != 0
	s.coverOpen = raw[1]&0x04 != 0
	s.feedButton = raw[1]&statusFeedButton != 0
	s.paperStop = raw[1]&0x20 != 0
	s.failed = raw[1]&0x40 != 0
	s.mechanical = raw[2]&0x04 != 0 // bit 2 on some models
	s.cutter = raw[2]&0x08 != 0
	s.unrecoverable = raw[2]&0x20 != 0
	s.autoRecoverable = raw[2]&0x40 != 0
	s.nearEnd = raw[3]&0x0C != 0 // two bits that are always equal
	s.paperEnd = raw[3]&0x60 != 0
	return s
}

// fault puts the bits into one of the few words, the gravest cause that a hand can mend first. nil: fit.
func (s status) fault(op string) *fault.Error {
	f := func(kind fault.Kind, detail string) *fault.Error {
		return &fault.Error{Kind: kind, Device: device, Op: op, Detail: detail, Raw: append([]byte(nil), s.raw[:]...)}
	}
	switch {
	case s.coverOpen:
		return f(fault.Open, "the cover is open")
	case s.paperEnd, s.paperStop:
		return f(fault.Empty, "out of paper")
	case s.cutter:
		return f(fault.Jammed, "the cutter is stuck")
	case s.mechanical:
		return f(fault.Jammed, "the paper is stuck")
	case s.unrecoverable:
		return f(fault.Broken, "unrecoverable error")
	case s.autoRecoverable:
		return f(fault.Busy, "the head is too hot and cools down")
	case s.failed:
		return f(fault.Broken, "an error without a cause")
	case s.feedPressed, s.feedButton:
		return f(fault.Busy, "the feed button is pressed")
	case s.offline, s.waiting:
		return f(fault.Busy, "off-line without a cause")
	}
	return nil
}

// fullStatus is the answer to DLE EOT 20 after its two bytes 10 0F, with every bit named.
type fullStatus struct {
	raw [4]byte

	// paper
	paperEnd, nearEnd, ticket bool // ticket: a strip is in the mouth
	// user
	headUp, coverOpen, motor, button bool
	// errors that end by themselves or by a hand
	hot, serialLine, supply, jam bool
	// errors that do not
	cutter, memory bool
}

// makeFullStatus names the bits, as the manuals of Custom and Pyramid have them.
func makeFullStatus(raw [4]byte) fullStatus {
	f := fullStatus{raw: raw}
	f.paperEnd = raw[0]&0x01 != 0
	f.nearEnd = raw[0]&0x04 != 0
	f.ticket = raw[0]&0x20 != 0
	f.headUp = raw[1]&0x01 != 0
	f.coverOpen = raw[1]&0x02 != 0
	f.motor = raw[1]&0x08 != 0
	f.button = raw[1]&0x20 != 0
	f.hot = raw[2]&0x01 != 0
	f.serialLine = raw[2]&0x02 != 0
	f.supply = raw[2]&0x08 != 0
	f.jam = raw[2]&0x40 != 0
	f.cutter = raw[3]&0x01 != 0
	f.memory = raw[3]&0x4C != 0 // RAM, EEPROM and flash
	return f
}
