package ccnet

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/fault"
)

// known3 is an acceptor that knows three types and whose journal knows nothing open.
func known3() *Acceptor {
	a := New(nil, Options{})
	a.d.Mark = cash.Mark{Serial: "1", Known: true}
	a.named, a.adopted, a.d.Online = true, true, true
	delete(a.d.Faults, acceptor.Line)
	a.types = [typesMax]cash.Note{{Face: 100, Currency: "CNY"}, {Face: 500, Currency: "CNY"}, {Face: 1000, Currency: "CNY"}}
	return a
}

// told lets states be heard, and gives what was told of each: signals in short, "ack" when it is acknowledged.
func told(a *Acceptor, states ...string) (list []string) {
	for _, text := range states {
		bytes := []byte{}
		for _, f := range strings.Fields(text) {
			var b byte
			fmt.Sscanf(f, "%x", &b)
			bytes = append(bytes, b)
		}
		said := []string{}
		if a.hear(status{state: state(bytes[0]), data: bytes[1:]}) {
			said = append(said, "ack")
		}
		for _, n := range fetched(a) {
			s := string(n.What)
			if n.Note.Face > 0 {
				s += fmt.Sprint(" ", n.Note.Face)
			}
			if f := n.Fault; f != nil {
				if s += " " + string(f.Kind); f.Op != "poll" || f.Device != "ccnet" || f.Detail == "" {
					s += " without its place"
				}
			}
			if raw := n.Raw; (n.What != cash.Lost || len(raw) > 0) && !slices.Equal(raw, bytes) && !slices.Equal(raw, []byte{byte(stBillInHead)}) {
				s += " without what told it"
			}
			if n.Mark.Serial != "1" || n.What == cash.Stacked && n.Mark.Counter != knowStacked|int(bytes[1]) || n.What == cash.Returned && n.Mark.Counter&^0xFF != knowReturned && a.held != nil {
				s += " with another mark"
			}
			said = append(said, s)
		}
		list = append(list, strings.Join(said, ", "))
	}
	return list
}

// next is an owner that has written down all it was given.
func (a *Acceptor) next() {
	ended, end := context.WithCancel(context.Background())
	end()
	a.Next(ended)
}

// fetched is what an owner was given who has written down all of it but the last.
func fetched(a *Acceptor) (list []cash.Signal) {
	for range a.d.Waiting() {
		s, _ := a.Next(context.Background())
		list = append(list, s)
	}
	return list
}

