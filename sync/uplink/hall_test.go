package uplink_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/office"
	"yichuang/kiosk/store"
	"yichuang/sync/hallapi"
	"yichuang/sync/halltest"
	"yichuang/sync/uplink"
)

// terminal is a real link to a whole hall over TCP.
type terminal struct {
	t       *testing.T
	hall    *halltest.Hall
	journal *store.Store
	link    *uplink.Link
}

func connectTo(t *testing.T, hall *halltest.Hall, dir string, handle func(uplink.Notice) error) (*terminal, func()) {
	t.Helper()
	journal, err := store.Open(t.Context(), dir, "T1")
	if err != nil {
		t.Fatal(err)
	}
	config := uplink.Config{URL: hall.URL, EnrolCodeFile: filepath.Join(dir, "code"), Version: "test",
		Health: func() *hallapi.Health { return &hallapi.Health{Page: "home"} }}
	link, err := uplink.New(config, journal, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	link.Notices(handle)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- link.Run(ctx) }()
	return &terminal{t: t, hall: hall, journal: journal, link: link}, func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: got %v, want context canceled", err)
		}
		if err := journal.Close(); err != nil {
			t.Error(err)
		}
	}
}

// await looks again and again until something holds; what it waits for comes over real sockets.
func (x *terminal) await(what string, good func() bool) {
	x.t.Helper()
	ticks := time.NewTicker(5 * time.Millisecond)
	defer ticks.Stop()
	limit := time.After(halltest.Limit)
	for !good() {
		select {
		case <-ticks.C:
		case <-limit:
			x.t.Fatalf("%s: not in time; status %+v", what, x.link.Status())
		}
	}
}

func (x *terminal) happen(caseID string, secret any) {
	x.t.Helper()
	e := store.Entry{Event: casefile.Event{Kind: casefile.CaseOpened, Case: caseID, Header: casefile.Header{Service: "pay.water"}}, Secret: secret}
	if err := x.journal.Append(x.t.Context(), e); err != nil {
		x.t.Fatal(err)
	}
}

func TestWholeHall(t *testing.T) {
	hall := halltest.Start(t, nil)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "code"), []byte(hall.EnrolCode("T1")), 0o600); err != nil {
		t.Fatal(err)
	}
	var notices atomic.Int64
	x, end := connectTo(t, hall, dir, func(uplink.Notice) error { notices.Add(1); return nil })
	x.await("up", x.link.Up)
	x.await("catalogue", func() bool { return x.link.Catalog() != nil })
	ctx, done := context.WithTimeout(t.Context(), halltest.Limit)
	defer done()
	x.happen("c1", map[string]string{"name": "欧阳样张"})
	if err := x.link.Flush(ctx); err != nil {
		t.Fatalf("flush: %v", err)
	}
	account := hall.Biller.Open("欧阳样张", halltest.Bill{Period: "2026-10", Due: 8650})
	bill, err := x.link.Bill(ctx, "pay.water", account, "", "c1")
	if err != nil || bill.Status != "ok" || len(bill.Periods) != 1 || bill.Periods[0].Due != 8650 || bill.Account != account {
		t.Errorf("bill: got %+v (%v)", bill, err)
	}
	soon, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if p, err := x.link.Posting(soon, "c1"); err != nil || p.State != "unknown" {
		t.Errorf("posting of a case without money: got %+v (%v), want unknown", p, err)
	}
	if p, err := x.link.Permit(ctx, "nobody's", "original", "A1", ""); err != nil || p.Refused != "unknown_case" {
		t.Errorf("permit: got %+v (%v), want unknown_case", p, err)
	}
	if c, err := x.link.Claim(ctx, "AAAA-AAAA-AAAA", "counter", "staff"); err != nil || c.Paid || c.Refused != "unknown" {
		t.Errorf("claim: got %+v (%v), want unknown", c, err)
	}
	hall.Cut()
	x.await("down", func() bool { return !x.link.Up() })
	x.happen("c2", nil)
	if _, err := x.link.Bill(ctx, "pay.water", account, "", "c2"); !errors.Is(err, office.ErrNoLine) {
		t.Errorf("bill without a hall: got %v, want no line", err)
	}
	end()
	x, end = connectTo(t, hall, dir, func(uplink.Notice) error { notices.Add(1); return nil })
	defer end()
	if x.link.Catalog() == nil || !x.link.Sealing() || !x.link.Status().Enrolled {
		t.Errorf("after a power cut without a hall: got %+v", x.link.Status())
	}
	hall.Up()
	x.await("up again", x.link.Up)
	if err := x.link.Flush(ctx); err != nil {
		t.Errorf("flush after the hall came back: %v", err)
	}
	x.await("no trouble", func() bool { return x.link.Status().Err == "" })
	hall.Audit()
}

