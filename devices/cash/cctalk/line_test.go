package cctalk

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
)

// said is what a device puts on the line: some bytes after a while.
type said struct {
	after time.Duration
	bytes []byte
}

// slowly is an answer sent byte by byte.
func slowly(first, gap time.Duration, bytes ...byte) (out []said) {
	for i, b := range bytes {
		wait := gap
		if i == 0 {
			wait = first
		}
		out = append(out, said{wait, []byte{b}})
	}
	return out
}

// hears lets a device say something to each request in turn, its last word for ever, and gives our end of the line.
func hears(t *testing.T, words ...[]said) *line {
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
	return &line{port: host, address: 40, sum: Simple, log: slog.New(slog.DiscardHandler)}
}

// packet is an answer of the validator.
func packet(data ...byte) []byte {
	return encode(frame{dest: hostHome, src: 40, header: replyNormal, data: data}, Simple)
}

// How long an answer may take to begin, to go on and to end.
func TestAnswersThatTakeTheirTime(t *testing.T) {
	events := packet(make([]byte, eventsBytes)...)
	endless := append([]byte{hostHome, 250, 40, 0}, make([]byte, 200)...)
	tests := []struct {
		name string
		word []said
		kind fault.Kind
		took time.Duration
	}{
		{"begins late and comes byte by byte", slowly(190*time.Millisecond, 20*time.Millisecond, events...), "", 490 * time.Millisecond},
		{"pauses in the middle", slowly(time.Millisecond, 50*time.Millisecond, packet(1, 2, 3)...), "", 351 * time.Millisecond},
		{"begins too late", slowly(210*time.Millisecond, 0, events...), fault.Silent, 200 * time.Millisecond},
		{"stops in the middle", slowly(10*time.Millisecond, 0, events[:9]...), fault.Garbled, 70 * time.Millisecond},
		{"goes on after a pause that is too long", slowly(time.Millisecond, 70*time.Millisecond, events...), fault.Garbled, 61 * time.Millisecond},
		{"never ends", slowly(time.Millisecond, 20*time.Millisecond, endless...), fault.Garbled, 600 * time.Millisecond},
		{"no answer", nil, fault.Silent, 200 * time.Millisecond},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			l := hears(t, tt.word)
			began := time.Now()
			_, err := l.ask(hdrEvents, nil, anySize)
			if got, want := time.Since(began)-flushLimit, tt.took; fault.KindOf(err) != tt.kind || tt.kind == "" && err != nil || got != want {
				t.Errorf("%s: got %v after %v, want %q after %v", tt.name, err, got, tt.kind, want)
			}
		})
	}
}

// An answer that went missing may still come: it is waited for, and is not taken for that to the next question.
func TestLateAnswerIsNobodys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := hears(t, []said{{300 * time.Millisecond, packet(1)}}, []said{{0, packet(2)}})
		if _, err := l.ask(hdrReadMaster, nil, 1); !fault.Is(err, fault.Silent) {
			t.Fatalf("got %v, want %s", err, fault.Silent)
		}
		began := time.Now()
		if got, err := l.ask(hdrReadMaster, nil, 1); err != nil || got[0] != 2 {
			t.Errorf("the second question: got % x, %v, want 02", got, err)
		}
		if got, want := time.Since(began), 100*time.Millisecond+quietLimit; got != want {
			t.Errorf("it took %v, want %v: until the late answer is over and the line is quiet", got, want)
		}
		began = time.Now()
		if got, err := l.ask(hdrReadMaster, nil, 1); err != nil || time.Since(began) != flushLimit {
			t.Errorf("the third question: got % x, %v after %v, want an answer after %v", got, err, time.Since(began), flushLimit)
		}
	})
}

// A line that is never quiet is spoken over after a while, or it would hold up everything.
func TestLineThatIsNeverQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		babble := slowly(100*time.Millisecond, 100*time.Millisecond, make([]byte, 20)...)
		l := hears(t, babble, []said{{0, packet(2)}})
		l.ask(hdrReadMaster, nil, 1)
		began := time.Now()
		l.ask(hdrReadMaster, nil, 1)
		if got := time.Since(began); got < quietMax || got > quietMax+time.Second {
			t.Errorf("asked again after %v, want about %v", got, quietMax)
		}
		if got, err := l.ask(hdrReadMaster, nil, 1); err != nil || got[0] != 2 {
			t.Errorf("when it is quiet: got % x, %v, want 02", got, err)
		}
	})
}

