package escpos

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
	"yichuang/devices/wire"
)

// scripted is a printer that says what a test tells it to each of our writes.
type scripted struct {
	say func(n int, asked []byte) []byte // n counts from 0; nothing is silence

	mu    sync.Mutex
	asked [][]byte
	line  net.Conn
}

// fit answers as a printer to which nothing happens, with so many cuts.
func fit(cuts string) func(int, []byte) []byte {
	return func(_ int, asked []byte) []byte {
		switch {
		case bytes.HasPrefix(asked, []byte{0x10, 0x04}):
			return []byte{0x12}
		case bytes.Equal(asked, cmdMarker):
			return []byte{0}
		case bytes.Equal(asked, cmdCutCount):
			return []byte("_" + cuts + "\x00")
		case bytes.HasPrefix(asked, []byte{0x1D, 0x49}):
			return []byte("_" + map[byte]string{66: "Maker", 67: "Mo\x01del", 68: "S1"}[asked[2]] + "\x00")
		}
		return nil
	}
}

func (s *scripted) open() (wire.Port, error) {
	host, device := net.Pipe()
	s.mu.Lock()
	s.line = host
	s.mu.Unlock()
	go func() {
		defer device.Close()
		for b := make([]byte, 8192); ; {
			n, err := device.Read(b)
			if err != nil {
				return
			}
			s.mu.Lock()
			at := len(s.asked)
			s.asked = append(s.asked, bytes.Clone(b[:n]))
			s.mu.Unlock()
			if answer := s.say(at, b[:n]); len(answer) > 0 {
				go device.Write(answer) // ends with the line
			}
		}
	}()
	return host, nil
}

// since is what was asked after the first n.
func (s *scripted) since(n int) [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked[n:])
}

// talk gives a driver with an open line to a scripted printer, without Run.
func talk(t *testing.T, say func(int, []byte) []byte, then func(p *Printer, l *line, s *scripted)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{say: say}
		port, _ := s.open()
		defer port.Close()
		p := New(s.open, Profile{HasCuts: true, Maker: "Acme", Model: "R1"})
		l := &line{port: port}
		p.line = l
		then(p, l, s)
	})
}

// words are said in turn, the last for ever; an empty one is silence.
func words(list ...string) func(int, []byte) []byte {
	return func(n int, _ []byte) []byte { return []byte(list[min(n, len(list)-1)]) }
}

// One question about the state: what may come back, and what it costs.
func TestAskForAStatusByte(t *testing.T) {
	for _, tt := range []struct {
		name  string
		say   func(int, []byte) []byte
		want  byte
		kind  fault.Kind
		asked int
		took  time.Duration
	}{
		{"at once", words("\x16"), 0x16, "", 1, echoGap},
		{"twice the same", words("\x16\x16"), 0x16, "", 1, echoGap},
		{"two that differ", words("\x16\x12", "\x12"), 0x12, "", 2, quietAfter + echoGap},
		{"lost once", words("", "\x12"), 0x12, "", 2, answerLimit + quietAfter + echoGap},
		{"lost twice", words("", "", "\x12"), 0x12, "", 3, 2*(answerLimit+quietAfter) + echoGap},
		{"no answer", words(""), 0, fault.Silent, 3, 3 * (answerLimit + quietAfter)},
		{"no status byte", words("\xFF"), 0, fault.Garbled, 3, 3 * (answerLimit + quietAfter)},
		{"always two that differ", words("\x16\x12"), 0, fault.Garbled, 3, 3 * quietAfter},
	} {
		talk(t, tt.say, func(p *Printer, l *line, s *scripted) {
			l.garbage = []byte("old")
			began := time.Now()
			got, err := p.ask(l, "poll", 2)
			asked := s.since(0)
			if got != tt.want || fault.KindOf(err) != tt.kind || len(asked) != tt.asked || time.Since(began) != tt.took {
				t.Errorf("%s: got %#x, %v, asked %d times in %v; want %#x, %q, %d in %v", tt.name, got, err, len(asked), time.Since(began), tt.want, tt.kind, tt.asked, tt.took)
			}
			if !bytes.Equal(asked[0], []byte{0x10, 0x04, 2}) {
				t.Errorf("%s: asked % x", tt.name, asked[0])
			}
			var f *fault.Error
			if errors.As(err, &f) && (f.Device != "receipt" || f.Op != "poll" || f.Detail == "" || strings.Contains(string(f.Raw), "old") || (len(f.Raw) > 0) != (f.Kind == fault.Garbled)) {
				t.Errorf("%s: fault %+v", tt.name, f)
			}
			if want := tt.asked; tt.kind == "" {
				if want--; l.missed != want {
					t.Errorf("%s: %d missed, want %d", tt.name, l.missed, want)
				}
			}
		})
	}
}

