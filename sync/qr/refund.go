package qr

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/go-pay/gopay"
	wechat "github.com/go-pay/gopay/wechat/v3"
)

// How a refund stands.
const (
	RefundBegun      = "begun"      // committed here, the gateway has not confirmed it
	RefundProcessing = "processing" // the gateway works on it
	RefundAbnormal   = "abnormal"   // the gateway needs a hand: the payer's card is gone
	RefundSuccess    = "success"    // the money is back
)

// RefundState is one refund of an order.
type RefundState struct {
	OutRefundNo string
	AmountFen   int64
	Status      string
	Reason      string
}

var (
	// ErrUnpaid is a refund of an order that holds no such amount.
	ErrUnpaid = errors.New("the order does not hold this amount")

	refundForm = regexp.MustCompile(`^[0-9A-Za-z_-]{1,60}$`)
)

// Refund commits that amountFen of a paid order goes back and asks the gateway for it; Run goes on until
// it is through. The same refundNo with the same amount is the same refund, of which the gateway is asked no sooner than it is due.
func (m *Machine) Refund(ctx context.Context, no, refundNo string, amountFen int64) (RefundState, error) {
	if !refundForm.MatchString(refundNo) || amountFen < 1 {
		return RefundState{}, fmt.Errorf("qr: refund %q of %s, %d fen: %w", refundNo, no, amountFen, ErrInvalid)
	}
	ctx = context.WithoutCancel(ctx)
	if err := m.beginRefund(ctx, no, refundNo, amountFen); err != nil {
		return RefundState{}, fmt.Errorf("qr: refund %s of %s: %w", refundNo, no, err)
	}
	r, err := getRefund(ctx, m.db, refundNo)
	if err == nil && !r.next.After(time.Now()) && m.claim(refundNo) {
		err = m.stepRefund(ctx, refundNo)
		m.release(refundNo)
		if err == nil {
			r, err = getRefund(ctx, m.db, refundNo)
		}
	}
	if err != nil {
		return RefundState{}, fmt.Errorf("qr: refund %s of %s: %w", refundNo, no, err)
	}
	return r.RefundState, nil
}

func (m *Machine) beginRefund(ctx context.Context, no, refundNo string, amountFen int64) error {
	return within(ctx, m.db, func(tx *sql.Tx) error {
		old, err := getRefund(ctx, tx, refundNo)
		if err != nil {
			return err
		}
		if old != nil {
			if old.outTradeNo != no || old.AmountFen != amountFen {
				return ErrConflict
			}
			return nil
		}
		o, err := getRow(ctx, tx, no)
		if err != nil {
			return err
		}
		_, begun, err := refundedFen(ctx, tx, no)
		if err != nil {
			return err
		}
		if o == nil || o.State.State != Paid || begun+amountFen > o.PaidFen {
			return ErrUnpaid
		}
		now := time.Now()
		return putRefund(ctx, tx, &refundRow{
			RefundState: RefundState{OutRefundNo: refundNo, AmountFen: amountFen, Status: RefundBegun}, outTradeNo: no, wire: 1, begun: now, next: now,
		})
	})
}

// wireNo is the number that the gateway knows the refund by. A refund that it closed is over for it, and
// the next try needs a new number.
func (r *refundRow) wireNo() string {
	if r.wire == 1 {
		return r.OutRefundNo
	}
	return r.OutRefundNo + "-" + strconv.Itoa(r.wire)
}

// stepRefund asks for one refund, or about it, once. The caller has claimed it.
func (m *Machine) stepRefund(ctx context.Context, refundNo string) error {
	r, err := getRefund(ctx, m.db, refundNo)
	if err != nil || r == nil || r.Status == RefundSuccess {
		return err
	}
	o, err := getRow(ctx, m.db, r.outTradeNo)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, askLimit)
	status, reason := m.client.refund(limited, o, r)
	cancel()
	r.fold(status, reason, time.Now())
	var after *row
	err = within(ctx, m.db, func(tx *sql.Tx) error {
		if err := putRefund(ctx, tx, r); err != nil || r.Status != RefundSuccess {
			return err
		}
		done, _, err := refundedFen(ctx, tx, r.outTradeNo)
		if err != nil {
			return err
		}
		o, err := getRow(ctx, tx, r.outTradeNo)
		if err != nil || done < o.PaidFen {
			return err
		}
		o.State.State, o.next = Refunded, time.Time{}
		after = o
		return putRow(ctx, tx, o)
	})
	if err == nil && after != nil {
		m.tell(after)
	}
	return err
}

