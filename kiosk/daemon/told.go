package daemon

import (
	"context"
	"encoding/json"

	"yichuang/kiosk/casefile"
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
	}
	if kind != "claim" && kind != "settle" || json.Unmarshal(content, &n) != nil {
		return nil // not for this version
	}
	// Without the lock of the acts, which is held while the hall is asked: what an act writes in between, the journal refuses to
	// have twice, and then this is told again.
	var e casefile.Event
	if kind == "claim" {
		e = d.paidElsewhere(n.Owed, n.Where, n.Reason)
	} else {
		e = d.foundAtHall(n.Owed, n.As, n.Reason)
	}
	if e.Kind == "" || e.Case != caseID {
		return nil
	}
	return d.journal.Append(context.Background(), store.Entry{Event: e})
}

// paidElsewhere is the end of a debt whose slip was paid at another terminal or at the hall; nothing when it has ended here.
func (d *Daemon) paidElsewhere(owed, where, reason string) (e casefile.Event) {
	d.journal.Book(func(b *casefile.Book) {
		if o := b.Owed[owed]; o != nil && !o.Paid && where != "" {
			e = casefile.Event{Kind: casefile.OwedPaid, Case: o.Case, Header: casefile.Header{Owed: o.ID, Amount: o.Amount, Where: where, Reason: reason, Who: "hall"}}
		}
	})
	return e
}

// foundAtHall is the end of a doubt by the word of a person at the hall; nothing when it has ended here.
func (d *Daemon) foundAtHall(owed, as, reason string) (e casefile.Event) {
	d.journal.Book(func(b *casefile.Book) {
		for _, n := range b.Notes {
			if n.State == casefile.NoteDoubtful && n.Owed == owed && (as == "stacked" || as == "returned") {
				e = casefile.Event{Kind: casefile.NoteSettled, Case: n.Case, Header: casefile.Header{Note: n.Number, Face: n.Face, Currency: n.Currency, As: as, Reason: reason, Who: "hall", Box: b.Box.ID}}
			}
		}
		for _, p := range b.Payouts {
			if p.State == casefile.PayoutDoubtful && p.Back == owed && (as == "paid" || as == "kept") {
				e = casefile.Event{Kind: casefile.PayoutSettled, Case: p.Case, Header: casefile.Header{Payout: p.ID, As: as, Reason: reason, Who: "hall"}}
			}
		}
	})
	return e
}
