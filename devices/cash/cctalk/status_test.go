package cctalk

import (
	"strings"
	"testing"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/cash/ccbus"
	"yichuang/devices/fault"
)

func TestBillNames(t *testing.T) {
	scales := map[string]scaling{"CN": {100, 2}, "JP": {1, 0}, "EU": {1, 0}, "US": {1000, 3}, "KR": {100, 2}, "GB": {5, 3}, "XX": {100, 2}}
	tests := []struct {
		text string
		want cash.Note
		ok   bool
		bad  bool
	}{
		{"CN0010A", cash.Note{Face: 1000, Currency: "CNY"}, true, false},
		{"CN0100B", cash.Note{Face: 10000, Currency: "CNY"}, true, false},
		{"JP1000A", cash.Note{Face: 1000, Currency: "JPY"}, true, false},
		{"EU0050A", cash.Note{Face: 5000, Currency: "EUR"}, true, false},
		{"US0020A", cash.Note{Face: 2000, Currency: "USD"}, true, false},
		{"KR0010A", cash.Note{Face: 10, Currency: "KRW"}, true, false},
		{"GB0001A", cash.Note{}, false, true}, // half a penny
		{"CN00x0A", cash.Note{}, false, true},
		{"CN0000A", cash.Note{Currency: "CNY"}, false, false},
		{".......", cash.Note{}, false, false},
		{"       ", cash.Note{}, false, false},
		{"XX0010A", cash.Note{}, false, false},
		{"RU0010A", cash.Note{}, false, false},
		{"CN001", cash.Note{}, false, false},
	}
	for _, tt := range tests {
		got, ok, err := parseBill(tt.text, scales)
		if got != tt.want || ok != tt.ok || fault.Is(err, fault.Garbled) != tt.bad {
			t.Errorf("%q: got %v, %v, %v, want %v, %v, garbled %v", tt.text, got, ok, err, tt.want, tt.ok, tt.bad)
		}
	}
}

// A note of ten in each country, in the smallest unit of its currency (ISO 4217).
func TestCountries(t *testing.T) {
	want := map[string]cash.Note{
		"CN": {Face: 1000, Currency: "CNY"}, "HK": {Face: 1000, Currency: "HKD"}, "MO": {Face: 1000, Currency: "MOP"}, "TW": {Face: 1000, Currency: "TWD"},
		"JP": {Face: 10, Currency: "JPY"}, "KR": {Face: 10, Currency: "KRW"}, "RU": {Face: 1000, Currency: "RUB"}, "US": {Face: 1000, Currency: "USD"},
		"EU": {Face: 1000, Currency: "EUR"}, "GB": {Face: 1000, Currency: "GBP"}, "SG": {Face: 1000, Currency: "SGD"}, "VN": {Face: 10, Currency: "VND"},
		"KZ": {Face: 1000, Currency: "KZT"}, "MN": {Face: 1000, Currency: "MNT"},
	}
	for country, note := range want {
		got, ok, err := parseBill(country+"0010A", map[string]scaling{country: {scale: 1}})
		if got != note || !ok || err != nil {
			t.Errorf("ten of %s: got %v, %v, %v, want %v", country, got, ok, err, note)
		}
	}
	if len(ccbus.Currencies) != len(want) {
		t.Errorf("%d countries, want the %d of this table", len(ccbus.Currencies), len(want))
	}
}

// told runs events through an acceptor that knows bill types 1 to 3, and gives what it tells.
func told(a *Acceptor, pairs ...ccbus.Pair) (list []cash.Signal) {
	a.d.Mark = cash.Mark{Serial: "1", Counter: 9, Known: true}
	delete(a.d.Faults, acceptor.Line)
	a.types = [typesMax]cash.Note{{Face: 100, Currency: "CNY"}, {Face: 500, Currency: "CNY"}, {Face: 1000, Currency: "CNY"}}
	before := len(a.d.Waiting())
	for i, p := range pairs {
		a.take(ccbus.Events{Counter: byte(10 + i), Pairs: [5]ccbus.Pair{p}}, []byte{1})
	}
	return a.d.Waiting()[before:]
}