func TestStates(t *testing.T) {
	tests := []struct {
		name   string
		states []string
		want   []string
	}{
		{"a note is stacked", []string{"14", "15", "80 02", "80 02", "17", "81 02", "81 02"}, []string{"", "", "escrowed 1000", "", "", "stacked 1000", ""}},
		{"a note is returned", []string{"80 01", "1A", "18", "82 01", "82 01"}, []string{"escrowed 500", "", "", "returned 500", ""}},
		{"stacked without escrow", []string{"15", "17", "81 00"}, []string{"", "", "stacked 100"}},
		{"of a type that is not in the table", []string{"81 07"}, []string{"lost doubtful"}},
		{"of a type that was not said", []string{"81"}, []string{"lost doubtful"}},
		{"another type than was held", []string{"80 02", "81 01"}, []string{"escrowed 1000", "stacked 500"}},
		{"the same twice with another state between", []string{"82 01", "14", "82 01"}, []string{"returned 500", "", "returned 500"}},
		{"two types, one after the other", []string{"82 01", "82 02"}, []string{"returned 500", "returned 1000"}},
		{"held, and nobody was told which", []string{"1A", "1A", "82 02"}, []string{"escrowed", "", "returned 1000"}},
		{"held, named later", []string{"1A", "80 02"}, []string{"escrowed", ""}},
		{"another note is held", []string{"80 01", "80 02"}, []string{"escrowed 500", "lost 500 doubtful, escrowed 1000"}},
		{"the same is held again after nothing was", []string{"80 01", "14", "80 01"}, []string{"escrowed 500", "", "lost 500 doubtful, escrowed 500"}},
		{"rejected twice", []string{"1C 60", "1C 60", "1C 65", "14", "1C 65"}, []string{"refused refused", "", "refused refused", "", "refused refused"}},
		{"box out and in", []string{"14", "42", "42", "82 01", "18", "80 00", "19"}, []string{"", "box_out, fault open", "", "returned 500", "", "escrowed 100", "box_in, cleared"}},
		{"full", []string{"41", "41", "1C 60", "14"}, []string{"fault full", "", "refused refused", "cleared"}},
		{"full, a note comes back", []string{"41", "18", "17"}, []string{"fault full", "", "cleared"}},
		{"jammed on its way", []string{"80 01", "44", "44", "17", "81 01"}, []string{"escrowed 500", "fault jammed", "", "cleared", "stacked 500"}},
		{"jammed, then held after all", []string{"43", "80 01"}, []string{"fault jammed", "cleared, escrowed 500"}},
		{"one jam after the other", []string{"43", "44"}, []string{"fault jammed", ""}},
		{"full, then out", []string{"41", "42", "41"}, []string{"fault full", "box_out, fault open", "box_in, fault full"}},
		{"the motor", []string{"47 50", "14"}, []string{"fault broken", "cleared"}},
		{"the cover", []string{"47 FE", "47 50"}, []string{"fault open", "fault broken"}},
		{"a failure that nobody knows", []string{"47 AA"}, []string{"fault broken"}},
		{"a failure without a word", []string{"47"}, []string{"fault broken"}},
		{"cheated stands for a while", []string{"45", "14"}, []string{"fault tampered", ""}},
		{"a second note is held to the mouth", []string{"46", "14"}, []string{"", ""}},
		{"a state that the manual does not know", []string{"77", "14"}, []string{"fault garbled", "cleared"}},
		{"states of other units", []string{"1D"}, []string{"fault garbled"}},
	}
	for _, tt := range tests {
		a := known3()
		got := told(a, tt.states...)
		if fmt.Sprintf("%q", tellings(got)) != fmt.Sprintf("%q", tellings(tt.want)) {
			t.Errorf("%s: %v\ngot  %q\nwant %q", tt.name, tt.states, got, tt.want)
		}
	}
}

// tellings sorts what was told of one state: money and faults of one instant have no order.
func tellings(list []string) (out [][]string) {
	for _, s := range list {
		parts := strings.Split(s, ", ")
		slices.Sort(parts)
		out = append(out, parts)
	}
	return out
}

