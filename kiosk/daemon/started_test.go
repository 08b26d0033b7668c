package daemon

import (
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/barcode"
	"yichuang/devices/cash"
	"yichuang/devices/idcard"
	"yichuang/devices/printer"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/config"
	"yichuang/kiosk/station"
	"yichuang/kiosk/store"
)

// A start says when the journal was left before it, and not when the devices have told what they missed.
func TestStartSaysWhenTheJournalWasLeft(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		for i := range 3 {
			journal, err := store.Open(t.Context(), dir, "T1")
			if err != nil {
				t.Fatal(err)
			}
			told := store.Entry{Event: casefile.Event{Kind: casefile.AcceptorReset, Header: casefile.Header{Asked: "it had no power"}}}
			if err := journal.Append(t.Context(), told); err != nil {
				t.Fatal(err)
			}
			d := &Daemon{journal: journal, Options: Options{Config: &config.Config{}, Version: "1"}, station: &station.Station{Cash: cash.Absent{}, Coins: cash.Absent{}, Payer: cash.AbsentPayer{},
				Roll: printer.AbsentRoll{}, Sheets: printer.AbsentSheets{}, Reader: idcard.Absent{}, Scanner: barcode.Absent{}}}
			if err := d.started(t.Context()); err != nil {
				t.Fatal(err)
			}
			records, err := journal.Read(t.Context(), 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			e, err := records[len(records)-1].Event()
			if want := began.Add(time.Duration(i-1) * time.Hour); err != nil || e.Kind != casefile.TerminalStarted || i == 0 && !e.Header.Written.IsZero() || i > 0 && !e.Header.Written.Equal(want) {
				t.Errorf("start %d says %+v (%v), want %v", i, e, err, want)
			}
			if err := journal.Close(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour) // virtual
		}
	})
}
