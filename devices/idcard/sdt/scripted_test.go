package sdt_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/idcard"
	"yichuang/devices/idcard/idcardtest"
	"yichuang/devices/idcard/sdt"
	"yichuang/devices/wire"
)

// answer frames a verdict as a reader would.
func answer(sw3 byte, data ...byte) []byte {
	n := len(data) + 4
	f := append([]byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, byte(n >> 8), byte(n), 0, 0, sw3}, data...)
	var x byte
	for _, c := range f[5:] {
		x ^= c
	}
	return append(f, x)
}

// scripted is a reader that answers each command with what a list says, its last line for ever. A nil
// answer is silence.
type scripted struct {
	mu    sync.Mutex // guards the three below while a line is open
	lists map[string][][]byte
	asked []string
	opens []int

	broken error
}

// well is a reader with a card on it.
func well(t *testing.T) *scripted {
	frames := idcardtest.Frames(t)["reply"]
	return &scripted{lists: map[string][][]byte{
		"10FF": {frames["ok"]}, "11FF": {frames["ok"]}, "12FF": {frames["sam-id"]}, "2001": {frames["find-ok"]}, "2002": {frames["select-ok"]},
		"3001": {frames["read-citizen"]}, "3010": {frames["readfp-citizen-none"]}, "3003": {frames["new-address"]}}}
}

func (s *scripted) open(t *testing.T) sdt.Opener {
	return func(baud int) (wire.Port, error) {
		s.mu.Lock()
		s.opens = append(s.opens, baud)
		s.mu.Unlock()
		if s.broken != nil {
			return nil, s.broken
		}
		host, device := net.Pipe()
		go func() {
			defer device.Close()
			for b := make([]byte, 64); ; {
				n, err := device.Read(b)
				if err != nil || n < 9 {
					return
				}
				name := fmt.Sprintf("%02X%02X", b[7], b[8])
				s.mu.Lock()
				s.asked = append(s.asked, name)
				list := s.lists[name]
				if len(list) > 1 {
					s.lists[name] = list[1:]
				}
				s.mu.Unlock()
				if len(list) > 0 && list[0] != nil {
					device.Write(list[0]) // ends with the line
				}
			}
		}()
		return host, nil
	}
}

// questions are the commands asked so far.
func (s *scripted) questions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// speeds are the openings so far.
func (s *scripted) speeds() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.opens)
}

// count is how often a command was asked.
func (s *scripted) count(name string) int {
	n := 0
	for _, a := range s.questions() {
		if a == name {
			n++
		}
	}
	return n
}

// play runs one Read against a script.
func play(t *testing.T, s *scripted, o sdt.Options, then func(r *sdt.Reader, c idcard.Card, err error, took time.Duration)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := sdt.New(s.open(t), o)
		if f := r.Fault(); f == nil || f.Kind != fault.Absent || f.Device != "idcard" || r.Info() != (idcard.Info{Protocol: "sdt"}) {
			t.Errorf("before Run: fault %v, info %+v", f, r.Info())
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { r.Run(ctx); close(ended) }()
		start := time.Now()
		limited, done := context.WithTimeout(ctx, idcardtest.Patience)
		defer done()
		c, err := r.Read(limited)
		for _, f := range []error{err, r.Fault()} {
			if f, is := f.(*fault.Error); is && f != nil && (f.Device != "idcard" || f.Op == "" || f.Kind != fault.Absent && f.Detail == "" && f.Err == nil) {
				t.Errorf("a fault that does not say where it befell: %#v", f)
			}
		}
		then(r, c, err, time.Since(start))
		cancel()
		<-ended
		if f := r.Fault(); f == nil || f.Kind != fault.Absent || f.Device != "idcard" || f.Op != "open" {
			t.Errorf("after Run: fault %#v, want %s at open", f, fault.Absent)
		}
	})
}

