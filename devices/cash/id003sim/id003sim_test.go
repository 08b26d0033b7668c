package id003sim

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
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
	for _, l := range lines(t, "testdata/frames.txt") {
		part := strings.Split(l, ";")
		code, data, frame := unhex(t, strings.TrimSpace(part[1]))[0], unhex(t, part[2]), unhex(t, part[3])
		if got := pack(code, data); !bytes.Equal(got, frame) {
			t.Errorf("%s: packed % X", l, got)
		}
		r, n := cut(append(frame, 1, 2, 3))
		if r == nil || n != len(frame) || r.command != code || !bytes.Equal(r.data, data) || !bytes.Equal(r.raw, frame) {
			t.Errorf("%s: cut %+v, %d", l, r, n)
		}
		for i := range frame {
			if r, n := cut(frame[:i]); r != nil || n != 0 {
				t.Errorf("%s cut to %d bytes: got %+v, %d, want nothing yet", l, i, r, n)
			}
			bad := bytes.Clone(frame)
			if bad[i] ^= 0x20; i == 1 {
				continue // another length
			}
			if r, n := cut(bad); r != nil || n == 0 {
				t.Errorf("%s with byte %d wrong: got %+v, %d, want it dropped", l, i, r, n)
			}
		}
	}
}

// host is the other end of the line.
type host struct {
	t    *testing.T
	conn net.Conn
}

// serve puts a host at the line of s until the test ends.
func serve(t *testing.T, s *Sim) *host {
	near, far := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(ctx, far) }()
	t.Cleanup(func() { near.Close(); cancel(); <-done; far.Close() })
	return &host{t, near}
}

func (h *host) say(b []byte) {
	h.t.Helper()
	if _, err := h.conn.Write(b); err != nil {
		h.t.Fatalf("write: %v", err)
	}
}

// hear gives what comes until the line is quiet for 100 ms.
func (h *host) hear() (all []byte) {
	for {
		h.conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		b := make([]byte, 512)
		n, err := h.conn.Read(b)
		if all = append(all, b[:n]...); err != nil {
			return all
		}
	}
}

// ask says a command and gives code and data of the answer; nil is silence.
func (h *host) ask(command byte, data ...byte) []byte {
	h.t.Helper()
	h.say(pack(command, data))
	answer := h.hear()
	if len(answer) < 5 || int(answer[1]) != len(answer) {
		return nil
	}
	return answer[2 : len(answer)-2]
}

// state asks for the status and checks it.
func (h *host) state(want ...byte) {
	h.t.Helper()
	if got := h.ask(cmdStatus); !bytes.Equal(got, want) {
		h.t.Fatalf("status: got % X, want % X", got, want)
	}
}

// open lets notes in.
func (h *host) open() {
	h.t.Helper()
	time.Sleep(bootTime)
	h.state(powerUp)
	h.ask(cmdReset)
	time.Sleep(initTime)
	h.ask(setInhibit, 0)
	h.state(stEnabled)
}

func bubble(t *testing.T, o Options, fn func(t *testing.T, s *Sim, h *host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := New(o)
		fn(t, s, serve(t, s))
	})
}

func offer(t *testing.T, s *Sim, face int64) int {
	t.Helper()
	id, err := s.Path().Offer(face, "CNY", notepath.Genuine)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestDialogue(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *host) {
		for _, l := range lines(t, "testdata/dialogue.txt") {
			verb, rest, _ := strings.Cut(l, " ")
			switch verb {
			case ">":
				h.say(unhex(t, rest))
				h.t.Logf("%s", l)
			case "<":
				want := []byte{}
				if rest != "-" {
					want = unhex(t, rest)
				}
				if got := h.hear(); !bytes.Equal(got, want) {
					t.Fatalf("got % X, want % X", got, want)
				}
			case "hand":
				face, _ := strconv.ParseInt(rest, 10, 64)
				offer(t, s, face)
			case "wait":
				d, err := time.ParseDuration(rest)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(d)
			default:
				t.Fatalf("what is %q?", l)
			}
		}
	})
}

// Nobody polls: nothing is drawn in, and a poll is all that it takes to draw again.
func TestNobodyPolls(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *host) {
		h.open()
		time.Sleep(pollWatch - 200*time.Millisecond)
		if got := s.Path().Fate(offer(t, s, 5)); got != notepath.Moving {
			t.Errorf("a note in time: got %s, want %s", got, notepath.Moving)
		}
		time.Sleep(pollWatch)
		if got := s.Path().Fate(offer(t, s, 100)); got != notepath.Refused {
			t.Errorf("a note after %v without polls: got %s, want %s", pollWatch, got, notepath.Refused)
		}
		h.state(stEnabled)
		if got := s.Path().Fate(offer(t, s, 100)); got != notepath.Moving {
			t.Errorf("a note after a poll: got %s, want %s", got, notepath.Moving)
		}
	})
}

