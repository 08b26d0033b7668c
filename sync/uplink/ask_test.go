package uplink

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/office"
	"yichuang/sync/hallapi"
)

// answers of the scripted hall to questions; answer is what a test set for the route.
func scriptedAnswer[Answer any](ctx context.Context, h *scripted, route string, req any, waitMS int64) (*Answer, error) {
	if err := h.begin(ctx, route, req); err != nil {
		return nil, err
	}
	h.mu.Lock()
	wait := h.waits[route]
	h.mu.Unlock()
	if wait != nil {
		h.hold(ctx, waitMS, wait)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	a, ok := any(h.answers[route]).(*Answer)
	if !ok {
		return new(Answer), nil
	}
	return proto.Clone(any(a).(proto.Message)).(any).(*Answer), nil
}

func (h *scripted) Bill(ctx context.Context, r *hallapi.BillRequest) (*hallapi.BillResponse, error) {
	return scriptedAnswer[hallapi.BillResponse](ctx, h, "Bill", r, 0)
}
func (h *scripted) Posting(ctx context.Context, r *hallapi.PostingRequest) (*hallapi.PostingResponse, error) {
	return scriptedAnswer[hallapi.PostingResponse](ctx, h, "Posting", r, r.WaitMs)
}
func (h *scripted) PlaceOrder(ctx context.Context, r *hallapi.PlaceOrderRequest) (*hallapi.OrderResponse, error) {
	return scriptedAnswer[hallapi.OrderResponse](ctx, h, "PlaceOrder", r, 0)
}
func (h *scripted) QueryOrder(ctx context.Context, r *hallapi.QueryOrderRequest) (*hallapi.OrderResponse, error) {
	return scriptedAnswer[hallapi.OrderResponse](ctx, h, "QueryOrder", r, r.WaitMs)
}
func (h *scripted) CloseOrder(ctx context.Context, r *hallapi.CloseOrderRequest) (*hallapi.OrderResponse, error) {
	return scriptedAnswer[hallapi.OrderResponse](ctx, h, "CloseOrder", r, r.WaitMs)
}
func (h *scripted) Cases(ctx context.Context, r *hallapi.CasesRequest) (*hallapi.CasesResponse, error) {
	return scriptedAnswer[hallapi.CasesResponse](ctx, h, "Cases", r, 0)
}
func (h *scripted) Decision(ctx context.Context, r *hallapi.DecisionRequest) (*hallapi.DecisionResponse, error) {
	return scriptedAnswer[hallapi.DecisionResponse](ctx, h, "Decision", r, r.WaitMs)
}
func (h *scripted) Permit(ctx context.Context, r *hallapi.PermitRequest) (*hallapi.PermitResponse, error) {
	return scriptedAnswer[hallapi.PermitResponse](ctx, h, "Permit", r, 0)
}
func (h *scripted) Claim(ctx context.Context, r *hallapi.ClaimRequest) (*hallapi.ClaimResponse, error) {
	return scriptedAnswer[hallapi.ClaimResponse](ctx, h, "Claim", r, 0)
}
func (h *scripted) Find(ctx context.Context, r *hallapi.FindRequest) (*hallapi.FindResponse, error) {
	return scriptedAnswer[hallapi.FindResponse](ctx, h, "Find", r, 0)
}
func (h *scripted) Reconcile(ctx context.Context, r *hallapi.ReconcileRequest) (*hallapi.ReconcileResponse, error) {
	return scriptedAnswer[hallapi.ReconcileResponse](ctx, h, "Reconcile", r, 0)
}

// What is secret in the questions below, and must be in no log and no error.
var secrets = []string{"330106194910010022", "欧阳样张", "134567890123456789", "KM7Q-2F9X", "6543210987"}

// question is one question with its good answer.
type question struct {
	route   string
	ask     func(ctx context.Context, l *Link) (any, error)
	request any
	answer  proto.Message
	want    any
	garbled []proto.Message // answers that make no sense
}

var expires = time.Unix(1_700_000_000, 0)

var questions = []question{
	{"Bill", func(ctx context.Context, l *Link) (any, error) {
		return l.Bill(ctx, "pay.water", "6543210987", "code", "c1")
	},
		&hallapi.BillRequest{Service: "pay.water", Account: "6543210987", BillCode: "code", Case: "c1"},
		&hallapi.BillResponse{Status: "ok", Account: "6543210987", MaskedName: "欧**", MaskedAddress: "a***", BalanceFen: 7, Surplus: "balance", Part: true, Biller: "water",
			Bills: []*hallapi.BillPeriod{{Period: "2026-10", DueFen: 500, PaidFen: 120}, {Period: "2026-11", DueFen: 80, PaidFen: 80}}},
		office.Bill{Status: "ok", Account: "6543210987", Name: "欧**", Address: "a***", Balance: 7, Surplus: "balance", Part: true, Biller: "water",
			Periods: []office.Period{{Period: "2026-10", Due: 380}, {Period: "2026-11", Due: 0}}},
		[]proto.Message{&hallapi.BillResponse{}, &hallapi.BillResponse{Status: "fine", Account: "1", Surplus: "owed"}, &hallapi.BillResponse{Status: "ok", Surplus: "owed"},
			&hallapi.BillResponse{Status: "ok", Account: "1", Surplus: "kept"},
			&hallapi.BillResponse{Status: "ok", Account: "1", Surplus: "owed", Bills: []*hallapi.BillPeriod{{DueFen: 5, PaidFen: 6}}},
			&hallapi.BillResponse{Status: "ok", Account: "1", Surplus: "owed", Bills: []*hallapi.BillPeriod{{DueFen: 5, PaidFen: -1}}}}},
	{"Posting", func(ctx context.Context, l *Link) (any, error) { return l.Posting(ctx, "c1") },
		&hallapi.PostingRequest{Case: "c1"}, &hallapi.PostingResponse{State: "part", PostedFen: 300, Reason: "r"},
		office.Posting{State: "part", Posted: 300, Reason: "r"},
		[]proto.Message{&hallapi.PostingResponse{}, &hallapi.PostingResponse{State: "lost"}, &hallapi.PostingResponse{State: "posted", PostedFen: -1}}},
	{"PlaceOrder", func(ctx context.Context, l *Link) (any, error) {
		return l.PlaceOrder(ctx, office.NewOrder{Case: "c1", Attempt: "o1", Mode: "show", AuthCode: "134567890123456789", Description: "d", Amount: 500, Expires: expires})
	},
		&hallapi.PlaceOrderRequest{Case: "c1", OutTradeNo: "o1", AmountFen: 500, Mode: "show", AuthCode: "134567890123456789", ExpiresUnix: 1_700_000_000, Description: "d"},
		&hallapi.OrderResponse{State: "placed", CodeUrl: "weixin://x", Reason: "r"}, office.Order{State: "placed", CodeURL: "weixin://x", Reason: "r"},
		[]proto.Message{&hallapi.OrderResponse{}, &hallapi.OrderResponse{State: "placed"}, &hallapi.OrderResponse{State: "paid", Definite: true},
			&hallapi.OrderResponse{State: "placed", CodeUrl: "x", Definite: true}, &hallapi.OrderResponse{State: "closed", PaidFen: -1}}},
	{"QueryOrder", func(ctx context.Context, l *Link) (any, error) { return l.WaitOrder(ctx, "o1") },
		&hallapi.QueryOrderRequest{OutTradeNo: "o1"}, &hallapi.OrderResponse{State: "paid", PaidFen: 500, Definite: true},
		office.Order{State: "paid", Paid: 500, Definite: true},
		[]proto.Message{&hallapi.OrderResponse{}, &hallapi.OrderResponse{State: "unknown", Definite: true}, &hallapi.OrderResponse{State: "paying", PaidFen: -1}}},
	{"CloseOrder", func(ctx context.Context, l *Link) (any, error) { return l.CloseOrder(ctx, "o1") },
		&hallapi.CloseOrderRequest{OutTradeNo: "o1"}, &hallapi.OrderResponse{State: "reversed", Definite: true},
		office.Order{State: "reversed", Definite: true},
		[]proto.Message{&hallapi.OrderResponse{}, &hallapi.OrderResponse{State: "gone", Definite: true}}},
	{"Cases", func(ctx context.Context, l *Link) (any, error) {
		return l.Cases(ctx, "330106194910010022", "欧阳样张", "c1")
	},
		&hallapi.CasesRequest{Number: "330106194910010022", Name: "欧阳样张", Case: "c1"},
		&hallapi.CasesResponse{Cases: []*hallapi.CaseLine{{Case: "c1", Service: "s", State: "approved", Code: "k", Time: "t", Printable: true, PrintedAt: "p", PrintedWhere: "w", Reason: "r", AmountFen: 5, License: "l"}}},
		[]office.CaseLine{{Case: "c1", Service: "s", State: "approved", Code: "k", Time: "t", Printable: true, PrintedAt: "p", PrintedWhere: "w", Reason: "r", Amount: 5, License: "l"}},
		[]proto.Message{&hallapi.CasesResponse{Cases: []*hallapi.CaseLine{{State: "approved"}}}, &hallapi.CasesResponse{Cases: []*hallapi.CaseLine{{Case: "c"}}},
			&hallapi.CasesResponse{Cases: []*hallapi.CaseLine{{Case: "c", State: "s", AmountFen: -1}}}}},
	{"Decision", func(ctx context.Context, l *Link) (any, error) { return l.Decision(ctx, "c1") },
		&hallapi.DecisionRequest{Case: "c1"}, &hallapi.DecisionResponse{State: "refused", Code: "k", License: "l", ReasonZh: "z", ReasonEn: "e"},
		office.Decision{State: "refused", Code: "k", License: "l", ReasonZH: "z", ReasonEN: "e"},
		[]proto.Message{&hallapi.DecisionResponse{}, &hallapi.DecisionResponse{State: "maybe"}}},
	{"Permit", func(ctx context.Context, l *Link) (any, error) { return l.Permit(ctx, "c1", "original", "A1", "p0") },
		&hallapi.PermitRequest{Case: "c1", Form: "original", Serial: "A1", PreviousPermit: "p0"},
		&hallapi.PermitResponse{Permit: "p1", CodeText: "t", FactsJson: []byte("{}")}, office.Permit{Permit: "p1", CodeText: "t", Facts: []byte("{}")},
		[]proto.Message{&hallapi.PermitResponse{}, &hallapi.PermitResponse{Permit: "p1", CodeText: "t"}, &hallapi.PermitResponse{Permit: "p1", FactsJson: []byte("{}")},
			&hallapi.PermitResponse{CodeText: "t", FactsJson: []byte("{}")}, &hallapi.PermitResponse{Refused: "no"}, &hallapi.PermitResponse{Permit: "p1", Refused: "printed"}}},
	{"Permit", func(ctx context.Context, l *Link) (any, error) { return l.Permit(ctx, "c1", "duplicate", "A1", "") },
		&hallapi.PermitRequest{Case: "c1", Form: "duplicate", Serial: "A1"},
		&hallapi.PermitResponse{Refused: "elsewhere", When: "t", Where: "w"}, office.Permit{Refused: "elsewhere", When: "t", Where: "w"}, nil},
	{"Claim", func(ctx context.Context, l *Link) (any, error) { return l.Claim(ctx, "KM7Q-2F9X", "r", "staff") },
		&hallapi.ClaimRequest{Code: "KM7Q-2F9X", Reason: "r", Who: "staff"},
		&hallapi.ClaimResponse{Paid: true, Owed: "o", Case: "c", AmountFen: 9}, office.Claim{Paid: true, Owed: "o", Case: "c", Amount: 9},
		[]proto.Message{&hallapi.ClaimResponse{}, &hallapi.ClaimResponse{Refused: "no"}, &hallapi.ClaimResponse{Paid: true, AmountFen: 9}, &hallapi.ClaimResponse{Paid: true, Owed: "o"},
			&hallapi.ClaimResponse{Paid: true, Owed: "o", AmountFen: 9, Refused: "paid"}}},
	{"Claim", func(ctx context.Context, l *Link) (any, error) { return l.Claim(ctx, "KM7Q-2F9X", "r", "staff") },
		&hallapi.ClaimRequest{Code: "KM7Q-2F9X", Reason: "r", Who: "staff"},
		&hallapi.ClaimResponse{Refused: "superseded"}, office.Claim{Refused: "superseded"}, nil},
	{"Claim", func(ctx context.Context, l *Link) (any, error) { return l.Claim(ctx, "KM7Q-2F9X", "r", "staff") },
		&hallapi.ClaimRequest{Code: "KM7Q-2F9X", Reason: "r", Who: "staff"},
		&hallapi.ClaimResponse{Refused: "paid", When: "t", Where: "T2"}, office.Claim{Refused: "paid", When: "t", Where: "T2"}, nil},
	{"Find", func(ctx context.Context, l *Link) (any, error) {
		return l.Find(ctx, office.Finding{Owed: "o", As: "stacked", Face: 2000, Reason: "r"})
	},
		&hallapi.FindRequest{Owed: "o", As: "stacked", FaceFen: 2000, Reason: "r"},
		&hallapi.FindResponse{Terminal: "T2", Case: "c", AmountFen: 2000}, office.Found{Terminal: "T2", Case: "c", Amount: 2000},
		[]proto.Message{&hallapi.FindResponse{}, &hallapi.FindResponse{Terminal: "T2"}, &hallapi.FindResponse{Case: "c"}, &hallapi.FindResponse{Terminal: "T2", Case: "c", Refused: "no"}}},
	{"Find", func(ctx context.Context, l *Link) (any, error) {
		return l.Find(ctx, office.Finding{Owed: "o", As: "returned", Reason: "r"})
	},
		&hallapi.FindRequest{Owed: "o", As: "returned", Reason: "r"},
		&hallapi.FindResponse{Refused: "T2 was told before"}, office.Found{Refused: "T2 was told before"}, nil},
	{"Reconcile", func(ctx context.Context, l *Link) (any, error) {
		return l.Reconcile(ctx, "2026-11-20", []string{"c"}, []string{"y"})
	},
		&hallapi.ReconcileRequest{Day: "2026-11-20", Cases: []string{"c"}, Attempts: []string{"y"}},
		&hallapi.ReconcileResponse{
			Cases:   []*hallapi.CaseSide{{Case: "c", StackedFen: 1, DoubtfulFen: 2, PlacedFen: 3, OwedFen: 4, OpenFen: 5, BookedFen: 6, Asked: true, BillerFen: 7}},
			Orders:  []*hallapi.OrderSide{{OutTradeNo: "y", Case: "c", KeptFen: 1, Asked: true, PaidFen: 2, GatewayPaidFen: 3, BackFen: 4, GatewayBackFen: 5}},
			Missing: []*hallapi.SideMissing{{Side: "gateway", Why: "no bill"}}},
		office.Sides{
			Cases:   []office.CaseSide{{Case: "c", Stacked: 1, Doubtful: 2, Placed: 3, Owed: 4, Open: 5, Booked: 6, Asked: true, Biller: 7}},
			Orders:  []office.OrderSide{{Attempt: "y", Case: "c", Kept: 1, Asked: true, Paid: 2, GatewayPaid: 3, Back: 4, GatewayBack: 5}},
			Missing: []office.Missing{{Side: "gateway", Why: "no bill"}}},
		[]proto.Message{&hallapi.ReconcileResponse{Cases: []*hallapi.CaseSide{{}}}, &hallapi.ReconcileResponse{Orders: []*hallapi.OrderSide{{}}},
			&hallapi.ReconcileResponse{Missing: []*hallapi.SideMissing{{Side: "box"}}}}},
}

// put asks with a limit and tells how long it took.
func (d *desk) put(q question, limit time.Duration) (got any, took time.Duration, err error) {
	d.t.Helper()
	ctx, done := context.WithTimeout(d.t.Context(), limit)
	defer done()
	began := time.Now()
	got, err = q.ask(ctx, d.link)
	took = time.Since(began)
	if err != nil {
		if !errors.Is(err, office.ErrNoLine) {
			d.t.Errorf("%s: got %v, want office.ErrNoLine", q.route, err)
		}
		for _, s := range secrets {
			if strings.Contains(err.Error(), s) {
				d.t.Errorf("%s: the error tells %q: %v", q.route, s, err)
			}
		}
	}
	return got, took, err
}

func (d *desk) noSecretsLogged() {
	d.t.Helper()
	text := d.logged() + d.link.Status().Err
	for _, s := range secrets {
		if strings.Contains(text, s) {
			d.t.Errorf("log or status tell %q", s)
		}
	}
}

// eachQuestion runs a story for each question, with its good answer set.
func eachQuestion(t *testing.T, story func(d *desk, q question)) {
	for i, q := range questions {
		if testing.Short() && i%3 != 0 {
			continue // they go the same way
		}
		t.Run(q.route, func(t *testing.T) {
			onDesk(t, func(d *desk) {
				d.hall.answers[q.route] = q.answer
				d.online()
				story(d, q)
				d.noSecretsLogged()
			})
		})
	}
}

func TestQuestionsAndAnswers(t *testing.T) {
	eachQuestion(t, func(d *desk, q question) {
		got, _, err := d.put(q, 10*time.Second)
		if err != nil || !reflect.DeepEqual(got, q.want) {
			d.t.Errorf("answer: got %+v (%v), want %+v", got, err, q.want)
		}
		sent := d.hall.requests[len(d.hall.requests)-1].(proto.Message)
		if !proto.Equal(sent, q.request.(proto.Message)) {
			d.t.Errorf("request: got %v, want %v", sent, q.request)
		}
	})
}

func TestGarbledAnswerIsNoAnswer(t *testing.T) {
	eachQuestion(t, func(d *desk, q question) {
		for _, g := range q.garbled {
			d.hall.with(func() { d.hall.answers[q.route] = g })
			before := d.count(q.route)
			got, took, err := d.put(q, 10*time.Second)
			if !errors.Is(err, errGarbled) || took > 2*time.Second {
				d.t.Errorf("%v: got %+v, %v after %v", g, got, err, took)
			}
			if n := d.count(q.route) - before; n != garbledMax {
				d.t.Errorf("%v: asked %d times, want %d", g, n, garbledMax)
			}
		}
		if !d.link.Up() {
			d.t.Error("down, because of an answer that makes no sense")
		}
	})
}

func TestHallInTroubleIsAskedAgain(t *testing.T) {
	eachQuestion(t, func(d *desk, q question) {
		for _, code := range []connect.Code{connect.CodeUnavailable, connect.CodeInternal, connect.CodeUnknown, connect.CodeAborted, connect.CodeResourceExhausted} {
			d.hall.with(func() { d.hall.refused[q.route] = code })
			before := d.count(q.route)
			if got, took, err := d.put(q, 5*time.Second); err == nil || took > 5*time.Second {
				d.t.Errorf("%v all the time: got %v after %v, want no line", code, got, took)
			}
			if n := d.count(q.route) - before; n < 4 || n > 10 {
				d.t.Errorf("%v: asked %d times in five seconds", code, n)
			}
			time.AfterFunc(3*time.Second, func() { d.hall.with(func() { delete(d.hall.refused, q.route) }) })
			if got, took, err := d.put(q, 10*time.Second); err != nil || !reflect.DeepEqual(got, q.want) || took > 5*time.Second {
				d.t.Errorf("%v for three seconds: got %v (%v) after %v", code, got, err, took)
			}
		}
	})
}

func TestDefiniteNoIsNotAskedAgain(t *testing.T) {
	eachQuestion(t, func(d *desk, q question) {
		for _, code := range []connect.Code{connect.CodeInvalidArgument, connect.CodeFailedPrecondition, connect.CodeNotFound, connect.CodeUnimplemented} {
			d.hall.with(func() { d.hall.refused[q.route] = code })
			before := d.count(q.route)
			if _, took, err := d.put(q, 10*time.Second); err == nil || took > 100*time.Millisecond || !strings.Contains(err.Error(), code.String()) {
				d.t.Errorf("%v: got %v after %v", code, err, took)
			}
			if n := d.count(q.route) - before; n != 1 {
				d.t.Errorf("%v: asked %d times", code, n)
			}
		}
	})
}

func TestLineBreaksInAQuestion(t *testing.T) {
	eachQuestion(t, func(d *desk, q question) {
		first := true
		d.hall.with(func() {
			d.hall.waits[q.route] = func() bool { // called with the hall's lock held
				if first {
					first = false
					d.net.set("cut")
					time.AfterFunc(2*time.Second, func() { d.net.set("up") })
				}
				return true
			}
		})
		if got, took, err := d.put(q, 12*time.Second); err != nil || !reflect.DeepEqual(got, q.want) || took > 4*time.Second {
			d.t.Errorf("line away for two seconds: got %+v (%v) after %v", got, err, took)
		}
		if d.count(q.route) < 2 {
			d.t.Error("the line was not cut")
		}
		first = true
		d.hall.with(func() {
			d.hall.waits[q.route] = func() bool { d.net.set("cut"); return true }
		})
		if got, took, err := d.put(q, 30*time.Second); err == nil || took > sinceDown+time.Second {
			d.t.Errorf("line cut for good: got %+v after %v, want no line after %v", got, took, sinceDown)
		}
		if got, took, err := d.put(q, 30*time.Second); err == nil || took > 0 {
			d.t.Errorf("line down for long: got %+v after %v, want no line at once", got, took)
		}
	})
}

func TestSilentHallIsWaitedForNoLongerThanAsked(t *testing.T) {
	eachQuestion(t, func(d *desk, q question) {
		d.net.set("hole")
		if got, took, err := d.put(q, 4*time.Second); err == nil || took != 4*time.Second {
			d.t.Errorf("got %+v (%v) after %v, want no line after 4 s", got, err, took)
		}
		d.net.set("up")
		d.await(time.Minute, "up", d.link.Up)
		d.net.set("hole")
		if got, took, err := d.put(q, time.Minute); err == nil || took > 12*time.Second {
			d.t.Errorf("got %+v (%v) after %v, want no line after 12 s at most", got, err, took)
		}
		d.net.set("up")
	})
}

func TestStoppedLinkAnswersAtOnce(t *testing.T) {
	eachQuestion(t, func(d *desk, q question) {
		d.hall.with(func() { d.hall.waits[q.route] = func() bool { return false } })
		stopped := make(chan error)
		go func() {
			_, err := q.ask(d.t.Context(), d.link)
			stopped <- err
		}()
		d.pass(time.Second)
		d.cancel()
		d.pass(time.Second)
		if _, took, err := d.put(q, time.Minute); err == nil || took > 0 {
			d.t.Errorf("got %v after %v, want no line at once", err, took)
		}
		d.hall.with(func() { delete(d.hall.waits, q.route) })
		if err := <-stopped; err != nil && !errors.Is(err, office.ErrNoLine) {
			d.t.Errorf("got %v, want no line", err)
		}
	})
}

// waiting is a question that waits, with an answer that is not final and one that is.
type waiting struct {
	route       string
	ask         func(ctx context.Context, l *Link) (string, error)
	open, final proto.Message
	was, is     string
}

var waitings = []waiting{
	{"Posting", func(ctx context.Context, l *Link) (string, error) { p, err := l.Posting(ctx, "c"); return p.State, err },
		&hallapi.PostingResponse{State: "taken"}, &hallapi.PostingResponse{State: "posted"}, "taken", "posted"},
	{"Posting", func(ctx context.Context, l *Link) (string, error) { p, err := l.Posting(ctx, "c"); return p.State, err },
		&hallapi.PostingResponse{State: "unknown"}, &hallapi.PostingResponse{State: "refused"}, "unknown", "refused"},
	{"Posting", func(ctx context.Context, l *Link) (string, error) { p, err := l.Posting(ctx, "c"); return p.State, err },
		&hallapi.PostingResponse{State: "refused"}, &hallapi.PostingResponse{State: "refunded"}, "refused", "refunded"},
	{"Decision", func(ctx context.Context, l *Link) (string, error) {
		p, err := l.Decision(ctx, "c")
		return p.State, err
	},
		&hallapi.DecisionResponse{State: "unknown"}, &hallapi.DecisionResponse{State: "approved"}, "unknown", "approved"},
	{"Decision", func(ctx context.Context, l *Link) (string, error) {
		p, err := l.Decision(ctx, "c")
		return p.State, err
	},
		&hallapi.DecisionResponse{State: "submitted"}, &hallapi.DecisionResponse{State: "waiting"}, "submitted", "waiting"},
	{"CloseOrder", func(ctx context.Context, l *Link) (string, error) {
		p, err := l.CloseOrder(ctx, "c")
		return p.State, err
	}, &hallapi.OrderResponse{State: "paying"}, &hallapi.OrderResponse{State: "paid", PaidFen: 1, Definite: true}, "paying", "paid"},
}

func TestWaitingQuestions(t *testing.T) {
	for _, w := range waitings {
		t.Run(fmt.Sprint(w.route, w.was), func(t *testing.T) {
			onDesk(t, func(d *desk) {
				d.hall.answers[w.route] = w.open
				final := false
				d.hall.waits[w.route] = func() bool { return final }
				d.online()
				ask := func(limit time.Duration) (string, time.Duration) {
					ctx, done := context.WithTimeout(d.t.Context(), limit)
					defer done()
					began := time.Now()
					state, err := w.ask(ctx, d.link)
					if err != nil {
						d.t.Error(err)
					}
					return state, time.Since(began)
				}
				for _, limit := range []time.Duration{400 * time.Millisecond, 3 * time.Second, 8 * time.Second, 45 * time.Second} {
					before := d.count(w.route)
					if state, took := ask(limit); state != w.was || took > limit || took < limit/2 {
						d.t.Errorf("within %v: got %s after %v, want %s near the end", limit, state, took, w.was)
					}
					if n := d.count(w.route) - before; n > 12 {
						d.t.Errorf("within %v: asked %d times", limit, n)
					}
				}
				time.AfterFunc(14*time.Second, func() { d.hall.with(func() { final, d.hall.answers[w.route] = true, w.final }) })
				if state, took := ask(time.Minute); state != w.is || took < 14*time.Second || took > 15*time.Second {
					d.t.Errorf("got %s after %v, want %s after 14 s", state, took, w.is)
				}
			})
		})
	}
}

func TestLastKnownStateOutlivesTheLine(t *testing.T) {
	for _, w := range waitings {
		onDesk(t, func(d *desk) {
			d.hall.answers[w.route] = w.open
			d.hall.waits[w.route] = func() bool { return false }
			d.online()
			time.AfterFunc(5*time.Second, func() { d.net.set("cut") })
			ctx, done := context.WithTimeout(d.t.Context(), time.Minute)
			defer done()
			began := time.Now()
			if state, err := w.ask(ctx, d.link); err != nil || state != w.was {
				d.t.Errorf("%s: got %q (%v), want %q", w.route, state, err, w.was)
			}
			if took := time.Since(began); took > 5*time.Second+sinceDown+time.Second {
				d.t.Errorf("%s: after %v", w.route, took)
			}
		})
	}
}

func TestWaitOrderTellsEachChange(t *testing.T) {
	onDesk(t, func(d *desk) {
		state := func(s *hallapi.OrderResponse) {
			d.hall.with(func() {
				was := s.State
				d.hall.answers["QueryOrder"], d.hall.answers["PlaceOrder"] = s, s
				d.hall.waits["QueryOrder"] = func() bool { return d.hall.answers["QueryOrder"].(*hallapi.OrderResponse).State != was }
			})
		}
		wait := func(limit time.Duration) (office.Order, time.Duration) {
			ctx, done := context.WithTimeout(d.t.Context(), limit)
			defer done()
			began := time.Now()
			o, err := d.link.WaitOrder(ctx, "o1")
			if err != nil {
				d.t.Error(err)
			}
			return o, time.Since(began)
		}
		state(&hallapi.OrderResponse{State: "placed", CodeUrl: "weixin://x"})
		d.online()
		if o, err := d.link.PlaceOrder(d.t.Context(), office.NewOrder{Attempt: "o1", Mode: "show", Amount: money.Fen(5)}); err != nil || o.State != "placed" {
			d.t.Errorf("placed: got %+v (%v)", o, err)
		}
		if o, took := wait(20 * time.Second); o.State != "placed" || took < 10*time.Second || took > 20*time.Second {
			d.t.Errorf("without a change: got %+v after %v", o, took)
		}
		// A change between two calls is told at once.
		state(&hallapi.OrderResponse{State: "paying"})
		if o, took := wait(20 * time.Second); o.State != "paying" || took > 100*time.Millisecond {
			d.t.Errorf("after a change: got %+v after %v", o, took)
		}
		time.AfterFunc(15*time.Second, func() { state(&hallapi.OrderResponse{State: "paid", PaidFen: 5, Definite: true}) })
		if o, took := wait(time.Minute); o.State != "paid" || o.Paid != 5 || !o.Definite || took != 15*time.Second {
			d.t.Errorf("paid: got %+v after %v", o, took)
		}
		if o, took := wait(time.Minute); o.State != "paid" || took > 100*time.Millisecond {
			d.t.Errorf("asked after the end: got %+v after %v", o, took)
		}
		if n := len(d.link.given); n != 0 {
			d.t.Errorf("%d orders are remembered after their end", n)
		}
		state(&hallapi.OrderResponse{State: "none"})
		if o, took := wait(time.Minute); o.State != "none" || took > 100*time.Millisecond {
			d.t.Errorf("no such order: got %+v after %v", o, took)
		}
		state(&hallapi.OrderResponse{State: "unknown"})
		for i := range 3 * givenMax {
			if _, err := d.link.WaitOrder(d.t.Context(), fmt.Sprint("x", i)); err != nil {
				d.t.Fatal(err)
			}
		}
		if n := len(d.link.given); n > givenMax {
			d.t.Errorf("%d orders are remembered, want %d at most", n, givenMax)
		}
	})
}

func TestHeadersGoOutCompressedAndWhole(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.happen(150)
		d.online()
		d.await(time.Minute, "delivered", d.delivered)
		d.hall.mu.Lock()
		defer d.hall.mu.Unlock()
		if got := d.hall.encodings["Push"]; got[hallapi.Zstd] == 0 {
			d.t.Errorf("encodings of batches: got %v, want zstd", got)
		}
		if r := d.hall.records[1]; casefile.Kind(r.Kind) != casefile.CaseOpened || len(r.Sealed) != 0 {
			d.t.Errorf("record 1: got %v", r)
		}
	})
}

func TestBackoff(t *testing.T) {
	b := backoff{least: 100 * time.Millisecond, most: time.Second}
	for round := range 2 {
		for _, want := range []time.Duration{100, 200, 400, 800, 1000, 1000, 1000} {
			want *= time.Millisecond
			if got := b.pause(); got > want || got < want*3/4 {
				t.Errorf("round %d: got %v, want %v or up to a quarter less", round, got, want)
			}
		}
		b.reset()
	}
}

// Who lost the hall together does not come back together, and at the same instants everything is the same again.
func TestBackoffIsOnesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pauses := func(who string) (out [8]time.Duration) {
			b := backoff{least: time.Second, most: time.Minute, who: who}
			for i := range out {
				out[i] = b.pause()
			}
			return out
		}
		first := pauses("T1 push")
		if again := pauses("T1 push"); again != first {
			t.Errorf("got %v, and before %v", again, first)
		}
		for _, other := range []string{"T2 push", "T1 pull"} {
			if pauses(other) == first {
				t.Errorf("%s waits as T1 push: %v", other, first)
			}
		}
		time.Sleep(time.Nanosecond)
		if pauses("T1 push") == first {
			t.Errorf("an instant later the same: %v", first)
		}
	})
}
