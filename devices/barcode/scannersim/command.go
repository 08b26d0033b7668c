package scannersim

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// The last byte of an answer.
const (
	done        = 0x06
	badValue    = 0x15
	unsupported = 0x05
)

// command is one order of the host.
type command struct {
	frame   []byte
	level   byte     // '#' until power-off, '@' for ever; 0 when the order is not answered
	names   []string // the commands of a Newland frame
	trigger byte     // 'T' starts, 'U' stops
}

// what is the command in words.
func (c *command) what() string {
	if c.level != 0 {
		return strings.Join(c.names, ";")
	}
	return map[byte]string{'T': "trigger on", 'U': "trigger off"}[c.trigger]
}

// shorts are the orders that are not answered: Honeywell's serial trigger and Newland's one-byte form.
var shorts = map[string]byte{"\x16T\r": 'T', "\x16U\r": 'U', "\x1B1": 'T', "\x1B0": 'U'}

var (
	head = []byte("~\x010000")
	tail = []byte(";\x03")
)

// frameMax is the longest command that is waited for.
const frameMax = 512

// cut takes the first command out of what has come; noise before it is skipped. It gives nil while none is
// all there.
func cut(in []byte) (*command, []byte) {
	for i := range in {
		f := in[i:]
		for text, t := range shorts {
			if bytes.HasPrefix(f, []byte(text)) {
				return &command{frame: f[:len(text)], trigger: t}, f[len(text):]
			}
			if strings.HasPrefix(text, string(f)) {
				return nil, f
			}
		}
		if bytes.HasPrefix(head, f) {
			return nil, f
		}
		if !bytes.HasPrefix(f, head) {
			continue
		}
		j := bytes.Index(f, tail)
		if j < 0 && len(f) < frameMax {
			return nil, f
		}
		if j <= len(head) {
			continue
		}
		end := j + len(tail)
		return &command{frame: f[:end], level: f[len(head)], names: strings.Split(string(f[len(head)+1:j]), ";")}, f[end:]
	}
	return nil, nil
}

// do carries a command out and gives the answer, or nil when there is none.
func (s *Scanner) do(c *command) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.level == 0 {
		s.trigger(c.trigger == 'T')
		return nil
	}
	answer := append([]byte("\x02\x010000"), c.level)
	for _, name := range c.names {
		verdict := byte(unsupported)
		if c.level == '#' || c.level == '@' {
			verdict = s.one(name)
		}
		answer = append(append(answer, name...), verdict, ';')
	}
	return append(answer, 0x03)
}

// one carries out one of the commands of a frame.
func (s *Scanner) one(name string) byte {
	if len(name) < 6 {
		return unsupported
	}
	value := name[6:]
	switch name[:6] {
	case "SCNTRG":
		if value != "0" && value != "1" {
			return badValue
		}
		s.trigger(value == "1")
	case "SCNMOD":
		if value != "0" && value != "2" && value != "3" {
			return badValue
		}
		s.set.Mode = value
		s.trigger(false)
	case "ORTSET":
		return number(value, &s.set.LookMS)
	case "FACDEF":
		s.set = factory(s.o)
		s.trigger(false)
	default:
		return unsupported
	}
	return done
}

// durationMax is the longest time-out that can be set, in milliseconds.
const durationMax = 3600000

// number takes a setting in milliseconds.
func number(value string, into *int) byte {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > durationMax {
		return badValue
	}
	*into = n
	return done
}

// trigger starts or stops looking.
func (s *Scanner) trigger(on bool) {
	s.until = time.Time{}
	if on {
		s.until = time.Now().Add(time.Duration(s.set.LookMS) * time.Millisecond)
	}
}
