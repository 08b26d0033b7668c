package invariant

import (
	"fmt"
	"slices"

	"yichuang/kiosk/casefile"
)

// visitTurns: one visit after the other, each with its end.
func visitTurns(l *look) {
	switch l.e.Kind {
	case casefile.VisitBegun:
		l.see(l.visit == "" && l.h.Visit != "", "visit %q begins while %q has not ended", l.h.Visit, l.visit)
	case casefile.VisitEnded:
		l.see(l.visit == l.h.Visit && l.h.Visit != "", "visit %q ends, and %q has begun", l.h.Visit, l.visit)
	}
}

// visitClean: what was being printed when the power went has its end before anybody is let in: nobody takes another's paper. A closing is nobody's: staff
// may print it while somebody comes.
func visitClean(l *look) {
	if l.e.Kind != casefile.VisitBegun {
		return
	}
	papers := 0
	if l.papersOpen > 0 {
		for _, p := range l.papers {
			if !p.ended && p.what != casefile.PaperClosing {
				papers++
			}
		}
	}
	l.see(papers == 0 && l.sheetsOpen == 0, "visit %s begins, and %d papers and %d sheets are being printed", l.h.Visit, papers, l.sheetsOpen)
}

// visitPlaced: nobody leaves with money in the box that has no place, except while what is on its way, or not definite, still belongs to it.
func visitPlaced(l *look) {
	if l.e.Kind != casefile.VisitEnded {
		return
	}
	left := ""
	for _, id := range l.casesOf[l.h.Visit] {
		if m := l.matters[id]; m.in != 0 && !m.late && m.ordersOpen == 0 && !l.moving(id) {
			left = fmt.Sprintf("%s of case %s", m.in, id)
		}
	}
	l.see(left == "", "the visit has ended, and %s has no place", left)
}

// moving says whether a note of a case is on its way.
func (t *tally) moving(caseID string) bool {
	if t.notesOpen == 0 {
		return false
	}
	for _, n := range t.notes {
		if n.caseID == caseID && slices.Contains(onTheWay, n.state) {
			return true
		}
	}
	return false
}

// caseOnce: a case is opened once, in the visit of its person, before anything else happens in it. Stray money may be told of in the instant in which that
// visit ends.
func caseOnce(l *look) {
	m := l.matters[l.e.Case]
	switch l.e.Kind {
	case casefile.CaseOpened:
		l.see(m == nil && (l.h.Visit == "" || l.h.Visit == l.visit || l.h.Service == casefile.Stray), "case %s is opened a second time, or in visit %q while %q is there", l.e.Case, l.h.Visit, l.visit)
	case casefile.CaseSubmitted:
		l.see(m != nil && !m.submitted, "case %s is handed in, and was before or was never opened", l.e.Case)
	case casefile.BillChosen, casefile.CashOpened, casefile.NoteEscrowed, casefile.CoinTaken, casefile.OrderBegun, casefile.PaymentSettled:
		l.see(m != nil, "%s of case %s, which was never opened", l.e.Kind, l.e.Case)
	}
}
