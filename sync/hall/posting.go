package hall

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"yichuang/sync/hall/biller"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallstore"
	"yichuang/sync/qr"
)

// due is one payment that is to be booked at a biller.
type due struct {
	biller, account, terminal string
	asked                     int
	biller.Posting
}

// postersMax is how many payments are being booked at once: one silent biller does not hold up another.
const postersMax = 8

// post books what is due until ctx ends.
func (h *Hall) post(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	var mu sync.Mutex
	busy := map[string]bool{}
	asked := map[string]time.Time{} // a row that stays due whatever is written to it, on a damaged disk, does not become a flood at the biller
	for ctx.Err() == nil {
		changed := h.change()
		list, err := h.duePostings(ctx, time.Now())
		if err != nil && ctx.Err() == nil {
			h.log.Error("looking for payments to book", "cause", err)
		}
		mu.Lock()
		maps.DeleteFunc(asked, func(_ string, at time.Time) bool { return time.Since(at) >= postAgainMin })
		for _, d := range list {
			if _, lately := asked[d.Reference]; lately || busy[d.Reference] || len(busy) >= postersMax {
				continue
			}
			busy[d.Reference], asked[d.Reference] = true, time.Now()
			wg.Go(func() {
				if err := h.book(ctx, d); err != nil && ctx.Err() == nil {
					h.log.Warn("booking a payment", "case", d.Case, "asked", d.asked+1, "cause", err)
				}
				mu.Lock()
				defer mu.Unlock()
				delete(busy, d.Reference)
			})
		}
		mu.Unlock()
		pause := postAgainMin
		if err == nil && len(list) == 0 {
			pause = h.untilDue(ctx, `SELECT min(next) FROM postings WHERE state = 'due'`, postAgainMin)
		}
		h.pause(ctx, changed, pause)
	}
}

func (h *Hall) duePostings(ctx context.Context, now time.Time) (out []due, err error) {
	rows, err := h.store.DB().QueryContext(ctx, `SELECT p.biller, p.account, p.terminal, p.periods, o.reference, o.case_id, o.amount, o.asked
		FROM postings o JOIN payments p ON p.case_id = o.case_id WHERE o.state = 'due' AND o.next <= ? AND p.terminal NOT IN (`+unheard+`) ORDER BY o.next LIMIT ?`, now.UnixMilli(), 4*postersMax)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var d due
		var periods string
		if err := rows.Scan(&d.biller, &d.account, &d.terminal, &periods, &d.Reference, &d.Case, &d.Amount, &d.asked); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(periods), &d.Periods); err != nil {
			return nil, fmt.Errorf("periods of case %s: %w", d.Case, err)
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

// book asks for one booking. The call is counted before it is made, so that after a power cut nobody
// believes that it was not; and what was asked for before is asked after before it is asked for again.
func (h *Hall) book(ctx context.Context, d due) error {
	again := time.Now().Add(pauseAfter(d.asked)).UnixMilli()
	if err := h.store.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE postings SET asked = asked + 1, next = ? WHERE reference = ? AND state = 'due'`, again, d.Reference)
		return err
	}); err != nil {
		return err
	}
	client := h.billers[d.biller]
	if client == nil {
		return fmt.Errorf("no biller %q is configured", d.biller)
	}
	if gone, err := h.givenBack(ctx, d.Case); err != nil {
		return err
	} else if gone {
		return h.tx(ctx, func(tx *sql.Tx) error { return postingRefused(ctx, tx, d, "refunded") })
	}
	answer, err := ask(ctx, client, d)
	var refused *biller.Refused
	// The answer is put down even when the hall is being stopped: it is known now.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWait)
	defer cancel()
	switch {
	case errors.As(err, &refused):
		return h.tx(ctx, func(tx *sql.Tx) error { return postingRefused(ctx, tx, d, refused.Text) })
	case err != nil:
		return err
	}
	return h.tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE postings SET state = 'posted', posted = ? WHERE reference = ? AND state = 'due'`, answer.Amount, d.Reference); err != nil {
			return err
		}
		return tellPosting(ctx, tx, d)
	})
}

