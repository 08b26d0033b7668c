package uplink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect"

	"yichuang/kiosk/money"
	"yichuang/kiosk/office"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallapi/hallapiconnect"
)

// noLine says that a question has no answer. Of what the hall said only the code is kept: its text may
// repeat what it was asked, and that is nobody's business but the person's.
func noLine(what string, cause error) error {
	if connect.IsWireError(cause) {
		cause = fmt.Errorf("the hall says %v", connect.CodeOf(cause))
	}
	return fmt.Errorf("%s: %w: %w", what, office.ErrNoLine, cause)
}

// ask puts one question until it has an answer that makes sense, the hall has a definite no, the caller's
// time is over, or the line has been down for a while. Every question bears being asked twice.
func ask[Answer any](ctx context.Context, l *Link, what string, put func(context.Context, hallapiconnect.HallClient) (*Answer, error), sense func(*Answer) bool) (*Answer, error) {
	tries, garbled := askBackoff.of(l, what), 0
	var cause error
	for {
		if err := l.line.awaitUp(ctx); err != nil {
			return nil, noLine(what, errors.Join(cause, err))
		}
		hall := l.client()
		if hall == nil {
			return nil, noLine(what, errStopped)
		}
		// How a question ends is not noted for the line: a hall that stumbles over one question is there
		// for all the others. That the line broke, the notices' own question finds out at the same moment.
		answer, err := put(ctx, hall)
		if err == nil && !sense(answer) {
			err = errGarbled
			garbled++
		}
		switch {
		case err == nil:
			return answer, nil
		case isRefused(err):
			poke(l.pokeRenew)
			return nil, noLine(what, err)
		case ended(ctx), permanent(err), garbled == garbledMax:
			return nil, noLine(what, err)
		}
		if cause = err; connect.IsWireError(err) {
			cause = fmt.Errorf("the hall says %v", connect.CodeOf(err))
		}
		if !sleep(ctx, tries.pause(), nil) {
			return nil, noLine(what, cause)
		}
	}
}

// await asks in pieces until an answer is final or the caller's time is nearly over, and gives the last
// answer. final is also told whether the hall answered before the time that it was given.
func await[Answer any](ctx context.Context, once func(ctx context.Context, wait time.Duration) (*Answer, error), final func(a *Answer, early bool) bool) (*Answer, error) {
	var last *Answer
	for wait := time.Duration(0); ; wait = piece(ctx) {
		began := time.Now()
		answer, err := once(ctx, wait)
		if err != nil {
			if last != nil {
				return last, nil
			}
			return nil, err
		}
		last = answer
		early := wait > 0 && time.Since(began) < wait
		if final(answer, early) {
			return answer, nil
		}
		if early && !sleep(ctx, askBackoff.least, nil) {
			return answer, nil
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < waitMargin/4 {
			return answer, nil
		}
	}
}

// piece is how long the hall may hold the next question, so that its answer still comes in time.
func piece(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return waitPiece
	}
	left := time.Until(deadline)
	return max(min(max(left-waitMargin, left/2), waitPiece), time.Millisecond)
}

// oneOf says whether a word is one of those that the contract has.
func oneOf(word string, words ...string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}

// Bill asks the biller through the hall.
func (l *Link) Bill(ctx context.Context, service, account, code, caseID string) (office.Bill, error) {
	req := &hallapi.BillRequest{Service: service, Account: account, BillCode: code, Case: caseID}
	a, err := ask(ctx, l, "bill", func(ctx context.Context, hall hallapiconnect.HallClient) (*hallapi.BillResponse, error) {
		return hall.Bill(ctx, req)
	}, billSense)
	if err != nil {
		return office.Bill{}, err
	}
	b := office.Bill{Status: a.Status, Account: a.Account, Name: a.MaskedName, Address: a.MaskedAddress,
		Balance: money.Fen(a.BalanceFen), Surplus: a.Surplus, Part: a.Part, Biller: a.Biller}
	for _, p := range a.Bills {
		b.Periods = append(b.Periods, office.Period{Period: p.Period, Due: money.Fen(p.DueFen - p.PaidFen)})
	}
	return b, nil
}

func billSense(a *hallapi.BillResponse) bool {
	if !oneOf(a.Status, "ok", "unknown_account", "bad_code", "garbled", "silent", "closed") {
		return false
	}
	if a.Status != "ok" {
		return true
	}
	for _, p := range a.Bills {
		if p.GetPaidFen() < 0 || p.GetDueFen() < p.GetPaidFen() {
			return false
		}
	}
	return a.Account != "" && oneOf(a.Surplus, "balance", "owed")
}

