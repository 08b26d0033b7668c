package store

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store/cutdisk"
)

var cutSeed = flag.Uint64("store.seed", 1, "seed of what a power cut leaves of unsynced writes")

// moment is what the journal had promised when the disk had done so many operations.
type moment struct {
	ops    int
	seq    int64
	cursor int64
	epoch  string
}

// recording is a life of a journal: every operation of its disk, and what was promised when.
type recording struct {
	t       *testing.T
	dir     string
	disk    *cutdisk.Disk
	store   *Store
	moments []moment
	books   map[int64]string // the book as JSON after each record
}

func bookText(t *testing.T, s *Store) (text string) {
	t.Helper()
	s.Book(func(b *casefile.Book) {
		raw, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		text = string(raw)
		if bad := b.Check(); len(bad) > 0 {
			t.Errorf("book after %d records: %v", b.Seq, bad)
		}
	})
	return text
}

// promised notes what holds from now on.
func (r *recording) promised(cursor int64) {
	seq, _ := r.store.Head()
	r.books[seq] = bookText(r.t, r.store)
	r.moments = append(r.moments, moment{ops: len(r.disk.Ops()), seq: seq, cursor: cursor, epoch: r.store.Epoch()})
}

func (r *recording) open() {
	r.t.Helper()
	s, err := Open(cutdisk.Context(context.Background()), r.dir, "T1")
	if err != nil {
		r.t.Fatal(err)
	}
	key, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		r.t.Fatal(err)
	}
	s.UseHallKey(key.PublicKey().Bytes())
	r.store = s
}

// payment is the events of one water bill paid with two notes, one request to the journal a row.
func payment(id string, first int64) [][]Entry {
	note := func(kind casefile.Kind, n int64) Entry {
		return Entry{Event: casefile.Event{Kind: kind, Case: id, Header: casefile.Header{Note: n, Face: 5000, Currency: money.CNY}}}
	}
	chosen := Entry{Event: casefile.Event{Kind: casefile.BillChosen, Case: id, Header: casefile.Header{Biller: "water", Due: 8000, Rule: "owed"}}}
	chosen.Secret = casefile.BillSecret{Account: "3102445518", Name: "张*", Bills: []casefile.BillPart{{Period: "2026-10", Due: 8000}}}
	settled := Entry{Event: casefile.Event{Kind: casefile.PaymentSettled, Case: id, Header: casefile.Header{Bill: 8000, Owes: 2000, Owed: "O" + id, Claim: "c"}}}
	slip := casefile.Header{Paper: "P" + id, What: "slip", Owed: "O" + id}
	return [][]Entry{
		{opened(id)}, {chosen},
		{note(casefile.NoteEscrowed, first), note(casefile.NoteStacking, first)}, {note(casefile.NoteStacked, first)},
		{note(casefile.NoteEscrowed, first+1), note(casefile.NoteStacking, first+1)}, {note(casefile.NoteStacked, first+1)},
		{settled}, {{Event: casefile.Event{Kind: casefile.PaperBegun, Case: id, Header: slip}}},
	}
}

// record lives through two payments, an acknowledgement, a checkpoint, another one and a restart, so that the power is cut inside of each. unsafe turns the
// safety of commits down, as go-sqlite3 does by itself for a write-ahead log.
func record(t *testing.T, unsafe bool) *recording {
	t.Helper()
	r := &recording{t: t, dir: t.TempDir(), disk: cutdisk.New(), books: map[int64]string{}}
	t.Cleanup(r.disk.Mount(r.dir))
	r.open()
	r.promised(0)
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if unsafe {
		_, err := r.store.db.Exec("PRAGMA synchronous=NORMAL")
		must(err)
	}
	for _, entries := range payment("a", 1) {
		must(r.store.Append(ctx, entries...))
		r.promised(0)
	}
	must(r.store.Acknowledge(ctx, 7))
	r.promised(7)
	r.store.mu.Lock()
	r.store.checkpoint(1)
	r.store.mu.Unlock()
	must(r.store.Health())
	if left := logPages(t, r.store); left != 0 {
		t.Errorf("%d pages are in the log after a checkpoint", left)
	}
	r.promised(7)
	for _, entries := range payment("b", 3)[:5] {
		must(r.store.Append(ctx, entries...))
		r.promised(7)
	}
	must(r.store.Close())
	r.open()
	for _, entries := range payment("b", 3)[5:] {
		must(r.store.Append(ctx, entries...))
		r.promised(7)
	}
	must(r.store.Close())
	return r
}

// bench is where images are opened: a folder with ballast, and a twin file that its own power cut shortens.
type bench struct {
	dir  string
	twin []byte // whole lines
}

