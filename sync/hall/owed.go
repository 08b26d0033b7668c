package hall

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/invariant"
	"yichuang/kiosk/money"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallstore"
)

// What is doubtful and was seen by nobody has no amount yet, and is in no sum.
const (
	unseenNote = "unseen_note"
	unseenCoin = "unseen_coin"
)

// unseenFaces are what something that nobody saw can turn out to be.
var unseenFaces = map[string][]money.Fen{unseenNote: {10000, 5000, 2000, 1000, 500, 100}, unseenCoin: {100, 50, 10}}

// owe puts down what is owed under the record's own id and claim. A doubtful note has both in advance,
// in case it is found in the box; one that nobody saw gets its amount now.
func (f *fold) owe(amount money.Fen, state string) error {
	h := f.e.Header
	id := h.Owed
	if id == "" {
		id = fmt.Sprintf("%s.%s.%d", f.r.Terminal, f.r.Epoch, f.r.Seq)
	}
	return f.change1("the same debt twice", `INSERT INTO owed (id, case_id, terminal, note, amount, claim, state, since) VALUES (?,?,?,?,?,?,?,?)
		ON CONFLICT (id) DO UPDATE SET note = excluded.note, amount = excluded.amount, claim = excluded.claim, state = excluded.state
		WHERE state IN ('`+unseenNote+`', '`+unseenCoin+`') AND case_id = excluded.case_id AND terminal = excluded.terminal`,
		id, f.e.Case, f.r.Terminal, h.Note, amount, h.Claim, state, f.at)
}

// acceptorReset puts down a doubt about a note or coin that nobody saw, where somebody was paying.
func (f *fold) acceptorReset() error {
	if f.e.Header.Owed == "" {
		return nil
	}
	if f.e.Kind == casefile.CoinsReset {
		return f.owe(0, unseenCoin)
	}
	return f.owe(0, unseenNote)
}

// acceptorSettled ends such a doubt: nothing was there. A hall of an earlier version did not put it down.
func (f *fold) acceptorSettled() error {
	if f.e.Header.As != "returned" {
		return oddf("nobody saw it, and it is settled as %q", f.e.Header.As)
	}
	return f.exec(`UPDATE owed SET state = 'void' WHERE id = ? AND case_id = ? AND terminal = ? AND state IN ('`+unseenNote+`', '`+unseenCoin+`')`,
		f.e.Header.Owed, f.e.Case, f.r.Terminal)
}

// owedRecoded puts a new code in the place of the former one, which is dead from then on. What was paid for the former one meanwhile, which
// may be heard of before, stays paid, and the new code is refused as that.
func (f *fold) owedRecoded() error {
	id := f.e.Header.Owed
	if err := f.exec(`INSERT INTO dead_claims (owed, claim) SELECT id, claim FROM owed WHERE id = ? AND claim <> ? ON CONFLICT DO NOTHING`, id, f.e.Header.Claim); err != nil {
		return err
	}
	return f.change1("no such open debt", `UPDATE owed SET claim = ? WHERE id = ? AND state IN ('open', 'doubtful', 'paid')`, f.e.Header.Claim, id)
}

// owedPaid is a terminal's word that it has paid out, or that it has heard where its debt was paid. Two cannot both have paid.
func (f *fold) owedPaid() error {
	h := f.e.Header
	d, err := f.debt(h.Owed)
	if err != nil {
		return err
	}
	switch {
	case h.Where != "" && d.state == "open" && f.lost():
		// A former life of the hall had it paid there. That terminal's own record says so too, if it comes.
		if err := f.exec(`UPDATE owed SET state = 'paid', reported = ?, paid_by = ?, reason = ?, who = ?, paid_at = ? WHERE id = ?`,
			h.Where == casefile.AtHall, h.Where, h.Reason, h.Who, f.at, d.id); err != nil {
			return err
		}
	case h.Where != "" && (d.state != "paid" || d.by != h.Where):
		return oddf("it is not paid at %s", h.Where)
	}
	if h.Where != "" {
		return f.exec(`DELETE FROM paid_here WHERE owed = ?`, d.id) // its journal tells of it from now on
	}
	if d.state != "open" && d.state != "paid" {
		return oddf("paid out what is not owed")
	}
	return f.paidOut(d)
}

