package daemon

import (
	"errors"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/payment"
	"yichuang/kiosk/store"
)

// finding is what a person has found of something in doubt.
type finding struct {
	as     string    // a note is stacked or returned, a sheet printed or spoiled, a payout paid or kept
	face   money.Fen // of a note or coin in the box that nobody saw
	reason string
	who    string // "technician", or "hall" for a person there or at another terminal
}

// either says whether it is one of the two ways in which such a thing can have ended.
func (f finding) either(a, b string) bool { return f.as == a || f.as == b }

// ends is the end of a doubt by what was found: of the one whose names, as staff call it, as what would be owed or as a permit, has
// one that is meant. It is nothing when there is none, or when such a thing cannot have ended so.
func (d *Daemon) ends(f finding, meant func(name string) bool) (entries []store.Entry) {
	end := func(kind casefile.Kind, caseID string, h casefile.Header) {
		h.As, h.Reason, h.Who = f.as, f.reason, f.who
		entries = []store.Entry{{Event: casefile.Event{Kind: kind, Case: caseID, Header: h}}}
	}
	d.journal.Book(func(b *casefile.Book) {
		for _, n := range b.Notes {
			if n.State == casefile.NoteDoubtful && (meant(noteDoubt(n)) || meant(n.Owed)) && f.either("stacked", "returned") {
				end(casefile.NoteSettled, n.Case, casefile.Header{Note: n.Number, Face: n.Face, Currency: n.Currency, Box: b.Box.ID})
			}
		}
		for _, p := range b.Payouts {
			if p.State == casefile.PayoutDoubtful && (meant(payoutDoubt(p)) || meant(p.Back)) && f.either("paid", "kept") {
				end(casefile.PayoutSettled, p.Case, casefile.Header{Payout: p.ID})
			}
		}
		for _, s := range b.Sheets {
			if s.State == casefile.LicenseDoubtful && (meant(sheetDoubt(s)) || meant(s.Permit)) && f.either("printed", "spoiled") {
				end(casefile.LicenseSettled, s.Case, casefile.Header{Permit: s.Permit, Serial: s.Serial})
			}
		}
	})
	return entries
}

// errMoving says that a note has to arrive first.
var errMoving = errors.New("a note is on its way")

// endsUnseen ends the doubt about a note or coin that nobody saw, and is nothing when it has ended. Found in the box, it gets its
// face now, and is owed to the person of that case.
func (d *Daemon) endsUnseen(f finding, owed string) (entries []store.Entry, err error) {
	d.journal.Book(func(b *casefile.Book) {
		u := b.Unknown[owed]
		if u == nil {
			return
		}
		event := func(kind casefile.Kind, h casefile.Header) {
			entries = append(entries, store.Entry{Event: casefile.Event{Kind: kind, Case: u.Case, Header: h}})
		}
		claim := casefile.ClaimHash(owed, payment.NewClaimCode()+payment.NewClaimCode())
		h := casefile.Header{Face: f.face, Currency: money.CNY}
		switch {
		case f.as == "returned":
			event(casefile.AcceptorSettled, casefile.Header{Owed: owed, As: f.as, Reason: f.reason, Who: f.who})
		case u.Coin:
			h.Owed, h.Claim, h.Reason, h.Who = owed, claim, f.reason, f.who
			event(casefile.CoinFound, h)
		case b.OpenNote() != nil:
			err = errMoving
		default:
			h.Note = b.NextNote
			event(casefile.NoteEscrowed, h)
			doubtful, settled := h, h
			doubtful.Asked, doubtful.Owed, doubtful.Claim = u.Asked, owed, claim
			event(casefile.NoteDoubtful, doubtful)
			settled.As, settled.Reason, settled.Who, settled.Box = "stacked", f.reason, f.who, b.Box.ID
			event(casefile.NoteSettled, settled)
		}
	})
	return entries, err
}
