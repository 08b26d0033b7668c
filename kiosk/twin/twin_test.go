package twin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"yichuang/kiosk/casefile"
)

// chain is a file of n cases, of which each second has something sealed.
func chain(t *testing.T, n int) (lines [][]byte, last casefile.Record) {
	t.Helper()
	prev := casefile.Genesis("T1", "e1")
	for i := range n {
		last = casefile.Record{Terminal: "T1", Epoch: "e1", Seq: int64(i + 1), Time: fmt.Sprintf("2026-11-20T16:00:%02d+08:00", i), Quality: "synced",
			Case: fmt.Sprintf("case <%d>", i), Kind: casefile.CaseOpened, Header: []byte(`{"service":"pay.water"}`), Prev: prev}
		if i%2 == 1 {
			last.SealSum = casefile.SumSealed([]byte{1})
		}
		last.Hash = last.Sum()
		prev = last.Hash
		lines = append(lines, lineOf(t, last))
	}
	return lines, last
}

func lineOf(t *testing.T, r casefile.Record) []byte {
	t.Helper()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r.Line()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func rebuild(t *testing.T, raw []byte) Rebuilt {
	t.Helper()
	got, err := Rebuild(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return got
}

func TestWholeFileAddsUp(t *testing.T) {
	lines, last := chain(t, 5)
	got := rebuild(t, bytes.Join(lines, nil))
	if got.Broken != nil || got.Torn || got.After != 0 || got.Sealed != 2 || got.Terminal != "T1" || got.Epoch != "e1" || got.Hash != last.Hash || got.Last != last.Time {
		t.Errorf("got %+v", got)
	}
	if len(got.Book.Cases) != 5 || got.Book.Seq != 5 {
		t.Errorf("got %d cases after record %d, want 5 after 5", len(got.Book.Cases), got.Book.Seq)
	}
	if empty := rebuild(t, nil); empty.Book.Seq != 0 || empty.Torn || empty.Broken != nil {
		t.Errorf("nothing: got %+v", empty)
	}
}

// A power cut leaves half a line: what stands before it holds.
func TestFileThatEndsWithinALine(t *testing.T) {
	lines, _ := chain(t, 3)
	raw := bytes.Join(lines, nil)
	for cut := range raw {
		got := rebuild(t, raw[:cut])
		whole := bytes.Count(raw[:cut], []byte{'\n'})
		if torn := cut > 0 && raw[cut-1] != '\n'; got.Broken != nil || got.Torn != torn || got.Book.Seq != int64(whole) {
			t.Fatalf("cut at %d: got %d records, torn %v (%v), want %d and %v", cut, got.Book.Seq, got.Torn, got.Broken, whole, torn)
		}
	}
}

// A byte that was changed is found, and what stands before its line holds.
func TestChangedByteIsNamed(t *testing.T) {
	lines, _ := chain(t, 3)
	raw := bytes.Join(lines, nil)
	for at := range raw {
		if raw[at] == '\n' {
			continue // it joins two lines, see below
		}
		changed := bytes.Clone(raw)
		changed[at] ^= 1
		line := bytes.Count(raw[:at], []byte{'\n'})
		var was, is casefile.Line
		if json.Unmarshal(lines[line], &was) == nil && json.Unmarshal(bytes.SplitAfter(changed, []byte{'\n'})[line], &is) == nil && reflect.DeepEqual(is, was) {
			continue // the name of a field that is empty: the line says the same
		}
		got := rebuild(t, changed)
		if got.Broken == nil || got.Book.Seq != int64(line) || !strings.HasPrefix(got.Broken.Error(), fmt.Sprintf("record %d: ", line+1)) || got.After != int64(2-line) {
			t.Fatalf("byte %d of line %d: got %d records, %d after (%v)", at, line+1, got.Book.Seq, got.After, got.Broken)
		}
	}
}

// A journal that has branched, for its disk was an older one, adds up under all its epochs. None of them comes twice.
func TestBranchedJournalAddsUp(t *testing.T) {
	lines, last := chain(t, 3)
	branch := func(epoch string) {
		last = casefile.Record{Terminal: "T1", Epoch: epoch, Seq: last.Seq + 1, Time: last.Time, Quality: "synced", Kind: casefile.TerminalStarted, Header: []byte(`{"reason":"the disk is an older one"}`), Prev: last.Hash}
		last.Hash = last.Sum()
		lines = append(lines, lineOf(t, last))
	}
	branch("e2")
	branch("e3")
	if got := rebuild(t, bytes.Join(lines, nil)); got.Broken != nil || got.Book.Seq != 5 || got.Epoch != "e3" || got.Hash != last.Hash || len(got.Book.Cases) != 3 {
		t.Errorf("got %+v", got)
	}
	for _, again := range []string{"e1", "e2"} {
		lines, last := lines, last
		last.Epoch, last.Seq, last.Prev = again, 6, last.Hash
		last.Hash = last.Sum()
		if got := rebuild(t, bytes.Join(append(lines[:5:5], lineOf(t, last)), nil)); got.Broken == nil || got.Book.Seq != 5 {
			t.Errorf("epoch %s comes twice: got %d records (%v)", again, got.Book.Seq, got.Broken)
		}
	}
}

func TestLinesThatDoNotFollow(t *testing.T) {
	lines, last := chain(t, 3)
	other := last
	other.Seq, other.Prev, other.Epoch = 4, last.Hash, "e2"
	other.Hash = other.Sum()
	doubled := last
	doubled.Seq, doubled.Prev = 4, last.Hash // the same case is opened again
	doubled.Hash = doubled.Sum()
	odd := doubled
	odd.Header = []byte(`{"service":5}`)
	odd.Hash = odd.Sum()
	for name, tt := range map[string]struct {
		lines [][]byte
		want  string
		seq   int64
		after int64
	}{
		"one is missing":          {[][]byte{lines[0], lines[2]}, "record 2: the line is record 3's", 1, 0},
		"one comes twice":         {[][]byte{lines[0], lines[0], lines[1]}, "record 2: the line is record 1's", 1, 1},
		"the first is missing":    {lines[1:], "record 1: the line is record 2's", 0, 1},
		"an empty line":           {[][]byte{lines[0], []byte("\n"), lines[1]}, "record 2: the line is none: unexpected end of JSON input", 1, 1},
		"zeros":                   {[][]byte{lines[0], append(make([]byte, 100), '\n')}, `record 2: the line is none: invalid character '\x00' looking for beginning of value`, 1, 0},
		"two lines in one":        {[][]byte{bytes.TrimSuffix(lines[0], []byte{'\n'}), lines[1], lines[2]}, "record 1: the line is none: invalid character '{' after top-level value", 0, 1},
		"another journal's":       {append(lines[:3:3], lineOf(t, other)), "record 4: it is of terminal T1, journal e2", 3, 0},
		"an event that cannot be": {append(lines[:3:3], lineOf(t, doubled)), "record 4: apply case.opened (event 4): ", 3, 0},
		"a header that is none":   {append(lines[:3:3], lineOf(t, odd)), "record 4: decode case.opened: json: ", 3, 0},
	} {
		got := rebuild(t, bytes.Join(tt.lines, nil))
		if got.Broken == nil || !strings.HasPrefix(got.Broken.Error(), tt.want) || got.Book.Seq != tt.seq || got.After != tt.after {
			t.Errorf("%s: got %v with %d records, %d after; want %q with %d and %d", name, got.Broken, got.Book.Seq, got.After, tt.want, tt.seq, tt.after)
		}
	}
}

func TestFileThatCannotBeRead(t *testing.T) {
	if _, err := Rebuild(iotest.ErrReader(errors.New("no disk"))); err == nil || err.Error() != "no disk" {
		t.Errorf("got %v, want the reader's error", err)
	}
}
