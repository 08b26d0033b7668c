package ssp

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/wire"
)

// Commands.
const (
	cmdReset         = 0x01
	cmdInhibits      = 0x02
	cmdSetup         = 0x05
	cmdVersion       = 0x06
	cmdPoll          = 0x07
	cmdReject        = 0x08
	cmdDisable       = 0x09
	cmdEnable        = 0x0A
	cmdSerial        = 0x0C
	cmdSync          = 0x11
	cmdLastReject    = 0x17
	cmdHold          = 0x18
	cmdFirmware      = 0x20
	cmdDataset       = 0x21
	cmdLevels        = 0x22
	cmdSetRoute      = 0x3B
	cmdGetRoute      = 0x3C
	cmdNotePositions = 0x41
	cmdPayoutNote    = 0x42
	cmdReporting     = 0x45
	cmdPayout        = 0x46
	cmdGenerator     = 0x4A
	cmdModulus       = 0x4B
	cmdKeys          = 0x4C
	cmdPollAck       = 0x56
	cmdEventAck      = 0x57
	cmdCounters      = 0x58
	cmdDisablePayout = 0x5B
	cmdEnablePayout  = 0x5C
)

// Answers.
const (
	ok          = 0xF0
	unknownCmd  = 0xF2
	wrongCount  = 0xF3
	outOfRange  = 0xF4
	cannot      = 0xF5 // a reason follows
	softwareErr = 0xF6
	failed      = 0xF8
	noKey       = 0xFA
)

// line is the conversation: one packet, one answer, never two at a time. The flag of the sequence byte changes with each
// answer that was heard and never with one that was not: a device that hears the same flag again repeats its answer
// and does nothing, so that sending again is safe.
type line struct {
	*wire.Talk
	address byte
	flag    byte // of the next packet
	seal    *seal
	log     *slog.Logger
	missing *missing // a poll whose answer nobody heard
}

// missing is a packet without an answer. The unit still has the answer, and gives it to whoever sends the packet again,
// until it is told to begin anew.
type missing struct {
	flag  byte
	seal  *seal
	plain []byte
}

func (l *line) fault(kind fault.Kind, cmd byte, detail string, raw []byte) error {
	return &fault.Error{Kind: kind, Device: "ssp", Op: fmt.Sprintf("command %02X", cmd), Detail: detail, Raw: raw}
}

// ask sends one command and gives what its answer says after "ok". An answer of refusal is a fault: Refused and what
// the device says, with its bytes; Invalid when it does not know the command.
func (l *line) ask(cmd byte, args ...byte) ([]byte, error) {
	answer, err := l.exchange(append([]byte{cmd}, args...), triesMax)
	if err != nil {
		return nil, err
	}
	switch answer[0] {
	case ok:
		return answer[1:], nil
	case unknownCmd:
		return nil, l.fault(fault.Invalid, cmd, "the device does not know this command", answer)
	case noKey:
		return nil, l.fault(fault.Broken, cmd, "the device has no key for this command", answer)
	case wrongCount, outOfRange, cannot, softwareErr, failed:
		return nil, l.fault(fault.Refused, cmd, "the device says no", answer)
	}
	return nil, l.fault(fault.Garbled, cmd, "an answer that is none", answer)
}

// sync makes both ends begin anew: after it the flag is 0 and no answer from before counts.
func (l *line) sync(tries int) error {
	l.flag, l.seal = seqFlag, nil
	answer, err := l.exchange([]byte{cmdSync}, tries)
	if err == nil && answer[0] != ok {
		err = l.fault(fault.Refused, cmdSync, "the device does not begin anew", answer)
	}
	l.flag = 0
	return err
}

// exchange sends plain, the very same bytes each time, until an answer is heard.
func (l *line) exchange(plain []byte, tries int) (answer []byte, err error) {
	f := frame{seq: l.address | l.flag, data: plain}
	if l.seal != nil {
		f.data = l.seal.wrap(plain, l.seal.count)
	}
	packet := encode(f)
	for range tries {
		if err = l.hush(); err != nil {
			break
		}
		if _, err = l.Write(packet); err != nil {
			break
		}
		if answer, err = l.hear(f, plain[0]); err == nil {
			l.flag ^= seqFlag
			if l.seal != nil {
				l.seal.count++
			}
			return answer, nil
		}
		if !fault.Is(err, fault.Silent) && !fault.Is(err, fault.Garbled) {
			break
		}
	}
	if plain[0] == cmdPoll || plain[0] == cmdPollAck {
		l.missing = &missing{flag: l.flag, seal: l.seal, plain: plain}
	}
	return nil, err
}

