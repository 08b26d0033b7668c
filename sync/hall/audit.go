package hall

import (
	"context"
	"database/sql"
	"fmt"

	"yichuang/devices/idcard/idcheck"
	"yichuang/kiosk/casefile"
	"yichuang/sync/hallstore"
)

// Audit is what was looked at and whether it holds.
type Audit struct {
	Violations int         `json:"violations"`
	Invariants []Invariant `json:"invariants"`
}

// Invariant is one promise, how many things it was checked on, and what broke it.
type Invariant struct {
	ID      string `json:"id"`
	Holds   bool   `json:"holds"`
	Checked int    `json:"checked"`
	Note    string `json:"note"`
}

// notesMax is how many broken things a note names.
const notesMax = 5

// look is one promise being checked.
type look struct {
	Invariant
	broken int
}

func (l *look) see(ok bool, format string, args ...any) {
	l.Checked++
	if ok {
		return
	}
	if l.broken++; l.broken <= notesMax {
		if l.Note != "" {
			l.Note += "; "
		}
		l.Note += fmt.Sprintf(format, args...)
	}
}

// checks are the hall's invariants, in the order in which they are told. Ids are never renamed: monitoring knows them.
var checks = []struct {
	id, says string
	check    func(context.Context, *sql.Tx, *look) error
}{
	{"intake.chain", "Every journal is whole: each record follows the one before it, and nothing below the cursor is missing.", auditChain},
	{"intake.quarantine", "No record is in quarantine.", auditQuarantine},
	{"intake.sense", "Every record whose consequences were drawn said what can be.", auditProblems},
	{"intake.notices", "The notices of a terminal count 1, 2, 3 …", auditNotices},
	{"money.placed", "Once a case is settled, what came in stands in bill, surplus or owed, or went back.", auditMoney},
	{"money.posted_once", "What a biller booked is what was placed on its bill, and nothing was booked that went back.", auditPostings},
	{"money.refunded", "Only what was paid by phone goes back to a phone, and no more than that.", auditRefunds},
	{"owed.paid_once", "What is owed in a case is what its settlements say, and who paid it is known.", auditOwed},
	{"owed.claim", "A code is good for one debt, and one that was replaced for none.", auditClaims},
	{"owed.payout", "A payout is of a debt that is there, and what is in doubt has a debt of its own.", auditPayouts},
	{"paper.one_live", "Of each form of a license one sheet is out at most, or on its way, or in doubt.", auditPaper},
	{"license.number", "A license number is one by its check characters, and has one live original at most.", auditNumbers},
	{"license.name", "An approved business has its name, and in its county nobody else has.", auditNames},
}

// Audit checks the hall's own invariants against its books.
func (h *Hall) Audit(ctx context.Context) (a Audit, err error) {
	err = h.store.Tx(ctx, func(tx *sql.Tx) error {
		for _, c := range checks {
			l := &look{Invariant: Invariant{ID: c.id}}
			if err := c.check(ctx, tx, l); err != nil {
				return fmt.Errorf("audit %s: %w", c.id, err)
			}
			l.Holds = l.broken == 0
			a.Violations += l.broken
			a.Invariants = append(a.Invariants, l.Invariant)
		}
		return nil
	})
	return a, err
}

// auditChain goes through every journal from its beginning.
func auditChain(ctx context.Context, tx *sql.Tx, l *look) error {
	streams, err := terminalRows(ctx, tx)
	if err != nil {
		return err
	}
	for _, s := range streams {
		seq, prev := s.After, casefile.Genesis(s.ID, s.Epoch)
		for {
			records, err := hallstore.Records(ctx, tx, s.ID, s.Epoch, seq, 500)
			if err != nil {
				return err
			}
			for _, r := range records {
				if seq > 0 && seq == s.After {
					prev = r.Prev // of the journal that it branched from, which the hall may not have
				}
				err := r.Check(seq+1, prev)
				l.see(err == nil, "%s: %v", s.ID, err)
				seq, prev = r.Seq, r.Hash
			}
			if len(records) == 0 {
				break
			}
		}
		l.see(s.Gaps == 0 && s.Processed <= seq, "%s: %d gaps, %d of %d drawn", s.ID, s.Gaps, s.Processed, seq)
	}
	return nil
}

