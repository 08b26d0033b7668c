package scannersim

import (
	"bytes"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/barcode/barcodetest"
	"yichuang/devices/mechanism"
)

// host speaks to the mechanism over a pipe, in virtual time.
type host struct {
	t    *testing.T
	s    *Scanner
	line net.Conn
	end  chan error
}

func withHost(t *testing.T, o Options, trial func(t *testing.T, h *host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &host{t: t, s: New(o)}
		h.plugIn()
		trial(t, h)
		h.line.Close()
		<-h.end
		if h.s.serving != 0 {
			t.Errorf("%d lines are still served", h.s.serving)
		}
	})
}

func (h *host) plugIn() {
	line, device := net.Pipe()
	h.line, h.end = line, make(chan error, 1)
	go func() {
		err := h.s.Serve(h.t.Context(), device)
		device.Close()
		h.end <- err
	}()
	synctest.Wait()
}

func (h *host) write(b []byte) {
	h.t.Helper()
	if _, err := h.line.Write(b); err != nil {
		h.t.Fatal(err)
	}
	synctest.Wait()
}

// listen gives what comes until the line is silent for two seconds.
func (h *host) listen() []byte {
	var got []byte
	for b := make([]byte, 8192); ; {
		if err := h.line.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
			h.t.Fatal(err)
		}
		n, err := h.line.Read(b)
		got = append(got, b[:n]...)
		if err != nil {
			return got
		}
	}
}

func TestAnswerVectors(t *testing.T) {
	for _, dialect := range []string{"newland", "honeywell"} {
		for name, v := range barcodetest.Frames(t, dialect) {
			withHost(t, Options{}, func(t *testing.T, h *host) {
				h.write(append([]byte{0, 0x7E, 0x16}, v.Command...)) // behind noise
				if got := h.listen(); !bytes.Equal(got, v.Answer) {
					t.Errorf("%s %s: got % X, want % X", dialect, name, got, v.Answer)
				}
				for i := range v.Command { // in two parts
					h.write(v.Command[:i])
					h.write(v.Command[i:])
					if got := h.listen(); !bytes.Equal(got, v.Answer) {
						t.Errorf("%s %s parted at %d: got % X", dialect, name, i, got)
					}
				}
			})
		}
	}
}

// command builds a Newland frame.
func newland(names string) []byte { return []byte("~\x010000#" + names + ";\x03") }

// TestWindow: when it looks, for how long, and that one trigger reads one code.
func TestWindow(t *testing.T) {
	for _, tc := range []struct{ on, off []byte }{{newland("SCNTRG1"), newland("SCNTRG0")}, {[]byte("\x16T\r"), []byte("\x16U\r")}, {[]byte("\x1B1"), []byte("\x1B0")}} {
		withHost(t, Options{}, func(t *testing.T, h *host) {
			show := func(want error) {
				t.Helper()
				if err := h.s.Show([]byte("code")); !errors.Is(err, want) {
					t.Errorf("% X: got %v, want %v", tc.on, err, want)
				}
			}
			show(ErrNotLooking)
			h.write(tc.on)
			h.listen()
			show(nil)
			show(ErrNotLooking)
			if got := h.listen(); string(got) != "code\r" {
				t.Errorf("got %q", got)
			}
			h.write(tc.on)
			h.write(tc.off)
			h.listen()
			show(ErrNotLooking)
			h.write(tc.on)
			h.listen() // two seconds
			<-time.After(2900 * time.Millisecond)
			if !h.s.Looking() {
				t.Error("dark before its time")
			}
			<-time.After(200 * time.Millisecond)
			show(ErrNotLooking)
			h.write(tc.on)
			h.listen()
			<-time.After(time.Second)
			h.write(tc.on)
			h.listen()
			<-time.After(2900 * time.Millisecond)
			show(nil) // the second trigger counts anew
			h.listen()
		})
	}
}

// TestModes: a window that always looks, a longer time-out, back to the factory.
func TestModes(t *testing.T) {
	withHost(t, Options{Look: 3 * time.Second, End: "\r\n", Prefix: "]Q1"}, func(t *testing.T, h *host) {
		for _, mode := range []string{"2", "3"} {
			h.write(newland("SCNMOD" + mode))
			h.listen()
			for range 2 {
				if err := h.s.Show([]byte("a")); err != nil {
					t.Errorf("mode %s: %v", mode, err)
				}
			}
			if got := h.listen(); string(got) != "]Q1a\r\n]Q1a\r\n" {
				t.Errorf("mode %s: %q", mode, got)
			}
		}
		h.write(newland("ORTSET20000;SCNMOD0;SCNTRG1"))
		if got := h.listen(); string(got) != "\x02\x010000#ORTSET20000\x06;SCNMOD0\x06;SCNTRG1\x06;\x03" {
			t.Errorf("got %q", got)
		}
		<-time.After(17 * time.Second)
		if !h.s.Looking() {
			t.Error("the longer time-out is not kept")
		}
		h.write(newland("FACDEF"))
		h.listen()
		if h.s.Looking() || h.s.set != factory(h.s.o) {
			t.Errorf("factory: %+v", h.s.set)
		}
		h.write(newland("SCNTRG1"))
		h.listen()
		<-time.After(1100 * time.Millisecond)
		if h.s.Looking() {
			t.Error("the factory's time-out is longer")
		}
		for name, want := range map[string]byte{"ORTSET-1": badValue, "ORTSETx": badValue, "ORTSET3600001": badValue, "ORTSET3600000": done, "ORTSET0": done, "SCNTRG2": badValue, "SCN": unsupported, "QRRENA1": unsupported} {
			h.write(newland(name))
			if got := h.listen(); len(got) < 3 || got[len(got)-3] != want {
				t.Errorf("%s: got % X, want %02X", name, got, want)
			}
		}
		h.write([]byte("~\x010000!SCNTRG1;\x03"))
		if got := h.listen(); len(got) < 3 || got[len(got)-3] != unsupported {
			t.Errorf("an unknown level: % X", got)
		}
	})
}

