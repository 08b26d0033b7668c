package daemon

import (
	"strings"
	"testing"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store"
)

// TestNoNewBoxOverADoubt: found afterwards, it would be looked for in the next box.
func TestNoNewBoxOverADoubt(t *testing.T) {
	d, _ := unseen(t)
	notes := func(counted string) error {
		_, err := d.ExchangeBox(t.Context(), ctl.Count{Counted: counted})
		return err
	}
	coins := func(counted string) error {
		_, err := d.ExchangeCoins(t.Context(), ctl.Count{Counted: counted})
		return err
	}
	var inside money.Counts
	d.journal.Book(func(b *casefile.Book) { inside = b.Box.Counts() })
	head, _ := d.journal.Head()
	wantRefused(t, notes("5.00x1"), "of a note it is in doubt whether it is in the box")
	wantRefused(t, coins(""), "of a coin it is in doubt whether it is in the box")
	if got := since(t, d, head); len(got) > 0 {
		t.Errorf("written all the same: %v", got)
	}
	for id, as := range map[string]string{"unseen-OUN": "stacked", "unseen-OUC": "returned"} {
		s := ctl.Settle{ID: id, As: as, Reason: "counted"}
		if as == "stacked" {
			s.Face = "5.00"
		}
		if _, err := d.SettleDoubt(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	doubts, err := d.Doubtful(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range doubts {
		if other.What == "note" {
			if _, err := d.SettleDoubt(t.Context(), ctl.Settle{ID: other.ID, As: "returned", Reason: "counted"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	var text []string
	for _, row := range inside.Plus(500, money.CNY, 1) {
		text = append(text, row.Face.String()+"x"+string(rune('0'+row.Count)))
	}
	if out, err := d.ExchangeBox(t.Context(), ctl.Count{Counted: strings.Join(text, ",")}); err != nil || len(out.Difference) > 0 {
		t.Errorf("the count with the note that was found: %+v, %v", out, err)
	}
	if err := coins(""); err != nil {
		t.Error(err)
	}
}

// TestFiguresThatNoMachineHas are slips of the finger, and stand in the journal for ever when nobody asks.
func TestFiguresThatNoMachineHas(t *testing.T) {
	d, _ := unseen(t)
	head, _ := d.journal.Head()
	for face, want := range map[string]string{"2000": "there is no note of 2000.00 yuan", "0.50": "there is no note of 0.50 yuan"} {
		_, err := d.SettleDoubt(t.Context(), ctl.Settle{ID: "unseen-OUN", As: "stacked", Face: face, Reason: "box"})
		wantRefused(t, err, want)
	}
	_, err := d.SettleDoubt(t.Context(), ctl.Settle{ID: "unseen-OUC", As: "stacked", Face: "5.00", Reason: "box"})
	wantRefused(t, err, "there is no coin of 5.00 yuan")
	_, err = d.ExchangeBox(t.Context(), ctl.Count{Counted: "100.00x2000000"})
	wantRefused(t, err, "no machine holds that")
	_, err = d.LoadStock(t.Context(), ctl.Pieces{Pieces: "10000000.00x1"})
	wantRefused(t, err, "no machine holds that")
	if got := since(t, d, head); len(got) > 0 {
		t.Errorf("written all the same: %v", got)
	}
}

// TestTheFaceOfANoteIsKnown, and a person who found another one has not found this one.
func TestTheFaceOfANoteIsKnown(t *testing.T) {
	d, _ := owing(t)
	h := casefile.Header{Face: 10000, Currency: money.CNY}
	d.journal.Book(func(b *casefile.Book) { h.Note = b.NextNote })
	doubt := h
	doubt.Asked, doubt.Owed, doubt.Claim = "silent", "ODN", "x"
	err := d.journal.Append(t.Context(), store.Entry{Event: casefile.Event{Kind: casefile.NoteEscrowed, Case: "c1", Header: h}},
		store.Entry{Event: casefile.Event{Kind: casefile.NoteDoubtful, Case: "c1", Header: doubt}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.SettleDoubt(t.Context(), ctl.Settle{ID: "ODN", As: "stacked", Face: "20.00", Reason: "box"})
	wantRefused(t, err, "its face is known")
	if _, err := d.SettleDoubt(t.Context(), ctl.Settle{ID: "ODN", As: "stacked", Face: "100.00", Reason: "box"}); err != nil {
		t.Errorf("its own face is refused: %v", err)
	}
}

// TestAReasonFromTheHallNamesNobody: what another program hands over is not believed to be without the number of a person.
func TestAReasonFromTheHallNamesNobody(t *testing.T) {
	d, _ := unseen(t)
	if err := d.told("settle", "c1", []byte(`{"owed":"OUN","as":"returned","reason":"rang 13912345678"}`)); err != nil {
		t.Fatal(err)
	}
	if got := last(t, d); strings.Contains(got, "13912345678") || !strings.Contains(got, "not kept here") {
		t.Errorf("the journal ends with %s", got)
	}
}
