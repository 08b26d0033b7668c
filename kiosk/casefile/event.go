// Package casefile is what happened, as events, and what the events add up to.
//
// A case is one matter of one person. What happens to it, to the notes, the orders and the blanks, is
// written down as events in the terminal's journal; the same events, sent to the hall, mean the same
// there. Book adds them up: at every instant each fen that came in stands in exactly one place, and
// each blank is in the tray, issued, void or doubtful.
//
// The package is pure: no clock, no disk, no network. Kinds and fields are never renamed, because
// journals live longer than programs.
package casefile

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"yichuang/kiosk/money"
)

// Kind names what happened.
type Kind string

// The kinds. Those that end in Begun-like words (escrowed, stacking, begun, printing) are open until
// another one of the same note, order, paper or permit ends them.
const (
	TerminalStarted Kind = "terminal.started" // kioskd has begun to work: devices and their marks
	VisitBegun      Kind = "visit.begun"
	VisitEnded      Kind = "visit.ended" // reason: done, cancelled, timeout, power, stop

	CaseOpened    Kind = "case.opened"    // a person has begun a service
	CaseSubmitted Kind = "case.submitted" // the form is handed in; its content is sealed
	CaseDecided   Kind = "case.decided"   // what the hall said: state, code
	CaseRated     Kind = "case.rated"     // stars

	BillChosen      Kind = "bill.chosen"      // the bill that will be paid: due, rules; account and name are sealed
	NoteEscrowed    Kind = "note.escrowed"    // a note is held by the acceptor: open
	NoteStacking    Kind = "note.stacking"    // committed before the order to stack: open
	NoteReturning   Kind = "note.returning"   // committed before the order to return: open
	NoteStacked     Kind = "note.stacked"     // in the box: money
	NoteReturned    Kind = "note.returned"    // back in the hand
	NoteDoubtful    Kind = "note.doubtful"    // the acceptor's memory cannot say
	NoteSettled     Kind = "note.settled"     // a person has looked: as stacked or returned
	CashOpened      Kind = "cash.opened"      // notes are taken for this case from now on
	CashClosed      Kind = "cash.closed"      // and no more
	AcceptorReset   Kind = "acceptor.reset"   // its memory was lost and no note was known to be inside; with a case: one may have been
	AcceptorSettled Kind = "acceptor.settled" // a person has looked: no note was inside
	PaymentSettled  Kind = "payment.settled"  // what is in the box of this case is placed: bill, surplus, owed
	BillRefused     Kind = "bill.refused"     // the biller did not book it: becomes owed
	BillRefunded    Kind = "bill.refunded"    // the biller did not book it: went back to the phone
	BillPosted      Kind = "bill.posted"      // the biller has booked it
	OrderBegun      Kind = "order.begun"      // one attempt to be paid by phone, committed before its first call: open
	OrderPaid       Kind = "order.paid"       // money
	OrderClosed     Kind = "order.closed"     // definite: nothing was taken, or it was given back
	OrderRefunded   Kind = "order.refunded"   // paid, and given back
	OwedRecoded     Kind = "owed.recoded"     // a new slip with another claim code; the former one is dead
	OwedPaid        Kind = "owed.paid"        // paid out, once
	OwedRedeemed    Kind = "owed.redeemed"    // a slip of another terminal was paid out here, once
	PaperBegun      Kind = "paper.begun"      // a receipt or slip is to be printed: open
	PaperPrinted    Kind = "paper.printed"    // way: receipt, tray, screen
	PaperFailed     Kind = "paper.failed"     // it did not come out
	BoxOut          Kind = "box.out"          // the acceptor says that the box was taken out
	BoxIn           Kind = "box.in"           // and that one was put in: a new box id
	BoxExchanged    Kind = "box.exchanged"    // counted by hand
	BlanksLoaded    Kind = "blanks.loaded"    // numbered blanks put into a tray
	BlankVoided     Kind = "blank.voided"     // a blank taken out of use by a person
	LicensePrinting Kind = "license.printing" // the permit and the blank are chosen, committed before the job: open
	LicensePrinted  Kind = "license.printed"  // the printer's counters say so
	LicenseFailed   Kind = "license.failed"   // no sheet was marked; the blank is still in the tray
	LicenseSpoiled  Kind = "license.spoiled"  // the blank is marked and void
	LicenseDoubtful Kind = "license.doubtful" // the printer cannot say
	LicenseSettled  Kind = "license.settled"  // a person has looked: as printed or spoiled

	DayClosed Kind = "day.closed" // a closing with a running number: what was taken in since the one before, and since ever

	CoinTaken      Kind = "coin.taken"      // in the coin box: money
	CoinFound      Kind = "coin.found"      // a person found the coin in the box that nobody had seen
	CoinsReset     Kind = "coins.reset"     // the coin acceptor's memory was lost; with a case: a coin may have gone in
	CoinsExchanged Kind = "coins.exchanged" // the coin box, counted by hand
	PayoutBegun    Kind = "payout.begun"    // pieces are to be paid for what is owed, committed before the order: open
	PayoutEnded    Kind = "payout.ended"    // what came out, by the payer's word; the rest stays owed
	PayoutDoubtful Kind = "payout.doubtful" // the payer cannot say of some pieces
	PayoutSettled  Kind = "payout.settled"  // a person has looked: as paid or kept
	StockLoaded    Kind = "stock.loaded"    // pieces put into the payer by a person
	StockCounted   Kind = "stock.counted"   // the payer's pieces, counted by hand
)

