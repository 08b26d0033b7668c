package ccnetsim

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash/notepath"
	"yichuang/devices/mechanism"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

func lines(t testing.TB, name string) (list []string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range strings.Split(string(text), "\n") {
		if l != "" && !strings.HasPrefix(l, "#") {
			list = append(list, l)
		}
	}
	return list
}

// The same frames pin the driver.
func TestFrames(t *testing.T) {
	list := lines(t, "testdata/frames.txt")
	if len(list) < 30 {
		t.Fatalf("only %d vectors", len(list))
	}
	for _, l := range list {
		part := strings.Split(l, ";")
		address, err := strconv.Atoi(strings.TrimSpace(part[1]))
		if err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		payload, frame := unhex(t, part[2]), unhex(t, part[3])
		if got := pack(byte(address), payload...); !bytes.Equal(got, frame) {
			t.Errorf("%s: packed % X", l, got)
		}
		r, n := cut(append(frame, 2, 3))
		if r == nil || n != len(frame) || r.spoiled || int(r.address) != address || r.command != payload[0] || !bytes.Equal(r.data, payload[1:]) {
			t.Errorf("%s: cut %+v, %d", l, r, n)
		}
		for i := range frame {
			if r, n := cut(frame[:i]); r != nil || n != 0 {
				t.Errorf("%s: the first %d bytes are a frame: %+v, %d", l, i, r, n)
			}
		}
		frame[len(frame)-1] ^= 1
		if r, _ := cut(frame); r == nil || !r.spoiled {
			t.Errorf("%s: a wrong checksum is not seen", l)
		}
	}
}

func TestNoFrame(t *testing.T) {
	for _, b := range [][]byte{{2, 3, 5, 0}, {2, 3, 0, 0}, {2, 3, 251, 0}} {
		if r, n := cut(b); r != nil || n != len(b) {
			t.Errorf("% X: cut %+v, %d, want nothing of it kept", b, r, n)
		}
	}
	if r, n := cut([]byte{7, 8, 2, 3, 6}); r != nil || n != 2 {
		t.Errorf("noise before a frame: cut %+v, %d, want the noise", r, n)
	}
}

func FuzzCut(f *testing.F) {
	for _, l := range lines(f, "testdata/frames.txt") {
		f.Add(unhex(f, strings.Split(l, ";")[3]))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, n := cut(b)
		switch {
		case n < 0 || n > len(b):
			t.Errorf("% x: cut %d bytes of %d", b, n, len(b))
		case r != nil && !r.spoiled && !bytes.Equal(pack(r.address, append([]byte{r.command}, r.data...)...), b[:n]):
			t.Errorf("% x: %+v is packed otherwise", b, r)
		}
	})
}

// line is a host's end of a line to a validator.
type line struct {
	net.Conn
}

// join lays a line to a validator for as long as the test runs.
func join(t *testing.T, s *Sim) line {
	t.Helper()
	host, device := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Serve(ctx, device) }()
	t.Cleanup(func() { cancel(); host.Close(); <-ended; device.Close() })
	return line{host}
}

// ask sends bytes and gives what comes back within a while; nothing is nil.
func (l line) ask(t *testing.T, b []byte) []byte {
	t.Helper()
	if _, err := l.Write(b); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 512)
	l.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	n, _ := l.Read(answer)
	time.Sleep(20 * time.Millisecond) // virtual
	return answer[:n]
}

// say sends a payload and gives the payload that comes back in hex. Data are acknowledged.
func (l line) say(t *testing.T, payload ...byte) string {
	t.Helper()
	answer := l.ask(t, pack(3, payload...))
	if len(answer) < 6 {
		return ""
	}
	got := answer[3 : len(answer)-2]
	if payload[0] == cmdPoll || len(got) > 1 {
		if extra := l.ask(t, pack(3, cmdAck)); len(extra) > 0 {
			t.Errorf("an acknowledgement was answered with % X", extra)
		}
	}
	return fmt.Sprintf("%X", got)
}

