package casefile

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// vectors are hashes as a journal of the first version has them. No later version may change one: every
// journal ever written would then look forged.
type vectors struct {
	Records []Record
	Claims  []struct{ Owed, Code, Hash string }
}

func frozen(t *testing.T) (v vectors) {
	t.Helper()
	raw, err := os.ReadFile("testdata/hashes.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Records) < 3 || len(v.Claims) < 3 {
		t.Fatalf("testdata/hashes.json: got %d records and %d claims", len(v.Records), len(v.Claims))
	}
	return v
}

func TestFrozenHashes(t *testing.T) {
	v := frozen(t)
	prev := Genesis(v.Records[0].Terminal, v.Records[0].Epoch)
	for i, r := range v.Records {
		if got := r.Sum(); got != r.Hash {
			t.Errorf("record %d: got hash %s, want %s", i+1, got, r.Hash)
		}
		if err := r.Check(int64(i+1), prev); err != nil {
			t.Errorf("record %d: %v", i+1, err)
		}
		if got := SumSealed(r.Sealed); got != r.SealSum {
			t.Errorf("record %d: got sum of the sealed part %q, want %q", i+1, got, r.SealSum)
		}
		prev = r.Hash
	}
	for _, c := range v.Claims {
		if got := ClaimHash(c.Owed, c.Code); got != c.Hash {
			t.Errorf("claim %s %q: got %s, want %s", c.Owed, c.Code, got, c.Hash)
		}
	}
}

// Whatever is changed in a record is found; the sealed part alone may be erased.
func TestChangedRecord(t *testing.T) {
	good := frozen(t).Records[1]
	const content = "record 2: content and hash differ"
	changes := map[string]struct {
		change func(r *Record)
		want   string
	}{
		"terminal": {func(r *Record) { r.Terminal += "x" }, content},
		"epoch":    {func(r *Record) { r.Epoch += "x" }, content},
		"time":     {func(r *Record) { r.Time += "x" }, content},
		"quality":  {func(r *Record) { r.Quality = "held" }, content},
		"case":     {func(r *Record) { r.Case = "" }, content},
		"kind":     {func(r *Record) { r.Kind = VisitEnded }, content},
		"header":   {func(r *Record) { r.Header = append(r.Header, ' ') }, content},
		"hash":     {func(r *Record) { r.Hash = r.Prev }, content},
		"erased":   {func(r *Record) { r.Sealed, r.SealSum = nil, "" }, content},
		"resealed": {func(r *Record) { r.Sealed[0]++; r.SealSum = SumSealed(r.Sealed) }, content},
		"seal sum": {func(r *Record) { r.SealSum = SumSealed([]byte("x")) }, "record 2: the sealed part is not the one that was hashed"},
		"sealed":   {func(r *Record) { r.Sealed[0]++ }, "record 2: the sealed part is not the one that was hashed"},
		"prev":     {func(r *Record) { r.Prev = r.Hash }, "record 2: does not follow the one before it"},
		"seq":      {func(r *Record) { r.Seq++ }, "record 3: expected record 2"},
	}
	for name, tt := range changes {
		r := good
		r.Header, r.Sealed = slices.Clone(r.Header), slices.Clone(r.Sealed)
		tt.change(&r)
		if err := r.Check(good.Seq, good.Prev); err == nil || err.Error() != tt.want {
			t.Errorf("%s changed: got %v, want %s", name, err, tt.want)
		}
	}
	erased := good
	erased.Sealed = nil
	if err := erased.Check(good.Seq, good.Prev); err != nil {
		t.Errorf("sealed part erased: got %v, want none", err)
	}
	if err := good.Check(good.Seq, "another"); err == nil {
		t.Error("a record followed another one than its own")
	}
	if err := good.Check(good.Seq+1, good.Prev); err == nil {
		t.Error("a record stood at another one's place")
	}
}

