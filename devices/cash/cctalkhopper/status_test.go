package cctalkhopper

import (
	"testing"

	"yichuang/devices/fault"
)

func TestNextAndGrown(t *testing.T) {
	for from, want := range map[byte]byte{0: 1, 1: 2, 254: 255, 255: 1} {
		if got := next(from); got != want {
			t.Errorf("after %d: got %d, want %d", from, got, want)
		}
	}
	for _, tt := range []struct {
		from, to uint32
		want     int64
	}{{0, 0, 0}, {5, 9, 4}, {0xFFFFFF, 2, 3}, {9, 5, 0xFFFFFC}} {
		if got := grown(tt.from, tt.to); got != tt.want {
			t.Errorf("from %d to %d: got %d, want %d", tt.from, tt.to, got, tt.want)
		}
	}
	if got := parseCount([]byte{1, 2, 3}); got != 0x030201 {
		t.Errorf("count: got %#x", got)
	}
	if got, want := parseStatus([]byte{1, 2, 3, 4}), (status{1, 2, 3, 4}); got != want {
		t.Errorf("status: got %+v, want %+v", got, want)
	}
}

// Each bit of each register, and what it means for a payout that is to begin and for one that has ended.
func TestRegisters(t *testing.T) {
	standingKinds := map[[2]int]fault.Kind{{0, 3}: fault.Tampered, {0, 4}: fault.Tampered, {1, 3}: fault.Tampered, {1, 5}: fault.Broken, {1, 6}: fault.Broken, {1, 7}: fault.Invalid}
	pastKinds := map[[2]int]fault.Kind{{0, 0}: fault.Jammed, {0, 1}: fault.Empty, {0, 5}: fault.Jammed, {1, 0}: fault.Tampered, {1, 2}: fault.Empty, {1, 4}: fault.Jammed,
		{2, 1}: fault.Jammed, {2, 2}: fault.Invalid, {2, 3}: fault.Invalid}
	for register := range 3 {
		for bit := range 8 {
			raw := make([]byte, 3)
			raw[register] = 1 << bit
			r := parseRegisters(raw)
			at := [2]int{register, bit}
			for name, got := range map[string]*fault.Error{"standing": r.worst(standing), "past": r.worst(past)} {
				want := map[string]map[[2]int]fault.Kind{"standing": standingKinds, "past": pastKinds}[name][at]
				if want == "" && got != nil || want != "" && (got == nil || got.Kind != want || got.Detail == "" || len(got.Raw) != 3) {
					t.Errorf("register %d bit %d, %s: got %v, want %q", register+1, bit, name, got, want)
				}
			}
			if got, want := r.cutShort(), at == [2]int{2, 0}; got != want {
				t.Errorf("register %d bit %d: cut short %v", register+1, bit, got)
			}
			if got, want := r.restarted(), at == [2]int{0, 6}; got != want {
				t.Errorf("register %d bit %d: restarted %v", register+1, bit, got)
			}
		}
	}
	short := parseRegisters([]byte{r1Timeout | r1OverCurrent})
	if !short.cutShort() || short.saysCutShort() {
		t.Error("a hopper without register 3 cannot deny that its power went")
	}
	if f := short.worst(past); f.Kind != fault.Jammed || len(f.Raw) != 1 {
		t.Errorf("a jam and a time-out: got %v, want %s first", f, fault.Jammed)
	}
	if f := short.without(parseRegisters([]byte{r1OverCurrent})).worst(past); f.Kind != fault.Empty {
		t.Errorf("less the jam: got %v, want %s", f, fault.Empty)
	}
}

func TestQuirks(t *testing.T) {
	for model, want := range map[string]By{"SUH1": Serial, "SUH1-X": Serial, "SUH": Auto, "SCH2": Auto, "": Auto} {
		if got := quirkOf(model); got != want {
			t.Errorf("%q: got %q, want %q", model, got, want)
		}
	}
	for _, q := range quirks {
		if q.reason == "" {
			t.Errorf("%s: no reason", q.model)
		}
	}
}

func TestWorse(t *testing.T) {
	jam, cheat := fail(fault.Jammed, "test", ""), fail(fault.Tampered, "test", "")
	if worse(nil, jam) != jam || worse(jam, nil) != jam || worse(jam, cheat) != cheat || worse(cheat, jam) != cheat || worse(nil, nil) != nil {
		t.Error("the worse of two faults")
	}
}

// Whatever a hopper's registers say, a fault names its bytes, and what is pardoned is not told.
func FuzzRegisters(f *testing.F) {
	f.Add([]byte{0x40, 0, 0}, []byte{0})
	f.Add([]byte{0x02}, []byte{0x02, 0, 0})
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF}, []byte{})
	f.Fuzz(func(t *testing.T, raw, pardoned []byte) {
		r := parseRegisters(raw)
		if r.n > 3 {
			t.Fatalf("%d registers", r.n)
		}
		if f := r.without(r).worst(past); f != nil {
			t.Errorf("pardoned and told: %v", f)
		}
		if f := r.without(parseRegisters(pardoned)).worst(past); f != nil && r.worst(past) == nil {
			t.Errorf("a fault from nowhere: %v", f)
		}
	})
}