// owedRedeemed is a terminal's word that it has paid out a slip of another terminal.
func (f *fold) owedRedeemed() error {
	d, err := f.debt(f.e.Header.Owed)
	if err != nil {
		return err
	}
	lost := d.state == "open" && f.lost() // it had asked a former life of the hall
	if lost && d.amount != int64(f.e.Header.Amount) {
		// A part of it went out of the machine before there was a slip of the rest: that terminal has more to tell.
		return oddf("paid out %d of %d", f.e.Header.Amount, d.amount)
	}
	if !lost && (d.state != "paid" || d.by != f.r.Terminal) {
		return oddf("paid out without having asked")
	}
	if err := f.paidOut(d); err != nil || !lost {
		return err
	}
	return tellClaim(f.ctx, f.tx, d, f.r.Terminal, f.e.Header.Reason)
}

// debt finds what is owed under an id.
func (f *fold) debt(id string) (d debt, err error) {
	found, err := f.row(`SELECT id, case_id, terminal, amount, state, paid_by, reported FROM owed WHERE id = ?`, []any{id}, &d.id, &d.caseID, &d.terminal, &d.amount, &d.state, &d.by, &d.reported)
	if err == nil && !found {
		err = oddf("paid out what is not owed")
	}
	return d, err
}

// paidOut puts down what a terminal has paid, once.
func (f *fold) paidOut(d debt) error {
	if d.reported || d.state == "paid" && d.by != f.r.Terminal {
		return oddf("paid out twice: by %s before", d.by)
	}
	return f.exec(`UPDATE owed SET state = 'paid', reported = 1, paid_by = ?, reason = ?, who = ?,
		paid_at = CASE paid_at WHEN '' THEN ? ELSE paid_at END WHERE id = ?`, f.r.Terminal, f.e.Header.Reason, f.e.Header.Who, f.at, d.id)
}

// debt is one line of what is owed.
type debt struct {
	id, caseID, claim, state, by string
	terminal, at, epoch          string // whose it is, when it was paid, and in which journal of who pays
	amount                       int64
	reported                     bool
}

// Claim redeems what is owed, once in the whole fleet. The terminal that redeemed it may ask again with
// the same code, because the answer may have been lost, until its journal says that it has paid out. One whose journal is
// another one by now may have said so in the former.
func (s *service) Claim(ctx context.Context, req *hallapi.ClaimRequest) (*hallapi.ClaimResponse, error) {
	terminal, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.waitFor(ctx, terminal); err != nil {
		return nil, err
	}
	return s.payCode(ctx, req.Code, terminal, req.Reason, req.Who)
}

// payCode pays a code out at a terminal, or at the hall itself. One that is unknown may be of a slip whose terminal has handed in this very moment what it
// is about: it is looked for again when nothing is left to be drawn.
func (h *Hall) payCode(ctx context.Context, code, by, reason, who string) (*hallapi.ClaimResponse, error) {
	out, err := h.payKnown(ctx, code, by, reason, who)
	if err != nil || out.Refused != claimUnknown {
		return out, err
	}
	if err := h.waitFor(ctx, ""); err != nil {
		return nil, err
	}
	return h.payKnown(ctx, code, by, reason, who)
}

// claimUnknown refuses a code that belongs to nothing that could be paid.
const claimUnknown = "unknown"

