package escpossim

import (
	"bytes"
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// TestPace: bytes take their time on the line, both ways, and a pause gives no credit.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := paced{w: &out, baud: 9600}
		began := time.Now()
		if n, err := p.Write(make([]byte, 960)); n != 960 || err != nil || out.Len() != 960 || time.Since(began).Round(time.Microsecond) != time.Second {
			t.Errorf("960 bytes: %d, %v after %v, want a second", n, err, time.Since(began))
		}
		time.Sleep(time.Minute)
		began = time.Now()
		p.begin()
		p.wait(96)
		if took := time.Since(began).Round(time.Microsecond); took != 100*time.Millisecond {
			t.Errorf("96 bytes after a pause took %v", took)
		}
		if p.chunk(512) != 16 || p.chunk(3) != 3 || (&paced{}).chunk(512) != 512 {
			t.Error("portions")
		}
		began = time.Now()
		free := paced{w: &out}
		free.Write(make([]byte, 1000))
		free.wait(1000)
		if time.Since(began) != 0 {
			t.Errorf("a line without a pace took %v", time.Since(began))
		}
	})
	// 100 bytes in and 1 out, at 1200 baud: the answer comes after 101 bytes' time, and not before.
	for wait, want := range map[time.Duration]int{101*10*time.Second/1200 - time.Millisecond: 0, 101*10*time.Second/1200 + time.Millisecond: 1} {
		synctest.Test(t, func(t *testing.T) {
			p := New(Options{Baud: 1200})
			host, dev := net.Pipe()
			go p.Serve(context.Background(), dev)
			defer time.Sleep(time.Minute) // what the line still carries ends before the bubble
			defer host.Close()
			began := time.Now()
			go host.Write(append(make([]byte, 97), 0x10, 0x04, 0x01)) // ends with the line
			host.SetReadDeadline(began.Add(wait))
			if n, _ := host.Read(make([]byte, 9)); n != want {
				t.Errorf("%d bytes after %v, want %d", n, wait, want)
			}
		})
	}
}
