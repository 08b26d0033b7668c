package casefile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Record is an event with its place in a terminal's journal.
type Record struct {
	Terminal string
	Epoch    string // a random id, new when a journal is created or found to be older than the world
	Seq      int64  // 1, 2, 3 … without gaps within an epoch
	Time     string // RFC 3339 with zone, as it was written; order is Seq alone
	Quality  string // of the time: synced, held, unknown
	Case     string
	Kind     Kind
	Header   []byte // JSON
	Sealed   []byte // personal data, closed to the hall's key; may be erased later
	SealSum  string // hex SHA-256 of Sealed, "" when there is none
	Prev     string // Hash of the record before; Genesis for the first
	Hash     string
}

// Genesis is the Prev of the first record of an epoch.
func Genesis(terminal, epoch string) string {
	return sum("yichuang journal 1", terminal, epoch)
}

// SumSealed is the SealSum of a sealed part.
func SumSealed(sealed []byte) string {
	if len(sealed) == 0 {
		return ""
	}
	h := sha256.Sum256(sealed)
	return hex.EncodeToString(h[:])
}

// Sum is the record's hash: SHA-256 over its clear fields, one a line, each line ended by LF. The
// sealed bytes count by their own sum alone, so that they can be erased and the chain still holds.
func (r *Record) Sum() string {
	return sum(r.Terminal, r.Epoch, strconv.FormatInt(r.Seq, 10), r.Time, r.Quality, r.Case, string(r.Kind), string(r.Header), r.SealSum, r.Prev)
}

// Check says what is wrong with a record that should follow prev; nil when it holds.
func (r *Record) Check(seq int64, prev string) error {
	if err := r.Follows(seq, prev); err != nil {
		return err
	}
	return r.Whole()
}

// Follows says whether a record claims the place after prev.
func (r *Record) Follows(seq int64, prev string) error {
	switch {
	case r.Seq != seq:
		return fmt.Errorf("record %d: expected record %d", r.Seq, seq)
	case r.Prev != prev:
		return fmt.Errorf("record %d: does not follow the one before it", r.Seq)
	}
	return nil
}

// Whole says whether a record's content is the one that was hashed. It needs no other record.
func (r *Record) Whole() error {
	switch {
	case len(r.Sealed) > 0 && r.SealSum != SumSealed(r.Sealed):
		return fmt.Errorf("record %d: the sealed part is not the one that was hashed", r.Seq)
	case r.Hash != r.Sum():
		return fmt.Errorf("record %d: content and hash differ", r.Seq)
	}
	return nil
}

// Event reads the record's event.
func (r *Record) Event() (Event, error) { return Decode(r.Kind, r.Case, r.Header) }

// When is the record's time.
func (r *Record) When() time.Time {
	t, _ := time.Parse(time.RFC3339Nano, r.Time) // the zero time when a foreign journal wrote none
	return t
}

// Line is a record as a line of JSON: its clear part, in the twin file and in an exported log.
type Line struct {
	Terminal string          `json:"terminal"`
	Epoch    string          `json:"epoch"`
	Seq      int64           `json:"seq"`
	Time     string          `json:"time"`
	Quality  string          `json:"quality"`
	Case     string          `json:"case"`
	Kind     string          `json:"kind"`
	Header   json.RawMessage `json:"header"`
	SealSum  string          `json:"sealed_sha256"`
	Prev     string          `json:"prev"`
	Hash     string          `json:"hash"`
}

// Line is the record without its sealed part.
func (r *Record) Line() Line {
	return Line{r.Terminal, r.Epoch, r.Seq, r.Time, r.Quality, r.Case, string(r.Kind), json.RawMessage(r.Header), r.SealSum, r.Prev, r.Hash}
}

// Record is what a line says; the sealed part, of which it has the sum, is elsewhere.
func (l Line) Record() Record {
	return Record{Terminal: l.Terminal, Epoch: l.Epoch, Seq: l.Seq, Time: l.Time, Quality: l.Quality, Case: l.Case, Kind: Kind(l.Kind),
		Header: l.Header, SealSum: l.SealSum, Prev: l.Prev, Hash: l.Hash}
}

// ClaimHash is what the journal keeps of a claim code: enough to know the code again, not to pay
// with. The code has 60 random bits, so that it cannot be found by trying.
func ClaimHash(owed, code string) string {
	code = strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(code))
	return sum("yichuang claim 1", owed, code)
}

func sum(lines ...string) string {
	size := len(lines)
	for _, l := range lines {
		size += len(l)
	}
	text := make([]byte, 0, size)
	for _, l := range lines {
		text = append(append(text, l...), '\n')
	}
	h := sha256.Sum256(text)
	return hex.EncodeToString(h[:])
}
