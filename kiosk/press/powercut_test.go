package press

import (
	"bytes"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/printer/ippsim"
	"yichuang/kiosk/casefile"
)

// outage is how the computer's power goes.
type outage struct {
	befalls func(m *machine) // what else happens in that instant
	sheets  ippsim.Options   // of the license printer
	off     time.Duration    // how long the computer is off
}

// cutAt plays an act in which the computer loses its power at the n-th point of a kind, and gives how many
// such points there were. after is what is to be checked, and is told how many strips of the old paper were whole
// before the next program cut anything off.
func cutAt(t *testing.T, dir, kind string, n int, act func(m *machine) error, cut outage, after func(m *machine, whole int)) (points int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, dir, cut.sheets)
		defer m.end()
		m.start()
		m.load()
		m.at(func(point string, _ []byte) {
			if point != kind {
				return
			}
			if points++; points == n {
				m.strike()
				if cut.befalls != nil {
					cut.befalls(m)
				}
			}
		})
		err := act(m)
		m.at(nil)
		if !m.isDead(m.program) {
			if err != nil {
				t.Fatalf("%s %d: %v", kind, n, err)
			}
			m.strike()
		}
		m.roll.Power(true)
		m.sheets.Power(true)
		time.Sleep(cut.off) // virtual
		m.restart()
		whole := -1
		m.at(func(point string, data []byte) {
			if point == "command" && cutting(data) && whole < 0 {
				whole, _ = m.whole("old")
			}
		})
		for _, settle := range []func() error{
			func() error { return m.program.press.SettlePapers(t.Context()) },
			func() error { return m.program.press.SettleSheets(t.Context(), time.Minute) },
		} {
			if err := settle(); err != nil {
				t.Fatalf("%s %d: settle: %v", kind, n, err)
			}
		}
		m.at(nil)
		if whole < 0 {
			whole, _ = m.whole("old")
		}
		after(m, whole)
		m.holds()
		if t.Failed() {
			t.Logf("after a cut at %s %d; the journal says %q", kind, n, m.story(1))
		}
	})
	return points
}

// sweep cuts at every point of every kind in turn.
func sweep(t *testing.T, kinds []string, act func(m *machine) error, cut outage, after func(m *machine, whole int)) {
	t.Helper()
	dir, cuts := t.TempDir(), 0
	for _, kind := range kinds {
		for n, all := 1, cutAt(t, dir, kind, 0, act, outage{sheets: cut.sheets}, after); n <= all && !t.Failed(); n++ {
			cutAt(t, dir, kind, n, act, cut, after)
			cuts++
		}
	}
	t.Logf("%d cuts", cuts)
}

// lastPaper is how the journal says that the only paper ended; "" when it was not begun.
func (m *machine) lastPaper() (end casefile.Kind) {
	m.t.Helper()
	records, err := m.program.journal.Read(m.t.Context(), 0, 0)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, r := range records {
		if r.Kind == casefile.PaperPrinted || r.Kind == casefile.PaperFailed {
			end = r.Kind
		}
	}
	return end
}

// The computer's power goes at every write to the receipt printer and to the disk, with and without that of
// the printer: what the journal says is what lies on the paper, and the next paper begins on a clean strip.
func TestPowerCutWhileAReceiptIsPrinted(t *testing.T) {
	for name, befalls := range map[string]func(m *machine){
		"computer":             nil,
		"computer and printer": func(m *machine) { m.roll.Power(false) },
	} {
		t.Run(name, func(t *testing.T) {
			sweep(t, []string{"sync", "command"}, func(m *machine) error { return m.print("old", false) }, outage{befalls: befalls}, func(m *machine, whole int) {
				_, mixed := m.whole("old")
				if end := m.lastPaper(); (end == casefile.PaperPrinted) != (whole == 1) || mixed != 0 {
					t.Errorf("the journal says %q, and %d whole strips came out: %q", end, whole, m.strips())
				}
				if err := m.print("new", true); err != nil {
					t.Fatal(err)
				}
				if whole, mixed := m.whole("new"); whole != 1 || mixed != 0 {
					t.Errorf("new: %d whole, %d mixed in %q", whole, mixed, m.strips())
				}
			})
		})
	}
}