// TestDialogue plays testdata/dialogue.txt.
func TestDialogue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		l := join(t, s)
		note := 0
		for i, row := range lines(t, "testdata/dialogue.txt") {
			what, rest, _ := strings.Cut(row, " ")
			switch what {
			case ">":
				if got := fmt.Sprintf("> %s\n< %s", rest, said(l.ask(t, unhex(t, rest)))); got != row+"\n"+lines(t, "testdata/dialogue.txt")[i+1] {
					t.Errorf("got\n%s\nwant\n%s\n%s", got, row, lines(t, "testdata/dialogue.txt")[i+1])
				}
			case "<":
			case "wait":
				d, err := time.ParseDuration(rest)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(d) // virtual
			case "hand":
				face, err := strconv.ParseInt(rest, 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				if note, err = s.Path().Offer(face, "CNY", notepath.Genuine); err != nil || note == 0 {
					t.Fatal(err)
				}
			case "arm":
				if err := s.Faults().Arm(rest, 1); err != nil {
					t.Fatal(err)
				}
			default:
				t.Fatalf("row %q", row)
			}
		}
	})
}

func said(answer []byte) string {
	if len(answer) == 0 {
		return "-"
	}
	return fmt.Sprintf("% X", answer)
}

// ready gives RESET and enables all types with escrow.
func (l line) ready(t *testing.T) {
	t.Helper()
	if got := l.say(t, cmdReset); got != "00" {
		t.Fatalf("RESET: %s", got)
	}
	time.Sleep(initTime) // virtual
	if got := l.say(t, cmdEnable, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF); got != "00" {
		t.Fatalf("ENABLE: %s", got)
	}
}

// play runs fn with a validator that is enabled.
func play(t *testing.T, o Options, fn func(t *testing.T, s *Sim, l line)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := New(o)
		l := join(t, s)
		l.ready(t)
		fn(t, s, l)
		if err := s.Path().World().Balanced(); err != nil {
			t.Error(err)
		}
	})
}

// offer holds a note to the mouth and lets it travel.
func offer(t *testing.T, s *Sim, n notepath.Note) int {
	t.Helper()
	id, err := s.Path().Offer(n.Face, n.Currency, n.Kind)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // virtual
	return id
}

func good(face int64) notepath.Note {
	return notepath.Note{Face: face, Currency: "CNY", Kind: notepath.Genuine}
}

func (l line) polls(t *testing.T, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := l.say(t, cmdPoll); got != w {
			t.Errorf("poll: got %s, want %s", got, w)
		}
	}
}

// What a validator does after it restarted depends on where the note was.
func TestRestart(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(t *testing.T, s *Sim, l line) // what is going on
		state  string
		after  string // the first state after RESET
		fate   notepath.Fate
	}{
		{"nothing inside", func(*testing.T, *Sim, line) {}, "10", "19", ""},
		{"in the mouth", func(t *testing.T, s *Sim, l line) { s.Path().Offer(500, "CNY", notepath.Genuine) }, "11", "19", notepath.Refused},
		{"in escrow", func(t *testing.T, s *Sim, l line) { offer(t, s, good(500)) }, "11", "19", notepath.Returned},
		{"coming back", func(t *testing.T, s *Sim, l line) { offer(t, s, good(500)); l.say(t, cmdReturn) }, "11", "19", notepath.Returned},
		{"on its way to the box", func(t *testing.T, s *Sim, l line) { offer(t, s, good(500)); l.say(t, cmdStack) }, "12", "8101", notepath.Stacked},
		{"in the box, not acknowledged", func(t *testing.T, s *Sim, l line) {
			offer(t, s, good(500))
			l.say(t, cmdStack)
			time.Sleep(time.Second)
		}, "10", "19", notepath.Stacked},
	} {
		play(t, Options{}, func(t *testing.T, s *Sim, l line) {
			tt.before(t, s, l)
			s.Faults().Arm("reset", 1)
			if got := l.say(t, cmdPoll); got != "" {
				t.Errorf("%s: answers %s while it starts", tt.name, got)
			}
			time.Sleep(time.Minute) // virtual: it waits for RESET as long as it takes
			for _, c := range []byte{cmdIdentify, cmdTable, cmdEnable, cmdStack, cmdReturn, cmdHold} {
				if got := l.say(t, append([]byte{c}, make([]byte, sizes[c])...)...); got != "30" {
					t.Errorf("%s: %s before RESET: got %s", tt.name, commandName(c), got)
				}
			}
			l.polls(t, tt.state, tt.state)
			l.say(t, cmdReset)
			l.polls(t, "13")
			time.Sleep(initTime) // virtual
			l.polls(t, tt.after, "19")
			if got := s.Path().Fate(1); got != tt.fate {
				t.Errorf("%s: fate %s, want %s", tt.name, got, tt.fate)
			}
		})
	}
}