// TestEachVerdict: every word of the table, at the step where it comes, and what becomes of the citizen.
func TestEachVerdict(t *testing.T) {
	for _, tc := range []struct {
		cmd    string
		sw     []byte // the words in turn, then all is well
		kind   fault.Kind
		detail string
		reset  int
	}{
		{cmd: "3010", sw: []byte{0x41, 0x41}}, {cmd: "3010", sw: []byte{0x41, 0x41, 0x41}, kind: fault.Refused, detail: idcard.Unreadable},
		{cmd: "3010", sw: []byte{0x31}, kind: fault.Refused, detail: idcard.Unreadable},
		{cmd: "3010", sw: []byte{0x32}, kind: fault.Refused, detail: idcard.NotGenuine},
		{cmd: "3010", sw: []byte{0x33}, kind: fault.Refused, detail: idcard.NotGenuine},
		{cmd: "3010", sw: []byte{0x37}, kind: fault.Refused, detail: idcard.NotGenuine},
		{cmd: "2002", sw: []byte{0x40}, kind: fault.Refused, detail: idcard.NotIdentityCard},
		{cmd: "2002", sw: []byte{0x81, 0x81, 0x81}}, {cmd: "2002", sw: []byte{0x81, 0x81, 0x81, 0x81}, kind: fault.Refused, detail: idcard.NotIdentityCard},
		{cmd: "3010", sw: []byte{0x23}}, {cmd: "3010", sw: []byte{0x24, 0x3F}}, {cmd: "2002", sw: []byte{0x23, 0x24}}, {cmd: "2001", sw: []byte{0x24}},
		{cmd: "3010", sw: []byte{0x47}, reset: 1}, {cmd: "2002", sw: []byte{0x47, 0x47}, reset: 2},
		{cmd: "3010", sw: []byte{0x24, 0x3F, 0x23}, kind: fault.Refused, detail: idcard.Unreadable}, {cmd: "2002", sw: []byte{0x24, 0x24, 0x24}, kind: fault.Refused, detail: idcard.Unreadable},
		{cmd: "3010", sw: []byte{0x47, 0x47, 0x47}, kind: fault.Refused, detail: idcard.Unreadable, reset: 3},
		{cmd: "2002", sw: []byte{0x31}, kind: fault.Refused, detail: idcard.Unreadable}, {cmd: "12FF", sw: []byte{0x21}, kind: fault.Invalid},
		{cmd: "3010", sw: []byte{0x10}}, {cmd: "3010", sw: []byte{0x11}}, {cmd: "2001", sw: []byte{0x10}}, {cmd: "2001", sw: []byte{0x10, 0x11}, kind: fault.Garbled},
		{cmd: "3010", sw: []byte{0x21}}, {cmd: "2001", sw: []byte{0x21}, kind: fault.Invalid},
		{cmd: "2001", sw: []byte{0x60}, kind: fault.Broken}, {cmd: "3010", sw: []byte{0x66}, kind: fault.Broken},
		{cmd: "2001", sw: []byte{0x77}, kind: fault.Garbled}, {cmd: "2002", sw: []byte{0x77}, kind: fault.Garbled},
		{cmd: "11FF", sw: []byte{0x60}, kind: fault.Broken}, {cmd: "11FF", sw: []byte{0x66}, kind: fault.Broken}, {cmd: "12FF", sw: []byte{0x66}, kind: fault.Broken},
		{cmd: "2001", sw: []byte{0x80, 0x80, 0x80}},
		{cmd: "3003", sw: []byte{0x41}, kind: fault.Refused, detail: idcard.Unreadable},
		{cmd: "3003", sw: []byte{0x21}}, {cmd: "3003", sw: []byte{0x91}},
	} {
		t.Run(fmt.Sprintf("%s % X", tc.cmd, tc.sw), func(t *testing.T) {
			s := well(t)
			var list [][]byte
			for _, sw := range tc.sw {
				f := answer(sw)
				if sw == 0x80 {
					f = idcardtest.Frames(t)["reply"]["find-none"]
				}
				list = append(list, f)
			}
			s.lists[tc.cmd] = append(list, s.lists[tc.cmd]...)
			play(t, s, sdt.Options{NewestAddress: true}, func(r *sdt.Reader, c idcard.Card, err error, _ time.Duration) {
				if tc.kind == "" && (err != nil || c.Number != "110101194901010026") {
					t.Errorf("got %v, %v, want a card", c, err)
				}
				var f *fault.Error
				if tc.kind != "" && (!errors.As(err, &f) || f.Kind != tc.kind || tc.detail != "" && f.Detail != tc.detail) {
					t.Errorf("got %v, want %s %s", err, tc.kind, tc.detail)
				}
				if fit := r.Fault() == nil; fit != (tc.kind == "" || tc.kind == fault.Refused) {
					t.Errorf("fault of the reader: %v", r.Fault())
				}
				if n := s.count("10FF"); n != tc.reset {
					t.Errorf("the SAM was reset %d times, want %d", n, tc.reset)
				}
			})
		})
	}
}

