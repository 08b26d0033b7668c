package cctalk

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/wire"
)

// Headers of part 2, appendix 3, that we speak.
const (
	hdrReadMode     = 152
	hdrSetMode      = 153
	hdrRoute        = 154
	hdrScaling      = 156
	hdrBillID       = 157
	hdrEvents       = 159
	hdrEncryption   = 111
	hdrReadMaster   = 227
	hdrSetMaster    = 228
	hdrReadInhibits = 230
	hdrSetInhibits  = 231
	hdrSelfCheck    = 232
	hdrSoftware     = 241
	hdrSerial       = 242
	hdrProduct      = 244
	hdrCategory     = 245
	hdrMaker        = 246
	hdrSimplePoll   = 254

	replyNormal = 0
	replyNak    = 5
	replyBusy   = 6
)

// anySize is the size of an answer that may have any number of data bytes.
const anySize = -1

// line is the conversation: one question, one answer, never two at a time.
type line struct {
	port    wire.Port
	address byte
	sum     Checksum
	log     *slog.Logger
	unquiet bool // an answer went missing and may still come
}

func (l *line) fault(kind fault.Kind, header byte, detail string, raw []byte) error {
	return &fault.Error{Kind: kind, Device: "cctalk", Op: fmt.Sprintf("ask header %d", header), Detail: detail, Raw: raw}
}

// ask sends one request and waits for its answer. size is the number of data bytes the answer must
// have, or any. An answer of another size is a late one to an earlier question, and passed over.
func (l *line) ask(header byte, data []byte, size int) ([]byte, error) {
	if err := l.hush(); err != nil {
		return nil, err
	}
	request := encode(frame{dest: l.address, src: hostHome, header: header, data: data}, l.sum)
	if _, err := l.port.Write(request); err != nil {
		return nil, err
	}
	answer, err := l.hear(header, size)
	if err != nil && (fault.Is(err, fault.Silent) || fault.Is(err, fault.Garbled)) {
		l.unquiet = true
	}
	return answer, err
}

// hear reads until the answer is whole, the deadline has passed, or what came is no packet.
func (l *line) hear(header byte, size int) ([]byte, error) {
	deadline := time.Now().Add(replyLimit)
	var buffer []byte
	for {
		f, used, err := decode(buffer, l.sum)
		switch {
		case errors.Is(err, errShort):
			err := l.more(&buffer, deadline)
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
		case f.header != replyNormal || size != anySize && len(f.data) != size:
			l.log.Debug("cctalk: passed over a late answer", "header", header, "reply", f.header, "bytes", len(f.data))
			continue
		}
		return f.data, nil
	}
}

// more reads what comes next: the first bytes until the deadline, the others while they follow close.
func (l *line) more(buffer *[]byte, deadline time.Time) error {
	if len(*buffer) > 0 {
		next := time.Now().Add(gapLimit)
		if deadline = deadline.Add(packetLimit); next.Before(deadline) {
			deadline = next
		}
	}
	return l.read(buffer, deadline)
}

func (l *line) read(buffer *[]byte, deadline time.Time) error {
	if err := l.port.SetReadDeadline(deadline); err != nil {
		return err
	}
	chunk := make([]byte, 512)
	n, err := l.port.Read(chunk)
	*buffer = append(*buffer, chunk[:n]...)
	if n > 0 {
		return nil
	}
	return err
}

// hush waits until the line is silent before we speak: briefly as a rule, for long after an answer
// went missing. What comes meanwhile answers nothing and is dropped.
func (l *line) hush() error {
	silence := flushLimit
	if l.unquiet {
		silence = quietLimit
	}
	end := time.Now().Add(quietMax)
	var dropped []byte
	for time.Now().Before(end) {
		err := l.read(&dropped, time.Now().Add(silence))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return err
		}
		dropped = dropped[:min(len(dropped), 64)]
	}
	if len(dropped) > 0 {
		l.log.Debug("cctalk: dropped what nobody asked for", "bytes", fmt.Sprintf("% x", dropped))
	}
	l.unquiet = false
	return nil
}

// query asks what changes nothing, a few times.
func (l *line) query(header byte, data []byte, size int) (answer []byte, err error) {
	for range triesMax {
		answer, err = l.ask(header, data, size)
		if err == nil || !retry(err) {
			return answer, err
		}
	}
	return nil, err
}

// retry says whether a question may be asked again: not when the port is gone or the device refused.
func retry(err error) bool {
	return slices.Contains([]fault.Kind{fault.Silent, fault.Garbled, fault.Busy}, fault.KindOf(err))
}

// probe finds out the checksum by the simple poll, unless it is given.
func (l *line) probe(sum Checksum) error {
	sums := []Checksum{Simple, CRC}
	if sum != Auto {
		sums = []Checksum{sum}
	}
	var err error
	scrambled := 0
	for range triesMax {
		for _, l.sum = range sums {
			if _, err = l.ask(hdrSimplePoll, nil, 0); err == nil || !retry(err) {
				return err
			}
			if isScrambled(err) {
				scrambled++
			}
			// A device with the other checksum hears garbage and waits for silence: that is in hush.
		}
	}
	if scrambled >= triesMax {
		return encryption(err.(*fault.Error).Raw)
	}
	return l.encrypted(err)
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

// encryption is the fault of a device that wants it, with what a technician can do.
func encryption(raw []byte) error {
	return &fault.Error{Kind: fault.Broken, Device: "cctalk", Op: "open", Raw: raw,
		Detail: "the validator is set to encryption, whose algorithm is not public: set it to plain CRC or simple checksum"}
}

// encrypted asks a device that answers nothing whether it wants encryption (part 2, header 111, is
// answered in clear), and gives back err when it does not say so.
func (l *line) encrypted(err error) error {
	for _, l.sum = range []Checksum{CRC, Simple} {
		answer, asked := l.ask(hdrEncryption, []byte{0xAA, 0x55, 0x00, 0x00, 0x55, 0xAA}, anySize)
		if asked == nil && len(answer) >= 2 && (answer[0] != 0 || answer[1] != 0) {
			return encryption(answer)
		}
	}
	return err
}
