package sdtusb

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/idcard/sdt"
)

// TestJoin: what goes out is parted after the length, what comes in is put together, and a question makes an end of whatever
// answer was not whole.
func TestJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, head := net.Pipe()
		b, body := net.Pipe()
		j := join(h, b)
		status := []byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 3, 0x11, 0xFF, 0xED}
		heard := func(from net.Conn, want []byte) {
			t.Helper()
			got := make([]byte, len(want))
			if _, err := io.ReadFull(from, got); err != nil || !bytes.Equal(got, want) {
				t.Errorf("went out: % x, %v, want % x", got, err, want)
			}
		}
		ask := func() {
			t.Helper()
			go func() {
				if n, err := j.Write(status); n != len(status) || err != nil {
					t.Errorf("write: %d, %v", n, err)
				}
			}()
			heard(head, status[:7])
			heard(body, status[7:])
		}
		answer := []byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 4, 0, 0, 0x90, 0x94}
		says := func(parts map[net.Conn][]byte) {
			for to, what := range parts {
				for _, c := range what {
					to.Write([]byte{c}) // the other end reads until it has all
				}
			}
		}
		hears := func(want []byte) {
			t.Helper()
			j.SetReadDeadline(time.Now().Add(time.Second))
			got := make([]byte, len(want))
			if n, err := io.ReadFull(j, got); err != nil || !bytes.Equal(got, want) {
				t.Errorf("came in: %d % x, %v, want % x", n, got, err, want)
			}
		}
		silent := func() {
			t.Helper()
			j.SetReadDeadline(time.Now().Add(time.Second))
			if n, err := j.Read(make([]byte, 99)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("came in: %d, %v, want silence", n, err)
			}
		}
		ask()
		go says(map[net.Conn][]byte{head: answer[:7]})
		go says(map[net.Conn][]byte{body: answer[7:]})
		hears(answer)
		silent()
		// The body is late; what has come of it counts.
		go says(map[net.Conn][]byte{head: answer[:7]})
		hears(answer[:7])
		silent()
		go says(map[net.Conn][]byte{body: answer[7:]})
		hears(answer[7:])
		// Half a head, and then the next question.
		go says(map[net.Conn][]byte{head: answer[:3]})
		silent()
		ask()
		go says(map[net.Conn][]byte{head: answer[:7]})
		hears(answer[:7])
		ask() // without its body
		go says(map[net.Conn][]byte{head: answer[:7]})
		go says(map[net.Conn][]byte{body: answer[7:]})
		hears(answer)
		// A length that cannot be is noise without a body.
		noise := []byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0x10, 0x01}
		go says(map[net.Conn][]byte{head: append(noise, answer[:7]...)})
		go says(map[net.Conn][]byte{body: answer[7:]})
		hears(append(noise, answer...))
		longest := []byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0x10, 0x00}
		go says(map[net.Conn][]byte{head: longest})
		go says(map[net.Conn][]byte{body: make([]byte, 4096)})
		hears(append(longest, make([]byte, 4096)...))
		go func() {
			if n, err := j.Write(status[:5]); n != 5 || err != nil {
				t.Errorf("write of a part: %d, %v", n, err)
			}
		}()
		heard(head, status[:5])
		if err := j.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		for _, c := range []net.Conn{h, b} {
			if _, err := c.Write([]byte{1}); err == nil {
				t.Error("a pair of pipes stays open")
			}
		}
	})
}

func TestAddressIsChecked(t *testing.T) {
	for address, right := range map[string]bool{"usb:0400:c35a": true, "usb:0400:c35a:SN": true, "serial:/dev/ttyUSB0": false, "usb:0400": false} {
		if _, err := New(address, sdt.Options{}); (err == nil) != right {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// FuzzJoin: whatever comes over the two pipes, nothing is lost or made up in the order of reading, and nothing hangs.
func FuzzJoin(f *testing.F) {
	f.Add([]byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 4}, []byte{0, 0, 0x90, 0x94})
	f.Add([]byte{1, 2, 3}, []byte{})
	f.Add([]byte{0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 1}, []byte{7})
	f.Fuzz(func(t *testing.T, head, body []byte) {
		j := join(&still{bytes.NewReader(head)}, &still{bytes.NewReader(body)})
		got, err := io.ReadAll(j)
		if err != nil || len(got) > len(head)+len(body) || len(head) >= 7 && !bytes.HasPrefix(got, head[:7]) {
			t.Errorf("got % x, %v of % x and % x", got, err, head, body)
		}
	})
}

// still is a line on which all has been said.
type still struct{ *bytes.Reader }

func (still) Write(b []byte) (int, error)     { return len(b), nil }
func (still) Close() error                    { return nil }
func (still) SetReadDeadline(time.Time) error { return nil }
