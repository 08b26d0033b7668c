package cctalkcoinsim

import (
	"bytes"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash/ccslave"
	"yichuang/devices/cash/ccslave/ccslavetest"
	"yichuang/devices/cash/coinpath"
)

func bubble(t *testing.T, o Options, tell func(t *testing.T, s *Sim, h *ccslavetest.Host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := New(o)
		tell(t, s, ccslavetest.Serve(t, s.o.Address, s.Serve))
	})
}

// open lets coins in.
func open(h *ccslavetest.Host) {
	h.Says("", hdrSetInhibits, 255, 255)
	h.Says("", hdrSetMaster, 1)
}

func drop(s *Sim, face int64) {
	s.Path().Insert(face, "CNY", coinpath.Genuine)
	time.Sleep(500 * time.Millisecond) // virtual
}

func TestDialogue(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *ccslavetest.Host) {
		h.Dialogue("testdata/dialogue.txt", func(verb, rest string) {
			face, err := strconv.ParseInt(rest, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			switch verb {
			case "coin":
				s.Path().Insert(face, "CNY", coinpath.Genuine)
			case "slug":
				s.Path().Insert(face, "CNY", coinpath.Slug)
			default:
				t.Fatalf("what is %q?", verb)
			}
		})
	})
}

func TestCounterSkipsZero(t *testing.T) {
	m := memory{}
	for i := 1; i <= 600; i++ {
		m.Added = nil
		m.post(0, byte(i))
		if want := byte((i-1)%255 + 1); m.Counter != want {
			t.Fatalf("after %d events: counter %d, want %d", i, m.Counter, want)
		}
	}
}

func TestTwoEventsASlice(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *ccslavetest.Host) {
		s.Path().Sync(func() {
			for i := range byte(5) {
				s.m.post(0, 20+i)
			}
		})
		for _, want := range []string{"02 0015 0014 0000 0000 0000", "02 0015 0014 0000 0000 0000", "04 0017 0016 0015 0014 0000", "04 0017 0016 0015 0014 0000", "05 0018 0017 0016 0015 0014"} {
			h.Says(want, hdrEvents) // each takes 100 ms
		}
	})
}

func TestShutsItselfWithoutPolls(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *ccslavetest.Host) {
		open(h)
		time.Sleep(4500 * time.Millisecond) // virtual
		h.Says("01", hdrReadMaster)
		h.Data(hdrEvents)
		time.Sleep(5100 * time.Millisecond) // virtual
		drop(s, 100)
		h.Says("01 0002 0000 0000 0000 0000", hdrEvents)
		h.Says("00", hdrReadMaster)
		h.Says("FFFF", hdrReadInhibits)
	})
}

// What each of the coins and faults shows.
func TestEventsOfCoins(t *testing.T) {
	for _, tt := range []struct {
		name string
		hand func(s *Sim, h *ccslavetest.Host)
		want string // counter and newest event
		in   int
	}{
		{"a coin", func(s *Sim, _ *ccslavetest.Host) { drop(s, 50) }, "01 0201", 1},
		{"by another way of the sorter", func(s *Sim, h *ccslavetest.Host) { h.Says("", hdrSetPath, 2, 5); h.Says("05", hdrPath, 2); drop(s, 50) }, "01 0205", 1},
		{"a foreign coin", func(s *Sim, _ *ccslavetest.Host) { s.Path().Insert(50, "HKD", coinpath.Genuine) }, "01 0001", 0},
		{"on a string", func(s *Sim, _ *ccslavetest.Host) { s.Path().Insert(50, "CNY", coinpath.Strung) }, "01 0014", 0},
		{"fraud", func(s *Sim, _ *ccslavetest.Host) { s.Faults().Arm("fraud", 1); drop(s, 50) }, "01 0011", 0},
		{"swallowed", func(s *Sim, _ *ccslavetest.Host) { s.Faults().Arm("swallow", 1); drop(s, 50) }, "01 0024", 1},
		{"stuck", func(s *Sim, _ *ccslavetest.Host) { s.Faults().Arm("jam", 1); drop(s, 50) }, "01 0004", 0},
		{"stuck and freed", func(s *Sim, _ *ccslavetest.Host) { s.Faults().Arm("jam", 1); drop(s, 50); s.Faults().Arm("jam", 0) }, "01 0004", 0},
		{"the lever", func(s *Sim, _ *ccslavetest.Host) { s.Faults().Arm("lever", 1); drop(s, 50); s.Faults().Arm("lever", 1) }, "01 00FE", 0},
		{"no power", func(s *Sim, _ *ccslavetest.Host) {
			drop(s, 50)
			s.Power(false, true)
			drop(s, 50)
			s.Lever(true)
			s.Power(true, true)
			time.Sleep(bootTime) // virtual
		}, "00 0000", 1},
	} {
		bubble(t, Options{}, func(t *testing.T, s *Sim, h *ccslavetest.Host) {
			open(h)
			tt.hand(s, h)
			time.Sleep(time.Second) // virtual
			got := h.Data(hdrEvents)[:3]
			if want := ccslavetest.Unhex(t, tt.want); !bytes.Equal(got, want) {
				t.Errorf("%s: got % X, want % X", tt.name, got, want)
			}
			n := 0
			for _, c := range s.Path().World().In() {
				n += c.Count
			}
			if n != tt.in {
				t.Errorf("%s: %d coins in, want %d", tt.name, n, tt.in)
			}
		})
	}
}

