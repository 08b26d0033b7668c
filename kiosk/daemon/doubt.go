package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/money"
	"yichuang/kiosk/office"
	"yichuang/kiosk/payment"
	"yichuang/kiosk/store"
)

// What staff call a doubt.
func noteDoubt(n *casefile.Note) string     { return fmt.Sprintf("note-%d", n.Number) }
func payoutDoubt(p *casefile.Payout) string { return "payout-" + p.ID }
func sheetDoubt(s *casefile.Sheet) string   { return "sheet-" + s.Serial }

// unseenDoubt and what would be owed name a note or coin that nobody saw.
const unseenDoubt = "unseen-"

// Doubtful lists what the devices could not tell.
func (d *Daemon) Doubtful(context.Context) ([]ctl.Doubt, error) {
	if err := d.ready(); err != nil {
		return nil, err
	}
	out := []ctl.Doubt{}
	d.journal.Book(func(b *casefile.Book) {
		for _, n := range b.Notes {
			if n.State == casefile.NoteDoubtful {
				out = append(out, ctl.Doubt{ID: noteDoubt(n), Case: n.Case, What: "note", Amount: n.Face, Since: stamp(n.Since), Asked: n.Asked, Owed: n.Owed})
			}
		}
		for _, u := range b.Unknown {
			what := "note"
			if u.Coin {
				what = "coin"
			}
			out = append(out, ctl.Doubt{ID: unseenDoubt + u.ID, Case: u.Case, What: what, Since: stamp(u.Since), Asked: u.Asked, Owed: u.ID})
		}
		for _, p := range b.Payouts {
			if p.State == casefile.PayoutDoubtful {
				out = append(out, ctl.Doubt{ID: payoutDoubt(p), Case: p.Case, What: "payout", Amount: p.Unsure.Total(), Since: stamp(p.Since), Asked: p.Asked, Owed: p.Back})
			}
		}
		for _, s := range b.Sheets {
			if s.State == casefile.LicenseDoubtful {
				out = append(out, ctl.Doubt{ID: sheetDoubt(s), Case: s.Case, What: s.Form, Since: stamp(s.Since), Asked: s.Asked})
			}
		}
	})
	slices.SortFunc(out, func(x, y ctl.Doubt) int { return strings.Compare(x.Since+x.ID, y.Since+y.ID) })
	return out, nil
}

// SettleDoubt writes down what a person has found. A doubt of another terminal is named by what would be owed, or a sheet by its serial,
// and goes to it through the hall.
func (d *Daemon) SettleDoubt(ctx context.Context, s ctl.Settle) (ctl.Doubt, error) {
	d.acts.Lock()
	defer d.acts.Unlock()
	if err := d.ready(); err != nil {
		return ctl.Doubt{}, err
	}
	if err := needReason("settle", "what was found, and where", s.Reason); err != nil {
		return ctl.Doubt{}, err
	}
	doubt, here, err := d.settleHere(ctx, s)
	if here || err != nil {
		return doubt, err
	}
	owed := strings.TrimPrefix(s.ID, unseenDoubt)
	if sheet := strings.HasPrefix(owed, "sheet-"); !sheet && (strings.Contains(owed, "-") || !strings.HasPrefix(owed, "O")) {
		return ctl.Doubt{}, &ctl.Refused{Text: fmt.Sprintf("settle %s: nothing of this number is doubtful; kioskctl doubtful lists what is", s.ID)}
	}
	return d.settleElsewhere(ctx, owed, s)
}

// settleHere ends a doubt of this terminal; here is false when it has none of this name.
func (d *Daemon) settleHere(ctx context.Context, s ctl.Settle) (doubt ctl.Doubt, here bool, err error) {
	d.settling.Lock()
	defer d.settling.Unlock()
	doubts, err := d.Doubtful(ctx)
	i := slices.IndexFunc(doubts, func(x ctl.Doubt) bool { return x.ID == s.ID || x.Owed != "" && x.Owed == s.ID })
	if err != nil || i < 0 {
		return ctl.Doubt{}, false, err
	}
	doubt, s.ID = doubts[i], doubts[i].ID
	entries, err := d.foundHere(doubt, s)
	if err != nil {
		return ctl.Doubt{}, true, err
	}
	return doubt, true, d.journal.Append(ctx, entries...)
}