// A line may not move into the next one: fields are kept apart.
func TestFieldsAreKeptApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		field := rapid.StringMatching(`[a-z]{0,3}`)
		draw := func(name string) Record {
			return Record{Terminal: field.Draw(t, name+" terminal"), Epoch: field.Draw(t, name+" epoch"), Case: field.Draw(t, name+" case"), Kind: Kind(field.Draw(t, name+" kind"))}
		}
		a, b := draw("a"), draw("b")
		if same := reflect.DeepEqual(a, b); same != (a.Sum() == b.Sum()) {
			t.Fatalf("%+v and %+v: same %v, same hash %v", a, b, same, !same)
		}
	})
}

func TestClaimCodesAsTyped(t *testing.T) {
	want := ClaimHash("O1", "ABCD1234EFGH")
	for _, typed := range []string{"abcd1234efgh", "ABCD-1234-EFGH", " abcd 1234 efgh ", "ABcd-1234 EFgh"} {
		if got := ClaimHash("O1", typed); got != want {
			t.Errorf("%q: got another hash than for the code as it was printed", typed)
		}
	}
	for _, other := range [][2]string{{"O2", "ABCD1234EFGH"}, {"O1", "ABCD1234EFGG"}, {"O1A", "BCD1234EFGH"}, {"O1", ""}} {
		if ClaimHash(other[0], other[1]) == want {
			t.Errorf("%q: got the same hash", other)
		}
	}
	if Genesis("T1", "e") == Genesis("T1e", "") || Genesis("T1", "e") == ClaimHash("T1", "e") {
		t.Error("beginnings of two journals are the same")
	}
}

func TestTimes(t *testing.T) {
	want := time.Date(2026, 11, 20, 16, 0, 0, 5, time.FixedZone("", 8*3600))
	if got := (&Record{Time: want.Format(time.RFC3339Nano)}).When(); !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := (&Record{Time: "yesterday"}).When(); !got.IsZero() {
		t.Errorf("no time: got %s, want the zero time", got)
	}
}

func TestRecordGivesItsEvent(t *testing.T) {
	r := Record{Kind: NoteStacked, Case: "a", Header: []byte(`{"note":3,"face_fen":500,"later":"field"}`)}
	if e, err := r.Event(); err != nil || e.Kind != NoteStacked || e.Case != "a" || e.Header.Note != 3 || e.Header.Face != 500 {
		t.Errorf("got %+v (%v)", e, err)
	}
	r.Header = []byte(`{"note":"three"}`)
	if _, err := r.Event(); err == nil || !strings.HasPrefix(err.Error(), "decode note.stacked: ") {
		t.Errorf("a header that is none: got %v, want an error that names the kind", err)
	}
}

// A line has the clear part of its record, and the record of a line checks as the one that it was written from.
func TestLines(t *testing.T) {
	r := frozen(t).Records[1]
	raw, err := json.Marshal(r.Line())
	if err != nil {
		t.Fatal(err)
	}
	var l Line
	if err := json.Unmarshal(raw, &l); err != nil {
		t.Fatal(err)
	}
	got, want := l.Record(), r
	want.Sealed = nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := got.Check(r.Seq, r.Prev); err != nil || len(r.Sealed) == 0 {
		t.Errorf("read back: %v; sealed %d bytes", err, len(r.Sealed))
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("note.stacked", "a", []byte(`{"note":3,"face_fen":500}`))
	f.Add("box.exchanged", "", []byte(`{"expected":[{"face_fen":1,"currency":"CNY","count":1}]}`))
	f.Add("blanks.loaded", "", []byte(`{"tray":"A3","first":"9","count":9223372036854775807}`))
	f.Fuzz(func(t *testing.T, kind, caseID string, header []byte) {
		e, err := Decode(Kind(kind), caseID, header)
		if err != nil {
			return
		}
		raw, err := e.Encode()
		if err != nil {
			return
		}
		again, err := Decode(Kind(kind), caseID, raw)
		if err != nil {
			t.Fatalf("%s %s: read back: %v", kind, raw, err)
		}
		if twice, err := again.Encode(); err != nil || string(twice) != string(raw) {
			t.Errorf("%s: got %s (%v), want %s", kind, twice, err, raw)
		}
	})
}