// A change of the state is believed when it is said twice, and a reading that breaks off is none.
func TestStateIsSaidTwice(t *testing.T) {
	ready, open := "\x12", "\x1A\x16\x12\x12"
	each := func(readings ...string) func(int, []byte) []byte { // of each reading its four bytes; one byte stands for four
		return func(n int, _ []byte) []byte {
			r := readings[min(n/4, len(readings)-1)]
			if len(r) == 0 {
				return nil
			}
			return []byte{r[n%4%len(r)]}
		}
	}
	for _, tt := range []struct {
		name  string
		say   func(int, []byte) []byte
		kind  fault.Kind
		asked int
		open  bool
	}{
		{"ready", each(ready, ready), "", 8, false},
		{"opened between", each(ready, open, open), "", 12, true},
		{"never the same", func(n int, _ []byte) []byte { return []byte{[]byte{0x12, 0x16}[n/4%2]} }, fault.Garbled, 4 * (1 + agreeMax), false},
		{"breaks off", each(ready, ""), fault.Silent, 4 + triesMax, false},
		{"silent", each(""), fault.Silent, triesMax, false},
	} {
		talk(t, tt.say, func(p *Printer, l *line, s *scripted) {
			got, err := p.status(l, "poll")
			if fault.KindOf(err) != tt.kind || len(s.since(0)) != tt.asked || got.coverOpen != tt.open || p.asked != (tt.kind == "") {
				t.Errorf("%s: got %+v, %v after %d questions; want %q after %d", tt.name, got, err, len(s.since(0)), tt.kind, tt.asked)
			}
			if tt.kind != "" {
				return
			}
			n := len(s.since(0))
			if _, err := p.status(l, "poll"); err != nil || len(s.since(n)) != 4 {
				t.Errorf("%s: the same once more: %v after %d questions, want 4", tt.name, err, len(s.since(n)))
			}
			n = len(s.since(0))
			if err := p.glance(l, "print"); err != nil && !tt.open || len(s.since(n)) != 1 || !bytes.Equal(s.since(n)[0], cmdStatus(1)) {
				t.Errorf("%s: a glance asks % x, %v, want the first status alone", tt.name, s.since(n), err)
			}
		})
	}
}

// A glance that sees another byte asks for all, tells it, and says what is wrong.
func TestGlance(t *testing.T) {
	now := "\x12\x12\x12\x12"
	say := func(_ int, asked []byte) []byte {
		if now == "" {
			return nil
		}
		return []byte{now[asked[2]-1]}
	}
	talk(t, say, func(p *Printer, l *line, s *scripted) {
		if err := p.glance(l, "print"); err != nil || len(s.since(0)) != 9 {
			t.Errorf("the first: %v after %d questions, want 9", err, len(s.since(0)))
		}
		now = "\x16\x12\x12\x12" // the drawer
		if err := p.glance(l, "print"); err != nil {
			t.Errorf("harmless: %v", err)
		}
		now = "\x1A\x16\x12\x12"
		err := p.glance(l, "print")
		if st := p.State(); !fault.Is(err, fault.Open) || err.(*fault.Error).Op != "print" || !st.Online || !fault.Is(st.Fault, fault.Open) {
			t.Errorf("open: got %v, state %+v", err, st)
		}
		now = ""
		if err := p.glance(l, "print"); !fault.Is(err, fault.Silent) || p.State().Online {
			t.Errorf("silent: got %v, state %+v", err, p.State())
		}
	})
}