// TestOneVisitOnTheLine: what is asked, in order, and that a reader says who it is.
func TestOneVisitOnTheLine(t *testing.T) {
	for _, tc := range []struct {
		o    sdt.Options
		want []string
		addr string
	}{
		{sdt.Options{}, []string{"11FF", "12FF", "2001", "2002", "3010"}, "北京市东城区测试街1号"},
		{sdt.Options{NoFingerprint: true}, []string{"11FF", "12FF", "2001", "2002", "3001"}, "北京市东城区测试街1号"},
		{sdt.Options{NewestAddress: true}, []string{"11FF", "12FF", "2001", "2002", "3010", "3003"}, "上海市测试路3号"},
	} {
		s := well(t)
		play(t, s, tc.o, func(r *sdt.Reader, c idcard.Card, err error, took time.Duration) {
			if err != nil || !slices.Equal(s.questions(), tc.want) || c.Address != tc.addr || len(c.Photo) != 1024 {
				t.Errorf("%+v: asked %v, want %v; %v", tc.o, s.questions(), tc.want, err)
			}
			if took > 100*time.Millisecond {
				t.Errorf("a card that lies there takes %v", took)
			}
			want := idcard.Info{Protocol: "sdt", SAM: "05.03-20110101-1234567890-2345678", Serial: "0500030015DB3201D2029649CECA2300"}
			if r.Info() != want {
				t.Errorf("info %+v, want %+v", r.Info(), want)
			}
		})
	}
}

// TestSilentReaderIsLookedForAtEachSpeed: and then told as silent.
func TestSilentReaderIsLookedForAtEachSpeed(t *testing.T) {
	s := &scripted{}
	play(t, s, sdt.Options{}, func(r *sdt.Reader, _ idcard.Card, err error, took time.Duration) {
		if !fault.Is(err, fault.Silent) || !slices.Equal(s.speeds(), []int{115200, 57600, 38400, 19200, 9600}) {
			t.Errorf("got %v, opened at %v", err, s.speeds())
		}
		if took > 20*time.Second || took < 5*time.Second {
			t.Errorf("found out after %v", took)
		}
	})
	s = &scripted{broken: errors.New("permission denied")}
	play(t, s, sdt.Options{}, func(r *sdt.Reader, _ idcard.Card, err error, took time.Duration) {
		if !fault.Is(err, fault.Absent) || len(s.speeds()) != 1 || took != 0 {
			t.Errorf("got %v, opened at %v after %v", err, s.speeds(), took)
		}
	})
}

// TestReaderFallsSilent: while a card is awaited, the person does not wait for a dead reader.
func TestReaderFallsSilent(t *testing.T) {
	// What each takes: the question, once more where that can help, and two status questions after each.
	for cmd, wait := range map[string]time.Duration{"2001": 3 * time.Second, "2002": 3500 * time.Millisecond, "3010": 7050 * time.Millisecond} { // the idle check may come first
		s := well(t)
		s.lists[cmd] = [][]byte{nil}
		s.lists["11FF"] = append(s.lists["11FF"], nil)
		play(t, s, sdt.Options{}, func(r *sdt.Reader, _ idcard.Card, err error, took time.Duration) {
			if !fault.Is(err, fault.Silent) || took < wait-100*time.Millisecond || took > wait+100*time.Millisecond {
				t.Errorf("%s: got %v after %v, want silent after %v", cmd, err, took, wait)
			}
			if f := r.Fault(); f == nil || f.Kind != fault.Silent {
				t.Errorf("%s: fault %v", cmd, f)
			}
		})
	}
}

// TestLostReadIsNotAskedAgainAtOnce: the card may rest, so find comes first, with either read command.
func TestLostReadIsNotAskedAgainAtOnce(t *testing.T) {
	for cmd, o := range map[string]sdt.Options{"3010": {}, "3001": {NoFingerprint: true}} {
		s := well(t)
		s.lists[cmd] = append([][]byte{nil}, s.lists[cmd]...)
		play(t, s, o, func(r *sdt.Reader, c idcard.Card, err error, took time.Duration) {
			if n := s.count("2002"); err != nil || n != 2 || s.count(cmd) != 2 {
				t.Errorf("got %v, %v, asked %v", c, err, s.questions())
			}
		})
	}
}

