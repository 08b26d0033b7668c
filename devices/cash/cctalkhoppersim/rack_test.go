package cctalkhoppersim

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash/ccslave"
	"yichuang/devices/cash/ccslave/ccslavetest"
)

func bubble(t *testing.T, o Options, tell func(t *testing.T, r *Rack, h *ccslavetest.Host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := New(o)
		tell(t, r, ccslavetest.Serve(t, 3, r.Serve))
		for _, b := range r.World() {
			if err := b.Balanced(); err != nil {
				t.Error(err)
			}
		}
	})
}

func pass(d time.Duration) { time.Sleep(d) } // virtual

func (r *Rack) holds(t *testing.T, want string) {
	t.Helper()
	b := r.World()[0]
	if got := fmt.Sprintf("loaded %d inside %d out %d taken %d paying %v", b.Loaded, b.Inside, b.Out, b.Taken, b.Paying); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDialogue(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, r *Rack, h *ccslavetest.Host) {
		h.Dialogue("testdata/dialogue.txt", func(verb, _ string) { t.Fatalf("what is %q?", verb) })
		r.holds(t, "loaded 200 inside 197 out 3 taken 0 paying false")
	})
}

// Orders by serial number and by cipher: the vectors of the sheet, and what is no such order.
func TestOrders(t *testing.T) {
	bubble(t, Options{Hoppers: []Hopper{{Address: 3, Face: 100, Count: 9, By: Serial, Serial: 0x0AD7DF}}}, func(t *testing.T, r *Rack, h *ccslavetest.Host) {
		h.Says("", hdrEnable, enableCode)
		h.Says("nak", hdrDispense, 1)
		h.Says("nak", hdrDispense, 0xDF, 0xD7, 0x0B, 1)
		h.Says("nak", hdrDispense, 0xDF, 0xD7, 0x0A, 0)
		h.Says("nak", hdrEnable)
		h.Say(ccslavetest.Unhex(t, "03 04 01 A7 DF D7 0A 01 90"))
		if got, want := h.Hear(), ccslavetest.Unhex(t, "01 01 03 00 01 FA"); !bytes.Equal(got, want) {
			t.Errorf("got % X, want % X", got, want)
		}
		pass(time.Second)
		r.holds(t, "loaded 9 inside 8 out 1 taken 0 paying false")
	})
	bubble(t, Options{Hoppers: []Hopper{{Address: 3, Face: 100, Count: 9, By: Cipher}}}, func(t *testing.T, r *Rack, h *ccslavetest.Host) {
		h.Says("", hdrEnable, enableCode)
		order := func(want string, n byte) {
			t.Helper()
			h.Says("", hdrPumpRNG, 1, 2, 3, 4, 5, 6, 7, 8)
			h.Says("nak", hdrPumpRNG, 1)
			answer := Answer([8]byte(h.Data(hdrCipherKey)))
			h.Says(want, hdrDispense, append(answer[:], n)...)
			pass(time.Second)
			h.Says("nak", hdrDispense, append(answer[:], n)...) // a key is good once
		}
		order("01", 2)
		order("02", 1)
		first, second := h.Data(hdrCipherKey), h.Data(hdrCipherKey)
		if bytes.Equal(first, second) {
			t.Error("the key is the same twice")
		}
		h.Says("nak", hdrDispense, 1)
		r.holds(t, "loaded 9 inside 6 out 3 taken 0 paying false")
	})
}