// What an opened printer is sent, and who it says it is.
func TestSettle(t *testing.T) {
	info := printer.RollInfo{Protocol: "escpos", Maker: "Acme", Model: "R1", WidthDots: 576, Columns: 48}
	said := info
	said.Maker, said.Model, said.Serial = "Maker", "Model", "S1"
	mute := func(n int, asked []byte) []byte {
		if bytes.HasPrefix(asked, []byte{0x1D, 0x49}) {
			return nil
		}
		return fit("1")(n, asked)
	}
	for name, tt := range map[string]struct {
		say  func(int, []byte) []byte
		want printer.RollInfo
	}{"says who it is": {fit("1"), said}, "does not say": {mute, info}} {
		talk(t, tt.say, func(p *Printer, l *line, s *scripted) {
			if p.Info() != info {
				t.Errorf("%s: before: %+v", name, p.Info())
			}
			if err := p.settle(l); err != nil || !p.settled() || p.Info() != tt.want {
				t.Errorf("%s: got %v, %+v, want %+v", name, err, p.Info(), tt.want)
			}
			want := [][]byte{make([]byte, fillBytes), cmdNoASB, cmdMarker, cmdMarker, cmdIdentity(66), cmdIdentity(67), cmdIdentity(68)}
			if got := s.since(0); !slices.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("%s: sent % x, want % x", name, got, want)
			}
			if l.owed != 0 {
				t.Errorf("%s: %d answers are owed", name, l.owed)
			}
		})
	}
	// A line that breaks at any of these steps is no settled one.
	for step := range 7 {
		talk(t, fit("1"), func(p *Printer, l *line, s *scripted) {
			s.say = func(n int, asked []byte) []byte {
				if n == step {
					s.line.Close()
					return nil
				}
				return fit("1")(n, asked)
			}
			if err := p.settle(l); !fault.Is(err, fault.Absent) || err.(*fault.Error).Op != "open" || p.settled() || p.current() != nil {
				t.Errorf("broken at step %d: got %v, settled %v", step, err, p.settled())
			}
		})
	}
}

// A printer that takes nothing is given up after the limit.
func TestNobodyTakesTheBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host, _ := net.Pipe()
		l := &line{port: host}
		began := time.Now()
		if err := l.send([]byte{1}, writeLimit); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != writeLimit {
			t.Errorf("got %v after %v, want %v after %v", err, time.Since(began), os.ErrDeadlineExceeded, writeLimit)
		}
		if err := l.send([]byte{1}, writeLimit); err == nil || isTimeout(err) {
			t.Errorf("over the closed line: got %v, want an error for good", err)
		}
	})
}

