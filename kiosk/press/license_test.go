package press

import (
	"slices"
	"testing"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
	"yichuang/kiosk/casefile"
)

// license prints a form on a blank and checks how it ended.
func (m *machine) license(l Leave, kind casefile.Kind) Outcome {
	m.t.Helper()
	out, err := m.program.press.License(m.t.Context(), l, nil)
	if err != nil || out.Kind != kind {
		m.t.Fatalf("%s on %s: got %+v (%v), %v, want %s", l.Permit, l.License.Serial, out, out.Fault, err, kind)
	}
	return out
}

// came checks which sheets the printer drew in, those that are not whole with a dash behind.
func (m *machine) came(want ...string) {
	m.t.Helper()
	var got []string
	for _, p := range m.prints() {
		if serial := p.Serial; p.Complete {
			got = append(got, serial)
		} else {
			got = append(got, serial+"-")
		}
	}
	if !slices.Equal(got, want) {
		m.t.Errorf("sheets: got %q, want %q", got, want)
	}
}

// blanks checks where the blanks are.
func (m *machine) blanks(want casefile.Blanks) {
	m.t.Helper()
	m.program.journal.Book(func(b *casefile.Book) {
		if b.Blanks != want {
			m.t.Errorf("blanks: got %+v, want %+v", b.Blanks, want)
		}
	})
}

func TestLicenseIsPrinted(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		first := m.next()
		var phases []printer.JobPhase
		out, err := m.program.press.License(t.Context(), leave("L1", "A00000001"), func(s printer.JobState) {
			if n := len(phases); n == 0 || phases[n-1] != s.Phase {
				phases = append(phases, s.Phase)
			}
		})
		if err != nil || out != (Outcome{Kind: casefile.LicensePrinted}) {
			t.Fatalf("got %+v, %v", out, err)
		}
		m.license(leave("L2", "B00000001"), casefile.LicensePrinted)
		m.tells(first, "license.printing form=original serial=A00000001", "license.printed form=original serial=A00000001",
			"license.printing form=duplicate serial=B00000001", "license.printed form=duplicate serial=B00000001")
		m.came("A00000001", "B00000001")
		m.blanks(casefile.Blanks{Received: 40, Issued: 2, InTray: 38})
		if len(phases) < 2 || phases[len(phases)-1] != printer.JobPrinted {
			t.Errorf("watched %q, want it to end with printed", phases)
		}
		// The same original a second time is a mistake of ours and stops before the printer hears of it.
		if _, err := m.program.press.License(t.Context(), leave("L3", "A00000002"), nil); err == nil {
			t.Error("a second live original is begun")
		}
		m.came("A00000001", "B00000001")
	})
}

// A jam spoils the blank; the next one is used, under another permit.
func TestLicenseJams(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		first := m.next()
		m.arm(m.sheets.Faults(), "jam", 1)
		var held fault.Kind
		go func() {
			time.Sleep(20 * time.Second) // virtual: somebody comes and takes the sheet out
			m.sheets.Faults().Arm("jam", 0)
		}()
		out, err := m.program.press.License(t.Context(), leave("L1", "A00000001"), func(s printer.JobState) {
			if s.Fault != nil {
				held = s.Fault.Kind
			}
		})
		if err != nil || out.Kind != casefile.LicenseSpoiled || !fault.Is(out.Fault, fault.Jammed) || held != fault.Jammed {
			t.Errorf("got %+v (%v), %v, held up by %q; want spoiled by a jam", out, out.Fault, err, held)
		}
		m.license(leave("L2", "A00000002"), casefile.LicensePrinted)
		m.tells(first, "license.printing form=original serial=A00000001", "license.spoiled serial=A00000001 fault=jammed",
			"license.printing form=original serial=A00000002", "license.printed form=original serial=A00000002")
		m.came("A00000001-", "A00000002")
		m.blanks(casefile.Blanks{Received: 40, Issued: 1, Void: 1, InTray: 38})
	})
}

