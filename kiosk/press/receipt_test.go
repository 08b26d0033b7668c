package press

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/mechanism"
	"yichuang/devices/printer"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/document"
	"yichuang/kiosk/typeset"
)

func TestReceiptIsPrintedAndCut(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		first := m.next()
		for i, again := range []bool{false, true} {
			if err := m.print([]string{"one", "two"}[i], again); err != nil {
				t.Fatal(err)
			}
		}
		m.tells(first, "paper.begun what=receipt way=receipt", "paper.printed what=receipt way=receipt",
			"paper.begun what=receipt way=receipt copy=true cuts=1", "paper.printed what=receipt way=receipt")
		for _, name := range []string{"one", "two"} {
			if whole, mixed := m.whole(name); whole != 1 || mixed != 0 {
				t.Errorf("%s: %d whole, %d mixed in %q", name, whole, mixed, m.strips())
			}
		}
	})
}

// What cannot be printed at all is not begun.
func TestNothingIsBegunThatCannotBePrinted(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		first := m.next()
		for name, kind := range map[string]fault.Kind{"paper_out": fault.Empty, "cover_open": fault.Open, "jam": fault.Jammed} {
			m.arm(m.roll.Faults(), name, 1)
			time.Sleep(3 * time.Second) // virtual: until the driver has heard of it
			if err := m.print(name, false); !fault.Is(err, kind) {
				t.Errorf("%s: got %v, want %s", name, err, kind)
			}
			m.arm(m.roll.Faults(), name, 0)
			m.fit()
		}
		rare := document.Paper{Blocks: []document.Block{{Kind: document.Text, Text: "a\U000F0000b"}}}
		var missing *typeset.MissingError
		if err := m.program.press.Paper(t.Context(), "300000000001", "receipt", "", rare, false); !errors.As(err, &missing) {
			t.Errorf("a character that no font has: got %v, want a MissingError", err)
		}
		m.tells(first)
		if got := m.strips(); len(got) != 0 {
			t.Errorf("paper moved: %q", got)
		}
	})
}

// The paper runs out, the cover is opened, the paper jams or the cutter sticks in the middle of a receipt: it
// has failed, and what hangs there is cut off before the next one.
func TestReceiptStopsInTheMiddle(t *testing.T) {
	for name, kind := range map[string]fault.Kind{"paper_out": fault.Empty, "cover_open": fault.Open, "jam": fault.Jammed, "cutter": fault.Jammed} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				first := m.next()
				m.half(func() { m.arm(m.roll.Faults(), name, 1) })
				if err := m.print("old", false); !fault.Is(err, kind) {
					t.Fatalf("got %v, want %s", err, kind)
				}
				m.arm(m.roll.Faults(), name, 0)
				m.fit()
				if err := m.print("new", true); err != nil {
					t.Fatal(err)
				}
				m.tells(first, "paper.begun what=receipt way=receipt", "paper.failed what=receipt fault="+string(kind),
					"paper.begun what=receipt way=receipt copy=true cuts=1", "paper.printed what=receipt way=receipt")
				if whole, mixed := m.whole("new"); whole != 1 || mixed != 0 {
					t.Errorf("new: %d whole, %d mixed in %q", whole, mixed, m.strips())
				}
			})
		})
	}
}

