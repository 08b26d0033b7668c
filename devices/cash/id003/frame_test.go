package id003

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"
)

// vector is a row of testdata/frames.txt.
type vector struct {
	name  string
	m     message
	frame []byte
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
		v := vector{name: part[0], m: message{code: unhex(t, part[1])[0], data: unhex(t, part[2])}}
		v.frame = unhex(t, part[3])
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
		if got := encode(v.m); !bytes.Equal(got, v.frame) {
			t.Errorf("%s: encoded % X, want % X", v.name, got, v.frame)
		}
		got, n, err := decode(append(bytes.Clone(v.frame), 0xFC, 0xBB))
		if err != nil || n != len(v.frame) || got.code != v.m.code || !bytes.Equal(got.data, v.m.data) {
			t.Errorf("%s: decoded %v, %d, %v, want %v, %d", v.name, got, n, err, v.m, len(v.frame))
		}
		for cut := range v.frame {
			if _, _, err := decode(v.frame[:cut]); !errors.Is(err, errShort) {
				t.Errorf("%s cut to %d bytes: got %v, want %v", v.name, cut, err, errShort)
			}
		}
		for i := range v.frame {
			bad := bytes.Clone(v.frame)
			bad[i] ^= 0x10
			if m, _, err := decode(bad); err == nil {
				t.Errorf("%s with byte %d wrong: got %v, want an error", v.name, i, m)
			}
		}
	}
}

func TestImpossibleFrames(t *testing.T) {
	for _, tt := range []struct {
		bytes []byte
		want  error
	}{
		{[]byte{0x00, 0xFC}, errStart}, {[]byte{0xFC, 0}, errLength}, {[]byte{0xFC, 4}, errLength}, {[]byte{0xFC, 5}, errShort}, {[]byte{0xFC, 255}, errShort},
		{[]byte{0xFC, 5, 0x11, 0x27, 0x57}, errCRC}, {[]byte{0xFC, 5, 0x11, 0x26, 0x56}, errCRC},
	} {
		if _, _, err := decode(tt.bytes); !errors.Is(err, tt.want) {
			t.Errorf("% X: got %v, want %v", tt.bytes, err, tt.want)
		}
	}
	longest := encode(message{code: 0x88, data: make([]byte, 250)}) // as much as fits
	if m, n, err := decode(longest); err != nil || n != 255 || len(m.data) != 250 {
		t.Errorf("the longest frame: got %d bytes of data of %d, %v", len(m.data), n, err)
	}
	defer func() {
		if recover() == nil {
			t.Error("encoding 251 bytes did not panic")
		}
	}()
	encode(message{code: 0x88, data: make([]byte, 251)})
}

func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.frame)
	}
	countries := map[byte]string{0x2D: "CNY", 0x0A: "JPY"}
	f.Fuzz(func(t *testing.T, b []byte) {
		parseTable(b, countries)
		parseVersion(b)
		m, n, err := decode(b)
		if err != nil {
			return
		}
		if again := encode(m); !bytes.Equal(again, b[:n]) {
			t.Errorf("% x decodes to %v, which encodes to % x", b[:n], m, again)
		}
		if s, err := parseStatus(m); err == nil {
			if f, known := s.trouble(); !known && f == nil {
				t.Errorf("% x is no known state and no fault", b[:n])
			}
		}
	})
}
