package qr

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Config is what a merchant has from the gateway, and what the hall wants to hear.
type Config struct {
	BaseURL        string // the gateway's address; empty: the real one
	AppID, MchID   string
	MerchantSerial string // number of the merchant's certificate
	PrivateKeyPEM  string // the merchant's RSA key, PKCS #8
	APIv3Key       string // 32 characters
	PlatformKeyPEM string // the gateway's public key
	PlatformKeyID  string // PUB_KEY_ID_…
	NotifyURL      string // where the gateway tells of payments, served by Machine.Notify
	DeviceIP       string // what payment by code says of the terminal; empty: 127.0.0.1
	StoreID        string // the merchant's word for the place; empty: hall

	// Transport carries the calls; nil: the network.
	Transport http.RoundTripper
	// OnChange hears of every new state after it is on disk. It must not wait. What changed in the
	// instant before a crash is not told again: the hall looks through Ledger when it starts.
	OnChange func(State)
	// OnLatePaid decides about a payment that came after its order had ended: true keeps it as Paid
	// (the hall posts it), false gives it back. Nil gives back. After an error it is asked again; it may
	// be asked twice about one payment and then has to answer the same.
	OnLatePaid func(context.Context, State) (keep bool, err error)
}

// Machine is the order machine. All methods may be called at the same time; Run has to be running for
// orders to come to an end.
type Machine struct {
	db     *sql.DB
	cfg    Config
	client *client
	log    *slog.Logger
	wake   chan struct{}

	mu      sync.Mutex
	busy    map[string]bool            // orders and refunds that a goroutine works on
	changed map[string][]chan struct{} // who waits for which order
}

// New makes the machine over the hall's database, which has been through Migrate.
func New(db *sql.DB, cfg Config, log *slog.Logger) (*Machine, error) {
	c, err := newClient(cfg)
	if err != nil {
		return nil, fmt.Errorf("qr: %w", err)
	}
	return &Machine{db: db, cfg: cfg, client: c, log: log, wake: make(chan struct{}, 1), busy: map[string]bool{}, changed: map[string][]chan struct{}{}}, nil
}

// Place commits the order and then asks the gateway for it, once. It answers with what is known after
// that; Unknown is no error. The same order again answers how it stands. It goes on when ctx ends.
func (m *Machine) Place(ctx context.Context, o Order) (State, error) {
	if err := o.check(); err != nil {
		return State{}, fmt.Errorf("qr: place: %w", err)
	}
	ctx = context.WithoutCancel(ctx)
	if !m.claim(o.OutTradeNo) {
		return m.placedAlready(ctx, o)
	}
	defer m.release(o.OutTradeNo)
	r, old, err := m.begin(ctx, o)
	if err != nil {
		return State{}, fmt.Errorf("qr: place %s: %w", o.OutTradeNo, err)
	}
	if old || r.Definite {
		return r.view(), nil
	}
	m.log.Info("order begun", "order", o)
	limited, cancel := context.WithTimeout(ctx, placeLimit)
	defer cancel()
	var f finding
	if o.Mode == Scan {
		f = m.client.pay(limited, r, o.AuthCode)
	} else {
		f = m.client.native(limited, r)
	}
	r, err = m.update(ctx, o.OutTradeNo, func(r *row, now time.Time) {
		r.callUntil = now
		r.fold(f, now)
		r.schedule(now)
		if r.leaving && !r.Definite {
			r.next = now
		}
	})
	if err != nil {
		return State{}, fmt.Errorf("qr: place %s: %w", o.OutTradeNo, err)
	}
	return r.view(), nil
}

// begin writes the intent. old says that the order was there already.
func (m *Machine) begin(ctx context.Context, o Order) (r *row, old bool, err error) {
	now := time.Now()
	err = within(ctx, m.db, func(tx *sql.Tx) error {
		if r, err = getRow(ctx, tx, o.OutTradeNo); err != nil {
			return err
		}
		if old = r != nil; old {
			return r.is(o)
		}
		var former int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM qr_order WHERE case_id = ? AND definite = 0", o.Case).Scan(&former); err != nil {
			return err
		}
		if former > 0 {
			return ErrFormer
		}
		r = newRow(o, now)
		return putRow(ctx, tx, r)
	})
	return r, old, err
}

