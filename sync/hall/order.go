package hall

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"connectrpc.com/connect"

	"yichuang/sync/hallapi"
	"yichuang/sync/hallstore"
	"yichuang/sync/qr"
)

// Gateway is where payments by phone are asked for, and as which merchant.
type Gateway struct {
	URL       string // empty: the gateway's real address
	Merchant  string // file with what the merchant has from the gateway, as JSON
	NotifyURL string // where the gateway tells of payments
}

// merchant is the content of the merchant's file.
type merchant struct {
	AppID         string `json:"appid"`
	MchID         string `json:"mchid"`
	Serial        string `json:"serial"`
	PrivateKeyPEM string `json:"private_key_pem"`
	APIv3Key      string `json:"apiv3_key"`
	PlatformKey   string `json:"platform_public_key_pem"`
	PlatformKeyID string `json:"platform_public_key_id"`
}

// orders are the payments by phone: the order machine, and what the journals say of its orders.
type orders struct {
	*Hall
	machine *qr.Machine // nil: this hall takes no payments by phone
}

func openOrders(h *Hall) (*orders, error) {
	o := &orders{Hall: h}
	if err := qr.Migrate(context.Background(), h.store.DB()); err != nil {
		return nil, err
	}
	g := h.cfg.Gateway
	if g == nil {
		return o, nil
	}
	raw, err := os.ReadFile(g.Merchant)
	if err != nil {
		return nil, fmt.Errorf("gateway: merchant: %w", err)
	}
	var m merchant
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("gateway: merchant %s: %w", g.Merchant, err)
	}
	o.machine, err = qr.New(h.store.DB(), qr.Config{
		BaseURL: g.URL, AppID: m.AppID, MchID: m.MchID, MerchantSerial: m.Serial, PrivateKeyPEM: m.PrivateKeyPEM, APIv3Key: m.APIv3Key,
		PlatformKeyPEM: m.PlatformKey, PlatformKeyID: m.PlatformKeyID, NotifyURL: g.NotifyURL, Transport: h.cfg.Transport,
		OnChange: func(qr.State) { h.announce() }, OnLatePaid: o.late,
	}, h.log)
	return o, err
}

func (o *orders) run(ctx context.Context) {
	if o.machine != nil {
		o.machine.Run(ctx)
	}
}

