package hallstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/sync/hallapi"
)

var now = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)

func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// journal makes n records that hold; word makes two journals of the same numbers differ.
func journal(terminal, epoch, word string, n int) []*hallapi.Record {
	var out []*hallapi.Record
	prev := casefile.Genesis(terminal, epoch)
	for i := range n {
		r := &casefile.Record{Terminal: terminal, Epoch: epoch, Seq: int64(i) + 1, Time: "2026-11-20T08:00:00+08:00", Quality: "synced",
			Case: word, Kind: casefile.CaseRated, Header: fmt.Appendf(nil, `{"stars":%d}`, i%5+1), Prev: prev}
		if i%3 == 0 {
			r.Sealed = []byte(word + "sealed")
			r.SealSum = casefile.SumSealed(r.Sealed)
		}
		r.Hash = r.Sum()
		prev = r.Hash
		out = append(out, ToWire(r))
	}
	return out
}

func take(t *testing.T, s *Store, records []*hallapi.Record) Intake {
	t.Helper()
	in, err := s.Take(t.Context(), "T1", "e1", 0, records, false, now)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func stored(t *testing.T, s *Store, epoch string) (out []*casefile.Record) {
	t.Helper()
	if err := s.Tx(t.Context(), func(tx *sql.Tx) (err error) {
		out, err = Records(t.Context(), tx, "T1", epoch, 0, 1000)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func quarantined(t *testing.T, s *Store) (n int, chain string) {
	t.Helper()
	if err := s.db.QueryRow(`SELECT count(*) FROM quarantine`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	if err := s.db.QueryRow(`SELECT chain FROM streams WHERE epoch = 'e1'`).Scan(&chain); err != nil {
		t.Fatal(err)
	}
	return n, chain
}

func TestEveryRecordIsStoredOnceWhateverTheBatches(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	s := open(t)
	all := journal("T1", "e1", "a", 300)
	cursor := int64(0)
	for range 200 {
		// A batch from anywhere near the cursor: doubled, cut, with a gap, shuffled.
		from := max(0, int(cursor)-rng.IntN(6)+rng.IntN(3))
		to := min(len(all), from+rng.IntN(3*manyRecords))
		batch := slices.Clone(all[min(from, to):to])
		if rng.IntN(3) == 0 {
			batch = append(batch, batch...)
		}
		rng.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
		in := take(t, s, batch)
		if in.Cursor < cursor || in.Quarantined != 0 {
			t.Fatalf("seed %d: cursor %d after %d, %d in quarantine", seed, in.Cursor, cursor, in.Quarantined)
		}
		cursor = in.Cursor
	}
	for cursor < int64(len(all)) {
		cursor = take(t, s, all[cursor:min(int(cursor)+5, len(all))]).Cursor
	}
	prev := casefile.Genesis("T1", "e1")
	got := stored(t, s, "e1")
	if len(got) != len(all) {
		t.Fatalf("seed %d: %d records stored, want %d", seed, len(got), len(all))
	}
	for i, r := range got {
		if err := r.Check(int64(i)+1, prev); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		prev = r.Hash
	}
}

func TestAGapIsLeftForLater(t *testing.T) {
	s := open(t)
	all := journal("T1", "e1", "a", 6)
	if in := take(t, s, all[:2]); in.Cursor != 2 || in.Stored != 2 {
		t.Fatalf("took %+v, want 2", in)
	}
	if in := take(t, s, all[3:]); in.Cursor != 2 || in.Stored != 0 {
		t.Errorf("after a gap: %+v, want cursor 2", in)
	}
	if in := take(t, s, []*hallapi.Record{all[4], all[2], all[3]}); in.Cursor != 5 || in.Stored != 3 {
		t.Errorf("the missing ones: %+v, want cursor 5", in)
	}
	if in := take(t, s, all[1:3]); in.Cursor != 5 || in.Aside {
		t.Errorf("what is there already: %+v", in)
	}
	if in := take(t, s, nil); in.Cursor != 5 || in.Aside {
		t.Errorf("an empty batch: %+v, want cursor 5", in)
	}
}

func TestAForkGoesIntoQuarantineAndBothBranchesAreKept(t *testing.T) {
	s := open(t)
	all, other := journal("T1", "e1", "a", 6), journal("T1", "e1", "b", 6)
	take(t, s, all[:4])
	in := take(t, s, other[2:])
	if in.Cursor != 6 || in.Quarantined != 4 || in.Stored != 0 {
		t.Errorf("the fork: %+v, want cursor 6 with 4 in quarantine", in)
	}
	if again := take(t, s, other[2:]); again.Quarantined != 0 || again.Cursor != 6 || !again.Aside {
		t.Errorf("the fork again: %+v, want nothing new", again)
	}
	if !in.Aside {
		t.Error("the terminal is not told that its records lie aside")
	}
	if in := take(t, s, all[4:]); in.Stored != 2 || in.Cursor != 6 || in.Aside {
		t.Errorf("the branch that the hall has: %+v, want it to go on", in)
	}
	n, chain := quarantined(t, s)
	if n != 4 || chain != "fork at 3" || len(stored(t, s, "e1")) != 6 {
		t.Errorf("%d in quarantine, chain %q, %d stored", n, chain, len(stored(t, s, "e1")))
	}
}

// branch makes n records that go on after a journal's first ones, under another epoch.
func branch(records []*hallapi.Record, after int, epoch string, n int) []*hallapi.Record {
	var out []*hallapi.Record
	prev := records[after-1].Hash
	for i := range n {
		r := &casefile.Record{Terminal: "T1", Epoch: epoch, Seq: int64(after+i) + 1, Time: "2026-11-20T09:00:00+08:00", Quality: "synced",
			Kind: casefile.CaseRated, Header: []byte(`{"stars":3}`), Prev: prev}
		r.Hash = r.Sum()
		prev = r.Hash
		out = append(out, ToWire(r))
	}
	return out
}

func TestBothBranchesOfAJournalAreKept(t *testing.T) {
	s := open(t)
	all := journal("T1", "e1", "a", 6)
	take(t, s, all)
	other := branch(all, 4, "e2", 3)
	take2 := func(after int64, records ...*hallapi.Record) Intake {
		t.Helper()
		in, err := s.Take(t.Context(), "T1", "e2", after, records, false, now)
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	if in := take2(4); in.Cursor != 4 {
		t.Errorf("a branch without a record: %+v, want cursor 4", in)
	}
	if in := take2(4, other[1], other[2]); in.Cursor != 4 || in.Stored != 0 {
		t.Errorf("past a gap: %+v, want cursor 4", in)
	}
	if in := take2(4, other...); in.Cursor != 7 || in.Stored != 3 || in.Quarantined != 0 || in.Aside {
		t.Errorf("the branch: %+v, want 3 records up to 7", in)
	}
	if in := take2(4, other...); in.Cursor != 7 || in.Stored != 0 || in.Quarantined != 0 {
		t.Errorf("the branch again: %+v, want nothing new", in)
	}
	if in := take2(4, all[3]); in.Cursor != 7 || in.Quarantined != 1 {
		t.Errorf("a record from before the branch under its epoch: %+v, want it aside", in)
	}
	foreign := branch(all, 4, "e2", 4)
	foreign[3].Prev = foreign[3].Hash
	if in := take2(4, foreign[3]); in.Cursor != 8 || in.Quarantined != 1 || in.Stored != 0 {
		t.Errorf("a record that does not follow: %+v, want it aside", in)
	}
	if len(stored(t, s, "e1")) != 6 || len(stored(t, s, "e2")) != 3 {
		t.Errorf("%d and %d stored, want 6 and 3", len(stored(t, s, "e1")), len(stored(t, s, "e2")))
	}
	if _, err := s.Take(t.Context(), "T1", "e3", -1, nil, false, now); !errors.Is(err, ErrMalformed) {
		t.Errorf("a branch after nothing: %v", err)
	}
	var drawn []int64
	for range 3 {
		if err := s.Tx(t.Context(), func(tx *sql.Tx) error {
			list, err := Batch(t.Context(), tx, 10)
			for _, r := range list {
				drawn = append(drawn, r.Seq)
				if err := Processed(t.Context(), tx, r); err != nil {
					return err
				}
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(drawn, []int64{1, 2, 3, 4, 5, 6, 5, 6, 7}) {
		t.Errorf("drawn %v", drawn)
	}
}

func TestABrokenChainDoesNotHoldTheTerminalUp(t *testing.T) {
	s := open(t)
	all := journal("T1", "e1", "a", 5)
	all[2].Header = []byte(`{"stars":9}`)
	in := take(t, s, all)
	if in.Cursor != 5 || in.Stored != 2 || in.Quarantined != 3 {
		t.Errorf("took %+v, want 2 stored and 3 in quarantine", in)
	}
	if n, chain := quarantined(t, s); n != 3 || chain != "broken at 3" {
		t.Errorf("%d in quarantine, chain %q", n, chain)
	}
	all[0].Sealed = []byte("another")
	if in, err := s.Take(t.Context(), "T1", "e2", 0, journal("T1", "e2", "c", 3), false, now); err != nil || in.Cursor != 3 {
		t.Errorf("a new epoch: %+v, %v", in, err)
	}
}

func TestASealedPartThatWasChangedIsNotStored(t *testing.T) {
	s := open(t)
	all := journal("T1", "e1", "a", 1)
	all[0].Sealed = []byte("another")
	if in := take(t, s, all); in.Stored != 0 || in.Quarantined != 1 {
		t.Errorf("took %+v, want it in quarantine", in)
	}
}

func TestARevokedTerminalIsHeardAndKeptApart(t *testing.T) {
	s := open(t)
	all := journal("T1", "e1", "a", 4)
	take(t, s, all[:2])
	in, err := s.Take(t.Context(), "T1", "e1", 0, all, true, now)
	if err != nil || in.Cursor != 4 || in.Stored != 0 || in.Quarantined != 2 {
		t.Errorf("took %+v, %v, want the two new ones in quarantine", in, err)
	}
	if len(stored(t, s, "e1")) != 2 {
		t.Errorf("%d stored, want 2", len(stored(t, s, "e1")))
	}
}

func TestMalformedBatchesLeaveNothing(t *testing.T) {
	s := open(t)
	good := journal("T1", "e1", "a", 3)
	without := func(change func(*hallapi.Record)) []*hallapi.Record {
		out := journal("T1", "e1", "a", 3)
		change(out[2])
		return out
	}
	for name, c := range map[string]struct {
		terminal, epoch string
		records         []*hallapi.Record
	}{
		"no terminal": {"", "e1", good}, "no epoch": {"T1", "", good},
		"no number": {"T1", "e1", without(func(r *hallapi.Record) { r.Seq = 0 })},
		"no kind":   {"T1", "e1", without(func(r *hallapi.Record) { r.Kind = "" })},
		"no hash":   {"T1", "e1", without(func(r *hallapi.Record) { r.Hash = "" })},
		"nil":       {"T1", "e1", []*hallapi.Record{nil}},
		"too many":  {"T1", "e1", journal("T1", "e1", "a", hallapi.RecordsMax+1)},
	} {
		if _, err := s.Take(t.Context(), c.terminal, c.epoch, 0, c.records, false, now); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want %v", name, err, ErrMalformed)
		}
	}
	if n := len(stored(t, s, "e1")); n != 0 {
		t.Errorf("%d records stored", n)
	}
	if _, err := s.Take(t.Context(), "T1", "e1", 0, journal("T1", "e1", "a", hallapi.RecordsMax), false, now); err != nil {
		t.Errorf("the largest batch: %v", err)
	}
}

func TestAnotherTerminalsRecordDoesNotHold(t *testing.T) {
	s := open(t)
	if in := take(t, s, journal("T2", "e1", "a", 2)); in.Stored != 0 || in.Quarantined != 2 {
		t.Errorf("took %+v under another name, want quarantine", in)
	}
}

func TestWorkIsHandedOutInOrderAndOnce(t *testing.T) {
	s := open(t)
	take(t, s, journal("T1", "e1", "a", 5))
	if _, err := s.Take(t.Context(), "T2", "e9", 0, journal("T2", "e9", "b", 2), false, now.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for range 10 {
		if err := s.Tx(t.Context(), func(tx *sql.Tx) error {
			list, err := Batch(t.Context(), tx, 2)
			for _, r := range list {
				got = append(got, fmt.Sprint(r.Terminal, r.Seq))
				if err := Processed(t.Context(), tx, r); err != nil {
					return err
				}
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"T11", "T12", "T13", "T14", "T15", "T21", "T22"}
	if !slices.Equal(got, want) {
		t.Errorf("work came as %v, want %v", got, want)
	}
	if err := s.Tx(t.Context(), func(tx *sql.Tx) error {
		behind, err := Behind(t.Context(), tx, "T1")
		if behind {
			t.Error("T1 is behind when all is done")
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestATransactionIsAllOrNothing(t *testing.T) {
	s := open(t)
	stop := errors.New("stop")
	err := s.Tx(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.Exec(`INSERT INTO meta (key, value) VALUES ('a', 'b')`); err != nil {
			return err
		}
		return stop
	})
	if !errors.Is(err, stop) {
		t.Errorf("Tx = %v, want %v", err, stop)
	}
	if v, err := s.Meta(t.Context(), "a", "c"); v != "c" || err != nil {
		t.Errorf("Meta = %q, %v, want c", v, err)
	}
	if v, err := s.Meta(t.Context(), "a", "d"); v != "c" || err != nil {
		t.Errorf("Meta the second time = %q, %v, want c", v, err)
	}
}

func TestNoticesHaveANumberForEachTerminal(t *testing.T) {
	s := open(t)
	if err := s.Tx(t.Context(), func(tx *sql.Tx) error {
		for _, id := range []string{"T1", "T2"} {
			if _, err := tx.Exec(`INSERT INTO terminals (id, enrolled) VALUES (?, '')`, id); err != nil {
				return err
			}
		}
		if err := Tell(t.Context(), tx, "T1", "decision", "c1", map[string]string{"state": "approved"}); err != nil {
			return err
		}
		return TellAll(t.Context(), tx, "catalog", map[string]int{"version": 2})
	}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		terminal string
		cursor   int64
		want     string
	}{{"T1", 0, "1 decision c1 {\"state\":\"approved\"};2 catalog  {\"version\":2};"}, {"T1", 1, "2 catalog  {\"version\":2};"}, {"T1", 2, ""}, {"T2", 0, "1 catalog  {\"version\":2};"}} {
		list, err := s.Notices(context.Background(), c.terminal, c.cursor)
		got := ""
		for _, n := range list {
			got += fmt.Sprintf("%d %s %s %s;", n.Seq, n.Kind, n.Case, n.Json)
		}
		if err != nil || got != c.want {
			t.Errorf("notices of %s past %d: %q, %v, want %q", c.terminal, c.cursor, got, err, c.want)
		}
	}
}

// TestNoticesThatWereThere: those of a database from before terminals' last numbers were kept are counted once.
func TestNoticesThatWereThere(t *testing.T) {
	s := before(t, "00007_told.sql", `INSERT INTO notices (terminal, seq, kind, case_id, json) VALUES ('T2', 1, 'refund', 'c', x''), ('T1', 1, 'refund', 'c', x''), ('T1', 2, 'refund', 'c', x'')`)
	for _, want := range []int64{2, 3, 4} {
		if told, err := s.Told(t.Context()); err != nil || told["T1"] != want || told["T2"] != 1 || len(told) != 2 {
			t.Errorf("told %v (%v), want %d and 1", told, err, want)
		}
		if err := s.Tx(t.Context(), func(tx *sql.Tx) error { return Tell(t.Context(), tx, "T1", "refund", "c", nil) }); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStampsCompareLikeTimes(t *testing.T) {
	early, late := time.Date(2026, 11, 20, 8, 0, 0, 5e6, time.FixedZone("CST", 8*3600)), time.Date(2026, 11, 20, 0, 0, 0, 100e6, time.UTC)
	if a, b := Stamp(early), Stamp(late); a >= b || a != "2026-11-20T00:00:00.005Z" {
		t.Errorf("stamps %q and %q", a, b)
	}
}
