package sspsim

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash/notepath"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(s), " ", ""))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

func lines(t testing.TB, name string) (list []string) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
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

func cut(packet []byte) (list []*request) {
	var h hearing
	for _, b := range packet {
		if r := h.hear(b); r != nil {
			list = append(list, r)
		}
	}
	return list
}

// The same packets pin the driver.
func TestPackets(t *testing.T) {
	for _, l := range lines(t, "packets.txt") {
		part := strings.Split(l, ";")
		seq, data, packet := unhex(t, part[1])[0], unhex(t, part[2]), unhex(t, part[3])
		if got := pack(seq, data); !bytes.Equal(got, packet) {
			t.Errorf("%s: packed % X", l, got)
		}
		for _, before := range [][]byte{nil, {1, 2, 3}, packet[:len(packet)-1], {0x7F, 0x80, 0x01, 0xF0, 0, 0}} {
			list := cut(append(bytes.Clone(before), packet...))
			if len(list) != 1 || list[0].seq != seq || !bytes.Equal(list[0].data, data) || !bytes.Equal(list[0].raw, packet) {
				t.Errorf("%s behind % X: cut %+v", l, before, list)
			}
		}
		for i := range packet {
			bad := bytes.Clone(packet)
			bad[i] ^= 0x20
			if list := cut(bad); len(list) != 0 {
				t.Errorf("%s with byte %d wrong: cut %+v, want it dropped", l, i, list)
			}
		}
	}
}

func TestBlocks(t *testing.T) {
	key := aesKey(0x0123456701234567, 0x5A6E)
	if want := unhex(t, "67452301674523016E5A000000000000"); !bytes.Equal(key, want) {
		t.Fatalf("key: got % X, want % X", key, want)
	}
	for _, l := range lines(t, "blocks.txt") {
		part := strings.Split(l, ";")
		n, err := strconv.Atoi(strings.TrimSpace(part[2]))
		if err != nil {
			t.Fatal(err)
		}
		count, plain := uint32(n), unhex(t, part[3])
		data := cut(unhex(t, part[4]))[0].data
		if got, whole := unlock(key, count, data); !whole || !bytes.Equal(got, plain) {
			t.Errorf("%s: got % X, %v", l, got, whole)
		}
		if got, whole := unlock(key, count+1, data); whole {
			t.Errorf("%s under another count: got % X", l, got)
		}
		for i := range data {
			bad := bytes.Clone(data)
			if bad[i] ^= 1; i == 0 {
				continue // whoever calls has looked at it
			}
			if got, whole := unlock(key, count, bad); whole {
				t.Errorf("%s with byte %d wrong: got % X", l, i, got)
			}
		}
		// Its own padding is not zeros, but what it locks it can unlock.
		if got, whole := unlock(key, 9, lock(key, 9, plain)); !whole || !bytes.Equal(got, plain) {
			t.Errorf("%s locked and unlocked: got % X, %v", l, got, whole)
		}
	}
}

func TestKeyAgreement(t *testing.T) {
	k := keys{Generator: 982451653, Modulus: 1287821, Count: 5}
	if got := k.agree(1131985, 11); got != 1053164 || k.Shared != 762583 || !k.Agreed || k.Count != 0 {
		t.Errorf("got %d and %+v, want 1053164 and the shared number 762583", got, k)
	}
}

// serve puts a host at the line of s until the test ends.
func serve(t *testing.T, s *Sim) net.Conn {
	near, far := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(ctx, far) }()
	t.Cleanup(func() { near.Close(); cancel(); <-done; far.Close() })
	return near
}

// talk says a packet and gives what comes back within 100 ms.
func talk(t *testing.T, conn net.Conn, packet []byte) (all []byte) {
	t.Helper()
	if _, err := conn.Write(packet); err != nil {
		t.Fatal(err)
	}
	for {
		conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		b := make([]byte, 512)
		n, err := conn.Read(b)
		if all = append(all, b[:n]...); err != nil {
			return all
		}
	}
}

// TestDialogue plays testdata/dialogue.txt.
func TestDialogue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		conn := serve(t, s)
		var said, got []byte
		for i, l := range lines(t, "dialogue.txt") {
			word, rest, _ := strings.Cut(l, " ")
			switch word {
			case ">":
				said = unhex(t, rest)
				got = talk(t, conn, said)
			case "<":
				want := []byte(nil)
				if rest != "-" {
					want = unhex(t, rest)
				}
				if !bytes.Equal(got, want) {
					t.Fatalf("row %d: asked % X, got % X, want % X", i+1, said, got, want)
				}
			case "hand":
				face, err := strconv.ParseInt(rest, 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.Path().Offer(face, "CNY", notepath.Genuine); err != nil {
					t.Fatal(err)
				}
			case "wait":
				d, err := time.ParseDuration(rest)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(d) // virtual
			default:
				t.Fatalf("row %d: %q", i+1, l)
			}
		}
	})
}

// ask is one command in clear with the flag that is due.
type asker struct {
	t    *testing.T
	conn net.Conn
	flag byte
}

func newAsker(t *testing.T, s *Sim) *asker {
	a := &asker{t: t, conn: serve(t, s), flag: 0x80}
	a.ask(cmdSync)
	a.flag = 0
	return a
}

func (a *asker) ask(data ...byte) []byte {
	a.t.Helper()
	answer := cut(talk(a.t, a.conn, pack(a.flag, data)))
	if len(answer) != 1 {
		a.t.Fatalf("% X: got %d answers, want 1", data, len(answer))
	}
	a.flag ^= 0x80
	return answer[0].data
}

