// Package idcard is what every identity card reader does, and what a card says.
//
// A Card is personal data: it prints itself masked, is never logged and never outlives the visit
// unsealed.
package idcard

import (
	"context"
	"image"

	"yichuang/devices/fault"
)

// Kind is the sort of card.
type Kind string

// The sorts of card (the words of the desk's contract).
const (
	Citizen     Kind = "citizen"      // resident identity card
	HMT         Kind = "hmt"          // residence permit for Hong Kong, Macao and Taiwan residents
	Foreign2017 Kind = "foreign_2017" // foreign permanent resident ID card, 2017 type
	Foreign2023 Kind = "foreign_2023" // foreign permanent resident ID card, 2023 type
)

// Card is the content of a card as the reader delivers it. Dates are YYYYMMDD; ValidTo may be 长期.
type Card struct {
	Kind         Kind   `json:"kind"`
	Name         string `json:"name"`      // in Chinese; a foreigner's card may have none
	Sex          string `json:"sex"`       // GB/T 2261.1: "1" male, "2" female
	Ethnicity    string `json:"ethnicity"` // GB/T 3304, two digits
	Birth        string `json:"birth"`
	Address      string `json:"address"`
	Number       string `json:"number"`
	Authority    string `json:"authority"`
	ValidFrom    string `json:"valid_from"`
	ValidTo      string `json:"valid_to"`
	EnglishName  string `json:"english_name,omitempty"`
	Nationality  string `json:"nationality,omitempty"`
	PermitNumber string `json:"permit_number,omitempty"`
	IssueCount   string `json:"issue_count,omitempty"`
	Photo        []byte `json:"-"` // the WLT block as it came; only a maker's library can decode it

	Face image.Image `json:"-"` // the photo decoded; nil where no library is installed, or it failed
}

// Called is the name to be used in writing: the Chinese one, or the Latin one of a foreigner whose card has no other.
func (c Card) Called() string {
	if c.Name != "" {
		return c.Name
	}
	return c.EnglishName
}

// String masks: a card that strays into a log must not tell who it was.
func (c Card) String() string { return "card(" + string(c.Kind) + ")" }

// GoString masks too, so that %#v does not tell either.
func (c Card) GoString() string { return c.String() }

// Info is what the reader says of itself, for diagnostics.
type Info struct {
	Protocol, Maker, Model, Serial string

	SAM   string // the security module's number, as it is printed on the housing
	Photo string // how the last photo went; "" where no library is installed
}

// Why a card was refused: the Detail of a fault.Refused from Read, one screen phrase for each.
const (
	Moved           = "moved"                // the card was taken away or shifted while it was read
	Unreadable      = "unreadable"           // the card or the answer is damaged; laying it down again may help
	NotIdentityCard = "not an identity card" // a bus or bank card, or a phone; also two cards at once
	NotGenuine      = "not genuine"          // the security module does not believe the card
)

// Reader is an identity card reader. Run heals unplugs in the background; Read asks for a card.
type Reader interface {
	// Run opens the reader and keeps it open until ctx ends, and returns ctx's error.
	Run(ctx context.Context) error
	// Read waits for a card and reads it, until ctx ends. Faults: Refused — the card was taken away,
	// cannot be read, or is no identity card (Detail says which; ask the person to lay it down again);
	// Absent/Silent — the reader does not answer; Broken — the SAM is not fit for service.
	Read(ctx context.Context) (Card, error)
	Info() Info
	// Fault is nil when the reader is fit.
	Fault() *fault.Error
}

// Absent is the reader of a terminal that has none.
type Absent struct{}

// Run waits for the end of ctx.
func (Absent) Run(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// Read refuses.
func (a Absent) Read(context.Context) (Card, error) { return Card{}, a.Fault() }

// Info is empty.
func (Absent) Info() Info { return Info{} }

// Fault says that there is no reader.
func (Absent) Fault() *fault.Error {
	return &fault.Error{Kind: fault.Absent, Device: "idcard", Op: "open"}
}
