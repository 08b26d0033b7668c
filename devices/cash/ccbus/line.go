package ccbus

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/wire"
)

// Headers that every kind of device answers (part 2, appendix 3).
const (
	ReadMaster   = 227
	SetMaster    = 228
	ReadInhibits = 230
	SetInhibits  = 231
	SelfCheck    = 232
	software     = 241
	serial       = 242
	product      = 244
	category     = 245
	maker        = 246
	simplePoll   = 254
	encryption   = 111

	replyNormal = 0
	replyNak    = 5
	replyBusy   = 6
)

// Any is the size of an answer that may have any number of data bytes.
const Any = -1

// Line is one device's place on the bus: one question, one answer, never two at a time on the whole bus.
// It is good until it fails or is left; after an error that is no fault.Error the bus is to be joined anew.
type Line struct {
	bus     *Bus
	talk    *wire.Talk
	address byte
	device  string // the driver's name, for its faults
	sum     Checksum
	left    atomic.Bool
}

func (l *Line) fault(kind fault.Kind, header byte, detail string, raw []byte) error {
	return &fault.Error{Kind: kind, Device: l.device, Op: fmt.Sprintf("ask header %d", header), Detail: detail, Raw: raw}
}

// Ask sends one request and waits for its answer. size is the number of data bytes the answer must
// have, or Any. An answer of another size is a late one to an earlier question, and passed over.
func (l *Line) Ask(header byte, data []byte, size int) ([]byte, error) {
	b := l.bus
	b.take()
	defer b.give()
	if b.talk != l.talk {
		return nil, ErrReopened
	}
	answer, err := l.ask(header, data, size)
	switch fault.KindOf(err) {
	case fault.Silent, fault.Garbled:
		l.talk.Missed()
		b.silent[l] = true
	case "":
		if err != nil {
			b.shut() // the plug is out: everybody opens anew
			break
		}
		clear(b.silent)
	default:
		clear(b.silent)
	}
	return answer, err
}

func (l *Line) ask(header byte, data []byte, size int) ([]byte, error) {
	if err := l.hush(); err != nil {
		return nil, err
	}
	request := encode(frame{dest: l.address, src: hostHome, header: header, data: data}, l.sum)
	if _, err := l.talk.Write(request); err != nil {
		return nil, err
	}
	return l.hear(header, size)
}

// hear reads until the answer is whole, the deadline has passed, or what came is no packet.
func (l *Line) hear(header byte, size int) ([]byte, error) {
	deadline := time.Now().Add(replyLimit)
	var buffer []byte
	for {
		f, used, err := decode(buffer, l.sum)
		switch {
		case errors.Is(err, errShort):
			err := l.talk.More(&buffer, deadline, gapLimit, packetLimit)
			switch {
			case err == nil:
			case !errors.Is(err, os.ErrDeadlineExceeded):
				return nil, err
			case len(buffer) > 0:
				return nil, l.fault(fault.Garbled, header, "the answer stopped in the middle", buffer)
			default:
				return nil, l.fault(fault.Silent, header, "no answer", nil)
			}
			continue
		case err != nil:
			return nil, l.fault(fault.Garbled, header, err.Error(), buffer)
		}
		buffer = buffer[used:]
		switch {
		case f.dest != hostHome || l.sum != CRC && f.src != l.address:
			// Another device's talk on a shared bus, or our own bytes, which many boards give back.
			continue
		case f.header == replyNak:
			return nil, l.fault(fault.Refused, header, "the device says no", nil)
		case f.header == replyBusy:
			return nil, l.fault(fault.Busy, header, "the device is busy", nil)
		case f.header != replyNormal || size != Any && len(f.data) != size:
			l.bus.log.Debug("ccbus: passed over a late answer", "header", header, "reply", f.header, "bytes", len(f.data))
			continue
		}
		return f.data, nil
	}
}

// hush waits until the line is silent before we speak.
func (l *Line) hush() error {
	dropped, err := l.talk.Hush(0)
	if len(dropped) > 0 {
		l.bus.log.Debug("ccbus: dropped what nobody asked for", "bytes", fmt.Sprintf("% x", dropped))
	}
	return err
}

