package cctalksim

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

	"yichuang/devices/cash/ccslave"
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

// ask says a command and gives the data of the answer; nil is silence.
func (h *host) ask(header byte, data ...byte) []byte {
	h.t.Helper()
	h.say(ccslave.Pack(40, 1, header, data, false))
	answer := h.hear()
	if len(answer) < 5 || int(answer[1])+5 != len(answer) {
		return nil
	}
	return answer[4 : len(answer)-1]
}

// open lets notes in.
func (h *host) open() {
	h.ask(hdrSetMode, 3)
	h.ask(hdrSetInhibits, 255, 255)
	h.ask(hdrSetMaster, 1)
}

func (h *host) events(want ...byte) {
	h.t.Helper()
	want = append(want, make([]byte, 11)...)[:11]
	if got := h.ask(hdrEvents); !bytes.Equal(got, want) {
		h.t.Fatalf("events: got %v, want %v", got, want)
	}
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

func TestCounterSkipsZero(t *testing.T) {
	m := awake()
	for i := 1; i <= 600; i++ {
		m.Added = nil
		m.post(0, byte(i))
		if want := byte((i-1)%255 + 1); m.Counter != want {
			t.Fatalf("after %d events: counter %d, want %d", i, m.Counter, want)
		}
	}
}

func TestTwoEventsASlice(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *host) {
		s.Path().Sync(func() {
			for i := range byte(5) {
				s.m.post(0, 20+i)
			}
		})
		h.events(2, 0, 21, 0, 20) // each ask takes 100 ms
		h.events(2, 0, 21, 0, 20)
		h.events(4, 0, 23, 0, 22, 0, 21, 0, 20)
		h.events(4, 0, 23, 0, 22, 0, 21, 0, 20)
		h.events(5, 0, 24, 0, 23, 0, 22, 0, 21, 0, 20)
	})
}

func TestShutsItselfWithoutPolls(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *host) {
		h.open()
		time.Sleep(4500 * time.Millisecond)
		if got := h.ask(hdrReadMaster)[0]; got != 1 {
			t.Errorf("after 4.6 s without polls: master %d, want 1", got)
		}
		h.events()
		time.Sleep(5100 * time.Millisecond)
		if got := s.Path().Fate(offer(t, s, 100)); got != notepath.Refused {
			t.Errorf("a note after 5 s without polls: got %s, want %s", got, notepath.Refused)
		}
		h.events(1, 0, 0)
		if got := h.ask(hdrReadMaster)[0]; got != 0 {
			t.Errorf("master %d, want 0", got)
		}
		if got := h.ask(hdrReadInhibits); !bytes.Equal(got, []byte{255, 255}) {
			t.Errorf("inhibits %v, want them kept", got)
		}
	})
}

func TestEscrowTimesOut(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *host) {
		h.open()
		id := offer(t, s, 100)
		time.Sleep(25 * time.Second)
		if got := h.ask(hdrRoute, 255); len(got) != 0 || got == nil {
			t.Errorf("extend: got %v, want ACK", got)
		}
		time.Sleep(25 * time.Second)
		if got := s.Path().Fate(id); got != notepath.Escrow {
			t.Errorf("25 s after the extension: got %s, want %s", got, notepath.Escrow)
		}
		time.Sleep(6 * time.Second)
		if got := s.Path().Fate(id); got != notepath.Returned {
			t.Errorf("31 s after the extension: got %s, want %s", got, notepath.Returned)
		}
		// 0,0 of the watchdog was told while the note was held.
		h.events(3, 0, 1, 0, 0, 1, 1)
	})
}

func TestSlowPacketIsDropped(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *host) {
		poll := ccslave.Pack(40, 1, hdrSimplePoll, nil, false)
		for _, tt := range []struct {
			gap  time.Duration
			want int
		}{{40 * time.Millisecond, 5}, {60 * time.Millisecond, 0}} {
			h.say(poll[:3])
			time.Sleep(tt.gap)
			h.say(poll[3:])
			if got := h.hear(); len(got) != tt.want {
				t.Errorf("gap of %v: got % x, want %d bytes", tt.gap, got, tt.want)
			}
		}
		h.say(append(poll, poll...))
		if got := len(h.hear()); got != 10 {
			t.Errorf("two packets at once: got %d bytes, want 10", got)
		}
		h.say(ccslave.Pack(0, 1, hdrSimplePoll, nil, false))
		if got := len(h.hear()); got != 5 {
			t.Errorf("broadcast: got %d bytes, want 5", got)
		}
	})
}

