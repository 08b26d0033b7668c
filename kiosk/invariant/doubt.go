package invariant

import "yichuang/kiosk/casefile"

// doubtNeeded: who calls something doubtful has asked a memory that was lost. One that had the answer would have given it.
func doubtNeeded(l *look) {
	if !l.memories {
		return
	}
	var m Memory
	switch l.e.Kind {
	case casefile.NoteDoubtful:
		if _, found := l.unknown[l.h.Owed]; found {
			return // a person found it: its doubt is older
		}
		m = NoteMemory
	case casefile.AcceptorReset:
		m = NoteMemory
	case casefile.CoinsReset:
		m = CoinMemory
	case casefile.PayoutDoubtful:
		m = PayerMemory
	case casefile.LicenseDoubtful:
		m = SheetMemory
	}
	if m == "" || l.about("acceptor.", "coins.") && l.h.Owed == "" {
		return
	}
	l.see(l.lost[m] > 0, "%s, and the memory of %s was not lost: %q", l.e.Kind, m, l.h.Asked)
	if l.lost[m] > 0 {
		l.lost[m]--
	}
}