// fold takes one answer in.
func (r *refundRow) fold(status, reason string, now time.Time) {
	r.tries++
	r.Reason = reason
	pause := backoff(r.tries)
	switch status {
	case "SUCCESS":
		r.Status, r.next = RefundSuccess, time.Time{}
		return
	case "PROCESSING":
		r.Status, r.tries, pause = RefundProcessing, 0, refundEvery
		if now.Sub(r.begun) > askYoung {
			pause = askRarely
		}
	case "ABNORMAL":
		r.Status, r.Reason, pause = RefundAbnormal, "needs_a_hand", refundStuck
	case "CLOSED":
		r.Status, r.Reason = RefundBegun, "closed_at_gateway"
		r.wire++
	case "missing":
		r.Status = RefundBegun
	}
	r.next = now.Add(pause)
}

// refund asks about a refund that the gateway has, or for one that it may not have. Asking for it again
// under the same number is safe. The status is the gateway's; "missing" or "" when there is none.
func (c *client) refund(ctx context.Context, o *row, r *refundRow) (status, reason string) {
	if r.Status != RefundBegun {
		answer, err := c.api.V3RefundQuery(ctx, r.wireNo(), nil)
		switch {
		case err != nil:
			return "", failed(err, false).reason
		case answer.Code != wechat.Success:
			return unrefunded(answer.Code, answer.ErrResponse.Code)
		}
		q := answer.Response
		if q.Amount == nil {
			return "", "gateway_garbled"
		}
		return r.compare(q.OutTradeNo, q.OutRefundNo, q.Amount.Refund, q.Status)
	}
	body := gopay.BodyMap{}
	body.Set("out_trade_no", o.OutTradeNo).Set("out_refund_no", r.wireNo()).Set("reason", "退款")
	body.SetBodyMap("amount", func(b gopay.BodyMap) {
		b.Set("refund", r.AmountFen).Set("total", o.AmountFen).Set("currency", "CNY")
	})
	answer, err := c.api.V3Refund(ctx, body)
	switch {
	case err != nil:
		return "", failed(err, false).reason
	case answer.Code != wechat.Success:
		return "", classify(false, answer.Code, answer.ErrResponse.Code).reason
	}
	q := answer.Response
	if q.Amount == nil {
		return "", "gateway_garbled"
	}
	return r.compare(q.OutTradeNo, q.OutRefundNo, q.Amount.Refund, q.Status)
}

// unrefunded tells a refund that the gateway does not have from an answer that says nothing.
func unrefunded(status int, code string) (string, string) {
	f := classify(false, status, code)
	if f.kind == findMissing {
		return "missing", "gateway_has_none"
	}
	return "", f.reason
}

// compare lets an answer count only when it is about this refund.
func (r *refundRow) compare(outTradeNo, outRefundNo string, refundFen int, status string) (string, string) {
	if outTradeNo != r.outTradeNo || outRefundNo != r.wireNo() || int64(refundFen) != r.AmountFen {
		return "", "answer_differs"
	}
	return status, ""
}

// Row is one order with all that became of its money.
type Row struct {
	State
	Mode    string
	Placed  time.Time
	Refunds []RefundState
}

// Ledger lists every order, the oldest first.
func (m *Machine) Ledger(ctx context.Context) ([]Row, error) {
	rows, err := m.db.QueryContext(ctx, "SELECT "+rowColumns+" FROM qr_order WHERE mode <> ? ORDER BY placed_at, out_trade_no", never)
	orders, err := collect(rows, err, scanRow)
	if err != nil {
		return nil, fmt.Errorf("qr: ledger: %w", err)
	}
	rows, err = m.db.QueryContext(ctx, "SELECT "+refundColumns+" FROM qr_refund ORDER BY begun_at, out_refund_no")
	refunds, err := collect(rows, err, scanRefund)
	if err != nil {
		return nil, fmt.Errorf("qr: ledger: %w", err)
	}
	of := map[string][]RefundState{}
	for _, r := range refunds {
		of[r.outTradeNo] = append(of[r.outTradeNo], r.RefundState)
	}
	list := make([]Row, 0, len(orders))
	for _, o := range orders {
		list = append(list, Row{State: o.view(), Mode: o.mode, Placed: o.placed, Refunds: of[o.OutTradeNo]})
	}
	return list, nil
}
