package store

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"path/filepath"
	"slices"
	"testing"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/seal"
)

// whole checks every record of a journal from its beginning and gives the epoch of each.
func whole(t *testing.T, s *Store) (epochs []string) {
	t.Helper()
	prev := casefile.Genesis("T1", s.Origin())
	records, err := s.Read(context.Background(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range records {
		if err := r.Check(int64(i)+1, prev); err != nil {
			t.Fatal(err)
		}
		if sp := s.Span(r.Seq - 1); sp.Epoch != r.Epoch || r.Seq <= sp.After || r.Seq > sp.Last {
			t.Errorf("record %d is of epoch %s, and in the span %+v", r.Seq, r.Epoch, sp)
		}
		epochs, prev = append(epochs, r.Epoch), r.Hash
	}
	return epochs
}

func TestAJournalBranchesAndGoesOn(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s := filledStore(t, dir, 3)
	origin := s.Epoch()
	if s.Unanswered() != "" || s.Span(3) != (Span{Epoch: origin, Last: 3}) {
		t.Errorf("before: %q, %+v", s.Unanswered(), s.Span(3))
	}
	if err := s.Branch(ctx, "the acceptor knows more", true); err != nil {
		t.Fatal(err)
	}
	second := s.Epoch()
	if second == origin || s.Origin() != origin || s.Unanswered() != "the acceptor knows more" {
		t.Errorf("branched from %s: epoch %s, origin %s, unanswered %q", origin, second, s.Origin(), s.Unanswered())
	}
	if err := s.Branch(ctx, "the printer too", true); err != nil || s.Epoch() != second {
		t.Errorf("what is known already branched again: %v", err)
	}
	if err := s.Append(ctx, opened("x")); err != nil {
		t.Fatal(err)
	}
	want := []string{origin, origin, origin, second, second}
	if got := whole(t, s); !slices.Equal(got, want) {
		t.Errorf("epochs %v, want %v", got, want)
	}
	records, err := s.Read(ctx, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	if e, err := records[0].Event(); err != nil || e.Kind != casefile.TerminalStarted || e.Header.Reason != "the acceptor knows more" {
		t.Errorf("the first record of the branch: %+v, %v", e, err)
	}
	s.Close()

	s = open(t, dir)
	if got := whole(t, s); !slices.Equal(got, want) || s.Epoch() != second || s.Unanswered() != "the acceptor knows more" {
		t.Errorf("opened again: %v, epoch %s, unanswered %q", got, s.Epoch(), s.Unanswered())
	}
	if n := lines(t, filepath.Join(dir, "twin.jsonl")); n != 5 {
		t.Errorf("the twin has %d lines, want 5", n)
	}
	if aside, _ := filepath.Glob(filepath.Join(dir, "twin-*")); len(aside) > 0 {
		t.Errorf("the twin was laid aside: %v", aside)
	}
	for seq, span := range map[int64]Span{0: {origin, 0, 3}, 2: {origin, 0, 3}, 3: {second, 3, 5}, 5: {second, 3, 5}} {
		if got := s.Span(seq); got != span {
			t.Errorf("Span(%d) = %+v, want %+v", seq, got, span)
		}
	}
	if err := s.Answered(ctx, origin); err != nil || s.Unanswered() == "" {
		t.Errorf("an answer to the former epoch counts: %v", err)
	}
	if err := s.Answered(ctx, second); err != nil || s.Unanswered() != "" {
		t.Errorf("answered: %q, %v", s.Unanswered(), err)
	}
	if err := s.Branch(ctx, "the hall says so", false); err != nil || s.Unanswered() != "" || s.Epoch() == second {
		t.Errorf("a branch that the hall asked for: epoch %s, unanswered %q, %v", s.Epoch(), s.Unanswered(), err)
	}
	third := s.Epoch()
	s.Close()
	s = open(t, dir)
	defer s.Close()
	if got := whole(t, s); !slices.Equal(got, append(want, third)) {
		t.Errorf("epochs %v", got)
	}
}

// The power goes between the branch and its first record.
func TestABranchWithoutARecordIsTakenUp(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s := filledStore(t, dir, 2)
	origin := s.Epoch()
	if err := s.Keep(ctx, map[string][]byte{keptBranch: []byte("e2"), keptUnanswered: []byte("why")}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = open(t, dir)
	if s.Epoch() != "e2" || s.Unanswered() != "why" || s.Span(1) != (Span{origin, 0, 2}) || s.Span(2) != (Span{"e2", 2, 2}) {
		t.Errorf("epoch %s, unanswered %q, spans %+v %+v", s.Epoch(), s.Unanswered(), s.Span(1), s.Span(2))
	}
	if err := s.Append(ctx, opened("x")); err != nil {
		t.Fatal(err)
	}
	if got := whole(t, s); !slices.Equal(got, []string{origin, origin, "e2"}) {
		t.Errorf("epochs %v", got)
	}
	s.Close()
	s = open(t, dir)
	defer s.Close()
	if len(s.spans) != 2 {
		t.Errorf("spans %+v", s.spans)
	}
}

// What is sealed is bound to the epoch that it was written in.
func TestSealedAfterABranch(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir())
	defer s.Close()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s.UseHallKey(key.PublicKey().Bytes())
	if err := s.Branch(ctx, "why", false); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(ctx, Entry{Event: opened("x").Event, Secret: "word"}); err != nil {
		t.Fatal(err)
	}
	records, err := s.Read(ctx, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	r := records[0]
	plain, err := seal.Open(key.Bytes(), r.Seq, seal.AAD("T1", s.Epoch(), r.Seq, string(r.Kind), r.Header), r.Sealed)
	if err != nil || string(plain) != `"word"` {
		t.Errorf("opened %q, %v", plain, err)
	}
}
