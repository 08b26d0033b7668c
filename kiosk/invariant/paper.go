package invariant

import (
	"fmt"

	"yichuang/kiosk/casefile"
)

// onScreen is the way of a code that was shown and acknowledged.
const onScreen = "screen"

func paperNumber(l *look) {
	if l.e.Kind == casefile.PaperBegun {
		l.see(l.h.Paper != "" && l.papers[l.h.Paper] == nil, "paper %q has begun before, or has no number", l.h.Paper)
	}
}

// paperEnds: each paper ends once, as what it was begun, and printed only the way it went.
func paperEnds(l *look) {
	if l.e.Kind == casefile.PaperPrinted || l.e.Kind == casefile.PaperFailed {
		p := l.papers[l.h.Paper]
		ok := p != nil && !p.ended && p.caseID == l.e.Case && p.what == l.h.What && p.owed == l.h.Owed
		l.see(ok && (l.e.Kind == casefile.PaperFailed || p.way == "" || p.way == l.h.Way), "paper %s, a %s for %q: %s, and it was %+v", l.h.Paper, l.h.What, l.h.Owed, l.e.Kind, p)
	}
}

// paperAlone: a roll and a tray print one thing after the other. What was shown on the screen needs neither.
func paperAlone(l *look) {
	if l.e.Kind == casefile.PaperBegun && l.h.Way != onScreen {
		l.see(l.papersOpen == 0, "paper %s begins while %d are being printed", l.h.Paper, l.papersOpen)
	}
}

// slipCode: each try to print a slip has a code of its own, so that half of one that hangs in a printer is good for nothing.
func slipCode(l *look) {
	if l.e.Kind == casefile.PaperBegun && l.h.Owed != "" {
		l.see(l.fresh[l.h.Owed], "paper %s for %s has the code of the paper before", l.h.Paper, l.h.Owed)
	}
}

// loadedOnce: a number that was loaded once is never taken in again.
func loadedOnce(l *look) {
	if l.e.Kind != casefile.BlanksLoaded {
		return
	}
	twice := ""
	for _, p := range l.packs {
		if serial := p.Overlap(casefile.Pack{First: l.h.First, Count: l.h.Count}); serial != "" {
			twice = serial
		}
	}
	l.see(l.h.Tray != "" && l.h.First != "" && l.h.Count > 0 && twice == "", "%d blanks from %q into tray %q: %q was loaded before", l.h.Count, l.h.First, l.h.Tray, twice)
}

func blanks(l *look) {
	if !l.about("blank", "license.") {
		return
	}
	k := l.blanks
	var inTrays int64
	for _, packs := range l.trays {
		for _, p := range packs {
			inTrays += p.Count
		}
	}
	l.see(k.Received == k.Issued+k.Void+k.InTray+k.Doubtful && k.InTray == inTrays && k.Issued >= 0 && k.Doubtful >= 0, "%+v, and %d in the trays", k, inTrays)
	if l.book != nil && l.err == nil {
		l.see(l.book.Blanks == k, "the book has %+v, the events give %+v", l.book.Blanks, k)
	}
}

// blankSure: a license is printed on the blank that is next in its tray, whose number nothing else stands on and is in no doubt.
func blankSure(l *look) {
	switch l.e.Kind {
	case casefile.LicensePrinting:
		doubt := ""
		for _, s := range l.sheets {
			if s.tray == l.h.Tray && (s.state == casefile.LicenseDoubtful || s.state == casefile.LicensePrinting) {
				doubt = s.serial
			}
		}
		used := l.serials[l.h.Serial]
		l.see(l.next(l.h.Tray) == l.h.Serial && l.h.Serial != "" && used == "" && doubt == "", "blank %q from tray %q, whose next is %q: it was %q, and %q is in doubt", l.h.Serial, l.h.Tray, l.next(l.h.Tray), used, doubt)
	case casefile.BlankVoided:
		l.see(l.next(l.h.Tray) == l.h.Serial && l.h.Serial != "", "blank %q is void, and the next in tray %q is %q", l.h.Serial, l.h.Tray, l.next(l.h.Tray))
	}
}

// permitOnce: a permit is for one sheet, and each sheet has one end.
func permitOnce(l *look) {
	s := l.sheets[l.h.Permit]
	was := fmt.Sprintf("%+v", s)
	switch l.e.Kind {
	case casefile.LicensePrinting:
		l.see(l.h.Permit != "" && s == nil, "permit %q was used before, for %s", l.h.Permit, was)
	case casefile.LicensePrinted, casefile.LicenseFailed, casefile.LicenseSpoiled, casefile.LicenseDoubtful:
		l.see(s != nil && s.state == casefile.LicensePrinting && s.serial == l.h.Serial && s.caseID == l.e.Case, "permit %s, blank %s: %s, and it was %s", l.h.Permit, l.h.Serial, l.e.Kind, was)
	case casefile.LicenseSettled:
		l.see(s != nil && s.state == casefile.LicenseDoubtful && s.serial == l.h.Serial && (l.h.As == "printed" || l.h.As == "spoiled"), "permit %s: settled as %q, and it was %s", l.h.Permit, l.h.As, was)
	}
}

// oneLive: of each form of a license one sheet is out at most, or on its way, or in doubt.
func oneLive(l *look) {
	if l.e.Kind != casefile.LicensePrinting {
		return
	}
	for _, s := range l.sheets {
		if s.caseID == l.e.Case && s.form == l.h.Form && s.state != casefile.LicenseFailed && s.state != casefile.LicenseSpoiled {
			l.see(false, "case %s: %s %s is out, on its way or in doubt", l.e.Case, s.form, s.serial)
			return
		}
	}
	l.see(true, "")
}
