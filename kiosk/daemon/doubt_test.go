package daemon

import (
	"context"
	"slices"
	"strings"
	"testing"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/money"
	"yichuang/kiosk/office"
	"yichuang/kiosk/store"
)

func (h *hallSays) Find(_ context.Context, f office.Finding) (office.Found, error) {
	if h.away || !h.told {
		return office.Found{}, office.ErrNoLine
	}
	h.told = false
	h.found = append(h.found, f)
	return h.finds, nil
}

// unseen is a terminal of which two things were seen by nobody: a note, OUN, in case c1, and a coin, OUC, in case c2.
func unseen(t *testing.T) (*Daemon, *hallSays) {
	t.Helper()
	d, hall := owing(t)
	for owed, kind := range map[string]casefile.Kind{"OUN": casefile.AcceptorReset, "OUC": casefile.CoinsReset} {
		e := casefile.Event{Kind: kind, Case: map[string]string{"OUN": "c1", "OUC": "c2"}[owed], Header: casefile.Header{Asked: "memory lost", Owed: owed}}
		if err := d.journal.Append(t.Context(), store.Entry{Event: e}); err != nil {
			t.Fatal(err)
		}
	}
	return d, hall
}

// since gives the kinds of the records after a number.
func since(t *testing.T, d *Daemon, seq int64) (kinds []string) {
	t.Helper()
	records, err := d.journal.Read(t.Context(), seq, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		kinds = append(kinds, string(r.Kind))
	}
	return kinds
}

func holds(t *testing.T, d *Daemon, owed string, amount money.Fen) {
	t.Helper()
	d.journal.Book(func(b *casefile.Book) {
		if bad := b.Check(); len(bad) > 0 {
			t.Errorf("the book does not hold: %v", bad)
		}
		o := b.Owed[owed]
		if amount == 0 && o != nil || amount > 0 && (o == nil || o.Amount != amount || o.Claim == "" || o.Slip != "") {
			t.Errorf("under %s is owed %+v, want %s, of which no slip is out", owed, o, amount)
		}
		if b.Unknown[owed] != nil {
			t.Errorf("%s is in doubt still", owed)
		}
	})
}

// TestWhatNobodySawIsSettledAtTheHall as at the terminal, and once: whoever is first.
func TestWhatNobodySawIsSettledAtTheHall(t *testing.T) {
	found := []string{"note.escrowed", "note.doubtful", "note.settled"}
	for name, story := range map[string]struct {
		owed, caseID, told string
		here               ctl.Settle
		kinds              []string
		amount             money.Fen
	}{
		"a note is found":     {"OUN", "c1", `{"owed":"OUN","as":"stacked","face_fen":2000,"reason":"box"}`, ctl.Settle{ID: "unseen-OUN", As: "stacked", Face: "20.00", Reason: "box"}, found, 2000},
		"a note was not kept": {"OUN", "c1", `{"owed":"OUN","as":"returned","reason":"box"}`, ctl.Settle{ID: "OUN", As: "returned", Reason: "box"}, []string{"acceptor.settled"}, 0},
		"a coin is found":     {"OUC", "c2", `{"owed":"OUC","as":"stacked","face_fen":50,"reason":"box"}`, ctl.Settle{ID: "OUC", As: "stacked", Face: "0.50", Reason: "box"}, []string{"coin.found"}, 50},
		"a coin was not kept": {"OUC", "c2", `{"owed":"OUC","as":"returned","reason":"box"}`, ctl.Settle{ID: "unseen-OUC", As: "returned", Reason: "box"}, []string{"acceptor.settled"}, 0},
	} {
		for _, hallFirst := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				d, hall := unseen(t)
				hall.finds.Refused = "nothing of this number is doubtful any more"
				head, _ := d.journal.Head()
				who := "technician"
				tell := func() {
					if err := d.told("settle", story.caseID, []byte(story.told)); err != nil {
						t.Error(err)
					}
				}
				if hallFirst {
					who = "hall"
					tell()
				}
				doubt, err := d.SettleDoubt(t.Context(), story.here)
				if hallFirst {
					wantRefused(t, err, "nothing of this number is doubtful")
				} else if err != nil || doubt.Owed != story.owed || doubt.Case != story.caseID {
					t.Errorf("settled here: %+v, %v", doubt, err)
				}
				tell()
				if got := since(t, d, head); !slices.Equal(got, story.kinds) {
					t.Errorf("written: %v, want %v", got, story.kinds)
				}
				if got := last(t, d); !strings.Contains(got, `"who":"`+who+`"`) || !strings.Contains(got, `"reason":"box"`) || !strings.HasPrefix(got, story.kinds[len(story.kinds)-1]+" "+story.caseID) {
					t.Errorf("the journal ends with %s, by %s", got, who)
				}
				holds(t, d, story.owed, story.amount)
			})
		}
	}
}