// A real terminal and a hall whose database is put back: what the terminal has is there again, and nothing twice.
func TestWholeHallRestored(t *testing.T) {
	hall := halltest.Start(t, nil)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "code"), []byte(hall.EnrolCode("T1")), 0o600); err != nil {
		t.Fatal(err)
	}
	x, end := connectTo(t, hall, dir, func(uplink.Notice) error { return nil })
	defer end()
	x.await("up", x.link.Up)
	ctx, done := context.WithTimeout(t.Context(), halltest.Limit)
	defer done()
	x.happen("c1", nil)
	if err := x.link.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	backup := hall.Backup()
	x.happen("c2", map[string]string{"name": "欧阳样张"})
	if err := x.link.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	hall.Restore(backup)
	x.await("the hall has what the terminal has", func() bool { return len(hall.Ledger().Awaited) == 0 })
	if row := hall.Ledger().Terminals; len(row) != 1 || row[0].Records != 2 || row[0].Quarantined != 0 || row[0].Chain != "ok" {
		t.Errorf("the hall has %+v, want both records", row)
	}
	x.await("no trouble", func() bool { return x.link.Up() && x.link.Status().Err == "" })
	hall.Audit()
}

// copyDisk copies a state folder: an image of the terminal's disk.
func copyDisk(t *testing.T, from, to string) {
	t.Helper()
	for _, name := range []string{"journal.db", "twin.jsonl"} {
		raw, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// An image of the terminal's disk is put back. With records of its own since, or without, the journal goes on under
// another epoch, and the hall has both branches.
func TestWholeHallAndAnOldDisk(t *testing.T) {
	for name, since := range map[string]int{"nothing was written on the old disk": 0, "a little was": 1, "more than was lost": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hall := halltest.Start(t, nil)
			dir, image := t.TempDir(), t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "code"), []byte(hall.EnrolCode("T1")), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, done := context.WithTimeout(t.Context(), halltest.Limit)
			defer done()
			life := func(dir string, live func(x *terminal)) {
				t.Helper()
				x, end := connectTo(t, hall, dir, func(uplink.Notice) error { return nil })
				defer end()
				x.await("up", x.link.Up)
				live(x)
			}
			handIn := func(x *terminal, cases ...string) {
				t.Helper()
				for _, id := range cases {
					x.happen(id, nil)
				}
				if err := x.link.Flush(ctx); err != nil {
					t.Fatal(err)
				}
			}
			life(dir, func(x *terminal) { handIn(x, "c1", "c2") })
			copyDisk(t, dir, image)
			life(dir, func(x *terminal) { handIn(x, "c3", "c4", "c5") })

			// The image works without a line for a while.
			offline, err := store.Open(t.Context(), image, "T1")
			if err != nil {
				t.Fatal(err)
			}
			origin := offline.Epoch()
			for i := range since {
				e := store.Entry{Event: casefile.Event{Kind: casefile.CaseOpened, Case: fmt.Sprint("d", i), Header: casefile.Header{Service: "pay.water"}}}
				if err := offline.Append(t.Context(), e); err != nil {
					t.Fatal(err)
				}
			}
			if err := offline.Close(); err != nil {
				t.Fatal(err)
			}
			life(image, func(x *terminal) {
				x.await("another epoch", func() bool { return x.journal.Epoch() != origin })
				handIn(x, "e1", "e2")
				if s := x.link.Status(); !strings.Contains(s.Err, "older one") {
					t.Errorf("staff are told %q", s.Err)
				}
				rows := hall.Ledger().Terminals
				if len(rows) != 2 || rows[0].Epoch != origin || rows[0].Records != 5 || rows[0].Quarantined != int64(since) || rows[0].Gaps != 0 {
					t.Fatalf("the former branch: %+v, want 5 records and %d in quarantine", rows, since)
				}
				if b := rows[1]; b.After != int64(2+since) || b.Records != 3 || b.Chain != "ok" || b.Quarantined != 0 || b.Gaps != 0 {
					t.Errorf("the present branch: %+v, want 3 records after %d", b, 2+since)
				}
				if err := x.link.Flush(ctx); err != nil {
					t.Error(err)
				}
			})
			epoch := ""
			life(image, func(x *terminal) { // and again, as if nothing had been
				epoch = x.journal.Epoch()
				handIn(x, "e3")
				if x.journal.Epoch() != epoch {
					t.Error("it branched once more")
				}
			})
			backup := hall.Backup()
			life(image, func(x *terminal) {
				handIn(x, "e4")
				hall.Restore(backup)
				x.await("the restored hall has it all", func() bool { return len(hall.Ledger().Awaited) == 0 })
				if rows := hall.Ledger().Terminals; len(rows) != 2 || rows[0].Records != 5 || rows[1].Records != 5 || rows[1].Quarantined != 0 {
					t.Errorf("after a restore: %+v", rows)
				}
			})
		})
	}
}