// Event is one thing that happened.
type Event struct {
	Kind   Kind
	Case   string // "" when it belongs to the terminal
	Header Header
}

// Header is what of an event stands in clear: only what money, paper and states are added up from.
// Fields lists which of them each kind may carry.
type Header struct {
	Visit    string `json:"visit,omitempty"`
	Service  string `json:"service,omitempty"` // pay.water, license.individual
	Catalog  int64  `json:"catalog,omitempty"` // version of the hall's catalogue
	Language string `json:"language,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Version  string `json:"version,omitempty"`

	Written time.Time `json:"written,omitzero"` // when the journal was last written before this start

	Note     int64     `json:"note,omitempty"` // running number at this terminal
	Face     money.Fen `json:"face_fen,omitempty"`
	Currency string    `json:"currency,omitempty"`
	Box      string    `json:"box,omitempty"`
	Mark     *Mark     `json:"mark,omitempty"`  // the acceptor's event memory when this was written
	Asked    string    `json:"asked,omitempty"` // what the device said
	As       string    `json:"as,omitempty"`    // stacked, returned, printed, spoiled
	Who      string    `json:"who,omitempty"`   // role of staff, never a name

	Biller  string    `json:"biller,omitempty"`
	Due     money.Fen `json:"due_fen,omitempty"`
	Part    bool      `json:"part,omitempty"`      // the biller takes part payments
	Rule    string    `json:"surplus,omitempty"`   // balance or owed
	Bill    money.Fen `json:"bill_fen,omitempty"`  // placed on the bill
	Surplus money.Fen `json:"extra_fen,omitempty"` // placed as balance beyond the bill
	Owes    money.Fen `json:"owed_fen,omitempty"`  // placed as owed
	Amount  money.Fen `json:"amount_fen,omitempty"`

	Attempt string    `json:"out_trade_no,omitempty"` // one for each attempt to be paid by phone
	Mode    string    `json:"mode,omitempty"`         // show, scan
	Expires time.Time `json:"expires,omitzero"`
	How     string    `json:"how,omitempty"` // order.closed: closed, reversed, refused, expired, refunded; case.opened: none

	Owed  string `json:"owed,omitempty"`  // id of what is owed
	Claim string `json:"claim,omitempty"` // ClaimHash of the code on the slip
	Where string `json:"where,omitempty"` // the other terminal where it was paid, or AtHall

	Paper string `json:"paper,omitempty"` // id of a receipt or slip
	What  string `json:"what,omitempty"`  // receipt, slip, next, doubtful, refused
	Way   string `json:"way,omitempty"`
	Cuts  int64  `json:"cuts,omitempty"` // the printer's count of cuts before
	Copy  bool   `json:"copy,omitempty"`
	Fault string `json:"fault,omitempty"`

	Permit     string `json:"permit,omitempty"`
	License    string `json:"license,omitempty"` // unified social credit code
	Form       string `json:"form,omitempty"`    // original, duplicate
	Tray       string `json:"tray,omitempty"`
	Media      string `json:"media,omitempty"`
	Serial     string `json:"serial,omitempty"`
	First      string `json:"first,omitempty"`
	Count      int64  `json:"count,omitempty"`
	Document   string `json:"document_sha256,omitempty"`
	Registered string `json:"registered,omitempty"` // the day that stands on the license

	State string `json:"state,omitempty"`
	Code  string `json:"code,omitempty"`
	Stars int    `json:"stars,omitempty"`

	Store  bool         `json:"store,omitempty"`  // a note that went to where it can be paid out again
	Payout string       `json:"payout,omitempty"` // id of a payout
	Pieces money.Counts `json:"pieces,omitempty"` // begun: to be paid; ended, doubtful: surely came out; loaded: put in
	Unsure money.Counts `json:"unsure,omitempty"` // of which the payer cannot say whether they came out
	Memory *Memory      `json:"memory,omitempty"` // the payer's before the payout

	Closing int64     `json:"closing,omitempty"`   // running number of a closing
	Total   money.Fen `json:"total_fen,omitempty"` // taken in since the journal began

	Expected money.Counts `json:"expected,omitempty"`
	Counted  money.Counts `json:"counted,omitempty"`
	Devices  []Device     `json:"devices,omitempty"`
}

// Mark is a place in the acceptor's own event memory.
type Mark struct {
	Serial  string `json:"serial,omitempty"`
	Counter int    `json:"counter"`
	Known   bool   `json:"known"`
}

// Memory is where a payer's own memory stood before a payout: what it needs to tell later what came out.
type Memory struct {
	Serial  string       `json:"serial,omitempty"`
	Counter int          `json:"counter,omitempty"`
	Paid    money.Counts `json:"paid,omitempty"`   // over the device's whole life
	Levels  money.Counts `json:"levels,omitempty"` // inside, where the device counts
	Parts   []Memory     `json:"parts,omitempty"`  // of a payer that is several devices
	Known   bool         `json:"known"`
}

// PaperClosing is what the paper of a closing is.
const PaperClosing = "closing"

// AtHall is where something was done that was done at the hall. No terminal has such a name.
const AtHall = "@hall"

// Device is a device as it stood when the terminal started.
type Device struct {
	Class    string `json:"class"`
	Protocol string `json:"protocol"`
	Serial   string `json:"serial,omitempty"`
	Count    int64  `json:"count,omitempty"` // a lifetime counter, where it has one
}

// Fields says which header fields each kind may carry; a test of the whole sees that none other is
// ever written, so that nothing personal slips into the clear.
var Fields = map[Kind][]string{
	TerminalStarted: {"version", "devices", "reason", "written"},
	VisitBegun:      {"visit", "language"},
	VisitEnded:      {"visit", "reason"},
	CaseOpened:      {"visit", "service", "catalog", "language"},
	CaseSubmitted:   {"service"},
	CaseDecided:     {"state", "code", "license"},
	CaseRated:       {"stars"},
	BillChosen:      {"biller", "due_fen", "part", "surplus"},
	NoteEscrowed:    {"note", "face_fen", "currency", "mark"},
	NoteStacking:    {"note", "face_fen", "currency", "mark"},
	NoteReturning:   {"note", "face_fen", "currency", "mark"},
	NoteStacked:     {"note", "face_fen", "currency", "box", "store", "mark"},
	NoteReturned:    {"note", "face_fen", "currency", "mark"},
	NoteDoubtful:    {"note", "face_fen", "currency", "asked", "owed", "claim", "mark"},
	NoteSettled:     {"note", "face_fen", "currency", "as", "reason", "who", "box", "store", "mark"},
	CashOpened:      {},
	CashClosed:      {},
	AcceptorReset:   {"asked", "mark", "reason", "owed"},
	AcceptorSettled: {"owed", "as", "reason", "who"},
	PaymentSettled:  {"bill_fen", "extra_fen", "owed_fen", "owed", "claim", "reason"},
	BillRefused:     {"amount_fen", "owed", "claim", "reason"},
	BillRefunded:    {"amount_fen", "out_trade_no", "reason"},
	BillPosted:      {"amount_fen"},
	OrderBegun:      {"out_trade_no", "amount_fen", "mode", "expires"},
	OrderPaid:       {"out_trade_no", "amount_fen"},
	OrderClosed:     {"out_trade_no", "how"},
	OrderRefunded:   {"out_trade_no", "amount_fen"},
	OwedRecoded:     {"owed", "claim"},
	OwedPaid:        {"owed", "amount_fen", "reason", "who", "where"},
	OwedRedeemed:    {"owed", "amount_fen", "reason", "who"},
	PaperBegun:      {"paper", "what", "way", "owed", "cuts", "copy"},
	PaperPrinted:    {"paper", "what", "way", "owed"},
	PaperFailed:     {"paper", "what", "fault", "owed"},
	BoxOut:          {"box", "mark"},
	BoxIn:           {"box", "mark"},
	BoxExchanged:    {"box", "expected", "counted", "who"},
	BlanksLoaded:    {"tray", "media", "first", "count", "who"},
	BlankVoided:     {"tray", "serial", "reason", "who"},
	LicensePrinting: {"permit", "license", "form", "tray", "media", "serial", "document_sha256", "registered"},
	LicensePrinted:  {"permit", "license", "form", "serial"},
	LicenseFailed:   {"permit", "serial", "fault"},
	LicenseSpoiled:  {"permit", "serial", "fault", "tray"},
	LicenseDoubtful: {"permit", "serial", "asked"},
	LicenseSettled:  {"permit", "serial", "as", "reason", "who"},
	DayClosed:       {"closing", "amount_fen", "total_fen", "who"},
	CoinTaken:       {"face_fen", "currency", "store", "mark"},
	CoinFound:       {"face_fen", "currency", "owed", "claim", "reason", "who"},
	CoinsReset:      {"asked", "mark", "reason", "owed"},
	CoinsExchanged:  {"expected", "counted", "who"},
	PayoutBegun:     {"payout", "owed", "amount_fen", "pieces", "memory"},
	PayoutEnded:     {"payout", "amount_fen", "pieces", "fault"},
	PayoutDoubtful:  {"payout", "amount_fen", "pieces", "unsure", "asked", "owed", "claim"},
	PayoutSettled:   {"payout", "as", "reason", "who"},
	StockLoaded:     {"pieces", "who"},
	StockCounted:    {"expected", "counted", "who"},
}

// names are the JSON names of Header's fields, in their order.
var names = func() (names []string) {
	for f := range reflect.TypeFor[Header]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}()

// Encode writes the header as JSON and refuses a field that its kind may not carry.
func (e *Event) Encode() ([]byte, error) {
	allowed, ok := Fields[e.Kind]
	if !ok {
		return nil, fmt.Errorf("encode event: unknown kind %q", e.Kind)
	}
	header := reflect.ValueOf(&e.Header).Elem()
	for i, name := range names {
		if !header.Field(i).IsZero() && !slices.Contains(allowed, name) {
			return nil, fmt.Errorf("encode %s: field %q may not stand in its header", e.Kind, name)
		}
	}
	raw, err := json.Marshal(&e.Header)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", e.Kind, err)
	}
	return raw, nil
}

// Decode reads a header back. Fields that a later version added are passed over, kinds too.
func Decode(kind Kind, caseID string, header []byte) (Event, error) {
	e := Event{Kind: kind, Case: caseID}
	if err := json.Unmarshal(header, &e.Header); err != nil {
		return e, fmt.Errorf("decode %s: %w", kind, err)
	}
	return e, nil
}