// What comes of the cut: only proof is proof.
func TestProofOfTheCut(t *testing.T) {
	count := func(answers ...string) func(int, []byte) []byte { // to each question for the count; "x" breaks the line
		asked := 0
		return func(n int, b []byte) []byte {
			if !bytes.Equal(b, cmdCutCount) {
				return fit("")(n, b)
			}
			a := answers[min(asked, len(answers)-1)]
			asked++
			if a == "" {
				return nil
			}
			return []byte("_" + a + "\x00")
		}
	}
	for _, tt := range []struct {
		name  string
		say   func(int, []byte) []byte
		kind  fault.Kind
		cuts  int // questions for the count
		plain bool
	}{
		{"one more", count("8"), "", 1, false},
		{"a late answer, then one more", count("7", "8"), "", 2, false},
		{"none more", count("7"), fault.Jammed, 2, false},
		{"two more", count("9"), fault.Doubtful, 1, false},
		{"fewer", count("6"), fault.Doubtful, 1, false},
		{"no number, then one more", count("x", "8"), "", 2, false},
		{"never a number", count("x"), fault.Doubtful, triesMax, false},
		{"never an answer", count(""), fault.Doubtful, triesMax, false},
		{"answers after it, without a count", fit(""), "", 0, true},
		{"no answer, without a count", func(n int, b []byte) []byte {
			if bytes.Equal(b, cmdMarker) {
				return nil
			}
			return fit("")(n, b)
		}, fault.Doubtful, 0, true},
		{"the cutter is stuck, without a count", func(n int, b []byte) []byte {
			if bytes.HasPrefix(b, []byte{0x10, 0x04}) {
				return []byte{"\x1A\x52\x1A\x12"[b[2]-1]}
			}
			return fit("")(n, b)
		}, fault.Jammed, 0, true},
		{"the paper is stuck, without a count", func(n int, b []byte) []byte {
			if bytes.HasPrefix(b, []byte{0x10, 0x04}) {
				return []byte{"\x1A\x52\x16\x12"[b[2]-1]}
			}
			return fit("")(n, b)
		}, fault.Jammed, 0, true},
		{"the cover is opened after it, without a count", func(n int, b []byte) []byte {
			if bytes.HasPrefix(b, []byte{0x10, 0x04}) {
				return []byte{"\x1A\x16\x12\x12"[b[2]-1]}
			}
			return fit("")(n, b)
		}, "", 0, true},
		{"silent after it, without a count", func(n int, b []byte) []byte {
			if bytes.HasPrefix(b, []byte{0x10, 0x04}) {
				return nil
			}
			return fit("")(n, b)
		}, fault.Doubtful, 0, true},
	} {
		talk(t, tt.say, func(p *Printer, l *line, s *scripted) {
			p.profile.HasCuts = !tt.plain
			err := p.cut(context.Background(), l, "print", 7)
			cuts := 0
			for _, b := range s.since(0) {
				if bytes.Equal(b, cmdCutCount) {
					cuts++
				}
			}
			if fault.KindOf(err) != tt.kind || cuts != tt.cuts || !bytes.Equal(s.since(0)[0], cmdCut) {
				t.Errorf("%s: got %v after %d counts, want %q after %d", tt.name, err, cuts, tt.kind, tt.cuts)
			}
			if f, is := err.(*fault.Error); is && f.Op != "print" {
				t.Errorf("%s: op %q, want print", tt.name, f.Op)
			}
		})
	}
	talk(t, fit("8"), func(p *Printer, l *line, s *scripted) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := p.cut(ctx, l, "print", 7); !fault.Is(err, fault.Busy) || len(s.since(0)) != 0 {
			t.Errorf("given up before it: got %v, sent % x", err, s.since(0))
		}
		l.port.Close()
		if err := p.cut(context.Background(), l, "print", 7); !fault.Is(err, fault.Doubtful) {
			t.Errorf("the line breaks under it: got %v, want %s", err, fault.Doubtful)
		}
	})
}

// Answers to markers that were given up are taken in before anything else is asked.
func TestCatchUp(t *testing.T) {
	talk(t, fit("1"), func(p *Printer, l *line, s *scripted) {
		l.owed = 2
		if err := p.catchUp(l, "print"); err != nil || l.owed != 0 || len(s.since(0)) != 2 {
			t.Errorf("got %v, owed %d, sent % x", err, l.owed, s.since(0))
		}
		if err := p.catchUp(l, "print"); err != nil || len(s.since(2)) != 0 {
			t.Errorf("nothing owed: got %v, sent % x", err, s.since(2))
		}
	})
	talk(t, words(""), func(p *Printer, l *line, s *scripted) {
		l.owed = 1
		if err := p.catchUp(l, "print"); !fault.Is(err, fault.Silent) || l.owed != 1 {
			t.Errorf("silent: got %v, owed %d", err, l.owed)
		}
	})
}

