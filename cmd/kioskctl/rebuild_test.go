package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store"
)

// lost is a folder in which a terminal took two notes, of which one is doubtful, and sealed an account; its database is gone. Ledgers has what the
// ledger was after each record.
func lost(t *testing.T) (dir string, ledgers []ctl.Ledger) {
	t.Helper()
	dir = t.TempDir()
	s, err := store.Open(t.Context(), dir, "T1")
	if err != nil {
		t.Fatal(err)
	}
	s.UseHallKey(bytes.Repeat([]byte{9}, 32))
	note := func(kind casefile.Kind, n int64, face money.Fen) casefile.Event {
		return casefile.Event{Kind: kind, Case: "a", Header: casefile.Header{Note: n, Face: face, Currency: money.CNY}}
	}
	doubt := note(casefile.NoteDoubtful, 2, 10000)
	doubt.Header.Owed, doubt.Header.Claim = "O1", "c"
	ledgers = append(ledgers, ctl.LedgerOf(casefile.NewBook()))
	for i, e := range []casefile.Event{
		{Kind: casefile.CaseOpened, Case: "a", Header: casefile.Header{Service: "pay.water"}},
		{Kind: casefile.BillChosen, Case: "a", Header: casefile.Header{Biller: "water", Due: 8000, Rule: "owed"}},
		note(casefile.NoteEscrowed, 1, 5000), note(casefile.NoteStacking, 1, 5000), note(casefile.NoteStacked, 1, 5000),
		note(casefile.NoteEscrowed, 2, 10000), note(casefile.NoteStacking, 2, 10000), doubt,
		{Kind: casefile.BlanksLoaded, Header: casefile.Header{Tray: "tray-1", Media: "iso_a3_297x420mm", First: "A1", Count: 7, Who: "technician"}},
	} {
		entry := store.Entry{Event: e}
		if i == 1 {
			entry.Secret = casefile.BillSecret{Account: "1000000016"}
		}
		if err := s.Append(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
		var l ctl.Ledger
		s.Book(func(b *casefile.Book) { l = ctl.LedgerOf(b) })
		l.Journal.Head, l.Journal.Hash = s.Head()
		l.Journal.Chain = "ok"
		ledgers = append(ledgers, l)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "journal.db")); err != nil {
		t.Fatal(err)
	}
	return dir, ledgers
}

// rebuild runs the command and gives its document.
func rebuild(t *testing.T, path string) (doc rebuilt, status int, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(context.Background(), []string{"--json", "rebuild", path}, &out, &errs)
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
			t.Fatalf("%s: %v", out.String(), err)
		}
	}
	return doc, status, errs.String()
}

// same compares two ledgers as documents.
func same(t *testing.T, got, want ctl.Ledger) bool {
	t.Helper()
	g, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	w, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(g, w)
}

func TestTotalsComeBackFromTheTwin(t *testing.T) {
	dir, ledgers := lost(t)
	want := ledgers[len(ledgers)-1]
	for _, path := range []string{dir, filepath.Join(dir, "twin.jsonl")} {
		doc, status, stderr := rebuild(t, path)
		if status != 0 || !same(t, doc.Ledger, want) {
			t.Errorf("%s: got %d (%s) and %+v, want 0 and %+v", path, status, stderr, doc.Ledger, want)
		}
		if doc.Placed.Visit != 5000 || doc.Placed.Doubtful != 10000 || doc.Blanks.InTray != 7 {
			t.Errorf("%s: got %+v and %+v", path, doc.Placed, doc.Blanks)
		}
		s := doc.Twin
		if s.File != filepath.Join(dir, "twin.jsonl") || s.Terminal != "T1" || len(s.Epoch) != 16 || s.Records != 9 || s.Last == "" || s.Uncounted != 0 || s.Torn || s.Sealed != 1 || len(s.Unknown) != 3 ||
			!strings.Contains(strings.Join(s.Unknown, "; "), "after record 9") || !strings.Contains(strings.Join(s.Unknown, "; "), "forms of 1 records") {
			t.Errorf("%s: got %+v", path, s)
		}
	}
}

// What a power cut or a bad disk left of the file is as good as it is, and no better.
func TestWhatIsLeftOfATwin(t *testing.T) {
	dir, ledgers := lost(t)
	path := filepath.Join(dir, "twin.jsonl")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte{'\n'})
	flipped := bytes.Clone(whole)
	flipped[bytes.Index(flipped, []byte(`"face_fen":5000`))+len(`"face_fen":`)] = '9'
	for name, tt := range map[string]struct {
		raw       []byte
		status    int
		records   int
		uncounted int64
		torn      bool
		chain     string
	}{
		"half a line at the end":    {whole[:len(whole)-20], 0, 8, 0, true, "ok"},
		"a byte in the middle":      {flipped, 1, 2, 7, false, "record 3: content and hash differ"},
		"a line in the middle gone": {append(bytes.Join(lines[:4], nil), bytes.Join(lines[5:], nil)...), 1, 4, 4, false, "record 5: the line is record 6's"},
		"nothing":                   {nil, 1, 0, 0, false, "ok"},
	} {
		if err := os.WriteFile(path, tt.raw, 0o600); err != nil {
			t.Fatal(err)
		}
		doc, status, stderr := rebuild(t, dir)
		want := ledgers[tt.records]
		want.Journal = doc.Journal
		if status != tt.status || !same(t, doc.Ledger, want) || stderr != "" {
			t.Errorf("%s: got %d (%s) and %+v, want %d and %+v", name, status, stderr, doc.Ledger, tt.status, want)
		}
		s := doc.Twin
		if s.Records != int64(tt.records) || doc.Journal.Head != int64(tt.records) || s.Uncounted != tt.uncounted || s.Torn != tt.torn || doc.Journal.Chain != tt.chain {
			t.Errorf("%s: got %+v, chain %q, want %+v", name, s, doc.Journal.Chain, tt)
		}
		if told := strings.Contains(strings.Join(s.Unknown, "; "), "they are in no sum; records 1 to"); told != (tt.uncounted > 0) {
			t.Errorf("%s: unknown: %v", name, s.Unknown)
		}
	}
}

func TestTwinThatIsNotThere(t *testing.T) {
	for _, path := range []string{filepath.Join(t.TempDir(), "none"), t.TempDir(), "/proc/self/mem"} {
		if _, status, stderr := rebuild(t, path); status != 1 || !strings.HasPrefix(stderr, "kioskctl: rebuild: ") {
			t.Errorf("%s: got %d (%s), want 1 and why", path, status, stderr)
		}
	}
	var out, errs bytes.Buffer
	if status := run(context.Background(), []string{"rebuild"}, &out, &errs); status != 1 || !strings.Contains(errs.String(), "/var/lib/yichuang/twin.jsonl") {
		t.Errorf("without a file: got %d (%s), want the terminal's own looked for", status, errs.String())
	}
}
