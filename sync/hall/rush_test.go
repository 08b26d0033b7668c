package hall

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/kiosk/sqlite"
	"yichuang/sync/hallapi"
)

// gaveWay is how long drawing consequences gives way.
func gaveWay(ctx context.Context, r *rush) time.Duration {
	began := time.Now()
	r.giveWay(ctx)
	return time.Since(began)
}

func TestDrawingGivesWayToARush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, ctx := &rush{}, t.Context()
		if got := gaveWay(ctx, r); got != 0 {
			t.Errorf("before anything came: gave way for %v", got)
		}
		r.enter(rushBatch - 1)()
		if got := gaveWay(ctx, r); got != 0 {
			t.Errorf("a visit's records: gave way for %v", got)
		}
		r.enter(rushBatch)()
		if got := gaveWay(ctx, r); got != rushPause {
			t.Errorf("after a large batch: gave way for %v, want %v", got, rushPause)
		}
		leave := r.enter(rushBatch)
		if got := gaveWay(ctx, r); got != rushMax {
			t.Errorf("a large batch that takes long: gave way for %v, want %v", got, rushMax)
		}
		time.AfterFunc(30*time.Millisecond, leave)
		if got, want := gaveWay(ctx, r), 30*time.Millisecond+rushPause; got != want {
			t.Errorf("a large batch of 30 ms: gave way for %v, want %v", got, want)
		}
		time.AfterFunc(rushPause/2, func() { time.AfterFunc(20*time.Millisecond, r.enter(rushBatch)) })
		r.enter(rushBatch)()
		if got, want := gaveWay(ctx, r), rushPause/2+20*time.Millisecond+rushPause; got != want {
			t.Errorf("one large batch after another: gave way for %v, want %v", got, want)
		}
	})
}

// TestLogIsMovedAfterTheRush: what a terminal has handed in stands in the database's log until nothing is to be done any more.
func TestLogIsMovedAfterTheRush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := Open(t.Context(), Config{State: t.TempDir()}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		logged := func() int {
			pages, err := sqlite.LogPages(t.Context(), h.store.DB())
			if err != nil {
				t.Error(err)
			}
			return pages
		}
		for all := rated(20 * hallapi.RecordsMax); len(all) > 0; all = all[hallapi.RecordsMax:] {
			ctx := context.WithValue(t.Context(), peerKey{}, peer{id: "T1"})
			if _, err := (&service{h}).Push(ctx, &hallapi.PushRequest{Epoch: "e1", Records: all[:hallapi.RecordsMax]}); err != nil {
				t.Fatal(err)
			}
		}
		before := logged()
		if before < 1000 {
			t.Errorf("%d pages are in the log while terminals hand in, want all that came", before)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			h.work(ctx)
		}()
		time.Sleep(rushPause)
		synctest.Wait()
		if got := logged(); got > before/10 {
			t.Errorf("of %d pages %d are in the log when all consequences are drawn", before, got)
		}
		stop()
		<-ended
	})
}

func TestWhoAsksIsNotHeldUpByARush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, ctx := &rush{}, t.Context()
		defer r.enter(rushBatch)()
		answered := r.ask()
		if got := gaveWay(ctx, r); got != 0 {
			t.Errorf("while somebody asks: gave way for %v", got)
		}
		answered()
		if got := gaveWay(ctx, r); got != rushMax {
			t.Errorf("after the answer: gave way for %v, want %v", got, rushMax)
		}
		time.AfterFunc(time.Millisecond, func() { r.ask() })
		if got := gaveWay(ctx, r); got != time.Millisecond {
			t.Errorf("when somebody begins to ask: gave way for %v, want a millisecond", got)
		}
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		if got := gaveWay(ctx, &rush{busy: 1, changed: make(chan struct{})}); got != 0 {
			t.Errorf("when the hall stops: gave way for %v", got)
		}
	})
}
