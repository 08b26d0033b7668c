package hall_test

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"yichuang/kiosk/casefile"
	"yichuang/sync/hall"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallstore"
	"yichuang/sync/halltest"
)

// look reads one value from the hall's database.
func look(t *testing.T, h *halltest.Hall, query string, args ...any) (value string) {
	t.Helper()
	s, err := hallstore.Open(t.Context(), h.Config.State)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Tx(t.Context(), func(tx *sql.Tx) error { return tx.QueryRow(query, args...).Scan(&value) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return value
}

// eventually looks again until it holds: the hall works beside the test.
func eventually(t *testing.T, what string, good func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(halltest.Limit)
	for !good() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("%s: not in time", what)
		}
	}
}

func tryPermit(t *testing.T, term *halltest.Terminal, caseID, form, serial string) error {
	_, err := term.Client.Permit(t.Context(), &hallapi.PermitRequest{Case: caseID, Form: form, Serial: serial})
	return err
}

// A day after the backup: money, a claim at another terminal, a license printed, an application refused for its name. The
// backup is put back, and the terminals come one by one.
func TestARestoredHallDoublesNothing(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 12345})
	one, two, three := h.Enrol("T1"), h.Enrol("T2"), h.Enrol("T3")
	pay(one, "c0", account, 12345, 2000, 2000, 0, 0)
	one.Push()
	posting(t, one, "c0", "part")
	three.Push()
	before := h.Ledger().Epoch
	backup := h.Backup()

	pay(one, "c1", account, 12345, 10000, 10000, 0, 0)
	pay(one, "c2", account, 12345, 700, 0, 0, 700)
	one.Push()
	posting(t, one, "c1", "part")
	posting(t, one, "c2", "owed")
	d := submit(t, one, "c3", filled("青山小店"))
	one.Write(casefile.CaseDecided, "c3", casefile.Header{State: "approved", Code: d.Code, License: d.License}, nil)
	p := permit(t, one, "c3", "original", "A1")
	one.Write(casefile.LicensePrinting, "c3", casefile.Header{Permit: p.Permit, License: d.License, Form: "original", Tray: "tray-1", Serial: "A1", Registered: "2026-01-02"}, nil)
	end(one, casefile.LicensePrinted, "c3", p.Permit, "A1")
	second := permit(t, two, "c3", "duplicate", "D1") // printed at another terminal, and never told as a decision there
	two.Write(casefile.LicensePrinting, "c3", casefile.Header{Permit: second.Permit, License: d.License, Form: "duplicate", Tray: "tray-2", Serial: "D1", Registered: "2026-01-02"}, nil)
	end(two, casefile.LicenseSpoiled, "c3", second.Permit, "D1")
	if c := claim(t, two, "CODEc2"); !c.Paid {
		t.Fatalf("the claim: %v", c)
	}
	two.Write(casefile.OwedPaid, "c2", casefile.Header{Owed: "o-c2", Amount: 700, Reason: "counter", Who: "clerk"}, nil)
	if r := submit(t, two, "c4", filled("青山小店")); r.State != "refused" {
		t.Fatalf("the same name: %v", r)
	} else {
		two.Write(casefile.CaseDecided, "c4", casefile.Header{State: "refused", Code: r.Code}, nil)
	}
	two.Push()

	h.Restore(backup)
	l := h.Ledger()
	if !strings.HasPrefix(l.Epoch, "2-") || l.Epoch == before || !slices.Equal(l.Awaited, []string{"T1", "T2", "T3"}) {
		t.Fatalf("after the restore: epoch %s, before %s, awaited %v", l.Epoch, before, l.Awaited)
	}
	refuse := func(when string) {
		t.Helper()
		refused(t, when+": leave to print", tryPermit(t, three, "c3", "original", "B1"), connect.CodeUnavailable)
		_, err := three.Client.Claim(t.Context(), &hallapi.ClaimRequest{Code: "CODEc2", Reason: "counter", Who: "clerk"})
		refused(t, when+": a claim", err, connect.CodeUnavailable)
	}
	refuse("before anybody has told")
	two.Push()
	three.Push()
	eventually(t, "the hall has what T2 and T3 have", func() bool { return slices.Equal(h.Ledger().Awaited, []string{"T1"}) })
	refuse("before T1 has told")
	// What needs no other terminal goes on for those that have told; an approval waits.
	young := filled("小小店")
	young.Card.Birth, young.Card.Number = "20150101", "110101201501010016"
	if r := submit(t, three, "c5", young); r.State != "refused" {
		t.Errorf("an application that is refused whatever others have: %v", r)
	}
	three.Write(casefile.CaseOpened, "c6", casefile.Header{Visit: "v6", Service: "license.individual", Catalog: 1, Language: "zh"}, nil)
	three.Write(casefile.CaseSubmitted, "c6", casefile.Header{Service: "license.individual"}, filled("另一小店"))
	three.Push()
	eventually(t, "c6 is here", func() bool {
		return look(t, h, `SELECT coalesce(max(state), '') FROM cases WHERE case_id = 'c6'`) == "submitted"
	})
	if err := h.Hall().Decide(t.Context(), "c6", true, ""); err == nil {
		t.Error("a person approves while a terminal is awaited")
	}

	one.Push()
	eventually(t, "all have told", func() bool { return len(h.Ledger().Awaited) == 0 })
	r, err := three.Client.Decision(t.Context(), &hallapi.DecisionRequest{Case: "c6", WaitMs: 20000})
	if err != nil || r.State != "approved" || r.License[8:11] != "MAA" {
		t.Errorf("the approval that waited: %v, %v, want a number of the second life's series", r, err)
	}
	for _, term := range []*halltest.Terminal{one, two, three} {
		if p := permit(t, term, "c3", "original", "B2"); p.Refused != "printed" || p.Where != "T1" {
			t.Errorf("a second original at %s: %v", term.ID, p)
		}
		if c := claim(t, term, "CODEc2"); c.Paid || c.Refused != "paid" {
			t.Errorf("a second payment of the claim at %s: %v", term.ID, c)
		}
	}
	refused(t, "a spoiled blank again", tryPermit(t, two, "c3", "duplicate", "D1"), connect.CodeFailedPrecondition)
	if p := permit(t, two, "c3", "duplicate", "D2"); p.Permit == "" || !strings.Contains(string(p.FactsJson), `"registered":"2026-01-02"`) {
		t.Errorf("the duplicate: %s, want the day of the former life", p.FactsJson)
	}
	for caseID, state := range map[string]string{"c3": "approved", "c4": "refused"} {
		if got := look(t, h, `SELECT state FROM cases WHERE case_id = ?`, caseID); got != state {
			t.Errorf("case %s is %s, want %s", caseID, got, state)
		}
	}
	if n := look(t, h, `SELECT number FROM licenses WHERE case_id = 'c3'`); n != d.License {
		t.Errorf("the business has number %s, had %s", n, d.License)
	}
	posting(t, one, "c1", "part")
	if got := h.Biller.Postings(); len(got) != 2 {
		t.Errorf("the company has booked %v, want c0 and c1 once", got)
	}
	h.Audit()
	h.Down()
	h.Up()
	if got := h.Ledger().Epoch; !strings.HasPrefix(got, "2-") {
		t.Errorf("after a restart the epoch is %s, want the same life", got)
	}
}

