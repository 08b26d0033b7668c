package hall

import (
	"database/sql"
	"log/slog"
	"testing"
)

// An order was paid after the visit had ended. It goes back, unless the journal has come to count on it since: then
// nothing of it is said to go back.
func TestPaidAfterTheVisitUnlessItCounts(t *testing.T) {
	h, err := Open(t.Context(), Config{State: t.TempDir()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for _, tt := range []struct {
		state, refund string
		refunded      int64
		why           string
		ended         int
	}{
		{"begun", "due", 300, "unwanted", 1},
		{"paid", "", 0, "", 2},
	} {
		if err := h.store.Tx(t.Context(), func(tx *sql.Tx) error {
			if err := attempt(t.Context(), tx, tt.state, "1", "T1", 300); err != nil {
				return err
			}
			_, err := tx.Exec(`UPDATE attempts SET state = ?1, ended = 1 WHERE attempt = ?1`, tt.state)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := h.unwanted(t.Context(), pending{no: tt.state, caseID: "1", terminal: "T1"}, 300); err != nil {
			t.Fatal(err)
		}
		got := tt
		if err := h.store.DB().QueryRow(`SELECT refund, refunded, why, ended FROM attempts WHERE attempt = ?`, tt.state).Scan(&got.refund, &got.refunded, &got.why, &got.ended); err != nil {
			t.Fatal(err)
		}
		if got != tt {
			t.Errorf("got %+v, want %+v", got, tt)
		}
	}
}
