package wire

import (
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestInboxKnowsDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewInbox(8)
		began := time.Now()
		b.SetReadDeadline(began.Add(time.Second))
		if n, err := b.Read(make([]byte, 4)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("silence: %d, %v after %v", n, err, time.Since(began))
		}
		if n, err := b.Read(nil); n != 0 || err != nil {
			t.Errorf("no room to read into: %d, %v", n, err)
		}
		b.SetReadDeadline(time.Now())
		b.Put([]byte{1, 2, 3})
		got := make([]byte, 2)
		if n, err := b.Read(got); n != 2 || err != nil || got[0] != 1 || got[1] != 2 {
			t.Errorf("what is there counts after the deadline too: %d % x, %v", n, got, err)
		}
		if n, err := b.Read(got); n != 1 || err != nil || got[0] != 3 {
			t.Errorf("the rest: %d % x, %v", n, got, err)
		}
		b.SetReadDeadline(time.Time{})
		read := make(chan error, 1)
		for _, wake := range []func(){func() { b.Put([]byte{9}) }, func() { b.SetReadDeadline(time.Now()) }, func() { b.Fail(io.EOF) }} {
			go func() {
				_, err := b.Read(make([]byte, 1))
				read <- err
			}()
			synctest.Wait()
			wake()
			if err := <-read; err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, io.EOF) {
				t.Errorf("a read that waits: %v", err)
			}
			b.SetReadDeadline(time.Time{})
		}
	})
}

// TestInboxOfAHostThatStoodStill: a deadline passes while the process has no turn on the processor, here because the
// goroutine that reads sleeps past it. What lies in the line then is still read, and silence is told when it was heard.
func TestInboxOfAHostThatStoodStill(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name           string
		still          time.Duration // how long after setting the deadline of 100 ms the read begins
		comes          time.Duration // after that; 0 is never
		n              int
		waited         time.Duration
		deadlineAnew   time.Duration // to now, so long after the read began; 0 is never
		takenAwayAfter time.Duration // the deadline
	}{
		{name: "bytes that lay there", still: 300 * ms, comes: 150 * ms, n: 1, waited: 150 * ms},
		{name: "silence", still: 300 * ms, waited: 200 * ms},
		{name: "bytes that come after it", still: 300 * ms, comes: 250 * ms, waited: 200 * ms},
		{name: "so late that the device gave up", still: time.Hour, comes: time.Second, waited: 500 * ms},
		{name: "hardly late", still: 109 * ms, comes: ms, waited: 0},
		{name: "late", still: 110 * ms, comes: ms, n: 1, waited: ms},
		{name: "broken off meanwhile", still: 300 * ms, deadlineAnew: 50 * ms, waited: 50 * ms},
		{name: "without a bound meanwhile", still: 300 * ms, takenAwayAfter: 50 * ms, comes: time.Minute, n: 1, waited: time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := NewInbox(8)
				b.SetReadDeadline(time.Now().Add(100 * ms))
				time.Sleep(c.still)
				began := time.Now()
				if c.comes > 0 {
					time.AfterFunc(c.comes, func() { b.Put([]byte{7}) })
				}
				if c.deadlineAnew > 0 {
					time.AfterFunc(c.deadlineAnew, func() { b.SetReadDeadline(time.Now()) })
				}
				if c.takenAwayAfter > 0 {
					time.AfterFunc(c.takenAwayAfter, func() { b.SetReadDeadline(time.Time{}) })
				}
				n, err := b.Read(make([]byte, 4))
				if n != c.n || (err == nil) != (n == 1) || err != nil && !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != c.waited {
					t.Errorf("%d, %v after %v, want %d after %v", n, err, time.Since(began), c.n, c.waited)
				}
				time.Sleep(2 * time.Hour) // for what still comes
			})
		})
	}
}

func TestInboxEnds(t *testing.T) {
	b := NewInbox(8)
	b.Put([]byte{1})
	b.Fail(io.EOF)
	b.Fail(io.ErrNoProgress)
	if n, err := b.Read(make([]byte, 4)); n != 1 || err != nil {
		t.Errorf("what came before the end: %d, %v", n, err)
	}
	if n, err := b.Read(make([]byte, 4)); n != 0 || err != io.EOF {
		t.Errorf("the end: %d, %v, want the first reason", n, err)
	}
	b.Put([]byte{1})
	b.Close(io.ErrClosedPipe)
	if n, err := b.Read(make([]byte, 4)); n != 0 || err != io.ErrClosedPipe {
		t.Errorf("closed: %d, %v, want nothing of what was there", n, err)
	}
	if b.Room() {
		t.Error("there is room after the end")
	}
}

func TestInboxHoldsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewInbox(3)
		b.Put([]byte{1, 2})
		if !b.Room() {
			t.Error("no room before it is full")
		}
		b.Put([]byte{3})
		room := make(chan bool, 1)
		go func() { room <- b.Room() }()
		synctest.Wait()
		select {
		case <-room:
			t.Fatal("room in a full inbox")
		default:
		}
		b.Read(make([]byte, 1))
		if !<-room {
			t.Error("no room after a read")
		}
	})
}