func TestSelfCheckAndStatus(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *ccslavetest.Host) {
		open(h)
		says := func(check, status string) {
			t.Helper()
			h.Says(check, hdrSelfCheck)
			h.Says(status, hdrStatus)
			h.Data(hdrEvents)
		}
		says("00", "00")
		s.Faults().Arm("lever", 1)
		says("00", "01")
		s.Faults().Arm("lever", 0)
		says("00", "00")
		s.Path().Insert(100, "CNY", coinpath.Strung)
		time.Sleep(500 * time.Millisecond) // virtual
		says("00", "02")
		time.Sleep(fraudTime) // virtual
		says("00", "00")
		for wait, check := range map[time.Duration]string{0: "07", 160 * time.Millisecond: "03"} {
			s.Path().Insert(100, "CNY", coinpath.Genuine)
			time.Sleep(wait) // virtual
			s.Faults().Arm("jam", 1)
			time.Sleep(500 * time.Millisecond) // virtual
			says(check, "00")
			s.Faults().Arm("jam", 0)
			time.Sleep(500 * time.Millisecond) // virtual
			says("00", "00")
		}
		s.Path().Insert(100, "CNY", coinpath.Slug)
		time.Sleep(160 * time.Millisecond) // virtual
		s.Faults().Arm("jam", 1)
		time.Sleep(500 * time.Millisecond) // virtual
		says("12", "00")
	})
}

// Counters of coins and the sorter's paths outlive a power cut; everything else does not.
func TestWhatOutlivesPower(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *ccslavetest.Host) {
		open(h)
		h.Says("", hdrSetPath, 3, 2)
		h.Says("nak", hdrSetPath, 3, 9)
		h.Says("nak", hdrSetPath, 0, 1)
		h.Says("nak", hdrSetPath, 3)
		drop(s, 100)
		s.Path().Insert(100, "CNY", coinpath.Slug)
		time.Sleep(time.Second) // virtual
		s.Power(false, true)
		h.Says("-", hdrSimplePoll)
		s.Power(true, true)
		h.Says("-", hdrSimplePoll)
		time.Sleep(bootTime) // virtual
		h.Says("", hdrSimplePoll)
		h.Says("02", hdrPath, 3)
		h.Says("01 0000", hdrAccepted)
		h.Says("02 0000", hdrInserted)
		h.Says("0000", hdrReadInhibits)
		h.Says("00", hdrReadMaster)
	})
}

func TestLabelsAndValues(t *testing.T) {
	bubble(t, Options{Address: 11, Serial: 0x010203, Country: "JP", Currency: "JPY", Faces: []int64{5, 50, 500, 1000, 1500, 25000}, NoStatus: true}, func(t *testing.T, s *Sim, h *ccslavetest.Host) {
		h.Says("030201", hdrSerial)
		for kind, want := range []string{"JP005A", "JP050A", "JP500A", "JP1K0A", "JP1K5A", "JP25KA", "......"} {
			if got := string(h.Data(hdrCoinID, byte(kind+1))); got != want {
				t.Errorf("coin %d: got %q, want %q", kind+1, got, want)
			}
		}
		h.Says("nak", hdrCoinID, 0)
		h.Says("-", hdrStatus)
		h.Says("010407", hdrCommsRevision)
		h.Says("0214", hdrPollPriority)
		h.Says("000000", hdrCommsStatus)
		h.Says("", hdrClearComms)
		h.Says("01", hdrDefaultPath)
		h.Says("", hdrSetDefaultPath, 1)
		h.Says("00", hdrOpto)
		s.Path().Insert(5, "JPY", coinpath.Genuine)
		h.Says("01", hdrOpto)
		h.Says("-", 77)
		for header, want := range map[byte]string{hdrMaker: "YCS", hdrCategory: "Coin Acceptor", hdrProduct: "YC-2", hdrSoftware: "YC2-1.00", hdrBuild: "SIM"} {
			if got := string(h.Data(header)); got != want {
				t.Errorf("%s: got %q, want %q", ccslave.HeaderName(header), got, want)
			}
		}
	})
}