func TestEscrowTimesOut(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *host) {
		h.open()
		id := offer(t, s, 100)
		time.Sleep(15 * time.Second)
		if got := h.ask(cmdHold); !bytes.Equal(got, []byte{ack}) {
			t.Errorf("hold: got % X, want ACK", got)
		}
		time.Sleep(holdTime + escrowTime - time.Second)
		h.state(stEscrow, 0x61)
		if got := s.Path().Fate(id); got != notepath.Escrow {
			t.Errorf("just before its time: got %s, want %s", got, notepath.Escrow)
		}
		time.Sleep(2 * time.Second)
		if got := s.Path().Fate(id); got != notepath.Returned {
			t.Errorf("after its time: got %s, want %s", got, notepath.Returned)
		}
		h.state(stEnabled)
	})
}

func TestSlowFrameIsDropped(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *host) {
		h.open()
		poll := pack(cmdStatus, nil)
		for _, tt := range []struct {
			gap  time.Duration
			want int
		}{{frameGap - time.Millisecond, 5}, {frameGap + time.Millisecond, 0}} {
			h.say(poll[:3])
			time.Sleep(tt.gap)
			h.say(poll[3:])
			if got := h.hear(); len(got) != tt.want {
				t.Errorf("gap of %v: got % x, want %d bytes", tt.gap, got, tt.want)
			}
		}
		h.say(append(poll, poll...))
		if got := len(h.hear()); got != 10 {
			t.Errorf("two frames at once: got %d bytes, want 10", got)
		}
	})
}

func TestPace(t *testing.T) {
	bubble(t, Options{BaudPace: true}, func(t *testing.T, s *Sim, h *host) {
		time.Sleep(bootTime)
		began := time.Now()
		h.state(powerUp)
		if got, want := time.Since(began), 100*time.Millisecond+5*byteTime; got != want {
			t.Errorf("it took %v, want %v", got, want)
		}
	})
}

// What befalls the mechanism is what its state says.
func TestErrorStates(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *host) {
		h.open()
		for name, code := range map[string]byte{"box_removed": stOpen, "box_full": stFull} {
			s.Faults().Arm(name, 1)
			h.state(code)
			if got := s.Path().Fate(offer(t, s, 100)); got != notepath.Refused {
				t.Errorf("%s: a note is %s, want %s", name, got, notepath.Refused)
			}
			s.Faults().Arm(name, 0)
			h.state(stEnabled)
		}
		s.Faults().Arm("jam", 1)
		offer(t, s, 100)
		time.Sleep(time.Second)
		h.state(stJamAcceptor)
		s.Faults().Arm("jam", 0)
		h.state(stRejecting, whyTransport)
		time.Sleep(time.Second)
		id := offer(t, s, 100)
		time.Sleep(time.Second)
		s.Faults().Arm("jam", 1)
		h.ask(cmdStack2)
		time.Sleep(time.Second)
		h.state(stJamStacker)
		s.Faults().Arm("jam", 0)
		h.state(stStacking)
		time.Sleep(time.Second)
		h.state(stVendValid)
		if got := s.Path().Fate(id); got != notepath.Stacked {
			t.Errorf("fate: got %s, want %s", got, notepath.Stacked)
		}
		if got := s.Path().Fate(offer(t, s, 100)); got != notepath.Refused {
			t.Errorf("a note before the acknowledgement: got %s, want %s", got, notepath.Refused)
		}
		h.ask(cmdAck)
		s.Faults().Arm("fraud", 1)
		offer(t, s, 100)
		time.Sleep(time.Second)
		h.state(stCheated)
		if got := s.Path().Fate(offer(t, s, 100)); got != notepath.Refused {
			t.Errorf("a note after a cheat: got %s, want %s", got, notepath.Refused)
		}
		time.Sleep(cheatTime)
		h.state(stEnabled)
		for kind, why := range map[string]byte{notepath.Foreign: whyIdentity, notepath.Torn: whyIdentity} {
			s.Path().Offer(100, "CNY", kind)
			time.Sleep(700 * time.Millisecond)
			h.state(stRejecting, why)
		}
		id = offer(t, s, 100)
		time.Sleep(300 * time.Millisecond)
		s.Path().PullBack(id)
		h.state(stRejecting, whyInsertion)
	})
}

