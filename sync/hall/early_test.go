package hall

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallstore"
)

// rated is a journal of so many records.
func rated(n int) (out []*hallapi.Record) {
	prev := casefile.Genesis("T1", "e1")
	for i := range n {
		r := &casefile.Record{Terminal: "T1", Epoch: "e1", Seq: int64(i) + 1, Time: "2026-11-20T09:00:00+08:00", Quality: "synced",
			Kind: casefile.CaseRated, Header: []byte(`{"stars":5}`), Prev: prev}
		r.Hash = r.Sum()
		prev = r.Hash
		out = append(out, hallstore.ToWire(r))
	}
	return out
}

// A journal that branched after its very first record is as whole as any other.
func TestAuditOfABranchAfterTheFirstRecord(t *testing.T) {
	h, err := Open(t.Context(), Config{State: t.TempDir()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	first := rated(1)[0]
	next := &casefile.Record{Terminal: "T1", Epoch: "e2", Seq: 2, Time: "2026-11-20T09:00:01+08:00", Quality: "synced", Kind: casefile.CaseRated, Header: []byte(`{"stars":4}`), Prev: first.Hash}
	next.Hash = next.Sum()
	ctx := context.WithValue(t.Context(), peerKey{}, peer{id: "T1"})
	for _, batch := range []*hallapi.PushRequest{{Epoch: "e1", Records: []*hallapi.Record{first}}, {Epoch: "e2", After: 1, Records: []*hallapi.Record{hallstore.ToWire(next)}}} {
		if _, err := (&service{h}).Push(ctx, batch); err != nil {
			t.Fatal(err)
		}
	}
	for drawn := 1; drawn > 0; {
		if drawn, _, err = h.step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if a, err := h.Audit(t.Context()); err != nil || a.Violations != 0 {
		t.Errorf("got %+v, %v, want that all holds", a, err)
	}
}

// TestBatchesThatChangePlaces: a terminal sends two batches at once, and the hall looks at the second one first.
func TestBatchesThatChangePlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := Open(t.Context(), Config{State: t.TempDir()}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		all := rated(40)
		push := func(from, to, cursor int64) (int64, time.Duration) {
			began := time.Now()
			ctx := context.WithValue(t.Context(), peerKey{}, peer{id: "T1"})
			a, err := (&service{h}).Push(ctx, &hallapi.PushRequest{Epoch: "e1", Head: 40, Cursor: cursor, Records: all[from:to]})
			if err != nil {
				t.Error(err)
				return 0, 0
			}
			if a.RecordsMax != hallapi.RecordsMax {
				t.Errorf("records_max: got %d, want %d", a.RecordsMax, hallapi.RecordsMax)
			}
			return a.Cursor, time.Since(began)
		}
		if cursor, took := push(0, 10, 0); cursor != 10 || took != 0 {
			t.Fatalf("the first: cursor %d after %v", cursor, took)
		}
		second := make(chan int64, 1)
		go func() {
			cursor, took := push(20, 30, 10)
			if took != earlyWait/2 {
				t.Errorf("the second waited %v, want until the first was there, %v", took, earlyWait/2)
			}
			second <- cursor
		}()
		time.Sleep(earlyWait / 2)
		if cursor, took := push(10, 20, 10); cursor != 20 || took != 0 {
			t.Errorf("the first: cursor %d after %v, want 20 at once", cursor, took)
		}
		if cursor := <-second; cursor != 30 {
			t.Errorf("the second: cursor %d, want 30", cursor)
		}
		if cursor, took := push(35, 40, 30); cursor != 30 || took != earlyWait {
			t.Errorf("one whose first never comes: cursor %d after %v, want 30 after %v", cursor, took, earlyWait)
		}
		if cursor, took := push(35, 40, 35); cursor != 30 || took != 0 {
			t.Errorf("a terminal that believes the hall to have more: cursor %d after %v, want 30 at once", cursor, took)
		}
		if cursor, took := push(0, 0, 30); cursor != 30 || took != 0 {
			t.Errorf("an empty one: cursor %d after %v", cursor, took)
		}
	})
}
