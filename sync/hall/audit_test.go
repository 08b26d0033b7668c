package hall_test

import (
	"slices"
	"testing"

	"yichuang/kiosk/casefile"
	"yichuang/sync/halltest"
)

// lived is a hall in whose books something of everything stands.
func lived(t *testing.T) *halltest.Hall {
	t.Helper()
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 500})
	term := h.Enrol("T1")
	pay(term, "c1", account, 500, 1500, 500, 0, 1000)
	term.Push()
	posting(t, term, "c1", "posted")
	write := func(kind casefile.Kind, hd casefile.Header) { term.Write(kind, "c1", hd, nil) }
	write(casefile.PayoutBegun, casefile.Header{Payout: "Y1", Owed: "o-c1", Amount: 300, Pieces: yuan(3)})
	write(casefile.PayoutEnded, casefile.Header{Payout: "Y1", Amount: 200, Pieces: yuan(2), Fault: "jammed"})
	write(casefile.PayoutBegun, casefile.Header{Payout: "Y2", Owed: "o-c1", Amount: 300, Pieces: yuan(3)})
	write(casefile.PayoutDoubtful, casefile.Header{Payout: "Y2", Unsure: yuan(3), Owed: "oY2", Claim: casefile.ClaimHash("oY2", "DOUBT")})
	submit(t, term, "c2", filled("青山小店"))
	p := permit(t, term, "c2", "original", "A1")
	begin(term, "c2", p.Permit, "original", "A1")
	end(term, casefile.LicensePrinted, "c2", p.Permit, "A1")
	claim(t, term, "wait until it is drawn")
	return h
}

// Each of the hall's invariants is shown to fire, by one change behind its back, and no other with it.
func TestEachInvariantOfTheHallFires(t *testing.T) {
	h := lived(t)
	broken := func() (ids []string, all []string) {
		t.Helper()
		a, err := h.Hall().Audit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range a.Invariants {
			all = append(all, i.ID)
			if i.Holds != (i.Note == "") {
				t.Errorf("%+v", i)
			}
			if !i.Holds {
				ids = append(ids, i.ID)
			}
		}
		if (a.Violations == 0) != (len(ids) == 0) {
			t.Errorf("%d violations and %v", a.Violations, ids)
		}
		return ids, all
	}
	ids, all := broken()
	if len(ids) > 0 {
		t.Fatalf("before anything was changed: %v", ids)
	}
	shown := map[string]bool{}
	for _, row := range []struct{ id, spoil, mend string }{
		{"intake.chain", `UPDATE records SET prev = prev || 'x' WHERE seq = 2`, `UPDATE records SET prev = substr(prev, 1, 64)`},
		{"intake.chain", `UPDATE streams SET acked = acked + 1`, `UPDATE streams SET acked = acked - 1`},
		{"intake.quarantine", `INSERT INTO quarantine (terminal, epoch, seq, hash, why, record, received) SELECT terminal, epoch, 1, 'x', 'x', x'00', '' FROM streams`, `DELETE FROM quarantine`},
		{"intake.sense", `INSERT INTO problems (terminal, epoch, seq, kind, what, time) VALUES ('T1', 'e', 1, 'note.stacked', 'twice', '')`, `DELETE FROM problems`},
		{"intake.notices", `UPDATE told SET seq = seq - 1`, `UPDATE told SET seq = seq + 1`},
		{"intake.notices", `INSERT INTO notices VALUES ('T1', 99, 'refund', 'c1', x'7b7d')`, `DELETE FROM notices WHERE seq = 99`},
		{"money.placed", `UPDATE payments SET stacked = stacked + 1`, `UPDATE payments SET stacked = stacked - 1`},
		{"money.posted_once", `UPDATE postings SET posted = posted - 1`, `UPDATE postings SET posted = posted + 1`},
		{"money.posted_once", `UPDATE postings SET amount = amount - 1, posted = posted - 1`, `UPDATE postings SET amount = amount + 1, posted = posted + 1`},
		{"money.refunded", `INSERT INTO attempts (attempt, case_id, terminal, amount, state, refund, refunded) VALUES ('Y', 'c9', 'T1', 5, 'closed', 'done', 6)`, `DELETE FROM attempts`},
		{"money.refunded", `INSERT INTO attempts (attempt, case_id, terminal, amount, state, refund, refunded) VALUES ('Y', 'c9', 'T1', 5, 'closed', '', 1)`, `DELETE FROM attempts`},
		{"money.refunded", `INSERT INTO attempts (attempt, case_id, terminal, amount, state, refund, refunded) VALUES ('Y', 'c9', 'T1', 5, 'closed', 'done', -1)`, `DELETE FROM attempts`},
		{"owed.paid_once", `UPDATE owed SET amount = amount + 1 WHERE id = 'o-c1'`, `UPDATE owed SET amount = amount - 1 WHERE id = 'o-c1'`},
		{"owed.paid_once", `UPDATE owed SET paid_by = '' WHERE id = 'Y1'`, `UPDATE owed SET paid_by = 'T1' WHERE id = 'Y1'`},
		{"owed.claim", `UPDATE owed SET claim = (SELECT claim FROM owed WHERE id = 'o-c1') WHERE id = 'oY2'`, `UPDATE owed SET claim = '` + casefile.ClaimHash("oY2", "DOUBT") + `' WHERE id = 'oY2'`},
		{"owed.claim", `INSERT INTO dead_claims SELECT id, claim FROM owed WHERE id = 'o-c1'`, `DELETE FROM dead_claims`},
		{"owed.payout", `UPDATE payouts SET state = 'ended' WHERE payout = 'Y2'`, `UPDATE payouts SET state = 'doubtful' WHERE payout = 'Y2'`},
		{"owed.payout", `UPDATE payouts SET owed = 'o-c9' WHERE payout = 'Y1'`, `UPDATE payouts SET owed = 'o-c1' WHERE payout = 'Y1'`},
		{"paper.one_live", `DROP INDEX permits_live; INSERT INTO permits (id, case_id, form, terminal, epoch, serial, state, begun, granted, ended, code, facts, reason) SELECT id || 'x', case_id, form, terminal, epoch, serial || 'x', 'open', begun, granted, ended, code, facts, reason FROM permits`,
			`DELETE FROM permits WHERE state = 'open'; CREATE UNIQUE INDEX permits_live ON permits (case_id, form) WHERE state IN ('open', 'printed', 'doubtful')`},
		{"license.number", `UPDATE licenses SET number = number || 'x'`, `UPDATE licenses SET number = substr(number, 1, 18)`},
		{"license.name", `UPDATE cases SET reason_en = name_key, name_key = NULL WHERE case_id = 'c2'`, `UPDATE cases SET name_key = reason_en, reason_en = '' WHERE case_id = 'c2'`},
	} {
		meddle(t, h, row.spoil)
		if got, _ := broken(); !slices.Equal(got, []string{row.id}) {
			t.Errorf("%s\ngot %v, want %s", row.spoil, got, row.id)
		}
		meddle(t, h, row.mend)
		if got, _ := broken(); len(got) > 0 {
			t.Fatalf("%s\ngot %v, want it mended", row.mend, got)
		}
		shown[row.id] = true
	}
	for _, id := range all {
		if !shown[id] {
			t.Errorf("nothing shows that %s fires", id)
		}
	}
}