// Among all that comes only the kind that was asked for is the answer; a buffered one that comes early is held.
func TestWhichAnswer(t *testing.T) {
	const realTime, marker, block, asb, flow, cleared, odd = "\x12", "\x0C", "_42\x00", "\x10\x00\x00\x00", "\x11", "\x37\x25\x00", "\xFF"
	everything := odd + flow + asb
	for _, tt := range []struct {
		name    string
		kind    answerKind
		comes   string
		want    string // "" when it does not come
		held    answerKind
		garbage string
	}{
		{"a status", answerRealTime, everything + marker + realTime, realTime, answerMarker, odd},
		{"a status, and a count that came early", answerRealTime, block + realTime, realTime, answerBlock, ""},
		{"a marker", answerMarker, everything + realTime + block + marker, marker, answerBlock, odd},
		{"a count", answerBlock, everything + realTime + marker + block, "42", answerMarker, odd},
		{"a forgotten strip", answerCleared, everything + realTime + cleared, cleared, answerGarbage, odd},
		{"no status", answerRealTime, everything + cleared, "", answerGarbage, odd},
		{"no marker", answerMarker, realTime + asb + flow, "", answerGarbage, ""},
		{"half a count", answerBlock, "_42", "", answerGarbage, "_42"},
	} {
		talk(t, words(tt.comes), func(p *Printer, l *line, s *scripted) {
			l.send([]byte{0}, writeLimit)
			l.held = answer{answerMarker, []byte("old")}
			got, err := l.answer(tt.kind, time.Now().Add(answerLimit))
			if string(got.raw) != tt.want || isTimeout(err) != (tt.want == "") || tt.want != "" && got.kind != tt.kind || string(l.garbage) != tt.garbage || len(l.pending) != 0 {
				t.Errorf("%s: got %q, %v, garbage %q, %d pending; want %q, %q", tt.name, got.raw, err, l.garbage, len(l.pending), tt.want, tt.garbage)
			}
			if old := string(l.held.raw) == "old"; old != (tt.kind == answerRealTime && tt.held == answerGarbage) || !old && l.held.kind != tt.held {
				t.Errorf("%s: held %+v, want kind %d", tt.name, l.held, tt.held)
			}
		})
	}
	l := &line{}
	l.spoil(make([]byte, 60))
	l.spoil(make([]byte, 5))
	l.spoil(make([]byte, 4))
	if n := len(l.takeGarbage()); n != 64 || l.garbage != nil {
		t.Errorf("%d bytes of garbage are kept, want at most 64", n)
	}
}

// A strip that is given up is forgotten by printers that can, and the answers that are owed with it.
func TestForget(t *testing.T) {
	for _, tt := range []struct {
		name  string
		can   bool
		say   func(int, []byte) []byte
		asked int
		owed  int
	}{
		{"it can", true, words("\x37\x25\x00"), 1, 0},
		{"it does not say so", true, words(""), 1, 2},
		{"it cannot", false, words("\x37\x25\x00"), 0, 2},
	} {
		talk(t, tt.say, func(p *Printer, l *line, s *scripted) {
			p.profile.HasClear = tt.can
			l.owed = 2
			if p.forget(l); l.owed != tt.owed || len(s.since(0)) != tt.asked || tt.asked > 0 && !bytes.Equal(s.since(0)[0], cmdForget) || p.current() != l {
				t.Errorf("%s: owed %d, sent % x", tt.name, l.owed, s.since(0))
			}
			l.port.Close()
			if p.forget(l); tt.can && p.current() != nil || !tt.can && p.current() == nil {
				t.Errorf("%s: over a broken line: %v", tt.name, p.current())
			}
		})
	}
}