func TestFullOrMissingBox(t *testing.T) {
	for _, name := range []string{"box_full", "box_removed"} {
		bubble(t, Options{}, func(t *testing.T, s *Sim, h *host) {
			h.open()
			id := offer(t, s, 500)
			time.Sleep(700 * time.Millisecond)
			s.Faults().Arm(name, 1)
			if got := h.ask(cmdStack2); !bytes.Equal(got, []byte{invalidCommand}) {
				t.Errorf("%s: stack: got % X, want it invalid", name, got)
			}
			if got := h.ask(cmdReturn); !bytes.Equal(got, []byte{ack}) {
				t.Errorf("%s: return: got % X, want ACK", name, got)
			}
			h.state(stReturning)
			time.Sleep(time.Second)
			if got := s.Path().Fate(id); got != notepath.Returned {
				t.Errorf("%s: fate: got %s, want %s", name, got, notepath.Returned)
			}
		})
	}
}

// Where the note was when the power went is what it says at power-up.
func TestPowerCut(t *testing.T) {
	for _, tt := range []struct {
		name string
		at   func(t *testing.T, s *Sim, h *host) int
		in   bool
		says byte
		fate notepath.Fate
	}{
		{"nothing inside", func(*testing.T, *Sim, *host) int { return 0 }, true, powerUp, ""},
		{"being drawn in", func(t *testing.T, s *Sim, _ *host) int { return offer(t, s, 1000) }, true, powerUp, notepath.Refused},
		{"in escrow", atEscrow, true, powerUpAcceptor, notepath.Returned},
		{"on its way out", func(t *testing.T, s *Sim, h *host) int { id := atEscrow(t, s, h); h.ask(cmdReturn); return id }, true, powerUpAcceptor, notepath.Returned},
		{"on its way in, and out", atStack, false, powerUpAcceptor, notepath.Returned},
		{"on its way in, and in", atStack, true, powerUpStacker, notepath.Stacked},
		{"in the box, not acknowledged", atVend, false, powerUpStacker, notepath.Stacked},
		{"in the box, acknowledged", func(t *testing.T, s *Sim, h *host) int { id := atVend(t, s, h); h.ask(cmdAck); return id }, true, powerUp, notepath.Stacked},
	} {
		bubble(t, Options{}, func(t *testing.T, s *Sim, h *host) {
			h.open()
			id := tt.at(t, s, h)
			s.Power(false, tt.in)
			if got := h.ask(cmdStatus); got != nil {
				t.Errorf("%s: a dead acceptor answers % X", tt.name, got)
			}
			s.Power(true, tt.in)
			if got := h.ask(cmdStatus); got != nil {
				t.Errorf("%s: a starting acceptor answers % X", tt.name, got)
			}
			time.Sleep(bootTime)
			h.state(tt.says)
			s.Power(false, !tt.in) // it is remembered until RESET
			s.Power(true, false)
			time.Sleep(bootTime)
			h.state(tt.says)
			h.ask(cmdReset)
			time.Sleep(initTime)
			h.state(stInhibited)
			if got := s.Path().Fate(id); got != tt.fate {
				t.Errorf("%s: fate %s, want %s", tt.name, got, tt.fate)
			}
			if err := s.Path().World().Balanced(); err != nil {
				t.Error(err)
			}
		})
	}
}

func atEscrow(t *testing.T, s *Sim, h *host) int {
	id := offer(t, s, 1000)
	time.Sleep(700 * time.Millisecond)
	h.state(stEscrow, 0x63)
	return id
}

func atStack(t *testing.T, s *Sim, h *host) int {
	id := atEscrow(t, s, h)
	h.ask(cmdStack2)
	h.state(stStacking)
	return id
}

func atVend(t *testing.T, s *Sim, h *host) int {
	id := atStack(t, s, h)
	time.Sleep(time.Second)
	h.state(stVendValid)
	return id
}

// A controller that starts anew finds the note where it is. What it then does with it is its own.
func TestRestart(t *testing.T) {
	for _, tt := range []struct {
		name string
		at   func(t *testing.T, s *Sim, h *host) int
		says byte
		fate notepath.Fate
	}{
		{"in escrow", atEscrow, powerUpAcceptor, notepath.Returned},
		{"on its way in", atStack, powerUpStacker, notepath.Stacked},
		{"in the box, not acknowledged", atVend, powerUpStacker, notepath.Stacked},
	} {
		bubble(t, Options{}, func(t *testing.T, s *Sim, h *host) {
			h.open()
			id := tt.at(t, s, h)
			s.Faults().Arm("reset", 3)
			if got := s.Faults().List()[8]; got.Name != "reset" || got.Armed != 0 {
				t.Errorf("%s: %+v, want one restart and no more", tt.name, got)
			}
			time.Sleep(time.Hour)
			h.state(tt.says)
			h.ask(cmdReset)
			time.Sleep(initTime)
			h.state(stInhibited)
			if got := s.Path().Fate(id); got != tt.fate {
				t.Errorf("%s: fate %s, want %s", tt.name, got, tt.fate)
			}
		})
	}
}

