package cctalk

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/cash/ccbus"
	"yichuang/devices/fault"
	"yichuang/devices/wire"
)

// said is what a device puts on the line: some bytes after a while.
type said struct {
	after time.Duration
	bytes []byte
}

// hears lets a device say something to each request in turn, its last word for ever, and gives our end of the line.
func hears(t *testing.T, words ...[]said) *ccbus.Line {
	host, device := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	asked, ended := make(chan bool, 100), make(chan struct{})
	go func() {
		defer close(asked)
		for request := make([]byte, 300); ; asked <- true {
			if _, err := device.Read(request); err != nil {
				return
			}
		}
	}()
	go func() {
		defer close(ended)
		defer device.Close()
		for range asked {
			for _, s := range words[0] {
				select {
				case <-time.After(s.after):
				case <-ctx.Done():
					return
				}
				if _, err := device.Write(s.bytes); err != nil {
					return
				}
			}
			if len(words) > 1 {
				words = words[1:]
			}
		}
	}()
	t.Cleanup(func() { cancel(); host.Close(); <-ended })
	l, err := ccbus.New(func() (wire.Port, error) { return host, nil }, nil).Join(40, "cctalk")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// packet is an answer of the validator.
func packet(data ...byte) []byte {
	return replying(0, data...)
}

// replying is an answer of the validator with any header.
func replying(header byte, data ...byte) []byte {
	out := append([]byte{1, byte(len(data)), 40, header}, data...)
	sum := byte(0)
	for _, b := range out {
		sum += b
	}
	return append(out, -sum)
}

// Where the events do not say whether a note is in escrow, the escrow itself is asked, once.
func TestGrope(t *testing.T) {
	nak := replying(5)
	for _, tt := range []struct {
		name                 string
		blind, asked, orphan bool
		answer               []byte
		held, told           bool
		kind                 fault.Kind
		questions            int
	}{
		{name: "the events say it", answer: packet()},
		{name: "asked before", blind: true, asked: true, answer: packet()},
		{name: "it is there, and was told", blind: true, answer: packet(), held: true, questions: 1},
		{name: "it is there, and was not told", blind: true, orphan: true, answer: packet(), held: true, told: true, questions: 1},
		{name: "it says no", blind: true, orphan: true, answer: nak, questions: 1},
		{name: "it is empty", blind: true, orphan: true, answer: packet(254), questions: 1},
		{name: "no answer", blind: true, orphan: true, kind: fault.Silent, questions: 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := hears(t, []said{{0, tt.answer}})
			if tt.answer == nil {
				l = hears(t, nil)
			}
			a := New(nil, Options{})
			a.blind, a.asked, a.orphan = tt.blind, tt.asked, tt.orphan
			err := a.grope(l)
			if fault.KindOf(err) != tt.kind || (a.held != nil) != tt.held || (len(a.d.Waiting()) > 0) != tt.told {
				t.Errorf("%s: got %v, held %+v, told %v, want held %v, told %v", tt.name, err, a.held, a.d.Waiting(), tt.held, tt.told)
			}
			if tt.held && (a.held.Decision != acceptor.Undecided || a.held.Sent.IsZero()) {
				t.Errorf("%s: held as %+v", tt.name, a.held)
			}
			if want := tt.asked || tt.questions > 0 && tt.kind == ""; a.asked != want || a.orphan && want && !tt.asked {
				t.Errorf("%s: asked %v, orphan %v", tt.name, a.asked, a.orphan)
			}
		})
	}
}

