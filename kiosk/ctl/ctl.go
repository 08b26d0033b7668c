// Package ctl is the contract with the technician: the documents that kioskctl prints, served over
// ctl.sock, and the client that asks for them.
//
// Reading is always possible, also while the store is broken; an act that is refused in this state is
// answered with a sentence and status 409.
package ctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/invariant"
	"yichuang/kiosk/money"
)

// Status is `kioskctl status`.
type Status struct {
	Version  string    `json:"version"`
	Commit   string    `json:"commit"`
	Terminal string    `json:"terminal"`
	Epoch    string    `json:"epoch"`
	Visit    *Visit    `json:"visit"`
	Page     string    `json:"page"`
	Services []Service `json:"services"`
	Devices  []Device  `json:"devices"`
	Queue    Queue     `json:"queue"`
	Hall     string    `json:"hall"` // up, down
	Journal  string    `json:"journal"`
	Uplink   string    `json:"uplink,omitempty"` // why the hall is down, for staff
}

// Visit is the person at the screen now.
type Visit struct {
	Step string `json:"step"`
	Case string `json:"case"`
}

// Service is one service, or one way to pay, and what to do when it is closed. A service that nobody pays for has no
// ways, which is an empty list; only a way, which has none of its own, is written without.
type Service struct {
	Code string    `json:"code"`
	Open bool      `json:"open"`
	Why  string    `json:"why"`
	Todo string    `json:"todo"`
	Ways []Service `json:"ways,omitzero"`
}

// Device is one device.
type Device struct {
	Class    string `json:"class"`
	Protocol string `json:"protocol"`
	Address  string `json:"address"`
	State    string `json:"state"`
	Fault    string `json:"fault"`
	Serial   string `json:"serial,omitempty"` // what the device says its number is
	SAM      string `json:"sam,omitempty"`    // idcard: the security module's number, as it is printed
	Photo    string `json:"photo,omitempty"`  // idcard: how the last photo went, where a library is installed
}

// Queue is the journal past the cursor.
type Queue struct {
	Records int64  `json:"records"`
	Cursor  int64  `json:"cursor"`
	Head    int64  `json:"head"`
	Oldest  string `json:"oldest"`
}

// Ledger is `kioskctl ledger`.
type Ledger struct {
	Notes struct {
		Stacked  money.Counts `json:"stacked"`
		Returned money.Counts `json:"returned"`
		Doubtful money.Counts `json:"doubtful"`
	} `json:"notes"`
	In struct {
		Stacked money.Fen `json:"stacked"` // doubtful notes too: they stand in placed_fen.doubtful
		QRPaid  money.Fen `json:"qr_paid"`
	} `json:"in_fen"`
	Coins     money.Counts    `json:"coins"`
	Stock     casefile.Stock  `json:"stock"`
	Placed    casefile.Places `json:"placed_fen"`
	Blanks    casefile.Blanks `json:"blanks"`
	Licenses  []License       `json:"licenses"`
	OpenBegun int             `json:"open_begun"`
	Journal   struct {
		Head  int64  `json:"head"`
		Hash  string `json:"hash"`
		Chain string `json:"chain"`
	} `json:"journal"`
}

// License is what of one license is out.
type License struct {
	Case          string   `json:"case"`
	Number        string   `json:"number"`
	LiveOriginals int      `json:"live_originals"`
	Serials       []string `json:"serials"`
}

// Audit is `kioskctl audit`.
type Audit struct {
	Violations int         `json:"violations"`
	Invariants []Invariant `json:"invariants"`
}

// Invariant is one promise and whether it holds.
type Invariant struct {
	ID      string `json:"id"`
	Holds   bool   `json:"holds"`
	Checked int64  `json:"checked"`
	Note    string `json:"note"`
}

// AuditOf is the document of what was checked.
func AuditOf(results []invariant.Result) Audit {
	out := Audit{Invariants: []Invariant{}}
	for _, r := range results {
		out.Invariants = append(out.Invariants, Invariant{ID: r.ID, Holds: r.Broken == 0, Checked: r.Checked, Note: r.Note})
		if r.Broken > 0 {
			out.Violations++
		}
	}
	return out
}

// Doubt is one row of `kioskctl doubtful`.
type Doubt struct {
	ID     string    `json:"id"`
	Case   string    `json:"case"`
	What   string    `json:"what"`
	Amount money.Fen `json:"amount_fen"`
	Since  string    `json:"since"`
	Asked  string    `json:"asked"`
	Owed   string    `json:"owed,omitempty"`  // what names it at the hall and at other terminals
	Where  string    `json:"where,omitempty"` // the terminal whose doubt it is, when not this one
}

