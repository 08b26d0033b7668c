package scanner

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Dialect is whose commands the scanner understands.
type Dialect string

// The dialects, as they stand in kiosk.toml.
const (
	Newland   Dialect = "newland" // the default
	Honeywell Dialect = "honeywell"
)

// ParseDialect reads the option of kiosk.toml; nothing is Newland.
func ParseDialect(s string) (Dialect, error) {
	switch d := Dialect(s); d {
	case "":
		return Newland, nil
	case Newland, Honeywell:
		return d, nil
	}
	return "", fmt.Errorf("scanner: dialect %q is neither newland nor honeywell", s)
}

// command is one order to the scanner. name is empty where the dialect does not answer.
type command struct {
	name  string
	bytes []byte
}

// orders are what we ask of a scanner. mode may be empty.
type orders struct{ mode, on, off command }

// newland builds a temporary command: nothing is written to flash.
func newland(name string) command {
	return command{name: name, bytes: []byte("\x7E\x010000#" + name + ";\x03")}
}

// ordersOf are the orders in a dialect.
func ordersOf(d Dialect) orders {
	if d == Honeywell {
		return orders{on: command{bytes: []byte{0x16, 0x54, 0x0D}}, off: command{bytes: []byte{0x16, 0x55, 0x0D}}}
	}
	return orders{mode: newland("SCNMOD0"), on: newland("SCNTRG1"), off: newland("SCNTRG0")}
}

// The last byte of an answer.
const (
	ackDone        = 0x06
	ackBadValue    = 0x15
	ackUnsupported = 0x05
)

// ack is the answer to a command.
type ack struct {
	name   string
	answer byte
}

var (
	ackHead = []byte("\x02\x010000")
	ackTail = []byte(";\x03")
)

// takeAcks takes the answers to commands out of what has come. Half an answer at the end stays, and more
// says that it is there.
func takeAcks(buf []byte) (rest []byte, acks []ack, more bool) {
	for {
		i := bytes.Index(buf, ackHead)
		if i < 0 {
			return append(rest, buf...), acks, partial(buf)
		}
		body := buf[i+len(ackHead):]
		j := bytes.Index(body, ackTail)
		end := bytes.IndexAny(body, "\r\n") // ends a code, and is in no answer
		switch {
		case j < 0 && end < 0 && len(body) < ackMax:
			return append(rest, buf...), acks, true
		case j < 3 || j > ackMax || end >= 0 && end < j: // a level, a command and a verdict are at least three
			rest = append(rest, buf[:i+1]...)
			buf = buf[i+1:]
		default:
			acks = append(acks, ack{name: string(body[1 : j-1]), answer: body[j-1]})
			rest = append(rest, buf[:i]...)
			buf = body[j+len(ackTail):]
		}
	}
}

// partial says whether buf ends in the begin of an answer.
func partial(buf []byte) bool {
	for n := min(len(buf), len(ackHead)-1); n > 0; n-- {
		if bytes.HasSuffix(buf, ackHead[:n]) {
			return true
		}
	}
	return false
}

// cutCode takes the first code out of what has come: up to CR or LF, or all of it when the line is quiet.
// ended says that the scanner sent an end. Empty codes are dropped.
func cutCode(buf []byte, quiet bool) (code []byte, ended bool, used int, ok bool) {
	for used < len(buf) && (buf[used] == '\r' || buf[used] == '\n' || buf[used] == 0) {
		used++
	}
	body := buf[used:]
	if i := bytes.IndexAny(body, "\r\n"); i >= 0 {
		return body[:i], true, used + i + 1, true
	}
	if quiet && len(body) > 0 {
		return body, false, len(buf), true
	}
	return nil, false, used, false
}

// text is what a code says. The symbology identifier and NULs around it go. A code that is glued to half an
// answer is none: nobody can say where it begins.
func text(code []byte) (string, bool) {
	code = bytes.Trim(code, "\x00")
	if bytes.Contains(code, ackHead) {
		return "", false
	}
	if len(code) >= 3 && code[0] == ']' && strings.IndexByte(aimCodes, code[1]) >= 0 && strings.IndexByte(aimModifiers, code[2]) >= 0 {
		code = code[3:]
	}
	if utf8.Valid(code) {
		return string(code), true
	}
	s, err := simplifiedchinese.GB18030.NewDecoder().Bytes(code)
	if err != nil || bytes.ContainsRune(s, utf8.RuneError) {
		return "", false
	}
	return string(s), true
}

// The symbology identifiers: QR and its kin, Data Matrix, PDF417, Code 128, EAN, Code 39, Codabar, Code 93,
// Interleaved 2 of 5, Aztec, GS1 DataBar; and their modifiers.
const (
	aimCodes     = "QdLCEAFGIzeX"
	aimModifiers = "0123456789ABCDEFabcdef"
)