// placedAlready answers for a number that is being worked on at this moment.
func (m *Machine) placedAlready(ctx context.Context, o Order) (State, error) {
	r, err := getRow(ctx, m.db, o.OutTradeNo)
	if err == nil && r != nil {
		err = r.is(o)
	}
	if err != nil {
		return State{}, fmt.Errorf("qr: place %s: %w", o.OutTradeNo, err)
	}
	if r == nil {
		return State{OutTradeNo: o.OutTradeNo, Case: o.Case, Terminal: o.Terminal, State: Unknown, AmountFen: o.AmountFen, Reason: "asked"}, nil
	}
	return r.view(), nil
}

// is compares an order that is there with one that is asked for under the same number.
func (r *row) is(o Order) error {
	if r.mode != never && (r.Case != o.Case || r.AmountFen != o.AmountFen || r.mode != o.Mode) {
		return ErrConflict
	}
	return nil
}

func newRow(o Order, now time.Time) *row {
	r := &row{
		State: State{OutTradeNo: o.OutTradeNo, Case: o.Case, Terminal: o.Terminal, State: Unknown, AmountFen: o.AmountFen, Reason: "asked"},
		mode:  o.Mode, description: o.Description, placed: now, expires: now.Add(expiresMax), callUntil: now.Add(placeLimit),
	}
	if r.description == "" {
		r.description = o.Case
	}
	if o.Expires.Unix() > 0 && o.Expires.Before(r.expires) { // no time and second 0 both mean: none given
		r.expires = o.Expires
	}
	switch {
	case !now.Before(r.expires):
		r.end(Refused, "expired")
	case o.Mode == Scan && !codeForm.MatchString(o.AuthCode):
		r.end(Refused, "no_payment_code")
	}
	if !r.Definite {
		r.next = r.callUntil
	}
	return r
}

// Query tells how the order stands. Unless it is definite, it waits up to wait for another answer than
// the present one.
func (m *Machine) Query(ctx context.Context, no string, wait time.Duration) (State, error) {
	first, err := m.state(ctx, no)
	if err != nil || first.Definite || first.State == None {
		return first, err
	}
	return m.await(ctx, no, wait, func(s State) bool { return s.Definite || s != first })
}

// Close brings the order to a definite end, which may be Paid, and waits up to wait for it. What is not
// definite by then goes on by itself. A number without an order is remembered as closed, so that an
// order that is still on its way here is not taken any more.
func (m *Machine) Close(ctx context.Context, no string, wait time.Duration) (State, error) {
	if !numberForm.MatchString(no) {
		return State{}, fmt.Errorf("qr: close %q: %w", no, ErrInvalid)
	}
	now := time.Now()
	err := within(ctx, m.db, func(tx *sql.Tx) error {
		r, err := getRow(ctx, tx, no)
		if err != nil {
			return err
		}
		if r == nil {
			r = &row{State: State{OutTradeNo: no}, mode: never, placed: now, expires: now, callUntil: now}
			r.end(Closed, "never_placed")
			return putRow(ctx, tx, r)
		}
		if r.Definite || r.leaving {
			return nil
		}
		r.leave(now)
		return putRow(ctx, tx, r)
	})
	if err != nil {
		return State{}, fmt.Errorf("qr: close %s: %w", no, err)
	}
	m.kick()
	return m.await(ctx, no, wait, func(s State) bool { return s.Definite })
}

// Adopt looks after an order that was placed by somebody whose memory of it is lost, and brings it to its end: what the
// gateway says of it counts. An order that is here already stays as it is.
func (m *Machine) Adopt(ctx context.Context, o Order) error {
	if o.Mode != Scan {
		o.Mode = Show
	}
	if err := o.check(); err != nil {
		return fmt.Errorf("qr: adopt: %w", err)
	}
	now := time.Now()
	err := within(ctx, m.db, func(tx *sql.Tx) error {
		r, err := getRow(ctx, tx, o.OutTradeNo)
		if err != nil || r != nil {
			return err
		}
		// Not placed anew, though its code be unknown: the gateway might take that for another order.
		r = &row{State: State{OutTradeNo: o.OutTradeNo, Case: o.Case, Terminal: o.Terminal, State: Unknown, AmountFen: o.AmountFen, Reason: "adopted"},
			mode: o.Mode, description: o.Case, placed: now, expires: now, callUntil: now, leaving: true, former: true, next: now}
		return putRow(ctx, tx, r)
	})
	if err != nil {
		return fmt.Errorf("qr: adopt %s: %w", o.OutTradeNo, err)
	}
	m.kick()
	return nil
}

