package press

import (
	"testing"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
	"yichuang/devices/printer/ippsim"
	"yichuang/kiosk/casefile"
)

// A printer that forgets a job when it ends proves nothing: the sheet that came out is in doubt, and no second original is
// printed.
func TestPrinterForgetsAtOnce(t *testing.T) {
	bubbleWith(t, ippsim.Options{Forgets: time.Nanosecond}, func(t *testing.T, m *machine) {
		m.license(leave("L1", "A00000001"), casefile.LicenseDoubtful)
		m.came("A00000001")
		m.blanks(casefile.Blanks{Received: 40, InTray: 39, Doubtful: 1})
		if _, err := m.program.press.License(t.Context(), leave("L2", "A00000002"), nil); err == nil {
			t.Error("a second original beside a doubtful one")
		}
	})
}

// A job that was looked for by its name and seen has come: when the printer does not know it any more it has forgotten it.
func TestJobThatWasSeenHasCome(t *testing.T) {
	bubbleWith(t, ippsim.Options{Forgets: time.Nanosecond}, func(t *testing.T, m *machine) {
		began := time.Now()
		pdf, err := m.setter.LicensePDF(leave("L1", "A00000001").License)
		if err == nil {
			_, err = m.program.sheets.Submit(t.Context(), printer.Job{Name: "L1", Document: pdf, Media: a3, Source: "tray-1", Sheets: 1})
		}
		if err != nil {
			t.Fatal(err)
		}
		seen := false
		state, known := m.program.press.await(t.Context(), "L1", 0, began, sheetMax, func(s printer.JobState) { seen = seen || s.Phase == printer.JobPrinting })
		if !seen || !known || state.Phase != printer.JobUnknown {
			t.Errorf("seen at work: %v; got %+v, %v, want unknown", seen, state, known)
		}
	})
}

// A jam that nobody clears lets the job be given up; a hand then takes the torn sheet out, and the printer drops the
// cancelled job at once.
func TestPrinterForgetsACancelledJob(t *testing.T) {
	bubbleWith(t, ippsim.Options{Forgets: time.Nanosecond}, func(t *testing.T, m *machine) {
		m.arm(m.sheets.Faults(), "jam", 1)
		time.AfterFunc(heldMax+giveUpMax/6+jobEvery/3, func() { m.sheets.Faults().Arm("jam", 0) }) // from its own table
		m.license(leave("L1", "A00000001"), casefile.LicenseDoubtful)
		m.came("A00000001-")
		m.blanks(casefile.Blanks{Received: 40, InTray: 39, Doubtful: 1})
	})
}

// The computer alone dies when the sheet is half printed, and is back after a while: the printer's word counts as long as
// it remembers, and after that nobody guesses.
func TestPrinterHasForgottenTheSheet(t *testing.T) {
	for name, row := range map[string]struct {
		off  time.Duration
		want casefile.Kind
	}{
		"a minute":    {time.Minute, casefile.LicensePrinted},
		"ten minutes": {10 * time.Minute, casefile.LicenseDoubtful},
		"a day":       {24 * time.Hour, casefile.LicenseDoubtful},
	} {
		t.Run(name, func(t *testing.T) {
			bubbleWith(t, ippsim.Options{Forgets: 5 * time.Minute}, func(t *testing.T, m *machine) {
				m.half(m.strike)
				printLicense(m)     // the word of a dead program
				time.Sleep(row.off) // virtual
				m.restart()
				if err := m.program.press.SettleSheets(t.Context(), time.Minute); err != nil {
					t.Fatal(err)
				}
				if got := m.lastSheet(); got != row.want {
					t.Errorf("the sheet ended as %q, want %q", got, row.want)
				}
				m.came("A00000001")
			})
		})
	}
}