// rescue asks for the missing answer on a new line, before the unit is told to begin anew. Nil: it does not come.
func (l *line) rescue() ([]byte, error) {
	m := l.missing
	if m == nil {
		return nil, nil
	}
	l.flag, l.seal = m.flag, m.seal
	answer, err := l.exchange(m.plain, syncTries)
	switch {
	case fault.Is(err, fault.Silent), fault.Is(err, fault.Garbled):
		return nil, nil
	case err != nil:
		return nil, err
	}
	l.missing = nil
	if answer[0] != ok {
		return nil, nil // it has restarted since
	}
	return answer[1:], nil
}

// hear reads until the answer is whole or the time is over. Packets with another sequence byte are late answers or
// another device's talk, and our own bytes on a line with echo; an encrypted one in clear talk is from before.
func (l *line) hear(sent frame, cmd byte) ([]byte, error) {
	deadline := time.Now().Add(replyLimit)
	var buffer []byte
	var bad error
	for {
		f, used, err := decode(buffer)
		switch {
		case errors.Is(err, errShort):
			err := l.Take(&buffer, deadline)
			switch {
			case err == nil:
			case !errors.Is(err, os.ErrDeadlineExceeded):
				return nil, err
			case bad != nil:
				return nil, bad
			case len(buffer) > 0:
				return nil, l.fault(fault.Garbled, cmd, "the answer stopped in the middle", buffer)
			default:
				return nil, l.fault(fault.Silent, cmd, "no answer", nil)
			}
			continue
		case err != nil:
			bad = l.fault(fault.Garbled, cmd, err.Error(), buffer[:used:used])
			buffer = buffer[used:]
			continue
		}
		buffer = buffer[used:]
		if f.seq != sent.seq || bytes.Equal(f.data, sent.data) || l.seal == nil && f.data[0] == sealed {
			l.log.Debug("ssp: passed over a packet", "sequence", f.seq, "bytes", len(f.data))
			continue
		}
		answer, err := l.open(f.data)
		if err != nil {
			return nil, l.fault(fault.Garbled, cmd, err.Error(), f.data)
		}
		return answer, nil
	}
}

// open takes the encryption off an answer. A device that has lost its key says so in clear; nothing else in clear is
// believed once there is one.
func (l *line) open(data []byte) ([]byte, error) {
	switch {
	case l.seal == nil:
		return data, nil
	case data[0] == noKey && len(data) == 1:
		return data, nil
	}
	plain, err := l.seal.unwrap(data, l.seal.count+1)
	if err == nil && len(plain) == 0 {
		err = errSealed
	}
	return plain, err
}

// hush drops what nobody asked for before we speak.
func (l *line) hush() error {
	dropped, err := l.Hush(0)
	if len(dropped) > 0 {
		l.log.Debug("ssp: dropped what nobody asked for", "bytes", fmt.Sprintf("% x", dropped))
	}
	return err
}

// agree makes the key of this session with the device (eSSP).
func (l *line) agree(fixed uint64) error {
	a, err := newAgreement()
	if err != nil {
		return err
	}
	if _, err := l.ask(cmdGenerator, little(a.generator)...); err != nil {
		return l.noKeys(err)
	}
	if _, err := l.ask(cmdModulus, little(a.modulus)...); err != nil {
		return l.noKeys(err)
	}
	theirs, err := l.ask(cmdKeys, little(a.public())...)
	if err != nil {
		return l.noKeys(err)
	}
	if len(theirs) != 8 {
		return l.fault(fault.Garbled, cmdKeys, "a key of another size", theirs)
	}
	l.seal = newSeal(fixed, a.shared(binary.LittleEndian.Uint64(theirs)), func(b []byte) { rand.Read(b) })
	return nil
}

// noKeys tells a device that has no encryption from one that does not answer.
func (l *line) noKeys(err error) error {
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Refused) {
		return &fault.Error{Kind: fault.Broken, Device: "ssp", Op: "open", Detail: "the device agrees on no key: set the protocol to ssp if it has no encryption", Err: err}
	}
	return err
}