func TestMeanings(t *testing.T) {
	escrow := ccbus.Pair{3, 1}
	tests := []struct {
		name  string
		pairs []ccbus.Pair
		want  []cash.Happening
		kind  fault.Kind // of the last signal
	}{
		{"stacked", []ccbus.Pair{{3, 0}}, []cash.Happening{cash.Stacked}, ""},
		{"escrow, stacked", []ccbus.Pair{escrow, {3, 0}}, []cash.Happening{cash.Escrowed, cash.Stacked}, ""},
		{"escrow, returned", []ccbus.Pair{escrow, {0, 1}}, []cash.Happening{cash.Escrowed, cash.Returned}, ""},
		{"returned without escrow", []ccbus.Pair{{0, 2}, {0, 1}}, []cash.Happening{cash.Refused}, fault.Refused},
		{"inhibited", []ccbus.Pair{{0, 0}}, nil, ""},
		{"transport", []ccbus.Pair{{0, 3}}, []cash.Happening{cash.Refused}, fault.Refused},
		{"inhibited by serial", []ccbus.Pair{{0, 4}}, []cash.Happening{cash.Refused}, fault.Refused},
		{"inhibited by switch", []ccbus.Pair{{0, 5}}, []cash.Happening{cash.Refused}, fault.Refused},
		{"unsafe jam", []ccbus.Pair{{0, 6}}, []cash.Happening{cash.Faulty}, fault.Jammed},
		{"stacker jam", []ccbus.Pair{{0, 7}}, []cash.Happening{cash.Faulty}, fault.Jammed},
		{"pulled back from the mouth", []ccbus.Pair{{0, 8}}, []cash.Happening{cash.Refused}, fault.Refused},
		{"pulled out of escrow", []ccbus.Pair{escrow, {0, 8}, {0, 1}}, []cash.Happening{cash.Escrowed, cash.Returned}, ""},
		{"tamper", []ccbus.Pair{{0, 9}}, []cash.Happening{cash.Faulty}, fault.Tampered},
		{"full, then not", []ccbus.Pair{{0, 14}, {0, 0}, {0, 10}}, []cash.Happening{cash.Faulty, cash.Cleared}, ""},
		{"full", []ccbus.Pair{{0, 14}}, []cash.Happening{cash.Faulty}, fault.Full},
		{"box out", []ccbus.Pair{{0, 11}}, []cash.Happening{cash.BoxOut, cash.Faulty}, fault.Open},
		{"box out, in", []ccbus.Pair{{0, 11}, {0, 12}}, []cash.Happening{cash.BoxOut, cash.Faulty, cash.BoxIn, cash.Cleared}, ""},
		{"stacker faulty", []ccbus.Pair{{0, 13}}, []cash.Happening{cash.Faulty}, fault.Broken},
		{"stacker jammed", []ccbus.Pair{{0, 15}}, []cash.Happening{cash.Faulty}, fault.Jammed},
		{"jam, safe", []ccbus.Pair{escrow, {0, 16}, {3, 0}}, []cash.Happening{cash.Escrowed, cash.Faulty, cash.Stacked, cash.Cleared}, ""},
		{"opto fraud", []ccbus.Pair{{0, 17}}, []cash.Happening{cash.Faulty}, fault.Tampered},
		{"string", []ccbus.Pair{{0, 18}}, []cash.Happening{cash.Faulty}, fault.Tampered},
		{"anti-string", []ccbus.Pair{{0, 19}}, []cash.Happening{cash.Faulty}, fault.Broken},
		{"barcode", []ccbus.Pair{{0, 20}}, nil, ""},
		{"unknown stacked", []ccbus.Pair{{0, 21}}, []cash.Happening{cash.Lost}, fault.Doubtful},
		{"unknown event", []ccbus.Pair{{0, 99}}, []cash.Happening{cash.Faulty}, fault.Garbled},
		{"unknown second byte", []ccbus.Pair{{3, 7}}, []cash.Happening{cash.Faulty}, fault.Garbled},
		{"nameless type in escrow", []ccbus.Pair{{9, 1}}, []cash.Happening{cash.Escrowed}, ""},
		{"nameless type stacked", []ccbus.Pair{{9, 0}}, []cash.Happening{cash.Lost}, fault.Doubtful},
		{"coupon stacked", []ccbus.Pair{{255, 0}}, []cash.Happening{cash.Lost}, fault.Doubtful},
		{"worse covers bad", []ccbus.Pair{{0, 14}, {0, 11}, {0, 12}}, []cash.Happening{cash.Faulty, cash.BoxOut, cash.Faulty, cash.BoxIn, cash.Faulty}, fault.Full},
		{"same fault twice", []ccbus.Pair{{0, 7}, {0, 15}}, []cash.Happening{cash.Faulty}, fault.Jammed},
	}
	for _, tt := range tests {
		got := told(New(nil, Options{}), tt.pairs...)
		var what []cash.Happening
		for _, s := range got {
			what = append(what, s.What)
		}
		if len(what) != len(tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, what, tt.want)
			continue
		}
		for i := range what {
			if what[i] != tt.want[i] {
				t.Errorf("%s: got %v, want %v", tt.name, what, tt.want)
			}
		}
		if n := len(got); n > 0 && tt.kind != "" && (got[n-1].Fault == nil || got[n-1].Fault.Kind != tt.kind) {
			t.Errorf("%s: got fault %v, want kind %s", tt.name, got[n-1].Fault, tt.kind)
		}
		if tt.kind == fault.Garbled && string(got[0].Fault.Raw) != string(tt.pairs[0][:]) {
			t.Errorf("%s: the fault carries % x, want % x", tt.name, got[0].Fault.Raw, tt.pairs[0])
		}
		for _, s := range got {
			if (s.What == cash.Stacked || s.What == cash.Returned) && s.Note != (cash.Note{Face: 1000, Currency: "CNY"}) {
				t.Errorf("%s: %s names %v, want 1000 CNY", tt.name, s.What, s.Note)
			}
		}
	}
}