// foundHere is the end of a doubt of this terminal by the word of its technician.
func (d *Daemon) foundHere(doubt ctl.Doubt, s ctl.Settle) ([]store.Entry, error) {
	f := finding{as: s.As, reason: s.Reason, who: "technician"}
	if !strings.HasPrefix(doubt.ID, unseenDoubt) {
		if face, err := money.Parse(s.Face); s.Face != "" && (err != nil || doubt.What != "note" || face != doubt.Amount) {
			return nil, &ctl.Refused{Text: fmt.Sprintf("settle %s: its face is known; if the box holds another one, it is not this one", s.ID)}
		}
		entries := d.ends(f, func(id string) bool { return id == doubt.ID })
		if len(entries) == 0 {
			return nil, &ctl.Refused{Text: fmt.Sprintf("settle %s: a note is settled as stacked or returned, a sheet as printed or spoiled, a payout as paid or kept, not as %q", doubt.ID, s.As)}
		}
		return entries, nil
	}
	var err error
	if f.face, err = money.Parse(s.Face); s.As != "returned" && (s.As != "stacked" || err != nil || f.face <= 0) {
		return nil, &ctl.Refused{Text: "settle " + s.ID + ": nobody saw this " + doubt.What + "; settle it as returned, or as stacked with --face FACE when the box holds one more than the journal"}
	}
	if faces := facesOf(doubt.What); s.As == "stacked" && !slices.Contains(faces, f.face) {
		return nil, &ctl.Refused{Text: fmt.Sprintf("settle %s: there is no %s of %s yuan; --face is in yuan, one of %v", s.ID, doubt.What, f.face, faces)}
	}
	entries, err := d.endsUnseen(f, doubt.Owed)
	if errors.Is(err, errMoving) {
		return nil, &ctl.Refused{Text: "settle " + s.ID + ": a note is on its way; wait until it has arrived"}
	}
	return entries, err
}

// facesOf are the faces of what nobody saw: notes, or coins.
func facesOf(what string) (faces []money.Fen) {
	list := payment.Faces
	if what == "coin" {
		list = payment.Coins
	}
	for _, f := range list {
		faces = append(faces, money.Fen(f.Face))
	}
	return faces
}

// settleElsewhere hands a finding over to the terminal whose doubt it is, through the hall, which takes one for each doubt. The hall is told first what was
// ended here: it would take a second finding for a doubt of this terminal otherwise.
func (d *Daemon) settleElsewhere(ctx context.Context, owed string, s ctl.Settle) (ctl.Doubt, error) {
	f := office.Finding{Owed: owed, As: s.As, Reason: s.Reason}
	if s.Face != "" {
		var err error
		if f.Face, err = money.Parse(s.Face); err != nil {
			return ctl.Doubt{}, &ctl.Refused{Text: fmt.Sprintf("settle %s: %v", s.ID, err)}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, claimMax)
	defer cancel()
	err := d.link.Flush(ctx)
	var found office.Found
	if err == nil {
		found, err = d.link.Find(ctx, f)
	}
	if err != nil {
		return ctl.Doubt{}, &ctl.Refused{Text: fmt.Sprintf("settle %s: it is none of this terminal, and the hall does not answer; try again when the line is back", s.ID)}
	}
	if found.Refused != "" {
		return ctl.Doubt{}, &ctl.Refused{Text: fmt.Sprintf("settle %s: %s", s.ID, found.Refused)}
	}
	return ctl.Doubt{ID: s.ID, Case: found.Case, Amount: found.Amount, Owed: owed, Where: found.Terminal}, nil
}
