// Package barcode is what every code scanner does: look while it is asked to, and say what it saw.
package barcode

import (
	"context"

	"yichuang/devices/fault"
)

// Info is what the scanner says of itself.
type Info struct{ Protocol, Maker, Model, Serial string }

// Scanner reads bar codes and QR symbols. It looks only while Scan waits: what was held before it
// earlier is flushed, so that a stale code never counts.
type Scanner interface {
	// Run opens the scanner and keeps it open until ctx ends, and returns ctx's error.
	Run(ctx context.Context) error
	// Scan makes the scanner look and returns the text of the next code, or ctx's error.
	// fault.Garbled: the bytes are no text in UTF-8 or GB 18030; fault.Silent/Absent: no scanner answers.
	Scan(ctx context.Context) (string, error)
	Info() Info
	// Fault is nil when the scanner is fit.
	Fault() *fault.Error
}

// Absent is the scanner of a terminal that has none.
type Absent struct{}

// Run waits for the end of ctx.
func (Absent) Run(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// Scan refuses.
func (a Absent) Scan(context.Context) (string, error) { return "", a.Fault() }

// Info is empty.
func (Absent) Info() Info { return Info{} }

// Fault says that there is no scanner.
func (Absent) Fault() *fault.Error {
	return &fault.Error{Kind: fault.Absent, Device: "scanner", Op: "open"}
}