// An end is acknowledged when its owner has asked for the next signal, and not before.
func TestAcknowledge(t *testing.T) {
	for _, end := range []string{"81 02", "82 02"} {
		a := known3()
		a.d.Emit(cash.Signal{What: cash.Ready})
		if got := told(a, "80 02", end, end); got[2] != "" {
			t.Errorf("%s: %q before it was fetched", end, got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		a.Next(ctx)
		if got := told(a, end, end); got[0] != "ack" || got[1] != "ack" {
			t.Errorf("%s: %q after the next signal was asked for, want it acknowledged each time", end, got)
		}
	}
}

// What the mark says of the last note, and what that means for a program that begins with it.
func TestMarks(t *testing.T) {
	a := known3()
	marks := []int{}
	for _, s := range []string{"14", "80 02", "17", "81 02", "81 02", "14", "80 01", "82 01", "19"} {
		told(a, s)
		marks = append(marks, a.d.Mark.Counter)
	}
	if want := []int{0, 0x102, 0x102, 0x202, 0x202, 0, 0x101, 0x301, 0}; !slices.Equal(marks, want) {
		t.Errorf("counters %x, want %x", marks, want)
	}
	tests := []struct {
		counter int
		states  []string
		want    []string
	}{
		{0, []string{"80 02"}, []string{"escrowed 1000"}},
		{0, []string{"81 02"}, []string{"stacked 1000"}},
		{0, []string{"82 02"}, []string{"returned 1000"}},
		{0x102, []string{"80 02", "81 02"}, []string{"", "stacked 1000"}},
		{0x102, []string{"1A", "82 02"}, []string{"", "returned 1000"}},
		{0x102, []string{"17", "81 02"}, []string{"", "stacked 1000"}},
		{0x102, []string{"81 02", "81 02"}, []string{"stacked 1000", ""}},
		{0x102, []string{"80 01"}, []string{"lost 1000 doubtful, escrowed 500"}},
		{0x102, []string{"14", "14"}, []string{"", ""}}, // not yet
		{0x202, []string{"81 02", "81 02"}, []string{"ack", "ack"}},
		{0x202, []string{"81 01"}, []string{"stacked 500"}},
		{0x202, []string{"14", "81 02"}, []string{"", "stacked 1000"}},
		{0x202, []string{"82 02"}, []string{"returned 1000"}},
		{0x302, []string{"82 02", "14", "82 02"}, []string{"ack", "", "returned 1000"}},
		{0x302, []string{"81 02"}, []string{"stacked 1000"}},
		{0x1FF, []string{"1A", "81 02"}, []string{"", "stacked 1000"}},
	}
	for _, tt := range tests {
		a := known3()
		a.adopted = false
		a.d.Mark.Counter = tt.counter
		if got := told(a, tt.states...); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("counter %x, %v: got %q, want %q", tt.counter, tt.states, got, tt.want)
		}
	}
}

// Without a journal a note that came back is before our time; one in the box is money whoever's.
func TestFirstOfAll(t *testing.T) {
	for state, want := range map[string]string{"82 02": "ack", "81 02": "stacked 1000", "80 02": "escrowed 1000"} {
		a := known3()
		a.adopted, a.d.Mark = false, cash.Mark{}
		a.begin("1")
		if got := told(a, state)[0]; got != want || !a.d.Mark.Known || a.d.Mark.Serial != "1" {
			t.Errorf("%s without a mark: got %q, mark %+v, want %q", state, got, a.d.Mark, want)
		}
	}
	a := known3()
	a.adopted, a.d.Mark = false, cash.Mark{Serial: "2", Counter: 0x202, Known: true}
	a.begin("1")
	if got := told(a, "81 02")[0]; got != "lost doubtful, stacked 1000" {
		t.Errorf("another validator: got %q", got)
	}
}

// One that does not say who it is while it has an end to tell is heard without names.
func TestEndWithoutNames(t *testing.T) {
	for counter, want := range map[int]string{0x102: "stacked", 0x101: "lost doubtful", 0: "lost doubtful"} {
		a := known3()
		a.named, a.adopted, a.d.Mark.Counter, a.types = false, false, counter, [typesMax]cash.Note{}
		if got := told(a, "81 02", "81 02"); got[0] != want || got[1] != "" {
			t.Errorf("counter %x: got %q, want %q once", counter, got, want)
		}
		a.next()
		if got := told(a, "81 02"); got[0] != "ack" {
			t.Errorf("counter %x: got %q, want it acknowledged", counter, got)
		}
	}
}

// What is open when the validator shows nothing is lost after a while; nothing is let in until that is written down.
func TestOpenAndNothingThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := known3()
		told(a, "80 02", "14")
		if !a.unsettled() || a.held == nil {
			t.Errorf("held %+v, unsettled %v, want the note still open", a.held, a.unsettled())
		}
		time.Sleep(goneLimit - time.Millisecond)
		if got := told(a, "19"); got[0] != "" {
			t.Errorf("just before its time: got %q", got)
		}
		time.Sleep(time.Millisecond)
		if got := told(a, "19"); got[0] != "lost 1000 doubtful" || a.d.Mark.Counter != 0 {
			t.Errorf("after its time: got %q, mark %+v", got, a.d.Mark)
		}
		if !a.unsettled() {
			t.Error("settled before it is written down")
		}
		if a.next(); a.unsettled() {
			t.Error("unsettled after it was written down")
		}
		for _, s := range []string{"17", "18", "80 02", "1A", "41", "42", "47 50"} {
			a := known3()
			told(a, "80 02", "14", s)
			time.Sleep(2 * goneLimit)
			if got := told(a, "14")[0]; strings.Contains(got, "lost") {
				t.Errorf("nothing, then %s, then nothing: got %q at once", s, got)
			}
		}
	})
}

