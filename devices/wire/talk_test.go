package wire

import (
	"bytes"
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const (
	lateWait = 250 * time.Millisecond
	mostWait = 1500 * time.Millisecond
)

// conversation gives a host's half at the instant after it was opened, and the device's end.
func conversation(t *testing.T, play func(talk *Talk, device *speaker)) {
	synctest.Test(t, func(t *testing.T) {
		host, end := net.Pipe()
		device := &speaker{Conn: end}
		defer device.Wait()
		defer host.Close()
		defer device.Close()
		play(NewTalk(host, lateWait, mostWait), device)
	})
}

// speaker is the device's end.
type speaker struct {
	net.Conn
	sync.WaitGroup
}

// says puts one byte on the line after each of the pauses.
func (device *speaker) says(pauses ...time.Duration) {
	device.Go(func() {
		for i, pause := range pauses {
			time.Sleep(pause)
			if _, err := device.Write([]byte{byte(i + 1)}); err != nil {
				return
			}
		}
	})
}

// A line that has said nothing since it was opened, or since its last byte, is spoken to at once. What came meanwhile is
// dropped, and then the line has to be silent first.
func TestQuietLineIsNotWaitedFor(t *testing.T) {
	for _, tt := range []struct {
		what                string
		idle, leftover      time.Duration // since the last byte; how long after it one more comes, 0 is never
		pause, want         time.Duration
		dropped             int
		missed, heardBefore bool
	}{
		{"just opened", 0, 0, 0, Brief, 0, false, false},
		{"opened a while ago", Brief, 0, 0, glance, 0, false, false},
		{"an answer just now", Brief - 1, 0, 0, Brief, 0, false, true},
		{"an answer a while ago", Brief, 0, 0, glance, 0, false, true},
		{"a leftover in between", time.Second, time.Second / 2, 0, Brief, 1, false, true},
		{"a leftover at the last moment", time.Second, time.Second - time.Millisecond, 0, Brief, 1, false, true},
		{"a pause that is asked for", time.Second, 0, 20 * time.Millisecond, 20 * time.Millisecond, 0, false, true},
		{"a pause that is over", time.Second, 0, -time.Second, glance, 0, false, true},
		{"a missing answer, on a line long silent", time.Minute, 0, 0, lateWait, 0, true, true},
		{"a missing answer and a pause", time.Minute, 0, 2 * lateWait, 2 * lateWait, 0, true, true},
	} {
		conversation(t, func(talk *Talk, device *speaker) {
			if tt.heardBefore {
				var answer []byte
				time.Sleep(time.Second)
				device.says(0)
				if err := talk.Take(&answer, time.Now().Add(time.Second)); err != nil || len(answer) != 1 {
					t.Fatalf("%s: the answer: % x, %v", tt.what, answer, err)
				}
			}
			if tt.leftover > 0 {
				device.says(tt.leftover)
			}
			if tt.missed {
				talk.Missed()
			}
			time.Sleep(tt.idle)
			began := time.Now()
			dropped, err := talk.Hush(tt.pause)
			if got := time.Since(began); err != nil || got != tt.want || len(dropped) != tt.dropped {
				t.Errorf("%s: dropped % x, %v after %v, want %d bytes after %v", tt.what, dropped, err, got, tt.dropped, tt.want)
			}
			if talk.Late() {
				t.Errorf("%s: an answer is still waited for", tt.what)
			}
		})
	}
}

// After a missing answer the line is to be silent for long, from the last byte that came.
func TestLateAnswerIsDropped(t *testing.T) {
	conversation(t, func(talk *Talk, device *speaker) {
		talk.Missed()
		if !talk.Late() {
			t.Error("no answer is waited for")
		}
		device.says(100*time.Millisecond, 200*time.Millisecond)
		began := time.Now()
		dropped, err := talk.Hush(0)
		if got, want := time.Since(began), 300*time.Millisecond+lateWait; err != nil || !bytes.Equal(dropped, []byte{1, 2}) || got != want {
			t.Errorf("got % x, %v after %v, want 01 02 after %v", dropped, err, got, want)
		}
	})
}

// A line that never falls silent is spoken over after a while; what it said is kept in part.
func TestLineThatIsNeverQuiet(t *testing.T) {
	conversation(t, func(talk *Talk, device *speaker) {
		pauses := make([]time.Duration, 3000)
		for i := range pauses {
			pauses[i] = time.Millisecond
		}
		device.says(pauses...)
		began := time.Now()
		dropped, err := talk.Hush(0)
		if got := time.Since(began); err != nil || got < mostWait || got > mostWait+Brief || len(dropped) != droppedMax || dropped[0] != 1 {
			t.Errorf("%d bytes, %v after %v, want %d after %v", len(dropped), err, got, droppedMax, mostWait)
		}
	})
}

func TestHushOfADeadLine(t *testing.T) {
	conversation(t, func(talk *Talk, device *speaker) {
		talk.Missed()
		device.Close()
		if _, err := talk.Hush(0); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want that the line is gone", err)
		}
	})
}

// The first byte may take until the deadline, each other one its gap, and all together the rest.
func TestMore(t *testing.T) {
	const limit, gap, rest = 200 * time.Millisecond, 60 * time.Millisecond, 400 * time.Millisecond
	many := func(first, gap time.Duration, n int) (out []time.Duration) {
		out = append(out, first)
		for range n - 1 {
			out = append(out, gap)
		}
		return out
	}
	for _, tt := range []struct {
		what   string
		pauses []time.Duration
		bytes  int
		ends   time.Duration
	}{
		{"nothing", nil, 0, limit},
		{"too late", many(limit+1, 0, 1), 0, limit},
		{"in time, then nothing", many(limit-1, 0, 1), 1, limit - 1 + gap},
		{"stops in the middle", many(10*time.Millisecond, 20*time.Millisecond, 4), 4, 70*time.Millisecond + gap},
		{"a gap that is too long", many(10*time.Millisecond, gap+1, 2), 1, 10*time.Millisecond + gap},
		{"never ends", many(10*time.Millisecond, 50*time.Millisecond, 90), 12, limit + rest},
	} {
		conversation(t, func(talk *Talk, device *speaker) {
			device.says(tt.pauses...)
			began := time.Now()
			var got []byte
			var err error
			for err == nil {
				err = talk.More(&got, began.Add(limit), gap, rest)
			}
			if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || len(got) != tt.bytes || took != tt.ends {
				t.Errorf("%s: %d bytes, %v after %v, want %d after %v", tt.what, len(got), err, took, tt.bytes, tt.ends)
			}
		})
	}
}
