package ccnet

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"yichuang/devices/cash/acceptor"
	"yichuang/devices/fault"
	"yichuang/devices/wire"
)

// command is what we ask (§5.3).
type command byte

// The commands that we speak.
const (
	cmdReset    command = 0x30
	cmdStatus   command = 0x31
	cmdPoll     command = 0x33
	cmdEnable   command = 0x34
	cmdStack    command = 0x35
	cmdReturn   command = 0x36
	cmdIdentify command = 0x37
	cmdHold     command = 0x38
	cmdTable    command = 0x41
	cmdCRC32    command = 0x51
)

var commandNames = map[command]string{
	cmdReset: "reset", cmdStatus: "get status", cmdPoll: "poll", cmdEnable: "enable bill types", cmdStack: "stack", cmdReturn: "return",
	cmdIdentify: "identify", cmdHold: "hold", cmdTable: "get bill table", cmdCRC32: "get crc32",
}

// Short answers, and our own ACK (§2.5).
const (
	replyAck     = 0x00
	replyNak     = 0xFF
	replyIllegal = 0x30
)

// sizes are the bytes of each answer; a command that is not here is answered with ACK.
var sizes = map[command]int{cmdStatus: 6, cmdIdentify: 34, cmdTable: typesMax * 5, cmdCRC32: 4}

// pollMax is the most bytes of an answer to POLL: a state and what it is about.
const pollMax = 3

// line is the conversation: one question, one answer, never two at a time.
type line struct {
	*wire.Talk
	address byte
	log     *slog.Logger
	after   time.Time // not before this do we speak: an acknowledgement is still being heard
}

func (l *line) fault(kind fault.Kind, c command, detail string, raw []byte) error {
	return &fault.Error{Kind: kind, Device: "ccnet", Op: commandNames[c], Detail: detail, Raw: raw}
}

// ask sends one command and waits for its answer. fault.Refused: the validator calls it illegal now.
func (l *line) ask(c command, data ...byte) ([]byte, error) {
	if err := l.hush(); err != nil {
		return nil, err
	}
	if _, err := l.Write(encode(frame{l.address, append([]byte{byte(c)}, data...)})); err != nil {
		return nil, err
	}
	answer, err := l.hear(c)
	if err != nil && (fault.Is(err, fault.Silent) || fault.Is(err, fault.Garbled)) {
		l.Missed()
	}
	return answer, err
}

// acknowledge tells the validator that its answer was heard. That has no answer itself.
func (l *line) acknowledge() error {
	l.after = time.Now().Add(ackPause)
	_, err := l.Write(encode(frame{l.address, []byte{replyAck}}))
	return err
}

// query asks for data, which changes nothing, a few times, and acknowledges them.
func (l *line) query(c command) (answer []byte, err error) {
	for range triesMax {
		if answer, err = l.ask(c); err == nil {
			return answer, l.acknowledge()
		}
		if !acceptor.Retry(err) {
			break
		}
	}
	return nil, err
}

// poll asks for the state. It is not acknowledged yet.
func (l *line) poll() (status, error) {
	answer, err := l.ask(cmdPoll)
	if err != nil {
		if fault.Is(err, fault.Refused) {
			err = l.fault(fault.Busy, cmdPoll, "the validator does not answer polls now", nil)
		}
		return status{}, err
	}
	return status{state: state(answer[0]), data: answer[1:]}, nil
}

// hear reads until the answer is whole, the deadline has passed, or what came is no frame.
func (l *line) hear(c command) ([]byte, error) {
	deadline := time.Now().Add(replyLimit)
	var buffer []byte
	for {
		f, used, err := decode(buffer)
		switch {
		case errors.Is(err, errShort):
			if err := l.more(c, &buffer, deadline); err != nil {
				return nil, err
			}
			continue
		case errors.Is(err, errSync):
			buffer = buffer[1:] // noise before the frame
			continue
		case err != nil:
			return nil, l.fault(fault.Garbled, c, err.Error(), buffer)
		}
		buffer = buffer[used:]
		switch {
		case f.address != l.address:
			continue // another device on the same bus
		case len(f.payload) == 1 && f.payload[0] == replyNak:
			return nil, l.fault(fault.Garbled, c, "the validator did not understand us", nil)
		case len(f.payload) == 1 && f.payload[0] == replyIllegal:
			return nil, l.fault(fault.Refused, c, "the validator calls it illegal now", nil)
		case !fits(c, f.payload):
			l.log.Debug("ccnet: passed over a late answer", "command", commandNames[c], "bytes", len(f.payload))
			continue
		}
		return f.payload, nil
	}
}

// fits says whether an answer can be one to this command. Answers do not say what they answer: one of another
// form is a late one to an earlier question.
func fits(c command, payload []byte) bool {
	if c == cmdPoll {
		return len(payload) <= pollMax && payload[0] != replyAck
	}
	if n, data := sizes[c]; data {
		return len(payload) == n
	}
	return len(payload) == 1 && payload[0] == replyAck
}

// more reads what comes next: the first bytes until the deadline, the others while they follow close.
func (l *line) more(c command, buffer *[]byte, deadline time.Time) error {
	err := l.More(buffer, deadline, gapLimit, frameLimit)
	switch {
	case err == nil || !errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case len(*buffer) > 0:
		return l.fault(fault.Garbled, c, "the answer stopped in the middle", *buffer)
	}
	return l.fault(fault.Silent, c, "no answer", nil)
}

// hush waits until the line is silent before we speak, and until our acknowledgement was heard.
func (l *line) hush() error {
	dropped, err := l.Hush(time.Until(l.after))
	if len(dropped) > 0 {
		l.log.Debug("ccnet: dropped what nobody asked for", "bytes", fmt.Sprintf("% x", dropped))
	}
	return err
}