func TestEncrypted(t *testing.T) {
	bubble(t, Options{Encrypted: true}, func(t *testing.T, _ *Sim, h *ccslavetest.Host) {
		h.Says("-", hdrSimplePoll)
		h.Says("-", hdrEncryption)
		if got := h.Data(hdrEncryption, 0xAA, 0x55, 0, 0, 0x55, 0xAA); got[0] != 1 {
			t.Errorf("header 111: got % x, want a level of 1", got)
		}
	})
}

func TestUnplugAndReset(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *ccslavetest.Host) {
		var plugs []bool
		s.OnPlug(func(in bool) { plugs = append(plugs, in) })
		s.Faults().Arm("unplug", 1)
		s.Faults().Arm("unplug", 0)
		if len(plugs) != 2 || plugs[0] || !plugs[1] {
			t.Errorf("the plug: got %v, want out and in", plugs)
		}
		open(h)
		s.Path().Insert(100, "CNY", coinpath.Genuine)
		time.Sleep(200 * time.Millisecond) // virtual: past the gate
		s.Faults().Arm("reset", 3)
		h.Says("-", hdrEvents)
		time.Sleep(bootTime) // virtual
		h.Says("00 0000 0000 0000 0000 0000", hdrEvents)
		if got := s.Path().World().In(); len(got) != 1 {
			t.Errorf("in: got %v, want the coin of which nobody tells", got)
		}
	})
}

func TestSnapshotAndClone(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Sim, h *ccslavetest.Host) {
		open(h)
		drop(s, 100)
		s.Faults().Arm("fraud", 2)
		data, err := s.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		twin := s.Clone()
		again := New(Options{})
		if err := again.Restore(data); err != nil {
			t.Fatal(err)
		}
		drop(s, 50)
		for name, x := range map[string]*Sim{"clone": twin, "restored": again} {
			other := ccslavetest.Serve(t, 2, x.Serve)
			if got := other.Data(hdrEvents); !bytes.Equal(got, ccslavetest.Unhex(t, "01 0301 0000 0000 0000 0000")) {
				t.Errorf("%s: events % x", name, got)
			}
			if got := x.Path().World().In(); len(got) != 1 || got[0].Face != 100 {
				t.Errorf("%s: in %v, want one coin of 100", name, got)
			}
		}
		again.Path().Insert(50, "CNY", coinpath.Genuine)
		halfway := again.Clone()
		time.Sleep(time.Second)
		if got := halfway.Path().World().In(); len(got) != 2 {
			t.Errorf("the clone of a coin on its way: in %v, want two coins", got)
		}
		if !twin.Faults().On("fraud") {
			t.Error("the clone has lost its armed fault")
		}
		for _, bad := range []string{"{", `{"path":"x"}`} {
			if err := again.Restore([]byte(bad)); err == nil {
				t.Errorf("restored %q", bad)
			}
		}
	})
}

// Whatever a host says, the acceptor neither dies nor loses a coin.
func FuzzHost(f *testing.F) {
	for _, said := range ccslavetest.Said(f, "testdata/dialogue.txt") {
		f.Add(said, false)
	}
	f.Fuzz(func(t *testing.T, said []byte, crc bool) {
		synctest.Test(t, func(t *testing.T) {
			s := New(Options{CRC: crc})
			s.m.Master, s.m.Mask, s.m.Polled = true, 0xFFFF, time.Now()
			h := ccslavetest.Serve(t, 2, s.Serve)
			s.Path().Insert(100, "CNY", coinpath.Genuine)
			time.Sleep(200 * time.Millisecond) // virtual
			if len(said) > 0 {
				h.Say(said)
				h.Hear()
			}
			h.Say(ccslave.Pack(2, 1, byte(len(said)), said[:min(len(said), 200)], crc))
			h.Hear()
			time.Sleep(time.Second) // virtual
			if err := s.Path().World().Balanced(); err != nil {
				t.Error(err)
			}
		})
	})
}
