package escpossim

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"image/png"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/mechanism"
)

// vectors are the driver's.
func vectors(t testing.TB, kind string) map[string][2]string {
	t.Helper()
	data, err := os.ReadFile("../escpos/testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][2]string{}
	for _, line := range strings.Split(string(data), "\n") {
		if f := strings.Split(line, "\t"); len(f) == 4 && f[0] == kind {
			out[f[1]] = [2]string{f[2], f[3]}
		}
	}
	if len(out) == 0 {
		t.Fatalf("no vectors of kind %s", kind)
	}
	return out
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseCommands(t *testing.T) {
	for name, v := range vectors(t, "command") {
		b := unhex(t, v[0])
		o, n := parse(b, true)
		if o.cmd != v[1] {
			t.Errorf("%s: got %q, want %q", name, o.cmd, v[1])
		}
		whole := map[string]int{"raster 16x2": 8, "symbol": 9, "feed 300": 3}
		if want, odd := whole[name]; n != want && odd || n != len(b) && !odd {
			t.Errorf("%s: took %d of %d bytes", name, n, len(b))
		}
		for i := 1; i < n; i++ { // half a command waits
			if o, m := parse(b[:i], true); m != 0 {
				t.Errorf("%s: %d bytes gave %q", name, i, o.cmd)
			}
		}
	}
	for text, v := range vectors(t, "text") {
		b, got := unhex(t, v[0]), ""
		for len(b) > 0 {
			o, n := parse(b, true)
			if n == 0 || o.cmd != "char" {
				t.Fatalf("%s: %q at % x", text, o.cmd, b)
			}
			got += string(o.r)
			b = b[n:]
		}
		if got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
}

func TestParseOthers(t *testing.T) {
	for _, c := range []struct {
		in, cmd string
		n       int
	}{
		{"1d6b490c7b424b533230323530303031", "GS k", 16}, {"1d6b02343536 00", "GS k", 7}, {"1d284c0e00307030010131100002 00f00f8118", "GS ( L", 19},
		{"1b2a210200aabbccddeeff", "ESC *", 11}, {"1b2a000200aabb", "ESC *", 7}, {"1b44081000", "ESC D", 5}, {"1d5600", "GS V", 3}, {"1d564105", "GS V", 4},
		{"1b70001919", "ESC p", 5}, {"1014010001", "DLE", 5}, {"100404", "DLE", 3}, {"1b7f", "unknown", 2}, {"07", "unknown", 1}, {"00", "NUL", 1},
		{"80", "unknown", 1}, {"81", "", 0}, {"8139ee", "", 0}, {"8120", "unknown", 1},
	} {
		b := unhex(t, c.in)
		if o, n := parse(b, true); n != c.n || n > 0 && o.cmd != c.cmd {
			t.Errorf("%s: got %q %d, want %q %d", c.in, o.cmd, n, c.cmd, c.n)
		}
	}
	if o, n := parse([]byte{0x82}, false); o.r != 'é' || n != 1 || o.full {
		t.Errorf("code page 437: got %q %d", o.r, n)
	}
}

func TestStatusBytes(t *testing.T) {
	for name, v := range vectors(t, "status") {
		p := New(Options{})
		if name != "ready" {
			if err := p.Faults().Arm(name, 1); err != nil {
				t.Fatal(err)
			}
		}
		p.mu.Lock()
		p.stuck = name == "cutter" // it sticks at a cut
		var got []byte
		for n := byte(1); n <= 4; n++ {
			got = append(got, p.statusByte(n))
		}
		p.mu.Unlock()
		if hex := strings.ToUpper(hex.EncodeToString(got)); hex != v[0] {
			t.Errorf("%s: got %s, want %s", name, hex, v[0])
		}
	}
}

// talk sends bytes to a printer in a bubble, lets it work, and gives what it answers.
func talk(t *testing.T, p *Printer, in []byte) []byte {
	t.Helper()
	host, dev := net.Pipe()
	go p.Serve(context.Background(), dev)
	answers := make(chan []byte)
	go func() {
		var all []byte
		buf := make([]byte, 256)
		for {
			n, err := host.Read(buf)
			all = append(all, buf[:n]...)
			if err != nil {
				answers <- all
				return
			}
		}
	}()
	if _, err := host.Write(in); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	host.Close()
	got := <-answers
	time.Sleep(time.Second)
	return got
}

func TestReceipt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := mechanism.NewLog()
		p := New(Options{Log: log, Pace: true})
		receipt := unhex(t, "1b401c261b61011d2111d5fecef1b7fecef1d6d0d0c40a1d21001b6100312078203130 2e30300a"+
			"1c2e"+"1d286b0400314132001d286b03003143041d286b03003145311d286b05003150304142"+"1d286b0300315130"+
			"1d76300002000200f00f8118"+"1b6403"+"1d564200"+"1d7201"+"1d673200b200"+"1d4943"+"07")
		got := talk(t, p, receipt)
		if want := "00" + "5f3100" + "5f4445534b2d383000"; hex.EncodeToString(got) != want {
			t.Errorf("answers: got %x, want %s", got, want)
		}
		text, err := p.Text(1)
		if want := "政务服务中心\n1 x 10.00\n[QR: AB]\n[image 16x2]"; text != want || err != nil {
			t.Errorf("text: got %q %v, want %q", text, err, want)
		}
		bin, err := p.Bin(1)
		if end := bytes.Index(receipt, []byte{0x1D, 0x72}); !bytes.Equal(bin, receipt[:end]) || err != nil {
			t.Errorf("bin: got % x %v", bin, err)
		}
		if got := string(p.World()); got != `{"state":"ready","prints":[{"n":1,"bytes":`+itoa(len(bin))+`,"cut":true}]}` {
			t.Errorf("world: %s", got)
		}
		picture, err := p.PNG(1)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(picture))
		if err != nil || img.Bounds().Dx() != 576+2*margin || img.Bounds().Dy() < 2*margin+200 {
			t.Errorf("picture: %v %v", img.Bounds(), err)
		}
		dark := 0
		for y := range img.Bounds().Dy() {
			for x := range img.Bounds().Dx() {
				if r, _, _, _ := img.At(x, y).RGBA(); r < 0x8000 {
					dark++
				}
			}
		}
		if dark < 2000 {
			t.Errorf("picture: %d dark dots", dark)
		}
		for _, f := range []func(int) error{func(n int) error { _, err := p.Bin(n); return err }, func(n int) error { _, err := p.Text(n); return err }, func(n int) error { _, err := p.PNG(n); return err }} {
			if f(2) == nil {
				t.Error("print 2 is there")
			}
		}
	})
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