// How payouts end short, and what the registers say then.
func TestEndsShort(t *testing.T) {
	for _, tt := range []struct {
		name      string
		hand      func(r *Rack, h *ccslavetest.Host)
		registers string
		status    string // remaining, paid, unpaid
		out       int
	}{
		{"nothing", func(*Rack, *ccslavetest.Host) {}, "00 00 00", "00 05 00", 5},
		{"jam", func(r *Rack, _ *ccslavetest.Host) { pass(300 * time.Millisecond); r.Faults().Arm("jam", 1) }, "05 10 00", "00 02 03", 2},
		{"jam that goes", func(r *Rack, _ *ccslavetest.Host) {
			r.Faults().Arm("jam", 1)
			pass(time.Second)
			r.Faults().Arm("jam", 0)
		}, "04 00 00", "00 05 00", 5},
		{"empty", func(r *Rack, _ *ccslavetest.Host) { r.Faults().Arm("empty", 1) }, "02 00 00", "00 01 04", 1},
		{"none left", func(r *Rack, _ *ccslavetest.Host) { r.Load(3, -197) }, "02 00 00", "00 03 02", 3},
		{"fraud", func(r *Rack, _ *ccslavetest.Host) { r.Faults().Arm("fraud", 1) }, "00 01 00", "00 02 03", 2},
		{"stopped", func(_ *Rack, h *ccslavetest.Host) { h.Says("04", hdrStop) }, "00 00 00", "00 01 04", 1},
		{"disabled", func(_ *Rack, h *ccslavetest.Host) { h.Says("", hdrEnable, 0) }, "80 00 00", "00 01 04", 1},
		{"reset", func(r *Rack, _ *ccslavetest.Host) { r.Faults().Arm("reset", 2) }, "C0 00 01", "00 01 04", 1},
		{"power cut", func(r *Rack, _ *ccslavetest.Host) { r.Power(false, false); r.Power(true, false) }, "C0 00 01", "00 01 04", 1},
		{"power cut, coin out", func(r *Rack, _ *ccslavetest.Host) { r.Power(false, true); r.Power(true, true) }, "C0 00 01", "00 01 04", 2},
	} {
		bubble(t, Options{}, func(t *testing.T, r *Rack, h *ccslavetest.Host) {
			h.Says("", hdrEnable, enableCode)
			h.Says("01", hdrDispense, 5)
			pass(200 * time.Millisecond)
			tt.hand(r, h)
			pass(20 * time.Second)
			h.Says(tt.registers, hdrTest)
			if got, want := h.Data(hdrStatus)[1:], ccslavetest.Unhex(t, tt.status); !bytes.Equal(got, want) {
				t.Errorf("%s: status % X, want % X", tt.name, got, want)
			}
			if got := r.World()[0].Out; got != tt.out {
				t.Errorf("%s: %d coins out, want %d", tt.name, got, tt.out)
			}
			h.Says("", hdrEnable, enableCode)
			h.Says("00 00 00", hdrTest) // enabling forgets all that
		})
	}
}

func TestLevels(t *testing.T) {
	bubble(t, Options{Hoppers: []Hopper{{Address: 3, Face: 100, Count: 30, Low: 20}, {Address: 4, Face: 50, Count: 3, Registers: 1, Nameless: true}}}, func(t *testing.T, r *Rack, h *ccslavetest.Host) {
		h.Says("10", hdrLevels)
		r.Load(3, -11)
		h.Says("11", hdrLevels)
		r.Load(3, 1)
		h.Says("10", hdrLevels)
		r.Load(3, -100)
		r.holds(t, "loaded 31 inside 0 out 0 taken 31 paying false")
		r.Load(9, 5)
		h.Address = 4
		h.Says("00", hdrLevels)
		h.Says("C0", hdrTest)
		h.Says("-", hdrCoin)
		h.Says("000000", hdrCommsStatus)
		h.Says("", hdrClearComms)
		h.Says("010407", hdrCommsRevision)
		h.Says("00", hdrOpto)
		h.Says("-", 77)
		for header, want := range map[byte]string{hdrMaker: "YCS", hdrCategory: "Payout", hdrProduct: "YC-3", hdrSoftware: "YC3-1.00", hdrBuild: "SIM"} {
			if got := string(h.Data(header)); got != want {
				t.Errorf("%s: got %q, want %q", ccslave.HeaderName(header), got, want)
			}
		}
		h.Address = 5
		h.Says("-", hdrSimplePoll)
	})
}