func TestEchoAndPace(t *testing.T) {
	bubble(t, Options{Echo: true, CRC: true, BaudPace: true}, func(t *testing.T, s *Sim, h *host) {
		poll := ccslave.Pack(40, 1, hdrSimplePoll, nil, true)
		began := time.Now()
		h.say(poll)
		want := append(bytes.Clone(poll), ccslave.Pack(1, 40, 0, nil, true)...)
		if got := h.hear(); !bytes.Equal(got, want) {
			t.Errorf("got % X, want the echo and ACK % X", got, want)
		}
		if got, want := time.Since(began), 100*time.Millisecond+5*1042*time.Microsecond; got != want {
			t.Errorf("it took %v, want %v", got, want)
		}
	})
}

func TestSelfCheck(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *host) {
		check := func(want byte) {
			t.Helper()
			if got := h.ask(hdrSelfCheck); !bytes.Equal(got, []byte{want}) {
				t.Errorf("self-check: got %v, want %d", got, want)
			}
		}
		check(0)
		for _, f := range []struct {
			name string
			code byte
		}{{"box_removed", 44}, {"box_full", 45}} {
			s.Faults().Arm(f.name, 1)
			check(f.code)
			s.Faults().Arm(f.name, 0)
			check(0)
		}
		h.open()
		s.Faults().Arm("jam", 1)
		offer(t, s, 100)
		time.Sleep(time.Second)
		check(39)
		if got := h.ask(hdrRoute, 1); !bytes.Equal(got, []byte{routeFailed}) {
			t.Errorf("route a stuck note: got %v, want %d", got, routeFailed)
		}
		s.Faults().Arm("jam", 0)
		check(0)
		s.Faults().Arm("fraud", 1)
		offer(t, s, 100)
		time.Sleep(time.Second)
		check(41)
		time.Sleep(fraudTime)
		check(0)
	})
}

func TestFullBoxEvents(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *host) {
		h.open()
		id := offer(t, s, 500)
		time.Sleep(700 * time.Millisecond)
		s.Faults().Arm("box_full", 1)
		time.Sleep(eventSlice)
		h.events(3, 0, 0, 0, 14, 2, 1)
		if got := h.ask(hdrRoute, 1); !bytes.Equal(got, []byte{routeFailed}) {
			t.Errorf("stack into a full box: got %v, want %d", got, routeFailed)
		}
		if got := h.ask(hdrRoute, 0); got == nil || len(got) != 0 {
			t.Errorf("return: got %v, want ACK", got)
		}
		time.Sleep(time.Second)
		if got := s.Path().Fate(id); got != notepath.Returned {
			t.Errorf("fate: got %s, want %s", got, notepath.Returned)
		}
		s.Faults().Arm("box_full", 0)
		s.Faults().Arm("box_full", 0) // mended twice is mended once
		h.events(5, 0, 10, 0, 1, 0, 0, 0, 14, 2, 1)
	})
}

func TestSwallowsWithoutEscrowMode(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *host) {
		h.ask(hdrSetInhibits, 4, 0)
		h.ask(hdrSetMaster, 1)
		if got := s.Path().Fate(offer(t, s, 1000)); got != notepath.Moving {
			t.Fatalf("fate: got %s, want %s", got, notepath.Moving)
		}
		time.Sleep(1400 * time.Millisecond)
		h.events(1, 3, 0)
		offer(t, s, 500)
		time.Sleep(700 * time.Millisecond)
		h.events(2, 0, 4, 3, 0)
	})
}