// How a validator awoke, and what it says when it is at rest.
func TestAwakenings(t *testing.T) {
	tests := []struct {
		found state
		open  bool
		then  string
		want  string // at once, and after a while
	}{
		{stPowerUp, true, "19", " / lost 1000 doubtful"}, {stPowerUp, true, "81 02", "stacked 1000 / "}, {stPowerUp, false, "19", " / "}, {stPowerUp, true, "82 02", "returned 1000 / "},
		{stBillInHead, true, "19", "returned 1000 / "}, {stBillInHead, true, "14", "returned 1000 / "}, {stBillInHead, true, "42", "box_out, fault open / "}, {stBillInHead, false, "19", " / "},
		{stBillInBox, true, "19", " / lost 1000 doubtful"}, {stBillInBox, false, "19", " / lost doubtful"}, {stBillInBox, true, "81 02", "stacked 1000 / "}, {stBillInBox, false, "81 01", "stacked 500 / "},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			a := known3()
			if tt.open {
				told(a, "80 02")
			}
			a.found = tt.found
			first := told(a, tt.then)[0]
			time.Sleep(goneLimit)
			if got := first + " / " + told(a, tt.then)[0]; got != tt.want {
				t.Errorf("%02X, open %v, then %s: got %q, want %q", byte(tt.found), tt.open, tt.then, got, tt.want)
			}
			if tt.then != "42" && a.found != 0 {
				t.Errorf("%02X, open %v, then %s: it is still not at rest", byte(tt.found), tt.open, tt.then)
			}
		})
	}
}

// Ready is told when nothing is open of what was before, and the settings are given, unless that cannot be.
func TestReadyWaits(t *testing.T) {
	for _, tt := range []struct {
		name  string
		set   func(a *Acceptor)
		ready bool
	}{
		{"all is well", func(*Acceptor) {}, true},
		{"it was told", func(a *Acceptor) { a.ready = true }, false},
		{"it has not said who it is", func(a *Acceptor) { a.named = false }, false},
		{"it is still awakening", func(a *Acceptor) { a.found = stBillInBox }, false},
		{"a note is held", func(a *Acceptor) { a.held = &pending{} }, true},
		{"a note is gone", func(a *Acceptor) { a.held = &pending{gone: time.Now()} }, false},
		{"the settings are not given", func(a *Acceptor) { a.d.Dirty = true }, false},
		{"it refuses them", func(a *Acceptor) { a.d.Dirty, a.d.Refusal = true, a.d.Fail(fault.Refused, "", "") }, true},
		{"its box is out", func(a *Acceptor) { a.d.Dirty, a.last = true, status{state: stBoxOut} }, true},
	} {
		a := known3()
		a.d.Dirty = false
		tt.set(a)
		a.readyNow()
		if got := len(a.d.Waiting()) == 1 && a.d.Waiting()[0].What == cash.Ready && a.ready; got != tt.ready {
			t.Errorf("%s: told %v, want %v", tt.name, got, tt.ready)
		}
	}
}

// An attempt to cheat is told once by the validator and stands for a moment.
func TestCheated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := known3()
		told(a, "45", "14")
		time.Sleep(honestyHold - time.Millisecond)
		if got := told(a, "14")[0]; got != "" {
			t.Errorf("just before its time: got %q", got)
		}
		time.Sleep(time.Millisecond)
		if got := told(a, "14")[0]; got != "cleared" {
			t.Errorf("after its time: got %q", got)
		}
	})
}

func TestFaults(t *testing.T) {
	for s, want := range map[string]struct {
		kind fault.Kind
		at   acceptor.Place
		text string
	}{
		"41": {fault.Full, acceptor.Room, "full"}, "42": {fault.Open, acceptor.Box, "out"}, "43": {fault.Jammed, acceptor.Path, "validator"}, "44": {fault.Jammed, acceptor.Path, "box"}, "45": {fault.Tampered, acceptor.Honesty, "cheat"},
		"47 50": {fault.Broken, acceptor.Device, "stacker's motor"}, "47 51": {fault.Broken, acceptor.Device, "speed"}, "47 52": {fault.Broken, acceptor.Device, "transport's motor"}, "47 53": {fault.Broken, acceptor.Device, "aligning"},
		"47 54": {fault.Broken, acceptor.Device, "box"}, "47 55": {fault.Broken, acceptor.Device, "optical"}, "47 56": {fault.Broken, acceptor.Device, "magnetic"}, "47 5F": {fault.Broken, acceptor.Device, "capacitance"},
		"47 F4": {fault.Broken, acceptor.Device, "stacker"}, "47 FE": {fault.Open, acceptor.Device, "cover"}, "47 60": {fault.Broken, acceptor.Device, "60h"},
	} {
		a := known3()
		told(a, s)
		f, at := a.d.Worst()
		if f == nil || f.Kind != want.kind || at != want.at || !strings.Contains(f.Detail, want.text) || f.Op != "poll" || f.Device != "ccnet" {
			t.Errorf("%s: got %v at %q, want %s at %s naming %q", s, f, at, want.kind, want.at, want.text)
		}
	}
	a := known3()
	told(a, "77 08")
	if f, at := a.d.Worst(); at != acceptor.Device || string(f.Raw) != "\x77\x08" {
		t.Errorf("an unknown state: got %v at %q", f, at)
	}
	for _, s := range []state{stIdling, stAccepting, stStacking, stReturning, stDisabled, stHolding, stRejecting, stPause, stEscrow, stStacked, stReturned} {
		if m, bad := faultOf(status{state: s}); bad {
			t.Errorf("%02X is a fault: %v", byte(s), m)
		}
	}
}

