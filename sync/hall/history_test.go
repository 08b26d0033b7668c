package hall_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"yichuang/kiosk/casefile"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallstore"
	"yichuang/sync/halltest"
)

// history is what some terminals did with a hall over a bad line, and what they were answered: enough to say afterwards
// whether each record counted once, and whether each terminal read what it had written.
type history struct {
	t     *testing.T
	seed  uint64
	rng   *rand.Rand
	hall  *halltest.Hall
	terms []*halltest.Terminal
	ops   []string

	acked   map[string]int64  // the greatest cursor that a terminal was ever told in this life of the hall
	code    map[string]string // of each debt, by its case
	paid    map[string]string // who was told that a claim counts, by case
	notices map[string][]int64
}

func (h *history) note(format string, args ...any) {
	h.ops = append(h.ops, fmt.Sprintf(format, args...))
}

func (h *history) failf(format string, args ...any) {
	h.t.Helper()
	h.t.Fatalf("seed %d: %s\nafter %v", h.seed, fmt.Sprintf(format, args...), h.ops)
}

// TestHistory plays random histories: exactly once, and read your writes. HISTORY_SEED=n plays one again, HISTORY_ACTS=n
// makes them longer.
func TestHistory(t *testing.T) {
	seed, acts := rand.Uint64(), 60
	if n, err := strconv.ParseUint(os.Getenv("HISTORY_SEED"), 10, 64); err == nil {
		seed = n
	}
	if n, err := strconv.Atoi(os.Getenv("HISTORY_ACTS")); err == nil {
		acts = n
	}
	h := &history{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 1)), hall: halltest.Start(t, nil),
		acked: map[string]int64{}, code: map[string]string{}, paid: map[string]string{}, notices: map[string][]int64{}}
	for _, id := range []string{"T1", "T2", "T3"} {
		h.terms = append(h.terms, h.hall.Enrol(id))
	}
	for range acts {
		h.act()
	}
	for _, term := range h.terms {
		term.Push()
	}
	h.check()
}

func (h *history) act() {
	term := h.terms[h.rng.IntN(len(h.terms))]
	switch n := h.rng.IntN(20); {
	case n < 6:
		h.owes(term)
	case n < 13:
		h.push(term)
	case n < 15:
		h.reads(term)
	case n < 17:
		h.claims(term)
	case n < 18:
		h.pulls(term)
	case n < 19:
		h.note("power cut")
		h.hall.Cut()
		h.hall.Up()
	default:
		backup := h.hall.Backup()
		h.owes(term)
		h.push(term)
		h.note("restored")
		h.hall.Restore(backup)
		clear(h.acked)
		clear(h.notices)
	}
}

// owes writes a case with a debt.
func (h *history) owes(term *halltest.Terminal) {
	id := fmt.Sprintf("%s-%d", term.ID, len(term.Records))
	h.note("%s owes %s", term.ID, id)
	owed := "o-" + id
	h.code[id] = "CODE" + id
	term.Write(casefile.CaseOpened, id, casefile.Header{Visit: "v-" + id, Service: "pay.water"}, nil)
	term.Write(casefile.NoteStacked, id, casefile.Header{Note: int64(len(term.Records)), Face: 500, Currency: "CNY", Box: "b1"}, nil)
	term.Write(casefile.PaymentSettled, id, casefile.Header{Owes: 500, Owed: owed, Claim: casefile.ClaimHash(owed, h.code[id])}, nil)
}

// push hands over a batch from anywhere near the cursor: doubled, in another order, with a gap, or with its answer lost.
func (h *history) push(term *halltest.Terminal) {
	all := int64(len(term.Records))
	from := min(max(0, term.Cursor-h.rng.Int64N(5)+h.rng.Int64N(3)), all)
	to := min(all, from+h.rng.Int64N(9))
	var batch []*hallapi.Record
	for _, r := range term.Records[from:to] {
		batch = append(batch, hallstore.ToWire(r))
	}
	if h.rng.IntN(3) == 0 {
		batch = append(batch, batch...)
		h.rng.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
	}
	h.note("%s pushes %d to %d of %d", term.ID, from, to, all)
	ctx, cancel := context.WithCancel(h.t.Context())
	defer cancel()
	lost := h.rng.IntN(5) == 0
	if lost {
		go cancel() // at any moment of the call
	}
	answer, err := term.Client.Push(ctx, &hallapi.PushRequest{Epoch: term.Epoch, HallEpoch: term.Life, Cursor: term.Cursor, Head: all, Records: batch})
	switch {
	case err != nil && lost:
		return
	case err != nil:
		h.failf("push: %v", err)
	}
	if answer.HallEpoch == term.Life && answer.Cursor < h.acked[term.ID] {
		h.failf("%s was told %d in this life, and now %d", term.ID, h.acked[term.ID], answer.Cursor)
	}
	if answer.Aside {
		h.failf("%s: records lie aside", term.ID)
	}
	term.Cursor, term.Life = answer.Cursor, answer.HallEpoch
	h.acked[term.ID] = answer.Cursor
}

