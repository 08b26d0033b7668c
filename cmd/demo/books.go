package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"yichuang/cmd/devsim/deskclient"
)

// ledger is what of kioskctl's document the demo judges.
type ledger struct {
	Notes struct {
		Stacked, Returned, Doubtful []deskclient.Face
	} `json:"notes"`
	Coins []deskclient.Face `json:"coins"`
	Stock struct {
		Inside []deskclient.Face `json:"inside"`
		Paid   []deskclient.Face `json:"paid"`
	} `json:"stock"`
	In     map[string]int64 `json:"in_fen"`
	Placed struct {
		Visit    int64 `json:"visit"`
		Bills    int64 `json:"bills"`
		Surplus  int64 `json:"surplus"`
		Owed     int64 `json:"owed"`
		PaidOut  int64 `json:"paid_out"`
		Refunded int64 `json:"refunded"`
		Doubtful int64 `json:"doubtful"`
	} `json:"placed_fen"`
	Blanks struct {
		Received int64 `json:"received"`
		Issued   int64 `json:"issued"`
		Void     int64 `json:"void"`
		InTray   int64 `json:"in_tray"`
		Doubtful int64 `json:"doubtful"`
	} `json:"blanks"`
	OpenBegun int `json:"open_begun"`
	Journal   struct {
		Chain string `json:"chain"`
	} `json:"journal"`
}

func (d *demo) ledger(ctx context.Context) (l ledger, err error) {
	exit, err := d.desk.Ctl(ctx, &l, "ledger")
	if err == nil && exit != 0 {
		err = fmt.Errorf("kioskctl ledger: exit %d", exit)
	}
	return l, err
}

// balanced compares what the mechanisms hold with what the journal says, and lets every end audit itself.
func (d *demo) balanced(ctx context.Context) error {
	return until(ctx, 20*time.Second, func() error {
		l, err := d.ledger(ctx)
		if err != nil {
			return err
		}
		w, err := d.desk.World(ctx)
		if err != nil {
			return err
		}
		p := l.Placed
		in, placed := l.In["stacked"]+l.In["qr_paid"], p.Visit+p.Bills+p.Surplus+p.Owed+p.PaidOut+p.Refunded+p.Doubtful
		stacked, box := deskclient.Sum(l.Notes.Stacked), w.Kept()
		sheets := int64(0)
		for _, s := range w.License.Prints {
			if s.Serial != "" {
				sheets++
			}
		}
		b := l.Blanks
		switch {
		case in != placed:
			return fmt.Errorf("%d fen came in and %d are placed", in, placed)
		case stacked != box:
			return fmt.Errorf("the journal has %d fen stacked and the box holds %d", stacked, box)
		case sheets != b.Issued+b.Void+b.Doubtful:
			return fmt.Errorf("%d blanks left the trays; %d are issued, %d void, %d doubtful", sheets, b.Issued, b.Void, b.Doubtful)
		case l.Journal.Chain != "ok":
			return errors.New("the journal's chain: " + l.Journal.Chain)
		case p.Visit != 0 || l.OpenBegun != 0:
			return fmt.Errorf("%d fen are not placed and %d acts are open", p.Visit, l.OpenBegun)
		}
		if err := coinsAgree(l, w); err != nil {
			return err
		}
		if exit, err := d.desk.Ctl(ctx, nil, "audit"); err != nil || exit != 0 {
			return fmt.Errorf("kioskctl audit: exit %d: %w", exit, err)
		}
		if exit, err := d.desk.HallCommand(ctx, nil, "audit"); err != nil || exit != 0 {
			return fmt.Errorf("halld audit: exit %d: %w", exit, err)
		}
		return nil
	})
}