// A printer that is not fit, or gives the job up, before the first sheet: the blank is still in the tray.
func TestLicenseFailsBeforeMarking(t *testing.T) {
	for name, row := range map[string]struct {
		befalls func(m *machine)
		kind    fault.Kind
	}{
		"door":    {func(m *machine) { m.arm(m.sheets.Faults(), "door_open", 1) }, fault.Open},
		"toner":   {func(m *machine) { m.arm(m.sheets.Faults(), "toner_empty", 1) }, fault.Empty},
		"output":  {func(m *machine) { m.arm(m.sheets.Faults(), "output_full", 1) }, fault.Full},
		"tray":    {func(m *machine) { m.arm(m.sheets.Faults(), "tray_empty", 1) }, fault.Empty},
		"abort":   {func(m *machine) { m.arm(m.sheets.Faults(), "abort", 1) }, fault.Broken},
		"http":    {func(m *machine) { m.arm(m.sheets.Faults(), "http_500", 30) }, fault.Garbled},
		"cable":   {func(m *machine) { m.wire(false) }, fault.Absent},
		"silence": {func(m *machine) { m.arm(m.sheets.Faults(), "silence", 30) }, fault.Silent},
		"power":   {func(m *machine) { m.sheets.Power(false) }, fault.Silent},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				first, began := m.next(), time.Now()
				row.befalls(m)
				if out := m.license(leave("L1", "A00000001"), casefile.LicenseFailed); !fault.Is(out.Fault, row.kind) {
					t.Errorf("fault %v, want %s", out.Fault, row.kind)
				}
				if took := time.Since(began); took > giveUpMax+10*time.Second {
					t.Errorf("took %v, and the printer had not even begun", took)
				}
				m.tells(first, "license.printing form=original serial=A00000001", "license.failed serial=A00000001 fault="+string(row.kind))
				m.came()
				m.blanks(casefile.Blanks{Received: 40, InTray: 40})
				m.sheets.Power(true)
				m.wire(true)
				m.sheets.Faults().MendAll()
				m.fit()
				m.license(leave("L2", "A00000001"), casefile.LicensePrinted)
				m.came("A00000001")
			})
		})
	}
}

// The door is opened while the job waits for its sheet: it goes on when the door is shut, and is given up
// when nobody shuts it.
func TestDoorIsOpenedWhileTheJobWaits(t *testing.T) {
	for _, shut := range []bool{true, false} {
		bubble(t, func(t *testing.T, m *machine) {
			first, began := m.next(), time.Now()
			m.at(func(point string, _ []byte) {
				if point == "reply" { // the printer has been found fit
					m.arm(m.sheets.Faults(), "door_open", 1)
				}
			})
			if shut {
				go func() {
					time.Sleep(heldMax / 2) // virtual
					m.at(nil)
					m.sheets.Faults().Arm("door_open", 0)
				}()
				m.license(leave("L1", "A00000001"), casefile.LicensePrinted)
				m.tells(first, "license.printing form=original serial=A00000001", "license.printed form=original serial=A00000001")
				m.came("A00000001")
				return
			}
			if out := m.license(leave("L1", "A00000001"), casefile.LicenseFailed); !fault.Is(out.Fault, fault.Open) {
				t.Errorf("fault %v, want open", out.Fault)
			}
			if took := time.Since(began); took > heldMax+giveUpMax+time.Second {
				t.Errorf("took %v, want %v at most", took, heldMax+giveUpMax)
			}
			m.tells(first, "license.printing form=original serial=A00000001", "license.failed serial=A00000001 fault=open")
			m.at(nil)
			m.arm(m.sheets.Faults(), "door_open", 0)
			time.Sleep(time.Minute) // virtual: a job that was given up does not print
			m.came()
		})
	}
}

// A jam that nobody clears: the waiting ends, and since the printer may still bring the sheet out it is doubtful.
func TestJamIsNotCleared(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		first, began := m.next(), time.Now()
		m.arm(m.sheets.Faults(), "jam", 1)
		out := m.license(leave("L1", "A00000001"), casefile.LicenseDoubtful)
		if out.Asked == "" {
			t.Error("staff is not told what the printer said")
		}
		if took := time.Since(began); took > heldMax+giveUpMax+10*time.Second {
			t.Errorf("took %v, want %v at most", took, heldMax+giveUpMax)
		}
		m.tells(first, "license.printing form=original serial=A00000001", "license.doubtful serial=A00000001 asked="+out.Asked)
		m.blanks(casefile.Blanks{Received: 40, InTray: 39, Doubtful: 1})
	})
}

// The printer loses power with the sheet half-way: it has forgotten the job, and nobody guesses.
func TestLicensePrinterLosesPower(t *testing.T) {
	for name, back := range map[string]time.Duration{"soon": 10 * time.Second, "never": time.Hour} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				first, began := m.next(), time.Now()
				m.half(func() {
					m.sheets.Power(false)
					time.AfterFunc(back, func() { m.sheets.Power(true) })
				})
				m.license(leave("L1", "A00000001"), casefile.LicenseDoubtful)
				if took := time.Since(began); took > sheetMax+giveUpMax+time.Second {
					t.Errorf("took %v, want %v at most", took, sheetMax+giveUpMax)
				}
				if got := m.story(first); len(got) != 2 {
					t.Errorf("the journal says %q", got)
				}
				m.came("A00000001-")
				m.blanks(casefile.Blanks{Received: 40, InTray: 39, Doubtful: 1})
				// Nothing more is printed of this form until a person has looked.
				if _, err := m.program.press.License(t.Context(), leave("L2", "A00000002"), nil); err == nil {
					t.Error("a second original beside a doubtful one")
				}
				time.Sleep(time.Until(began.Add(back + time.Minute))) // virtual
			})
		})
	}
}

// A printer that does not count sheets cannot prove anything.
func TestLicensePrinterDoesNotCount(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.arm(m.sheets.Faults(), "no_counters", 1)
		m.license(leave("L1", "A00000001"), casefile.LicenseDoubtful)
		m.came("A00000001")
	})
}

// The sheet comes from the wrong tray: what was printed is no license, the blank that was taken is void, and the one
// that was meant lies in its tray with a number that stands on another sheet now. A person takes it out.
func TestLicenseOnTheWrongPaper(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		first := m.next()
		m.arm(m.sheets.Faults(), "wrong_media", 1)
		if out := m.license(leave("L1", "A00000001"), casefile.LicenseSpoiled); out.Tray != "tray-2" || !fault.Is(out.Fault, fault.Invalid) {
			t.Errorf("got %+v, want tray-2 and the fault invalid", out)
		}
		m.tells(first, "license.printing form=original serial=A00000001", "license.spoiled serial=A00000001 fault=invalid tray=tray-2")
		m.came("B00000001")
		m.blanks(casefile.Blanks{Received: 40, Void: 1, InTray: 39})
		m.lies("tray-1", "A00000001", "A00000001")
		m.lies("tray-2", "B00000002", "")
		void := casefile.Header{Tray: "tray-1", Serial: "A00000001", Reason: "drawn wrong", Who: "technician"}
		if err := m.program.press.append(t.Context(), casefile.BlankVoided, "", void); err != nil {
			t.Fatal(err)
		}
		if err := m.sheets.LoadTray("tray-1", a3, 19, "A00000002"); err != nil {
			t.Fatal(err)
		}
		m.lies("tray-1", "A00000002", "")
		m.license(leave("L2", "A00000002"), casefile.LicensePrinted)
		m.license(leave("L3", "B00000002"), casefile.LicensePrinted)
		m.came("B00000001", "A00000002", "B00000002")
		m.blanks(casefile.Blanks{Received: 40, Issued: 2, Void: 2, InTray: 36})
	})
}

// A printer that tells the paper and not the tray: there is one other tray with such blanks, or nobody can say.
func TestPrinterDoesNotTellTheTray(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		p := m.program.press
		if err := p.append(t.Context(), casefile.LicensePrinting, "300000000002", casefile.Header{Permit: "L1", Form: "original", Tray: "tray-1", Media: a3, Serial: "A00000001"}); err != nil {
			t.Fatal(err)
		}
		printed := Outcome{Kind: casefile.LicensePrinted}
		for name, row := range map[string]struct {
			state printer.JobState
			kind  casefile.Kind
			tray  string
		}{
			"nothing":       {printer.JobState{}, casefile.LicensePrinted, ""},
			"the paper":     {printer.JobState{Media: a3}, casefile.LicensePrinted, ""},
			"the tray":      {printer.JobState{Media: a3, Tray: "tray-1"}, casefile.LicensePrinted, ""},
			"other paper":   {printer.JobState{Media: a4}, casefile.LicenseSpoiled, "tray-2"},
			"other tray":    {printer.JobState{Media: a3, Tray: "tray-2"}, casefile.LicenseSpoiled, "tray-2"},
			"unknown paper": {printer.JobState{Media: "iso_a5_148x210mm"}, casefile.LicenseDoubtful, ""},
		} {
			if out := p.fromWhere("L1", row.state, printed); out.Kind != row.kind || out.Tray != row.tray {
				t.Errorf("the printer tells %s: got %+v, want %s from %q", name, out, row.kind, row.tray)
			}
		}
		if err := p.append(t.Context(), casefile.LicenseFailed, "300000000002", casefile.Header{Permit: "L1", Serial: "A00000001", Fault: "silent"}); err != nil {
			t.Fatal(err)
		}
	})
}

// lies checks the next blank of a tray, and whether its number is used up.
func (m *machine) lies(tray, next, dead string) {
	m.t.Helper()
	m.program.journal.Book(func(b *casefile.Book) {
		if got, _ := b.Trays[tray].Next(); got != next || b.DeadBlank(tray) != dead {
			m.t.Errorf("%s: got %q next, %q dead; want %q and %q", tray, got, b.DeadBlank(tray), next, dead)
		}
	})
}

// Answers are lost, late or cut short while the job is made: it is printed once.
func TestAnswersAboutALicenseAreLost(t *testing.T) {
	for _, name := range []string{"lost_reply", "late", "truncate", "http_500"} {
		t.Run(name, func(t *testing.T) {
			for at := range 6 {
				bubble(t, func(t *testing.T, m *machine) {
					n := 0
					m.at(func(point string, _ []byte) {
						if point == "request" {
							if n++; n == at+1 {
								m.arm(m.sheets.Faults(), name, 1)
							}
						}
					})
					out, err := m.program.press.License(t.Context(), leave("L1", "A00000001"), nil)
					if err != nil || out.Kind != casefile.LicensePrinted && out.Kind != casefile.LicenseFailed {
						t.Fatalf("request %d: %+v (%v), %v", at, out, out.Fault, err)
					}
					m.at(nil)
					time.Sleep(3 * time.Minute) // virtual
					if out.Kind == casefile.LicensePrinted {
						m.came("A00000001")
					} else {
						m.came()
					}
				})
			}
		})
	}
}
