package escpossim

import (
	"encoding/hex"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestPresenterMoves: where a strip is after each command, and what the printer says of it.
func TestPresenterMoves(t *testing.T) {
	const cut = "410a1d5600"
	for _, c := range []struct {
		name, in string
		held     bool
		fault    string
		fates    string // a minute later
		said     string // to the ejector status that ends the input
	}{
		{"cut alone", cut + "1d6506", false, "", "inside", "04"},
		{"held out and left", cut + "1d65030c" + "1d6506", true, "", "mouth", "0c"},
		{"held out and taken", cut + "1d65030c" + "1d6506", false, "", "taken", "0c"},
		{"held out with a time", cut + "1d65200c1e" + "1d6506", true, "", "mouth", "0c"},
		{"drawn in", cut + "1d65030c" + "1d6502" + "1d6506", true, "", "retracted", "04"},
		{"drawn in before it was out", cut + "1d6502", true, "", "retracted", ""},
		{"thrown out", cut + "1d6505", true, "", "dropped", ""},
		{"not cut before", "410a" + "1d65030c", true, "", "mouth", ""},
		{"continuous mode", cut + "1d6514" + "1d6512", true, "", "inside", ""},
		{"two at once", cut + cut + "1d65030c", true, "", "mouth mouth", ""},
		{"pushed out by the next", cut + "1d65030c" + cut, true, "", "dropped inside", ""},
		{"stuck", cut + "1d65030c" + "1d6506", true, "presenter", "inside", "84"},
		{"does not draw in", cut + "1d65030c" + "1d6502", true, "no_retract", "mouth", ""},
		{"nothing to hold out", "1d65030c" + "1d6506", true, "", "", "04"},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := New(Options{Presenter: true, Pace: true})
			p.HoldPaper(c.held)
			if c.fault != "" {
				p.Faults().Arm(c.fault, 1)
			}
			if said := hex.EncodeToString(talk(t, p, unhex(t, c.in))); said != c.said {
				t.Errorf("%s: said %s, want %s", c.name, said, c.said)
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			var fates []string
			for _, s := range p.prints {
				fates = append(fates, s.Fate)
			}
			if got := strings.Join(fates, " "); got != c.fates {
				t.Errorf("%s: %s, want %s", c.name, got, c.fates)
			}
			full := p.fullStatus()
			if mouth := full[2]&0x20 != 0; mouth != strings.Contains(c.fates, "mouth") {
				t.Errorf("%s: full status % x", c.name, full)
			}
			if stuck := full[4]&0x40 != 0; stuck != (c.fault == "presenter") {
				t.Errorf("%s: full status % x", c.name, full)
			}
		})
	}
}

// TestHandAtTheMouth: who comes later takes it, also from a clone and after the desk's programs began anew; whoever
// mends the presenter removes what was in it.
func TestHandAtTheMouth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{Presenter: true})
		p.HoldPaper(true)
		talk(t, p, unhex(t, "410a1d56001d65030c"))
		twin := p.Clone()
		saved, err := p.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		q := New(Options{Presenter: true})
		if err := q.Restore(saved); err != nil {
			t.Fatal(err)
		}
		for name, one := range map[string]*Printer{"itself": p, "clone": twin, "restored": q} {
			if one.Fate(1) != fateMouth || !strings.Contains(string(one.World()), `"fate":"mouth"`) {
				t.Errorf("%s: %s", name, one.World())
			}
			one.HoldPaper(false)
			time.Sleep(time.Minute)
			if one.Fate(1) != fateTaken {
				t.Errorf("%s: %s", name, one.World())
			}
		}
		p.Faults().Arm("presenter", 1)
		talk(t, p, unhex(t, "410a1d56001d65030c"))
		if !strings.Contains(string(p.World()), `"state":"presenter"`) {
			t.Errorf("stuck: %s", p.World())
		}
		p.Faults().Arm("presenter", 0)
		if p.Fate(2) != fateRemoved || p.Fate(9) != "" {
			t.Errorf("mended: %s", p.World())
		}
	})
}

// TestNoPresenter: GS e does nothing, and its faults are none of this printer's.
func TestNoPresenter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{})
		if said := talk(t, p, unhex(t, "410a1d56001d65030c1d6506")); len(said) != 0 || p.Fate(1) != "" || !p.IsCut(1) {
			t.Errorf("said % x, %s", said, p.World())
		}
		if p.Faults().Arm("presenter", 1) == nil || p.Faults().Arm("no_retract", 1) == nil {
			t.Error("it has the faults of a presenter")
		}
	})
}

// TestLatinPrinter has no Chinese mode: its bytes are characters of a code page.
func TestLatinPrinter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{NoChinese: true, FeedBit: true})
		if said := talk(t, p, unhex(t, "1c26410a1d5600100402")); hex.EncodeToString(said) != "1a" {
			t.Errorf("said % x, want the feed button", said)
		}
		if text, _ := p.Text(1); text != "&A" {
			t.Errorf("text %q, want &A", text)
		}
	})
}