func TestPowerCut(t *testing.T) {
	for _, in := range []bool{false, true} {
		play(t, Options{}, func(t *testing.T, s *Sim, l line) {
			id := offer(t, s, good(500))
			l.say(t, cmdStack)
			s.Power(false, in)
			if got := l.say(t, cmdPoll); got != "" {
				t.Errorf("answers %s without power", got)
			}
			s.Power(true, false)
			time.Sleep(bootTime) // virtual
			want, fate := "11", notepath.Returned
			if in {
				want, fate = "10", notepath.Stacked
			}
			l.polls(t, want)
			l.say(t, cmdReset)
			time.Sleep(initTime) // virtual
			l.polls(t, "19", "19")
			if got := s.Path().Fate(id); got != fate {
				t.Errorf("fate %s, want %s", got, fate)
			}
		})
	}
}

// What became of a note is repeated until it is acknowledged, and nothing is drawn in before.
func TestRepeated(t *testing.T) {
	for _, tt := range []struct {
		command byte
		state   string
	}{{cmdStack, "8102"}, {cmdReturn, "8202"}} {
		play(t, Options{}, func(t *testing.T, s *Sim, l line) {
			offer(t, s, good(1000))
			l.polls(t, "8002", "8002")
			if got := l.say(t, tt.command); got != "00" {
				t.Fatalf("%s: %s", commandName(tt.command), got)
			}
			time.Sleep(time.Second) // virtual
			for range 3 {
				if got := l.ask(t, pack(3, cmdPoll)); hex.EncodeToString(got[3:5]) != tt.state {
					t.Errorf("poll: got % X, want %s", got, tt.state)
				}
			}
			if id := offer(t, s, good(500)); s.Path().Fate(id) != notepath.Refused {
				t.Errorf("%s: the next note is drawn in", tt.state)
			}
			l.say(t, cmdStatus) // something else was asked: its acknowledgement is for that
			l.polls(t, tt.state, "14")
			s.Faults().Arm("lost_ack", 1)
			offer(t, s, good(1000))
			l.say(t, tt.command)
			time.Sleep(time.Second) // virtual
			l.polls(t, tt.state, tt.state, "14")
		})
	}
}

func TestJudgement(t *testing.T) {
	for _, tt := range []struct {
		name  string
		note  notepath.Note
		state string
	}{
		{"foreign", notepath.Note{Face: 500, Currency: "CNY", Kind: notepath.Foreign}, "1C65"}, {"of another country", notepath.Note{Face: 500, Currency: "USD", Kind: notepath.Genuine}, "1C65"},
		{"of no row", good(700), "1C65"}, {"torn", notepath.Note{Face: 500, Currency: "CNY", Kind: notepath.Torn}, "1C66"}, {"on a string", notepath.Note{Face: 500, Currency: "CNY", Kind: notepath.Strung}, "45"},
		{"not enabled", good(100), "1C68"},
	} {
		play(t, Options{}, func(t *testing.T, s *Sim, l line) {
			l.say(t, cmdEnable, 0, 0, 0x3E, 0, 0, 0x3E)
			id := offer(t, s, tt.note)
			if l.polls(t, tt.state, "14"); s.Path().Fate(id) != notepath.Refused {
				t.Errorf("%s: %s", tt.name, s.Path().Fate(id))
			}
		})
	}
	play(t, Options{}, func(t *testing.T, s *Sim, l line) {
		l.say(t, cmdEnable, 0, 0, 2, 0, 0, 0) // without escrow it goes to the box at once
		s.Path().Offer(500, "CNY", notepath.Genuine)
		l.polls(t, "15")
		time.Sleep(700 * time.Millisecond) // virtual
		l.polls(t, "17")
		time.Sleep(time.Second) // virtual
		l.polls(t, "8101", "14")
	})
}

