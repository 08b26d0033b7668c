// Package fault says what went wrong with a device, in the few words that decide what happens next.
//
// A driver meets hundreds of status codes; the people around the machine need one of a handful of
// answers: try again, ask the citizen, call staff with the right thing in their hands, or stop
// taking money. Each Kind is one of those answers. A Kind travels over the sockets as its text.
package fault

import (
	"errors"
	"fmt"
)

// Kind is the class of a fault. Its text is part of the contracts with screen, technician and tests.
type Kind string

// The kinds, grouped by what somebody does about them.
const (
	// Retry by itself.
	Silent  Kind = "silent"  // the device does not answer
	Garbled Kind = "garbled" // the answer cannot be understood; the bytes are in Error.Raw
	Busy    Kind = "busy"    // the device asks to be asked later

	// Ask the person.
	Refused Kind = "refused" // the device declined what it was given (a note, a card, a code)

	// Call staff.
	Empty  Kind = "empty"  // paper, blanks, toner, coins have run out
	Full   Kind = "full"   // the box or the output tray has no room
	Jammed Kind = "jammed" // something is stuck, or the cutter is
	Open   Kind = "open"   // a cover or door is open, or the box is out
	Absent Kind = "absent" // there is no such device, or it was unplugged

	// Stop taking money.
	Tampered Kind = "tampered" // somebody tries to cheat the device
	Doubtful Kind = "doubtful" // the device cannot say what became of a note or a sheet

	// Nothing that anybody at the machine can mend.
	Broken  Kind = "broken"  // the device says that it is defective or not authorised
	Invalid Kind = "invalid" // we asked for what the device cannot do
)

// Error is a fault of one device during one operation.
type Error struct {
	Kind   Kind
	Device string // the class or protocol, as in kiosk.toml: "cash", "cctalk"
	Op     string // what was being done: "poll", "stack", "print"
	Detail string // the cause in words, for staff
	Raw    []byte // the bytes that could not be understood, if any; never personal data
	Err    error  // the cause below, if any
}

// Error reads "operation device: cause".
func (e *Error) Error() string {
	s := fmt.Sprintf("%s %s: %s", e.Op, e.Device, e.Kind)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if len(e.Raw) > 0 {
		s += fmt.Sprintf(" [% x]", e.Raw[:min(len(e.Raw), 64)])
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause below.
func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of the first fault in err's chain, or "" when there is none.
func KindOf(err error) Kind {
	var f *Error
	if errors.As(err, &f) && f != nil { // a state's fault is often a nil of this type
		return f.Kind
	}
	return ""
}

// Is says whether err carries a fault of this kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }
