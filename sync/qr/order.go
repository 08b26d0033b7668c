package qr

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"
)

// The states of an order as terminals are told.
const (
	Placed   = "placed"   // the code can be shown
	Paying   = "paying"   // the payer is asked for the password
	Paid     = "paid"     // the money is here
	Closed   = "closed"   // ended, nothing was paid
	Reversed = "reversed" // taken back, nothing was paid
	Refused  = "refused"  // the gateway did not take it
	Refunded = "refunded" // was paid, all of it went back
	Unknown  = "unknown"  // the hall goes on asking
	None     = "none"     // the hall has no such order
)

// The ways to pay.
const (
	Show = "show" // the terminal shows a code
	Scan = "scan" // the terminal scans the payer's code

	// never is the mode of a number that was closed before any order came; the order is then not taken.
	never = "never"
)

// What Place refuses without an order being made.
var (
	// ErrInvalid is an order that cannot be: number, amount, mode or code have no proper form.
	ErrInvalid = errors.New("not a valid order")
	// ErrConflict is a number that already stands for another order.
	ErrConflict = errors.New("the order number stands for another order")
	// ErrFormer is a case whose former attempt is not definite yet.
	ErrFormer = errors.New("the former attempt of this case is not definite")
)

// Order is what a terminal asks for. OutTradeNo is new for every attempt.
type Order struct {
	Case, OutTradeNo string
	AmountFen        int64
	Mode             string // Show or Scan
	AuthCode         string // Scan: the digits of the payer's code
	Expires          time.Time
	Description      string // what the payer's phone shows
	Terminal         string
}

// LogValue keeps the payer's code out of logs.
func (o Order) LogValue() slog.Value {
	return slog.GroupValue(slog.String("out_trade_no", o.OutTradeNo), slog.String("case", o.Case), slog.Int64("amount_fen", o.AmountFen),
		slog.String("mode", o.Mode), slog.String("auth_code", masked(o.AuthCode)), slog.String("terminal", o.Terminal))
}

// String is for people who print an Order; it has no payer's code.
func (o Order) String() string {
	return fmt.Sprintf("order %s, case %s, %d fen, %s, code %s", o.OutTradeNo, o.Case, o.AmountFen, o.Mode, masked(o.AuthCode))
}

// masked keeps the two digits that say whose code it is.
func masked(code string) string {
	if len(code) < 4 {
		return ""
	}
	return code[:2] + "****"
}

// State is how an order stands. Definite: no later answer can change what the terminal has to do.
type State struct {
	OutTradeNo, Case, Terminal string
	State                      string
	CodeURL                    string
	AmountFen, PaidFen         int64
	Reason                     string
	Definite                   bool
}

var (
	// The gateway also takes | and *, which an address would have to escape after it was signed.
	numberForm = regexp.MustCompile(`^[0-9A-Za-z_-]{6,32}$`)
	// Payment codes of WeChat have 18 digits and begin with 10 to 15 (payment code page).
	codeForm = regexp.MustCompile(`^1[0-5][0-9]{16}$`)
)

func (o Order) check() error {
	switch {
	case !numberForm.MatchString(o.OutTradeNo):
		return fmt.Errorf("%w: out_trade_no %q: 6 to 32 of 0-9A-Za-z_-", ErrInvalid, o.OutTradeNo)
	case o.Case == "" || len(o.Case) > 128:
		return fmt.Errorf("%w: case %q: 1 to 128 bytes", ErrInvalid, o.Case)
	case o.AmountFen < 1:
		return fmt.Errorf("%w: amount %d fen: at least 1", ErrInvalid, o.AmountFen)
	case o.Mode != Show && o.Mode != Scan:
		return fmt.Errorf("%w: mode %q: show or scan", ErrInvalid, o.Mode)
	}
	return nil
}

// The answers of the gateway, reduced to what they mean for an order.
const (
	findCode     = "code"     // the code to show
	findPaying   = "paying"   // the payer is asked
	findPaid     = "paid"     // the money is there
	findUnpaid   = "unpaid"   // the order is there, the money is not
	findClosed   = "closed"   // can not be paid any more
	findReversed = "reversed" // taken back
	findRefused  = "refused"  // not taken
	findRefunded = "refunded" // was paid and went back
	findMissing  = "missing"  // no such order at this moment
	findAsk      = "ask"      // something happened that a query tells
	findUnknown  = "unknown"  // no usable answer
)

// finding is one answer about one order.
type finding struct {
	kind          string
	codeURL       string
	transactionID string
	paidFen       int64
	reason        string
}

// row is an order as it is stored.
type row struct {
	State
	mode, description           string
	placed, expires, callUntil  time.Time
	leaving                     bool
	former                      bool // a former life of the hall may know more of it than this one
	transactionID               string
	late, missing, tries, watch int
	next                        time.Time // zero: never
}

