package daemon

import (
	"context"
	"encoding/json"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store"
)

// What people did at the hall or at another terminal about this terminal's debts and doubts. The hall tells it; it is written down
// once, and what this terminal's own staff wrote down before stands.

// told takes in what the hall tells. What a notice says of a bill or an order the visit asks for by itself, with the answer in hand.
func (d *Daemon) told(kind, caseID string, content []byte) error {
	var n struct {
		Owed   string `json:"owed"`
		Where  string `json:"where"`
		As     string `json:"as"`
		Reason string `json:"reason"`
		Permit string `json:"permit"` // of a sheet

		Face money.Fen `json:"face_fen"` // of something that nobody saw
	}
	if kind != "claim" && kind != "settle" || json.Unmarshal(content, &n) != nil {
		return nil // not for this version
	}
	// Without the lock of the acts, which is held while the hall is asked: what an act writes in between, the journal refuses to
	// have twice, and then this is told again.
	d.settling.Lock()
	defer d.settling.Unlock()
	var entries []store.Entry
	var err error
	if kind == "claim" {
		entries = d.paidElsewhere(n.Owed, n.Where, n.Reason)
	} else if n.Permit != "" {
		entries = d.sheetFound(n.Permit, n.As, n.Reason)
	} else if entries = d.foundAtHall(n.Owed, n.As, n.Reason); len(entries) == 0 && (n.As == "returned" || n.As == "stacked" && n.Face > 0) {
		entries, err = d.unseenFound(n.Owed, n.As, n.Face, n.Reason, "hall")
	}
	if err != nil || len(entries) == 0 || entries[0].Event.Case != caseID {
		return err // a note that is on its way is waited for: this is told again
	}
	return d.journal.Append(context.Background(), entries...)
}

// paidElsewhere is the end of a debt whose slip was paid at another terminal or at the hall; nothing when it has ended here.
func (d *Daemon) paidElsewhere(owed, where, reason string) (entries []store.Entry) {
	d.journal.Book(func(b *casefile.Book) {
		if o := b.Owed[owed]; o != nil && !o.Paid && where != "" {
			h := casefile.Header{Owed: o.ID, Amount: o.Amount, Where: where, Reason: reason, Who: "hall"}
			entries = []store.Entry{{Event: casefile.Event{Kind: casefile.OwedPaid, Case: o.Case, Header: h}}}
		}
	})
	return entries
}

// foundAtHall is the end of a doubt by the word of a person at the hall; nothing when it has ended here.
func (d *Daemon) foundAtHall(owed, as, reason string) (entries []store.Entry) {
	d.journal.Book(func(b *casefile.Book) {
		for _, n := range b.Notes {
			if n.State == casefile.NoteDoubtful && n.Owed == owed && (as == "stacked" || as == "returned") {
				h := casefile.Header{Note: n.Number, Face: n.Face, Currency: n.Currency, As: as, Reason: reason, Who: "hall", Box: b.Box.ID}
				entries = []store.Entry{{Event: casefile.Event{Kind: casefile.NoteSettled, Case: n.Case, Header: h}}}
			}
		}
		for _, p := range b.Payouts {
			if p.State == casefile.PayoutDoubtful && p.Back == owed && (as == "paid" || as == "kept") {
				h := casefile.Header{Payout: p.ID, As: as, Reason: reason, Who: "hall"}
				entries = []store.Entry{{Event: casefile.Event{Kind: casefile.PayoutSettled, Case: p.Case, Header: h}}}
			}
		}
	})
	return entries
}

// sheetFound is the end of a doubt about a sheet by the word of a person elsewhere; nothing when it has ended here.
func (d *Daemon) sheetFound(permit, as, reason string) (entries []store.Entry) {
	d.journal.Book(func(b *casefile.Book) {
		for _, sh := range b.Sheets {
			if sh.Permit == permit && sh.State == casefile.LicenseDoubtful && (as == "printed" || as == "spoiled") {
				h := casefile.Header{Permit: permit, Serial: sh.Serial, As: as, Reason: reason, Who: "hall"}
				entries = []store.Entry{{Event: casefile.Event{Kind: casefile.LicenseSettled, Case: sh.Case, Header: h}}}
			}
		}
	})
	return entries
}