// payKnown pays the debt of a code. The terminal whose debt it is hears of it, unless it pays itself.
func (h *Hall) payKnown(ctx context.Context, code, by, reason, who string) (out *hallapi.ClaimResponse, err error) {
	if by == casefile.AtHall {
		h.laying.Lock()
		defer h.laying.Unlock()
		if err := ctx.Err(); err != nil {
			return nil, err // whoever asked has gone, and asks again
		}
		ctx = context.WithoutCancel(ctx) // what is laid down beside the database is to stand in it
	}
	out = &hallapi.ClaimResponse{}
	err = h.tx(ctx, func(tx *sql.Tx) error {
		if err := thawed(ctx, tx); err != nil {
			return unavailable(err)
		}
		d, refused, err := findClaim(ctx, tx, code)
		if err == nil {
			err = d.paidBefore(ctx, tx)
		}
		if err != nil {
			return err
		}
		var epoch string
		if _, err := row(ctx, tx, `SELECT epoch FROM terminals WHERE id = ?`, []any{by}, &epoch); err != nil {
			return err
		}
		if refused == "" && d.state == "paid" && (d.by != by || d.reported || d.epoch != epoch) {
			*out = hallapi.ClaimResponse{Refused: "paid", When: d.at, Where: d.by}
			return nil
		}
		if refused != "" {
			*out = hallapi.ClaimResponse{Refused: refused}
			return nil
		}
		*out = hallapi.ClaimResponse{Paid: true, Owed: d.id, Case: d.caseID, AmountFen: d.amount}
		if d.state == "paid" {
			return nil // the answer was lost, and is given again
		}
		return h.redeem(ctx, tx, d, by, epoch, reason, who)
	})
	return out, err
}

// paidBefore looks whether a former life of the hall has paid it itself, and the books do not have that yet.
func (d *debt) paidBefore(ctx context.Context, tx *sql.Tx) error {
	if d.state != "open" {
		return nil
	}
	before, err := row(ctx, tx, `SELECT at FROM paid_here WHERE owed = ?`, []any{d.id}, &d.at)
	if before {
		d.state, d.by, d.reported = "paid", casefile.AtHall, true
	}
	return err
}

// redeem puts down that an open debt is paid. What the hall itself pays no journal tells before the debt's terminal has heard of it, so that it stands beside
// the database before it stands in it: whoever puts that back does not pay again. A power cut between the two
// begins a new life, which takes it for paid.
func (h *Hall) redeem(ctx context.Context, tx *sql.Tx, d debt, by, epoch, reason, who string) error {
	now := hallstore.Stamp(time.Now())
	if _, err := tx.ExecContext(ctx, `UPDATE owed SET state = 'paid', paid_at = ?, paid_by = ?, epoch = ?, reason = ?, who = ?, reported = ? WHERE id = ? AND state = 'open'`,
		now, by, epoch, reason, who, by == casefile.AtHall, d.id); err != nil || d.terminal == by {
		return err
	}
	if err := tellClaim(ctx, tx, d, by, reason); err != nil || by != casefile.AtHall {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO paid_here (owed, at, reason) VALUES (?,?,?)`, d.id, now, reason); err != nil {
		return err
	}
	w, err := counted(ctx, tx)
	if err != nil {
		return err
	}
	return h.lay(w)
}

// tellClaim tells a terminal that its debt was paid elsewhere.
func tellClaim(ctx context.Context, tx *sql.Tx, d debt, where, reason string) error {
	return hallstore.Tell(ctx, tx, d.terminal, "claim", d.caseID, map[string]any{"owed": d.id, "amount_fen": d.amount, "where": where, "reason": reason})
}

// findClaim finds the debt that a code belongs to. What is kept is a hash bound to the debt, so that every
// one is tried: a hash takes less than a microsecond.
func findClaim(ctx context.Context, tx *sql.Tx, code string) (d debt, refused string, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, case_id, terminal, amount, claim, state, paid_by, paid_at, epoch, reported, 0 FROM owed WHERE claim <> ''
		UNION ALL SELECT o.id, o.case_id, o.terminal, o.amount, d.claim, o.state, o.paid_by, o.paid_at, o.epoch, o.reported, 1 FROM dead_claims d JOIN owed o ON o.id = d.owed`)
	if err != nil {
		return d, "", err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var dead bool
		if err := rows.Scan(&d.id, &d.caseID, &d.terminal, &d.amount, &d.claim, &d.state, &d.by, &d.at, &d.epoch, &d.reported, &dead); err != nil {
			return d, "", err
		}
		if casefile.ClaimHash(d.id, code) != d.claim {
			continue
		}
		switch {
		case dead:
			return d, "superseded", nil
		case d.state == "open" || d.state == "paid":
			return d, "", nil
		default:
			return d, claimUnknown, nil // in doubt, or found not to be owed
		}
	}
	return debt{}, claimUnknown, rows.Err()
}

