package cctalkcoin

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/cash/ccbus"
	"yichuang/devices/fault"
)

// named is a driver that knows coin types 1 to 3 and has read the counter 9.
func named() *Acceptor {
	a := New(nil, Options{Store: []byte{4, 5}})
	a.d.Mark = cash.Mark{Serial: "1", Counter: 9, Known: true}
	delete(a.d.Faults, acceptor.Line)
	a.types = [typesMax]cash.Note{{Face: 10, Currency: "CNY"}, {Face: 50, Currency: "CNY"}, {Face: 100, Currency: "CNY"}}
	return a
}

// told runs events through a driver and gives what it tells.
func told(a *Acceptor, pairs ...ccbus.Pair) (list []cash.Signal) {
	before := len(a.d.Waiting())
	for _, p := range pairs {
		a.take(ccbus.Events{Counter: byte(a.d.Mark.Counter + 1), Pairs: [5]ccbus.Pair{p}}, []byte{1})
	}
	return a.d.Waiting()[before:]
}

func TestMeanings(t *testing.T) {
	kinds := map[cash.Happening]map[fault.Kind][]int{
		cash.Refused: {fault.Refused: {1, 2, 3, 8, 9, 10, 11, 12, 13, 22, 24, 25, 33, 37, 38, 128, 129, 143, 159}},
		cash.Faulty: {
			fault.Jammed:   {4, 5, 6, 7, 14, 15, 21, 26, 29, 30, 31, 32},
			fault.Tampered: {16, 17, 18, 19, 20, 23, 40},
			fault.Broken:   {35, 39, 255},
			fault.Garbled:  {41, 99, 127, 160, 252},
		},
		cash.Lost: {fault.Doubtful: {36}},
		"":        {"": {0, 27, 28, 34, 253, 254}},
	}
	for what, byKind := range kinds {
		for kind, codes := range byKind {
			for _, code := range codes {
				got := told(named(), ccbus.Pair{0, byte(code)})
				if what == "" {
					if len(got) != 0 {
						t.Errorf("code %d: told %+v, want nothing", code, got)
					}
					continue
				}
				if len(got) != 1 || got[0].What != what || got[0].Fault.Kind != kind || got[0].Fault.Device != device || got[0].Fault.Detail == "" || got[0].Mark.Counter != 10 || got[0].Raw == nil {
					t.Errorf("code %d: got %+v, want %s %s with the mark 10", code, got, what, kind)
				}
				if kind == fault.Garbled && string(got[0].Fault.Raw) != string([]byte{0, byte(code)}) {
					t.Errorf("code %d: the fault carries % x", code, got[0].Fault.Raw)
				}
			}
		}
	}
	for code := range meanings {
		found := false
		for _, byKind := range kinds {
			for _, codes := range byKind {
				found = found || slices.Contains(codes, int(code))
			}
		}
		if !found {
			t.Errorf("code %d is not in this table", code)
		}
	}
	if got := told(named(), ccbus.Pair{0, 130}); !strings.Contains(got[0].Fault.Detail, "type 3") {
		t.Errorf("code 130: got %v, want it to name type 3", got[0].Fault)
	}
}

// What an event asks of the next turns.
func TestWhatEventsAskFor(t *testing.T) {
	for code := range 256 {
		a := named()
		a.d.Dirty = false
		told(a, ccbus.Pair{0, byte(code)})
		if want := code == 2; a.d.Dirty != want {
			t.Errorf("code %d: settings anew %v, want %v", code, a.d.Dirty, want)
		}
		if want := code == 254; a.look != want {
			t.Errorf("code %d: look at the lever %v, want %v", code, a.look, want)
		}
	}
}