// Posting waits until the biller has booked what a case paid, or refused it.
func (l *Link) Posting(ctx context.Context, caseID string) (office.Posting, error) {
	a, err := await(ctx, func(ctx context.Context, wait time.Duration) (*hallapi.PostingResponse, error) {
		return ask(ctx, l, "posting", func(ctx context.Context, hall hallapiconnect.HallClient) (*hallapi.PostingResponse, error) {
			return hall.Posting(ctx, &hallapi.PostingRequest{Case: caseID, WaitMs: wait.Milliseconds()})
		}, postingSense)
	}, func(a *hallapi.PostingResponse, early bool) bool {
		// A refusal stands when the hall does not use its time: otherwise the money may still be going back.
		return oneOf(a.State, "posted", "part", "owed", "refunded") || a.State == "refused" && early
	})
	if err != nil {
		return office.Posting{}, err
	}
	return office.Posting{State: a.State, Posted: money.Fen(a.PostedFen), Reason: a.Reason}, nil
}

func postingSense(a *hallapi.PostingResponse) bool {
	return a.PostedFen >= 0 && oneOf(a.State, "unknown", "taken", "posted", "part", "owed", "refused", "refunded")
}

// Decision waits for the decision about a case that was handed in. Waiting for a person at the hall is an
// answer too: that may take days.
func (l *Link) Decision(ctx context.Context, caseID string) (office.Decision, error) {
	a, err := await(ctx, func(ctx context.Context, wait time.Duration) (*hallapi.DecisionResponse, error) {
		return ask(ctx, l, "decision", func(ctx context.Context, hall hallapiconnect.HallClient) (*hallapi.DecisionResponse, error) {
			return hall.Decision(ctx, &hallapi.DecisionRequest{Case: caseID, WaitMs: wait.Milliseconds()})
		}, decisionSense)
	}, func(a *hallapi.DecisionResponse, _ bool) bool { return !oneOf(a.State, "unknown", "submitted") })
	if err != nil {
		return office.Decision{}, err
	}
	return office.Decision{State: a.State, Code: a.Code, License: a.License, ReasonZH: a.ReasonZh, ReasonEN: a.ReasonEn}, nil
}

func decisionSense(a *hallapi.DecisionResponse) bool {
	return oneOf(a.State, "unknown", "submitted", "waiting", "approved", "refused", "printed")
}

// Cases gives the cases of a person, or one case by its number.
func (l *Link) Cases(ctx context.Context, number, name, caseID string) ([]office.CaseLine, error) {
	req := &hallapi.CasesRequest{Number: number, Name: name, Case: caseID}
	a, err := ask(ctx, l, "cases", func(ctx context.Context, hall hallapiconnect.HallClient) (*hallapi.CasesResponse, error) {
		return hall.Cases(ctx, req)
	}, casesSense)
	if err != nil {
		return nil, err
	}
	var out []office.CaseLine
	for _, c := range a.Cases {
		out = append(out, office.CaseLine{Case: c.Case, Service: c.Service, State: c.State, Code: c.Code, Reason: c.Reason, Time: c.Time,
			Printable: c.Printable, PrintedAt: c.PrintedAt, PrintedWhere: c.PrintedWhere, Amount: money.Fen(c.AmountFen), License: c.License})
	}
	return out, nil
}

func casesSense(a *hallapi.CasesResponse) bool {
	for _, c := range a.Cases {
		if c.GetCase() == "" || c.GetState() == "" || c.GetAmountFen() < 0 {
			return false
		}
	}
	return true
}

// Permit asks for leave to print. The same question gives the same permit.
func (l *Link) Permit(ctx context.Context, caseID, form, serial, previous string) (office.Permit, error) {
	l.hold()
	req := &hallapi.PermitRequest{Case: caseID, Form: form, Serial: serial, PreviousPermit: previous}
	a, err := ask(ctx, l, "permit", func(ctx context.Context, hall hallapiconnect.HallClient) (*hallapi.PermitResponse, error) {
		return hall.Permit(ctx, req)
	}, permitSense)
	if err != nil {
		return office.Permit{}, err
	}
	if a.Permit != "" {
		l.hold()
	}
	return office.Permit{Permit: a.Permit, Refused: a.Refused, When: a.When, Where: a.Where, CodeText: a.CodeText, Facts: a.FactsJson}, nil
}

