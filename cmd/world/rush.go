package world

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/payment"
	"yichuang/kiosk/store"
	"yichuang/kiosk/store/cutdisk"
)

const (
	rushers  = 6 // who write at once
	rushEach = 2 // how often each
)

// Rush has several write to the journal at once, while each of them keeps something beside it too, and says what does not hold of it then: all that was
// acknowledged is there once, each writer's in his order, and they share the disk's syncs.
func (w *World) Rush(checked map[string]int64) []Violation {
	f := &found{checked: checked}
	ctx, before := context.Background(), w.head()
	syncs := 0 // in a steady process one of them runs at a time
	w.Disk.Before(func(op cutdisk.Op) error {
		if op.Kind == cutdisk.Sync {
			syncs++
		}
		runtime.Gosched() // a disk takes its time, and others go on meanwhile
		return nil
	})
	defer w.Disk.Before(nil)
	var wg sync.WaitGroup
	wrote, failed := make([][]string, rushers), make([]error, rushers)
	for i := range rushers {
		wg.Go(func() {
			for range rushEach {
				id := payment.NewCaseID()
				if err := w.Journal.Append(ctx, store.Entry{Event: casefile.Event{Kind: casefile.CaseOpened, Case: id, Header: casefile.Header{Service: "cash.stray"}}}); err != nil {
					failed[i] = err
					return
				}
				wrote[i] = append(wrote[i], id)
			}
			failed[i] = w.Journal.Keep(ctx, map[string][]byte{fmt.Sprint("rush.", i): []byte(wrote[i][0])})
		})
	}
	wg.Wait()
	records, err := w.Journal.Read(ctx, before, 0)
	f.want("rush.reads", err == nil, "%v", err)
	at := map[string]int{}
	for n, r := range records {
		_, twice := at[r.Case]
		f.want("rush.once", !twice, "record %d of case %s is there twice", r.Seq, r.Case)
		at[r.Case] = n
	}
	for i, ids := range wrote {
		places := make([]int, len(ids))
		for k, id := range ids {
			n, is := at[id]
			f.want("rush.kept", is, "what writer %d wrote of %s was acknowledged and is not there", i, id)
			places[k] = n
		}
		f.want("rush.order", slices.IsSorted(places), "what writer %d wrote stands at %v", i, places)
		f.want("rush.acknowledged", failed[i] == nil && len(ids) == rushEach, "writer %d: %d acknowledged, %v", i, len(ids), failed[i])
		kept, err := w.Journal.Kept(ctx, fmt.Sprint("rush.", i))
		f.want("rush.beside", err == nil && len(ids) > 0 && string(kept) == ids[0], "writer %d kept %q, and it is %q (%v)", i, ids, kept, err)
	}
	f.want("rush.shares", syncs < rushers*rushEach, "%d writers of %d records each had %d syncs", rushers, rushEach, syncs)
	return f.bad
}
