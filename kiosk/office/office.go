// Package office is what the terminal asks of the hall while a person waits.
//
// Each question has a bound, set by the caller's context, and each answer is one of three: an answer, a
// refusal in the answer's own words, or ErrNoLine when the hall cannot be asked now. Nobody here knows
// how the question travels; package uplink does that.
package office

import (
	"context"
	"errors"
	"time"

	"yichuang/kiosk/money"
)

// ErrNoLine says that the hall could not be asked or did not answer in time. Nothing is known then.
var ErrNoLine = errors.New("hall: no line")

// Hall answers questions. All methods return ErrNoLine (wrapped) when there is no answer.
type Hall interface {
	// Up says whether the hall answered lately.
	Up() bool
	// Bill asks the biller, by account number or by the text of the paper bill's code (the other is "").
	Bill(ctx context.Context, service, account, code, caseID string) (Bill, error)
	// Posting waits until the biller has booked what a case paid, or refused it, as long as ctx allows; then
	// it gives the state that stands.
	Posting(ctx context.Context, caseID string) (Posting, error)
	// PlaceOrder makes one attempt to be paid by phone. The same number again gives the same order.
	PlaceOrder(ctx context.Context, o NewOrder) (Order, error)
	// WaitOrder waits for a change of the order, as long as ctx allows, and gives its state.
	WaitOrder(ctx context.Context, attempt string) (Order, error)
	// CloseOrder makes the order definite if it can before ctx ends.
	CloseOrder(ctx context.Context, attempt string) (Order, error)
	// Cases gives the cases of a person, by card (number and name), or one case by its number.
	Cases(ctx context.Context, number, name, caseID string) ([]CaseLine, error)
	// Decision waits for the decision about a case that was handed in, as long as ctx allows.
	Decision(ctx context.Context, caseID string) (Decision, error)
	// Permit asks for leave to print one form of a license on one blank.
	Permit(ctx context.Context, caseID, form, serial, previous string) (Permit, error)
	// Claim redeems the code of a slip, once in the whole fleet.
	Claim(ctx context.Context, code, reason, who string) (Claim, error)
	// Find tells another terminal what was found here of its doubt, once in the whole fleet.
	Find(ctx context.Context, f Finding) (Found, error)
	// Reconcile tells how the hall, the billers and the gateway have what this terminal took in on a day (2026-11-20): the cases
	// and orders that are named, and those that they have besides.
	Reconcile(ctx context.Context, day string, cases, attempts []string) (Sides, error)
	// Flush sends what is in the queue now and waits until the hall has it, as long as ctx allows.
	Flush(ctx context.Context) error
}

// Bill is what a biller says of an account.
type Bill struct {
	Status  string // ok, unknown_account, bad_code, garbled, silent, closed
	Account string
	Name    string // masked by the hall
	Address string // masked by the hall
	Periods []Period
	Balance money.Fen
	Surplus string // what becomes of too much: balance, owed
	Part    bool   // part payments are taken
	Biller  string
}

// Period is one bill of an account.
type Period struct {
	Period string
	Due    money.Fen // what is still to be paid
}

// Posting is what became of a payment at the biller.
type Posting struct {
	State  string // unknown, taken, posted, part, owed, refused, refunded
	Posted money.Fen
	Reason string
}

// NewOrder is one attempt to be paid by phone.
type NewOrder struct {
	Case, Attempt, Mode, AuthCode, Description string
	Amount                                     money.Fen
	Expires                                    time.Time
}

// Order is how an attempt stands: placed, paying, paid, closed, reversed, refused, refunded, unknown, none.
type Order struct {
	State    string
	CodeURL  string
	Paid     money.Fen
	Reason   string
	Definite bool
}

// CaseLine is one case as its person may see it.
type CaseLine struct {
	Case, Service, State, Code, Reason string
	Time                               string // RFC 3339
	Printable                          bool
	PrintedAt, PrintedWhere            string
	Amount                             money.Fen
	License                            string
}

