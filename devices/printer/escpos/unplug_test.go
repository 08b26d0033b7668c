package escpos_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
	"yichuang/devices/printer/escpos"
	"yichuang/devices/wire"
)

// plugged is a port that is pulled out when so many bytes have passed, in the middle of whatever that is.
type plugged struct {
	net.Conn
	left *atomic.Int64
	pull func()
}

func (p plugged) Write(b []byte) (int, error) {
	n := int64(len(b))
	if left := p.left.Add(-n) + n; left > 0 && left <= n {
		p.Conn.Write(b[:left]) // the rest does not get there
		p.pull()
		return int(left), errors.New("input/output error")
	}
	return p.Conn.Write(b)
}

func (p plugged) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	if left := p.left.Add(-int64(n)) + int64(n); n > 0 && left > 0 && left <= int64(n) {
		p.pull()
	}
	return n, err
}

// TestUnpluggedAnywhere pulls the plug at random bytes of a print, in commands, pictures and answers, and puts it in
// again a moment later. It heals without a new start; what is said of the strip is what became of it; and the next
// one comes out on paper of its own.
func TestUnpluggedAnywhere(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, seed))
	text := printer.Strip{}
	for range 25 {
		text.Lines = append(text.Lines, printer.Line{Text: "old 1234567890"})
	}
	text.Lines = append(text.Lines, printer.Line{Dots: &printer.Dots{Width: 64, Height: 24, Bits: make([]byte, 8*24)}}, printer.Line{Text: "end"})
	for i := range text.Lines[25].Dots.Bits {
		text.Lines[25].Dots.Bits[i] = 0x55
	}
	for name, moments := range map[string]int{"": 200, "58": 80, "presenter": 80} {
		m := model(t, name)
		if testing.Short() {
			moments /= 5
		}
		for range moments {
			at, out := 1+rng.Int64N(850), time.Duration(rng.Int64N(int64(5*time.Second)))
			synctest.Test(t, func(t *testing.T) { unplugAt(t, m, text, at, out) })
			if t.Failed() {
				t.Fatalf("model %q, unplugged at byte %d for %v, seed %d", name, at, out, seed)
			}
		}
	}
}

func unplugAt(t *testing.T, m escpos.Model, text printer.Strip, at int64, out time.Duration) {
	b := newBench(t, m.Profile, simulated(m))
	left := new(atomic.Int64)
	pull := func() {
		go func() { // the hand is another one than the program's
			b.sim.Faults().Arm("unplug", 1)
			time.Sleep(out)
			b.sim.Faults().Arm("unplug", 0)
		}()
	}
	p := escpos.New(func() (wire.Port, error) {
		port, err := b.open()
		if err != nil {
			return nil, err
		}
		return plugged{port.(net.Conn), left, pull}, nil
	}, m.Profile)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	defer time.Sleep(2 * time.Minute) // what the mechanism still does ends before the bubble
	defer func() { cancel(); <-ended }()
	fit := func() {
		for range 120 {
			if s := p.State(); s.Online && s.Fault == nil {
				return
			}
			time.Sleep(time.Second)
		}
		t.Fatalf("not healed: %+v", p.State())
	}
	fit()
	left.Store(at)
	err := p.Print(ctx, text)
	left.Store(0)
	time.Sleep(10 * time.Second)
	fit()
	whole := 0
	for _, s := range b.strips() {
		if s.Cut && strings.Count(s.Text, "old ") == 25 && strings.HasSuffix(s.Text, "end") {
			whole++
		}
	}
	if err == nil && whole != 1 || whole > 1 || err != nil && !fault.Is(err, fault.Doubtful) && whole != 0 {
		t.Errorf("said %v, %d whole strips: %+v", err, whole, b.strips())
	}
	if p.State().Unfinished {
		if err := p.Clear(ctx); err != nil {
			t.Errorf("clear: %v", err)
		}
	}
	if err := p.Print(ctx, printer.Strip{Lines: []printer.Line{{Text: "new"}}}); err != nil {
		t.Errorf("the next strip: %v", err)
	}
	strips := b.strips()
	if last := strips[len(strips)-1]; last.Text != "new" || !last.Cut {
		t.Errorf("the next strip is %+v", last)
	}
}

// TestHalfAHead: a program that dies in the head of a command leaves a printer that takes the next bytes for the rest
// of it. A question there would be its height, and it would wait for more rows than there ever come.
func TestHalfAHead(t *testing.T) {
	for _, half := range []string{"\x1D", "\x1Dv0", "\x1Dv0\x00\x08", "\x1Dv0\x00\x08\x00", "\x1Dv0\x00\x08\x00\x18", "\x1Dv0\x00\x48\x00\x18\x00", "\x1D(k", "\x1D(k\x1F",
		"\x1D(k\x1F\x00\x31", "\x1BJ", "\x1D!", "\x1C", "\xD5", "\x10", "\x1Dg2"} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, model(t, "").Profile, simulated(model(t, "")))
			port, err := b.open()
			if err != nil {
				t.Fatal(err)
			}
			port.Write([]byte(half))
			port.Close()
			time.Sleep(time.Second)
			p := b.start()
			defer time.Sleep(time.Minute) // what the mechanism still does ends before the bubble
			defer b.stop()
			time.Sleep(20 * time.Second)
			if s := p.State(); s.Fault != nil {
				t.Fatalf("after % x: %+v", half, s)
			}
			if err := p.Clear(t.Context()); err != nil {
				t.Errorf("after % x: clear: %v", half, err)
			}
			err = p.Print(t.Context(), printer.Strip{Lines: []printer.Line{{Text: "new"}}})
			if strips := b.strips(); err != nil || strips[len(strips)-1].Text != "new" {
				t.Errorf("after % x: %v, %+v", half, err, strips)
			}
		})
	}
}
