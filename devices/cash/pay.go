package cash

import (
	"context"

	"yichuang/devices/fault"
)

// Payer gives money out: a coin hopper, or the payout of a note recycler. It decides nothing: what is paid is
// planned piece by piece above it, so that change is never promised which cannot be given.
//
// A payout cannot be undone and an order whose answer was lost must not be sent again. Therefore its owner asks for
// Before, writes it down, and only then calls Pay; after a power cut Settle tells from what was written what really
// came out. Every payer has a memory for that: a counter of payouts, a count of all pieces ever paid, or its levels.
type Payer interface {
	// Run opens, polls and heals unplugs until ctx ends, and returns ctx's error.
	Run(ctx context.Context) error
	// Before is the payer's memory now, to be written down before Pay. It asks the device.
	Before(ctx context.Context) (Memory, error)
	// Pay pays exactly these pieces and returns when the payer is at rest. before must be the memory of this instant.
	// Out is what the mechanism says came out; it is less than asked when a jam or an empty hopper stopped it (with
	// the fault as error), and Unsure when the device cannot say. An order that was refused before anything
	// moved is an error with an empty Out. The same order is never given twice: a memory that is not of this instant is
	// refused. An error of the line (silent, garbled, absent) or of ctx says nothing about what came out: the payout may go on,
	// and Settle tells once the payer is back.
	Pay(ctx context.Context, before Memory, pieces []Pile) (Paid, error)
	// Settle says what came out of a payout that was begun at before and whose end nobody heard. It moves nothing,
	// but waits until a payout that still runs has ended. By the memory of another device, or none, it is unsure of all.
	Settle(ctx context.Context, before Memory, pieces []Pile) (Paid, error)
	// Info and State are the last that was heard; they never wait for the device.
	Info() PayerInfo
	State() PayerState
}

// Pile is a number of pieces of one face.
type Pile struct {
	Note
	Count int64 `json:"count"`
}

// Memory is where a payer's own memory stands, kept in the journal with each payout that begins. Each device fills in what
// it has; the zero Memory means "never known".
type Memory struct {
	Serial  string `json:"serial,omitempty"` // the device that said it: another serial makes the memory worthless
	Counter int    `json:"counter,omitempty"`
	Paid    []Pile `json:"paid,omitempty"`   // pieces paid out over the device's whole life
	Levels  []Pile `json:"levels,omitempty"` // pieces inside, where the device counts them
	Known   bool   `json:"known"`
	// Parts are the memories of a payer that is several devices, such as a row of hoppers with one face each: each
	// has a serial number and a counter of its own. What is above is then what they have in common.
	Parts []Memory `json:"parts,omitempty"`
}

// Paid is what came of a payout.
type Paid struct {
	Out    []Pile
	Unsure []Pile // pieces of which the device cannot say whether they came out; nil when it can
	Raw    []byte // the bytes that told it
}

// PayerInfo is what a payer says of itself.
type PayerInfo struct {
	Protocol, Maker, Model, Serial, Firmware string
	Faces                                    []Note // the pieces it can pay at all
	Counts                                   bool   // it knows its levels by itself; else they are kept by its owner
}

// PayerState is a payer now.
type PayerState struct {
	Online bool
	Paying bool
	Levels []Pile       // what it says it holds; nil when it does not count
	Low    []Note       // faces whose low-level sensor says that few are left
	Unfit  []Note       // faces that cannot be paid now though others can: plan without them
	Fault  *fault.Error // nil when fit; of several devices the worst that one of them has
}

// Mender is a payer that remembers a jam or an empty part until it is told that somebody has mended it: it has no
// sensor that would say so.
type Mender interface {
	// Mended forgets such faults. It moves no piece; a fault that is still there comes back with the next payout.
	Mended(ctx context.Context) error
}

// AbsentPayer is the payer of a terminal that has none: it refuses everything with fault.Absent.
type AbsentPayer struct{}

func noPayer(op string) error { return &fault.Error{Kind: fault.Absent, Device: "payout", Op: op} }

// Run waits for the end of ctx.
func (AbsentPayer) Run(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// Before refuses.
func (AbsentPayer) Before(context.Context) (Memory, error) { return Memory{}, noPayer("before") }

// Pay refuses.
func (AbsentPayer) Pay(context.Context, Memory, []Pile) (Paid, error) { return Paid{}, noPayer("pay") }

// Settle refuses.
func (AbsentPayer) Settle(context.Context, Memory, []Pile) (Paid, error) {
	return Paid{}, noPayer("settle")
}

// Info is empty.
func (AbsentPayer) Info() PayerInfo { return PayerInfo{} }

// State says that it is absent.
func (AbsentPayer) State() PayerState {
	return PayerState{Fault: &fault.Error{Kind: fault.Absent, Device: "payout", Op: "open"}}
}