func permitSense(a *hallapi.PermitResponse) bool {
	if a.Refused == "" {
		return a.Permit != "" && a.CodeText != "" && len(a.FactsJson) > 0
	}
	return a.Permit == "" && oneOf(a.Refused, "printed", "elsewhere", "not_approved", "unknown_case")
}

// Claim redeems the code of a slip. The same terminal may ask again until it has paid out.
func (l *Link) Claim(ctx context.Context, code, reason, who string) (office.Claim, error) {
	l.hold()
	req := &hallapi.ClaimRequest{Code: code, Reason: reason, Who: who}
	a, err := ask(ctx, l, "claim", func(ctx context.Context, hall hallapiconnect.HallClient) (*hallapi.ClaimResponse, error) {
		return hall.Claim(ctx, req)
	}, claimSense)
	if err != nil {
		return office.Claim{}, err
	}
	if a.Paid {
		l.hold()
	}
	return office.Claim{Paid: a.Paid, Owed: a.Owed, Case: a.Case, Amount: money.Fen(a.AmountFen), Refused: a.Refused, When: a.When, Where: a.Where}, nil
}

func claimSense(a *hallapi.ClaimResponse) bool {
	if a.Paid {
		return a.Refused == "" && a.Owed != "" && a.AmountFen > 0
	}
	return oneOf(a.Refused, "unknown", "paid", "superseded")
}

// Find tells another terminal what was found here of its doubt. The same once more is one whose answer was lost.
func (l *Link) Find(ctx context.Context, f office.Finding) (office.Found, error) {
	req := &hallapi.FindRequest{Owed: f.Owed, As: f.As, FaceFen: int64(f.Face), Reason: f.Reason}
	a, err := ask(ctx, l, "find", func(ctx context.Context, hall hallapiconnect.HallClient) (*hallapi.FindResponse, error) {
		return hall.Find(ctx, req)
	}, func(a *hallapi.FindResponse) bool { return (a.Refused == "") == (a.Terminal != "" && a.Case != "") })
	if err != nil {
		return office.Found{}, err
	}
	return office.Found{Terminal: a.Terminal, Case: a.Case, Amount: money.Fen(a.AmountFen), Refused: a.Refused}, nil
}

// Reconcile tells how the other sides have a day's money.
func (l *Link) Reconcile(ctx context.Context, day string, cases, attempts []string) (office.Sides, error) {
	req := &hallapi.ReconcileRequest{Day: day, Cases: cases, Attempts: attempts}
	a, err := ask(ctx, l, "reconcile", func(ctx context.Context, hall hallapiconnect.HallClient) (*hallapi.ReconcileResponse, error) {
		return hall.Reconcile(ctx, req)
	}, reconcileSense)
	if err != nil {
		return office.Sides{}, err
	}
	var out office.Sides
	for _, c := range a.Cases {
		out.Cases = append(out.Cases, office.CaseSide{Case: c.Case, Stacked: money.Fen(c.StackedFen), Doubtful: money.Fen(c.DoubtfulFen), Placed: money.Fen(c.PlacedFen),
			Owed: money.Fen(c.OwedFen), Open: money.Fen(c.OpenFen), Booked: money.Fen(c.BookedFen), Asked: c.Asked, Biller: money.Fen(c.BillerFen)})
	}
	for _, o := range a.Orders {
		out.Orders = append(out.Orders, office.OrderSide{Attempt: o.OutTradeNo, Case: o.Case, Kept: money.Fen(o.KeptFen), Asked: o.Asked,
			Paid: money.Fen(o.PaidFen), GatewayPaid: money.Fen(o.GatewayPaidFen), Back: money.Fen(o.BackFen), GatewayBack: money.Fen(o.GatewayBackFen)})
	}
	for _, m := range a.Missing {
		out.Missing = append(out.Missing, office.Missing{Side: m.Side, Why: m.Why})
	}
	return out, nil
}

func reconcileSense(a *hallapi.ReconcileResponse) bool {
	for _, c := range a.Cases {
		if c.GetCase() == "" {
			return false
		}
	}
	for _, o := range a.Orders {
		if o.GetOutTradeNo() == "" {
			return false
		}
	}
	for _, m := range a.Missing {
		if !oneOf(m.GetSide(), "biller", "gateway") {
			return false
		}
	}
	return true
}
