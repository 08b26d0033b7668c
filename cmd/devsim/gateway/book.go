package gateway

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// The states of an order, as the query page names them.
const (
	stateSuccess    = "SUCCESS"
	stateRefund     = "REFUND"
	stateNotPay     = "NOTPAY"
	stateClosed     = "CLOSED"
	stateRevoked    = "REVOKED"
	stateUserPaying = "USERPAYING"
	statePayError   = "PAYERROR"
)

// order is one order of the merchant with everything that happened to it.
type order struct {
	OutTradeNo    string         `json:"out_trade_no"`
	TransactionID string         `json:"transaction_id"`
	Code          bool           `json:"code"` // paid by the payer's code; else the payer scans code_url
	Attach        string         `json:"attach"`
	Description   string         `json:"description"`
	CodeURL       string         `json:"code_url"`
	AmountFen     int64          `json:"amount_fen"`
	State         string         `json:"state"`
	PaidFen       int64          `json:"paid_fen"`
	Created       time.Time      `json:"created"`
	Expires       time.Time      `json:"expires"`
	Paid          time.Time      `json:"paid"`
	Pending       *pending       `json:"pending,omitempty"`
	Calls         map[string]int `json:"calls"`
	Log           []entry        `json:"log"`
	Refunds       []*refund      `json:"refunds"`
	NotifyURL     string         `json:"notify_url"`
	NotifyTries   int            `json:"notify_tries"`
	NotifyNext    time.Time      `json:"notify_next"` // zero: nothing to tell
	NotifyID      string         `json:"notify_id"`
	Misbilled     int64          `json:"misbilled_fen,omitempty"` // what the day's bill tells too much, by a hand at the desk
}

// pending is what the payer will do and when. Whatever ends an order takes it away; only the fault
// paid_after_close leaves one behind.
type pending struct {
	At time.Time `json:"at"`
	To string    `json:"to"`
}

type entry struct {
	Time   time.Time `json:"time"`
	Call   string    `json:"call"`
	Answer string    `json:"answer"`
}

type refund struct {
	OutRefundNo string    `json:"out_refund_no"`
	RefundID    string    `json:"refund_id"`
	AmountFen   int64     `json:"amount_fen"`
	Status      string    `json:"status"`
	Created     time.Time `json:"created"`
	Done        time.Time `json:"done"`
}

// code is a payment code that a phone shows.
type code struct {
	AuthCode string        `json:"auth_code"`
	Outcome  string        `json:"outcome"`
	After    time.Duration `json:"after"`
	Until    time.Time     `json:"until"`
	UsedBy   string        `json:"used_by"`
}

// settle brings an order to the present: what the payer was going to do, what runs out.
func (o *order) settle(now time.Time) {
	if p := o.Pending; p != nil && !now.Before(p.At) {
		o.Pending = nil
		o.become(p.To, p.At)
	}
	if !o.Code && o.State == stateNotPay && o.Pending == nil && !now.Before(o.Expires) {
		o.State = stateClosed
	}
	for _, r := range o.Refunds {
		if r.Status == "PROCESSING" && !now.Before(r.Done) {
			r.Status = "SUCCESS"
		}
	}
}

func (o *order) become(state string, at time.Time) {
	o.State = state
	if state != stateSuccess {
		return
	}
	o.PaidFen = o.AmountFen
	o.Paid = at
	o.TransactionID = "42000" + at.Format("20060102") + randomDigits(15)
	if o.NotifyURL != "" {
		o.NotifyNext, o.NotifyID = at, randomHex(32)
	}
}

func (o *order) refundedFen() int64 {
	var sum int64
	for _, r := range o.Refunds {
		if r.Status != refundClosed {
			sum += r.AmountFen
		}
	}
	return sum
}

// book is everything the gateway remembers: a file of JSON lines, each the newest state of one thing.
// A line is written before the answer that it stands behind; a line cut by a kill is the last one and
// its call was never answered.
type book struct {
	file   *os.File
	orders map[string]*order
	codes  map[string]*code
	faults map[string]int
}

type line struct {
	Order  *order         `json:"order,omitempty"`
	Code   *code          `json:"code,omitempty"`
	Faults map[string]int `json:"faults,omitempty"`
}

// openBook reads the file, writes it anew without what is outdated, and goes on from there.
func openBook(dir string) (*book, error) {
	b := &book{orders: map[string]*order{}, codes: map[string]*code{}, faults: map[string]int{}}
	path := filepath.Join(dir, "gateway.jsonl")
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := b.replay(old); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if b.file, err = os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600); err != nil {
		return nil, err
	}
	if err := b.writeAll(); err != nil {
		return nil, errors.Join(err, b.file.Close())
	}
	return b, os.Rename(path+".new", path)
}

func (b *book) replay(content []byte) error {
	s := bufio.NewScanner(bytes.NewReader(content))
	s.Buffer(nil, len(content)+1)
	whole := bytes.Count(content, []byte("\n"))
	for n := 1; s.Scan(); n++ {
		var l line
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			if n > whole {
				return nil // the line that a kill cut
			}
			return fmt.Errorf("line %d: %w", n, err)
		}
		b.take(l)
	}
	return s.Err()
}

func (b *book) take(l line) {
	if l.Order != nil {
		b.orders[l.Order.OutTradeNo] = l.Order
	}
	if l.Code != nil {
		b.codes[l.Code.AuthCode] = l.Code
	}
	if l.Faults != nil {
		b.faults = l.Faults
	}
}

func (b *book) writeAll() error {
	for _, no := range slices.Sorted(maps.Keys(b.orders)) {
		if err := b.write(line{Order: b.orders[no]}); err != nil {
			return err
		}
	}
	for _, c := range slices.Sorted(maps.Keys(b.codes)) {
		if err := b.write(line{Code: b.codes[c]}); err != nil {
			return err
		}
	}
	return b.write(line{Faults: b.faults})
}

func (b *book) write(l line) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	_, err = b.file.Write(append(text, '\n'))
	return err
}