// An escrowed note goes back after ten seconds without HOLD; a validator without polls disables itself after five.
func TestTimes(t *testing.T) {
	play(t, Options{}, func(t *testing.T, s *Sim, l line) {
		offer(t, s, good(500))
		time.Sleep(9 * time.Second) // virtual
		l.polls(t, "8001")
		l.say(t, cmdHold)
		l.polls(t, "1A")
		time.Sleep(9 * time.Second) // virtual
		l.polls(t, "1A")
		time.Sleep(600 * time.Millisecond) // virtual
		l.polls(t, "18")
		time.Sleep(time.Second) // virtual
		l.polls(t, "8201", "19")
	})
	play(t, Options{}, func(t *testing.T, s *Sim, l line) {
		l.polls(t, "14")
		time.Sleep(4500 * time.Millisecond) // virtual
		l.polls(t, "14")
		time.Sleep(5500 * time.Millisecond) // virtual
		l.polls(t, "19")
		if got := l.say(t, cmdStatus); got != "000000000000" {
			t.Errorf("status: %s", got)
		}
	})
}

func TestTrouble(t *testing.T) {
	for _, tt := range []struct{ fault, state string }{{"box_full", "41"}, {"box_removed", "42"}, {"failure", "4750"}} {
		play(t, Options{}, func(t *testing.T, s *Sim, l line) {
			offer(t, s, good(500))
			s.Faults().Arm(tt.fault, 1)
			if got := l.say(t, cmdStack); got != "30" {
				t.Errorf("%s: STACK: %s", tt.fault, got)
			}
			if got := l.say(t, cmdReturn); got != "00" {
				t.Errorf("%s: RETURN: %s", tt.fault, got)
			}
			time.Sleep(time.Second) // virtual
			l.polls(t, "8201", tt.state)
			if id := offer(t, s, good(500)); s.Path().Fate(id) != notepath.Refused {
				t.Errorf("%s: a note is drawn in", tt.fault)
			}
			s.Faults().Arm(tt.fault, 0)
			want := "14"
			if tt.fault == "box_removed" {
				want = "19"
			}
			l.polls(t, want)
		})
	}
	play(t, Options{}, func(t *testing.T, s *Sim, l line) {
		s.Faults().Arm("jam", 1)
		offer(t, s, good(500))
		l.polls(t, "43")
		s.Faults().Arm("jam", 0)
		l.polls(t, "1C60", "14")
		offer(t, s, good(500))
		s.Faults().Arm("jam", 1)
		l.say(t, cmdStack)
		time.Sleep(time.Second) // virtual
		l.polls(t, "44", "44")
		s.Faults().Arm("jam", 0)
		l.polls(t, "17")
		time.Sleep(time.Second) // virtual
		l.polls(t, "8101", "14")
	})
	play(t, Options{}, func(t *testing.T, s *Sim, l line) {
		s.Faults().Arm("fraud", 1)
		offer(t, s, good(500))
		l.polls(t, "45", "14")
		offer(t, s, good(500))
		l.polls(t, "8001")
		s.Path().PullBack(2)
		l.polls(t, "8201", "14")
	})
}

func TestBillTable(t *testing.T) {
	play(t, Options{Faces: []int64{100, 2000, 50, 12000}, Early: true}, func(t *testing.T, s *Sim, l line) {
		want := "0143484E000243484E013243484E820C43484E01" + strings.Repeat("00", 100)
		if got := l.say(t, cmdTable); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		s.Restart()
		time.Sleep(bootTime) // virtual
		if got := l.say(t, cmdTable); got != want {
			t.Errorf("early: got %s, want %s", got, want)
		}
	})
}

