package daemon

import (
	"context"
	"encoding/json"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/invariant"
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
	if what := invariant.Personal(n.Reason); what != "" {
		n.Reason = "not kept here, for it has " + what + " in it"
	}
	// Without the lock of the acts, which is held while the hall is asked: what an act writes in between, the journal refuses to
	// have twice, and then this is told again.
	d.settling.Lock()
	defer d.settling.Unlock()
	var entries []store.Entry
	var err error
	f := finding{as: n.As, face: n.Face, reason: n.Reason, who: "hall"}
	if kind == "claim" {
		entries = d.paidElsewhere(n.Owed, n.Where, n.Reason)
	} else if entries = d.ends(f, func(name string) bool { return name != "" && (name == n.Owed || name == n.Permit) }); len(entries) == 0 && (n.As == "returned" || n.As == "stacked" && n.Face > 0) {
		entries, err = d.endsUnseen(f, n.Owed)
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
