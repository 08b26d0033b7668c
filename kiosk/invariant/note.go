package invariant

import (
	"slices"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
)

// onTheWay are a note's states before its end.
var onTheWay = []casefile.Kind{casefile.NoteEscrowed, casefile.NoteStacking, casefile.NoteReturning}

// noteEnds: each note that was held has exactly one end, as the note that it is.
func noteEnds(l *look) {
	n := l.notes[l.h.Note]
	switch l.e.Kind {
	case casefile.NoteStacked, casefile.NoteReturned, casefile.NoteDoubtful:
		l.see(n != nil && slices.Contains(onTheWay, n.state) && n.face == l.h.Face && n.caseID == l.e.Case && l.h.Currency == money.CNY,
			"note %d of %s of case %s: %s, and it was %+v", l.h.Note, l.h.Face, l.e.Case, l.e.Kind, n)
	case casefile.NoteSettled:
		l.see(n != nil && n.state == casefile.NoteDoubtful && (l.h.As == "stacked" || l.h.As == "returned"), "note %d: settled as %q, and it was %+v", l.h.Note, l.h.As, n)
	}
}

func noteAlone(l *look) {
	if l.e.Kind == casefile.NoteEscrowed {
		l.see(l.notesOpen == 0, "note %d is held while %d are on their way", l.h.Note, l.notesOpen)
	}
}

func noteNumber(l *look) {
	if l.e.Kind == casefile.NoteEscrowed {
		l.see(l.h.Note == l.lastNote+1, "note %d after note %d", l.h.Note, l.lastNote)
	}
}

// noteOrder: a note is sent one way; from the way into the box it may turn back when the acceptor refuses, never the other way round.
func noteOrder(l *look) {
	n := l.notes[l.h.Note]
	switch l.e.Kind {
	case casefile.NoteStacking:
		l.see(n != nil && n.state == casefile.NoteEscrowed, "note %d is sent into the box, and was %+v", l.h.Note, n)
	case casefile.NoteReturning:
		l.see(n != nil && (n.state == casefile.NoteEscrowed || n.state == casefile.NoteStacking), "note %d is sent back, and was %+v", l.h.Note, n)
	}
}

// noteWanted: nobody's note is drawn in who is not paying.
func noteWanted(l *look) {
	if l.e.Kind == casefile.NoteStacking {
		l.see(l.cashOpen == l.e.Case, "note %d of case %s is sent into the box while notes are taken for %q", l.h.Note, l.e.Case, l.cashOpen)
	}
}

func noteBox(l *look) {
	if l.e.Kind == casefile.NoteStacked {
		l.see(l.h.Box == l.box, "note %d is stacked in box %q, and %q is in", l.h.Note, l.h.Box, l.box)
	}
}

func face(l *look) {
	switch l.e.Kind {
	case casefile.NoteEscrowed, casefile.CoinTaken, casefile.CoinFound:
		l.see(l.h.Face > 0 && l.h.Currency == money.CNY, "%s of %d %q", l.e.Kind, int64(l.h.Face), l.h.Currency)
	}
}

// coinTold: one event of the coin acceptor is one coin. Its counter moves on with each, so that a coin that is told twice has the mark of the one before.
func coinTold(l *look) {
	if l.e.Kind == casefile.CoinTaken && l.h.Mark != nil && l.h.Mark.Known {
		l.see(*l.h.Mark != l.coinMark, "a coin of %s is told a second time: event %d of %q", l.h.Face, l.h.Mark.Counter, l.h.Mark.Serial)
	}
}

// cashTurns: notes are taken for one case at a time.
func cashTurns(l *look) {
	switch l.e.Kind {
	case casefile.CashOpened:
		l.see(l.cashOpen == "" || l.leftOver, "case %s begins while notes are taken for %s", l.e.Case, l.cashOpen)
	case casefile.CashClosed:
		l.see(l.cashOpen == l.e.Case, "case %s ends while notes are taken for %q", l.e.Case, l.cashOpen)
	}
}
