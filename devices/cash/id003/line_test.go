package id003

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/fault"
	"yichuang/devices/wire"
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
	return &line{Talk: wire.NewTalk(host, quietLimit, quietMax), log: slog.New(slog.DiscardHandler)}
}

func answer(code byte, data ...byte) []said {
	return []said{{0, encode(message{code: code, data: data})}}
}

// How long an answer may take to begin, to go on and to end.
func TestAnswersThatTakeTheirTime(t *testing.T) {
	table := encode(message{code: cmdCurrency, data: make([]byte, 40)})
	endless := append([]byte{start, 255, cmdCurrency}, make([]byte, 100)...)
	ms := time.Millisecond
	for _, tt := range []struct {
		name string
		word []said
		kind fault.Kind
		took time.Duration
	}{
		{"begins late and comes byte by byte", slowly(290*ms, 10*ms, table...), "", 730 * ms},
		{"pauses in the middle", slowly(ms, 50*ms, table[:8]...), fault.Garbled, 411 * ms},
		{"begins too late", slowly(310*ms, 0, table...), fault.Silent, 300 * ms},
		{"stops in the middle", slowly(10*ms, 0, table[:9]...), fault.Garbled, 70 * ms},
		{"goes on after a pause that is too long", slowly(ms, 70*ms, table...), fault.Garbled, 61 * ms},
		{"never ends", slowly(ms, 20*ms, endless...), fault.Garbled, 750 * ms},
		{"is noise", slowly(ms, 0, 0, 1, 2), fault.Garbled, ms},
		{"no answer", nil, fault.Silent, 300 * ms},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := hears(t, tt.word)
			began := time.Now()
			_, err := l.ask(cmdCurrency, nil, func(m message) bool { return m.code == cmdCurrency })
			if got := time.Since(began) - wire.Brief; fault.KindOf(err) != tt.kind || tt.kind == "" && err != nil || got != tt.took {
				t.Errorf("%s: got %v after %v, want %q after %v", tt.name, err, got, tt.kind, tt.took)
			}
			if l.Late() != (tt.kind != "") {
				t.Errorf("%s: an answer is waited for: %v", tt.name, l.Late())
			}
		})
	}
}

// An answer that went missing may still come: it is waited for, and is not taken for that to the next question.
func TestLateAnswerIsNobodys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := []said{{400 * time.Millisecond, encode(message{code: byte(stInhibited)})}}
		l := hears(t, late, answer(byte(stEscrow), 0x61))
		if _, err := l.status(); !fault.Is(err, fault.Silent) {
			t.Fatalf("got %v, want %s", err, fault.Silent)
		}
		began := time.Now()
		if got, err := l.status(); err != nil || got.state != stEscrow {
			t.Errorf("the second question: got %+v, %v, want escrow", got, err)
		}
		if got, want := time.Since(began), 100*time.Millisecond+quietLimit; got != want {
			t.Errorf("it took %v, want %v: until the late answer is over and the line is quiet", got, want)
		}
		began = time.Now()
		if got, err := l.status(); err != nil || time.Since(began) != wire.Brief {
			t.Errorf("the third question: got %+v, %v after %v, want an answer after %v", got, err, time.Since(began), wire.Brief)
		}
	})
}

// A line that is never quiet is spoken over after a while, or it would hold up everything.
func TestLineThatIsNeverQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		babble := slowly(100*time.Millisecond, 100*time.Millisecond, make([]byte, 24)...)
		l := hears(t, babble, answer(byte(stInhibited)))
		l.status()
		began := time.Now()
		l.status()
		if got := time.Since(began); got < quietMax || got > quietMax+time.Second {
			t.Errorf("asked again after %v, want about %v", got, quietMax)
		}
		if got, err := l.status(); err != nil || got.state != stInhibited {
			t.Errorf("when it is quiet: got %+v, %v, want inhibited", got, err)
		}
	})
}

