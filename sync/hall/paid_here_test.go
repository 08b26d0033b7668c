package hall

import (
	"context"
	"database/sql"
	"log/slog"
	"testing"

	"yichuang/kiosk/casefile"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallstore"
)

// A slip was paid at the hall in a life that is lost. Its terminal, which nobody waits for any more, comes back, and the hall knows of the debt before
// it has heard all: who brings the slip in that instant is refused too.
func TestASlipThatTheHallHasPaidIsRefusedBeforeTheBooksSaySo(t *testing.T) {
	h, err := Open(t.Context(), Config{State: t.TempDir()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if err := h.tx(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.Exec(`INSERT INTO terminals (id, enrolled) VALUES ('T1', '')`); err != nil {
			return err
		}
		return beginLife(t.Context(), tx, &witness{Epoch: newEpoch(1), Paid: map[string]paidHere{"o1": {At: "2026-11-20T01:00:00.000Z", Reason: "counter"}}}, 0)
	}); err != nil {
		t.Fatal(err)
	}
	if err := h.Release(t.Context(), "T1", "burnt"); err != nil {
		t.Fatal(err)
	}
	e := casefile.Event{Kind: casefile.PaymentSettled, Case: "c1", Header: casefile.Header{Owes: 700, Owed: "o1", Claim: casefile.ClaimHash("o1", "CODE")}}
	header, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	r := &casefile.Record{Terminal: "T1", Epoch: "e1", Seq: 1, Time: "2026-11-20T09:00:00+08:00", Quality: "synced", Case: "c1", Kind: e.Kind, Header: header, Prev: casefile.Genesis("T1", "e1")}
	r.Hash = r.Sum()
	ctx := context.WithValue(t.Context(), peerKey{}, peer{id: "T1"})
	if _, err := (&service{h}).Push(ctx, &hallapi.PushRequest{Epoch: "e1", Records: []*hallapi.Record{hallstore.ToWire(r)}}); err != nil {
		t.Fatal(err)
	}
	for _, now := range []struct {
		drawn int
		state string
	}{{1, "open"}, {0, "paid"}} {
		if n, _, err := h.step(t.Context()); err != nil || n != now.drawn {
			t.Fatalf("%d drawn, %v, want %d", n, err, now.drawn)
		}
		l, err := h.Ledger(t.Context())
		if err != nil || len(l.Owed) != 1 || l.Owed[0].State != now.state {
			t.Fatalf("the books have %+v, %v, want it %s", l.Owed, err, now.state)
		}
		for _, by := range []string{"T2", "T1", casefile.AtHall} {
			c, err := h.payKnown(t.Context(), "code", by, "counter", "clerk")
			if err != nil || c.Paid || c.Refused != "paid" || c.Where != casefile.AtHall || c.When != "2026-11-20T01:00:00.000Z" {
				t.Errorf("%s in the books, at %s: %v, %v", now.state, by, c, err)
			}
		}
	}
}
