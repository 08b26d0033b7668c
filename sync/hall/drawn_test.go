package hall

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"yichuang/kiosk/casefile"
	"yichuang/sync/hallapi"
)

// A record on which the program comes to grief is listed, what of it was done is taken back, and those behind it are drawn.
func TestARecordThatTheProgramCannotDraw(t *testing.T) {
	h, err := Open(t.Context(), Config{State: t.TempDir()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	was := draws[casefile.CaseRated]
	defer func() { draws[casefile.CaseRated] = was }()
	met := 0
	draws[casefile.CaseRated] = func(f *fold) error {
		if err := f.exec(`INSERT INTO meta (key, value) VALUES (?, '')`, f.r.Hash); err != nil {
			return err
		}
		if met++; met == 2 {
			panic("nobody thought of this")
		}
		return nil
	}
	ctx := context.WithValue(t.Context(), peerKey{}, peer{id: "T1"})
	all := rated(3)
	if _, err := (&service{h}).Push(ctx, &hallapi.PushRequest{Epoch: "e1", Records: all}); err != nil {
		t.Fatal(err)
	}
	if n, _, err := h.step(t.Context()); err != nil || n != 3 {
		t.Fatalf("%d drawn, %v", n, err)
	}
	for i, want := range []int{1, 0, 1} {
		var n int
		if err := h.store.DB().QueryRow(`SELECT count(*) FROM meta WHERE key = ?`, all[i].Hash).Scan(&n); err != nil || n != want {
			t.Errorf("record %d has left %d traces, %v, want %d", i+1, n, err, want)
		}
	}
	a, err := h.Audit(t.Context())
	if err != nil || a.Violations != 1 {
		t.Fatalf("audit %+v, %v, want one oddity", a, err)
	}
	for _, i := range a.Invariants {
		if i.ID == "intake.sense" && !strings.Contains(i.Note, "nobody thought of this") {
			t.Errorf("listed as %q", i.Note)
		}
	}
}
