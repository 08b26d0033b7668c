package daemon

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/catalog"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/money"
	"yichuang/kiosk/office"
	"yichuang/kiosk/store"
)

// hallSays is a line on which the hall says one thing about every code.
type hallSays struct {
	office.Away
	claim office.Claim
	away  bool
	asked int
	found []office.Finding
	finds office.Found
	told  bool // all that the terminal has written, since it was asked last
}

func (h *hallSays) Flush(context.Context) error {
	if h.away {
		return office.ErrNoLine
	}
	h.told = true
	return nil
}

func (h *hallSays) Claim(context.Context, string, string, string) (office.Claim, error) {
	h.asked++
	return h.claim, nil
}

func (*hallSays) Run(context.Context) error { return nil }
func (*hallSays) Catalog() *catalog.Catalog { return nil }
func (*hallSays) Root() []byte              { return nil }
func (*hallSays) Sealing() bool             { return true }
func (*hallSays) Trouble() string           { return "" }

// Barred is never.
func (*hallSays) Barred() string { return "" }

// owing is a terminal that owes 7.00 under O1, whose code is CODE1, and that has a note, D1, and pieces, D2, in doubt.
func owing(t *testing.T) (*Daemon, *hallSays) {
	t.Helper()
	journal, err := store.Open(t.Context(), t.TempDir(), "T1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { journal.Close() })
	hall := &hallSays{}
	d := &Daemon{journal: journal, link: hall}
	happens := func(kind casefile.Kind, caseID string, h casefile.Header) {
		t.Helper()
		if err := journal.Append(t.Context(), store.Entry{Event: casefile.Event{Kind: kind, Case: caseID, Header: h}}); err != nil {
			t.Fatal(err)
		}
	}
	coins := func(n int64) money.Counts { return money.Counts{}.Plus(100, money.CNY, n) }
	happens(casefile.StockLoaded, "", casefile.Header{Pieces: coins(9)})
	for i, caseID := range []string{"c1", "c2"} {
		happens(casefile.CaseOpened, caseID, casefile.Header{Service: "pay.water"})
		note := casefile.Header{Note: int64(i + 1), Face: 500, Currency: money.CNY}
		happens(casefile.NoteEscrowed, caseID, note)
		happens(casefile.NoteStacking, caseID, note)
		happens(casefile.NoteStacked, caseID, note)
		happens(casefile.CoinTaken, caseID, casefile.Header{Face: 200, Currency: money.CNY})
		owed := []string{"O1", "O2"}[i]
		happens(casefile.PaymentSettled, caseID, casefile.Header{Owes: 700, Owed: owed, Claim: casefile.ClaimHash(owed, "CODE"+owed[1:])})
	}
	happens(casefile.PayoutBegun, "c2", casefile.Header{Payout: "Y1", Owed: "O2", Amount: 200, Pieces: coins(2)})
	happens(casefile.PayoutDoubtful, "c2", casefile.Header{Payout: "Y1", Unsure: coins(2), Owed: "D2", Claim: "x"})
	note := casefile.Header{Note: 3, Face: 1000, Currency: money.CNY}
	happens(casefile.NoteEscrowed, "c2", note)
	note.Owed, note.Claim = "D1", "x"
	happens(casefile.NoteDoubtful, "c2", note)
	return d, hall
}

// last is the last record: its kind and its header.
func last(t *testing.T, d *Daemon) string {
	t.Helper()
	seq, _ := d.journal.Head()
	records, err := d.journal.Read(t.Context(), seq-1, 1)
	if err != nil {
		t.Fatal(err)
	}
	return string(records[0].Kind) + " " + records[0].Case + " " + string(records[0].Header)
}

func wantLast(t *testing.T, d *Daemon, want string) {
	t.Helper()
	if got := last(t, d); got != want {
		t.Errorf("the journal ends with %s, want %s", got, want)
	}
}

func wantRefused(t *testing.T, err error, why string) {
	t.Helper()
	var no *ctl.Refused
	if !errors.As(err, &no) || !strings.Contains(no.Text, why) {
		t.Errorf("got %v, want a refusal that says %q", err, why)
	}
}

func TestASlipOfThisTerminalIsPaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, hall := owing(t)
		_, err := d.PayOwed(t.Context(), ctl.Pay{Code: "CODE1", Reason: " "})
		wantRefused(t, err, "a reason is needed")
		hall.away = true
		_, err = d.PayOwed(t.Context(), ctl.Pay{Code: "CODE1", Reason: "counter"})
		wantRefused(t, err, "the hall does not answer")
		hall.away, hall.claim = false, office.Claim{Paid: true, Owed: "O1", Case: "c1", Amount: 700}
		got, err := d.PayOwed(t.Context(), ctl.Pay{Code: "code-1", Reason: "counter"})
		if err != nil || got.State != "paid" || got.Amount != 700 || got.Case != "c1" {
			t.Errorf("got %+v, %v", got, err)
		}
		wantLast(t, d, `owed.paid c1 {"reason":"counter","who":"technician","amount_fen":700,"owed":"O1"}`)
		asked := hall.asked
		_, err = d.PayOwed(t.Context(), ctl.Pay{Code: "CODE1", Reason: "counter"})
		wantRefused(t, err, "this code was paid on 2000-01-01 08:00 at T1; it is good only once")
		if hall.asked != asked {
			t.Error("the hall was asked about a slip that was paid here")
		}
	})
}

