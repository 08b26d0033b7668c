package store

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/kiosk/store/cutdisk"
)

// A disk that takes seconds to sync is told while it does, and afterwards until it is quick again or was left alone for a minute.
func TestSlowDiskIsTold(t *testing.T) {
	running(t, func(s *Store, disk *cutdisk.Disk, _ string) {
		ctx := context.Background()
		told := func(when string, want time.Duration) {
			t.Helper()
			if got := s.Slow(); got != want {
				t.Errorf("%s: got %s, want %s", when, got, want)
			}
		}
		told("at first", 0)
		delay := 5 * time.Second
		inside := make(chan bool)
		disk.Before(func(op cutdisk.Op) error {
			if op.Kind == cutdisk.Sync && delay > 0 {
				inside <- true
				time.Sleep(delay) // virtual
			}
			return nil
		})
		append1 := func(id string) chan error {
			done := make(chan error)
			go func() { done <- s.Append(ctx, opened(id)) }()
			return done
		}
		done := append1("a")
		<-inside
		time.Sleep(3 * time.Second) // virtual
		told("while it syncs", 3*time.Second)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		told("afterwards", 5*time.Second)
		done = append1("b")
		<-inside
		told("at the next one, as long as nothing better is known", 5*time.Second)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // virtual
		told("a minute later", 5*time.Second)
		time.Sleep(time.Nanosecond) // virtual
		told("when it must be tried again", 0)
		delay = 0
		if err := <-append1("c"); err != nil {
			t.Fatal(err)
		}
		told("when it is quick again", 0)
		synctest.Wait()
	})
}
