package ccnet

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"yichuang/devices/cash"
)

// vector is a row of testdata/frames.txt.
type vector struct {
	name  string
	f     frame
	bytes []byte
}

func vectors(t testing.TB) (list []vector) {
	t.Helper()
	text, err := os.ReadFile("testdata/frames.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range strings.Split(string(text), "\n") {
		if row == "" || strings.HasPrefix(row, "#") {
			continue
		}
		part := strings.Split(row, ";")
		v := vector{name: part[0]}
		if _, err := fmt.Sscan(part[1], &v.f.address); err != nil {
			t.Fatalf("%s: %v", row, err)
		}
		v.f.payload, v.bytes = unhex(t, part[2]), unhex(t, part[3])
		list = append(list, v)
	}
	if len(list) < 30 {
		t.Fatalf("only %d vectors", len(list))
	}
	return list
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

func TestFrames(t *testing.T) {
	for _, v := range vectors(t) {
		if got := encode(v.f); !bytes.Equal(got, v.bytes) {
			t.Errorf("%s: encoded % X, want % X", v.name, got, v.bytes)
		}
		got, n, err := decode(append(v.bytes, 0xAA, 0xBB))
		if err != nil || n != len(v.bytes) || fmt.Sprint(got) != fmt.Sprint(v.f) {
			t.Errorf("%s: decoded %v, %d, %v, want %v, %d", v.name, got, n, err, v.f, len(v.bytes))
		}
		for cut := range v.bytes {
			if _, _, err := decode(v.bytes[:cut]); !errors.Is(err, errShort) {
				t.Errorf("%s cut to %d bytes: got %v, want %v", v.name, cut, err, errShort)
			}
		}
		for i := range v.bytes {
			bad := bytes.Clone(v.bytes)
			bad[i] ^= 0x40
			if f, _, err := decode(bad); err == nil {
				t.Errorf("%s with byte %d wrong: got %v, want an error", v.name, i, f)
			}
		}
	}
}

// The check value of CRC-16/KERMIT.
func TestCRC(t *testing.T) {
	if got := crc16([]byte("123456789")); got != 0x2189 {
		t.Errorf("CRC of 123456789: got %04X, want 2189", got)
	}
}

func TestFrameBounds(t *testing.T) {
	for _, tt := range []struct {
		bytes []byte
		want  error
	}{
		{[]byte{2, 3, 0}, errLength}, {[]byte{2, 3, 5}, errLength}, {[]byte{2, 3, 6}, errShort}, {[]byte{2, 3, 250}, errShort}, {[]byte{2, 3, 251}, errLength},
		{[]byte{3}, errSync}, {nil, errShort}, {[]byte{2}, errShort}, {[]byte{2, 3}, errShort},
	} {
		if _, _, err := decode(tt.bytes); !errors.Is(err, tt.want) {
			t.Errorf("% X: got %v, want %v", tt.bytes, err, tt.want)
		}
	}
	for _, n := range []int{1, payloadMax} {
		if got := len(encode(frame{3, make([]byte, n)})); got != n+5 {
			t.Errorf("a payload of %d bytes: frame of %d, want %d", n, got, n+5)
		}
	}
	for _, n := range []int{0, 246} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("encoding %d bytes did not panic", n)
				}
			}()
			encode(frame{3, make([]byte, n)})
		}()
	}
}

func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, n, err := decode(b)
		if err != nil {
			return
		}
		if again := encode(got); !bytes.Equal(again, b[:n]) {
			t.Errorf("% x decodes to %v, which encodes to % x", b[:n], got, again)
		}
	})
}

// Whatever table a validator has, no row is negative money, and no other currency than one that is known.
func FuzzTable(f *testing.F) {
	for _, v := range vectors(f) {
		if len(v.f.payload) == 5*typesMax {
			f.Add(v.f.payload)
		}
	}
	f.Add(bytes.Repeat([]byte{255, 'C', 'H', 'N', 0x82}, typesMax))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) != 5*typesMax {
			return
		}
		types, err := parseTable(b, nil)
		for i, n := range types {
			if err == nil && n != (cash.Note{}) && (n.Face <= 0 || len(n.Currency) != 3) {
				t.Errorf("row %d, % x: got %v", i, b[5*i:5*i+5], n)
			}
		}
	})
}
