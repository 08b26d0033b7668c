package store

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/store/cutdisk"
)

// slowed lets each sync take so long, and counts them.
func slowed(disk *cutdisk.Disk, by time.Duration) *atomic.Int64 {
	var syncs atomic.Int64
	disk.Before(func(op cutdisk.Op) error {
		if op.Kind == cutdisk.Sync {
			syncs.Add(1)
			time.Sleep(by) // virtual
		}
		return nil
	})
	return &syncs
}

// Eight who write one record after the other are written eight at a time: a commit waits for those who have just been told of the last one.
func TestBusyWritersFillEachCommit(t *testing.T) {
	running(t, func(s *Store, disk *cutdisk.Disk, _ string) {
		syncs := slowed(disk, time.Millisecond)
		const writers, each = 8, 20
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					time.Sleep(time.Duration(w) * 10 * time.Microsecond) // virtual: they do not come back all at once
					if err := s.Append(context.Background(), opened(fmt.Sprint(w, ".", i))); err != nil {
						t.Errorf("append: %v", err)
					}
				}
			})
		}
		wg.Wait()
		// The first commit is of the first who comes, alone.
		if got := syncs.Load(); got > each+2 {
			t.Errorf("got %d syncs for %d records of %d writers, want %d or so", got, writers*each, writers, each+1)
		}
		disk.Before(nil)
	})
}

// Those who do not come back are waited for once, for half of what the last commit took and never for more than a millisecond.
func TestWritersWhoDoNotComeBack(t *testing.T) {
	for _, tt := range []struct{ sync, first time.Duration }{
		{time.Millisecond, 1500 * time.Microsecond},
		{20 * time.Millisecond, 21 * time.Millisecond},
	} {
		running(t, func(s *Store, disk *cutdisk.Disk, _ string) {
			slowed(disk, tt.sync)
			var wg sync.WaitGroup
			for i := range 3 {
				wg.Go(func() {
					if err := s.Append(context.Background(), opened(fmt.Sprint(i))); err != nil {
						t.Errorf("append: %v", err)
					}
				})
				synctest.Wait() // the first is at the disk, and the others wait
			}
			wg.Wait()
			for i, want := range []time.Duration{tt.first, tt.sync, tt.sync} {
				began := time.Now()
				if err := s.Append(context.Background(), opened(fmt.Sprint("alone", i))); err != nil {
					t.Fatal(err)
				}
				if got := time.Since(began); got != want {
					t.Errorf("a sync of %s, record %d after the others have gone: got %s, want %s", tt.sync, i+1, got, want)
				}
			}
			disk.Before(nil)
		})
	}
}

// order is the cases of the journal as they stand in it.
func order(t *testing.T, s *Store) (ids []string) {
	t.Helper()
	records, err := s.Read(context.Background(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	prev := casefile.Genesis("T1", s.Origin())
	for i, r := range records {
		if err := r.Check(int64(i+1), prev); err != nil {
			t.Error(err)
		}
		prev = r.Hash
		ids = append(ids, r.Case)
	}
	if seq, hash := s.Head(); seq != int64(len(records)) || hash != prev {
		t.Errorf("head: got %d %s, want %d %s", seq, hash, len(records), prev)
	}
	return ids
}

// A record that has its place and is not sealed yet holds up those behind it, and nobody before it.
func TestRecordThatIsNotSealedYet(t *testing.T) {
	running(t, func(s *Store, disk *cutdisk.Disk, _ string) {
		ctx := context.Background()
		// What Append does in one is done here step by step.
		place := func(id string) (req *request, first bool, drafts []draft) {
			drafts, err := draftAll([]Entry{opened(id)})
			if err == nil {
				req, first, err = s.place(drafts)
			}
			if err != nil {
				t.Fatal(err)
			}
			return req, first, drafts
		}
		written := make(chan string, 4)
		add := func(id string) {
			go func() {
				if err := s.Append(ctx, opened(id)); err != nil {
					t.Errorf("append %s: %v", id, err)
				}
				written <- id
			}()
			synctest.Wait()
		}
		a, first, drafts := place("a")
		if !first {
			t.Fatal("nobody writes, and the first who comes has not the turn")
		}
		add("b")
		c, first, drafts2 := place("c")
		if first {
			t.Error("the third has the turn as well")
		}
		add("d")
		if len(written) > 0 || len(order(t, s)) > 0 {
			t.Errorf("got %d written, want nothing written before the first", len(written))
		}
		a.seal(drafts)
		s.sealed(a)
		s.mu.Lock()
		s.commit(ctx)
		s.next()
		s.mu.Unlock()
		synctest.Wait()
		if got := order(t, s); !slices.Equal(got, []string{"a", "b"}) || len(written) != 1 || a.err != nil {
			t.Errorf("got %v, want what stands before the one that is not sealed", got)
		}
		<-c.done // it has the turn
		c.seal(drafts2)
		s.sealed(c)
		s.mu.Lock()
		s.commit(ctx)
		s.next()
		s.mu.Unlock()
		synctest.Wait()
		if got := order(t, s); !slices.Equal(got, []string{"a", "b", "c", "d"}) || len(written) != 2 || !c.turn || c.err != nil {
			t.Errorf("got %v, want all in the order of their places", got)
		}
		if s.ready.Load() != 0 || s.writing || len(s.pending) != 0 {
			t.Errorf("got %d ready and %d pending, want nobody", s.ready.Load(), len(s.pending))
		}
	})
}

// What personal data cannot be sealed for, or cannot be written down, breaks nothing: it is refused before any of its request has a place.
func TestSecondEntryThatCannotBeMade(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	personal, odd, foreign := opened("b"), opened("b"), opened("b")
	personal.Secret, odd.Secret = "s", func() {}
	foreign.Header.Reason = "wang"
	for name, e := range map[string]Entry{"no key": personal, "no data": odd, "a foreign field": foreign} {
		if err := s.Append(context.Background(), opened("a"), e); err == nil || s.Health() != nil || cases(s) != 0 {
			t.Errorf("%s: got %v, %d cases and health %v, want it refused and all well", name, err, cases(s), s.Health())
		}
	}
	if err := s.Append(context.Background()); err != nil {
		t.Errorf("nothing: got %v, want nothing", err)
	}
	if err := s.Append(context.Background(), opened("a"), opened("b")); err != nil {
		t.Error(err)
	}
}
