package store

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/seal"
	"yichuang/kiosk/store/cutdisk"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(context.Background(), dir, "T1")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func opened(id string) Entry {
	return Entry{Event: casefile.Event{Kind: casefile.CaseOpened, Case: id, Header: casefile.Header{Service: "pay.water"}}}
}

func TestReopenedJournalGoesOn(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s := open(t, dir)
	if err := s.Append(ctx, opened("a"), opened("b")); err != nil {
		t.Fatal(err)
	}
	epoch := s.Epoch()
	seq, hash := s.Head()
	s.Close()
	s = open(t, dir)
	defer s.Close()
	if s.Epoch() != epoch {
		t.Errorf("epoch: got %s, want %s", s.Epoch(), epoch)
	}
	if gotSeq, gotHash := s.Head(); gotSeq != seq || gotHash != hash || seq != 2 {
		t.Errorf("head: got %d %s, want %d %s", gotSeq, gotHash, seq, hash)
	}
	s.Book(func(b *casefile.Book) {
		if len(b.Cases) != 2 {
			t.Errorf("cases: got %d, want 2", len(b.Cases))
		}
	})
}

func TestWhatCannotFollowIsNotWritten(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir())
	defer s.Close()
	bad := Entry{Event: casefile.Event{Kind: casefile.NoteStacked, Case: "a", Header: casefile.Header{Note: 1, Face: 100, Currency: "CNY"}}}
	if err := s.Append(ctx, bad); err == nil {
		t.Error("a note that was never in escrow was stacked")
	}
	if err := s.Append(ctx, opened("a")); err != nil {
		t.Errorf("after a refused event: %v", err)
	}
	records, err := s.Read(ctx, 0, 0)
	if err != nil || len(records) != 1 || records[0].Kind != casefile.CaseOpened {
		t.Errorf("records: got %v (%v), want one case.opened", records, err)
	}
}

func TestForeignHeaderFieldIsRefused(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	e := opened("a")
	e.Header.Reason = "wang"
	if err := s.Append(context.Background(), e); err == nil || !strings.Contains(err.Error(), "reason") {
		t.Errorf("got %v, want an error that names the field", err)
	}
}

func TestPersonalDataIsSealedOrRefused(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s := open(t, dir)
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	e := opened("a")
	e.Secret = casefile.BillSecret{Account: "3102445518"}
	if err := s.Append(ctx, e); !errors.Is(err, ErrNoKey) || err.Error() != "journal: the hall's key is not known, personal data cannot be sealed" {
		t.Errorf("without the hall's key: got %v, want ErrNoKey in a sentence", err)
	}
	s.UseHallKey(key.PublicKey().Bytes())
	if err := s.Append(ctx, e); err != nil {
		t.Fatal(err)
	}
	records, err := s.Read(ctx, 0, 0)
	if err != nil || len(records) != 1 {
		t.Fatalf("records: %v (%v)", records, err)
	}
	r := records[0]
	plain, err := seal.Open(key.Bytes(), r.Seq, seal.AAD(r.Terminal, r.Epoch, r.Seq, string(r.Kind), r.Header), r.Sealed)
	if err != nil || !strings.Contains(string(plain), "3102445518") {
		t.Errorf("the hall reads %q (%v)", plain, err)
	}
	if _, err := seal.Open(key.Bytes(), r.Seq+1, seal.AAD(r.Terminal, r.Epoch, r.Seq, string(r.Kind), r.Header), r.Sealed); err == nil {
		t.Error("a sealed part opened at another record's place")
	}
	s.Close()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 3 {
		t.Fatalf("files: %v (%v)", files, err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil || strings.Contains(string(raw), "3102445518") {
			t.Errorf("%s holds the account in clear (%v)", f, err)
		}
	}
}

func TestChangedRecordIsFound(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s := open(t, dir)
	if err := s.Append(ctx, opened("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Exec(`UPDATE journal SET header = replace(header, 'water', 'steam')`); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if again, err := Open(ctx, dir, "T1"); err == nil {
		again.Close()
		t.Error("a changed journal was opened")
	}
	if again, err := Open(ctx, dir, "T2"); err == nil {
		again.Close()
		t.Error("another terminal's journal was opened")
	}
}

func TestManyWritersShareCommits(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir())
	defer s.Close()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 25 {
				id := string(rune('a'+i)) + string(rune('a'+j))
				if err := s.Append(ctx, opened(id)); err != nil {
					t.Errorf("append %s: %v", id, err)
				}
			}
		})
	}
	wg.Wait()
	prev := casefile.Genesis("T1", s.Epoch())
	records, err := s.Read(ctx, 0, 0)
	if err != nil || len(records) != 200 {
		t.Fatalf("got %d records (%v), want 200", len(records), err)
	}
	for i, r := range records {
		if err := r.Check(int64(i+1), prev); err != nil {
			t.Fatal(err)
		}
		prev = r.Hash
	}
}