// Owed is one row of `kioskctl owed`.
type Owed struct {
	ID     string    `json:"id"`
	Case   string    `json:"case"`
	Amount money.Fen `json:"amount_fen"`
	Since  string    `json:"since"`
	State  string    `json:"state"`
	Days   int       `json:"days"`            // that it has been open
	Aged   bool      `json:"aged"`            // open for so long that staff look for its person
	Where  string    `json:"where,omitempty"` // paid: the other terminal, or @hall
}

// Exchange is `kioskctl cashbox exchange`.
type Exchange struct {
	Box        string       `json:"box"`
	Expected   money.Counts `json:"expected"`
	Counted    money.Counts `json:"counted"`
	Difference []Difference `json:"difference"`
}

// Difference is one face that is too many (positive) or too few, and the events that put its notes in.
type Difference struct {
	Face   money.Fen `json:"face_fen"`
	Count  int64     `json:"count"`
	Events []int64   `json:"events"`
}

// Day is a day of Beijing's: 2026-11-20.
type Day struct {
	Day string `json:"day"`
}

// Reconciled is `kioskctl reconcile`.
type Reconciled struct {
	Day         string    `json:"day"`
	Cases       int       `json:"cases"`  // with money of that day
	Orders      int       `json:"orders"` // paid by phone on that day
	Differences []Between `json:"differences"`
	Missing     []Missing `json:"missing"`
}

// Holds says whether all sides were asked and agree.
func (r Reconciled) Holds() bool { return len(r.Differences) == 0 && len(r.Missing) == 0 }

// Between is an amount that two sides do not agree about, above zero when the first has more, and the events that it comes from.
type Between struct {
	Between   []string  `json:"between"` // box, journal, hall, biller, gateway
	What      string    `json:"what"`    // counted, cash, doubtful, placed, owed, open, booked, kept, paid, back
	Amount    money.Fen `json:"amount_fen"`
	Events    []int64   `json:"events"`
	Reference string    `json:"reference"` // a case, an order, a box
}

// Closing is `kioskctl closing`.
type Closing struct {
	Number  int64           `json:"number"`
	From    string          `json:"from"` // of the closing before; "" for the first one
	At      string          `json:"at"`
	Box     string          `json:"box"`
	Notes   money.Counts    `json:"notes"`
	Coins   money.Counts    `json:"coins"`
	Phone   money.Fen       `json:"phone_fen"`
	Taken   money.Fen       `json:"taken_fen"` // notes, coins and phone since the closing before
	Total   money.Fen       `json:"total_fen"` // since the journal began
	Moved   casefile.Places `json:"moved_fen"`
	Stand   casefile.Places `json:"stands_fen"`
	Printed bool            `json:"printed"`
	Again   bool            `json:"again"` // nothing was done: this day is closed, and no money has moved since
	Why     string          `json:"why"`   // what hinders the paper; the closing stands all the same
}

// Missing is a side that could not be asked, and why.
type Missing struct {
	Side string `json:"side"`
	Why  string `json:"why"`
}

// Settle, Pay, Load, Void and Count are what the acts take.
type Settle struct {
	ID     string `json:"id"`
	As     string `json:"as"`
	Face   string `json:"face,omitempty"` // of a note that nobody saw: what the count of the box showed, in yuan
	Reason string `json:"reason"`
}

// Pay redeems a claim code.
type Pay struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

// Void takes the next numbered blank of a tray out of use.
type Void struct {
	Tray   string `json:"tray"`
	Serial string `json:"serial"`
	Reason string `json:"reason"`
}

// Load puts numbered blanks into a tray.
type Load struct {
	Tray  string `json:"tray"`
	First string `json:"first"`
	Count int64  `json:"count"`
}

// Pieces is what is put into the payer: "1.00x50,0.50x20".
type Pieces struct {
	Pieces string `json:"pieces"`
}

// Count is the box, counted by hand.
type Count struct {
	Counted string `json:"counted"`
}

// Found is what answers on a line or a USB plug, and what would stand for it in kiosk.toml; class "" when nothing that is known
// does. Hint says why it does not, and what to do.
type Found struct {
	Class    string `json:"class"`
	Protocol string `json:"protocol"`
	Address  string `json:"address"`
	Line     string `json:"line"`
	Hint     string `json:"hint,omitempty"`
}