// Mending one thing leaves what else is wrong: each event's fault hangs on its own place.
func TestFaultsHangOnPlaces(t *testing.T) {
	for code, want := range map[byte]acceptor.Place{
		6: acceptor.Path, 7: acceptor.Path, 9: acceptor.Honesty, 11: acceptor.Box, 13: acceptor.Device, 14: acceptor.Room, 15: acceptor.Path, 16: acceptor.Path, 17: acceptor.Honesty, 18: acceptor.Honesty, 19: acceptor.Device, 99: acceptor.Device,
	} {
		a := New(nil, Options{})
		told(a, ccbus.Pair{0, code})
		f, at := a.d.Worst()
		if at != want || f == nil || f.Device != "cctalk" || f.Op != "poll" || f.Detail == "" {
			t.Errorf("event %d: got %v at %q, want it at %q", code, f, at, want)
		}
		if got, want := a.d.BoxOut, code == 11; got != want {
			t.Errorf("event %d: box out %v, want %v", code, got, want)
		}
	}
	// What each event mends, when everything is wrong at once.
	everything := []ccbus.Pair{{0, 9}, {0, 11}, {0, 14}, {0, 15}, {0, 13}}
	for code, mends := range map[byte][]acceptor.Place{10: {acceptor.Room, acceptor.Path}, 12: {acceptor.Box}, 1: nil, 2: nil, 0: nil} {
		a := New(nil, Options{})
		told(a, append(everything, ccbus.Pair{0, code})...)
		want := 5 - len(mends)
		for _, p := range mends {
			if a.d.Faults[p].Fault != nil {
				t.Errorf("after event %d there is still %v at %s", code, a.d.Faults[p].Fault, p)
			}
		}
		if got := len(a.d.Faults); got != want {
			t.Errorf("after event %d: %d faults are left, want %d", code, got, want)
		}
	}
}