// Which answers are taken for that to a question, which are passed over and which are a no.
func TestWhatAnswers(t *testing.T) {
	status := func(l *line) error { _, err := l.status(); return err }
	stacks := func(l *line) error { return l.operate(cmdStack) }
	shuts := func(l *line) error { return l.set(setInhibit, 1) }
	reads := func(l *line) error { _, err := l.read(cmdVersion); return err }
	for _, tt := range []struct {
		name string
		ask  func(*line) error
		say  []said
		kind fault.Kind
	}{
		{"a state", status, answer(0x11), ""},
		{"a state that nobody has heard of", status, answer(0x1C), ""},
		{"invalid, as a state", status, answer(0x4B), ""},
		{"escrow without a denomination", status, answer(0x13), fault.Garbled},
		{"an acknowledgement for a state", status, answer(0x50), fault.Silent},
		{"an enquiry for a state", status, answer(0x05), fault.Silent},
		{"a setting for a state", status, answer(0xC3, 1), fault.Silent},
		{"a text for a state", status, answer(0x88, 1), fault.Silent},
		{"late ones before a state", status, append(append(answer(0x50), answer(0xC3, 1)...), answer(0x11)...), ""},
		{"an acknowledgement", stacks, answer(0x50), ""},
		{"an acknowledgement with data", stacks, answer(0x50, 1), fault.Silent},
		{"a state for an acknowledgement", stacks, answer(0x14), fault.Silent},
		{"no", stacks, answer(0x4B), fault.Refused},
		{"an echo", shuts, answer(0xC3, 1), ""},
		{"another echo", shuts, answer(0xC3, 0), fault.Silent},
		{"an echo of another setting", shuts, answer(0xC4, 1), fault.Silent},
		{"no setting now", shuts, answer(0x4B), fault.Refused},
		{"a text", reads, answer(0x88, 'x'), ""},
		{"no text", reads, answer(0x88), fault.Silent},
		{"another text", reads, answer(0x89, 'x'), fault.Silent},
		{"no reading now", reads, answer(0x4B), fault.Refused},
	} {
		synctest.Test(t, func(t *testing.T) {
			if err := tt.ask(hears(t, tt.say)); fault.KindOf(err) != tt.kind || tt.kind == "" && err != nil {
				t.Errorf("%s: got %v, want %q", tt.name, err, tt.kind)
			}
		})
	}
}

// A question that changes nothing is asked three times; a no is taken at once.
func TestReadAgain(t *testing.T) {
	for _, tt := range []struct {
		words [][]said
		kind  fault.Kind
	}{
		{[][]said{nil, nil, answer(0x88, 'x')}, ""},
		{[][]said{nil, nil, nil, answer(0x88, 'x')}, fault.Silent},
		{[][]said{nil, answer(0x4B), answer(0x88, 'x')}, fault.Refused},
	} {
		synctest.Test(t, func(t *testing.T) {
			if _, err := hears(t, tt.words...).read(cmdVersion); fault.KindOf(err) != tt.kind || tt.kind == "" && err != nil {
				t.Errorf("got %v, want %q", err, tt.kind)
			}
		})
	}
}

func TestTables(t *testing.T) {
	countries := map[byte]string{0x2D: "CNY", 0x0A: "JPY"}
	for _, tt := range []struct {
		name string
		data string
		want []cash.Note
		kind fault.Kind
	}{
		{"two countries and one of neither", "612D0100 620A0103 63010100", []cash.Note{{Face: 100, Currency: "CNY"}, {Face: 1000, Currency: "JPY"}, {}}, ""},
		{"unused rows", "61000000 622D0000 632D0501", []cash.Note{{}, {}, {Face: 5000, Currency: "CNY"}}, ""},
		{"the last code", "702D0109", []cash.Note{15: {Face: 100000000000, Currency: "CNY"}}, ""},
		{"no row", "", nil, fault.Invalid},
		{"half a row", "612D0100 62", nil, fault.Garbled},
		{"another country only", "61010100", nil, fault.Invalid},
		{"a code before the first", "602D0100", nil, fault.Garbled},
		{"a code after the last", "712D0100", nil, fault.Garbled},
		{"too many zeros", "612D010A", nil, fault.Garbled},
		{"one code twice", "612D0100 612D0200", nil, fault.Garbled},
	} {
		rows, err := parseTable(unhex(t, tt.data), countries)
		if fault.KindOf(err) != tt.kind || tt.kind == "" && err != nil {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.kind)
		}
		for i, want := range tt.want {
			if got := rows[i].note(countries); got != want {
				t.Errorf("%s: note %d is %v, want %v", tt.name, i, got, want)
			}
		}
	}
	for currency, want := range map[string]int64{"CNY": 500, "HKD": 500, "MOP": 500, "TWD": 500, "JPY": 5, "KRW": 5, "RUB": 500, "USD": 500, "EUR": 500, "GBP": 500,
		"SGD": 500, "VND": 5, "KZT": 500, "MNT": 500, "XYZ": 0, "": 0} {
		if got := (row{7, 5, 0}).note(map[byte]string{7: currency}).Face; got != want {
			t.Errorf("5 %s: got %d, want %d", currency, got, want)
		}
	}
	// Rows may come from a journal too.
	for _, r := range []row{{}, {0, 1, 1}, {0x2D, 0, 1}, {0x2D, 1, 10}, {0x01, 1, 1}} {
		if got := r.note(map[byte]string{0: "CNY", 0x2D: "CNY"}); got != (cash.Note{}) {
			t.Errorf("row %v is %v, want none", r, got)
		}
	}
}