// The printer is not fit when the terminal starts again, and half a strip hangs in it. It is cut off as soon
// as it can be, by this program or the one after it.
func TestHalfAStripHangsFromAnEarlierLife(t *testing.T) {
	for name, befalls := range map[string]string{"paper": "paper_out", "cover": "cover_open", "plug": "unplug"} {
		for _, lives := range []int{1, 2} {
			t.Run(name, func(t *testing.T) {
				bubble(t, func(t *testing.T, m *machine) {
					first := m.next()
					m.half(m.strike)
					m.print("old", false) // the word of a dead program
					for range lives {
						m.arm(m.roll.Faults(), befalls, 1)
						m.restart()
						m.program.press.SettlePapers(t.Context()) // it cannot: there is no paper to be cut off now
						m.tells(first, "paper.begun what=receipt way=receipt", "paper.failed what=receipt fault=power")
						m.strike()
					}
					m.restart()
					m.arm(m.roll.Faults(), befalls, 0)
					m.fit()
					if err := m.print("new", false); err != nil {
						t.Fatal(err)
					}
					if whole, mixed := m.whole("new"); whole != 1 || mixed != 0 {
						t.Errorf("new: %d whole, %d mixed in %q", whole, mixed, m.strips())
					}
					pieces := len(m.strips())
					if err := m.print("third", false); err != nil {
						t.Fatal(err)
					}
					if got := len(m.strips()); got != pieces+1 {
						t.Errorf("%d pieces of paper after the third, want %d: clean paper is not cut again", got, pieces+1)
					}
				})
			})
		}
	}
}

// The computer stands still while a strip is on its way, and the strip is given up, for its time is over. Its end and that it
// hangs in the printer are written down all the same: the next program cuts it off.
func TestStripTakesTooLong(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		first := m.next()
		long := paper("old")
		for range 10 {
			long.Blocks = append(long.Blocks, paper("old").Blocks...)
		}
		var once sync.Once
		m.at(func(point string, data []byte) {
			if point == "command" && bytes.Contains(data, []byte("old")) {
				once.Do(func() { time.Sleep(rollMax + time.Second) }) // virtual
			}
		})
		if err := m.program.press.Paper(t.Context(), "300000000001", "receipt", "", long, false); err == nil {
			t.Fatal("printed, and its time was over")
		}
		m.at(nil)
		m.tells(first, "paper.begun what=receipt way=receipt", "paper.failed what=receipt fault=silent")
		kept, err := m.program.journal.Kept(t.Context(), hangsKey)
		if err != nil || len(kept) == 0 {
			t.Errorf("kept %q, %v; want that a strip hangs", kept, err)
		}
		m.strike()
		m.roll.Power(false)
		m.roll.Power(true)
		m.restart()
		if err := m.print("new", true); err != nil {
			t.Fatal(err)
		}
		if whole, mixed := m.whole("new"); whole != 1 || mixed != 0 {
			t.Errorf("new: %d whole, %d mixed", whole, mixed)
		}
	})
}

// The printer stops in the middle, and the program is started anew before anybody has mended it.
func TestProgramIsStartedAnewWithHalfAStrip(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.half(func() { m.arm(m.roll.Faults(), "paper_out", 1) })
		if err := m.print("old", false); err == nil {
			t.Fatal("printed without paper")
		}
		m.strike()
		m.restart()
		m.arm(m.roll.Faults(), "paper_out", 0)
		m.fit()
		if err := m.print("new", true); err != nil {
			t.Fatal(err)
		}
		if whole, mixed := m.whole("new"); whole != 1 || mixed != 0 {
			t.Errorf("new: %d whole, %d mixed in %q", whole, mixed, m.strips())
		}
	})
}

