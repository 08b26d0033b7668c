// Package ccslavetest is a host for tests of pretend ccTalk devices: it says bytes and hears what comes back.
package ccslavetest

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"yichuang/devices/cash/ccslave"
)

// Host is the other end of a pretend device's line.
type Host struct {
	T       testing.TB
	Address byte
	conn    net.Conn
}

// Serve puts a host at a device's line until the test ends. Call it inside the bubble of virtual time.
func Serve(t testing.TB, address byte, serve func(context.Context, io.ReadWriter) error) *Host {
	near, far := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); serve(ctx, far) }()
	t.Cleanup(func() { near.Close(); cancel(); <-done; far.Close() })
	return &Host{t, address, near}
}

// Say writes bytes.
func (h *Host) Say(b []byte) {
	h.T.Helper()
	if _, err := h.conn.Write(b); err != nil {
		h.T.Fatalf("write: %v", err)
	}
}

// Hear gives what comes until the line is quiet for 100 ms.
func (h *Host) Hear() (all []byte) {
	for {
		h.conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		b := make([]byte, 512)
		n, err := h.conn.Read(b)
		if all = append(all, b[:n]...); err != nil {
			return all
		}
	}
}

// Ask says a command and gives the reply's header and data; known is false for silence.
func (h *Host) Ask(header byte, data ...byte) (reply byte, answer []byte, known bool) {
	h.T.Helper()
	h.Say(ccslave.Pack(h.Address, 1, header, data, false))
	raw := h.Hear()
	if len(raw) < 5 || int(raw[1])+5 != len(raw) {
		return 0, nil, false
	}
	return raw[3], raw[4 : len(raw)-1], true
}

// Data is Ask of what must be answered with data.
func (h *Host) Data(header byte, data ...byte) []byte {
	h.T.Helper()
	reply, answer, known := h.Ask(header, data...)
	if !known || reply != ccslave.Normal {
		h.T.Fatalf("%s % x: got reply %d, known %v, want data", ccslave.HeaderName(header), data, reply, known)
	}
	return answer
}

// Says is Ask with the answer that is wanted: "-" is silence, "nak", or the data in hexadecimal.
func (h *Host) Says(want string, header byte, data ...byte) {
	h.T.Helper()
	reply, answer, known := h.Ask(header, data...)
	got := strings.ToUpper(hex.EncodeToString(answer))
	switch {
	case !known:
		got = "-"
	case reply == ccslave.Nak:
		got = "nak"
	}
	if want = strings.ReplaceAll(want, " ", ""); got != want {
		h.T.Errorf("%s % x: got %s, want %s", ccslave.HeaderName(header), data, got, want)
	}
}

// Dialogue plays a file: ">" says bytes, "<" wants them, "-" for silence, "wait" lets time pass, and any other verb
// is the hand's.
func (h *Host) Dialogue(file string, hand func(verb, rest string)) {
	h.T.Helper()
	for _, l := range Lines(h.T, file) {
		verb, rest, _ := strings.Cut(l, " ")
		switch verb {
		case ">":
			h.Say(Unhex(h.T, rest))
			h.T.Logf("%s", l)
		case "<":
			want := []byte{}
			if rest != "-" {
				want = Unhex(h.T, rest)
			}
			if got := h.Hear(); !bytes.Equal(got, want) {
				h.T.Fatalf("got % X, want % X", got, want)
			}
		case "wait":
			d, err := time.ParseDuration(rest)
			if err != nil {
				h.T.Fatal(err)
			}
			time.Sleep(d)
		default:
			hand(verb, rest)
		}
	}
}

// Said is every ">" of a dialogue, for the corpus of a fuzz target.
func Said(t testing.TB, file string) (list [][]byte) {
	for _, l := range Lines(t, file) {
		if rest, ok := strings.CutPrefix(l, "> "); ok {
			list = append(list, Unhex(t, rest))
		}
	}
	return list
}

// Lines are the rows of a file without comments.
func Lines(t testing.TB, name string) (list []string) {
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

// Unhex reads bytes in hexadecimal.
func Unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}