const (
	lateNo       = 0
	lateFound    = 1
	lateKept     = 2
	lateReturned = 3
)

// ending says whether the order is to be brought to its end: somebody left, time is up, or the gateway
// does not know a scanned order, which nothing can then pay any more.
func (r *row) ending(now time.Time) bool {
	return r.leaving || !now.Before(r.expires) || r.mode == Scan && r.missing >= 2
}

// leave says that its person has left: it is brought to its end at once, unless that has begun already, and the gateway was asked for it a moment ago.
func (r *row) leave(now time.Time) {
	if !r.ending(now) || r.next.After(now.Add(askEvery)) { // after answers that were of no use the next call may be far off
		r.next = now
	}
	r.leaving = true
}

// gone says whether an order that the gateway does not have can still come to be paid.
func (r *row) gone(now time.Time) bool {
	if !r.ending(now) {
		return false
	}
	if r.PaidFen > 0 {
		return false // it was there
	}
	if r.mode == Show && r.CodeURL == "" {
		return true // nobody ever saw a code to pay
	}
	return r.missing >= goneTimes && !now.Before(r.callUntil.Add(goneAfter))
}

// fold is the only place that says what an answer does to an order.
func (r *row) fold(f finding, now time.Time) {
	if r.Definite {
		r.foldLate(f)
		return
	}
	r.tries = 0
	switch f.kind {
	case findCode:
		r.State.State, r.CodeURL, r.Reason = Placed, f.codeURL, ""
	case findPaying:
		r.State.State, r.Reason, r.missing = Paying, "", 0
	case findUnpaid:
		r.missing = 0
		if r.mode == Show && r.CodeURL != "" {
			r.State.State, r.Reason = Placed, ""
		}
	case findPaid:
		r.end(Paid, "")
		r.PaidFen, r.transactionID = f.paidFen, f.transactionID
	case findRefunded:
		r.end(Refunded, "refunded_at_gateway")
		r.PaidFen, r.transactionID = f.paidFen, f.transactionID
	case findClosed:
		r.end(Closed, f.reason)
	case findReversed:
		r.end(Reversed, f.reason)
	case findRefused:
		r.end(Refused, f.reason)
	case findMissing:
		if r.missing++; r.gone(now) {
			r.end(Closed, "never_arrived")
		}
	case findUnknown:
		r.tries++
		r.Reason = f.reason
	}
}

// foldLate takes in what comes after the end: only a payment that nobody counted changes anything.
func (r *row) foldLate(f finding) {
	switch {
	case f.kind == findUnknown:
		r.tries++
		return
	case f.kind == findPaid && r.ended() && r.late == lateNo:
		r.late, r.PaidFen, r.transactionID = lateFound, f.paidFen, f.transactionID
		r.Reason = "paid_late"
	}
	r.tries = 0
	r.watch++
}

// ended says whether the order came to its end without money.
func (r *row) ended() bool {
	s := r.State.State
	return s == Closed || s == Reversed || s == Refused
}

func (r *row) end(state, reason string) {
	r.State.State, r.Reason, r.Definite = state, reason, true
	r.tries = 0
}

// view is what the terminal is told: an order on its way out is neither to be paid nor decided.
func (r *row) view() State {
	s := r.State
	if r.leaving && !s.Definite {
		s.State, s.CodeURL, s.PaidFen = Unknown, "", 0
	}
	return s
}

// schedule sets when the order is looked at next.
func (r *row) schedule(now time.Time) {
	switch {
	case r.Definite && r.late == lateFound:
		r.next = now
		if r.tries > 0 {
			r.next = now.Add(backoff(r.tries))
		}
	case r.Definite:
		r.next = time.Time{}
		if r.ended() && r.mode != never && r.late == lateNo && r.watch < len(watchAfter) {
			r.next = now.Add(watchAfter[r.watch])
			if r.tries > 0 {
				r.next = now.Add(max(askRarely, backoff(r.tries)))
			}
		}
	default:
		r.next = now.Add(r.pace(now))
		if r.next.After(r.expires) && now.Before(r.expires) {
			r.next = r.expires
		}
		if at := r.callUntil.Add(reverseAfter); r.mode == Scan && now.Before(at) && r.next.After(at) {
			r.next = at
		}
	}
}

func (r *row) pace(now time.Time) time.Duration {
	pace := askEvery
	switch age := now.Sub(r.placed); {
	case age >= askOld:
		pace = askSeldom
	case age >= askYoung:
		pace = askRarely
	}
	return max(pace, backoff(r.tries))
}

// backoff doubles from one second up to its bound.
func backoff(tries int) time.Duration {
	d := time.Second
	for range min(tries, 10) {
		d = min(2*d, backoffMax)
	}
	return d
}
