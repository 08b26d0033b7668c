package invariant

import (
	"encoding/json"
	"slices"
	"time"

	"yichuang/kiosk/casefile"
)

func sequence(l *look) {
	branch := l.r.Kind == casefile.TerminalStarted && !l.former[l.r.Epoch]
	l.see(l.r.Seq == l.seq+1 && l.r.Terminal == l.terminal && (l.r.Epoch == l.epoch || branch),
		"record %d of %s, epoch %s, after %d of %s, epoch %s", l.r.Seq, l.r.Terminal, l.r.Epoch, l.seq, l.terminal, l.epoch)
}

// chain leaves the number to sequence.
func chain(l *look) {
	err := l.r.Check(l.r.Seq, l.tally.hash)
	l.see(err == nil, "%v", err)
}

func decodes(l *look) { l.see(l.err == nil, "%v", l.err) }

func figures(l *look) {
	if l.err == nil {
		what := l.h.Uncountable()
		l.see(what == "", "%s", what)
	}
}

// follows is looked at after the book has had the event.
func follows(l *look) {
	if l.book != nil {
		l.see(l.err == nil, "%v", l.err)
	}
}

func clear(l *look) {
	allowed, known := casefile.Fields[l.r.Kind]
	var have map[string]json.RawMessage
	if !known || json.Unmarshal(l.r.Header, &have) != nil {
		return // of a later version, or none at all, which another invariant says
	}
	for name := range have {
		if !slices.Contains(allowed, name) {
			l.see(false, "field %q may not stand in the header of %s", name, l.r.Kind)
			return
		}
	}
	l.see(true, "")
}

// terminalKinds are what happens to the terminal and to no case; anyCase may name one.
var (
	terminalKinds = []casefile.Kind{casefile.TerminalStarted, casefile.VisitBegun, casefile.VisitEnded, casefile.BoxOut, casefile.BoxIn, casefile.BoxExchanged,
		casefile.BlanksLoaded, casefile.BlankVoided, casefile.CoinsExchanged, casefile.StockLoaded, casefile.StockCounted, casefile.DayClosed}
	anyCase = []casefile.Kind{casefile.CaseRated, casefile.PaperBegun, casefile.PaperPrinted, casefile.PaperFailed, casefile.AcceptorReset, casefile.CoinsReset}
)

func belongs(l *look) {
	if _, known := casefile.Fields[l.r.Kind]; known && !slices.Contains(anyCase, l.r.Kind) {
		none := slices.Contains(terminalKinds, l.r.Kind)
		l.see(none == (l.r.Case == ""), "%s of case %q", l.r.Kind, l.r.Case)
	}
}

func quality(l *look) {
	_, err := time.Parse(time.RFC3339Nano, l.r.Time)
	l.see(err == nil && slices.Contains([]string{"synced", "held", "unknown"}, l.r.Quality), "time %q, %q", l.r.Time, l.r.Quality)
}

// heldClock is a clock that runs by itself: when it stands before a time that it has shown it is unknown, and called so.
func heldClock(l *look) {
	if l.r.Quality == "held" {
		l.see(!l.r.When().Before(l.latest), "%s is held, and the clock had shown %s", l.r.Time, l.latest.Format(time.RFC3339Nano))
	}
}