// The command about a note: what its answer makes of the note.
func TestAct(t *testing.T) {
	nak := replying(5)
	busy := replying(6)
	for _, tt := range []struct {
		name    string
		p       pending
		answer  []byte
		acked   bool
		refused fault.Kind
		routes  int
		unheard bool
		gone    bool
		kind    fault.Kind
	}{
		{name: "heard", p: pending{Held: acceptor.Held{Decision: acceptor.Stack, Routes: 2}, gone: time.Unix(1, 0)}, answer: packet(), acked: true},
		{name: "held", p: pending{}, answer: packet()},
		{name: "it says no", p: pending{Held: acceptor.Held{Decision: acceptor.Stack}}, answer: nak, refused: fault.Refused},
		{name: "it will not hold", p: pending{}, answer: nak},
		{name: "it cannot", p: pending{Held: acceptor.Held{Decision: acceptor.Back}}, answer: packet(255), refused: fault.Refused},
		{name: "it is empty", p: pending{Held: acceptor.Held{Decision: acceptor.Back}}, answer: packet(254), refused: fault.Empty, gone: true},
		{name: "it is empty, and may have heard us", p: pending{Held: acceptor.Held{Decision: acceptor.Back}, unheard: true}, answer: packet(254), acked: true, unheard: true, gone: true},
		{name: "a late answer", p: pending{Held: acceptor.Held{Decision: acceptor.Stack}}, answer: packet(1, 2, 3), routes: 1, unheard: true},
		{name: "busy", p: pending{Held: acceptor.Held{Decision: acceptor.Stack}}, answer: busy, routes: 1, unheard: true, kind: fault.Busy},
		{name: "no answer", p: pending{Held: acceptor.Held{Decision: acceptor.Stack, Routes: 1}}, routes: 2, unheard: true, kind: fault.Silent},
	} {
		synctest.Test(t, func(t *testing.T) {
			word := []said{{0, tt.answer}}
			if tt.answer == nil {
				word = nil
			}
			a, p := New(nil, Options{}), tt.p
			a.held = &p
			err := a.act(hears(t, word))
			if fault.KindOf(err) != tt.kind || p.Acked != tt.acked || fault.KindOf(p.Refused) != tt.refused || p.Routes != tt.routes || p.unheard != tt.unheard || p.gone.IsZero() == tt.gone {
				t.Errorf("%s: got %v, %+v, want %+v", tt.name, err, p, tt)
			}
			if p.Sent.IsZero() || tt.refused != "" && p.Decision != acceptor.Undecided || tt.refused == "" && p.Decision != tt.p.Decision {
				t.Errorf("%s: got %+v", tt.name, p)
			}
		})
	}
}

// After a poll without an answer the device may have restarted, and stand where it stood all the same: its inhibits tell.
func TestRestartBetweenPolls(t *testing.T) {
	same := packet(3, 0, 2, 0, 2, 0, 2, 0, 0, 0, 0)
	for _, tt := range []struct {
		name   string
		missed bool
		words  [][]said
		lost   bool
		kind   fault.Kind
		still  bool // the next turn must ask for the inhibits too
	}{
		{"all polls were answered", false, [][]said{{{0, same}}, {{0, packet()}}}, false, "", false},
		{"one was not, and it has forgotten", true, [][]said{{{0, packet(0, 0)}}, {{0, same}}, {{0, packet()}}}, true, "", false},
		{"one was not, and the first byte is left", true, [][]said{{{0, packet(1, 0)}}, {{0, same}}, {{0, packet()}}}, false, "", false},
		{"one was not, and the second byte is left", true, [][]said{{{0, packet(0, 1)}}, {{0, same}}, {{0, packet()}}}, false, "", false},
		{"one was not, and it cannot say", true, [][]said{{{0, replying(5)}}, {{0, same}}, {{0, packet()}}}, false, "", false},
		{"it is busy with the poll", false, [][]said{{{0, replying(6)}}}, false, "", true},
		{"no answer to the poll", false, [][]said{nil}, false, fault.Silent, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, l := New(nil, Options{}), hears(t, tt.words...)
			told(a)
			a.d.Mark.Counter, a.d.Dirty, a.d.Online = 3, false, true
			now := time.Now()
			c := &chores{verified: now, checked: now, missed: tt.missed}
			err := a.turn(l, c)
			lost := len(a.d.Waiting()) > 0 && a.d.Waiting()[0].What == cash.Lost && a.d.Waiting()[0].Mark.Counter == 0
			if fault.KindOf(err) != tt.kind || tt.kind == "" && err != nil || lost != tt.lost || c.missed != tt.still {
				t.Errorf("%s: got %v, told %+v, missed %v; want lost %v, %q", tt.name, err, a.d.Waiting(), c.missed, tt.lost, tt.kind)
			}
			if n := len(a.d.Waiting()); tt.lost && (n < 2 || a.d.Waiting()[n-1].What != cash.Ready || a.d.Dirty) {
				t.Errorf("%s: it was not made ready again: %+v", tt.name, a.d.Waiting())
			}
		})
	}
}
