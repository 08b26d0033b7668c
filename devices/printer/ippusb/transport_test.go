package ippusb

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/wire"
)

// message is the beginning of an IPP message with this id.
func message(id byte) string { return string([]byte{2, 0, 0, 0, 0, 0, 0, id, 3}) }

// ok frames a message as an answer.
func ok(m string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\nContent-Length: %d\r\n\r\n%s", len(m), m)
}

// post is a request with this id.
func post(ctx context.Context, id byte) *http.Request {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/ipp/print", strings.NewReader(message(id)))
	if err != nil {
		panic("a request that cannot be made: " + err.Error())
	}
	return r
}

func TestLateAnswersArePassedOver(t *testing.T) {
	for what, tt := range map[string]struct {
		said string
		want string // "" is an error
	}{
		"the answer":                     {ok(message(7)), message(7)},
		"a late one first":               {ok(message(5)) + ok(message(6)) + ok(message(7)), message(7)},
		"an interim one first":           {"HTTP/1.1 100 Continue\r\n\r\n" + ok(message(7)), message(7)},
		"only a late one":                {ok(message(5)), ""},
		"too short to have an id":        {ok("abc"), "abc"},
		"an error of HTTP, without id":   {"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno", "no"},
		"late ones without end":          {strings.Repeat(ok(message(5)), 20), ""},
		"a late one that ends too early": {"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n" + message(5), ""},
		"no HTTP":                        {"hello\r\n\r\n", ""},
	} {
		answer, err := read(bufio.NewReader(strings.NewReader(tt.said)), post(t.Context(), 7), []byte{0, 0, 0, 7})
		if tt.want == "" {
			if err == nil {
				t.Errorf("%s: no error", what)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if got, err := io.ReadAll(answer.Body); string(got) != tt.want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", what, got, err, tt.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(ok(message(5)) + ok(message(7))))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		answer, err := read(bufio.NewReader(bytes.NewReader(b)), post(t.Context(), 7), []byte{0, 0, 0, 7})
		if err != nil {
			return
		}
		got, broke := io.ReadAll(answer.Body)
		if len(got) > len(b) {
			t.Errorf("%d bytes of %d", len(got), len(b))
		}
		if err := answer.Body.Close(); err != nil && broke == nil {
			t.Errorf("a whole body does not close: %v", err)
		}
	})
}

// cable is a device of pairs over net.Pipe.
type cable struct {
	ports   []wire.Port
	spoiled bool
	closed  bool
}

func (c *cable) Ports() []wire.Port { return c.ports }
func (c *cable) Spoil()             { c.spoiled = true }
func (c *cable) Close() error {
	c.closed = true
	for _, p := range c.ports {
		p.Close()
	}
	return nil
}

// desk is a transport whose device is opened anew each time, with the far ends in a channel.
func desk(pairs int) (t *Transport, opened *[]*cable, far chan net.Conn) {
	opened, far = new([]*cable), make(chan net.Conn, 16)
	return NewTransport(func() (Device, error) {
		c := &cable{}
		for range pairs {
			host, dev := net.Pipe()
			c.ports = append(c.ports, host)
			far <- dev
		}
		*opened = append(*opened, c)
		return c, nil
	}), opened, far
}

// TestGivenUp: an answer that was given up is read away before the pair is used again, and the device stays open.
func TestGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, opened, far := desk(1)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		go func() { io.Copy(io.Discard, <-far) }()
		if _, err := tr.RoundTrip(post(ctx, 1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("no answer: %v", err)
		}
		if len(*opened) != 1 || (*opened)[0].closed {
			t.Errorf("opened %d times, closed %v, want that it stays open", len(*opened), (*opened)[0].closed)
		}
		tr.Close()
		if !(*opened)[0].closed {
			t.Error("Close leaves it open")
		}
	})
}

// TestBrokenRequestSpoilsTheDevice: it waits for the rest of a request, so that it is reset and opened anew.
func TestBrokenRequestSpoilsTheDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, opened, far := desk(1)
		go func() {
			c := <-far
			io.ReadFull(c, make([]byte, 20))
			c.Close()
		}()
		if _, err := tr.RoundTrip(post(t.Context(), 1)); err == nil {
			t.Error("no error")
		}
		if c := (*opened)[0]; !c.spoiled || !c.closed {
			t.Errorf("spoiled %v, closed %v, want both", c.spoiled, c.closed)
		}
		go func() {
			c := <-far
			r, err := http.ReadRequest(bufio.NewReader(c))
			if err == nil {
				io.Copy(io.Discard, r.Body)
				io.WriteString(c, ok(message(2)))
			}
		}()
		answer, err := tr.RoundTrip(post(t.Context(), 2))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(answer.Body); string(got) != message(2) || err != nil || answer.Body.Close() != nil {
			t.Errorf("the next one: %q, %v", got, err)
		}
		if len(*opened) != 2 || (*opened)[1].closed || (*opened)[1].spoiled {
			t.Errorf("opened %d times", len(*opened))
		}
		tr.Close()
	})
}

// TestNotPluggedIn is a fault of dialling: nothing was sent.
func TestNotPluggedIn(t *testing.T) {
	gone := errors.New("gone")
	tr := NewTransport(func() (Device, error) { return nil, gone })
	_, err := tr.RoundTrip(post(t.Context(), 1))
	var dial *net.OpError
	if !errors.Is(err, gone) || !errors.As(err, &dial) || dial.Op != "dial" {
		t.Errorf("got %v", err)
	}
	tr.Close()
}

// The id is taken from what is sent: the driver's requests have a body that cannot be read twice.
func TestTheIDIsTakenFromWhatIsSent(t *testing.T) {
	for _, tt := range []struct {
		parts []string
		want  []byte
	}{
		{[]string{message(7)}, []byte{0, 0, 0, 7}},
		{[]string{message(7)[:3], message(7)[3:6], message(7)[6:], strings.Repeat("x", 9000)}, []byte{0, 0, 0, 7}},
		{[]string{message(7)[:7]}, nil},
		{nil, nil},
	} {
		var parts []io.Reader
		for _, p := range tt.parts {
			parts = append(parts, strings.NewReader(p))
		}
		sent := &beginning{ReadCloser: io.NopCloser(io.MultiReader(parts...))}
		all, err := io.ReadAll(sent)
		if err != nil || string(all) != strings.Join(tt.parts, "") || !bytes.Equal(sent.requestID(), tt.want) {
			t.Errorf("%d parts: sent %d bytes, id %v, want %v (%v)", len(tt.parts), len(all), sent.requestID(), tt.want, err)
		}
	}
}
