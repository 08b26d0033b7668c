package seal

import (
	"bytes"
	"crypto/ecdh"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// vector is a sealed part as the first version wrote it: the hall must be able to open it for ever.
type vector struct {
	Private, Public, KeyID          string // hex
	Terminal, Epoch, Kind, Header   string
	Seq                             int64
	AAD, Plain, Sealed, SealedLater string // sealed parts in hex; Later is of the same visit, record Seq+1
}

func frozen(t *testing.T) (v vector, private, sealed, later []byte) {
	t.Helper()
	raw, err := os.ReadFile("testdata/sealed.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v, unhex(t, v.Private), unhex(t, v.Sealed), unhex(t, v.SealedLater)
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFrozenSealedPart(t *testing.T) {
	v, private, sealed, later := frozen(t)
	aad := AAD(v.Terminal, v.Epoch, v.Seq, v.Kind, []byte(v.Header))
	if string(aad) != v.AAD {
		t.Errorf("aad: got %q, want %q", aad, v.AAD)
	}
	if got, err := Open(private, v.Seq, aad, sealed); err != nil || string(got) != v.Plain {
		t.Errorf("got %q (%v), want %q", got, err, v.Plain)
	}
	if got, err := Open(private, v.Seq+1, AAD(v.Terminal, v.Epoch, v.Seq+1, v.Kind, []byte(v.Header)), later); err != nil || string(got) != v.Plain {
		t.Errorf("the next record: got %q (%v), want %q", got, err, v.Plain)
	}
	if id := KeyID(unhex(t, v.Public)); hex.EncodeToString(id[:]) != v.KeyID {
		t.Errorf("key id: got %x, want %s", id, v.KeyID)
	}
	if id, err := Which(sealed); err != nil || hex.EncodeToString(id[:]) != v.KeyID {
		t.Errorf("which key: got %x (%v), want %s", id, err, v.KeyID)
	}
	if sealed[0] != 1 || !bytes.Equal(sealed[:41], later[:41]) || bytes.Contains(sealed, []byte(v.Plain)) {
		t.Errorf("head: got %x, want version 1 and the same key for a visit, the text nowhere", sealed[:41])
	}
}

// A sealed part opens at its own place with its own key, and nowhere else.
func TestSealedPartOpensAtItsPlaceAlone(t *testing.T) {
	v, private, sealed, _ := frozen(t)
	header := []byte(v.Header)
	places := map[string][]byte{
		"another terminal": AAD("T99", v.Epoch, v.Seq, v.Kind, header), "another epoch": AAD(v.Terminal, "x", v.Seq, v.Kind, header),
		"another number": AAD(v.Terminal, v.Epoch, v.Seq+1, v.Kind, header), "another kind": AAD(v.Terminal, v.Epoch, v.Seq, "x", header),
		"another header": AAD(v.Terminal, v.Epoch, v.Seq, v.Kind, []byte("{}")), "none": nil,
	}
	for name, aad := range places {
		if _, err := Open(private, v.Seq, aad, sealed); err == nil || !strings.HasPrefix(err.Error(), "seal: ") {
			t.Errorf("%s: got %v, want an error", name, err)
		}
	}
	aad := AAD(v.Terminal, v.Epoch, v.Seq, v.Kind, header)
	if _, err := Open(private, v.Seq+1, aad, sealed); err == nil {
		t.Error("opened under another record's number")
	}
	for i := range sealed {
		if i > 0 && i < 9 {
			continue // the key's id says only which key to try
		}
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := Open(private, v.Seq, aad, changed); err == nil {
			t.Errorf("opened with byte %d changed", i)
		}
	}
	for n := range len(sealed) {
		if _, err := Open(private, v.Seq, aad, sealed[:n]); err == nil {
			t.Errorf("opened when cut at %d", n)
		}
	}
	other := bytes.Clone(private)
	other[5] ^= 1
	if _, err := Open(other, v.Seq, aad, sealed); err == nil {
		t.Error("opened with another key")
	}
	if _, err := Open(private[:31], v.Seq, aad, sealed); err == nil {
		t.Error("opened with a key that is none")
	}
}

func TestWhich(t *testing.T) {
	_, _, sealed, _ := frozen(t)
	shortest := sealed[:1+8+32+16]
	if _, err := Which(shortest); err != nil {
		t.Errorf("an empty sealed part: %v", err)
	}
	version2 := bytes.Clone(sealed)
	version2[0] = 2
	for name, bad := range map[string][]byte{"nothing": nil, "too short": shortest[:len(shortest)-1], "version 2": version2} {
		if id, err := Which(bad); err == nil || id != [8]byte{} {
			t.Errorf("%s: got %x (%v), want an error", name, id, err)
		}
	}
}

// Two visits have two keys; one visit's records are each closed differently.
func TestEachVisitHasItsOwnKey(t *testing.T) {
	v, private, _, _ := frozen(t)
	public := unhex(t, v.Public)
	if sk, err := ecdh.X25519().NewPrivateKey(private); err != nil || !bytes.Equal(sk.PublicKey().Bytes(), public) {
		t.Fatalf("the vector's keys do not belong together (%v)", err)
	}
	seen := map[string]bool{}
	for range 2 {
		s, err := NewSealer(public)
		if err != nil {
			t.Fatal(err)
		}
		for seq := range int64(3) {
			aad := AAD("T1", "e", seq, "k", nil)
			sealed := s.Seal(nil, seq, aad, []byte("plain"))
			if got, err := Open(private, seq, aad, sealed); err != nil || string(got) != "plain" {
				t.Errorf("record %d: got %q (%v)", seq, got, err)
			}
			if seen[string(sealed[41:])] {
				t.Errorf("record %d is closed like another one", seq)
			}
			seen[string(sealed[41:])] = true
		}
	}
	for _, bad := range [][]byte{nil, public[:31], append(bytes.Clone(public), 0), make([]byte, 32)} {
		if _, err := NewSealer(bad); err == nil || !strings.HasPrefix(err.Error(), "seal: ") {
			t.Errorf("sealed to %x: got %v, want an error", bad, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	raw, err := os.ReadFile("testdata/sealed.json")
	if err != nil {
		f.Fatal(err)
	}
	var v vector
	if err := json.Unmarshal(raw, &v); err != nil {
		f.Fatal(err)
	}
	good, err := hex.DecodeString(v.Sealed)
	if err != nil {
		f.Fatal(err)
	}
	private, err := hex.DecodeString(v.Private)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:57])
	f.Fuzz(func(t *testing.T, sealed []byte) {
		plain, err := Open(private, v.Seq, []byte(v.AAD), sealed)
		if err == nil && string(plain) != v.Plain {
			t.Errorf("%x opened as %q", sealed, plain)
		}
	})
}