// Slips were paid at another terminal and at the hall, and the hall forgets it. Whoever tells first, nothing is paid again, and
// the terminal whose debts they were hears of what it had not heard yet.
func TestARestoredHallKnowsWhatWasRedeemed(t *testing.T) {
	for _, order := range [][]int{{0, 1}, {1, 0}} {
		h := halltest.Start(t, nil)
		account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 12345})
		terms := []*halltest.Terminal{h.Enrol("T1"), h.Enrol("T2")}
		one, two := terms[0], terms[1]
		backup := h.Backup()
		for _, id := range []string{"c1", "c2", "c3"} {
			pay(one, id, account, 12345, 700, 0, 0, 700)
		}
		one.Push()
		redeem := func(caseID string) {
			if c := claim(t, two, "CODE"+caseID); !c.Paid {
				t.Fatalf("the claim: %v", c)
			}
			two.Write(casefile.OwedRedeemed, caseID, casefile.Header{Owed: "o-" + caseID, Amount: 700, Reason: "counter", Who: "technician"}, nil)
		}
		redeem("c1")
		one.Write(casefile.OwedPaid, "c1", casefile.Header{Owed: "o-c1", Amount: 700, Reason: "counter", Who: "hall", Where: "T2"}, nil)
		redeem("c2") // T1 has not heard of it
		if _, err := h.Hall().PayClaim(t.Context(), "CODEc3", "counter"); err != nil {
			t.Fatal(err)
		}
		one.Write(casefile.OwedPaid, "c3", casefile.Header{Owed: "o-c3", Amount: 700, Reason: "counter", Who: "hall", Where: casefile.AtHall}, nil)
		one.Push()
		two.Push()

		h.Restore(backup)
		for _, i := range order {
			terms[i].Push()
		}
		eventually(t, "all have told", func() bool { return len(h.Ledger().Awaited) == 0 })
		for _, term := range terms {
			for _, code := range []string{"CODEc1", "CODEc2", "CODEc3"} {
				if c := claim(t, term, code); c.Paid || c.Refused != "paid" {
					t.Errorf("order %v: %s a second time at %s: %v", order, code, term.ID, c)
				}
			}
		}
		for _, o := range h.Ledger().Owed {
			if want := map[string]string{"o-c1": "T2", "o-c2": "T2", "o-c3": casefile.AtHall}[o.ID]; o.State != "paid" || o.PaidBy != want {
				t.Errorf("order %v: %+v, want it paid by %s", order, o, want)
			}
		}
		one.Await("claim", "c2")
		h.Audit()
	}
}