// After these events the device may have shut itself, and is told anew what we want.
func TestTellAgain(t *testing.T) {
	for code, want := range map[byte]bool{0: true, 10: true, 12: true, 1: false, 2: false, 11: false, 14: false} {
		a := New(nil, Options{})
		a.d.Dirty = false
		told(a, ccbus.Pair{0, code})
		if a.d.Dirty != want {
			t.Errorf("event %d: told anew %v, want %v", code, a.d.Dirty, want)
		}
	}
}

func TestPulledOnItsWayToTheBox(t *testing.T) {
	a := New(nil, Options{})
	told(a, ccbus.Pair{3, 1})
	a.held.Decision = acceptor.Stack
	got := told(a, ccbus.Pair{0, 8})
	if len(got) != 2 || got[0].What != cash.Returned || got[1].What != cash.Faulty || got[1].Fault.Kind != fault.Tampered {
		t.Errorf("got %v, want returned and a fault of kind %s", got, fault.Tampered)
	}
}

func TestMarksCount(t *testing.T) {
	a := New(nil, Options{})
	told(a)
	a.take(ccbus.Events{Counter: 12, Pairs: [5]ccbus.Pair{{2, 0}, {2, 1}, {0, 3}}}, nil)
	for i, want := range []int{10, 11, 12} {
		if got := a.d.Waiting()[i].Mark; got.Counter != want || !got.Known || got.Serial != "1" {
			t.Errorf("signal %d (%s): got mark %+v, want counter %d", i, a.d.Waiting()[i].What, got, want)
		}
	}
}

// Whether a note is in escrow is known from the last event that says so, or not at all.
func TestLookBack(t *testing.T) {
	note := cash.Note{Face: 1000, Currency: "CNY"}
	tests := []struct {
		name    string
		counter byte
		pairs   [5]ccbus.Pair // newest first
		held    bool
		blind   bool
	}{
		{"held", 9, [5]ccbus.Pair{{0, 11}, {3, 1}, {0, 1}}, true, false},
		{"stacked", 9, [5]ccbus.Pair{{0, 11}, {3, 0}, {3, 1}}, false, false},
		{"returned", 9, [5]ccbus.Pair{{0, 1}, {3, 1}}, false, false},
		{"pulled", 9, [5]ccbus.Pair{{0, 8}, {3, 1}}, false, false},
		{"too long ago", 9, [5]ccbus.Pair{{0, 11}, {0, 12}, {0, 11}, {0, 12}, {0, 0}}, false, true},
		{"never", 2, [5]ccbus.Pair{{0, 12}, {0, 11}}, false, false},
	}
	for _, tt := range tests {
		a := New(nil, Options{})
		told(a)
		a.lookBack(ccbus.Events{Counter: tt.counter, Pairs: tt.pairs}, 0)
		if got := a.held != nil; got != tt.held || a.blind != tt.blind || got && a.held.Note != note {
			t.Errorf("%s: got held %v, blind %v, want %v, %v", tt.name, got, a.blind, tt.held, tt.blind)
		}
	}
}

func TestTooMuchAtOnce(t *testing.T) {
	a := New(nil, Options{})
	told(a)
	a.take(ccbus.Events{Counter: 14, Pairs: [5]ccbus.Pair{{1, 0}, {1, 1}, {2, 0}, {2, 1}, {3, 0}}}, nil)
	if got := a.d.Waiting()[0].What; got != cash.Stacked {
		t.Errorf("five new events: got %s first, want %s", got, cash.Stacked)
	}
	a.take(ccbus.Events{Counter: 20, Pairs: [5]ccbus.Pair{{1, 0}, {1, 1}, {2, 0}, {2, 1}, {3, 0}}}, nil)
	if got := a.d.Waiting()[5]; got.What != cash.Lost || got.Mark.Counter != 15 || got.Fault.Kind != fault.Doubtful {
		t.Errorf("six new events: got %+v first, want %s with mark 15", got, cash.Lost)
	}
	if got := len(a.d.Waiting()) - 5; got != 6 {
		t.Errorf("six new events: got %d signals, want Lost and five", got)
	}
}

