package hall

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"connectrpc.com/connect"

	"yichuang/sync/hall/biller"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallstore"
)

// Reconcile tells how the hall, the billers and the gateway have what one terminal took in on a day. What the terminal has
// handed over is drawn first. A side that cannot be asked is named, and nothing is said in its place.
func (s *service) Reconcile(ctx context.Context, req *hallapi.ReconcileRequest) (*hallapi.ReconcileResponse, error) {
	terminal, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	day, err := time.ParseInLocation(time.DateOnly, req.Day, shanghai)
	if err != nil {
		return nil, connect.NewError(connect.CodeInvalidArgument, fmt.Errorf("day %q: want one such as 2026-11-20", req.Day))
	}
	if err := s.waitFor(ctx, terminal); err != nil {
		return nil, err
	}
	list, err := s.casesOf(ctx, terminal, day, req.Cases)
	if err != nil {
		return nil, unavailable(err)
	}
	out := &hallapi.ReconcileResponse{}
	if err := s.askBillers(ctx, list); err != nil {
		out.Missing = append(out.Missing, &hallapi.SideMissing{Side: "biller", Why: err.Error()})
	}
	for _, c := range list {
		out.Cases = append(out.Cases, c.CaseSide)
	}
	if out.Orders, err = s.ordersOf(ctx, terminal, day, req.Attempts); err != nil {
		out.Missing = append(out.Missing, &hallapi.SideMissing{Side: "gateway", Why: err.Error()})
	}
	return out, nil
}

// caseSide is one case with what is needed to ask its biller.
type caseSide struct {
	*hallapi.CaseSide
	biller, account string
	posting         string // "" for none
}

// casesOf are the cases with money that the terminal names, and those that began with money here on that day.
func (s *service) casesOf(ctx context.Context, terminal string, day time.Time, named []string) (out []caseSide, err error) {
	names, err := json.Marshal(append([]string{}, named...))
	if err != nil {
		return nil, err
	}
	err = s.store.Tx(ctx, func(tx *sql.Tx) error {
		out, err = collect(ctx, tx, `SELECT p.case_id, p.biller, p.account, p.stacked, p.doubtful, p.bill + p.extra, p.owed,
			coalesce((SELECT sum(w.amount) FROM owed w WHERE w.case_id = p.case_id AND w.state = 'open'), 0),
			coalesce(o.state, ''), CASE coalesce(o.state, 'refused') WHEN 'refused' THEN 0 WHEN 'posted' THEN o.posted ELSE o.amount END
			FROM payments p LEFT JOIN postings o ON o.case_id = p.case_id
			WHERE p.terminal = ?1 AND (p.time >= ?2 AND p.time < ?3 OR p.case_id IN (SELECT value FROM json_each(?4))) ORDER BY p.case_id`,
			func(rows *sql.Rows) (c caseSide, err error) {
				c.CaseSide = &hallapi.CaseSide{}
				return c, rows.Scan(&c.Case, &c.biller, &c.account, &c.StackedFen, &c.DoubtfulFen, &c.PlacedFen, &c.OwedFen, &c.OpenFen, &c.posting, &c.BookedFen)
			}, terminal, hallstore.Stamp(day), hallstore.Stamp(day.AddDate(0, 0, 1)), string(names))
		return err
	})
	return out, err
}

// askBillers asks for each booking by its reference. After some questions without an answer the rest is not asked.
func (s *service) askBillers(ctx context.Context, list []caseSide) error {
	ctx, cancel := context.WithTimeout(ctx, billersWait)
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var silent []error
	slots := make(chan struct{}, postersMax)
	for _, c := range list {
		mu.Lock()
		over := len(silent) >= silentMax
		mu.Unlock()
		if c.posting == "" || over {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			err := s.askBiller(ctx, c)
			if err == nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			silent = append(silent, err)
		})
	}
	wg.Wait()
	if len(silent) > 0 {
		return silent[0]
	}
	return nil
}

func (s *service) askBiller(ctx context.Context, c caseSide) error {
	client := s.billers[c.biller]
	if client == nil {
		return fmt.Errorf("no biller %q is configured", c.biller)
	}
	ctx, cancel := context.WithTimeout(ctx, postWait)
	defer cancel()
	amount, err := client.Booked(ctx, c.account, c.Case)
	if err != nil && !errors.Is(err, biller.ErrUnknown) {
		return fmt.Errorf("biller %s: %w", c.biller, err)
	}
	c.Asked, c.BillerFen = true, amount
	return nil
}

// ordersOf are the payments by phone of a day: this terminal's, and those that this hall knows nothing of.
func (s *service) ordersOf(ctx context.Context, terminal string, day time.Time, attempts []string) (out []*hallapi.OrderSide, err error) {
	if s.orders.machine == nil {
		return nil, nil
	}
	list, err := s.orders.machine.Compare(ctx, day, attempts)
	if err != nil {
		return nil, err
	}
	for _, c := range list {
		if c.Terminal == terminal || c.Terminal == "" {
			out = append(out, &hallapi.OrderSide{OutTradeNo: c.OutTradeNo, Case: c.Case, KeptFen: c.KeptFen, Asked: true,
				PaidFen: c.PaidFen, GatewayPaidFen: c.GatewayPaidFen, BackFen: c.BackFen, GatewayBackFen: c.GatewayBackFen})
		}
	}
	return out, nil
}