// TestSettlingTakesASecondTry: one lost status answer while the line is settled is forgiven.
func TestSettlingTakesASecondTry(t *testing.T) {
	s := well(t)
	s.lists["2001"] = append([][]byte{nil}, s.lists["2001"]...)
	s.lists["11FF"] = append([][]byte{s.lists["11FF"][0], nil}, s.lists["11FF"]...)
	play(t, s, sdt.Options{}, func(r *sdt.Reader, c idcard.Card, err error, took time.Duration) {
		if err != nil || len(s.speeds()) != 1 || took > 2200*time.Millisecond {
			t.Errorf("got %v, %v after %v, opened at %v", c, err, took, s.speeds())
		}
	})
}

// TestResetThatFails: a SAM that has no random number and does not come back is not waited for.
func TestResetThatFails(t *testing.T) {
	s := well(t)
	s.lists["3010"] = [][]byte{answer(0x47)}
	s.lists["10FF"] = [][]byte{nil}
	play(t, s, sdt.Options{}, func(r *sdt.Reader, _ idcard.Card, err error, took time.Duration) {
		if !fault.Is(err, fault.Silent) || r.Fault() == nil || s.count("3010") != 1 {
			t.Errorf("got %v, asked %v", err, s.questions())
		}
	})
}

// TestNoiseIsTold: a line that babbles is garbled, within a bounded time, at each step.
func TestNoiseIsTold(t *testing.T) {
	noise := make([]byte, 300)
	for i := range noise {
		noise[i] = byte(i * 7)
	}
	for _, cmd := range []string{"11FF", "12FF", "2001", "2002"} {
		s := well(t)
		s.lists[cmd] = [][]byte{noise}
		play(t, s, sdt.Options{}, func(r *sdt.Reader, _ idcard.Card, err error, took time.Duration) {
			if !fault.Is(err, fault.Garbled) && !fault.Is(err, fault.Silent) || took > 20*time.Second {
				t.Errorf("%s: got %v after %v", cmd, err, took)
			}
		})
	}
}

// TestLaterAddressThatMakesNoSense: half a character in it asks the person; an empty one leaves what is printed.
func TestLaterAddressThatMakesNoSense(t *testing.T) {
	for _, tc := range []struct {
		address []byte
		bad     bool
	}{{[]byte{0x00, 0xD8}, true}, {nil, false}, {[]byte{' ', 0}, false}} {
		s := well(t)
		s.lists["3003"] = [][]byte{answer(0x90, append(tc.address, make([]byte, 70-len(tc.address))...)...)}
		play(t, s, sdt.Options{NewestAddress: true}, func(_ *sdt.Reader, c idcard.Card, err error, _ time.Duration) {
			if tc.bad {
				wantRefusal(t, err, idcard.Unreadable)
				if c.Name != "" || c.Photo != nil {
					t.Errorf("a refused card is given: %v", c)
				}
			} else if err != nil || c.Address != "北京市东城区测试街1号" {
				t.Errorf("% X: got %v, %v, want the printed address", tc.address, c, err)
			}
		})
	}
}

// TestBlockThatMakesNoSense: a read that is whole on the line and not in itself asks the person.
func TestBlockThatMakesNoSense(t *testing.T) {
	s := well(t)
	s.lists["3010"] = [][]byte{answer(0x90, append([]byte{1, 0, 4, 0, 0, 1}, make([]byte, 1280)...)...)}
	play(t, s, sdt.Options{}, func(_ *sdt.Reader, _ idcard.Card, err error, _ time.Duration) {
		wantRefusal(t, err, idcard.Unreadable)
	})
	s.lists["3010"] = [][]byte{answer(0x90, append([]byte{1, 0, 4, 0, 0, 0}, make([]byte, 1280)...)...)} // flag NUL, no number
	play(t, s, sdt.Options{}, func(_ *sdt.Reader, _ idcard.Card, err error, _ time.Duration) {
		wantRefusal(t, err, idcard.Unreadable)
	})
}