func TestWhatIsNoCode(t *testing.T) {
	withHost(t, Options{NoEnd: true}, func(t *testing.T, h *host) {
		for size, want := range map[int]error{0: ErrEmpty, 2953: nil, 2954: ErrLong} {
			h.write(newland("SCNTRG1"))
			h.listen()
			if err := h.s.Show(bytes.Repeat([]byte("9"), size)); !errors.Is(err, want) {
				t.Errorf("%d bytes: %v, want %v", size, err, want)
			}
			if got := h.listen(); want == nil && len(got) != size {
				t.Errorf("%d bytes came", len(got))
			}
		}
	})
}

// TestPlugAndPower: without either it is dark and silent, and has forgotten the trigger afterwards.
func TestPlugAndPower(t *testing.T) {
	withHost(t, Options{}, func(t *testing.T, h *host) {
		var seen []bool
		h.s.OnPlug(func(in bool) { seen = append(seen, in) })
		h.write(newland("SCNTRG1"))
		h.listen()
		h.s.Power(false)
		if h.s.Looking() || !errors.Is(h.s.Show([]byte("a")), ErrNotLooking) {
			t.Error("it looks without power")
		}
		h.write(newland("SCNTRG1"))
		if got := h.listen(); len(got) != 0 {
			t.Errorf("without power it says % X", got)
		}
		h.s.Power(true)
		if h.s.Looking() {
			t.Error("it remembers the trigger")
		}
		for range 2 {
			if err := h.s.Faults().Arm("unplug", 1); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-h.end; !errors.Is(err, ErrUnplugged) {
			t.Errorf("Serve ended with %v", err)
		}
		if err := h.s.Serve(t.Context(), h.line); !errors.Is(err, ErrUnplugged) {
			t.Errorf("Serve while unplugged: %v", err)
		}
		if err := h.s.Faults().Arm("unplug", 0); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(seen, []bool{false, true}) {
			t.Errorf("OnPlug heard %v", seen)
		}
		h.plugIn()
		h.write(newland("SCNTRG1"))
		if got := h.listen(); len(got) == 0 || !h.s.Looking() {
			t.Errorf("after the plug: % X", got)
		}
	})
	if New(Options{}).Looking() {
		t.Error("it looks without a line")
	}
}

func TestFaultsBefall(t *testing.T) {
	log := mechanism.NewLog()
	withHost(t, Options{Log: log}, func(t *testing.T, h *host) {
		h.write(newland("SCNTRG1"))
		h.listen()
		if err := h.s.Faults().Arm("lost_reply", 1); err != nil {
			t.Fatal(err)
		}
		if err := h.s.Show([]byte("code")); err != nil {
			t.Fatal(err)
		}
		if got := h.listen(); len(got) != 0 {
			t.Errorf("a lost code comes as % X", got)
		}
		if err := h.s.Faults().Arm("reset", 1); err != nil {
			t.Fatal(err)
		}
		h.write(newland("SCNTRG1"))
		if got := h.listen(); len(got) != 0 || h.s.Looking() {
			t.Errorf("after a reset: % X, looking %v", got, h.s.Looking())
		}
		h.write(newland("SCNTRG1"))
		if got := h.listen(); len(got) == 0 {
			t.Error("silent after a reset")
		}
		froms := map[string]int{}
		for _, e := range log.After(t.Context(), 0) {
			froms[e.From]++
			if e.Device != "scanner" || strings.Contains(e.What, "code\r") {
				t.Errorf("event %+v", e)
			}
		}
		// Three commands; two answers, the lost code and the restart; the showing.
		if froms["host"] != 3 || froms["device"] != 4 || froms["hand"] != 1 {
			t.Errorf("events %v", froms)
		}
	})
}

func TestSnapshotAndClone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Options{})
		a.set = settings{Mode: "3", LookMS: 7}
		a.until = time.Now().Add(time.Second)
		kept, err := a.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		b := New(Options{})
		b.codes <- []byte("of another time")
		if err := b.Restore(kept); err != nil || b.set != a.set || len(b.codes) != 0 {
			t.Errorf("restored %+v, %v, %d codes", b.set, err, len(b.codes))
		}
		if err := b.Restore([]byte("{")); err == nil {
			t.Error("half a snapshot is taken")
		}
		if err := a.Faults().Arm("garble", 2); err != nil {
			t.Fatal(err)
		}
		a.Power(true)
		a.Power(false)
		c := a.Clone()
		if c.set != a.set || c.until != a.until || c.power || !c.Faults().On("garble") {
			t.Errorf("cloned %+v", c.set)
		}
	})
}

func FuzzCut(f *testing.F) {
	for _, v := range barcodetest.Frames(f, "newland") {
		f.Add(v.Command)
	}
	f.Add([]byte("\x16T\r\x1B1~\x010000"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := New(Options{})
		for n := 0; ; n++ {
			c, rest := cut(b)
			if len(rest) > len(b) || n > 100000 || c != nil && len(rest) == len(b) {
				t.Fatalf("%d bytes left of %d", len(rest), len(b))
			}
			if c == nil {
				return
			}
			if a := s.do(c); (a == nil) != (c.level == 0) {
				t.Fatalf("% X is answered % X", c.frame, a)
			}
			b = rest
		}
	})
}