// PayClaim pays a slip out at the hall, with a reason. What it says when it refuses is a sentence for staff.
func (h *Hall) PayClaim(ctx context.Context, code, reason string) (OwedRow, error) {
	if reason = strings.TrimSpace(reason); reason == "" {
		return OwedRow{}, errors.New("a reason is needed: where and how it is paid out")
	}
	if err := readable(reason); err != nil {
		return OwedRow{}, err
	}
	r, err := h.payCode(ctx, code, casefile.AtHall, reason, "clerk")
	switch {
	case err != nil:
		return OwedRow{}, err
	case r.Refused == "paid":
		return OwedRow{}, fmt.Errorf("this code was paid on %s at %s; it is good only once", when(r.When), place(r.Where))
	case r.Refused == "superseded":
		return OwedRow{}, errors.New("a later slip has taken the place of this one; ask for that")
	case r.Refused != "":
		return OwedRow{}, errors.New("there is no such code; look at the slip again")
	}
	return OwedRow{ID: r.Owed, Case: r.Case, Amount: r.AmountFen, State: "paid", PaidBy: casefile.AtHall}, nil
}

// readable refuses a reason with a number of a person in it: it goes to a terminal, and stands in its journal in the clear, for ever.
func readable(reason string) error {
	if what := invariant.Personal(reason); what != "" {
		return refusal("the reason has " + what + " in it, and is kept for everybody to read; say it without")
	}
	return nil
}

// place is a terminal, or the hall, in a sentence.
func place(where string) string {
	if where == casefile.AtHall {
		return "the hall"
	}
	return where
}

// refusal is a sentence for staff: why something is not done.
type refusal string

func (r refusal) Error() string { return string(r) }

// finding is what a person has found of something doubtful.
type finding struct {
	owed, as, reason string
	face             money.Fen // of something that nobody saw and that was found; 0 otherwise
	by               string    // the terminal where they stand, or the hall
}

// Find tells a terminal what a person at another one has found of its doubt.
func (s *service) Find(ctx context.Context, req *hallapi.FindRequest) (*hallapi.FindResponse, error) {
	terminal, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.waitFor(ctx, terminal); err != nil {
		return nil, err
	}
	out, err := s.find(ctx, finding{owed: req.Owed, as: req.As, face: money.Fen(req.FaceFen), reason: req.Reason, by: terminal})
	var no refusal
	if errors.As(err, &no) {
		return &hallapi.FindResponse{Refused: string(no)}, nil
	}
	return out, err
}

// Find puts down what a person at the hall has found of something doubtful: a note stacked or returned, pieces paid or kept, a sheet
// (sheet- and its serial) printed or spoiled. What nobody saw has a face when it is found.
func (h *Hall) Find(ctx context.Context, owed, as string, face money.Fen, reason string) error {
	_, err := h.find(ctx, finding{owed: owed, as: as, face: face, reason: reason, by: casefile.AtHall})
	return err
}