// A world that is put away goes on where it was; a clone goes its own way.
func TestSnapshotAndClone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		l := join(t, s)
		l.ready(t)
		offer(t, s, good(500))
		l.say(t, cmdStack)
		time.Sleep(time.Second) // virtual
		s.Faults().Arm("fraud", 2)
		data, err := s.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		c := s.Clone()
		r := New(Options{})
		if err := r.Restore(data); err != nil {
			t.Fatal(err)
		}
		for name, other := range map[string]*Sim{"clone": c, "restored": r} {
			join(t, other).polls(t, "8101", "14")
			if got, want := other.Path().World(), s.Path().World(); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: world %+v, want %+v", name, got, want)
			}
		}
		if !c.Faults().On("fraud") || r.Faults().On("fraud") {
			t.Error("the clone has its own armed faults, the restored one none")
		}
		l.polls(t, "8101", "14")
		if err := r.Restore([]byte("{")); err == nil {
			t.Error("half a snapshot was restored")
		}
		if err := r.Restore([]byte(`{"path":7}`)); err == nil {
			t.Error("a path that is none was restored")
		}
	})
}

// Every fault of the table can be armed, and befalls.
func TestFaultTable(t *testing.T) {
	s := New(Options{})
	plugged := true
	s.OnPlug(func(in bool) { plugged = in })
	for _, f := range s.Faults().List() {
		if f.What == "" || f.Armed != 0 {
			t.Errorf("%+v", f)
		}
	}
	s.Faults().Arm("unplug", 1)
	if plugged {
		t.Error("the plug is still in")
	}
	s.Faults().Arm("unplug", 0)
	if !plugged {
		t.Error("the plug is still out")
	}
	s.Faults().Arm("reset", 3)
	if s.Faults().On("reset") {
		t.Error("one hand, one restart")
	}
	synctest.Test(t, func(t *testing.T) {
		log := mechanism.NewLog()
		s := New(Options{Log: log})
		l := join(t, s)
		l.ready(t)
		id := offer(t, s, good(500))
		s.Faults().Arm("lost_reply", 1)
		if got := l.say(t, cmdReturn); got != "" {
			t.Errorf("RETURN: %s, want no reply", got)
		}
		time.Sleep(time.Second) // virtual
		if got := s.Path().Fate(id); got != notepath.Returned {
			t.Errorf("fate %s", got)
		}
		if events := log.After(t.Context(), 0); len(events) < 8 || events[0].Device != "cash" {
			t.Errorf("log: %+v", events)
		}
	})
}

// A frame to another address and one that pauses in the middle get no answer; a wrong CRC gets NAK, and NAK the last answer again.
func TestManners(t *testing.T) {
	play(t, Options{}, func(t *testing.T, s *Sim, l line) {
		if got := l.ask(t, pack(1, cmdPoll)); len(got) > 0 {
			t.Errorf("another address: % X", got)
		}
		poll := pack(3, cmdPoll)
		if got := l.ask(t, poll[:4]); len(got) > 0 {
			t.Errorf("half a frame: % X", got)
		}
		if got := l.ask(t, poll[4:]); len(got) > 0 {
			t.Errorf("its rest, too late: % X", got)
		}
		poll[5] ^= 1
		if got := l.ask(t, poll); !bytes.Equal(got, pack(3, nak)) {
			t.Errorf("a wrong CRC: % X", got)
		}
		l.polls(t, "14")
		if got := l.say(t, cmdNak); got != "14" {
			t.Errorf("NAK: %s, want the last answer", got)
		}
		for _, p := range [][]byte{{0x3A}, {0x50}, {0x60}, {cmdEnable, 1}, {cmdPoll, 1}, {cmdStack}, {cmdReturn}, {cmdHold}} {
			if got := l.say(t, p...); got != "30" {
				t.Errorf("% X: %s, want illegal", p, got)
			}
		}
		l.say(t, cmdSecurity, 1, 2, 3)
		if got := l.say(t, cmdStatus); got != "FFFFFF010203" {
			t.Errorf("status: %s", got)
		}
		l.say(t, cmdBarcodeSet, 1, 12)
	})
}