func TestRejections(t *testing.T) {
	for code, want := range map[byte]string{0x60: "drawn in", 0x61: "magnetic", 0x62: "head", 0x63: "compensation", 0x64: "transported", 0x65: "identified", 0x66: "verified", 0x67: "optical", 0x68: "not taken",
		0x69: "capacitance", 0x6A: "operation", 0x6C: "length", 0x6D: "ultraviolet", 0x92: "bar code", 0x93: "length", 0x94: "begins", 0x95: "ends", 0x11: "11h"} {
		if got := rejection(code); !strings.Contains(got, want) {
			t.Errorf("%02X: got %q, want %q in it", code, got, want)
		}
	}
}

// row is a bill table of one row.
func row(b ...byte) []byte { return append(b, make([]byte, 5*typesMax-len(b))...) }

func TestBillTable(t *testing.T) {
	for _, tt := range []struct {
		row  []byte
		more map[string]string
		want cash.Note
		bad  bool
	}{
		{[]byte{1, 'C', 'H', 'N', 2}, nil, cash.Note{Face: 10000, Currency: "CNY"}, false},
		{[]byte{20, 'C', 'H', 'N', 0}, nil, cash.Note{Face: 2000, Currency: "CNY"}, false},
		{[]byte{5, 'C', 'H', 'N', 0x81}, nil, cash.Note{Face: 50, Currency: "CNY"}, false},
		{[]byte{5, 'C', 'H', 'N', 0x82}, nil, cash.Note{Face: 5, Currency: "CNY"}, false},
		{[]byte{50, 'C', 'H', 'N', 0x83}, nil, cash.Note{Face: 5, Currency: "CNY"}, false},
		{[]byte{5, 'C', 'H', 'N', 0x83}, nil, cash.Note{}, true},
		{[]byte{1, 'C', 'H', 'N', 7}, nil, cash.Note{Face: 1000000000, Currency: "CNY"}, false},
		{[]byte{1, 'C', 'H', 'N', 8}, nil, cash.Note{}, true},
		{[]byte{200, 'C', 'H', 'N', 0x84}, nil, cash.Note{Face: 2, Currency: "CNY"}, false},
		{[]byte{200, 'C', 'H', 'N', 0x85}, nil, cash.Note{}, true},
		{[]byte{1, 'J', 'P', 'N', 3}, nil, cash.Note{Face: 1000, Currency: "JPY"}, false},
		{[]byte{5, 'R', 'U', 'S', 1}, nil, cash.Note{Face: 5000, Currency: "RUB"}, false},
		{[]byte{0, 'C', 'H', 'N', 2}, nil, cash.Note{}, false},
		{[]byte{1, 'X', 'X', 'X', 2}, nil, cash.Note{}, false},
		{[]byte{1, 'X', 'X', 'X', 2}, map[string]string{"XXX": "CNY"}, cash.Note{Face: 10000, Currency: "CNY"}, false},
		{[]byte{1, 'X', 'X', 'X', 2}, map[string]string{"XXX": "JPY"}, cash.Note{Face: 100, Currency: "JPY"}, false},
		{[]byte{1, 'X', 'X', 'X', 2}, map[string]string{"XXX": "ZAR"}, cash.Note{Face: 10000, Currency: "ZAR"}, false},
	} {
		got, err := parseTable(row(tt.row...), tt.more)
		if (err != nil) != tt.bad || tt.bad && !fault.Is(err, fault.Garbled) || !tt.bad && got[0] != tt.want || got[1] != (cash.Note{}) {
			t.Errorf("% x: got %v, %v, want %v, garbled %v", tt.row, got[0], err, tt.want, tt.bad)
		}
	}
	for country, code := range map[string]string{"CHN": "CNY", "CNY": "CNY", "HKG": "HKD", "HKD": "HKD", "MAC": "MOP", "MOP": "MOP", "TWN": "TWD", "TWD": "TWD", "JPN": "JPY", "JPY": "JPY", "KOR": "KRW", "KRW": "KRW",
		"RUS": "RUB", "RUB": "RUB", "USA": "USD", "USD": "USD", "EUR": "EUR", "GBR": "GBP", "GBP": "GBP", "SGP": "SGD", "SGD": "SGD", "VNM": "VND", "VND": "VND", "KAZ": "KZT", "KZT": "KZT", "MNG": "MNT", "MNT": "MNT"} {
		face := int64(1000)
		if code == "JPY" || code == "KRW" || code == "VND" {
			face = 10
		}
		got, err := parseTable(row(10, country[0], country[1], country[2], 0), nil)
		if want := (cash.Note{Face: face, Currency: code}); err != nil || got[0] != want {
			t.Errorf("ten of %s: got %v, %v, want %v", country, got[0], err, want)
		}
	}
}