// reads asks about a case whose records the hall has acknowledged.
func (h *history) reads(term *halltest.Terminal) {
	term.Push()
	h.acked[term.ID] = term.Cursor
	for i := len(term.Records) - 1; i >= 0; i-- {
		if r := term.Records[i]; r.Kind == casefile.PaymentSettled {
			h.note("%s reads %s", term.ID, r.Case)
			got, err := term.Client.Cases(h.t.Context(), &hallapi.CasesRequest{Case: r.Case})
			if err != nil || len(got.Cases) != 1 || got.Cases[0].AmountFen != 500 || got.Cases[0].State != "owed" {
				h.failf("%s wrote %s and reads %v, %v", term.ID, r.Case, got, err)
			}
			return
		}
	}
}

// claims redeems any code at any terminal. A restored hall may say that it has to wait.
func (h *history) claims(term *halltest.Terminal) {
	if len(h.code) == 0 {
		return
	}
	var cases []string
	for id := range h.code {
		cases = append(cases, id)
	}
	slices.Sort(cases)
	id := cases[h.rng.IntN(len(cases))]
	term.Push()
	h.acked[term.ID] = term.Cursor
	h.note("%s claims %s", term.ID, id)
	c, err := term.Client.Claim(h.t.Context(), &hallapi.ClaimRequest{Code: h.code[id], Reason: "counter", Who: "clerk"})
	if err != nil || !c.Paid {
		return
	}
	if by := h.paid[id]; by != "" {
		h.failf("%s was paid by %s and by %s", id, by, term.ID)
	}
	h.paid[id] = term.ID
	term.Write(casefile.OwedPaid, id, casefile.Header{Owed: c.Owed, Amount: 500, Reason: "counter", Who: "clerk"}, nil)
}

// pulls reads notices from the first: those that were there before are there still, in their order.
func (h *history) pulls(term *halltest.Terminal) {
	r, err := term.Client.Pull(h.t.Context(), &hallapi.PullRequest{})
	if err != nil {
		h.failf("pull: %v", err)
	}
	var seen []int64
	for _, n := range r.Notices {
		seen = append(seen, n.Seq)
	}
	before := h.notices[term.ID]
	if len(seen) < len(before) || !slices.Equal(seen[:len(before)], before) || !slices.IsSorted(seen) {
		h.failf("%s read notices %v, and now %v", term.ID, before, seen)
	}
	h.notices[term.ID] = seen
}

// check compares the hall with the journals: every record once, every consequence once.
func (h *history) check() {
	eventually(h.t, "all is drawn", func() bool {
		l := h.hall.Ledger()
		for _, row := range l.Terminals {
			if row.Processed != row.Cursor {
				return false
			}
		}
		return len(l.Awaited) == 0
	})
	for _, term := range h.terms {
		s, err := hallstore.Open(h.t.Context(), h.hall.Config.State)
		if err != nil {
			h.t.Fatal(err)
		}
		var have []*casefile.Record
		err = s.Tx(h.t.Context(), func(tx *sql.Tx) error {
			have, err = hallstore.Records(h.t.Context(), tx, term.ID, term.Epoch, 0, len(term.Records)+1)
			return err
		})
		if err != nil || s.Close() != nil {
			h.failf("reading: %v", err)
		}
		if len(have) != len(term.Records) {
			h.failf("%s wrote %d records, and the hall has %d", term.ID, len(term.Records), len(have))
		}
		for i, r := range have {
			if r.Hash != term.Records[i].Hash {
				h.failf("%s: record %d is another one", term.ID, r.Seq)
			}
		}
	}
	l := h.hall.Ledger()
	if len(l.Payments) != len(h.code) || len(l.Owed) != len(h.code) {
		h.failf("%d debts were written, the hall has %d payments and %d debts", len(h.code), len(l.Payments), len(l.Owed))
	}
	for _, o := range l.Owed {
		if o.Amount != 500 || (o.State == "paid") != (h.paid[o.Case] != "") || o.PaidBy != h.paid[o.Case] {
			h.failf("debt of %s: %+v, and %q was told that it counts", o.Case, o, h.paid[o.Case])
		}
	}
	for _, p := range l.Payments {
		if p.Paid != 500 || p.Owed != 500 {
			h.failf("money of %s: %+v", p.Case, p)
		}
	}
	h.hall.Audit()
}