// A printer that answers nothing is waited for so long and no longer.
func TestReceiptPrinterIsSilent(t *testing.T) {
	for name, befalls := range map[string]func(m *machine){
		"power":   func(m *machine) { m.roll.Power(false) },
		"unplug":  func(m *machine) { m.arm(m.roll.Faults(), "unplug", 1) },
		"silence": func(m *machine) { m.arm(m.roll.Faults(), "silence", 1000) },
	} {
		for _, when := range []string{"before", "half"} {
			t.Run(name+" "+when, func(t *testing.T) {
				bubble(t, func(t *testing.T, m *machine) {
					first, began := m.next(), time.Now()
					if when == "before" {
						befalls(m)
					} else {
						m.half(func() { befalls(m) })
					}
					err := m.print("old", false)
					if kind := fault.KindOf(err); kind != fault.Silent && kind != fault.Absent {
						t.Errorf("got %v, want silent or absent", err)
					}
					if took := time.Since(began); took > rollMax+time.Second {
						t.Errorf("took %v, want %v at most", took, rollMax)
					}
					got := m.story(first)
					if when == "before" && len(got) != 0 || when == "half" && (len(got) != 2 || got[1] != "paper.failed what=receipt fault="+string(fault.KindOf(err))) {
						t.Errorf("the journal says %q", got)
					}
					m.roll.Power(true)
					m.roll.Faults().MendAll()
					m.fit()
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
}

// The answers after the cut are lost: the count of cuts has grown, so the receipt is out.
func TestAnswersAreLostAndTheCutCountGrew(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		first := m.next()
		m.at(func(point string, data []byte) {
			if point == "command" && cutting(data) {
				m.arm(m.roll.Faults(), "lost_reply", 3) // as often as the driver asks
			}
		})
		if err := m.print("one", false); err != nil {
			t.Fatal(err)
		}
		if left := slices.IndexFunc(m.roll.Faults().List(), func(f mechanism.Fault) bool { return f.Name == "lost_reply" && f.Armed > 0 }); left >= 0 {
			t.Error("the driver asked less often than answers were lost: this shows nothing")
		}
		m.tells(first, "paper.begun what=receipt way=receipt", "paper.printed what=receipt way=receipt")
		if whole, _ := m.whole("one"); whole != 1 {
			t.Errorf("%d whole in %q", whole, m.strips())
		}
	})
}

// The plug is pulled in the instant of the cut. Nobody can ask the printer then: it counts as failed, whether
// it came out or not, and is printed again as a copy.
func TestPlugIsPulledAtTheCut(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		first := m.next()
		m.at(func(point string, data []byte) {
			if point == "command" && cutting(data) {
				go m.roll.Faults().Arm("unplug", 1) // a hand, while the command is on its way; from its own table
			}
		})
		if err := m.print("one", false); !fault.Is(err, fault.Doubtful) {
			t.Fatalf("got %v, want doubtful", err)
		}
		m.at(nil)
		m.tells(first, "paper.begun what=receipt way=receipt", "paper.failed what=receipt fault=doubtful")
		m.arm(m.roll.Faults(), "unplug", 0)
		m.fit()
		if err := m.print("two", true); err != nil {
			t.Fatal(err)
		}
		if whole, mixed := m.whole("two"); whole != 1 || mixed != 0 {
			t.Errorf("two: %d whole, %d mixed in %q", whole, mixed, m.strips())
		}
	})
}

// A paper is whole: who wanted it may have gone.
func TestReceiptIsPrintedThoughNobodyWaits(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		ctx, cancel := context.WithCancel(t.Context())
		m.half(cancel)
		if err := m.program.press.Paper(ctx, "300000000001", "slip", "", paper("one"), false); err != nil {
			t.Fatal(err)
		}
		if whole, _ := m.whole("one"); whole != 1 {
			t.Errorf("%d whole in %q", whole, m.strips())
		}
	})
}

// A terminal without a receipt printer says so and begins nothing.
func TestThereIsNoReceiptPrinter(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		first := m.next()
		p := m.program.press
		p.Roll = printer.AbsentRoll{}
		if err := m.print("one", false); !fault.Is(err, fault.Absent) {
			t.Errorf("got %v, want absent", err)
		}
		if err := p.SettlePapers(t.Context()); err != nil {
			t.Error(err)
		}
		m.tells(first)
	})
}

// A code that was acknowledged on the screen is written down in one piece: no start finds it begun, and asks
// the printer about a paper that it never had.
func TestCodeOnTheScreen(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		if err := m.print("one", false); err != nil { // so that a count of 0 is a lie
			t.Fatal(err)
		}
		first := m.next()
		syncs := 0
		m.at(func(point string, _ []byte) {
			if point == "sync" {
				syncs++
			}
		})
		if err := m.program.press.OnScreen(t.Context(), "300000000001", "slip", ""); err != nil {
			t.Fatal(err)
		}
		m.at(nil)
		if syncs != 1 {
			t.Errorf("%d syncs, want 1: begun and shown are one commit", syncs)
		}
		m.tells(first, "paper.begun what=slip way=screen", "paper.printed what=slip way=screen")
	})
}