// late decides about a payment that came after its order had ended. It is kept only when a journal
// counts on it; otherwise the machine gives it back, and the books here say so.
func (o *orders) late(ctx context.Context, s qr.State) (keep bool, err error) {
	err = o.tx(ctx, func(tx *sql.Tx) error {
		var state string
		found, err := row(ctx, tx, `SELECT state FROM attempts WHERE attempt = ?`, []any{s.OutTradeNo}, &state)
		if err != nil || !found || state == "paid" {
			keep = found && state == "paid"
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE attempts SET refund = 'due', refunded = ?, why = 'paid_late', next = 0 WHERE attempt = ? AND refund = ''`, s.PaidFen, s.OutTradeNo)
		return err
	})
	return keep, err
}

// attempt puts an attempt down when it is first heard of, from the terminal itself or from its journal.
func attempt(ctx context.Context, tx *sql.Tx, no, caseID, terminal string, amount int64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO attempts (attempt, case_id, terminal, amount, state) VALUES (?,?,?,?,'begun') ON CONFLICT DO NOTHING`,
		no, caseID, terminal, amount)
	return err
}

var errNoGateway = connect.NewError(connect.CodeFailedPrecondition, errors.New("this hall takes no payments by phone"))

// PlaceOrder makes one attempt. The same number again is the same attempt.
func (s *service) PlaceOrder(ctx context.Context, req *hallapi.PlaceOrderRequest) (*hallapi.OrderResponse, error) {
	terminal, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if s.orders.machine == nil {
		return nil, errNoGateway
	}
	if err := s.tx(ctx, func(tx *sql.Tx) error {
		return attempt(ctx, tx, req.OutTradeNo, req.Case, terminal, req.AmountFen)
	}); err != nil {
		return nil, unavailable(err)
	}
	st, err := s.orders.machine.Place(ctx, qr.Order{Case: req.Case, OutTradeNo: req.OutTradeNo, AmountFen: req.AmountFen, Mode: req.Mode,
		AuthCode: req.AuthCode, Expires: time.Unix(req.ExpiresUnix, 0), Description: req.Description, Terminal: terminal})
	return s.orders.answer(ctx, st, err)
}

// QueryOrder tells how an order stands and waits for a change.
func (s *service) QueryOrder(ctx context.Context, req *hallapi.QueryOrderRequest) (*hallapi.OrderResponse, error) {
	terminal, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if s.orders.machine == nil {
		return &hallapi.OrderResponse{State: qr.None}, nil
	}
	if err := s.orders.known(ctx, terminal, req.OutTradeNo); err != nil {
		return nil, unavailable(err)
	}
	return s.orders.ask(ctx, req.OutTradeNo, wait(req.WaitMs), s.orders.machine.Query)
}

// CloseOrder brings an order to its definite end, which may be that it was paid after all.
func (s *service) CloseOrder(ctx context.Context, req *hallapi.CloseOrderRequest) (*hallapi.OrderResponse, error) {
	terminal, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if s.orders.machine == nil {
		return &hallapi.OrderResponse{State: qr.None, Definite: true}, nil
	}
	if err := s.orders.known(ctx, terminal, req.OutTradeNo); err != nil {
		return nil, unavailable(err)
	}
	return s.orders.ask(ctx, req.OutTradeNo, wait(req.WaitMs), s.orders.machine.Close)
}

// known keeps a restored hall from saying that there is no such order while it may have placed it in the life that is
// lost: the journal of the terminal tells.
func (o *orders) known(ctx context.Context, terminal, no string) error {
	if err := o.store.Tx(ctx, func(tx *sql.Tx) error {
		unsure, err := row(ctx, tx, `SELECT 1 WHERE ?1 IN (`+unheard+`) AND NOT EXISTS (SELECT 1 FROM attempts WHERE attempt = ?2)`, []any{terminal, no}, new(int))
		if err == nil && unsure {
			err = fmt.Errorf("the hall was restored and waits for what %s has", terminal)
		}
		return err
	}); err != nil {
		return err
	}
	return o.adopt(ctx, no)
}

// adopt makes the machine look after an order that a former life of the hall may have placed: the gateway knows.
func (o *orders) adopt(ctx context.Context, no string) error {
	order := qr.Order{OutTradeNo: no}
	lost := false
	if err := o.store.Tx(ctx, func(tx *sql.Tx) (err error) {
		lost, err = row(ctx, tx, `SELECT case_id, terminal, amount, mode FROM attempts WHERE attempt = ? AND lost = 1`, []any{no},
			&order.Case, &order.Terminal, &order.AmountFen, &order.Mode)
		return err
	}); err != nil || !lost {
		return err
	}
	if err := o.machine.Adopt(ctx, order); !errors.Is(err, qr.ErrInvalid) {
		return err
	}
	return nil // one that cannot be was not placed in any life
}

// ask asks the machine, and waits on when the order's money is on its way back: that ends soon.
func (o *orders) ask(ctx context.Context, no string, limit time.Duration, ask func(context.Context, string, time.Duration) (qr.State, error)) (*hallapi.OrderResponse, error) {
	ends := time.Now().Add(limit)
	asking, done := o.whileUp(ctx)
	defer done()
	st, err := ask(asking, no, limit)
	out, err := o.answer(ctx, st, err)
	if err != nil || out.Reason != refunding {
		return out, err
	}
	err = o.await(ctx, time.Until(ends), func() (bool, error) {
		st, err := o.machine.Query(ctx, no, 0)
		out, err = o.answer(ctx, st, err)
		return err != nil || out.Reason != refunding, err
	})
	return out, err
}

// refunding is the reason of an order whose money is on its way back.
const refunding = "refunding"

// answer is an order as a terminal is told. An order whose money goes back is not paid to anybody any
// more: it is not definite until the money is back, and refunded then.
func (o *orders) answer(ctx context.Context, st qr.State, err error) (*hallapi.OrderResponse, error) {
	switch {
	case errors.Is(err, qr.ErrInvalid), errors.Is(err, qr.ErrConflict):
		return nil, connect.NewError(connect.CodeInvalidArgument, err)
	case errors.Is(err, qr.ErrFormer):
		return nil, connect.NewError(connect.CodeFailedPrecondition, err)
	case err != nil:
		return nil, unavailable(err)
	}
	out := &hallapi.OrderResponse{State: st.State, CodeUrl: st.CodeURL, PaidFen: st.PaidFen, Reason: st.Reason, Definite: st.Definite}
	var refund string
	if err := o.store.DB().QueryRowContext(ctx, `SELECT refund FROM attempts WHERE attempt = ?`, st.OutTradeNo).Scan(&refund); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, unavailable(err)
	}
	if st.State == qr.Paid && refund == "" {
		if err := o.told(ctx, st.OutTradeNo); err != nil {
			return nil, unavailable(err)
		}
	}
	switch {
	case refund == "due" && st.State != qr.Refunded:
		out.State, out.Definite, out.Reason = qr.Unknown, false, refunding
	case refund == "done":
		out.State, out.Definite = qr.Refunded, true
	}
	return out, nil
}

// told gives a terminal that has heard of a payment the time to write it down.
func (o *orders) told(ctx context.Context, no string) error {
	return o.store.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE attempts SET next = ? WHERE attempt = ? AND state = 'begun' AND refund = ''`, time.Now().Add(toldGrace).UnixMilli(), no)
		return err
	})
}

func (f *fold) orderBegun() error {
	if err := f.payment(); err != nil {
		return err
	}
	if err := attempt(f.ctx, f.tx, f.e.Header.Attempt, f.e.Case, f.r.Terminal, int64(f.e.Header.Amount)); err != nil {
		return err
	}
	// lost: the order may have been placed in a life that is lost; then the machine has never heard of it.
	return f.exec(`UPDATE attempts SET lost = max(lost, ?), mode = CASE mode WHEN '' THEN ? ELSE mode END WHERE attempt = ?`, f.lost(), f.e.Header.Mode, f.e.Header.Attempt)
}

func (f *fold) orderPaid() error {
	if err := f.orderBegun(); err != nil { // the record of its beginning may be in another epoch
		return err
	}
	return f.change1("another amount than was asked for", `UPDATE attempts SET state = 'paid' WHERE attempt = ? AND amount = ?`, f.e.Header.Attempt, f.e.Header.Amount)
}

// orderClosed is a terminal's word that it does not count on an order. The machine has the last word
// about the money: what was paid all the same goes back.
func (f *fold) orderClosed() error {
	return f.change1("no such attempt", `UPDATE attempts SET state = 'closed', ended = 1, next = 0 WHERE attempt = ?`, f.e.Header.Attempt)
}

// orderRefunded is a terminal's word that what was paid is not used for anything.
func (f *fold) orderRefunded() error {
	return f.change1("no such attempt", `UPDATE attempts SET state = 'refunded', refunded = amount, next = 0,
		refund = CASE refund WHEN '' THEN 'due' ELSE refund END WHERE attempt = ?`, f.e.Header.Attempt)
}

// visitEnded lets go of every order of the visit that its journal does not count on, and of every permit that the
// terminal has not begun with: it asks for a new one in the next visit, and until then another terminal may print.
// The permits are the ended visit's: a terminal hands over what came before when it asks for one.
func (f *fold) visitEnded() error {
	if err := f.exec(`UPDATE permits SET state = 'unused', ended = ? WHERE terminal = ? AND epoch = ? AND state = 'open' AND begun = 0`,
		f.at, f.r.Terminal, f.r.Epoch); err != nil {
		return err
	}
	return f.exec(`UPDATE attempts SET ended = 1, next = max(next, ?3) WHERE state = 'begun' AND terminal = ?1
		AND case_id IN (SELECT case_id FROM cases WHERE visit = ?2 AND terminal = ?1)`, f.r.Terminal, f.e.Header.Visit, time.Now().Add(visitGrace).UnixMilli())
}

// lapse lets go of every order whose terminal has not said anything for long.
func (h *Hall) lapse(ctx context.Context, now time.Time) error {
	_, err := h.store.DB().ExecContext(ctx, `UPDATE attempts SET ended = 1, next = 0 WHERE state = 'begun' AND ended = 0 AND refund = ''
		AND attempt IN (SELECT out_trade_no FROM qr_order WHERE placed_at < ?)`, now.Add(-orphanAfter).UnixMilli())
	return err
}

// pending is an attempt that the hall has to bring to its end.
type pending struct {
	no, caseID, terminal, refund, why string
	refunded                          int64
}

// refund gives back what is due and looks after the orders that nobody counts on, until ctx ends.
func (h *Hall) refund(ctx context.Context) {
	if h.orders.machine == nil {
		return
	}
	for ctx.Err() == nil {
		changed := h.change()
		list, err := h.duePending(ctx, time.Now())
		if err == nil {
			for _, p := range list {
				if err := h.finish(ctx, p); err != nil && ctx.Err() == nil {
					h.log.Warn("ending an order", "out_trade_no", p.no, "case", p.caseID, "cause", err)
				}
			}
		} else if ctx.Err() == nil {
			h.log.Error("looking for orders to end", "cause", err)
		}
		pause := recheck
		if err == nil && len(list) == 0 {
			pause = h.untilDue(ctx, `SELECT min(next) FROM attempts WHERE `+unended, recheck)
		}
		h.pause(ctx, changed, pause)
	}
}

// unended is what makes an attempt one that the hall has to bring to its end, as SQL.
const unended = `(ended = 1 AND refund = '' OR refund = 'due')`

func (h *Hall) duePending(ctx context.Context, now time.Time) (out []pending, err error) {
	if err := h.lapse(ctx, now); err != nil {
		return nil, err
	}
	rows, err := h.store.DB().QueryContext(ctx, `SELECT attempt, case_id, terminal, refund, why, refunded FROM attempts
		WHERE `+unended+` AND next <= ? AND terminal NOT IN (`+unheard+`) ORDER BY next LIMIT 100`, now.UnixMilli())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var p pending
		if err := rows.Scan(&p.no, &p.caseID, &p.terminal, &p.refund, &p.why, &p.refunded); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// finish takes one attempt a step further: asks the machine how the order stands, and does what follows.
func (h *Hall) finish(ctx context.Context, p pending) error {
	ctx, cancel := context.WithTimeout(ctx, orderWait)
	defer cancel()
	err := h.orders.adopt(ctx, p.no)
	var st qr.State
	if err == nil {
		st, err = h.orders.machine.Query(ctx, p.no, 0)
	}
	if err != nil {
		return errors.Join(err, h.lookLater(ctx, p))
	}
	switch {
	case st.State == qr.Refunded:
		return h.refunded(ctx, p, st.PaidFen)
	case st.State == qr.Paid && p.refund == "due":
		r, err := h.orders.machine.Refund(ctx, p.no, p.no+"-r", p.refunded)
		if err == nil && r.Status == qr.RefundSuccess {
			return h.refunded(ctx, p, p.refunded)
		}
		return errors.Join(err, h.lookLater(ctx, p))
	case st.State == qr.Paid:
		return h.unwanted(ctx, p, st.PaidFen)
	case p.refund == "due": // paid late: the machine gives it back by itself
		return h.lookLater(ctx, p)
	case st.State == qr.None, st.Definite:
		return h.tx(ctx, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, `UPDATE attempts SET ended = 2 WHERE attempt = ?`, p.no); err != nil {
				return err
			}
			return hallstore.Tell(ctx, tx, p.terminal, "order", p.caseID, map[string]any{"out_trade_no": p.no, "state": st.State, "amount_fen": 0})
		})
	}
	if _, err := h.orders.machine.Close(ctx, p.no, 0); err != nil {
		return errors.Join(err, h.lookLater(ctx, p))
	}
	return h.lookLater(ctx, p)
}

// unwanted is a paid order of a visit that is over. Unless its journal has come to count on it since,
// it goes back.
func (h *Hall) unwanted(ctx context.Context, p pending, paidFen int64) error {
	return h.tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE attempts SET
			refund = CASE state WHEN 'paid' THEN refund ELSE 'due' END, refunded = CASE state WHEN 'paid' THEN refunded ELSE ? END,
			why = CASE state WHEN 'paid' THEN why ELSE 'unwanted' END, next = 0,
			ended = CASE state WHEN 'paid' THEN 2 ELSE ended END WHERE attempt = ? AND refund = '' AND next <= ?`, paidFen, p.no, time.Now().UnixMilli())
		return err
	})
}

func (h *Hall) refunded(ctx context.Context, p pending, amount int64) error {
	return h.tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE attempts SET refund = 'done', refunded = ?, ended = 2 WHERE attempt = ?`, amount, p.no); err != nil {
			return err
		}
		return tellRefund(ctx, tx, p.terminal, p.caseID, p.no, amount, p.why)
	})
}

func tellRefund(ctx context.Context, tx *sql.Tx, terminal, caseID, no string, amount int64, why string) error {
	return hallstore.Tell(ctx, tx, terminal, "refund", caseID,
		map[string]any{"case": caseID, "out_trade_no": no, "amount_fen": amount, "reason": why})
}

func (h *Hall) lookLater(ctx context.Context, p pending) error {
	return h.store.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE attempts SET next = ? WHERE attempt = ?`, time.Now().Add(orderAgain).UnixMilli(), p.no)
		return err
	})
}