func TestTwinFileIsCompletedAfterATornLine(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s := open(t, dir)
	for _, id := range []string{"a", "b", "c"} {
		if err := s.Append(ctx, opened(id)); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	path := filepath.Join(dir, "twin.jsonl")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, keep := range []int{0, 10, len(whole) / 2, len(whole) - 1} {
		if err := os.WriteFile(path, whole[:keep], 0o600); err != nil {
			t.Fatal(err)
		}
		open(t, dir).Close()
		got, err := os.ReadFile(path)
		if err != nil || string(got) != string(whole) {
			t.Errorf("after a cut at %d of %d: got %q (%v)", keep, len(whole), got, err)
		}
	}
}

func TestCursorMovesBothWays(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir())
	defer s.Close()
	if err := s.Append(ctx, opened("a"), opened("b")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int64{2, 1} {
		if err := s.Acknowledge(ctx, want); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Cursor(ctx); err != nil || got != want {
			t.Errorf("cursor: got %d (%v), want %d", got, err, want)
		}
	}
	if err := s.Acknowledge(ctx, 3); err == nil {
		t.Error("the hall acknowledged a record that was never written")
	}
}

func TestBrokenCommitStopsTheStore(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir())
	if _, err := s.db.Exec("DROP TABLE journal"); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(ctx, opened("a")); !errors.Is(err, ErrBroken) {
		t.Errorf("got %v, want ErrBroken", err)
	}
	if err := s.Append(ctx, opened("b")); !errors.Is(err, ErrBroken) || !errors.Is(s.Health(), ErrBroken) {
		t.Errorf("afterwards: got %v and %v, want ErrBroken", err, s.Health())
	}
	s.Close()
}

// held holds the first commit of a store until release is called, and counts the syncs of its disk.
type held struct {
	*Store
	t       *testing.T
	wg      sync.WaitGroup
	syncs   atomic.Int64
	release func()
}

// hold begins a commit and gives back when it is in the middle.
func hold(t *testing.T, first Entry) *held {
	t.Helper()
	dir, disk := t.TempDir(), cutdisk.New()
	t.Cleanup(disk.Mount(dir))
	h := &held{Store: onDisk(t, dir, disk), t: t}
	t.Cleanup(func() { h.Close() }) // its error is the broken commit's
	inside, release := make(chan bool), make(chan bool)
	h.release = func() { close(release) }
	disk.Before(func(op cutdisk.Op) error {
		if op.Kind == cutdisk.Sync && h.syncs.Add(1) == 1 {
			inside <- true
			<-release
		}
		return nil
	})
	h.wg.Go(func() {
		if err := h.Append(context.Background(), first); err != nil {
			t.Errorf("append: %v", err)
		}
	})
	<-inside
	return h
}

// queue lets requests come one after the other while the commit is held; their errors come in the same order.
func (h *held) queue(requests ...[]Entry) []error {
	errs := make([]error, len(requests))
	var settled atomic.Int64
	for i, entries := range requests {
		h.wg.Go(func() {
			errs[i] = h.Append(context.Background(), entries...)
			settled.Add(1)
		})
		come := 0 // those that wait, and those that were refused at once
		for deadline := time.Now().Add(time.Minute); come <= i && time.Now().Before(deadline); runtime.Gosched() {
			h.mu.Lock()
			come = len(h.pending) + int(settled.Load())
			h.mu.Unlock()
		}
		if come != i+1 {
			h.t.Errorf("got %d requests waiting for the first commit or refused, want %d", come, i+1)
		}
	}
	h.release()
	h.wg.Wait()
	return errs
}

// While one commit is on its way, all who come wait for the next one, which they share.
func TestWaitingWritersShareOneCommit(t *testing.T) {
	h := hold(t, opened("a"))
	before := h.syncs.Load()
	errs := h.queue([]Entry{opened("b")}, []Entry{opened("a")}, []Entry{opened("c"), opened("d")})
	if errs[0] != nil || errs[1] == nil || errors.Is(errs[1], ErrBroken) || errs[2] != nil {
		t.Errorf("got %v, want that the second alone is refused", errs)
	}
	if got := h.syncs.Load() - before; got > before {
		t.Errorf("got %d syncs for those who waited, want the %d of one commit", got, before)
	}
	if got := cases(h.Store); got != 4 {
		t.Errorf("got %d cases, want 4", got)
	}
	var journal bytes.Buffer
	if err := errors.Join(h.Export(context.Background(), &journal), h.Close()); err != nil {
		t.Fatal(err)
	}
	if twin := read(t, filepath.Join(h.dir, "twin.jsonl")); !bytes.Equal(twin, journal.Bytes()) {
		t.Errorf("the twin: got %s, want the journal's order %s", twin, journal.Bytes())
	}
}

// One request that breaks the book takes all that share its commit with it: nothing of them is written.
func TestBreakingRequestTakesItsCommitAlong(t *testing.T) {
	h := hold(t, opened("a"))
	errs := h.queue([]Entry{opened("b")}, []Entry{opened("c"), opened("c")}, []Entry{opened("d")})
	if !errors.Is(errs[0], ErrBroken) || errs[1] == nil || !errors.Is(errs[2], ErrBroken) {
		t.Errorf("got %v, want ErrBroken for the first and the last, and what is wrong for the second", errs)
	}
	records, err := h.Read(context.Background(), 0, 0)
	if err != nil || len(records) != 1 {
		t.Errorf("got %d records (%v), want the first alone", len(records), err)
	}
}
