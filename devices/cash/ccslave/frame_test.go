package ccslave

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

func lines(t testing.TB, name string) (list []string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range strings.Split(string(text), "\n") {
		if l != "" && !strings.HasPrefix(l, "#") {
			list = append(list, l)
		}
	}
	return list
}

// The same packets pin the driver.
func TestPackets(t *testing.T) {
	for _, l := range lines(t, "testdata/packets.txt") {
		part := strings.Split(l, ";")
		crc := strings.TrimSpace(part[1]) == "crc"
		var dest, src, header byte
		if _, err := fmt.Sscan(part[2], &dest, &src, &header); err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		data, packet := unhex(t, part[3]), unhex(t, part[4])
		if got := Pack(dest, src, header, data, crc); !bytes.Equal(got, packet) {
			t.Errorf("%s: packed % X", l, got)
		}
		r, n := Cut(append(packet, 1, 2, 3), crc)
		if r == nil || n != len(packet) || r.Dest != dest || r.Header != header || !bytes.Equal(r.Data, data) || !crc && r.Src != src || crc && r.Src != 1 {
			t.Errorf("%s: cut %+v, %d", l, r, n)
		}
		for i := range packet {
			if r, n := Cut(packet[:i], crc); r != nil || n != 0 {
				t.Errorf("%s cut to %d bytes: got %+v, %d, want nothing yet", l, i, r, n)
			}
			bad := bytes.Clone(packet)
			if bad[i] ^= 0x20; i == 1 {
				continue // another length
			}
			if r, n := Cut(bad, crc); r != nil || n != len(packet) {
				t.Errorf("%s with byte %d wrong: got %+v, %d, want it dropped", l, i, r, n)
			}
		}
	}
}
