package hall

import (
	"yichuang/kiosk/money"
)

// A payout divides a debt: what came out is a paid debt of its own, the rest stays open under its number, and pieces
// of which the payer could not say are a doubtful debt, of no note. So the debts of a case add up to the same as before.

// coinFound is a coin that a person found in the box: it is owed to whoever stood there.
func (f *fold) coinFound() error {
	if err := f.noteStacked(); err != nil {
		return err
	}
	if err := f.exec(`UPDATE payments SET owed = owed + ? WHERE case_id = ?`, f.e.Header.Face, f.e.Case); err != nil {
		return err
	}
	return f.owe(f.e.Header.Face, "open")
}

func (f *fold) payoutBegun() error {
	h := f.e.Header
	var amount int64
	found, err := f.row(`SELECT amount FROM owed WHERE id = ? AND case_id = ? AND state = 'open'`, []any{h.Owed, f.e.Case}, &amount)
	if err != nil {
		return err
	}
	if !found || h.Amount <= 0 || int64(h.Amount) > amount {
		return oddf("a payout for what is not owed")
	}
	return f.change1("the payout has begun before", `INSERT INTO payouts (payout, terminal, case_id, owed, amount, state) VALUES (?,?,?,?,?,'begun') ON CONFLICT DO NOTHING`,
		h.Payout, f.r.Terminal, f.e.Case, h.Owed, h.Amount)
}

// began finds the payout that a record ends, and sees that no more came out than was asked for.
func (f *fold) began(out money.Fen) (owed string, err error) {
	var amount int64
	found, err := f.row(`SELECT owed, amount FROM payouts WHERE payout = ? AND terminal = ? AND case_id = ? AND state = 'begun'`,
		[]any{f.e.Header.Payout, f.r.Terminal, f.e.Case}, &owed, &amount)
	if err == nil && (!found || f.e.Header.Amount < 0 || int64(out) > amount) {
		return "", oddf("a payout that has not begun, or paid more than was asked")
	}
	return owed, err
}

// divide takes an amount off a debt and makes a debt of its own of it.
func (f *fold) divide(owed, id, state, claim string, amount money.Fen) error {
	if amount <= 0 {
		return nil
	}
	if err := f.change1("the debt is not open any more", `UPDATE owed SET amount = amount - ?1, state = CASE amount WHEN ?1 THEN 'void' ELSE state END
		WHERE id = ?2 AND state = 'open' AND amount >= ?1`, amount, owed); err != nil {
		return err
	}
	by, at, reported := "", "", 0
	if state == "paid" {
		by, at, reported = f.r.Terminal, f.at, 1
	}
	return f.change1("the same debt twice", `INSERT INTO owed (id, case_id, terminal, amount, claim, state, since, paid_at, paid_by, reported, reason)
		VALUES (?,?,?,?,?,?,?,?,?,?,'payout') ON CONFLICT DO NOTHING`, id, f.e.Case, f.r.Terminal, amount, claim, state, f.at, at, by, reported)
}

func (f *fold) payoutEnded() error {
	h := f.e.Header
	owed, err := f.began(h.Amount)
	if err != nil {
		return err
	}
	if err := f.divide(owed, h.Payout, "paid", "", h.Amount); err != nil {
		return err
	}
	return f.exec(`UPDATE payouts SET state = 'ended' WHERE payout = ? AND terminal = ?`, h.Payout, f.r.Terminal)
}

func (f *fold) payoutDoubtful() error {
	h := f.e.Header
	unsure := h.Unsure.Total()
	owed, err := f.began(h.Amount.Add(unsure))
	if err != nil {
		return err
	}
	if unsure <= 0 || h.Owed == "" {
		return oddf("a doubtful payout without a doubt")
	}
	if err := f.divide(owed, h.Payout, "paid", "", h.Amount); err != nil {
		return err
	}
	if err := f.divide(owed, h.Owed, "doubtful", h.Claim, unsure); err != nil {
		return err
	}
	return f.exec(`UPDATE payouts SET state = 'doubtful', back = ? WHERE payout = ? AND terminal = ?`, h.Owed, h.Payout, f.r.Terminal)
}

// payoutSettled is a person's finding: the pieces came out, or are still inside and are owed.
func (f *fold) payoutSettled() error {
	h := f.e.Header
	var back string
	found, err := f.row(`SELECT o.id FROM payouts p JOIN owed o ON o.id = p.back WHERE p.payout = ? AND p.terminal = ? AND p.case_id = ? AND p.state = 'doubtful' AND o.state = 'doubtful'`,
		[]any{h.Payout, f.r.Terminal, f.e.Case}, &back)
	if err != nil {
		return err
	}
	if !found || h.As != "paid" && h.As != "kept" {
		return oddf("a payout that is not doubtful, settled as %q", h.As)
	}
	if err := f.exec(`UPDATE payouts SET state = 'settled' WHERE payout = ? AND terminal = ?`, h.Payout, f.r.Terminal); err != nil {
		return err
	}
	if h.As == "kept" {
		return f.exec(`UPDATE owed SET state = 'open' WHERE id = ?`, back)
	}
	return f.exec(`UPDATE owed SET state = 'paid', reported = 1, paid_by = ?, reason = ?, who = ?, paid_at = ? WHERE id = ?`, f.r.Terminal, h.Reason, h.Who, f.at, back)
}