// lastSheet is how the journal says that the only sheet ended; "" when it was not begun.
func (m *machine) lastSheet() (end casefile.Kind) {
	m.program.journal.Book(func(b *casefile.Book) {
		if s := b.Sheets["L1"]; s != nil {
			end = s.State
		}
	})
	return end
}

func printLicense(m *machine) error {
	_, err := m.program.press.License(m.t.Context(), leave("L1", "A00000001"), nil)
	return err
}

// The computer alone loses its power, at every request to the license printer, every answer of it and every
// write to the disk: the job is asked for by its name, and nothing is doubtful.
func TestPowerCutWhileALicenseIsPrinted(t *testing.T) {
	sweep(t, []string{"sync", "request", "reply"}, printLicense, outage{}, func(m *machine, _ int) {
		switch end := m.lastSheet(); end {
		case casefile.LicensePrinted:
			m.came("A00000001")
		case casefile.LicenseFailed, "":
			m.came()
		default:
			t.Errorf("the sheet ended as %q", end)
		}
	})
}

// The same with a printer that has forgotten the job when the computer is back: what came out is never called failed, and
// a document that had not left is never doubtful.
func TestPowerCutAndThePrinterForgets(t *testing.T) {
	ends := map[casefile.Kind]int{}
	cut := outage{sheets: ippsim.Options{Forgets: 5 * time.Minute}, off: 10 * time.Minute}
	sweep(t, []string{"sync", "request", "reply"}, printLicense, cut, func(m *machine, _ int) {
		end := m.lastSheet()
		ends[end]++
		switch end {
		case casefile.LicensePrinted:
			m.came("A00000001")
		case casefile.LicenseFailed, "":
			m.came()
		case casefile.LicenseDoubtful:
		default:
			t.Errorf("the sheet ended as %q", end)
		}
	})
	if ends[casefile.LicenseFailed] < 5 || ends[casefile.LicenseDoubtful] < 5 {
		t.Errorf("the sheets ended as %v, want several of each", ends)
	}
}

// Computer and printer lose their power: doubtful at most, and never wrong.
func TestPowerCutOfComputerAndLicensePrinter(t *testing.T) {
	sweep(t, []string{"sync", "request", "reply"}, printLicense, outage{befalls: func(m *machine) { m.sheets.Power(false) }}, func(m *machine, _ int) {
		drawn, complete := 0, 0
		for _, p := range m.prints() {
			drawn++
			if p.Complete {
				complete++
			}
		}
		switch end := m.lastSheet(); {
		case end == casefile.LicenseDoubtful:
		case end == "" && drawn == 0:
		case end == casefile.LicenseFailed && drawn == 0:
		case end == casefile.LicensePrinted && complete == 1:
		default:
			t.Errorf("the sheet ended as %q, with %d drawn in and %d whole", end, drawn, complete)
		}
	})
}

// Half of a sheet is marked when the computer's power goes: the printer finishes it, jams, or loses its power too.
func TestPowerCutWithASheetHalfWay(t *testing.T) {
	for name, row := range map[string]struct {
		befalls func(m *machine)
		want    casefile.Kind
	}{
		"goes on": {func(m *machine) {}, casefile.LicensePrinted},
		"jams": {func(m *machine) {
			m.sheets.Faults().Arm("jam", 1) // from its own table
			time.AfterFunc(20*time.Second, func() { m.sheets.Faults().Arm("jam", 0) })
		}, casefile.LicenseSpoiled},
		"loses power": {func(m *machine) { m.sheets.Power(false) }, casefile.LicenseDoubtful},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.half(func() { row.befalls(m); m.strike() })
				printLicense(m) // the word of a dead program
				m.sheets.Power(true)
				m.restart()
				if err := m.program.press.SettleSheets(t.Context(), time.Minute); err != nil {
					t.Fatal(err)
				}
				if got := m.lastSheet(); got != row.want {
					t.Errorf("the sheet ended as %q, want %q", got, row.want)
				}
			})
		})
	}
}