func TestEncrypted(t *testing.T) {
	bubble(t, Options{Encrypted: true}, func(t *testing.T, _ *Rack, h *ccslavetest.Host) {
		h.Says("-", hdrSimplePoll)
		if got := h.Data(hdrEncryption, 0xAA, 0x55, 0, 0, 0x55, 0xAA); got[0] != 1 {
			t.Errorf("header 111: got % x, want a level of 1", got)
		}
	})
}

// Without power nothing answers and nothing moves; counter and enabling are gone, the lifetime count is not.
func TestPower(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, r *Rack, h *ccslavetest.Host) {
		var points, plugs atomic.Int32
		r.OnPoint(func(point string) {
			if point == "payout.moving" {
				points.Add(1)
			}
		})
		r.OnPlug(func(bool) { plugs.Add(1) })
		r.Faults().Arm("unplug", 1)
		r.Faults().Arm("unplug", 0)
		h.Says("", hdrEnable, enableCode)
		h.Says("01", hdrDispense, 2)
		pass(time.Second)
		r.Power(false, false)
		h.Says("-", hdrSimplePoll)
		pass(time.Minute)
		r.Power(true, false)
		h.Says("-", hdrSimplePoll)
		pass(bootTime)
		h.Says("00 00 02 00", hdrStatus)
		h.Says("02 00 00", hdrDispensed)
		h.Says("C0 00 00", hdrTest) // no payout was cut short
		h.Says("nak", hdrDispense, 1)
		synctest.Wait()
		if points.Load() != 2 || plugs.Load() != 2 {
			t.Errorf("points %d, plugs %d, want 2 and 2", points.Load(), plugs.Load())
		}
	})
}

func TestSnapshotAndClone(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, r *Rack, h *ccslavetest.Host) {
		h.Says("", hdrEnable, enableCode)
		h.Says("01", hdrDispense, 5)
		pass(200 * time.Millisecond)
		r.Faults().Arm("late", 2)
		data, err := r.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		twin, again := r.Clone(), New(Options{})
		if err := again.Restore(data); err != nil {
			t.Fatal(err)
		}
		r.Power(false, false)
		pass(5 * time.Second)
		for name, x := range map[string]*Rack{"clone": twin, "restored": again} {
			if got := x.World()[0]; got.Out != 5 || got.Inside != 195 {
				t.Errorf("%s: got %+v, want the payout ended", name, got)
			}
		}
		if !twin.Faults().On("late") {
			t.Error("the clone has lost its armed fault")
		}
		r.holds(t, "loaded 200 inside 199 out 1 taken 0 paying false")
		for _, bad := range []string{"{", "[]"} {
			if err := again.Restore([]byte(bad)); err == nil {
				t.Errorf("restored %q", bad)
			}
		}
		if err := (Bowl{Loaded: 2, Inside: 1}).Balanced(); err == nil {
			t.Error("a coin that is nowhere balances")
		}
	})
}

// Whatever a host says, the hoppers neither die nor lose a coin.
func FuzzHost(f *testing.F) {
	for _, said := range ccslavetest.Said(f, "testdata/dialogue.txt") {
		f.Add(said, false)
	}
	f.Fuzz(func(t *testing.T, said []byte, crc bool) {
		synctest.Test(t, func(t *testing.T) {
			r := New(Options{CRC: crc, Hoppers: []Hopper{{Address: 3, Face: 100, Count: 5}, {Address: 4, Face: 50, Count: 5, By: Cipher}}})
			h := ccslavetest.Serve(t, 3, r.Serve)
			h.Say(ccslave.Pack(3, 1, hdrEnable, []byte{enableCode}, crc))
			h.Hear()
			if len(said) > 0 {
				h.Say(said)
				h.Hear()
			}
			h.Say(ccslave.Pack(3+byte(len(said)&1), 1, byte(len(said)), said[:min(len(said), 200)], crc))
			h.Hear()
			time.Sleep(10 * time.Second) // virtual
			for _, b := range r.World() {
				if err := b.Balanced(); err != nil {
					t.Error(err)
				}
			}
		})
	})
}
