package invariant

import (
	"slices"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
)

// owing are the kinds that give something a number to be owed under.
var owing = []casefile.Kind{casefile.PaymentSettled, casefile.BillRefused, casefile.NoteDoubtful, casefile.AcceptorReset, casefile.CoinsReset, casefile.PayoutDoubtful}

// owedNumber: a number is given once. A note that nobody saw has its number before it has a face.
func owedNumber(l *look) {
	if l.h.Owed == "" || !slices.Contains(owing, l.e.Kind) {
		return
	}
	coin, waits := l.unknown[l.h.Owed]
	l.see(!l.owedIDs[l.h.Owed] || l.e.Kind == casefile.NoteDoubtful && waits && !coin, "%s: %q was given before", l.e.Kind, l.h.Owed)
}

// owedOnce: what is owed is paid once, and what is paid is owed.
func owedOnce(l *look) {
	switch l.e.Kind {
	case casefile.OwedPaid:
		d := l.debts[l.h.Owed]
		l.see(d != nil && !d.paid && d.amount == l.h.Amount && d.caseID == l.e.Case && l.payingFor() != l.h.Owed, "%s is paid for %s, which is %+v", l.h.Amount, l.h.Owed, d)
	case casefile.PayoutBegun:
		d := l.debts[l.h.Owed]
		l.see(d != nil && !d.paid && l.h.Amount <= d.amount && d.caseID == l.e.Case, "%s are paid out for %s, which is %+v", l.h.Amount, l.h.Owed, d)
	}
}

// payingFor is the debt that is being paid in pieces.
func (t *tally) payingFor() string {
	if t.payoutOpen == 0 {
		return ""
	}
	for _, p := range t.payouts {
		if p.state == casefile.PayoutBegun {
			return p.owed
		}
	}
	return ""
}

// coded: a machine pays nothing for which somebody may hold a code, and no code is made for what a machine is paying.
func coded(l *look) {
	switch l.e.Kind {
	case casefile.PayoutBegun:
		d := l.debts[l.h.Owed]
		l.see(d == nil || !d.coded, "%s is paid out, and a code for it is out", l.h.Owed)
	case casefile.OwedRecoded:
		l.see(l.payingFor() != l.h.Owed, "%s gets a code while it is paid out", l.h.Owed)
	}
}

const claimLen = 64 // a SHA-256 in hex

// claimSingle: no two slips have one code, and no debt is without one.
func claimSingle(l *look) {
	owes := l.h.Owed != "" && slices.Contains([]casefile.Kind{casefile.PaymentSettled, casefile.BillRefused, casefile.NoteDoubtful, casefile.PayoutDoubtful, casefile.OwedRecoded, casefile.CoinFound}, l.e.Kind)
	if owes {
		l.see(len(l.h.Claim) == claimLen && l.claims[l.h.Claim] == 0, "%s has the claim %q, which stands in event %d too", l.h.Owed, l.h.Claim, l.claims[l.h.Claim])
	}
}

func payoutAlone(l *look) {
	if l.e.Kind == casefile.PayoutBegun {
		l.see(l.payoutOpen == 0 && l.h.Payout != "" && l.payouts[l.h.Payout] == nil, "payout %q begins while %d are open, or a second time", l.h.Payout, l.payoutOpen)
	}
}

// payoutBound: what came out was asked for, and is worth what the record says.
func payoutBound(l *look) {
	p := l.payouts[l.h.Payout]
	switch l.e.Kind {
	case casefile.PayoutBegun:
		l.see(len(l.h.Pieces) > 0 && l.h.Pieces.Total() == l.h.Amount, "%v are asked for %s", l.h.Pieces, l.h.Amount)
	case casefile.PayoutEnded, casefile.PayoutDoubtful:
		ok := p != nil && p.state == casefile.PayoutBegun && p.caseID == l.e.Case && l.h.Pieces.Total() == l.h.Amount && within(p.pieces, l.h.Pieces.With(l.h.Unsure))
		l.see(ok && (len(l.h.Unsure) > 0) == (l.e.Kind == casefile.PayoutDoubtful), "payout %s: %v for %s came out, %v may have, of %+v", l.h.Payout, l.h.Pieces, l.h.Amount, l.h.Unsure, p)
	case casefile.PayoutSettled:
		l.see(p != nil && p.state == casefile.PayoutDoubtful && (l.h.As == "paid" || l.h.As == "kept"), "payout %s is settled as %q, and was %+v", l.h.Payout, l.h.As, p)
	}
}

func within(all, some money.Counts) bool { return whole(all.Minus(some)) }
