package id003

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"yichuang/devices/cash/acceptor"
	"yichuang/devices/fault"
	"yichuang/devices/wire"
)

// Commands. Their bytes mean other things in an answer.
const (
	cmdStatus   = 0x11
	cmdReset    = 0x40
	cmdStack    = 0x42 // STACK-2: the credit comes when the note is in the box
	cmdReturn   = 0x43
	cmdHold     = 0x44
	cmdAck      = 0x50
	cmdVersion  = 0x88
	cmdCurrency = 0x8A

	setDenominations = 0xC0 // a bit forbids
	setSecurity      = 0xC1
	setMode          = 0xC2
	setInhibit       = 0xC3
	setDirection     = 0xC4

	replyAck     = 0x50
	replyInvalid = 0x4B
	replyEnquiry = 0x05
)

// line is the conversation: one question, one answer, never two at a time.
type line struct {
	*wire.Talk
	log *slog.Logger
}

func (l *line) fault(kind fault.Kind, command byte, detail string, raw []byte) error {
	return &fault.Error{Kind: kind, Device: "id003", Op: fmt.Sprintf("command %02xh", command), Detail: detail, Raw: raw}
}

// status asks where the note is.
func (l *line) status() (status, error) {
	m, err := l.ask(cmdStatus, nil, func(m message) bool {
		return m.code != replyAck && m.code != replyEnquiry && m.code < 0x80
	})
	if err != nil {
		return status{}, err
	}
	return parseStatus(m)
}

// operate gives an operation command. fault.Refused: not in this state.
func (l *line) operate(command byte) error {
	_, err := l.ask(command, nil, func(m message) bool { return m.code == replyAck && len(m.data) == 0 })
	return err
}

// set gives a setting, which the device gives back as it took it.
func (l *line) set(command byte, data ...byte) error {
	_, err := l.ask(command, data, func(m message) bool { return m.code == command && bytes.Equal(m.data, data) })
	return err
}

// read asks for what does not change, a few times.
func (l *line) read(command byte) (data []byte, err error) {
	for range triesMax {
		var m message
		m, err = l.ask(command, nil, func(m message) bool { return m.code == command && len(m.data) > 0 })
		if err == nil || !acceptor.Retry(err) {
			return m.data, err
		}
	}
	return nil, err
}

// acknowledge tells the device that its VEND VALID was written down. There is no answer.
func (l *line) acknowledge() error {
	if err := l.hush(); err != nil {
		return err
	}
	_, err := l.Write(encode(message{code: cmdAck}))
	return err
}

// ask sends one command and waits for an answer that fits it. One that does not is a late one to an earlier
// command, and passed over.
func (l *line) ask(command byte, data []byte, fits func(message) bool) (message, error) {
	if err := l.hush(); err != nil {
		return message{}, err
	}
	if _, err := l.Write(encode(message{code: command, data: data})); err != nil {
		return message{}, err
	}
	m, err := l.hear(command, fits)
	if fault.Is(err, fault.Silent) || fault.Is(err, fault.Garbled) {
		l.Missed()
	}
	return m, err
}

// hear reads until the answer is whole, the deadline has passed, or what came is no frame.
func (l *line) hear(command byte, fits func(message) bool) (message, error) {
	deadline := time.Now().Add(replyLimit)
	var buffer []byte
	for {
		m, used, err := decode(buffer)
		switch {
		case errors.Is(err, errShort):
			err := l.More(&buffer, deadline, gapLimit, frameLimit)
			switch {
			case err == nil:
			case !errors.Is(err, os.ErrDeadlineExceeded):
				return message{}, err
			case len(buffer) > 0:
				return message{}, l.fault(fault.Garbled, command, "the answer stopped in the middle", buffer)
			default:
				return message{}, l.fault(fault.Silent, command, "no answer", nil)
			}
			continue
		case err != nil:
			return message{}, l.fault(fault.Garbled, command, err.Error(), buffer)
		}
		buffer = buffer[used:]
		switch {
		case fits(m):
			return m, nil
		case m.code == replyInvalid && command != cmdStatus:
			return message{}, l.fault(fault.Refused, command, "the acceptor says that the command is invalid now", nil)
		}
		l.log.Debug("id003: passed over a late answer", "command", command, "answer", m.code, "bytes", len(m.data))
	}
}

// hush waits until the line is silent before we speak.
func (l *line) hush() error {
	dropped, err := l.Hush(0)
	if len(dropped) > 0 {
		l.log.Debug("id003: dropped what nobody asked for", "bytes", fmt.Sprintf("% x", dropped))
	}
	return err
}