// Decision is what the hall decided: unknown, submitted, waiting, approved, refused, printed.
type Decision struct {
	State, Code, License, ReasonZH, ReasonEN string
}

// Permit is leave to print, or Refused: printed, elsewhere, not_approved, unknown_case.
type Permit struct {
	Permit, Refused, When, Where string
	CodeText                     string
	Facts                        []byte // license.Facts as JSON
}

// Claim is the end of what was owed, or Refused: unknown, paid, superseded.
type Claim struct {
	Paid       bool
	Owed, Case string
	Amount     money.Fen
	Refused    string
	When       string // refused as paid: when, RFC 3339, and at which terminal or the hall (casefile.AtHall)
	Where      string
}

// Finding is what a person has found of a doubt of another terminal, named by what would be owed.
type Finding struct {
	Owed, As string
	Face     money.Fen // of something that nobody saw and that was found
	Reason   string
}

// Found says whose doubt it is, who is told; or Refused, a sentence for staff.
type Found struct {
	Terminal, Case string
	Amount         money.Fen
	Refused        string
}

// Away is the hall of a terminal that is not enrolled: there is no line.
type Away struct{}

// Up is false.
func (Away) Up() bool { return false }

// Bill has no line; so have all the others.
func (Away) Bill(context.Context, string, string, string, string) (Bill, error) {
	return Bill{}, ErrNoLine
}

// Posting has no line.
func (Away) Posting(context.Context, string) (Posting, error) { return Posting{}, ErrNoLine }

// PlaceOrder has no line.
func (Away) PlaceOrder(context.Context, NewOrder) (Order, error) { return Order{}, ErrNoLine }

// WaitOrder has no line.
func (Away) WaitOrder(context.Context, string) (Order, error) { return Order{}, ErrNoLine }

// CloseOrder has no line.
func (Away) CloseOrder(context.Context, string) (Order, error) { return Order{}, ErrNoLine }

// Cases has no line.
func (Away) Cases(context.Context, string, string, string) ([]CaseLine, error) {
	return nil, ErrNoLine
}

// Decision has no line.
func (Away) Decision(context.Context, string) (Decision, error) { return Decision{}, ErrNoLine }

// Permit has no line.
func (Away) Permit(context.Context, string, string, string, string) (Permit, error) {
	return Permit{}, ErrNoLine
}

// Sides is what others say of a day's money.
type Sides struct {
	Cases   []CaseSide
	Orders  []OrderSide
	Missing []Missing
}

// CaseSide is one case at the hall and at its biller.
type CaseSide struct {
	Case              string
	Stacked, Doubtful money.Fen // notes and coins
	Placed            money.Fen // on the bill and beyond it
	Owed, Open        money.Fen // all that became owed, and what of it is open
	Booked            money.Fen // is to be at the biller, by the hall's word
	Asked             bool
	Biller            money.Fen // what the biller says, where it was asked
}

// OrderSide is one payment by phone at the hall and in the gateway's bill of the day. Paid and Back are those of the day.
type OrderSide struct {
	Attempt, Case     string
	Kept              money.Fen // paid and not gone back up to now, by the hall's word
	Asked             bool
	Paid, GatewayPaid money.Fen
	Back, GatewayBack money.Fen
}

// Missing is a side that could not be asked: biller or gateway.
type Missing struct{ Side, Why string }

// Reconcile has no line.
func (Away) Reconcile(context.Context, string, []string, []string) (Sides, error) {
	return Sides{}, ErrNoLine
}

// Claim has no line.
func (Away) Claim(context.Context, string, string, string) (Claim, error) { return Claim{}, ErrNoLine }

// Find has no line.
func (Away) Find(context.Context, Finding) (Found, error) { return Found{}, ErrNoLine }

// Flush has no line.
func (Away) Flush(context.Context) error { return ErrNoLine }