func TestChineseModeSpoilsSymbols(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{})
		talk(t, p, unhex(t, "1b401c26"+"410a"+"1d286b05003150304142"+"1d286b0300315130"+"1d5600"))
		if text, _ := p.Text(1); text != "A" {
			t.Errorf("text: got %q, want A without a symbol", text)
		}
	})
}

// TestRealTimeInPicture: a status request inside a picture is answered, and is a part of the picture too.
func TestRealTimeInPicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{})
		got := talk(t, p, unhex(t, "1b40"+"1d7630000300 0100 100401"+"1d5600"))
		if hex.EncodeToString(got) != "12" {
			t.Errorf("answers: % x, want 12", got)
		}
		if text, _ := p.Text(1); text != "[image 24x1]" {
			t.Errorf("text: %q", text)
		}
	})
}

func TestPowerCutLeavesHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{Pace: true})
		p.OnPoint(func(point string) {
			if point == "receipt.half" {
				p.Power(false)
			}
		})
		lines := bytes.Repeat([]byte("line\n"), 20)
		talk(t, p, append(lines, 0x1D, 0x56, 0))
		text, _ := p.Text(1)
		if n := strings.Count(text, "line"); n != 4 || p.IsCut(1) {
			t.Errorf("after the cut of power: %d lines, cut %v", n, p.IsCut(1))
		}
		if _, err := p.PNG(1); err != nil {
			t.Error(err)
		}
		saved, err := p.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		q := New(Options{})
		if err := q.Restore(saved); err != nil {
			t.Fatal(err)
		}
		if a, b := string(p.World()), string(q.World()); a != b || !strings.Contains(a, `"off"`) {
			t.Errorf("restored: %s, want %s", b, a)
		}
		p.OnPoint(nil)
		p.Power(true)
		c := p.Clone()
		talk(t, p, []byte("more\n\x1dV\x00"))
		if text, _ := p.Text(1); !strings.HasSuffix(text, "line\nmore") || !p.IsCut(1) {
			t.Errorf("the half strip and what came after are one piece: got %q cut %v", text, p.IsCut(1))
		}
		if text, _ := c.Text(1); strings.Contains(text, "more") || c.IsCut(1) {
			t.Errorf("the clone moved too: %q", text)
		}
	})
}

func TestAutomaticStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{})
		time.AfterFunc(time.Second, func() { p.Faults().Arm("paper_out", 1) })
		time.AfterFunc(2*time.Second, func() { p.Faults().Arm("paper_out", 0) })
		got := talk(t, p, unhex(t, "1d61ff"))
		if want := "10000000" + "18000f00" + "10000000"; hex.EncodeToString(got) != want {
			t.Errorf("automatic status: got %x, want %s", got, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, v := range vectors(f, "command") {
		f.Add(unhex(f, v[0]), true)
	}
	f.Fuzz(func(t *testing.T, in []byte, chinese bool) {
		for rest := in; len(rest) > 0; {
			o, n := parse(rest, chinese)
			if n == 0 {
				return
			}
			if n > len(rest) || o.cmd == "" {
				t.Fatalf("% x: %q took %d of %d", in, o.cmd, n, len(rest))
			}
			rest = rest[n:]
		}
	})
}

// FuzzPrinter: no bytes stop the mechanism for good.
func FuzzPrinter(f *testing.F) {
	for _, v := range vectors(f, "command") {
		f.Add(unhex(f, v[0]))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		p := New(Options{})
		p.receive(in)
		for range 1000 {
			p.mu.Lock()
			working, changed := p.working, p.changed
			p.mu.Unlock()
			if !working {
				break
			}
			<-changed
		}
		p.Power(false)
		p.Power(true)
		p.receive([]byte("\x1b@ok\n\x1dV\x00"))
		for {
			p.mu.Lock()
			working, changed, cuts := p.working, p.changed, p.cuts
			p.mu.Unlock()
			if !working {
				if cuts == 0 {
					t.Fatalf("% x: no cut", in)
				}
				return
			}
			<-changed
		}
	})
}

// TestTabs: the stops are eight columns apart, whatever stands before; there is none behind the paper.
func TestTabs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{WidthDots: 20 * cellWidth})
		talk(t, p, unhex(t, "09610a"+"61090962630a"+"1c26"+"cbae09610a"+"1d2110"+"61091d2100"+"620a"+"4141414141414141"+"0909"+"0909420a"+"1d5600"))
		want := "        a\na               bc\n水      a\na      b\nAAAAAAAA        B"
		if text, _ := p.Text(1); text != want {
			t.Errorf("text %q, want %q", text, want)
		}
	})
}