// The printer takes a numbered blank for a slip: it is void, and the slip goes another way.
func TestSlipOnANumberedBlank(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		if err := m.sheets.LoadTray("by-pass-tray", a4, 5, ""); err != nil {
			t.Fatal(err)
		}
		m.program.press.PlainTray = "by-pass-tray"
		time.Sleep(5 * time.Second) // virtual: until the driver has seen the paper
		first := m.next()
		m.arm(m.sheets.Faults(), "wrong_media", 1)
		if err := m.program.press.Plain(t.Context(), "300000000001", "slip", "", paper("one")); err == nil {
			t.Error("a slip on a numbered blank came out well")
		}
		m.tells(first, "paper.begun what=slip way=tray", "blank.voided serial=A00000001 tray=tray-1", "paper.failed what=slip fault=doubtful")
		m.blanks(casefile.Blanks{Received: 40, Void: 1, InTray: 39})
		m.license(leave("L1", "A00000002"), casefile.LicensePrinted)
		m.came("A00000001", "A00000002")
	})
}

// A printer that tells the paper and not the tray: a blank that it took for a slip is void where only one tray holds such.
func TestPrinterDoesNotTellTheTrayOfASlip(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		p := m.program.press
		p.PlainTray = "by-pass-tray"
		for name, row := range map[string]struct {
			state  printer.JobState
			serial string
		}{
			"nothing":       {printer.JobState{}, ""},
			"the paper":     {printer.JobState{Media: a4}, ""},
			"the tray":      {printer.JobState{Media: a4, Tray: "by-pass-tray"}, ""},
			"other paper":   {printer.JobState{Media: a3}, "A00000001"},
			"other tray":    {printer.JobState{Media: a4, Tray: "tray-2"}, "B00000001"},
			"unknown paper": {printer.JobState{Media: "iso_a5_148x210mm"}, ""},
			"no such tray":  {printer.JobState{Media: a4, Tray: "tray-9"}, ""},
		} {
			var serial string
			for _, e := range p.drawnInstead(row.state) {
				serial = e.Header.Serial
			}
			if serial != row.serial {
				t.Errorf("the printer tells %s: %q is void, want %q", name, serial, row.serial)
			}
		}
		another := casefile.Header{Tray: "tray-3", Media: a3, First: "C00000001", Count: 5, Who: "staff"}
		if err := p.append(t.Context(), casefile.BlanksLoaded, "", another); err != nil {
			t.Fatal(err)
		}
		if got := p.drawnInstead(printer.JobState{Media: a3}); got != nil {
			t.Errorf("two trays hold such blanks: got %+v, want none void", got)
		}
	})
}

// The second way out of a slip: a plain sheet from the license printer's by-pass tray.
func TestSlipOnAPlainSheet(t *testing.T) {
	for name, row := range map[string]struct {
		befalls func(m *machine)
		kind    fault.Kind // of the failure; "" when it comes out
		begun   bool
	}{
		"fit":     {func(m *machine) {}, "", true},
		"no tray": {func(m *machine) { m.program.press.PlainTray = "" }, fault.Absent, false},
		"blanks":  {func(m *machine) { m.program.press.PlainTray = "tray-2" }, fault.Absent, false},
		"cable":   {func(m *machine) { m.wire(false) }, fault.Absent, true},
		"silence": {func(m *machine) { m.arm(m.sheets.Faults(), "silence", 100) }, fault.Silent, true},
		"abort":   {func(m *machine) { m.arm(m.sheets.Faults(), "abort", 1) }, fault.Doubtful, true},
		"jam":     {func(m *machine) { m.arm(m.sheets.Faults(), "jam", 1) }, fault.Jammed, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				if err := m.sheets.LoadTray("by-pass-tray", a4, 5, ""); err != nil {
					t.Fatal(err)
				}
				m.program.press.PlainTray = "by-pass-tray"
				time.Sleep(5 * time.Second) // virtual: until the driver has seen the paper
				first, began := m.next(), time.Now()
				row.befalls(m)
				err := m.program.press.Plain(t.Context(), "300000000001", "slip", "", paper("one"))
				if fault.KindOf(err) != row.kind || (err == nil) != (row.kind == "") {
					t.Errorf("got %v, want %q", err, row.kind)
				}
				if took := time.Since(began); took > plainMax+giveUpMax+time.Second {
					t.Errorf("took %v, want %v at most", took, plainMax+giveUpMax)
				}
				switch {
				case !row.begun:
					m.tells(first)
				case row.kind == "":
					m.tells(first, "paper.begun what=slip way=tray", "paper.printed what=slip way=tray")
				default:
					m.tells(first, "paper.begun what=slip way=tray", "paper.failed what=slip fault="+string(row.kind))
				}
			})
		})
	}
}