func TestVersions(t *testing.T) {
	for _, tt := range []struct{ say, text, model, firmware string }{
		{"i(CHN)-100-SS ID003-05V280-42 01AUG17 964D", "i(CHN)-100-SS ID003-05V280-42 01AUG17 964D", "i(CHN)-100-SS", "ID003-05V280-42 01AUG17 964D"},
		{"  U(CHN)-07\x00\xff  V1 \r\n", "U(CHN)-07 V1", "U(CHN)-07", "V1"},
		{"UBA", "UBA", "UBA", "UBA"},
	} {
		if text, model, firmware := parseVersion([]byte(tt.say)); text != tt.text || model != tt.model || firmware != tt.firmware {
			t.Errorf("%q: got %q, %q, %q, want %q, %q, %q", tt.say, text, model, firmware, tt.text, tt.model, tt.firmware)
		}
	}
}

func TestDue(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, tt := range []struct {
		p    pending
		ago  time.Duration
		want bool
	}{
		{pending{}, 4999 * time.Millisecond, false},
		{pending{}, 5 * time.Second, true},
		{pending{Held: acceptor.Held{Decision: acceptor.Stack}}, 999 * time.Millisecond, false},
		{pending{Held: acceptor.Held{Decision: acceptor.Back}}, time.Second, true},
		{pending{Held: acceptor.Held{Decision: acceptor.Stack, Acked: true}}, 5999 * time.Millisecond, false},
		{pending{Held: acceptor.Held{Decision: acceptor.Stack, Acked: true}}, 6 * time.Second, true},
	} {
		p := tt.p
		p.Sent = now.Add(-tt.ago)
		if got := p.Due(now, pace); got != tt.want {
			t.Errorf("%+v after %v: got %v, want %v", tt.p, tt.ago, got, tt.want)
		}
	}
	if p := (pending{Held: acceptor.Held{Decision: acceptor.Stack}}); !p.Due(now, pace) {
		t.Error("a decision that was never given is not due")
	}
}

// What happened to the meaning of a state for the other layers.
func TestStates(t *testing.T) {
	for s := range state(0x50) {
		starts, holds, takes, moves := s >= 0x40 && s <= 0x42, s == 0x13 || s == 0x19, s == 0x1B || s == 0x11 || s == 0x1A, s >= 0x12 && s <= 0x19 || s == 0x1B
		if s.starts() != starts || s.holds() != holds || s.takes() != takes || s.moves() != moves {
			t.Errorf("state %02xh: starts %v holds %v takes %v moves %v", byte(s), s.starts(), s.holds(), s.takes(), s.moves())
		}
		f, known := status{state: s}.trouble()
		if want := s >= 0x11 && s <= 0x1B || s >= 0x40 && s <= 0x4B; known != want || !known && f.Kind != fault.Garbled {
			t.Errorf("state %02xh: known %v, fault %v", byte(s), known, f)
		}
	}
	for code, want := range map[byte]string{0xA2: "stack motor", 0xA5: "speed", 0xA6: "transport motor", 0xA7: "aligning", 0xA8: "box at the start", 0xAB: "not ready", 0xAC: "light",
		0xAD: "magnetic", 0xAF: "head", 0xB0: "boot", 0xB1: "external", 0xB2: "ROM", 0xB3: "writing", 0xA9: "reason a9h"} {
		f, _ := status{state: stFailure, detail: code}.trouble()
		kind := fault.Broken
		if code == 0xAB || code == 0xAF {
			kind = fault.Open
		}
		if f.Kind != kind || !strings.Contains(f.Detail, want) {
			t.Errorf("failure %02xh: got %v, want %s, %q", code, f, kind, want)
		}
	}
	for code, want := range map[byte]string{0x71: "straight", 0x72: "magnetic", 0x73: "another", 0x74: "data", 0x75: "transport", 0x76: "not recognised", 0x77: "light pattern",
		0x78: "light level", 0x79: "not taken now", 0x7B: "wrongly", 0x7C: "in the stacker", 0x7D: "length", 0x7E: "colour"} {
		if got := reason(rejections, code); !strings.Contains(got, want) {
			t.Errorf("rejection %02xh: got %q, want %q", code, got, want)
		}
	}
	if got, want := reason(rejections, 0x20), "reason 20h"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