// Computer and printer lose their power with the sheet half printed, and the clock is years back afterwards, or was before
// its time: the printer has been on for less than the sheet is old, and no clock makes a blank of it again.
func TestClockIsWrongAfterThePowerCut(t *testing.T) {
	for name, fast := range map[string][2]time.Duration{
		"the battery is dead": {10 * 365 * 24 * time.Hour, 0}, // the driver has the bubble's clock: the years lie before the cut
		"it was fast":         {2 * time.Hour, 0},
		"it was slow":         {-2 * time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				// The machine has been started with a right clock; its next life begins with the former one's clock.
				m.strike()
				m.fast = fast[0]
				m.restart()
				m.half(func() { m.sheets.Power(false); m.strike() })
				printLicense(m)       // the word of a dead program
				time.Sleep(time.Hour) // virtual
				m.sheets.Power(true)
				m.fast = fast[1]
				m.restart()
				if err := m.program.press.SettleSheets(t.Context(), time.Minute); err != nil {
					t.Fatal(err)
				}
				if got := m.lastSheet(); got != casefile.LicenseDoubtful {
					t.Errorf("the sheet ended as %q, want doubtful", got)
				}
				m.came("A00000001-")
			})
		})
	}
}

// A sheet whose document never left is still in its tray, whatever the printer knows or does not, and whether it is there
// at all when the terminal starts.
func TestDocumentNeverLeft(t *testing.T) {
	for name, befalls := range map[string]func(m *machine){
		"printer on":      func(m *machine) {},
		"printer was off": func(m *machine) { m.sheets.Power(false); m.sheets.Power(true) },
		"printer is off":  func(m *machine) { m.sheets.Power(false) },
		"clock years back": func(m *machine) {
			m.sheets.Power(false)
			m.sheets.Power(true)
			m.fast = -10 * 365 * 24 * time.Hour
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				n := 0
				m.at(func(point string, _ []byte) {
					if point == "reply" && m.lastSheet() == casefile.LicensePrinting {
						if n++; n == 2 { // to the first question whether there is such a job
							m.strike()
						}
					}
				})
				printLicense(m) // the word of a dead program
				befalls(m)
				time.Sleep(time.Hour) // virtual
				m.restart()
				began := time.Now()
				if err := m.program.press.SettleSheets(t.Context(), time.Minute); err != nil {
					t.Fatal(err)
				}
				if got := m.lastSheet(); got != casefile.LicenseFailed {
					t.Errorf("the sheet ended as %q, want failed", got)
				}
				if took := time.Since(began); took > unsentMax+time.Second {
					t.Errorf("took %v, and there is nothing to be waited for", took)
				}
				m.came()
				m.blanks(casefile.Blanks{Received: 40, InTray: 40})
				m.sheets.Power(true)
				m.fit()
				m.license(leave("L2", "A00000001"), casefile.LicensePrinted)
			})
		})
	}
}

// A sheet of a journal from before it was kept whether its document had left may have been printed.
func TestSheetOfAnEarlierVersion(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		h := casefile.Header{Permit: "L1", Form: "original", Tray: "tray-1", Media: a3, Serial: "A00000001"}
		if err := m.program.press.append(t.Context(), casefile.LicensePrinting, "300000000002", h); err != nil {
			t.Fatal(err)
		}
		if err := m.program.press.SettleSheets(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		if got := m.lastSheet(); got != casefile.LicenseDoubtful {
			t.Errorf("the sheet ended as %q, want doubtful", got)
		}
	})
}

// The disk fails when it is to be written down that the document leaves: it does not leave.
func TestDiskFailsBeforeTheDocumentLeaves(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		n := 0
		m.at(func(point string, _ []byte) {
			if point == "sync" {
				if n++; n > 2 { // its number was kept and its record written: now the document would leave
					m.strike()
				}
			}
		})
		if err := printLicense(m); err == nil {
			t.Error("a sheet ended on a disk that had failed")
		}
		m.restart()
		if err := m.program.press.SettleSheets(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		m.came()
	})
}

// A slip that the printer has forgotten counts as not out.
func TestPrinterForgetsASlip(t *testing.T) {
	bubbleWith(t, ippsim.Options{Forgets: time.Nanosecond}, func(t *testing.T, m *machine) {
		if err := m.sheets.LoadTray("by-pass-tray", a4, 5, ""); err != nil {
			t.Fatal(err)
		}
		m.program.press.PlainTray = "by-pass-tray"
		time.Sleep(5 * time.Second) // virtual: until the driver has seen the paper
		first := m.next()
		err := m.program.press.Plain(t.Context(), "300000000001", "slip", "", paper("one"))
		if !fault.Is(err, fault.Doubtful) {
			t.Errorf("got %v, want doubtful", err)
		}
		m.tells(first, "paper.begun what=slip way=tray", "paper.failed what=slip fault=doubtful")
	})
}