// collect fetches the papers that came out since the last time.
func (d *demo) collect(ctx context.Context) (receipts, sheets []string, err error) {
	w, err := d.desk.World(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range w.Receipt.Prints[min(d.receipts, len(w.Receipt.Prints)):] {
		for _, ending := range []string{"txt", "png"} {
			raw, err := d.desk.Receipt(ctx, p.N, ending)
			if err != nil {
				return receipts, sheets, err
			}
			name := fmt.Sprintf("receipt-%d.%s", p.N, ending)
			receipts = append(receipts, name)
			if err := os.WriteFile(filepath.Join(d.out, name), raw, 0o644); err != nil {
				return receipts, sheets, err
			}
		}
	}
	d.receipts = len(w.Receipt.Prints)
	for _, p := range w.License.Prints[min(d.sheets, len(w.License.Prints)):] {
		for _, ending := range []string{"pdf", "png"} {
			raw, err := d.desk.LicenseSheet(ctx, p.N, ending)
			if err != nil {
				return receipts, sheets, err
			}
			name := fmt.Sprintf("license-%d.%s", p.N, ending)
			sheets = append(sheets, name)
			if err := os.WriteFile(filepath.Join(d.out, name), raw, 0o644); err != nil {
				return receipts, sheets, err
			}
		}
	}
	d.sheets = len(w.License.Prints)
	return receipts, sheets, nil
}

// books is ledger.json.
type books struct {
	Contract int                        `json:"contract"`
	Seed     uint64                     `json:"seed"`
	Journeys []result                   `json:"journeys"`
	World    json.RawMessage            `json:"world"`
	Terminal json.RawMessage            `json:"terminal"`
	Hall     json.RawMessage            `json:"hall"`
	Billers  map[string]json.RawMessage `json:"billers"`
	Orders   json.RawMessage            `json:"orders"`
}

// finish writes the books and the report, and says whether all of it holds.
func (d *demo) finish(ctx context.Context) error {
	b := books{Contract: 1, Seed: d.seed, Journeys: d.results, Billers: map[string]json.RawMessage{}}
	err := errors.Join(
		d.desk.Call(ctx, "GET", d.desk.Devsim.URL+"/v1/world", nil, &b.World),
		d.desk.Call(ctx, "GET", d.desk.Gateway.URL+"/desk/orders", nil, &b.Orders))
	_, terr := d.desk.Ctl(ctx, &b.Terminal, "ledger")
	_, herr := d.desk.HallCommand(ctx, &b.Hall, "ledger")
	err = errors.Join(err, terr, herr)
	for _, account := range d.accounts {
		var doc json.RawMessage
		err = errors.Join(err, d.desk.Call(ctx, "GET", d.desk.Biller.URL+"/desk/accounts/"+account, nil, &doc))
		b.Billers[account] = doc
	}
	raw, jerr := json.MarshalIndent(b, "", "  ")
	if err = errors.Join(err, jerr); err != nil {
		return err
	}
	if err := writeWhole(filepath.Join(d.out, "ledger.json"), raw); err != nil {
		return err
	}
	if err := d.report(); err != nil {
		return err
	}
	passed := 0
	for _, r := range d.results {
		if r.Passed {
			passed++
		}
	}
	fmt.Fprintf(d.stdout, "demo: journeys %d passed %d\n", len(d.results), passed)
	if passed != len(d.results) || passed == 0 {
		d.keepLogs()
		return fmt.Errorf("%d of %d journeys failed; see %s", len(d.results)-passed, len(d.results), filepath.Join(d.out, "report.html"))
	}
	return nil
}

// keepLogs copies what the programs said, for whoever looks for the cause.
func (d *demo) keepLogs() {
	for name, path := range map[string]string{"kioskd": d.desk.Kioskd.Log, "kiosk-ui": d.desk.KioskUI.Log, "halld": d.desk.Hall.Log, "devsim": d.desk.Devsim.Log} {
		if raw, err := os.ReadFile(path); err == nil {
			if err := os.WriteFile(filepath.Join(d.out, name+".log"), raw, 0o644); err != nil {
				fmt.Fprintln(d.stdout, "demo:", err)
			}
		}
	}
}

// writeWhole writes a file by renaming, so that nobody reads half of it.
func writeWhole(path string, raw []byte) error {
	if err := os.WriteFile(path+".part", raw, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}
