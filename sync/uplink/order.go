package uplink

import (
	"context"
	"time"

	"yichuang/kiosk/money"
	"yichuang/kiosk/office"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallapi/hallapiconnect"
)

// PlaceOrder makes one attempt to be paid by phone. Asked again after a lost answer, the hall knows the
// number and gives the same order.
func (l *Link) PlaceOrder(ctx context.Context, o office.NewOrder) (office.Order, error) {
	req := &hallapi.PlaceOrderRequest{Case: o.Case, OutTradeNo: o.Attempt, AmountFen: int64(o.Amount), Mode: o.Mode,
		AuthCode: o.AuthCode, ExpiresUnix: o.Expires.Unix(), Description: o.Description}
	a, err := ask(ctx, l, "place order", func(ctx context.Context, hall hallapiconnect.HallClient) (*hallapi.OrderResponse, error) {
		return hall.PlaceOrder(ctx, req)
	}, func(a *hallapi.OrderResponse) bool {
		return orderSense(a) && (a.State != "placed" || o.Mode != "show" || a.CodeUrl != "")
	})
	return l.give(o.Attempt, a, err)
}

// WaitOrder waits until the order stands otherwise than it was told last.
func (l *Link) WaitOrder(ctx context.Context, attempt string) (office.Order, error) {
	l.mu.Lock()
	told, known := l.given[attempt]
	l.mu.Unlock()
	a, err := await(ctx, func(ctx context.Context, wait time.Duration) (*hallapi.OrderResponse, error) {
		return ask(ctx, l, "wait for order", func(ctx context.Context, hall hallapiconnect.HallClient) (*hallapi.OrderResponse, error) {
			return hall.QueryOrder(ctx, &hallapi.QueryOrderRequest{OutTradeNo: attempt, WaitMs: wait.Milliseconds()})
		}, orderSense)
	}, func(a *hallapi.OrderResponse, _ bool) bool {
		return a.Definite || a.State == "none" || !known || order(a) != told
	})
	return l.give(attempt, a, err)
}

// CloseOrder makes the order definite if that can be done in time: closed, reversed, or paid after all.
func (l *Link) CloseOrder(ctx context.Context, attempt string) (office.Order, error) {
	a, err := await(ctx, func(ctx context.Context, wait time.Duration) (*hallapi.OrderResponse, error) {
		return ask(ctx, l, "close order", func(ctx context.Context, hall hallapiconnect.HallClient) (*hallapi.OrderResponse, error) {
			return hall.CloseOrder(ctx, &hallapi.CloseOrderRequest{OutTradeNo: attempt, WaitMs: wait.Milliseconds()})
		}, orderSense)
	}, func(a *hallapi.OrderResponse, _ bool) bool { return a.Definite })
	return l.give(attempt, a, err)
}

// give remembers what is told of an order, so that WaitOrder knows a change that came between two calls.
func (l *Link) give(attempt string, a *hallapi.OrderResponse, err error) (office.Order, error) {
	if err != nil {
		return office.Order{}, err
	}
	o := order(a)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.given) >= givenMax {
		clear(l.given) // forgetting costs one answer that says nothing new
	}
	l.given[attempt] = o
	if o.Definite {
		delete(l.given, attempt)
	}
	return o, nil
}

func order(a *hallapi.OrderResponse) office.Order {
	return office.Order{State: a.State, CodeURL: a.CodeUrl, Paid: money.Fen(a.PaidFen), Reason: a.Reason, Definite: a.Definite}
}

// orderSense refuses an answer that calls what is under way definite, or paid without money.
func orderSense(a *hallapi.OrderResponse) bool {
	switch a.State {
	case "paid":
		return a.PaidFen > 0
	case "placed", "paying", "unknown":
		return a.PaidFen >= 0 && !a.Definite
	}
	return a.PaidFen >= 0 && oneOf(a.State, "closed", "reversed", "refused", "refunded", "none")
}
