package hall

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"

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

// What a terminal has handed in a moment ago is drawn before it is answered: an answer from books that are behind would be wrong.
func TestWhoAsksIsAnsweredFromBooksThatAreNotBehind(t *testing.T) {
	for name, ask := range map[string]func(context.Context, *service) error{
		"cases": func(ctx context.Context, s *service) error {
			_, err := s.Cases(ctx, &hallapi.CasesRequest{Case: "c1"})
			return err
		},
		"claim": func(ctx context.Context, s *service) error {
			_, err := s.Claim(ctx, &hallapi.ClaimRequest{Code: "O1"})
			return err
		},
		"find": func(ctx context.Context, s *service) error {
			_, err := s.Find(ctx, &hallapi.FindRequest{Owed: "O1"})
			return err
		},
		"permit": func(ctx context.Context, s *service) error {
			_, err := s.Permit(ctx, &hallapi.PermitRequest{Case: "c1", Form: "original", Serial: "A1"})
			return err
		},
		"reconcile": func(ctx context.Context, s *service) error {
			_, err := s.Reconcile(ctx, &hallapi.ReconcileRequest{Day: "2026-11-20"})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, err := Open(t.Context(), Config{State: t.TempDir()}, slog.New(slog.DiscardHandler))
				if err != nil {
					t.Fatal(err)
				}
				defer h.Close()
				ctx, s := context.WithValue(t.Context(), peerKey{}, peer{id: "T1"}), &service{h}
				if _, err := s.Push(ctx, &hallapi.PushRequest{Epoch: "e1", Records: rated(1)}); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				if err := ask(ctx, s); connect.CodeOf(err) != connect.CodeUnavailable || time.Since(began) != behindWait {
					t.Errorf("while nothing is drawn: %v after %v, want that the hall is still working after %v", err, time.Since(began), behindWait)
				}
				if _, _, err := h.step(ctx); err != nil {
					t.Fatal(err)
				}
				began = time.Now()
				if err := ask(ctx, s); connect.CodeOf(err) == connect.CodeUnavailable || time.Since(began) != 0 {
					t.Errorf("when all is drawn: %v after %v, want an answer at once", err, time.Since(began))
				}
			})
		})
	}
}

// One who waits for what is drawn hears of a single record too.
func TestEachStepIsAnnounced(t *testing.T) {
	h, err := Open(t.Context(), Config{State: t.TempDir()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, err := (&service{h}).Push(context.WithValue(t.Context(), peerKey{}, peer{id: "T1"}), &hallapi.PushRequest{Epoch: "e1", Records: rated(1)}); err != nil {
		t.Fatal(err)
	}
	for n, want := range []bool{true, false} {
		changed := h.change()
		if _, _, err := h.step(t.Context()); err != nil {
			t.Fatal(err)
		}
		announced := false
		select {
		case <-changed:
			announced = true
		default:
		}
		if announced != want {
			t.Errorf("step %d: announced is %t, want %t", n+1, announced, want)
		}
	}
}