func TestPowerCut(t *testing.T) {
	for _, in := range []bool{false, true} {
		bubble(t, Options{}, func(t *testing.T, s *Sim, h *host) {
			h.open()
			id := offer(t, s, 1000)
			want := notepath.Returned
			if in {
				want = notepath.Stacked
			}
			// The cut comes the moment the note leaves escrow for the box: before the acknowledgement.
			s.Path().OnPoint(func(point string) {
				if point == "cash.moving" && s.Path().Leg() == notepath.Stacking {
					s.Power(false, in)
				}
			})
			time.Sleep(time.Second)
			if got := h.ask(hdrRoute, 1); got != nil {
				t.Errorf("a dead validator answers %v", got)
			}
			if got := s.Path().Fate(id); got != want {
				t.Errorf("fate with in %v: got %s, want %s", in, got, want)
			}
			if got := h.ask(hdrSimplePoll); got != nil {
				t.Errorf("a dead validator answers %v", got)
			}
			s.Power(true, in)
			if got := h.ask(hdrSimplePoll); got != nil {
				t.Errorf("a starting validator answers %v", got)
			}
			time.Sleep(bootTime)
			h.events()
			if got := h.ask(hdrReadMaster)[0]; got != 0 {
				t.Errorf("master after power-up: %d, want 0", got)
			}
			if err := s.Path().World().Balanced(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSnapshotAndClone(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *host) {
		h.open()
		id := offer(t, s, 1000)
		time.Sleep(time.Second)
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
		h.ask(hdrRoute, 0)
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
			if got := other.Path().Fate(id); got != notepath.Escrow {
				t.Fatalf("the %s: got %s, want %s", name, got, notepath.Escrow)
			}
			o.events(1, 3, 1)
			o.ask(hdrRoute, 1)
			halfway := other.Clone()
			time.Sleep(time.Second)
			for _, s := range []*Sim{other, halfway} {
				if got := s.Path().Fate(id); got != notepath.Stacked {
					t.Errorf("the %s: got %s, want %s", name, got, notepath.Stacked)
				}
			}
			o.events(2, 3, 0, 3, 1)
		}
		if got := count(s.Path().World().Box); got != 0 {
			t.Errorf("%d notes in the original's box, want none", got)
		}
		// The time-out goes on in a copy.
		late := New(Options{})
		late.Restore(data)
		time.Sleep(escrowTime + time.Second)
		if got := late.Path().Fate(id); got != notepath.Returned {
			t.Errorf("a restored escrow after its time: got %s, want %s", got, notepath.Returned)
		}
		if err := late.Restore([]byte("{")); err == nil {
			t.Error("restored half a snapshot")
		}
	})
}

func count(list []notepath.Tally) (n int) {
	for _, t := range list {
		n += t.Count
	}
	return n
}

func TestLog(t *testing.T) {
	log := mechanism.NewLog()
	bubble(t, Options{Log: log}, func(t *testing.T, s *Sim, h *host) {
		h.ask(hdrSimplePoll)
	})
	got := log.After(context.Background(), 0)
	if len(got) != 2 || got[0].From != "host" || got[0].Hex != "280001fed9" || got[1].From != "device" || got[1].Hex != "01002800d7" || got[0].Device != "cash" {
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

// Whatever a host says, the validator neither dies nor loses a note.
func FuzzHost(f *testing.F) {
	for _, l := range lines(f, "testdata/dialogue.txt") {
		if rest, ok := strings.CutPrefix(l, "> "); ok {
			f.Add(unhex(f, rest), false)
		}
	}
	f.Fuzz(func(t *testing.T, said []byte, crc bool) {
		synctest.Test(t, func(t *testing.T) {
			s := New(Options{CRC: crc})
			s.m.Master, s.m.Mask, s.m.Mode, s.m.Polled = true, 0xFFFF, 3, time.Now()
			h := serve(t, s)
			offer(t, s, 1000)
			time.Sleep(time.Second)
			h.say(said)
			h.hear()
			h.say(ccslave.Pack(40, 1, byte(len(said)), said[:min(len(said), 200)], crc))
			h.hear()
			time.Sleep(time.Second)
			if err := s.Path().World().Balanced(); err != nil {
				t.Error(err)
			}
		})
	})
}