// Before anything is put on paper the printer must be there, fit, settled and have caught up.
func TestBegin(t *testing.T) {
	jam := "\x1A\x52\x16\x12"
	for _, tt := range []struct {
		name    string
		op      string
		status  string // until it is cleared, if it is
		mends   bool
		settled bool
		owed    int
		cuts    bool
		kind    fault.Kind
		count   int64
		sent    []string // commands other than status questions
	}{
		{"fit", "print", "\x12\x12\x12\x12", false, true, 0, true, "", 41, []string{"\x1Dg2\x00\xB2\x00"}},
		{"fit, without a count", "print", "\x12\x12\x12\x12", false, true, 0, false, "", 0, nil},
		{"an answer is owed", "print", "\x12\x12\x12\x12", false, true, 1, false, "", 0, []string{"\x1Dr\x01"}},
		{"not settled", "print", "\x12\x12\x12\x12", false, false, 0, false, "", 0, []string{string(make([]byte, fillBytes)), "\x1Da\x00", "\x1Dr\x01", "\x1Dr\x01", "\x1DIB", "\x1DIC", "\x1DID"}},
		{"out of paper", "print", "\x1A\x32\x12\x7E", false, true, 0, true, fault.Empty, 0, nil},
		{"out of paper", "clear", "\x1A\x32\x12\x7E", false, true, 0, true, fault.Empty, 0, nil},
		{"jammed", "print", jam, true, true, 0, true, fault.Jammed, 0, nil},
		{"jammed, and mended", "clear", jam, true, true, 0, true, "", 41, []string{"\x10\x05\x02", "\x1Dg2\x00\xB2\x00"}},
		{"jammed for good", "clear", jam, false, true, 0, true, fault.Jammed, 0, []string{"\x10\x05\x02"}},
	} {
		mended := false
		say := func(n int, b []byte) []byte {
			mended = mended || tt.mends && bytes.Equal(b, cmdClearError)
			if bytes.HasPrefix(b, []byte{0x10, 0x04}) && !mended {
				return []byte{tt.status[b[2]-1]}
			}
			return fit("41")(n, b)
		}
		talk(t, say, func(p *Printer, l *line, s *scripted) {
			p.profile.HasCuts, p.ready, l.owed = tt.cuts, tt.settled, tt.owed
			got, count, err := p.begin(context.Background(), tt.op)
			if fault.KindOf(err) != tt.kind || count != tt.count || (got == l) != (tt.kind == "") || l.owed != 0 {
				t.Errorf("%s: %s: got %v, %d, %v, want %q, %d", tt.op, tt.name, got, count, err, tt.kind, tt.count)
			}
			if f, is := err.(*fault.Error); is && f.Op != tt.op {
				t.Errorf("%s: %s: op %q", tt.op, tt.name, f.Op)
			}
			var sent []string
			for _, b := range s.since(0) {
				if !bytes.HasPrefix(b, []byte{0x10, 0x04}) {
					sent = append(sent, string(b))
				}
			}
			if !slices.Equal(sent, tt.sent) {
				t.Errorf("%s: %s: sent %q, want %q", tt.op, tt.name, sent, tt.sent)
			}
			if free := len(p.turn) == 1; free != (tt.kind != "") {
				t.Errorf("%s: %s: the line is free %v", tt.op, tt.name, free)
			}
		})
	}
	talk(t, fit("41"), func(p *Printer, l *line, s *scripted) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		<-p.turn // another is at it
		if _, _, err := p.begin(ctx, "print"); !fault.Is(err, fault.Busy) || len(p.turn) != 0 {
			t.Errorf("in use: got %v, free %d", err, len(p.turn))
		}
		p.turn <- struct{}{}
		if _, _, err := p.begin(ctx, "print"); !fault.Is(err, fault.Busy) || len(p.turn) != 1 {
			t.Errorf("given up before: got %v, free %d", err, len(p.turn))
		}
		p.drop(l, "poll")
		if _, _, err := p.begin(context.Background(), "print"); !fault.Is(err, fault.Absent) || err.(*fault.Error).Op != "print" || len(p.turn) != 1 || len(s.since(0)) != 0 {
			t.Errorf("not connected: got %v, free %d, sent % x", err, len(p.turn), s.since(0))
		}
		if st := p.State(); st.Online || !fault.Is(st.Fault, fault.Absent) || st.Fault.Op != "poll" {
			t.Errorf("dropped: state %+v", st)
		}
	})
}

