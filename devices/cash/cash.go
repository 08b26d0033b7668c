// Package cash is what every device that takes or gives money does, whatever its protocol: banknote acceptors,
// coin acceptors (both in this file), and what pays out (pay.go).
//
// A note goes through three places: the mouth, escrow (where the acceptor holds it and can still
// give it back) and the box. An acceptor never decides about an escrowed note by itself: its owner
// answers each Escrowed signal with Stack or Return, and a Stacked or Returned signal says what
// really became of the note. Only Stacked is money.
package cash

import (
	"context"

	"yichuang/devices/fault"
)

// Note is the face of a banknote or coin.
type Note struct {
	Face     int64  `json:"face_fen"` // in the currency's smallest unit (fen for CNY)
	Currency string `json:"currency"` // ISO 4217: "CNY"
}

// Happening is what an acceptor can tell.
type Happening string

// The happenings. Their texts are those of `kioskd try`.
const (
	Ready    Happening = "ready"    // the acceptor answers and is set up; sent once after each (re)connect
	Escrowed Happening = "escrowed" // a validated note is held; answer with Stack or Return
	Stacked  Happening = "stacked"  // the note is in the box: this, and only this, is money
	Returned Happening = "returned" // the escrowed note went back to the hand
	Refused  Happening = "refused"  // a note was turned away before escrow; it is in no sum
	BoxOut   Happening = "box_out"  // the box was taken out
	BoxIn    Happening = "box_in"   // a box was put in
	Lost     Happening = "lost"     // the event memory cannot say what became of a note (reset, overflow)
	Faulty   Happening = "fault"    // Fault says what; sent when the state changes
	Cleared  Happening = "cleared"  // the last fault is gone
)

// Signal is one happening. Signals come in the order in which the device saw them, each once.
type Signal struct {
	What  Happening
	Note  Note         // with Escrowed, Stacked and Returned where the device names it
	Fault *fault.Error // with Faulty, Refused and Lost
	Mark  Mark         // the event memory after this signal: commit it together with what the signal means
	Raw   []byte       // the bytes that told it
	Store bool         // with Stacked: it went to where it can be paid out again, not to the box
}

// Mark is a place in the device's own event memory, kept in the journal so that what happened while
// the program was down can be asked for. The zero Mark means "never known".
type Mark struct {
	Serial  string `json:"serial,omitempty"` // the device that said it: another serial makes the mark worthless
	Counter int    `json:"counter"`          // the device's event counter (ccTalk: 0 only after power-up)
	Known   bool   `json:"known"`
}

// Info is what the device says of itself.
type Info struct {
	Protocol, Maker, Model, Serial, Firmware string
	Faces                                    []Note // the notes it can take at all
}

// State is the device now, for the offer of services and for status.
type State struct {
	Online    bool
	Accepting bool         // notes would be drawn in now
	Escrow    bool         // a note is held
	BoxIn     bool         // the box is in its place
	Fault     *fault.Error // nil when fit
}

// Intake is what takes money in. By itself it is a coin acceptor: a coin has no escrow, and its first signal is
// Stacked. Run polls always, also while nobody pays: these devices shut themselves when polls stop. The other
// methods may be called from any goroutine while Run runs.
type Intake interface {
	// Run opens, polls, heals unplugs and offers signals until ctx ends, and returns ctx's error.
	Run(ctx context.Context) error
	// Next waits for the next signal. It returns ctx's error when ctx ends first; nothing is lost then. Who asks
	// for the next has written the last one down: a device that repeats what became of a note until it is
	// acknowledged is acknowledged then and not before, so that a program that dies in between is told again.
	Next(ctx context.Context) (Signal, error)
	// Resume is called once, before Run: signals missed since mark are told before any new one.
	// When the device cannot say (it was reset, another device, too many events) a Lost signal comes first.
	Resume(mark Mark)
	// Accept lets money in, only of these faces; Refuse stops it. Both may be repeated and hold over a
	// reconnect. A note that is already in escrow is not touched.
	Accept(ctx context.Context, faces []Note) error
	Refuse(ctx context.Context) error
	// Info and State are the last that was heard; they never wait for the device.
	Info() Info
	State() State
}

// Acceptor is a banknote acceptor.
type Acceptor interface {
	Intake
	// Stack and Return send the escrowed note on its way. A nil error means only that the device took the
	// command: the Stacked or Returned signal says what became of it. fault.Empty: nothing is in escrow.
	Stack(ctx context.Context) error
	Return(ctx context.Context) error
}

// Absent is the acceptor of a terminal that has none: it refuses everything with fault.Absent.
type Absent struct{}

func absent(op string) error { return &fault.Error{Kind: fault.Absent, Device: "cash", Op: op} }

// Run waits for the end of ctx.
func (Absent) Run(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// Next waits for the end of ctx: a device that is not there has nothing to tell.
func (Absent) Next(ctx context.Context) (Signal, error) { <-ctx.Done(); return Signal{}, ctx.Err() }

// Resume does nothing.
func (Absent) Resume(Mark) {}

// Accept refuses.
func (Absent) Accept(context.Context, []Note) error { return absent("accept") }

// Refuse is always true of what is not there.
func (Absent) Refuse(context.Context) error { return nil }

// Stack refuses.
func (Absent) Stack(context.Context) error { return absent("stack") }

// Return refuses.
func (Absent) Return(context.Context) error { return absent("return") }

// Info is empty.
func (Absent) Info() Info { return Info{} }

// State says that it is absent.
func (Absent) State() State {
	return State{Fault: &fault.Error{Kind: fault.Absent, Device: "cash", Op: "open"}}
}