func TestCredits(t *testing.T) {
	for _, tt := range []struct {
		p     ccbus.Pair
		what  cash.Happening
		face  int64
		store bool
	}{
		{ccbus.Pair{1, 1}, cash.Stacked, 10, false}, {ccbus.Pair{2, 4}, cash.Stacked, 50, true}, {ccbus.Pair{3, 5}, cash.Stacked, 100, true}, {ccbus.Pair{3, 0}, cash.Stacked, 100, false},
		{ccbus.Pair{4, 1}, cash.Lost, 0, false}, {ccbus.Pair{16, 1}, cash.Lost, 0, false}, {ccbus.Pair{17, 1}, cash.Lost, 0, false}, {ccbus.Pair{255, 1}, cash.Lost, 0, false},
	} {
		got := told(named(), tt.p)
		if len(got) != 1 || got[0].What != tt.what || got[0].Note.Face != tt.face || got[0].Store != tt.store || got[0].Mark.Counter != 10 {
			t.Errorf("%v: got %+v, want %+v", tt.p, got, tt)
		}
	}
	// A coin that went all the way ends a jam, and only that.
	got := told(named(), ccbus.Pair{0, 14}, ccbus.Pair{3, 1}, ccbus.Pair{0, 20}, ccbus.Pair{3, 1})
	want := []cash.Happening{cash.Faulty, cash.Stacked, cash.Cleared, cash.Faulty, cash.Stacked}
	whats := []cash.Happening{}
	for _, s := range got {
		whats = append(whats, s.What)
	}
	if !slices.Equal(whats, want) {
		t.Errorf("got %v, want %v", whats, want)
	}
}

// The counter: what is new is told oldest first, each with its own mark; more than five is said first.
func TestTake(t *testing.T) {
	pairs := [5]ccbus.Pair{{1, 1}, {2, 1}, {3, 1}, {1, 1}, {2, 1}} // newest first
	for _, tt := range []struct {
		last, now int
		want      string
	}{
		{9, 9, ""}, {9, 10, "10@10"}, {9, 12, "100@10 50@11 10@12"}, {254, 2, "100@255 50@1 10@2"}, {255, 1, "10@1"}, {0, 2, "50@1 10@2"},
		{9, 14, "50@10 10@11 100@12 50@13 10@14"}, {9, 15, "lost@10 50@11 10@12 100@13 50@14 10@15"}, {9, 8, "lost@3 50@4 10@5 100@6 50@7 10@8"}, {9, 0, "lost@0"},
	} {
		a := named()
		a.d.Mark.Counter, a.d.Dirty = tt.last, false
		a.take(ccbus.Events{Counter: byte(tt.now), Pairs: pairs}, nil)
		got := []string{}
		for _, s := range a.d.Waiting() {
			if s.What == cash.Lost {
				got = append(got, fmt.Sprintf("lost@%d", s.Mark.Counter))
			} else {
				got = append(got, fmt.Sprintf("%d@%d", s.Note.Face, s.Mark.Counter))
			}
		}
		lost := strings.HasPrefix(tt.want, "lost")
		if strings.Join(got, " ") != tt.want || a.d.Mark.Counter != tt.now || a.d.Dirty != lost {
			t.Errorf("from %d to %d: got %v, mark %d, dirty %v, want %q", tt.last, tt.now, got, a.d.Mark.Counter, a.d.Dirty, tt.want)
		}
	}
}

// Whatever counters and pairs a device shows, each credit is told once and the mark follows.
func FuzzEvents(f *testing.F) {
	f.Add(byte(9), []byte{10, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0}, false)
	f.Add(byte(254), []byte{2, 3, 1, 0, 20, 0, 2, 1, 1, 0, 0}, true)
	f.Add(byte(9), []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, false)
	f.Fuzz(func(t *testing.T, last byte, data []byte, restarted bool) {
		if len(data) != ccbus.EventsBytes {
			return
		}
		a := named()
		a.d.Mark.Counter = int(last)
		e := ccbus.ParseEvents(data)
		a.hear(e, restarted, data)
		n := len(a.d.Waiting())
		if a.d.Mark.Counter != int(e.Counter) || n > 12 {
			t.Errorf("from %d: mark %+v, %d signals", last, a.d.Mark, n)
		}
		a.hear(e, false, data)
		if len(a.d.Waiting()) != n {
			t.Errorf("told twice: %+v", a.d.Waiting()[n:])
		}
	})
}

