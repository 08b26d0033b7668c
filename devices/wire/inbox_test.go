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