// Doubt makes an order one of which a former life of the hall may know more than this one: that it was paid does not count
// before the gateway has said so again, for it may have been given back since. Whoever asks for it wakes Run.
func Doubt(ctx context.Context, tx *sql.Tx, no string) error {
	r, err := getRow(ctx, tx, no)
	if err != nil || r == nil || r.Definite && r.State.State != Paid {
		return err
	}
	r.former = true
	if r.Definite {
		r.Definite, r.leaving, r.missing, r.tries, r.next = false, true, 0, 0, time.Now()
	}
	return putRow(ctx, tx, r)
}

// await returns the state when it is good or the time is up.
func (m *Machine) await(ctx context.Context, no string, wait time.Duration, good func(State) bool) (State, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		changed := m.watch(no)
		s, err := m.state(ctx, no)
		if err != nil || good(s) {
			m.unwatch(no, changed)
			return s, err
		}
		select {
		case <-changed:
		case <-timer.C:
			m.unwatch(no, changed)
			return s, nil
		case <-ctx.Done():
			m.unwatch(no, changed)
			return s, ctx.Err()
		}
	}
}

func (m *Machine) state(ctx context.Context, no string) (State, error) {
	r, err := getRow(ctx, m.db, no)
	if err != nil {
		return State{}, fmt.Errorf("qr: query %s: %w", no, err)
	}
	if r == nil {
		return State{OutTradeNo: no, State: None}, nil
	}
	return r.view(), nil
}

// errNoOrder is a number without an order where there has to be one.
var errNoOrder = errors.New("no such order")

// update changes one order in a transaction and tells whoever waits for it.
func (m *Machine) update(ctx context.Context, no string, change func(*row, time.Time)) (*row, error) {
	var r *row
	var before State
	err := within(ctx, m.db, func(tx *sql.Tx) error {
		var err error
		if r, err = getRow(ctx, tx, no); err != nil {
			return err
		}
		if r == nil {
			return errNoOrder
		}
		before = r.view()
		change(r, time.Now())
		return putRow(ctx, tx, r)
	})
	if err != nil {
		return nil, err
	}
	if r.view() != before {
		m.tell(r)
	}
	return r, nil
}

// tell lets the world know that an order has changed.
func (m *Machine) tell(r *row) {
	s := r.view()
	m.log.Info("order", "out_trade_no", s.OutTradeNo, "case", s.Case, "state", s.State, "definite", s.Definite, "paid_fen", s.PaidFen, "reason", s.Reason)
	m.mu.Lock()
	for _, c := range m.changed[s.OutTradeNo] {
		close(c)
	}
	delete(m.changed, s.OutTradeNo)
	m.mu.Unlock()
	if m.cfg.OnChange != nil {
		m.cfg.OnChange(s)
	}
}

func (m *Machine) watch(no string) chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := make(chan struct{})
	m.changed[no] = append(m.changed[no], c)
	return c
}

func (m *Machine) unwatch(no string, c chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, one := range m.changed[no] {
		if one == c {
			m.changed[no] = append(m.changed[no][:i], m.changed[no][i+1:]...)
			break
		}
	}
	if len(m.changed[no]) == 0 {
		delete(m.changed, no)
	}
}

// claim takes an order or refund for the caller alone; release gives it back.
func (m *Machine) claim(no string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.busy[no] {
		return false
	}
	m.busy[no] = true
	return true
}

func (m *Machine) release(no string) {
	m.mu.Lock()
	delete(m.busy, no)
	m.mu.Unlock()
	m.kick()
}

// kick lets Run look for work.
func (m *Machine) kick() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}
