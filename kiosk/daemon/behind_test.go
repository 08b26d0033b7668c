package daemon

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/printer"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/config"
	"yichuang/kiosk/store"
)

// counter is a receipt printer that tells how often it has cut, from when it is online.
type counter struct {
	printer.AbsentRoll
	from   time.Time
	cuts   int64
	counts bool
	err    error
}

func (c *counter) State() printer.RollState {
	return printer.RollState{Online: !time.Now().Before(c.from)}
}
func (c *counter) Cuts(context.Context) (int64, bool, error) { return c.cuts, c.counts, c.err }

// The printer has cut more than the journal can know: the disk is an older one.
func TestTheReceiptPrinterKnowsMoreThanTheDisk(t *testing.T) {
	for name, c := range map[string]struct {
		known, cuts int64
		away        time.Duration
		counts      bool
		err         error
		device      string
		branches    bool
	}{
		"nothing was cut since":              {known: 100, cuts: 100, counts: true, device: "escpos"},
		"a strip, and a hand at the cover":   {known: 100, cuts: 100 + cutsSlack, counts: true, device: "escpos"},
		"a day's strips":                     {known: 100, cuts: 101 + cutsSlack, counts: true, device: "escpos", branches: true},
		"it comes a second later":            {known: 100, cuts: 400, counts: true, device: "escpos", away: time.Second, branches: true},
		"it does not come":                   {known: 100, cuts: 400, counts: true, device: "escpos", away: time.Hour},
		"another printer with a lower count": {known: 100, cuts: 3, counts: true, device: "escpos"},
		"no strip was ever printed":          {cuts: 400, counts: true, device: "escpos"},
		"it does not count":                  {known: 100, cuts: 400, device: "escpos"},
		"it does not answer":                 {known: 100, cuts: 400, counts: true, err: errors.New("silent"), device: "escpos"},
		"there is none":                      {known: 100, cuts: 400, counts: true, away: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				journal, err := store.Open(t.Context(), t.TempDir(), "T1")
				if err != nil {
					t.Fatal(err)
				}
				defer journal.Close()
				if c.known > 0 {
					h := casefile.Header{Paper: "p1", What: "receipt", Cuts: c.known}
					if err := journal.Append(t.Context(), store.Entry{Event: casefile.Event{Kind: casefile.PaperBegun, Header: h}}); err != nil {
						t.Fatal(err)
					}
				}
				d := &Daemon{journal: journal, Options: Options{Roll: &counter{from: time.Now().Add(c.away), cuts: c.cuts, counts: c.counts, err: c.err},
					Config: &config.Config{Device: map[string]string{"receipt": c.device}}}}
				began := time.Now()
				if err := d.behind(t.Context()); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took > rollMax || c.device == "" && took > 0 {
					t.Errorf("the start waited %v", took)
				}
				if got := journal.Unanswered(); (got != "") != c.branches || c.branches && !strings.Contains(got, "knows of 100") {
					t.Errorf("unanswered %q, want a branch: %v", got, c.branches)
				}
				if (journal.Epoch() != journal.Origin()) != c.branches {
					t.Errorf("epoch %s after %s", journal.Epoch(), journal.Origin())
				}
			})
		})
	}
}