func auditQuarantine(ctx context.Context, tx *sql.Tx, l *look) error {
	streams, err := terminalRows(ctx, tx)
	for _, s := range streams {
		l.see(s.Quarantined == 0, "%s: %d records in quarantine, chain %s", s.ID, s.Quarantined, s.Chain)
	}
	return err
}

func auditProblems(ctx context.Context, tx *sql.Tx, l *look) error {
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(sum(processed), 0) FROM streams`).Scan(&l.Checked); err != nil {
		return err
	}
	type problem struct {
		terminal, kind, what string
		seq                  int64
	}
	list, err := collect(ctx, tx, `SELECT terminal, seq, kind, what FROM problems ORDER BY id`, func(rows *sql.Rows) (p problem, err error) {
		return p, rows.Scan(&p.terminal, &p.seq, &p.kind, &p.what)
	})
	for _, p := range list {
		l.see(false, "%s %d %s: %s", p.terminal, p.seq, p.kind, p.what)
	}
	return err
}

func auditNotices(ctx context.Context, tx *sql.Tx, l *look) error {
	type row struct {
		terminal             string
		n, first, last, told int64
	}
	list, err := collect(ctx, tx, `SELECT terminal, count(*), min(seq), max(seq), coalesce((SELECT t.seq FROM told t WHERE t.terminal = n.terminal), 0) FROM notices n GROUP BY terminal`, func(rows *sql.Rows) (r row, err error) {
		return r, rows.Scan(&r.terminal, &r.n, &r.first, &r.last, &r.told)
	})
	for _, r := range list {
		l.see(r.first == 1 && r.last == r.n && r.told == r.n, "%s: %d notices from %d to %d, and it is to be told %d", r.terminal, r.n, r.first, r.last, r.told)
	}
	return err
}

// auditMoney: once a case is settled, what came in stands in bill, surplus, owed or went back.
func auditMoney(ctx context.Context, tx *sql.Tx, l *look) error {
	list, err := payments(ctx, tx, paymentQuery)
	for _, p := range list {
		if !p.settled {
			continue
		}
		placed := p.bill + p.extra + p.owed + p.unusedBack
		if p.refusal == "owed" {
			placed -= p.bill + p.extra // what was on the bill is owed now
		}
		l.see(placed == p.in(), "case %s: %d came in and %d is placed", p.caseID, p.in(), placed)
	}
	return err
}

// auditPostings: what a biller booked is what was placed on its bill, and nothing was booked that went back.
func auditPostings(ctx context.Context, tx *sql.Tx, l *look) error {
	list, err := payments(ctx, tx, paymentQuery)
	for _, p := range list {
		if p.posting == "" {
			l.see(p.posted == 0 && (!p.settled || p.bill+p.extra == 0), "case %s: %d is on the bill and was never due", p.caseID, p.bill+p.extra)
			continue
		}
		ok := p.amount == p.bill+p.extra && (p.posting == "posted") == (p.posted == p.amount) && (p.posting == "posted" || p.posted == 0)
		l.see(ok && !(p.posting == "posted" && p.refusal != ""), "case %s: %d placed, %d asked for, %d booked, %s %s", p.caseID, p.bill+p.extra, p.amount, p.posted, p.posting, p.refusal)
	}
	return err
}

func auditRefunds(ctx context.Context, tx *sql.Tx, l *look) error {
	type row struct {
		attempt, state, refund string
		amount, refunded       int64
	}
	list, err := collect(ctx, tx, `SELECT attempt, state, refund, amount, refunded FROM attempts`, func(rows *sql.Rows) (r row, err error) {
		return r, rows.Scan(&r.attempt, &r.state, &r.refund, &r.amount, &r.refunded)
	})
	for _, r := range list {
		l.see(r.refunded >= 0 && r.refunded <= r.amount && (r.refund != "" || r.refunded == 0), "order %s, %s over %d: %d goes back, %q", r.attempt, r.state, r.amount, r.refunded, r.refund)
	}
	return err
}

// auditClaims: two debts with one code would be paid together, and a replaced code is on a slip that somebody may have found.
func auditClaims(ctx context.Context, tx *sql.Tx, l *look) error {
	type row struct {
		id         string
		same, dead int
	}
	list, err := collect(ctx, tx, `SELECT o.id, (SELECT count(*) FROM owed p WHERE p.claim = o.claim), (SELECT count(*) FROM dead_claims d WHERE d.claim = o.claim)
		FROM owed o WHERE o.claim <> ''`, func(rows *sql.Rows) (r row, err error) {
		return r, rows.Scan(&r.id, &r.same, &r.dead)
	})
	for _, r := range list {
		l.see(r.same == 1 && r.dead == 0, "%s: %d debts have its code, and it was replaced %d times", r.id, r.same, r.dead)
	}
	return err
}

func auditPayouts(ctx context.Context, tx *sql.Tx, l *look) error {
	type row struct {
		payout, state string
		debts, back   int
	}
	list, err := collect(ctx, tx, `SELECT p.payout, p.state, (SELECT count(*) FROM owed o WHERE o.id = p.owed AND o.amount >= 0),
		(SELECT count(*) FROM owed o WHERE o.id = p.back AND o.state = 'doubtful') FROM payouts p`, func(rows *sql.Rows) (r row, err error) {
		return r, rows.Scan(&r.payout, &r.state, &r.debts, &r.back)
	})
	for _, r := range list {
		l.see(r.debts == 1 && (r.state == "doubtful") == (r.back == 1), "payout %s, %s: %d debts, %d in doubt", r.payout, r.state, r.debts, r.back)
	}
	return err
}

// auditOwed: what is owed by case is what its settlements say, and who paid is known. A doubtful note is not in; what a
// machine may have paid out is.
func auditOwed(ctx context.Context, tx *sql.Tx, l *look) error {
	type sum struct {
		caseID      string
		says, holds int64
		unnamed     int
	}
	list, err := collect(ctx, tx, `SELECT p.case_id, p.owed,
		coalesce((SELECT sum(o.amount) FROM owed o WHERE o.case_id = p.case_id AND (o.state IN ('open', 'paid') OR o.state = 'doubtful' AND o.note = 0)), 0),
		(SELECT count(*) FROM owed o WHERE o.case_id = p.case_id AND o.state = 'paid' AND o.paid_by = '') FROM payments p`, func(rows *sql.Rows) (s sum, err error) {
		return s, rows.Scan(&s.caseID, &s.says, &s.holds, &s.unnamed)
	})
	for _, s := range list {
		l.see(s.says == s.holds && s.unnamed == 0, "case %s: %d became owed, %d is in the slips, %d paid by nobody", s.caseID, s.says, s.holds, s.unnamed)
	}
	return err
}

func auditPaper(ctx context.Context, tx *sql.Tx, l *look) error {
	type form struct {
		caseID, form string
		live         int
	}
	list, err := collect(ctx, tx, `SELECT case_id, form, sum(state IN ('open', 'printed', 'doubtful')) FROM permits GROUP BY case_id, form`, func(rows *sql.Rows) (f form, err error) {
		return f, rows.Scan(&f.caseID, &f.form, &f.live)
	})
	for _, f := range list {
		l.see(f.live <= 1, "case %s: %d live %s", f.caseID, f.live, f.form)
	}
	return err
}

func auditNumbers(ctx context.Context, tx *sql.Tx, l *look) error {
	list, err := licenseRows(ctx, tx)
	for _, r := range list {
		c, bad := idcheck.ParseCreditCode(r.Number)
		l.see(bad == nil && c.CheckHolds && c.OrgHolds && c.Department == '9' && c.Category == '2' && r.LiveOriginals <= 1,
			"case %s: number %s, %d live originals", r.Case, r.Number, r.LiveOriginals)
	}
	return err
}

// auditNames: an approved business has its name, and in its county nobody else has.
func auditNames(ctx context.Context, tx *sql.Tx, l *look) error {
	type name struct {
		caseID string
		same   int
		kept   bool
	}
	list, err := collect(ctx, tx, `SELECT c.case_id, c.name_key IS NOT NULL, (SELECT count(*) FROM cases d WHERE d.division = c.division AND d.name_key = c.name_key)
		FROM cases c WHERE c.state IN ('approved', 'printed')`, func(rows *sql.Rows) (n name, err error) {
		return n, rows.Scan(&n.caseID, &n.kept, &n.same)
	})
	for _, n := range list {
		l.see(n.kept && n.same == 1, "case %s: its name is kept %v and stands %d times", n.caseID, n.kept, n.same)
	}
	return err
}