func TestSelfCheckCodes(t *testing.T) {
	tests := []struct {
		code byte
		want fault.Kind
		at   acceptor.Place
		text string // in the detail, for codes that have a name
	}{
		{0, "", "", ""}, {36, fault.Broken, acceptor.Device, "sensor"}, {37, fault.Broken, acceptor.Device, "motor"}, {38, fault.Broken, acceptor.Device, "stacker"}, {39, fault.Jammed, acceptor.Path, "stuck"},
		{41, fault.Tampered, acceptor.Honesty, "string"}, {44, fault.Open, acceptor.Box, "out"}, {45, fault.Full, acceptor.Room, "full"}, {49, fault.Tampered, acceptor.Honesty, "light"}, {51, fault.Open, acceptor.Device, "door"},
		{30, fault.Broken, acceptor.Device, "30"}, {255, fault.Broken, acceptor.Device, "255"},
	}
	for _, tt := range tests {
		a := New(nil, Options{})
		told(a)
		a.selfChecked(tt.code)
		f, at := a.d.Worst()
		if tt.want == "" && f != nil || tt.want != "" && (f == nil || f.Kind != tt.want || !strings.Contains(f.Detail, tt.text)) || at != tt.at {
			t.Errorf("self-check %d: got %v at %q, want kind %q at %q, naming %q", tt.code, f, at, tt.want, tt.at, tt.text)
		}
		if got := a.d.BoxOut; got != (tt.code == 44) {
			t.Errorf("self-check %d: box out %v", tt.code, got)
		}
	}
}

// An event is younger than the self-check that was under way with it.
func TestEventOutlivesSelfCheck(t *testing.T) {
	a := New(nil, Options{})
	told(a, ccbus.Pair{0, 11})
	a.selfChecked(0)
	if f, _ := a.d.Worst(); f == nil || f.Kind != fault.Open {
		t.Errorf("right after the event: got %v, want %s", f, fault.Open)
	}
	a.d.Faults[acceptor.Box] = acceptor.Placed{Fault: a.d.Faults[acceptor.Box].Fault, Since: time.Now().Add(-faultHold)}
	a.selfChecked(0)
	if f, _ := a.d.Worst(); f != nil || a.d.BoxOut {
		t.Errorf("later: got %v, box out %v, want none", f, a.d.BoxOut)
	}
}