// Query asks what changes nothing, a few times.
func (l *Line) Query(header byte, data []byte, size int) (answer []byte, err error) {
	for range triesMax {
		answer, err = l.Ask(header, data, size)
		if err == nil || !Retry(err) {
			return answer, err
		}
	}
	return nil, err
}

// Retry says whether a question may be asked again: not when the port is gone or the device refused.
func Retry(err error) bool {
	return slices.Contains([]fault.Kind{fault.Silent, fault.Garbled, fault.Busy}, fault.KindOf(err))
}

// Probe finds out the checksum by the simple poll, unless it is given.
func (l *Line) Probe(sum Checksum) error {
	sums := []Checksum{Simple, CRC}
	if sum != Auto {
		sums = []Checksum{sum}
	}
	var err error
	var scrambled [][]byte
	for range triesMax {
		for _, l.sum = range sums {
			if _, err = l.Ask(simplePoll, nil, 0); err == nil || !Retry(err) {
				return err
			}
			if isScrambled(err) {
				scrambled = append(scrambled, err.(*fault.Error).Raw)
			}
			// A device with the other checksum hears garbage and waits for silence: that is in hush.
		}
	}
	if len(scrambled) >= triesMax {
		return l.wantsEncryption(scrambled[0])
	}
	return l.Encrypted(err)
}

// isScrambled says whether an answer has the shape of a packet to us and neither checksum: encryption leaves
// destination and length as they are (part 1, "encryption"). One such answer is noise, one to each poll is not.
func isScrambled(err error) bool {
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.Garbled || len(f.Raw) < overhead || f.Raw[0] != hostHome || len(f.Raw) != int(f.Raw[1])+overhead {
		return false
	}
	_, _, simple := decode(f.Raw, Simple)
	_, _, crc := decode(f.Raw, CRC)
	return simple != nil && crc != nil
}

// wantsEncryption is the fault of a device that does, with what a technician can do.
func (l *Line) wantsEncryption(raw []byte) error {
	return &fault.Error{Kind: fault.Broken, Device: l.device, Op: "open", Raw: raw,
		Detail: "the device is set to encryption, whose algorithm is not public: set it to plain CRC or simple checksum"}
}

// Encrypted asks a device that answers nothing whether it wants encryption (part 2, header 111, is
// answered in clear), and gives back err when it does not say so.
func (l *Line) Encrypted(err error) error {
	for _, l.sum = range []Checksum{CRC, Simple} {
		answer, asked := l.Ask(encryption, []byte{0xAA, 0x55, 0x00, 0x00, 0x55, 0xAA}, Any)
		if asked == nil && len(answer) >= 2 && (answer[0] != 0 || answer[1] != 0) {
			return l.wantsEncryption(answer)
		}
	}
	return err
}

// Identity is what a device says of itself.
type Identity struct{ Category, Maker, Model, Serial, Firmware string }

// Identify asks who is there. fault.Invalid: its category does not begin as wanted.
func (l *Line) Identify(want string) (id Identity, err error) {
	text, err := l.Query(category, nil, Any)
	if err != nil {
		return id, err
	}
	if id.Category = string(text); !strings.HasPrefix(id.Category, want) {
		return id, &fault.Error{Kind: fault.Invalid, Device: l.device, Op: "open", Detail: fmt.Sprintf("at address %d is no %s but a %s", l.address, want, text)}
	}
	number, err := l.Query(serial, nil, 3)
	if err != nil {
		return id, err
	}
	// 24 bits, low byte first.
	id.Serial = fmt.Sprint(uint32(number[0]) | uint32(number[1])<<8 | uint32(number[2])<<16)
	for _, label := range []struct {
		header byte
		to     *string
	}{{maker, &id.Maker}, {product, &id.Model}, {software, &id.Firmware}} {
		text, err := l.Query(label.header, nil, Any)
		if err != nil && !fault.Is(err, fault.Refused) {
			return id, err
		}
		*label.to = strings.TrimRight(string(text), " \x00")
	}
	return id, nil
}