func TestIdentity(t *testing.T) {
	for _, tt := range []struct{ id, part, serial string }{
		{"SM-CN1353      21KC04006021\x01\x02\x03\x04\x05\x06\x07", "SM-CN1353", "21KC04006021"},
		{"SM\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" + "000000000000" + "\x01\x02\x03\x04\x05\x06\x07", "SM", "asset 01020304050607"},
		{"               " + "            " + "\x00\x00\x00\x00\x00\x00\x09", "", "asset 00000000000009"},
		{"abcdefghijklmno" + "ABCDEFGHIJKL" + "1234567", "abcdefghijklmno", "ABCDEFGHIJKL"},
	} {
		if part, serial := identity([]byte(tt.id)); part != tt.part || serial != tt.serial {
			t.Errorf("%q: got %q, %q, want %q, %q", tt.id, part, serial, tt.part, tt.serial)
		}
	}
}

// When the next command about a note is due.
func TestDue(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		name string
		p    pending
		want bool
	}{
		{"undecided, just held", pending{Held: acceptor.Held{Sent: now}}, false},
		{"undecided, held 4.9 s ago", pending{Held: acceptor.Held{Sent: now.Add(-holdEvery + 100*time.Millisecond)}}, false},
		{"undecided, held 5 s ago", pending{Held: acceptor.Held{Sent: now.Add(-holdEvery)}}, true},
		{"undecided, found", pending{}, true},
		{"decided, not yet told", pending{Held: acceptor.Held{Decision: acceptor.Stack}}, true},
		{"decided, told just now", pending{Held: acceptor.Held{Decision: acceptor.Stack, Sent: now}}, false},
		{"decided, not heard for a second", pending{Held: acceptor.Held{Decision: acceptor.Back, Sent: now.Add(-time.Second)}}, true},
		{"decided, heard a second ago", pending{Held: acceptor.Held{Decision: acceptor.Back, Acked: true, Sent: now.Add(-time.Second)}}, false},
		{"decided, heard 3 s ago", pending{Held: acceptor.Held{Decision: acceptor.Back, Acked: true, Sent: now.Add(-3 * time.Second)}}, true},
	} {
		if got := tt.p.Due(now, pace); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// A command that was called illegal is refused when the note is still there, and not when it has left.
func TestIllegal(t *testing.T) {
	for s, refused := range map[string]bool{"80 02": true, "1A": true, "41": true, "42": true, "47 50": true, "17": false, "18": false, "14": false, "44": false} {
		a := known3()
		told(a, "80 02")
		h := a.held
		h.Decision, h.Illegal = acceptor.Stack, true
		told(a, s)
		if got := h.Refused != nil; got != refused || refused && (!fault.Is(h.Refused, fault.Refused) || h.Decision != acceptor.Undecided || h.Illegal) {
			t.Errorf("illegal, then %s: got %+v, want refused %v", s, h, refused)
		}
	}
}

func TestMask(t *testing.T) {
	a := known3()
	a.types[23] = cash.Note{Face: 10000, Currency: "CNY"}
	for _, tt := range []struct {
		faces []cash.Note
		want  string
	}{
		{nil, "00 00 00"}, {[]cash.Note{{Face: 100, Currency: "CNY"}}, "00 00 01"}, {[]cash.Note{{Face: 1000, Currency: "CNY"}, {Face: 500, Currency: "CNY"}}, "00 00 06"},
		{[]cash.Note{{Face: 10000, Currency: "CNY"}}, "80 00 00"}, {[]cash.Note{{Face: 100, Currency: "HKD"}, {Face: 7, Currency: "CNY"}, {}}, "00 00 00"},
	} {
		if got := fmt.Sprintf("% x", three(acceptor.Mask(a.types[:], tt.faces))); got != tt.want {
			t.Errorf("%v: got %s, want %s", tt.faces, got, tt.want)
		}
	}
}

// Every command has a name, for the fault that says during which it befell.
func TestCommandNames(t *testing.T) {
	for _, c := range []command{cmdReset, cmdStatus, cmdPoll, cmdEnable, cmdStack, cmdReturn, cmdIdentify, cmdHold, cmdTable, cmdCRC32} {
		if commandNames[c] == "" {
			t.Errorf("command %02X has no name", byte(c))
		}
	}
}

// Which answers can be one to a command: another is a late one.
func TestFits(t *testing.T) {
	for _, tt := range []struct {
		c       command
		payload []byte
		want    bool
	}{
		{cmdPoll, []byte{0x14}, true}, {cmdPoll, []byte{0x80, 3}, true}, {cmdPoll, []byte{0x47, 1, 2}, true}, {cmdPoll, make([]byte, 4), false}, {cmdPoll, []byte{0}, false}, {cmdPoll, []byte{0x14, 0, 0, 0}, false},
		{cmdStack, []byte{0}, true}, {cmdStack, []byte{0x14}, false}, {cmdStack, []byte{0, 0}, false}, {cmdReset, []byte{0}, true}, {cmdEnable, []byte{0}, true},
		{cmdIdentify, make([]byte, 34), true}, {cmdIdentify, make([]byte, 33), false}, {cmdTable, make([]byte, 120), true}, {cmdTable, []byte{0}, false}, {cmdStatus, make([]byte, 6), true}, {cmdCRC32, make([]byte, 4), true},
	} {
		if got := fits(tt.c, tt.payload); got != tt.want {
			t.Errorf("% x to %s: got %v, want %v", tt.payload, commandNames[tt.c], got, tt.want)
		}
	}
}

// Whatever a validator says, in whatever order: it is no crash, the queue is bounded, and no more notes are money
// than it has called stacked.
func FuzzStates(f *testing.F) {
	f.Add([]byte{0x14, 0, 0x80, 2, 0x17, 0, 0x81, 2, 0x14, 0})
	f.Add([]byte{0x81, 2, 0x81, 2, 0x81, 1, 0x82, 1})
	f.Add([]byte{0x42, 0, 0x47, 0x50, 0x1C, 0x60, 0x45, 0, 0x1A, 0, 0x77, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		a := known3()
		stacked, was := 0, -1
		money := 0
		for i := 0; i+1 < len(b); i += 2 {
			a.hear(status{state: state(b[i]), data: b[i+1 : i+2]})
			now := int(b[i])<<8 | int(b[i+1])
			if state(b[i]) == stStacked && now != was {
				stacked++
			}
			was = now
			for _, n := range fetched(a) {
				if n.What == cash.Stacked {
					money++
				}
			}
		}
		if money > stacked {
			t.Errorf("% x: %d notes are money, the validator told %d", b, money, stacked)
		}
	})
}

// A note may be in escrow behind these states, and be sent from there; behind no other.
func TestHolds(t *testing.T) {
	may := []state{stEscrow, stHolding, stFull, stBoxOut, stFailure}
	for s := range 256 {
		if got, want := holds(state(s)), slices.Contains(may, state(s)); got != want {
			t.Errorf("state %02X: got %v, want %v", s, got, want)
		}
	}
	if f := (&line{}).fault(fault.Silent, cmdPoll, "no answer", nil); f.Error() != commandNames[cmdPoll]+" ccnet: silent: no answer" {
		t.Errorf("got %v", f)
	}
}
