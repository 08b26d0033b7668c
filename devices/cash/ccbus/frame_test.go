package ccbus

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// vector is a row of testdata/packets.txt.
type vector struct {
	name   string
	sum    Checksum
	f      frame
	packet []byte
}

func vectors(t testing.TB) (list []vector) {
	t.Helper()
	text, err := os.ReadFile("testdata/packets.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range strings.Split(string(text), "\n") {
		if row == "" || strings.HasPrefix(row, "#") {
			continue
		}
		part := strings.Split(row, ";")
		v := vector{name: part[0], sum: Checksum(strings.TrimSpace(part[1]))}
		if _, err := fmt.Sscan(part[2], &v.f.dest, &v.f.src, &v.f.header); err != nil {
			t.Fatalf("%s: %v", row, err)
		}
		v.f.data, v.packet = unhex(t, part[3]), unhex(t, part[4])
		list = append(list, v)
	}
	if len(list) < 20 {
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

func TestPackets(t *testing.T) {
	for _, v := range vectors(t) {
		if got := encode(v.f, v.sum); !bytes.Equal(got, v.packet) {
			t.Errorf("%s (%s): encoded % X, want % X", v.name, v.sum, got, v.packet)
		}
		got, n, err := decode(append(v.packet, 0xAA, 0xBB), v.sum)
		if err != nil || n != len(v.packet) || fmt.Sprint(got) != fmt.Sprint(v.f) {
			t.Errorf("%s (%s): decoded %v, %d, %v, want %v, %d", v.name, v.sum, got, n, err, v.f, len(v.packet))
		}
		for cut := range v.packet {
			if _, _, err := decode(v.packet[:cut], v.sum); !errors.Is(err, errShort) {
				t.Errorf("%s (%s) cut to %d bytes: got %v, want %v", v.name, v.sum, cut, err, errShort)
			}
		}
		for i := range v.packet {
			bad := bytes.Clone(v.packet)
			bad[i] ^= 0x10
			if f, _, err := decode(bad, v.sum); err == nil {
				t.Errorf("%s (%s) with byte %d wrong: got %v, want an error", v.name, v.sum, i, f)
			}
		}
	}
}

func TestPacketTooLong(t *testing.T) {
	if _, _, err := decode([]byte{1, 253}, Simple); !errors.Is(err, errLength) {
		t.Errorf("a packet of 253 bytes: got %v, want %v", err, errLength)
	}
	if _, _, err := decode([]byte{1, 252}, Simple); !errors.Is(err, errShort) {
		t.Errorf("a packet of 252 bytes: got %v, want %v", err, errShort)
	}
	defer func() {
		if recover() == nil {
			t.Error("encoding 253 bytes did not panic")
		}
	}()
	encode(frame{dest: 1, src: 40, data: make([]byte, 252)}, CRC) // as much as fits
	encode(frame{dest: 1, src: 40, data: make([]byte, 253)}, CRC)
}

func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.packet, v.sum == CRC)
	}
	f.Fuzz(func(t *testing.T, b []byte, crc bool) {
		sum := Simple
		if crc {
			sum = CRC
		}
		got, n, err := decode(b, sum)
		if err != nil {
			return
		}
		if again := encode(got, sum); !bytes.Equal(again, b[:n]) {
			t.Errorf("% x decodes to %v, which encodes to % x", b[:n], got, again)
		}
	})
}
