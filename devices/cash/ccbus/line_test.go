package ccbus

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

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
func hears(t *testing.T, words ...[]said) *Line {
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
	l, err := New(func() (wire.Port, error) { return host, nil }, nil).Join(40, "bench")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// packet is an answer of the validator.
func packet(data ...byte) []byte {
	return encode(frame{dest: hostHome, src: 40, header: replyNormal, data: data}, Simple)
}

// How long an answer may take to begin, to go on and to end.
func TestAnswersThatTakeTheirTime(t *testing.T) {
	events := packet(make([]byte, EventsBytes)...)
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
			_, err := l.Ask(159, nil, Any)
			if got, want := time.Since(began)-wire.Brief, tt.took; fault.KindOf(err) != tt.kind || tt.kind == "" && err != nil || got != want {
				t.Errorf("%s: got %v after %v, want %q after %v", tt.name, err, got, tt.kind, want)
			}
		})
	}
}

// An answer that went missing may still come: it is waited for, and is not taken for that to the next question.
func TestLateAnswerIsNobodys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := hears(t, []said{{300 * time.Millisecond, packet(1)}}, []said{{0, packet(2)}})
		if _, err := l.Ask(ReadMaster, nil, 1); !fault.Is(err, fault.Silent) {
			t.Fatalf("got %v, want %s", err, fault.Silent)
		}
		began := time.Now()
		if got, err := l.Ask(ReadMaster, nil, 1); err != nil || got[0] != 2 {
			t.Errorf("the second question: got % x, %v, want 02", got, err)
		}
		if got, want := time.Since(began), 100*time.Millisecond+quietLimit; got != want {
			t.Errorf("it took %v, want %v: until the late answer is over and the line is quiet", got, want)
		}
		began = time.Now()
		if got, err := l.Ask(ReadMaster, nil, 1); err != nil || time.Since(began) != wire.Brief {
			t.Errorf("the third question: got % x, %v after %v, want an answer after %v", got, err, time.Since(began), wire.Brief)
		}
	})
}

// A line that is never quiet is spoken over after a while, or it would hold up everything.
func TestLineThatIsNeverQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		babble := slowly(100*time.Millisecond, 100*time.Millisecond, make([]byte, 20)...)
		l := hears(t, babble, []said{{0, packet(2)}})
		l.Ask(ReadMaster, nil, 1)
		began := time.Now()
		l.Ask(ReadMaster, nil, 1)
		if got := time.Since(began); got < quietMax || got > quietMax+time.Second {
			t.Errorf("asked again after %v, want about %v", got, quietMax)
		}
		if got, err := l.Ask(ReadMaster, nil, 1); err != nil || got[0] != 2 {
			t.Errorf("when it is quiet: got % x, %v, want 02", got, err)
		}
	})
}