// When the next command about a note is due.
func TestDue(t *testing.T) {
	now := time.Now()
	tests := []struct {
		name string
		p    pending
		want bool
	}{
		{"undecided, just held", pending{Held: acceptor.Held{Sent: now}}, false},
		{"undecided, held 9 s ago", pending{Held: acceptor.Held{Sent: now.Add(-9 * time.Second)}}, false},
		{"undecided, held 10 s ago", pending{Held: acceptor.Held{Sent: now.Add(-10 * time.Second)}}, true},
		{"undecided, found by asking", pending{}, true},
		{"decided, not yet told", pending{Held: acceptor.Held{Decision: acceptor.Stack}}, true},
		{"decided, told just now", pending{Held: acceptor.Held{Decision: acceptor.Stack, Sent: now}}, false},
		{"decided, not heard for a second", pending{Held: acceptor.Held{Decision: acceptor.Back, Sent: now.Add(-time.Second)}}, true},
		{"decided, heard a second ago", pending{Held: acceptor.Held{Decision: acceptor.Back, Acked: true, Sent: now.Add(-time.Second)}}, false},
		{"decided, heard 6 s ago", pending{Held: acceptor.Held{Decision: acceptor.Back, Acked: true, Sent: now.Add(-6 * time.Second)}}, true},
	}
	for _, tt := range tests {
		if got := tt.p.Due(now, pace); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// The device says that nothing is in escrow: it was our command that sent the note, or a hand.
func TestVanished(t *testing.T) {
	tests := []struct {
		name    string
		p       pending
		acked   bool
		refused bool
	}{
		{"undecided", pending{}, true, false},
		{"told and never heard", pending{Held: acceptor.Held{Decision: acceptor.Stack}, unheard: true}, true, false},
		{"told and heard", pending{Held: acceptor.Held{Decision: acceptor.Stack, Acked: true}}, true, false},
		{"about to be told", pending{Held: acceptor.Held{Decision: acceptor.Stack}}, false, true},
	}
	for _, tt := range tests {
		a := New(nil, Options{})
		p := tt.p
		a.vanished(&p)
		if p.Acked != tt.acked || (p.Refused != nil) != tt.refused || tt.refused && (!fault.Is(p.Refused, fault.Empty) || p.Decision != acceptor.Undecided) || p.gone.IsZero() {
			t.Errorf("%s: got %+v, want acknowledged %v, refused %v", tt.name, p, tt.acked, tt.refused)
		}
		gone := time.Now().Add(-time.Minute)
		p = tt.p
		p.gone = gone
		if a.vanished(&p); p.gone != gone {
			t.Errorf("%s: gone since %v, want since the first word of it", tt.name, p.gone)
		}
	}
}

// A note that left escrow is missing when no event says for some time where it went, and nothing is stuck.
func TestMissing(t *testing.T) {
	note := cash.Note{Face: 1000, Currency: "CNY"}
	long := time.Now().Add(-settleLimit)
	for name, tt := range map[string]struct {
		held  *pending
		stuck bool
		want  bool
	}{
		"no note":              {nil, false, false},
		"it is there":          {&pending{Held: acceptor.Held{Note: note}}, false, false},
		"gone just now":        {&pending{Held: acceptor.Held{Note: note}, gone: time.Now()}, false, false},
		"gone for long":        {&pending{Held: acceptor.Held{Note: note}, gone: long}, false, true},
		"gone for long, a jam": {&pending{Held: acceptor.Held{Note: note}, gone: long}, true, false},
	} {
		a := New(nil, Options{})
		told(a)
		a.held = tt.held
		if tt.stuck {
			told(a, ccbus.Pair{0, 15})
			a.held = tt.held
		}
		before := len(a.d.Waiting())
		a.missing()
		news := a.d.Waiting()[before:]
		if got := len(news) == 1; got != tt.want || got && (news[0].What != cash.Lost || news[0].Note != note || news[0].Fault.Kind != fault.Doubtful || a.held != nil) {
			t.Errorf("%s: got %+v, held %+v, want lost %v", name, news, a.held, tt.want)
		}
	}
}

// Which bits stand for which faces.
func TestMask(t *testing.T) {
	a := New(nil, Options{})
	told(a)
	a.types[15] = cash.Note{Face: 10000, Currency: "CNY"}
	for _, tt := range []struct {
		faces []cash.Note
		want  uint16
	}{
		{nil, 0}, {[]cash.Note{{Face: 100, Currency: "CNY"}}, 1}, {[]cash.Note{{Face: 1000, Currency: "CNY"}, {Face: 500, Currency: "CNY"}}, 6}, {[]cash.Note{{Face: 10000, Currency: "CNY"}}, 0x8000},
		{[]cash.Note{{Face: 100, Currency: "HKD"}, {Face: 7, Currency: "CNY"}, {}}, 0},
	} {
		if got := a.maskOf(tt.faces); got != tt.want {
			t.Errorf("%v: got %#x, want %#x", tt.faces, got, tt.want)
		}
	}
	for kind, want := range map[byte]int64{0: 0, 1: 100, 3: 1000, 4: 0, 16: 10000, 17: 0, 255: 0} {
		if got := a.note(kind).Face; got != want {
			t.Errorf("bill type %d: got %d, want %d", kind, got, want)
		}
	}
}
