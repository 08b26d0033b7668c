package ccslave_test

import (
	"bytes"
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash/ccslave"
	"yichuang/devices/cash/ccslave/ccslavetest"
	"yichuang/devices/mechanism"
)

// slave is a device that gives back what it is asked.
func slave(address byte, crc bool) *ccslave.Slave {
	return &ccslave.Slave{Device: "bench", Address: address, CRC: crc, Faults: mechanism.NewFaults([]mechanism.Fault{{Name: "lost_reply"}}), Loses: 7,
		Alive:  func() bool { return true },
		Answer: func(r *ccslave.Request) (byte, []byte, bool) { return ccslave.Normal, r.Data, r.Header != 99 }}
}

// cabinet puts a host at a line with several devices.
func cabinet(t *testing.T, o ccslave.Options, tell func(h *ccslavetest.Host), slaves ...*ccslave.Slave) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		tell(ccslavetest.Serve(t, 2, func(ctx context.Context, rw io.ReadWriter) error { return ccslave.Serve(ctx, rw, o, slaves...) }))
	})
}

// Each device answers what is to its address and has its checksum, and nothing else.
func TestSeveralOnOneWire(t *testing.T) {
	cabinet(t, ccslave.Options{}, func(h *ccslavetest.Host) {
		for _, tt := range []struct {
			to     byte
			crc    bool
			answer bool
		}{{2, false, true}, {2, true, false}, {40, true, true}, {40, false, false}, {3, false, true}, {4, false, false}} {
			h.Say(ccslave.Pack(tt.to, 1, 50, []byte{7, tt.to}, tt.crc))
			want := ccslave.Pack(1, tt.to, 0, []byte{7, tt.to}, tt.crc)
			if !tt.answer {
				want = nil
			}
			if got := h.Hear(); !bytes.Equal(got, want) {
				t.Errorf("to %d, crc %v: got % x, want % x", tt.to, tt.crc, got, want)
			}
		}
	}, slave(2, false), slave(40, true), slave(3, false))
}

func TestEchoSilenceAndScrambling(t *testing.T) {
	strange := slave(3, false)
	strange.Scrambled = true
	cabinet(t, ccslave.Options{Echo: true}, func(h *ccslavetest.Host) {
		ask := ccslave.Pack(2, 1, 50, nil, false)
		h.Say(ask)
		if got, want := h.Hear(), append(ask, ccslave.Pack(1, 2, 0, nil, false)...); !bytes.Equal(got, want) {
			t.Errorf("echo and answer: got % x, want % x", got, want)
		}
		for _, header := range []byte{99, 7} {
			ask = ccslave.Pack(2, 1, header, nil, false)
			if header == 7 {
				strange.Faults.Arm("lost_reply", 1)
			}
			h.Say(ask)
			if got := h.Hear(); header == 99 && !bytes.Equal(got, ask) {
				t.Errorf("an unknown header: got % x, want the echo alone", got)
			}
		}
		ask = ccslave.Pack(3, 1, 50, []byte{1, 2}, false)
		h.Say(ask)
		if got := h.Hear()[len(ask):]; len(got) != 7 || got[0] != 1 || got[1] != 2 || got[2] == 3 {
			t.Errorf("scrambled: got % x, want destination and length alone in clear", got)
		}
	}, slave(2, false), strange)
}

// A packet that pauses for too long is dropped; one in pieces is not.
func TestPieces(t *testing.T) {
	cabinet(t, ccslave.Options{BaudPace: true}, func(h *ccslavetest.Host) {
		ask := ccslave.Pack(2, 1, 50, []byte{5}, false)
		for gap, want := range map[time.Duration][]byte{40 * time.Millisecond: ccslave.Pack(1, 2, 0, []byte{5}, false), 60 * time.Millisecond: nil} {
			h.Say(ask[:3])
			time.Sleep(gap) // virtual
			h.Say(ask[3:])
			if got := h.Hear(); !bytes.Equal(got, want) {
				t.Errorf("with a pause of %v: got % x, want % x", gap, got, want)
			}
			h.Hear()
		}
	}, slave(2, false))
}
