package daemon

import (
	"testing"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store"
)

// TestEveryExchangeBeginsANewBox: the notes after it name another box, whether the acceptor told of it or only the technician did.
func TestEveryExchangeBeginsANewBox(t *testing.T) {
	journal, err := store.Open(t.Context(), t.TempDir(), "T1")
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	d := &Daemon{journal: journal}
	happens := func(kind casefile.Kind, h casefile.Header) {
		t.Helper()
		if err := journal.Append(t.Context(), store.Entry{Event: casefile.Event{Kind: kind, Header: h}}); err != nil {
			t.Fatal(err)
		}
	}
	name := func() (id string) {
		journal.Book(func(b *casefile.Book) { id = b.Box.ID })
		return id
	}
	exchange := func() ctl.Exchange {
		t.Helper()
		got, err := d.ExchangeBox(t.Context(), ctl.Count{Counted: ""})
		if err != nil || len(got.Difference) != 0 {
			t.Fatalf("exchange: got %+v, %v", got, err)
		}
		return got
	}
	happens(casefile.BoxIn, casefile.Header{Box: "B1"}) // the first one: no other box was before it
	if got := exchange(); got.Box != "B1" {
		t.Errorf("the first box: counted %q, want B1", got.Box)
	}
	second := name()
	if second == "" || second == "B1" {
		t.Errorf("after the technician's word: box %q", second)
	}
	happens(casefile.BoxOut, casefile.Header{Box: second})
	happens(casefile.BoxIn, casefile.Header{Box: "B3"}) // the acceptor tells
	happens(casefile.BoxOut, casefile.Header{Box: "B3"})
	happens(casefile.BoxIn, casefile.Header{Box: "B4"}) // and somebody looked into it once more
	if got := exchange(); got.Box != second || name() != "B4" {
		t.Errorf("the acceptor told: counted %q, want %q; %q is in, want B4", got.Box, second, name())
	}
	if got := exchange(); got.Box != "B4" || name() == "B4" {
		t.Errorf("changed without power: counted %q, want B4; %q is in", got.Box, name())
	}
	got, err := d.ExchangeBox(t.Context(), ctl.Count{Counted: "10.00x1"})
	if err != nil || len(got.Difference) != 1 || got.Difference[0].Face != 1000 || got.Difference[0].Count != 1 {
		t.Errorf("a count that does not fit: got %+v, %v", got, err)
	}
	journal.Book(func(b *casefile.Book) {
		if b.Box.Counts().Total() != money.Fen(0) || b.Box.New {
			t.Errorf("the box after all: %+v", b.Box)
		}
	})
}