// Desk does what is asked over the socket.
type Desk interface {
	Status(ctx context.Context) (Status, error)
	Ledger(ctx context.Context) (Ledger, error)
	Audit(ctx context.Context) (Audit, error)
	Doubtful(ctx context.Context) ([]Doubt, error)
	SettleDoubt(ctx context.Context, s Settle) (Doubt, error)
	Owed(ctx context.Context) ([]Owed, error)
	PayOwed(ctx context.Context, p Pay) (Owed, error)
	LoadBlanks(ctx context.Context, l Load) (casefile.Blanks, error)
	VoidBlank(ctx context.Context, v Void) (casefile.Blanks, error)
	ExchangeBox(ctx context.Context, c Count) (Exchange, error)
	ExchangeCoins(ctx context.Context, c Count) (Exchange, error)
	LoadStock(ctx context.Context, l Pieces) (casefile.Stock, error)
	CountStock(ctx context.Context, c Count) (Exchange, error)
	Probe(ctx context.Context) ([]Found, error)
	Reconcile(ctx context.Context, d Day) (Reconciled, error)
	CloseDay(ctx context.Context, _ struct{}) (Closing, error)
	ExportLog(ctx context.Context, w io.Writer) error
}

// Refused is an act that cannot be done in this state, in a sentence for staff.
type Refused struct{ Text string }

func (r *Refused) Error() string { return r.Text }

// ErrAway says that kioskd does not answer.
var ErrAway = errors.New("kioskd does not answer on its socket")

// Handler serves a desk.
func Handler(d Desk) http.Handler {
	mux := http.NewServeMux()
	read(mux, "status", d.Status)
	read(mux, "ledger", d.Ledger)
	read(mux, "audit", d.Audit)
	read(mux, "doubtful", d.Doubtful)
	read(mux, "owed", d.Owed)
	read(mux, "devices/probe", d.Probe)
	act(mux, "doubtful/settle", d.SettleDoubt)
	act(mux, "owed/pay", d.PayOwed)
	act(mux, "blanks/load", d.LoadBlanks)
	act(mux, "blanks/void", d.VoidBlank)
	act(mux, "cashbox/exchange", d.ExchangeBox)
	act(mux, "coinbox/exchange", d.ExchangeCoins)
	act(mux, "stock/load", d.LoadStock)
	act(mux, "stock/count", d.CountStock)
	act(mux, "reconcile", d.Reconcile)
	act(mux, "closing", d.CloseDay)
	mux.HandleFunc("GET /v1/log", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Whole")
		if d.ExportLog(r.Context(), w) == nil {
			w.Header().Set("X-Whole", "yes")
		}
	})
	return mux
}

func read[T any](mux *http.ServeMux, name string, fn func(context.Context) (T, error)) {
	mux.HandleFunc("GET /v1/"+name, func(w http.ResponseWriter, r *http.Request) {
		doc, err := fn(r.Context())
		answer(w, doc, err)
	})
}

func act[A, T any](mux *http.ServeMux, name string, fn func(context.Context, A) (T, error)) {
	mux.HandleFunc("POST /v1/"+name, func(w http.ResponseWriter, r *http.Request) {
		var arg A
		dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&arg); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		doc, err := fn(r.Context(), arg)
		answer(w, doc, err)
	})
}

func answer(w http.ResponseWriter, doc any, err error) {
	var refused *Refused
	switch {
	case errors.As(err, &refused):
		http.Error(w, refused.Text, http.StatusConflict)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		json.NewEncoder(w).Encode(doc) // a broken line is the caller's to notice
	}
}

// Client is kioskctl's end of ctl.sock.
type Client struct{ http *http.Client }

// NewClient speaks to the socket at path.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	return &Client{http: &http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// Get asks for a document: status, ledger, audit, doubtful, owed.
func (c *Client) Get(ctx context.Context, name string, into any) error {
	return c.do(ctx, "GET", name, nil, into)
}

// Post does an act.
func (c *Client) Post(ctx context.Context, name string, arg io.Reader, into any) error {
	return c.do(ctx, "POST", name, arg, into)
}

func (c *Client) do(ctx context.Context, method, name string, body io.Reader, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://kioskd/v1/"+name, body)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096)) // the status alone says that it failed
		if resp.StatusCode == http.StatusConflict {
			return &Refused{Text: string(trim(text))}
		}
		return fmt.Errorf("kioskd: %s", trim(text))
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("%w: its answer broke off: %w", ErrAway, err)
	}
	return nil
}

func trim(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == ' ') {
		b = b[:len(b)-1]
	}
	return b
}

// Log copies the journal's headers to w; an export that broke off is an error.
func (c *Client) Log(ctx context.Context, w io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, "GET", "http://kioskd/v1/log", nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("%w: the export broke off: %w", ErrAway, err)
	}
	if resp.Trailer.Get("X-Whole") != "yes" {
		return errors.New("kioskd: the export broke off")
	}
	return nil
}