// check opens an image and says what of the promises before it does not hold.
func (b *bench) check(r *recording, image *cutdisk.Disk, ops int, rng *rand.Rand) error {
	before, after := moment{}, r.moments[0]
	for i, m := range r.moments {
		if m.ops <= ops {
			before, after = m, m
			if i+1 < len(r.moments) {
				after = r.moments[i+1]
			}
		}
	}
	// The twin is written after the commit, so that it can only be behind.
	lines := bytes.SplitAfter(b.twin, []byte{'\n'})
	torn := bytes.Join(lines[:before.seq], nil)
	torn = torn[:rng.IntN(len(torn)+1)]
	if err := os.WriteFile(filepath.Join(b.dir, "twin.jsonl"), torn, 0o600); err != nil {
		return err
	}
	defer image.Mount(b.dir)()
	ctx := cutdisk.Context(context.Background())
	s, err := Open(ctx, b.dir, "T1")
	if err != nil {
		return err
	}
	defer s.Close()
	seq, _ := s.Head()
	if seq != before.seq && seq != after.seq {
		return fmt.Errorf("%d records; promised %d, in flight up to %d", seq, before.seq, after.seq)
	}
	if got, want := bookText(r.t, s), r.books[seq]; seq > 0 && got != want {
		return fmt.Errorf("book after %d records: got %s, want %s", seq, got, want)
	}
	if before.epoch != "" && s.Epoch() != before.epoch {
		return fmt.Errorf("epoch: got %s, want %s", s.Epoch(), before.epoch)
	}
	if cursor, err := s.Cursor(ctx); err != nil || cursor != before.cursor && cursor != after.cursor {
		return fmt.Errorf("cursor: got %d (%v), want %d or %d", cursor, err, before.cursor, after.cursor)
	}
	if got, err := os.ReadFile(filepath.Join(b.dir, "twin.jsonl")); err != nil || seq > 0 && seq < int64(len(lines)) && string(got) != string(bytes.Join(lines[:seq], nil)) {
		return fmt.Errorf("twin: got %s (%v), want %d lines", got, err, seq)
	}
	if ops%7 != 0 {
		return nil
	}
	var verdict string
	if err := s.db.QueryRow("PRAGMA quick_check").Scan(&verdict); err != nil || verdict != "ok" {
		return fmt.Errorf("quick_check: %s (%v)", verdict, err)
	}
	return s.Append(ctx, opened("after the cut"))
}

// sweep cuts the power before every operation, in every way, and gives what was found wrong.
func sweep(t *testing.T, r *recording, ways []cutdisk.How, stop bool) (images int, bad []error) {
	t.Helper()
	twin, err := os.ReadFile(filepath.Join(r.dir, "twin.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	ops := r.disk.Ops()
	const workers = 2
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range workers {
		b := &bench{dir: t.TempDir(), twin: twin}
		wg.Go(func() {
			disk := cutdisk.New()
			for i := range len(ops) + 1 {
				for _, how := range ways {
					rng := rand.New(rand.NewPCG(*cutSeed, uint64(i*10+int(how))))
					if i%workers != w {
						continue
					}
					err := b.check(r, disk.Image(how, rng), i, rng)
					mu.Lock()
					images++
					if err != nil {
						bad = append(bad, fmt.Errorf("cut before operation %d of %d, unsynced writes %s: %w", i, len(ops), how, err))
					}
					enough := stop && len(bad) > 0
					mu.Unlock()
					if enough {
						return
					}
				}
				if i < len(ops) {
					disk.Apply(ops[i])
				}
			}
		})
	}
	wg.Wait()
	return images, bad
}

func TestPowerCutAtEveryWrite(t *testing.T) {
	r := record(t, false)
	images, bad := sweep(t, r, cutdisk.Ways, false)
	t.Logf("%d operations, %d images, %d violations (seed %d)", len(r.disk.Ops()), images, len(bad), *cutSeed)
	if images < 500 {
		t.Errorf("only %d images: the recording shows nothing", images)
	}
	for i, err := range bad {
		if i == 10 {
			break
		}
		t.Errorf("%v (again with -store.seed=%d)", err, *cutSeed)
	}
}

// The sweep itself must be able to find something: with the safety that go-sqlite3 chooses by itself
// for a write-ahead log, an acknowledged record is lost.
func TestSweepFindsUnsafeCommits(t *testing.T) {
	r := record(t, true)
	if _, bad := sweep(t, r, []cutdisk.How{cutdisk.Synced}, true); len(bad) == 0 {
		t.Error("commits that are not synced were not found")
	}
}

// The recording disk must stand for the real one: the same settings, read back on both.
func TestSettingsAreTheProducts(t *testing.T) {
	for _, disk := range []string{"real", "recording"} {
		ctx, dir := context.Background(), t.TempDir()
		if disk == "recording" {
			ctx = cutdisk.Context(ctx)
			t.Cleanup(cutdisk.New().Mount(dir))
		}
		s, err := Open(ctx, dir, "T1")
		if err != nil {
			t.Fatal(err)
		}
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "3", "page_size": "8192", "locking_mode": "exclusive",
			"auto_vacuum": "0", "busy_timeout": "0", "wal_autocheckpoint": "0"} {
			var got string
			if err := s.db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s disk: pragma %s: got %q (%v), want %q", disk, pragma, got, err, want)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