func (a *asker) want(want string, data ...byte) {
	a.t.Helper()
	if got := a.ask(data...); fmt.Sprintf("%X", got) != strings.ReplaceAll(want, " ", "") {
		a.t.Fatalf("% X: got % X, want %s", data, got, want)
	}
}

// A note in escrow goes back when no host holds it any longer, and the unit says why.
func TestEscrowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		a := newAsker(t, s)
		a.want("F0", cmdInhibits, 0xFF, 0xFF)
		a.want("F0", cmdEnable)
		id, _ := s.Path().Offer(500, "CNY", notepath.Genuine)
		time.Sleep(time.Second)
		a.want("F0 F1 EF 02", cmdPoll)
		for range 20 {
			time.Sleep(escrowTime - time.Second)
			a.want("F0", cmdHold)
		}
		if got := s.Path().Fate(id); got != notepath.Escrow {
			t.Fatalf("held for minutes: %s", got)
		}
		time.Sleep(escrowTime + time.Second)
		a.want("F8", cmdHold)
		a.want("F8", cmdReject)
		a.want("F0 EC E8", cmdPoll) // nobody asked it anything meanwhile: it has shut itself
		a.want("F0 13", cmdLastReject)
		if got := s.Path().Fate(id); got != notepath.Returned {
			t.Errorf("fate: %s", got)
		}
	})
}

// A unit that lost its power finds the note on its way, says so once it was asked, and counts it or not.
func TestClearedAtPowerUp(t *testing.T) {
	for _, tt := range []struct {
		in, counts, hides bool
		poll, counters    string
	}{
		{true, false, false, "F0 F1 E2 03 E8", "F0 05 00000000 00000000 00000000 00000000 00000000"},
		{false, false, false, "F0 F1 E1 03 E8", "F0 05 00000000 00000000 00000000 00000000 00000000"},
		{true, true, false, "F0 F1 E2 03 E8", "F0 05 01000000 00000000 00000000 00000000 00000000"},
		{false, true, true, "F0 F1 E8", "F0 05 00000000 00000000 00000000 00000000 01000000"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := New(Options{CountsCleared: tt.counts, HidesCleared: tt.hides})
			a := newAsker(t, s)
			a.want("F0", cmdInhibits, 0xFF)
			a.want("F0", cmdEnable)
			if _, err := s.Path().Offer(1000, "CNY", notepath.Genuine); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			a.want("F0 F1 EF 03", cmdPoll)
			s.Power(false, tt.in)
			s.Power(true, false)
			s.Power(true, false) // and restarts once more before anybody asked
			time.Sleep(bootTime)
			a.flag = 0x80
			a.want("F0", cmdSync)
			a.flag = 0
			a.want(tt.poll, cmdPoll)
			a.want(tt.counters, cmdCounters)
			a.want("F0 E8", cmdPoll)
		})
	}
}

func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAsker(t, New(Options{Version: 7, NoKeys: true, NoCounters: true}))
		a.want("F8", cmdVersion, 8)
		a.want("F0", cmdVersion, 7)
		a.want("F3", cmdVersion)
		a.want("F3", cmdInhibits)
		a.want("F2", 0x99)
		a.want("F2", cmdCounters)
		a.want("F2", cmdGenerator, 1, 2, 3, 4, 5, 6, 7, 8)
		a.want("FA", cmdPollAck)
		a.want("F8", cmdHold)
	})
	synctest.Test(t, func(t *testing.T) {
		a := newAsker(t, New(Options{}))
		a.want("F8", cmdKeys, 1, 2, 3, 4, 5, 6, 7, 8) // neither generator nor modulus yet
		a.want("FA", lock(aesKey(0x0123456701234567, 0), 0, []byte{cmdPoll})...)
	})
}

// A clone goes its own way, and a snapshot gives the same unit.
func TestCloneAndSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		a := newAsker(t, s)
		a.want("F0", cmdInhibits, 0xFF)
		a.want("F0", cmdEnable)
		id, _ := s.Path().Offer(100, "CNY", notepath.Genuine)
		time.Sleep(time.Second)
		data, err := s.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		c, r := s.Clone(), New(Options{})
		if err := r.Restore(data); err != nil {
			t.Fatal(err)
		}
		for name, other := range map[string]*Sim{"clone": c, "restored": r} {
			if got := other.Path().Fate(id); got != notepath.Escrow {
				t.Errorf("%s: fate %s", name, got)
			}
			b := newAsker(t, other)
			b.want("F0 F1 EF 01", cmdPoll)
			b.want("F0 CC", cmdPoll)
			halfway := other.Clone()
			time.Sleep(time.Second)
			b.want("F0 EE 01 EB", cmdPoll)
			if got := halfway.Path().Fate(id); got != notepath.Stacked {
				t.Errorf("%s: the clone of a note on its way: fate %s", name, got)
			}
		}
		if got := s.Path().Fate(id); got != notepath.Escrow {
			t.Errorf("the first one: fate %s", got)
		}
		if err := r.Restore([]byte("{")); err == nil {
			t.Error("half a snapshot was restored")
		}
	})
}

func FuzzHear(f *testing.F) {
	for _, l := range lines(f, "packets.txt") {
		f.Add(unhex(f, strings.Split(l, ";")[3]))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, r := range cut(b) {
			if !bytes.Equal(pack(r.seq, r.data), r.raw) {
				t.Errorf("% x: %+v is packed otherwise", b, r)
			}
			s := New(Options{})
			if data, _ := s.answer(r.data, true); len(data) == 0 {
				t.Errorf("% x: no answer", r.data)
			}
		}
	})
}