// givenBack says whether a former life of the hall has given back what a phone paid for a case, because the biller refused it then. The terminal may not have
// heard of that: what the gateway says counts.
func (h *Hall) givenBack(ctx context.Context, caseID string) (gone bool, err error) {
	if h.orders.machine == nil {
		return false, nil
	}
	var lost []string
	if err := h.store.Tx(ctx, func(tx *sql.Tx) (err error) {
		lost, err = collect(ctx, tx, `SELECT attempt FROM attempts WHERE case_id = ? AND state = 'paid' AND lost = 1`, func(rows *sql.Rows) (no string, err error) { return no, rows.Scan(&no) }, caseID)
		return err
	}); err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, orderWait)
	defer cancel()
	for _, no := range lost {
		if err := h.orders.adopt(ctx, no); err != nil {
			return false, err
		}
		st, err := h.orders.machine.Query(ctx, no, orderWait)
		switch {
		case err != nil:
			return false, err
		case st.State == qr.Refunded:
			return true, nil
		case !st.Definite:
			return false, fmt.Errorf("order %s was paid in a former life of this hall, and the gateway does not say how it stands", no)
		}
	}
	return false, nil
}

func ask(ctx context.Context, client *biller.Client, d due) (biller.Posted, error) {
	ctx, cancel := context.WithTimeout(ctx, postWait)
	defer cancel()
	if d.asked > 0 {
		answer, err := client.Ask(ctx, d.account, d.Posting)
		if !errors.Is(err, biller.ErrUnknown) {
			return answer, err
		}
	}
	return client.Post(ctx, d.account, d.Posting)
}

// pauseAfter doubles from the shortest pause to the longest.
func pauseAfter(asked int) time.Duration {
	pause := postAgainMin
	for range min(asked, 10) {
		pause = min(2*pause, postAgainMax)
	}
	return pause
}

// postingRefused puts a definite no down. What was paid by phone goes back there; what was paid in notes
// becomes owed, and the terminal, which has the paper, is told to do that.
func postingRefused(ctx context.Context, tx *sql.Tx, d due, reason string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE postings SET state = 'refused', reason = ? WHERE reference = ? AND state = 'due'`, reason, d.Reference); err != nil {
		return err
	}
	var attempt string
	found, err := row(ctx, tx, `SELECT attempt FROM attempts WHERE case_id = ? AND state = 'paid' AND amount >= ? AND refund = '' ORDER BY attempt LIMIT 1`,
		[]any{d.Case, d.Amount}, &attempt)
	if err != nil {
		return err
	}
	if found {
		_, err := tx.ExecContext(ctx, `UPDATE attempts SET refund = 'due', refunded = ?, why = ?, next = 0 WHERE attempt = ?`, d.Amount, reason, attempt)
		return err
	}
	return tellPosting(ctx, tx, d)
}

func tellPosting(ctx context.Context, tx *sql.Tx, d due) error {
	p, err := payment(ctx, tx, d.Case)
	if err != nil {
		return err
	}
	return hallstore.Tell(ctx, tx, d.terminal, "posting", d.Case,
		map[string]any{"case": d.Case, "state": p.State(), "amount_fen": d.Amount, "reason": p.reason})
}

// Posting tells what became of a payment and waits for the end of it.
func (s *service) Posting(ctx context.Context, req *hallapi.PostingRequest) (*hallapi.PostingResponse, error) {
	if _, err := caller(ctx); err != nil {
		return nil, err
	}
	out := &hallapi.PostingResponse{}
	err := s.await(ctx, wait(req.WaitMs), func() (final bool, err error) {
		err = s.store.Tx(ctx, func(tx *sql.Tx) error {
			p, err := payment(ctx, tx, req.Case)
			if err != nil {
				return err
			}
			*out = hallapi.PostingResponse{State: p.State(), PostedFen: p.posted, Reason: p.reason}
			if out.State == "" {
				out.State = "unknown"
			}
			final = p.final()
			return nil
		})
		return final, err
	})
	return out, err
}