func TestSnapshotAndClone(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *host) {
		h.open()
		id := atEscrow(t, s, h)
		s.Faults().Arm("silence", 2)
		c := s.Clone()
		data, err := s.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		r := New(Options{})
		if err := r.Restore(data); err != nil {
			t.Fatal(err)
		}
		s.Faults().MendAll()
		h.ask(cmdReturn)
		time.Sleep(time.Second)
		if got := s.Path().Fate(id); got != notepath.Returned {
			t.Errorf("the original: got %s, want %s", got, notepath.Returned)
		}
		if !reflect.DeepEqual(c.Faults().List()[6], mechanism.Fault{Name: "silence", What: "there is no answer", Armed: 2}) {
			t.Errorf("the clone's faults: got %+v, want silence armed twice", c.Faults().List())
		}
		c.Faults().MendAll()
		for name, other := range map[string]*Sim{"clone": c, "restored": r} {
			o := serve(t, other)
			o.state(stEscrow, 0x63)
			o.ask(cmdStack1)
			halfway := other.Clone()
			time.Sleep(time.Second)
			o.state(stVendValid)
			if got := other.Path().Fate(id); got != notepath.Stacked {
				t.Errorf("the %s: got %s, want %s", name, got, notepath.Stacked)
			}
			w := serve(t, halfway)
			w.state(stVendValid)
			w.ask(cmdAck)
			w.state(stStacked)
		}
		// The time-out goes on in a copy.
		late := New(Options{})
		late.Restore(data)
		time.Sleep(escrowTime + time.Second)
		if got := late.Path().Fate(id); got != notepath.Returned {
			t.Errorf("a restored escrow after its time: got %s, want %s", got, notepath.Returned)
		}
		for _, bad := range []string{"{", "{\"path\":7}"} {
			if err := late.Restore([]byte(bad)); err == nil {
				t.Errorf("restored %s", bad)
			}
		}
	})
}

func TestLog(t *testing.T) {
	log := mechanism.NewLog()
	bubble(t, Options{Log: log}, func(t *testing.T, s *Sim, h *host) {
		time.Sleep(bootTime)
		h.state(powerUp)
	})
	got := log.After(context.Background(), 0)
	if len(got) != 2 || got[0].From != "host" || got[0].Hex != "fc05112756" || got[1].From != "device" || got[1].Device != "cash" || got[1].What != "answers STATUS REQUEST with POWER UP" {
		t.Errorf("log: got %+v", got)
	}
}

func TestUnplugIsToldToTheOwner(t *testing.T) {
	s := New(Options{})
	var told []bool
	s.OnPlug(func(in bool) { told = append(told, in) })
	s.Faults().Arm("unplug", 1)
	s.Faults().Arm("unplug", 0)
	if !reflect.DeepEqual(told, []bool{false, true}) {
		t.Errorf("told %v, want out and in", told)
	}
}

func TestWorldSpeaksTheContract(t *testing.T) {
	s := New(Options{})
	got, err := json.Marshal(s.Path().World())
	if want := `{"mouth":null,"inserted":[],"box":[],"taken":[],"returned":[]}`; err != nil || string(got) != want {
		t.Errorf("world: got %s, %v, want %s", got, err, want)
	}
}

// Whatever a host says, the acceptor neither dies nor loses a note.
func FuzzHost(f *testing.F) {
	for _, l := range lines(f, "testdata/dialogue.txt") {
		if rest, ok := strings.CutPrefix(l, "> "); ok {
			f.Add(unhex(f, rest))
		}
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		synctest.Test(t, func(t *testing.T) {
			s := New(Options{})
			s.m.PowerUp, s.m.Inhibit, s.m.Polled = 0, false, time.Now()
			h := serve(t, s)
			offer(t, s, 1000)
			time.Sleep(time.Second)
			h.say(said)
			h.hear()
			h.say(pack(byte(len(said)), said[:min(len(said), 200)]))
			h.hear()
			time.Sleep(time.Second)
			if err := s.Path().World().Balanced(); err != nil {
				t.Error(err)
			}
		})
	})
}