// A printer that is there and says nothing is opened afresh after a few polls, one that is not there each second.
func TestRunOpensAfresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{say: words("")}
		var mu sync.Mutex // guards the next two
		var opened []time.Duration
		began, absent := time.Now(), true
		p := New(func() (wire.Port, error) {
			mu.Lock()
			defer mu.Unlock()
			opened = append(opened, time.Since(began))
			if absent {
				return nil, errors.New("no such device")
			}
			return s.open()
		}, Profile{})
		if st := p.State(); st.Online || !fault.Is(st.Fault, fault.Absent) {
			t.Errorf("before Run: %+v", st)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		<-time.After(3*time.Second + time.Millisecond)
		mu.Lock()
		if len(opened) != 4 || !fault.Is(p.State().Fault, fault.Absent) || p.State().Fault.Op != "open" {
			t.Errorf("not there: opened at %v, state %+v", opened, p.State())
		}
		absent, opened = false, nil
		mu.Unlock()
		<-time.After(30 * time.Second)
		mu.Lock()
		// Each poll asks three times, a second apiece, and waits a second; five polls and the pause make 21 s.
		if len(opened) != 2 || opened[1]-opened[0] < 19*time.Second || opened[1]-opened[0] > 22*time.Second {
			t.Errorf("silent: opened at %v, want every 20 s", opened)
		}
		mu.Unlock()
		if st := p.State(); st.Online || !fault.Is(st.Fault, fault.Silent) {
			t.Errorf("silent: state %+v", st)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
		if st := p.State(); st.Online || st.Fault == nil {
			t.Errorf("after Run: %+v", st)
		}
	})
}

// The strip goes out segment by segment, with a look at the state after each; whatever is seen ends it there.
func TestContent(t *testing.T) {
	parts := []segment{{[]byte("one"), 1000}, {[]byte("two"), 1000}, {[]byte("three"), 0}}
	say := func(at int, then func(int, []byte) []byte) func(int, []byte) []byte { // from the at-th segment on
		seen := 0
		return func(n int, b []byte) []byte {
			if b[0] >= 'a' {
				seen++
			}
			if seen >= at {
				return then(n, b)
			}
			return fit("1")(n, b)
		}
	}
	lostOnce := func() func(int, []byte) []byte {
		lost := false
		return func(n int, b []byte) []byte {
			if !lost {
				lost = b[0] == 0x10
				return nil
			}
			return fit("1")(n, b)
		}
	}
	for _, tt := range []struct {
		name   string
		say    func(int, []byte) []byte
		kind   fault.Kind
		sent   string
		marker bool
	}{
		{"well", fit("1"), "", "onetwothree", true},
		{"a look is lost", say(2, lostOnce()), fault.Silent, "onetwothree", false},
		{"the cover is opened", say(2, func(_ int, b []byte) []byte {
			if b[0] != 0x10 {
				return nil
			}
			return []byte{"\x1A\x16\x12\x12"[b[2]-1]}
		}), fault.Open, "onetwothree", false},
		{"silence", say(3, words("")), fault.Silent, "onetwothree", true},
		{"no answer to the marker", func(n int, b []byte) []byte {
			if b[0] == 0x1D {
				return nil
			}
			return fit("1")(n, b)
		}, fault.Silent, "onetwothree", true},
	} {
		talk(t, tt.say, func(p *Printer, l *line, s *scripted) {
			if _, err := p.status(l, "print"); err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			began := time.Now()
			err := p.content(context.Background(), l, parts)
			sent, marker := "", false
			for _, b := range s.since(0) {
				if b[0] >= 'a' {
					sent += string(b)
				}
				marker = marker || bytes.Equal(b, cmdMarker)
			}
			if fault.KindOf(err) != tt.kind || sent != tt.sent || marker != tt.marker {
				t.Errorf("%s: got %v, sent %q, marker %v, want %q, %q, %v", tt.name, err, sent, marker, tt.kind, tt.sent, tt.marker)
			}
			if f, is := err.(*fault.Error); is && f.Op != "print" {
				t.Errorf("%s: op %q", tt.name, f.Op)
			}
			if want := 2000*rowTime + markerLimit; tt.name == "no answer to the marker" && (time.Since(began) < want || time.Since(began) > want+time.Second || l.owed != 1) {
				t.Errorf("%s: given up after %v, owed %d, want after %v", tt.name, time.Since(began), l.owed, want)
			}
		})
	}
	talk(t, fit("1"), func(p *Printer, l *line, s *scripted) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := p.content(ctx, l, parts); !fault.Is(err, fault.Busy) || len(s.since(0)) != 0 {
			t.Errorf("given up: got %v, sent % x", err, s.since(0))
		}
		l.port.Close()
		if err := p.content(context.Background(), l, parts); !fault.Is(err, fault.Absent) || p.current() != nil {
			t.Errorf("over a broken line: got %v", err)
		}
	})
}