// TestWhatTheHallSaysOfNothing changes nothing; while another note is on its way it is told again.
func TestWhatTheHallSaysOfNothing(t *testing.T) {
	d, _ := unseen(t)
	head, _ := d.journal.Head()
	for _, n := range [][2]string{{"c1", `{"owed":"OUN","as":"stacked","reason":"no face"}`}, {"c1", `{"owed":"OUN","as":"paid","face_fen":2000}`}, {"c2", `{"owed":"OUN","as":"returned"}`}, {"c1", `{"owed":"OUN","as":"stacked","face_fen":-100}`}} {
		if err := d.told("settle", n[0], []byte(n[1])); err != nil {
			t.Errorf("%s: %v", n, err)
		}
	}
	for _, s := range []ctl.Settle{{As: "stacked"}, {As: "stacked", Face: "x"}, {As: "stacked", Face: "0.00"}, {As: "printed", Face: "1.00"}} {
		s.ID, s.Reason = "unseen-OUN", "box"
		_, err := d.SettleDoubt(t.Context(), s)
		wantRefused(t, err, "nobody saw this note")
	}
	if got := since(t, d, head); len(got) > 0 {
		t.Errorf("written: %v", got)
	}
	note := casefile.Header{Note: 4, Face: 500, Currency: money.CNY}
	moves := func(kind casefile.Kind) {
		if err := d.journal.Append(t.Context(), store.Entry{Event: casefile.Event{Kind: kind, Case: "c2", Header: note}}); err != nil {
			t.Fatal(err)
		}
	}
	moves(casefile.NoteEscrowed)
	found := []byte(`{"owed":"OUN","as":"stacked","face_fen":2000,"reason":"box"}`)
	if err := d.told("settle", "c1", found); err == nil {
		t.Error("taken for done while a note is on its way: it would not be told again")
	}
	_, err := d.SettleDoubt(t.Context(), ctl.Settle{ID: "OUN", As: "stacked", Face: "20.00", Reason: "box"})
	wantRefused(t, err, "a note is on its way")
	moves(casefile.NoteReturned)
	if err := d.told("settle", "c1", found); err != nil {
		t.Error(err)
	}
	holds(t, d, "OUN", 2000)
}