// A part of a debt went out of the machine as change, and the slip of the rest was paid at another terminal. The hall forgets both, and hears of the slip's payment
// when it knows of the debt and not yet of the change.
func TestARestoredHallWaitsForThePayoutBeforeTheSlip(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 12345})
	one, two := h.Enrol("T1"), h.Enrol("T2")
	backup := h.Backup()
	pay(one, "c1", account, 12345, 700, 0, 0, 700)
	owed := len(one.Records)
	one.Write(casefile.PayoutBegun, "c1", casefile.Header{Payout: "Y1", Owed: "o-c1", Amount: 600, Pieces: yuan(6)}, nil)
	one.Write(casefile.PayoutEnded, "c1", casefile.Header{Payout: "Y1", Amount: 600, Pieces: yuan(6)}, nil)
	one.Push()
	if c := claim(t, two, "CODEc1"); !c.Paid || c.AmountFen != 100 {
		t.Fatalf("the claim: %v, want the rest", c)
	}
	two.Write(casefile.OwedRedeemed, "c1", casefile.Header{Owed: "o-c1", Amount: 100, Reason: "counter", Who: "technician"}, nil)
	two.Push()

	h.Restore(backup)
	two.Push()
	part := &hallapi.PushRequest{Epoch: one.Epoch, Head: int64(len(one.Records))}
	for _, r := range one.Records[:owed] {
		part.Records = append(part.Records, hallstore.ToWire(r))
	}
	if _, err := one.Client.Push(t.Context(), part); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the debt is known", func() bool {
		return look(t, h, `SELECT count(*) FROM owed WHERE id = 'o-c1'`) == "1" && look(t, h, `SELECT count(*) FROM deferred`) == "1"
	})
	one.Push()
	eventually(t, "all have told", func() bool { return len(h.Ledger().Awaited) == 0 })
	rows := map[string]string{}
	for _, o := range h.Ledger().Owed {
		rows[o.ID] = fmt.Sprintf("%d %s by %s", o.Amount, o.State, o.PaidBy)
	}
	if rows["o-c1"] != "100 paid by T2" || rows["Y1"] != "600 paid by T1" {
		t.Errorf("the ledger: %v", rows)
	}
	h.Audit()
}