// A leftover counts as cut off only when all that belongs to it went out and the cut is proven, at whatever step the line breaks.
func TestClearOverABrokenLine(t *testing.T) {
	steps := []string{string(make([]byte, fillBytes)), string(cmdInit), string(cmdCut), ""}
	for i, breaks := range steps {
		cuts := 41
		say := func(n int, b []byte) []byte {
			if bytes.Equal(b, cmdCut) {
				cuts++
			}
			return fit(strconv.Itoa(cuts))(n, b)
		}
		talk(t, say, func(p *Printer, l *line, s *scripted) {
			s.say = func(n int, b []byte) []byte {
				if string(b) == breaks {
					s.line.Close()
					return nil
				}
				return say(n, b)
			}
			p.ready = true
			p.setUnfinished(true)
			err := p.Clear(context.Background())
			want := []fault.Kind{fault.Absent, fault.Doubtful, fault.Doubtful, ""}[i] // the step after it meets the broken line
			if fault.KindOf(err) != want || want == "" && err != nil || p.State().Unfinished != (want != "") || len(p.turn) != 1 {
				t.Errorf("broken at step %d: got %v, state %+v, want %q", i, err, p.State(), want)
			}
			if f, is := err.(*fault.Error); is && f.Op != "clear" {
				t.Errorf("broken at step %d: op %q", i, f.Op)
			}
		})
	}
}

// The count of cuts is asked for as often as it takes to hear a number, and only of a printer that has one.
func TestCuts(t *testing.T) {
	for _, tt := range []struct {
		name  string
		has   bool
		first string // to the first question
		want  int64
		ok    bool
	}{{"it has none", false, "_41\x00", 0, false}, {"at once", true, "_41\x00", 41, true}, {"at second", true, "_4x\x00", 41, true}, {"said twice", true, "_41\x00_41\x00", 41, true}, {"the longest", true, "_1234567890\x00", 1234567890, true}} {
		asked := 0
		talk(t, func(n int, b []byte) []byte {
			if bytes.Equal(b, cmdCutCount) {
				if asked++; asked == 1 {
					return []byte(tt.first)
				}
			}
			return fit("41")(n, b)
		}, func(p *Printer, l *line, s *scripted) {
			p.ready, p.profile.HasCuts = true, tt.has
			n, ok, err := p.Cuts(context.Background())
			if n != tt.want || ok != tt.ok || err != nil || len(p.turn) != 1 {
				t.Errorf("%s: got %d, %v, %v, want %d, %v", tt.name, n, ok, err, tt.want, tt.ok)
			}
			l.port.Close()
			if n, ok, err := p.Cuts(context.Background()); tt.has && (n != 0 || ok || !fault.Is(err, fault.Absent) || err.(*fault.Error).Op != "cuts") {
				t.Errorf("%s: over a broken line: got %d, %v, %v", tt.name, n, ok, err)
			}
		})
	}
}