func TestChecks(t *testing.T) {
	for code, want := range map[byte]struct {
		kind fault.Kind
		at   acceptor.Place
		text string
	}{
		0: {"", "", ""}, 2: {fault.Broken, acceptor.Device, "coils"}, 3: {fault.Jammed, acceptor.Path, "credit"}, 7: {fault.Jammed, acceptor.Path, "wake-up"}, 8: {fault.Jammed, acceptor.Path, "sorter"},
		18: {fault.Jammed, acceptor.Path, "return path"}, 19: {fault.Jammed, acceptor.Path, "lever"}, 20: {fault.Tampered, acceptor.Honesty, "string"}, 42: {fault.Jammed, acceptor.Path, "open"},
		43: {fault.Jammed, acceptor.Path, "closed"}, 49: {fault.Jammed, acceptor.Path, "light"}, 51: {fault.Open, acceptor.Device, "door"}, 1: {fault.Broken, acceptor.Device, "1"}, 255: {fault.Broken, acceptor.Device, "255"},
	} {
		a := named()
		a.selfChecked(code)
		f, at := a.d.Worst()
		if want.kind == "" && f != nil || want.kind != "" && (f == nil || f.Kind != want.kind || !strings.Contains(f.Detail, want.text)) || at != want.at {
			t.Errorf("self-check %d: got %v at %q, want %+v", code, f, at, want)
		}
	}
}

// An event is younger than the self-check that was under way with it; the line's and the lever's faults are not its.
func TestEventOutlivesSelfCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := named()
		told(a, ccbus.Pair{0, 17})
		a.d.Faults[acceptor.Lever] = acceptor.Placed{Fault: a.d.Fail(fault.Jammed, "look", "held")}
		time.Sleep(faultHold - 1)
		a.selfChecked(0)
		if _, at := a.d.Worst(); at != acceptor.Honesty {
			t.Errorf("right after the event: the worst is at %q, want %q", at, acceptor.Honesty)
		}
		time.Sleep(time.Nanosecond)
		a.selfChecked(0)
		if _, at := a.d.Worst(); at != acceptor.Lever {
			t.Errorf("later: the worst is at %q, want %q", at, acceptor.Lever)
		}
	})
}

func TestLever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := named()
		held := func() bool { _, at := a.d.Worst(); return at == acceptor.Lever }
		a.looked(statusLever)
		time.Sleep(leverHold - 1)
		a.looked(statusLever)
		if held() {
			t.Error("a fault before its time")
		}
		time.Sleep(time.Nanosecond)
		a.looked(statusLever)
		if !held() {
			t.Error("no fault of a lever that is held")
		}
		a.looked(0)
		if held() || !a.lever.IsZero() {
			t.Error("the fault outlives the hand")
		}
		a.looked(statusLever)
		time.Sleep(leverHold)
		a.looked(statusString) // the lever is free, and worse
		if f, at := a.d.Worst(); at != acceptor.Honesty || f.Kind != fault.Tampered || !a.lever.IsZero() {
			t.Errorf("a string: got %v at %q", f, at)
		}
	})
}

func TestMask(t *testing.T) {
	a := named()
	a.types[15] = cash.Note{Face: 100, Currency: "CNY"} // an old and a new coin of one face
	for _, tt := range []struct {
		faces []cash.Note
		want  uint16
	}{
		{nil, 0}, {[]cash.Note{{Face: 10, Currency: "CNY"}}, 1}, {[]cash.Note{{Face: 100, Currency: "CNY"}}, 0x8004}, {[]cash.Note{{Face: 100, Currency: "HKD"}, {}}, 0},
		{[]cash.Note{{Face: 10, Currency: "CNY"}, {Face: 50, Currency: "CNY"}, {Face: 100, Currency: "CNY"}}, 0x8007},
	} {
		if got := a.maskOf(tt.faces); got != tt.want {
			t.Errorf("mask of %v: got %#x, want %#x", tt.faces, got, tt.want)
		}
	}
}
