package invariant

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"yichuang/kiosk/casefile"
)

const terminal, epoch = "T1", "0011223344556677"

// journal is a journal being written, record after record.
type journal struct {
	t       *testing.T
	records []casefile.Record
	head    string
	seq     int64
}

func newJournal(t *testing.T) *journal {
	return &journal{t: t, head: casefile.Genesis(terminal, epoch)}
}

var hashes = regexp.MustCompile(`"#(\w+)"`)

// write adds a line "KIND CASE HEADER". What follows after " @" is changed in the record: seq, time, quality, epoch, seal, and
// hash and prev, which are changed after the record was hashed.
func (j *journal) write(line string) {
	j.t.Helper()
	line, changes, _ := strings.Cut(line, " @")
	part := strings.SplitN(line, " ", 3)
	if len(part) != 3 {
		j.t.Fatalf("%q: want KIND CASE HEADER", line)
	}
	header := hashes.ReplaceAllStringFunc(part[2], func(name string) string { return `"` + casefile.ClaimHash("", name) + `"` })
	j.seq++
	r := casefile.Record{Terminal: terminal, Epoch: epoch, Seq: j.seq, Time: moment(j.seq), Quality: "synced", Case: strings.TrimPrefix(part[1], "-"),
		Kind: casefile.Kind(part[0]), Header: []byte(header), Prev: j.head}
	if slices.Contains(sealedKinds, r.Kind) {
		r.Sealed = sealedPart(j.visit())
		r.SealSum = casefile.SumSealed(r.Sealed)
	}
	j.change(&r, changes, false)
	r.Hash = r.Sum()
	j.change(&r, changes, true)
	j.seq, j.head = r.Seq, r.Hash
	j.records = append(j.records, r)
}

func moment(seq int64) string { return time.Unix(1790000000+seq, 0).UTC().Format(time.RFC3339Nano) }

// visit is the one that the last visit.begun names.
func (j *journal) visit() string {
	for _, r := range slices.Backward(j.records) {
		if r.Kind == casefile.VisitBegun {
			return string(r.Header)
		}
	}
	return ""
}

// sealedPart is a sealed part under the key of a visit.
func sealedPart(visit string) []byte {
	key := fmt.Sprintf("%-32.32s", casefile.ClaimHash("key", visit))
	return []byte("\x01keyident" + key + "closed, with sixteen bytes")
}

func (j *journal) change(r *casefile.Record, changes string, hashed bool) {
	for _, c := range strings.Fields(strings.ReplaceAll(changes, "@", "")) {
		name, value, _ := strings.Cut(c, "=")
		if after := name == "hash" || name == "prev"; after != hashed {
			continue
		}
		switch name {
		case "seq":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				j.t.Fatal(err)
			}
			r.Seq = n
		case "time":
			r.Time = value
		case "quality":
			r.Quality = value
		case "epoch":
			r.Epoch = value
		case "seal":
			r.Sealed, r.SealSum = nil, value
		case "key":
			r.Sealed = sealedPart(value)
			r.SealSum = casefile.SumSealed(r.Sealed)
		case "hash":
			r.Hash = value
		case "prev":
			r.Prev = value
			r.Hash = r.Sum()
		default:
			j.t.Fatalf("%q: no such change", c)
		}
	}
}

// lines are what a text says, without remarks.
func lines(t *testing.T, path string) (out []string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}

// life is the good life up to a name, the whole of it for "".
func life(t *testing.T, until string) *journal {
	t.Helper()
	j := newJournal(t)
	for _, line := range lines(t, "testdata/life.txt") {
		name, is := strings.CutPrefix(line, ": ")
		if is && name == until {
			return j
		}
		if !is {
			j.write(line)
		}
	}
	if until != "" {
		t.Fatalf("there is no %q in testdata/life.txt", until)
	}
	return j
}

// watched goes through a journal and gives the ids that do not hold, sorted, and what was found.
func watched(j *journal) (w *Watch, ids []string, found []Violation) {
	w = New(terminal, epoch)
	for _, r := range j.records {
		found = append(found, w.See(r)...)
	}
	found = append(found, w.Rest(Rest{})...)
	return w, names(found), found
}

func names(found []Violation) []string {
	ids := map[string]bool{}
	for _, v := range found {
		ids[v.ID] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

// exported is a journal as a log export has it.
func exported(t *testing.T, records []casefile.Record) []byte {
	t.Helper()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for _, r := range records {
		if err := enc.Encode(r.Line()); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}