// Where the events do not say whether a note is in escrow, the escrow itself is asked, once.
func TestGrope(t *testing.T) {
	nak := encode(frame{dest: hostHome, src: 40, header: replyNak}, Simple)
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
			if fault.KindOf(err) != tt.kind || (a.held != nil) != tt.held || (len(a.queue) > 0) != tt.told {
				t.Errorf("%s: got %v, held %+v, told %v, want held %v, told %v", tt.name, err, a.held, a.queue, tt.held, tt.told)
			}
			if tt.held && (a.held.decision != undecided || a.held.sent.IsZero()) {
				t.Errorf("%s: held as %+v", tt.name, a.held)
			}
			if want := tt.asked || tt.questions > 0 && tt.kind == ""; a.asked != want || a.orphan && want && !tt.asked {
				t.Errorf("%s: asked %v, orphan %v", tt.name, a.asked, a.orphan)
			}
			if l.unquiet != (tt.kind != "") {
				t.Errorf("%s: an answer is waited for: %v", tt.name, l.unquiet)
			}
		})
	}
}

// The command about a note: what its answer makes of the note.
func TestAct(t *testing.T) {
	nak := encode(frame{dest: hostHome, src: 40, header: replyNak}, Simple)
	busy := encode(frame{dest: hostHome, src: 40, header: replyBusy}, Simple)
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
		{name: "heard", p: pending{decision: stack, routes: 2, gone: time.Unix(1, 0)}, answer: packet(), acked: true},
		{name: "held", p: pending{decision: undecided}, answer: packet()},
		{name: "it says no", p: pending{decision: stack}, answer: nak, refused: fault.Refused},
		{name: "it will not hold", p: pending{decision: undecided}, answer: nak},
		{name: "it cannot", p: pending{decision: back}, answer: packet(255), refused: fault.Refused},
		{name: "it is empty", p: pending{decision: back}, answer: packet(254), refused: fault.Empty, gone: true},
		{name: "it is empty, and may have heard us", p: pending{decision: back, unheard: true}, answer: packet(254), acked: true, unheard: true, gone: true},
		{name: "a late answer", p: pending{decision: stack}, answer: packet(1, 2, 3), routes: 1, unheard: true},
		{name: "busy", p: pending{decision: stack}, answer: busy, routes: 1, unheard: true, kind: fault.Busy},
		{name: "no answer", p: pending{decision: stack, routes: 1}, routes: 2, unheard: true, kind: fault.Silent},
	} {
		synctest.Test(t, func(t *testing.T) {
			word := []said{{0, tt.answer}}
			if tt.answer == nil {
				word = nil
			}
			a, p := New(nil, Options{}), tt.p
			a.held = &p
			err := a.act(hears(t, word))
			if fault.KindOf(err) != tt.kind || p.acked != tt.acked || fault.KindOf(p.refused) != tt.refused || p.routes != tt.routes || p.unheard != tt.unheard || p.gone.IsZero() == tt.gone {
				t.Errorf("%s: got %v, %+v, want %+v", tt.name, err, p, tt)
			}
			if p.sent.IsZero() || tt.refused != "" && p.decision != undecided || tt.refused == "" && p.decision != tt.p.decision {
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
		{"one was not, and it cannot say", true, [][]said{{{0, encode(frame{dest: hostHome, src: 40, header: replyNak}, Simple)}}, {{0, same}}, {{0, packet()}}}, false, "", false},
		{"it is busy with the poll", false, [][]said{{{0, encode(frame{dest: hostHome, src: 40, header: replyBusy}, Simple)}}}, false, "", true},
		{"no answer to the poll", false, [][]said{nil}, false, fault.Silent, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, l := New(nil, Options{}), hears(t, tt.words...)
			told(a)
			a.mark.Counter, a.dirty, a.online = 3, false, true
			now := time.Now()
			c := &chores{verified: now, checked: now, missed: tt.missed}
			err := a.turn(l, c)
			lost := len(a.queue) > 0 && a.queue[0].What == cash.Lost && a.queue[0].Mark.Counter == 0
			if fault.KindOf(err) != tt.kind || tt.kind == "" && err != nil || lost != tt.lost || c.missed != tt.still {
				t.Errorf("%s: got %v, told %+v, missed %v; want lost %v, %q", tt.name, err, a.queue, c.missed, tt.lost, tt.kind)
			}
			if n := len(a.queue); tt.lost && (n < 2 || a.queue[n-1].What != cash.Ready || a.dirty) {
				t.Errorf("%s: it was not made ready again: %+v", tt.name, a.queue)
			}
		})
	}
}