// TestASlipOfAnotherTerminal is paid and written down here, so that the hall knows that the answer has arrived. A copy is told when and
// where the slip was paid.
func TestASlipOfAnotherTerminal(t *testing.T) {
	d, hall := owing(t)
	hall.claim = office.Claim{Paid: true, Owed: "elsewhere", Case: "z9", Amount: 900}
	if got, err := d.PayOwed(t.Context(), ctl.Pay{Code: "OTHER", Reason: "counter"}); err != nil || got.Amount != 900 || got.State != "paid" {
		t.Errorf("got %+v, %v", got, err)
	}
	head, _ := d.journal.Head()
	if got := last(t, d); !strings.HasPrefix(got, "owed.redeemed z9 ") || !strings.Contains(got, `"owed":"elsewhere"`) || !strings.Contains(got, `"reason":"counter"`) {
		t.Errorf("the journal ends with %s", got)
	}
	if _, err := d.PayOwed(t.Context(), ctl.Pay{Code: "OTHER", Reason: "counter"}); err == nil { // a hall that has lost its mind
		t.Error("paid twice here")
	}
	hall.claim = office.Claim{Refused: "paid", When: "2026-11-20T06:03:00Z", Where: casefile.AtHall}
	_, err := d.PayOwed(t.Context(), ctl.Pay{Code: "COPY", Reason: "counter"})
	wantRefused(t, err, "paid on 2026-11-20 14:03 at the hall; it is good only once")
	hall.claim = office.Claim{Refused: "paid"}
	_, err = d.PayOwed(t.Context(), ctl.Pay{Code: "COPY", Reason: "counter"})
	wantRefused(t, err, "this code was paid before")
	hall.claim = office.Claim{Refused: "superseded"}
	_, err = d.PayOwed(t.Context(), ctl.Pay{Code: "COPY", Reason: "counter"})
	wantRefused(t, err, "a later slip has taken the place")
	hall.claim = office.Claim{Refused: "unknown"}
	_, err = d.PayOwed(t.Context(), ctl.Pay{Code: "COPY", Reason: "counter"})
	wantRefused(t, err, "there is no such code")
	if now, _ := d.journal.Head(); now != head {
		t.Errorf("what was refused wrote %d records", now-head)
	}
}

// TestTheHallTells what people did elsewhere: each is written down once, and what was written down here before stands.
func TestTheHallTells(t *testing.T) {
	d, _ := owing(t)
	tell := func(kind, caseID, content string) {
		t.Helper()
		if err := d.told(kind, caseID, []byte(content)); err != nil {
			t.Errorf("%s %s: %v", kind, content, err)
		}
	}
	head := func() int64 { n, _ := d.journal.Head(); return n }
	before := head()
	for _, n := range [][3]string{{"decision", "c1", `{"owed":"O1","where":"T2"}`}, {"claim", "c1", `{`}, {"claim", "c1", `{"owed":"O9","where":"T2"}`}, {"claim", "c1", `{"owed":"O1"}`},
		{"claim", "c2", `{"owed":"O1","where":"T2"}`}, {"settle", "c2", `{"owed":"D1","as":"kept"}`}, {"settle", "c2", `{"owed":"D2","as":"stacked"}`}, {"settle", "c2", `{"owed":"D9","as":"stacked"}`}} {
		tell(n[0], n[1], n[2])
	}
	if head() != before {
		t.Errorf("what says nothing wrote %d records", head()-before)
	}
	for range 2 {
		tell("claim", "c1", `{"owed":"O1","amount_fen":700,"where":"T2","reason":"counter"}`)
	}
	wantLast(t, d, `owed.paid c1 {"reason":"counter","who":"hall","amount_fen":700,"owed":"O1","where":"T2"}`)
	_, err := d.PayOwed(t.Context(), ctl.Pay{Code: "CODE1", Reason: "counter"})
	wantRefused(t, err, "at T2; it is good only once")
	for range 2 {
		tell("settle", "c2", `{"owed":"D1","as":"stacked","reason":"counted"}`)
	}
	if got := last(t, d); !strings.HasPrefix(got, "note.settled c2 ") || !strings.Contains(got, `"as":"stacked"`) || !strings.Contains(got, `"who":"hall"`) {
		t.Errorf("the journal ends with %s", got)
	}
	for range 2 {
		tell("settle", "c2", `{"owed":"D2","as":"paid","reason":"counted"}`)
	}
	if got := last(t, d); !strings.HasPrefix(got, "payout.settled c2 ") || !strings.Contains(got, `"as":"paid"`) {
		t.Errorf("the journal ends with %s", got)
	}
	if head() != before+3 {
		t.Errorf("%d records, want 3", head()-before)
	}
	d.journal.Book(func(b *casefile.Book) {
		if bad := b.Check(); len(bad) > 0 {
			t.Errorf("the book does not hold: %v", bad)
		}
	})
}

func TestAgedSlipsAreListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := owing(t)
		time.Sleep(30*24*time.Hour - time.Second)
		list, err := d.Owed(t.Context())
		if err != nil || len(list) != 2 || list[0].Days != 29 || list[0].Aged {
			t.Errorf("after 29 days: got %+v, %v", list, err)
		}
		time.Sleep(time.Second)
		if err := d.told("claim", "c2", []byte(`{"owed":"O2","where":"@hall"}`)); err != nil {
			t.Fatal(err)
		}
		list, err = d.Owed(t.Context())
		if err != nil || list[0].ID != "O1" || list[0].Days != 30 || !list[0].Aged || list[1].Days != 0 || list[1].Aged || list[1].Where != casefile.AtHall {
			t.Errorf("after 30 days: got %+v, %v", list, err)
		}
	})
}