// TestADoubtOfAnotherTerminal goes to it through the hall.
func TestADoubtOfAnotherTerminal(t *testing.T) {
	d, hall := unseen(t)
	head, _ := d.journal.Head()
	hall.finds = office.Found{Terminal: "T2", Case: "z9", Amount: 2000}
	got, err := d.SettleDoubt(t.Context(), ctl.Settle{ID: "OTHER", As: "stacked", Face: "20.00", Reason: "box"})
	if err != nil || got != (ctl.Doubt{ID: "OTHER", Case: "z9", Amount: 2000, Owed: "OTHER", Where: "T2"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := d.SettleDoubt(t.Context(), ctl.Settle{ID: "unseen-OTHER", As: "returned", Reason: "box"}); err != nil {
		t.Error(err)
	}
	if got, err := d.SettleDoubt(t.Context(), ctl.Settle{ID: "sheet-A9", As: "printed", Reason: "seen"}); err != nil || got.Where != "T2" {
		t.Errorf("a sheet: got %+v, %v", got, err)
	}
	want := []office.Finding{{Owed: "OTHER", As: "stacked", Face: 2000, Reason: "box"}, {Owed: "OTHER", As: "returned", Reason: "box"}, {Owed: "sheet-A9", As: "printed", Reason: "seen"}}
	if !slices.Equal(hall.found, want) {
		t.Errorf("the hall was told %+v, want %+v", hall.found, want)
	}
	for id, why := range map[string]string{"note-99": "nothing of this number is doubtful", "x": "nothing of this number is doubtful"} {
		_, err := d.SettleDoubt(t.Context(), ctl.Settle{ID: id, As: "stacked", Reason: "box"})
		wantRefused(t, err, why)
	}
	_, err = d.SettleDoubt(t.Context(), ctl.Settle{ID: "OTHER", As: "stacked", Face: "x", Reason: "box"})
	wantRefused(t, err, "settle OTHER")
	hall.finds = office.Found{Refused: "T2 was told before what was found"}
	_, err = d.SettleDoubt(t.Context(), ctl.Settle{ID: "OTHER", As: "returned", Reason: "box"})
	wantRefused(t, err, "settle OTHER: T2 was told before")
	hall.away = true
	_, err = d.SettleDoubt(t.Context(), ctl.Settle{ID: "OTHER", As: "returned", Reason: "box"})
	wantRefused(t, err, "the hall does not answer")
	if got := since(t, d, head); len(got) > 0 || len(hall.found) != 4 {
		t.Errorf("written here: %v; the hall was told %d times, want 4", got, len(hall.found))
	}
}

// TestDoubtsAreNamed: each has a name here, and one by which it can be settled elsewhere.
func TestDoubtsAreNamed(t *testing.T) {
	d, _ := unseen(t)
	list, err := d.Doubtful(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range list {
		got = append(got, x.ID+" "+x.Owed+" "+x.What)
	}
	slices.Sort(got)
	if want := []string{"note-3 D1 note", "payout-Y1 D2 payout", "unseen-OUC OUC coin", "unseen-OUN OUN note"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestASheetIsSettledElsewhere writes down, once, what a person at the hall or at another terminal has seen of a sheet in doubt.
func TestASheetIsSettledElsewhere(t *testing.T) {
	for as, want := range map[string]casefile.Kind{"printed": casefile.LicensePrinted, "spoiled": casefile.LicenseSpoiled, "stacked": casefile.LicenseDoubtful} {
		d, _ := owing(t)
		for _, e := range []casefile.Event{
			{Kind: casefile.BlanksLoaded, Header: casefile.Header{Tray: "tray-1", Media: "a3", First: "A1", Count: 3, Who: "technician"}},
			{Kind: casefile.CaseOpened, Case: "l", Header: casefile.Header{Service: "license.individual"}},
			{Kind: casefile.CaseSubmitted, Case: "l", Header: casefile.Header{Service: "license.individual"}},
			{Kind: casefile.CaseDecided, Case: "l", Header: casefile.Header{State: "approved", License: "L1"}},
			{Kind: casefile.LicensePrinting, Case: "l", Header: casefile.Header{Permit: "p1", License: "L1", Form: "original", Tray: "tray-1", Media: "a3", Serial: "A1", Document: "d"}},
			{Kind: casefile.LicenseDoubtful, Case: "l", Header: casefile.Header{Permit: "p1", Serial: "A1", Asked: "nothing"}},
		} {
			if err := d.journal.Append(t.Context(), store.Entry{Event: e}); err != nil {
				t.Fatal(err)
			}
		}
		head, _ := d.journal.Head()
		for _, told := range []string{`{"permit":"p2","as":"printed","reason":"r"}`, `{"permit":"p1","as":"` + as + `","reason":"seen in the tray"}`, `{"permit":"p1","as":"spoiled","reason":"later"}`} {
			if as == "stacked" && strings.Contains(told, "later") {
				continue
			}
			if err := d.told("settle", "l", []byte(told)); err != nil {
				t.Fatal(err)
			}
		}
		var got casefile.Kind
		d.journal.Book(func(b *casefile.Book) { got = b.Sheets["p1"].State })
		written := since(t, d, head)
		if got != want || want != casefile.LicenseDoubtful && !slices.Equal(written, []string{"license.settled"}) || want == casefile.LicenseDoubtful && len(written) > 0 {
			t.Errorf("told %s: the sheet is %s, written was %v; want %s", as, got, written, want)
		}
	}
}
