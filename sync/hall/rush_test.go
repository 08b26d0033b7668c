package hall

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
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
