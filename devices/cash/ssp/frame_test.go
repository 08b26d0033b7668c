package ssp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(s), " ", ""))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

// rows reads a table of testdata: fields between semicolons, # begins a comment.
func rows(t testing.TB, name string, fewest int) (list [][]string) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range strings.Split(string(text), "\n") {
		if row != "" && !strings.HasPrefix(row, "#") {
			list = append(list, strings.Split(row, ";"))
		}
	}
	if len(list) < fewest {
		t.Fatalf("%s: only %d rows", name, len(list))
	}
	return list
}

func TestPackets(t *testing.T) {
	for _, row := range rows(t, "packets.txt", 29) {
		want := frame{seq: unhex(t, row[1])[0], data: unhex(t, row[2])}
		packet := unhex(t, row[3])
		if got := encode(want); !bytes.Equal(got, packet) {
			t.Errorf("%s: encoded % X, want % X", row[0], got, packet)
		}
		got, n, err := decode(append(packet, 0x7F, 0xBB))
		if err != nil || n != len(packet) || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: decoded %v, %d, %v, want %v, %d", row[0], got, n, err, want, len(packet))
		}
		for cut := range packet {
			if _, _, err := decode(packet[:cut]); !errors.Is(err, errShort) {
				t.Errorf("%s cut to %d bytes: got %v, want %v", row[0], cut, err, errShort)
			}
		}
		for i := range packet {
			bad := bytes.Clone(packet)
			bad[i] ^= 0x10
			if f, _, err := decode(bad); err == nil {
				t.Errorf("%s with byte %d wrong: got %v, want an error", row[0], i, f)
			}
		}
	}
}

// A broken packet must not swallow the one behind it, nor must noise.
func TestPacketAfterABrokenOne(t *testing.T) {
	good := encode(frame{seq: 0x80, data: []byte{ok}})
	for name, before := range map[string]struct {
		bytes []byte
		want  error
	}{
		"noise":         {[]byte{0x00, 0x80, 0x01}, errNoFrame},
		"half a packet": {[]byte{0x7F, 0x80, 0x05, 0xF0}, errNoFrame},
		"wrong sum":     {[]byte{0x7F, 0x80, 0x01, 0xF0, 0x00, 0x00}, errChecksum},
		"without data":  {[]byte{0x7F, 0x80, 0x00, 0x00, 0x00}, errChecksum},
	} {
		buffer := append(bytes.Clone(before.bytes), good...)
		_, n, err := decode(buffer)
		if !errors.Is(err, before.want) || n != len(before.bytes) {
			t.Errorf("%s: took %d bytes, %v, want %d, %v", name, n, err, len(before.bytes), before.want)
			continue
		}
		if f, n, err := decode(buffer[n:]); err != nil || n != len(good) || f.seq != 0x80 || !bytes.Equal(f.data, []byte{ok}) {
			t.Errorf("behind %s: got %v, %d, %v", name, f, n, err)
		}
	}
}

func TestCRC(t *testing.T) {
	for text, want := range map[string]uint16{"A": 0xFC84, "ABC": 0x069B} {
		if got := crc16([]byte(text)); got != want {
			t.Errorf("crc of %q: got %04X, want %04X", text, got, want)
		}
		if got := crc16([]byte(text[:1]), []byte(text[1:])); got != want {
			t.Errorf("crc of %q in two parts: got %04X, want %04X", text, got, want)
		}
	}
}

func TestPacketTooLong(t *testing.T) {
	if got := len(encode(frame{data: make([]byte, 255)})); got != 260 {
		t.Errorf("a packet of 255 bytes takes %d, want 260", got)
	}
	for _, n := range []int{0, 256} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("encoding %d bytes did not panic", n)
				}
			}()
			encode(frame{data: make([]byte, n)})
		}()
	}
}

func FuzzDecode(f *testing.F) {
	for _, row := range rows(f, "packets.txt", 1) {
		f.Add(unhex(f, row[3]))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, n, err := decode(b)
		switch {
		case errors.Is(err, errShort):
			if n != 0 {
				t.Errorf("% x: not all there, but took %d bytes", b, n)
			}
		case err != nil:
			if n <= 0 || n > len(b) {
				t.Errorf("% x: took %d bytes with %v", b, n, err)
			}
		default:
			if again := encode(got); !bytes.Equal(again, b[:n]) {
				t.Errorf("% x decodes to %v, which encodes to % x", b[:n], got, again)
			}
		}
	})
}