// A biller refused a payment, its terminal owes the money, and the hall forgets it: nothing is booked then.
func TestARefusedBookingStaysRefused(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 1000})
	one := h.Enrol("T1")
	one.Push()
	backup := h.Backup()
	h.Biller.Close(account)
	pay(one, "c1", account, 1000, 1000, 1000, 0, 0)
	one.Push()
	posting(t, one, "c1", "refused")
	one.Write(casefile.BillRefused, "c1", casefile.Header{Amount: 1000, Owed: "o1", Claim: casefile.ClaimHash("o1", "CODE"), Reason: "closed"}, nil)
	one.Push()
	h.Biller.Reopen(account)
	h.Restore(backup)
	one.Push()
	posting(t, one, "c1", "owed")
	eventually(t, "T1 has told", func() bool { return len(h.Ledger().Awaited) == 0 })
	if c := claim(t, one, "CODE"); !c.Paid || c.AmountFen != 1000 {
		t.Errorf("the debt: %v", c)
	}
	if got := h.Biller.Postings(); len(got) != 0 {
		t.Errorf("booked all the same: %v", got)
	}
	h.Audit()
}

func TestWhatTellsThatTheDatabaseWasPutBack(t *testing.T) {
	state := func(h *halltest.Hall, name string) string { return filepath.Join(h.Config.State, name) }
	rewrite := func(t *testing.T, path string, change func([]byte) []byte) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, change(raw), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		change func(*testing.T, *halltest.Hall)
		want   string
	}{
		"nothing": {func(*testing.T, *halltest.Hall) {}, "1-"},
		"a commit that the witness does not have": {func(t *testing.T, h *halltest.Hall) {
			meddle(t, h, `UPDATE meta SET value = value + 1 WHERE key = 'beat'`)
		}, "1-"},
		"an older count": {func(t *testing.T, h *halltest.Hall) {
			meddle(t, h, `UPDATE meta SET value = value - 1 WHERE key = 'beat'`)
		}, "2-"},
		"no witness": {func(t *testing.T, h *halltest.Hall) {
			if err := os.Remove(state(h, "life.json")); err != nil {
				t.Fatal(err)
			}
		}, "2-"},
		"another file": {func(t *testing.T, h *halltest.Hall) {
			raw, err := os.ReadFile(state(h, "hall.db"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(state(h, "copy"), raw, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(state(h, "copy"), state(h, "hall.db")); err != nil {
				t.Fatal(err)
			}
		}, "2-"},
		"a later life": {func(t *testing.T, h *halltest.Hall) {
			rewrite(t, state(h, "life.json"), func(raw []byte) []byte { return []byte(strings.Replace(string(raw), `"1-`, `"7-`, 1)) })
			meddle(t, h, `UPDATE meta SET value = value + 1 WHERE key = 'beat'`)
		}, "8-"},
		"a lost database": {func(t *testing.T, h *halltest.Hall) {
			if err := os.Remove(state(h, "hall.db")); err != nil {
				t.Fatal(err)
			}
		}, "2-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each waits for the disk most of the time
			h := halltest.Start(t, nil)
			term := h.Enrol("T1")
			term.Write(casefile.CaseRated, "", casefile.Header{Stars: 5}, nil)
			term.Push()
			h.Down()
			h.Up() // so that the witness knows T1
			h.Down()
			c.change(t, h)
			h.Up()
			l := h.Ledger()
			if !strings.HasPrefix(l.Epoch, c.want) || (len(l.Awaited) == 1) != (c.want != "1-") {
				t.Errorf("epoch %s, awaited %v, want life %s", l.Epoch, l.Awaited, c.want)
			}
			term.Push()
			eventually(t, "T1 has told", func() bool { return len(h.Ledger().Awaited) == 0 })
			if row := h.Ledger().Terminals; len(row) != 1 || row[0].Records != 1 {
				t.Errorf("the hall has %+v, want one record", row)
			}
			h.Down()
			h.Up()
			if again := h.Ledger(); again.Epoch != l.Epoch {
				t.Errorf("the next start began life %s after %s", again.Epoch, l.Epoch)
			}
		})
	}
	t.Run("a broken witness", func(t *testing.T) {
		h := halltest.Start(t, nil)
		h.Down()
		rewrite(t, state(h, "life.json"), func([]byte) []byte { return []byte("{") })
		opened, err := hall.Open(t.Context(), h.Config, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := opened.Restored(t.Context()); err == nil || !strings.Contains(err.Error(), "life.json") {
			t.Errorf("a witness that cannot be read: %v", err)
		}
		if err := opened.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// snapshot puts the whole state folder back, as a snapshot of the machine does: nothing on the disk tells of it.
func snapshot(t *testing.T, h *halltest.Hall) (restore func()) {
	t.Helper()
	h.Down()
	files := map[string][]byte{}
	for _, name := range []string{"hall.db", "life.json"} {
		raw, err := os.ReadFile(filepath.Join(h.Config.State, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = raw
	}
	h.Up()
	return func() {
		t.Helper()
		h.Down()
		for name, raw := range files {
			if err := os.WriteFile(filepath.Join(h.Config.State, name), raw, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		h.Up()
	}
}

func TestATerminalTellsThatTheHallIsAnOlderOne(t *testing.T) {
	h := halltest.Start(t, nil)
	one, two := h.Enrol("T1"), h.Enrol("T2")
	one.Write(casefile.CaseRated, "", casefile.Header{Stars: 5}, nil)
	one.Push()
	two.Push()
	restore := snapshot(t, h)
	one.Write(casefile.CaseRated, "", casefile.Header{Stars: 4}, nil)
	one.Push()
	three := h.Enrol("T3")
	three.Write(casefile.CaseRated, "", casefile.Header{Stars: 3}, nil)
	three.Push()

	restore()
	two.Push()
	if l := h.Ledger(); !strings.HasPrefix(l.Epoch, "1-") {
		t.Fatalf("a terminal that has nothing new began life %s", l.Epoch)
	}
	one.PushOnce()
	if l := h.Ledger(); !strings.HasPrefix(l.Epoch, "2-") || !slices.Equal(l.Awaited, []string{"T1", "T2"}) {
		t.Fatalf("a terminal whose records are lost: epoch %s, awaited %v", l.Epoch, l.Awaited)
	}
	_, err := three.Client.Catalog(t.Context(), &hallapi.CatalogRequest{})
	refused(t, "a terminal of the lost life asks", err, connect.CodeUnauthenticated)
	three.Push()
	if _, err := three.Client.Catalog(t.Context(), &hallapi.CatalogRequest{}); err != nil {
		t.Errorf("it has told what it has, and asks: %v", err)
	}
	one.Push()
	refused(t, "before T2 has told", tryPermit(t, one, "c1", "original", "A1"), connect.CodeUnavailable)
	two.Push()
	eventually(t, "all have told", func() bool { return len(h.Ledger().Awaited) == 0 })
	if n := look(t, h, `SELECT group_concat(terminal || seq, ' ') FROM (SELECT terminal, seq FROM records ORDER BY 1, 2)`); n != "T11 T12 T31" {
		t.Errorf("the hall has %s", n)
	}

	restore() // the same snapshot again: its terminals know a later life
	two.Push()
	if l := h.Ledger(); !strings.HasPrefix(l.Epoch, "3-") {
		t.Errorf("terminals of life 2 and a hall of life 1: %s, want life 3", l.Epoch)
	}
	restore()
	three.Push() // enrolled in a lost life, and the first to come
	if l := h.Ledger(); !strings.HasPrefix(l.Epoch, "2-") {
		t.Errorf("an unknown terminal with this hall's certificate: epoch %s, want life 2", l.Epoch)
	}
	eventually(t, "T3 has told", func() bool { return slices.Equal(h.Ledger().Awaited, []string{"T1", "T2"}) })
}

func TestATerminalThatBoastsIsNotBelieved(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	for _, life := range []string{"1002-X", "9999999-X", ""} {
		if _, err := term.Client.Push(t.Context(), &hallapi.PushRequest{Epoch: "e", HallEpoch: life}); err != nil {
			t.Fatal(err)
		}
		if l := h.Ledger(); !strings.HasPrefix(l.Epoch, "1-") {
			t.Errorf("%q: the hall is in life %s", life, l.Epoch)
		}
	}
}

func TestAPersonReleasesATerminalThatDoesNotComeBack(t *testing.T) {
	h := halltest.Start(t, nil)
	one, two := h.Enrol("T1"), h.Enrol("T2")
	submit(t, one, "c1", filled("青山小店"))
	backup := h.Backup()
	two.Write(casefile.OwedPaid, "c9", casefile.Header{Owed: "o-c9", Amount: 700, Reason: "counter", Who: "clerk"}, nil)
	h.Restore(backup)
	one.Push()
	eventually(t, "T1 has told", func() bool { return slices.Equal(h.Ledger().Awaited, []string{"T2"}) })
	refused(t, "T2 is missing", tryPermit(t, one, "c1", "original", "A1"), connect.CodeUnavailable)
	for _, c := range [][2]string{{"T2", " "}, {"T1", "it is here"}, {"T7", "nobody"}} {
		if err := h.Hall().Release(t.Context(), c[0], c[1]); err == nil {
			t.Errorf("%s was released for %q", c[0], c[1])
		}
	}
	_, page := get(t, h.Console+"/")
	if !strings.Contains(page, `action="/terminal/T2/release"`) || strings.Contains(page, `action="/terminal/T1/release"`) {
		t.Errorf("the console does not ask about T2 alone:\n%s", page)
	}
	release := func(token string) (status int, page string) {
		t.Helper()
		r, err := http.PostForm(h.Console+"/terminal/T2/release", url.Values{"token": {token}, "reason": {"burnt; seen by the fire brigade"}})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r.Body)
		if err = errors.Join(err, r.Body.Close()); err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(raw)
	}
	if status, _ := release("guessed"); status != http.StatusForbidden || len(h.Ledger().Awaited) != 1 {
		t.Errorf("released with another page's form: %d", status)
	}
	token := tokenField.FindStringSubmatch(page)[1]
	if status, page := release(token); status != http.StatusOK || strings.Contains(page, "/terminal/T2/release") || strings.Contains(page, "does not wait") {
		t.Errorf("the release: %d\n%s", status, page)
	}
	if _, page := release(token); !strings.Contains(page, "does not wait") {
		t.Error("released twice, and the console says nothing")
	}
	if p := permit(t, one, "c1", "original", "A1"); p.Permit == "" {
		t.Errorf("after the release: %v", p)
	}
	two.Push() // it comes back after all: heard, and what cannot be is a person's
	if n := look(t, h, `SELECT count(*) FROM records WHERE terminal = 'T2'`); n != "1" {
		t.Errorf("%s records of the terminal that came back, want 1", n)
	}
	eventually(t, "it is listed", func() bool { return look(t, h, `SELECT count(*) FROM problems`) == "1" })
	eventually(t, "nothing is left to wait for", func() bool { return look(t, h, `SELECT count(*) FROM awaited`) == "0" })
}

func TestARevocationSurvivesTheBackup(t *testing.T) {
	h := halltest.Start(t, nil)
	one, two := h.Enrol("T1"), h.Enrol("T2")
	backup := h.Backup()
	code := h.EnrolCode("T5")
	if err := h.Hall().Revoke(t.Context(), "T1", "stolen on the way"); err != nil {
		t.Fatal(err)
	}
	h.Down() // what was done is beside the database by the next start at the latest
	h.Up()
	h.Restore(backup)
	_, err := one.Client.Catalog(t.Context(), &hallapi.CatalogRequest{})
	refused(t, "a terminal that was revoked after the backup", err, connect.CodePermissionDenied)
	one.Write(casefile.CaseRated, "", casefile.Header{Stars: 5}, nil)
	if r := one.PushOnce(); r.Revoked != "stolen on the way" || r.Cursor != 1 || r.Aside {
		t.Errorf("it is told %v", r)
	}
	if l := h.Ledger(); !slices.Equal(l.Awaited, []string{"T2"}) {
		t.Errorf("awaited %v", l.Awaited)
	}
	two.Push()
	eventually(t, "T2 has told", func() bool { return len(h.Ledger().Awaited) == 0 })
	_, err = h.Client(nil, code).Enroll(t.Context(), &hallapi.EnrollRequest{Code: code, CsrDer: halltest.Request(t, newKey(t))})
	refused(t, "a code from before the restore", err, connect.CodePermissionDenied)
	for _, bad := range [][2]string{{"T1", " "}, {"T9", "stolen"}} {
		if err := h.Hall().Revoke(t.Context(), bad[0], bad[1]); err == nil {
			t.Errorf("%s was revoked for %q", bad[0], bad[1])
		}
	}
}

// A terminal whose program is older does not say what it knows of the hall.
func TestAnOlderProgramIsHeardToo(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	backup := h.Backup()
	term.Write(casefile.CaseRated, "", casefile.Header{Stars: 5}, nil)
	term.Push()
	h.Restore(backup)
	push := func(queue int64, records ...*casefile.Record) int64 {
		t.Helper()
		req := &hallapi.PushRequest{Epoch: term.Epoch, Health: &hallapi.Health{Queue: queue}}
		for _, r := range records {
			req.Records = append(req.Records, hallstore.ToWire(r))
		}
		a, err := term.Client.Push(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		return a.Cursor
	}
	if cursor := push(0); cursor != 0 {
		t.Fatalf("the restored hall has %d", cursor)
	}
	push(1, term.Records...)
	if l := h.Ledger(); len(l.Awaited) != 1 {
		t.Error("told everything before it said that there is nothing more")
	}
	push(0)
	eventually(t, "T1 has told", func() bool { return len(h.Ledger().Awaited) == 0 })
}

// The backup has an application that waits and so reserves its name. The next day a clerk refuses it, another one under the same name is approved and printed, and the
// hall forgets both: what was printed stands, whoever tells first, and the one that waits has the name no more.
func TestANameThatOnlyTheBackupReserves(t *testing.T) {
	for _, order := range [][]int{{0, 1}, {1, 0}} {
		h := halltest.Start(t, nil)
		terms := []*halltest.Terminal{h.Enrol("T1"), h.Enrol("T2")}
		one, two := terms[0], terms[1]
		kitchen := filled("青山小店")
		kitchen.Answers["trade"] = "6210"
		if d := submit(t, one, "c1", kitchen); d.State != "waiting" {
			t.Fatalf("it is decided at once: %v", d)
		}
		two.Push()
		backup := h.Backup()
		if err := h.Hall().Decide(t.Context(), "c1", false, "没有许可证"); err != nil {
			t.Fatal(err)
		}
		submit(t, one, "c2", kitchen)
		if err := h.Hall().Decide(t.Context(), "c2", true, ""); err != nil {
			t.Fatal(err)
		}
		d, err := one.Client.Decision(t.Context(), &hallapi.DecisionRequest{Case: "c2"})
		if err != nil || d.License == "" {
			t.Fatalf("%v, %v", d, err)
		}
		p := permit(t, two, "c2", "original", "A1")
		two.Write(casefile.LicensePrinting, "c2", casefile.Header{Permit: p.Permit, License: d.License, Form: "original", Tray: "tray-1", Serial: "A1"}, nil)
		end(two, casefile.LicensePrinted, "c2", p.Permit, "A1")

		h.Restore(backup)
		terms[order[0]].Push()
		eventually(t, "the first has told", func() bool { return len(h.Ledger().Awaited) == 1 })
		terms[order[1]].Push()
		eventually(t, "all have told", func() bool { return len(h.Ledger().Awaited) == 0 })
		if now, err := one.Client.Decision(t.Context(), &hallapi.DecisionRequest{Case: "c2", WaitMs: 20000}); err != nil || now.State != "approved" || now.License != d.License {
			t.Errorf("order %v: what was printed with %s is %v, %v", order, d.License, now, err)
		}
		if p := permit(t, one, "c2", "original", "B1"); p.Refused != "printed" {
			t.Errorf("order %v: a second original: %v", order, p)
		}
		if err := h.Hall().Decide(t.Context(), "c1", true, ""); err == nil {
			t.Errorf("order %v: the name is given a second time", order)
		}
		if err := h.Hall().Decide(t.Context(), "c1", false, "没有许可证"); err != nil {
			t.Errorf("order %v: %v", order, err)
		}
		h.Audit()
	}
}

// witness is what lies beside the database.
func witness(t *testing.T, h *halltest.Hall) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(h.Config.State, "life.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Slips were paid at the counter, the hall's power went before it could tell their terminal, and its database is put back: no journal tells of it, and nothing is paid
// again. One of the debts is in the backup, one came later, and of one a part went out of the machine first.
func TestARestoredHallKnowsWhatItPaidItself(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 12345})
	one, two := h.Enrol("T1"), h.Enrol("T2")
	pay(one, "c1", account, 12345, 700, 0, 0, 700)
	one.Push()
	two.Push()
	posting(t, one, "c1", "owed")
	backup := h.Backup()
	pay(one, "c2", account, 12345, 700, 0, 0, 700)
	pay(one, "c3", account, 12345, 700, 0, 0, 700)
	one.Write(casefile.PayoutBegun, "c3", casefile.Header{Payout: "Y1", Owed: "o-c3", Amount: 600, Pieces: yuan(6)}, nil)
	one.Write(casefile.PayoutEnded, "c3", casefile.Header{Payout: "Y1", Amount: 600, Pieces: yuan(6)}, nil)
	one.Push()
	cases := []string{"c1", "c2", "c3"}
	for _, id := range cases {
		if _, err := h.Hall().PayClaim(t.Context(), "CODE"+id, "at the counter"); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(witness(t, h), `"o-`+id+`"`) {
			t.Fatalf("%s was paid, and beside the database stands %s", id, witness(t, h))
		}
	}
	h.Cut()

	h.Restore(backup)
	two.Push()
	one.Push()
	eventually(t, "all have told", func() bool { return len(h.Ledger().Awaited) == 0 })
	for _, id := range cases {
		if c := claim(t, two, "CODE"+id); c.Paid || c.Refused != "paid" || c.Where != casefile.AtHall || c.When == "" {
			t.Errorf("%s a second time at T2: %v", id, c)
		}
		if _, err := h.Hall().PayClaim(t.Context(), "CODE"+id, "once more"); err == nil {
			t.Errorf("%s a second time at the hall", id)
		}
		if n := string(one.Await("claim", id).Json); !strings.Contains(n, `"reason":"at the counter"`) || !strings.Contains(n, `"where":"@hall"`) {
			t.Errorf("%s is told as %s", id, n)
		}
	}
	for _, o := range h.Ledger().Owed {
		if o.State != "paid" || (o.PaidBy != casefile.AtHall) == (o.ID != "Y1") {
			t.Errorf("ledger %+v", o)
		}
	}
	for _, id := range cases {
		one.Write(casefile.OwedPaid, id, casefile.Header{Owed: "o-" + id, Amount: 700, Reason: "at the counter", Who: "hall", Where: casefile.AtHall}, nil)
	}
	one.Push()
	claim(t, one, "wait until it is drawn")
	h.Audit()
	h.Down()
	if w := witness(t, h); strings.Contains(w, "o-c") {
		t.Errorf("its terminal knows, and beside the database stands %s", w)
	}
}

// What cannot be laid down beside the database is not paid.
func TestNothingIsPaidAtTheHallWithoutAWitness(t *testing.T) {
	h, terms := owing(t, "T1")
	blocked := filepath.Join(h.Config.State, "life.json.new", "full")
	if err := os.MkdirAll(blocked, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Hall().PayClaim(t.Context(), "CODEc1", "at the counter"); err == nil {
		t.Error("paid, and a backup would not know")
	}
	if err := os.RemoveAll(filepath.Dir(blocked)); err != nil {
		t.Fatal(err)
	}
	if o := h.Ledger().Owed[0]; o.State != "open" {
		t.Errorf("ledger %+v, want it open", o)
	}
	if c := claim(t, terms[0], "CODEc1"); !c.Paid {
		t.Errorf("afterwards: %v", c)
	}
	h.Audit()
}