// find takes one finding for each doubt. The terminal hears of it and writes it into its journal; what its own staff has found
// before counts. The same one from the same place once more is one whose answer was lost.
func (h *Hall) find(ctx context.Context, f finding) (*hallapi.FindResponse, error) {
	out := &hallapi.FindResponse{}
	if f.reason = strings.TrimSpace(f.reason); f.reason == "" {
		return out, refusal("a reason is needed: what was found, and where")
	}
	if err := readable(f.reason); err != nil {
		return out, err
	}
	err := h.tx(ctx, func(tx *sql.Tx) error {
		if serial, sheet := strings.CutPrefix(f.owed, sheetPrefix); sheet {
			return f.sheet(ctx, tx, serial, out)
		}
		var state, who, told string
		var note int64
		found, err := row(ctx, tx, `SELECT terminal, case_id, amount, state, who, reason, note FROM owed WHERE id = ?`, []any{f.owed}, &out.Terminal, &out.Case, &out.AmountFen, &state, &who, &told, &note)
		if err != nil {
			return err
		}
		if !found || state != "doubtful" && unseenFaces[state] == nil {
			return errNotDoubtful
		}
		if err := f.fits(state, note); err != nil {
			return err
		}
		if out.AmountFen == 0 {
			out.AmountFen = int64(f.face)
		}
		if told, err := f.told(out.Terminal, who, told); told || err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE owed SET who = ?, reason = ? WHERE id = ?`, f.by, f.words(), f.owed); err != nil {
			return err
		}
		content := map[string]any{"owed": f.owed, "as": f.as, "reason": f.reason}
		if f.face > 0 {
			content["face_fen"] = f.face
		}
		return hallstore.Tell(ctx, tx, out.Terminal, "settle", out.Case, content)
	})
	return out, err
}

// sheetPrefix begins the name of a sheet in doubt, which is by its serial: no money hangs on it.
const sheetPrefix = "sheet-"

const errNotDoubtful refusal = "nothing of this number is doubtful any more"

// sheet is find for a sheet. Its terminal writes license.settled, and until then its permit lives.
func (f finding) sheet(ctx context.Context, tx *sql.Tx, serial string, out *hallapi.FindResponse) error {
	type doubt struct{ permit, terminal, caseID, found, at string }
	doubts, err := collect(ctx, tx, `SELECT id, terminal, case_id, found, found_at FROM permits WHERE serial = ? AND state = 'doubtful'`, func(rows *sql.Rows) (d doubt, err error) {
		return d, rows.Scan(&d.permit, &d.terminal, &d.caseID, &d.found, &d.at)
	}, serial)
	switch {
	case err != nil:
		return err
	case len(doubts) == 0:
		return errNotDoubtful
	case len(doubts) > 1:
		return refusal(fmt.Sprintf("%d sheets have this number: settle each at its own terminal, %s and %s", len(doubts), doubts[0].terminal, doubts[1].terminal))
	case f.as != "printed" && f.as != "spoiled" || f.face != 0:
		return refusal("a sheet is settled as printed or spoiled")
	}
	d := doubts[0]
	out.Terminal, out.Case = d.terminal, d.caseID
	if told, err := f.told(d.terminal, d.at, d.found); told || err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE permits SET found = ?, found_at = ? WHERE id = ?`, f.words(), f.by, d.permit); err != nil {
		return err
	}
	return hallstore.Tell(ctx, tx, d.terminal, "settle", d.caseID, map[string]any{"permit": d.permit, "as": f.as, "reason": f.reason})
}

// told says whether a terminal was told of this finding before; it may not be told of another one.
func (f finding) told(terminal, by, words string) (bool, error) {
	switch {
	case by == f.by && words == f.words():
		return true, nil
	case by != "":
		return false, refusal(fmt.Sprintf("%s was told before what was found; it has not answered yet", terminal))
	}
	return false, nil
}

// words are what the books keep of a finding.
func (f finding) words() string {
	if f.face > 0 {
		return fmt.Sprintf("%s, %s: %s", f.as, f.face, f.reason)
	}
	return f.as + ": " + f.reason
}

// fits says why a finding cannot be one of such a doubt.
func (f finding) fits(state string, note int64) error {
	faces := unseenFaces[state]
	switch {
	case faces != nil && f.as == "returned" && f.face == 0:
		return nil
	case faces != nil && (f.as != "stacked" || !slices.Contains(faces, f.face)):
		return refusal("nobody saw it: it is settled as returned, or as stacked with its face, when the box holds one more than the journal")
	case faces == nil && f.face != 0:
		return refusal("its face is known")
	case faces == nil && (note > 0 && f.as != "stacked" && f.as != "returned" || note == 0 && f.as != "paid" && f.as != "kept"):
		return refusal("a note is settled as stacked or returned, pieces as paid or kept")
	}
	return nil
}
