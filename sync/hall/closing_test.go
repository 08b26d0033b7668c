package hall_test

import (
	"testing"

	"yichuang/kiosk/casefile"
	"yichuang/sync/halltest"
)

// TestClosingsFollowEachOther: a number that is left out, and a total that does not come from what was taken in, are found.
func TestClosingsFollowEachOther(t *testing.T) {
	for what, row := range map[string]struct {
		closings [][3]int64 // number, amount, total
		odd      int
	}{
		"in order":       {[][3]int64{{1, 700, 700}, {2, 0, 700}, {3, 50, 750}}, 0},
		"not from one":   {[][3]int64{{2, 700, 700}}, 1},
		"one left out":   {[][3]int64{{1, 700, 700}, {3, 50, 750}}, 1},
		"twice":          {[][3]int64{{1, 700, 700}, {1, 0, 700}}, 1},
		"goes back":      {[][3]int64{{1, 700, 700}, {2, -100, 600}}, 1},
		"another total":  {[][3]int64{{1, 700, 701}}, 1},
		"begins with it": {[][3]int64{{1, 0, 700}}, 1},
	} {
		t.Run(what, func(t *testing.T) {
			h := halltest.Start(t, nil)
			term := h.Enrol("T1")
			for _, c := range row.closings {
				term.Write(casefile.DayClosed, "", casefile.Header{Closing: c[0], Amount: fen(c[1]), Total: fen(c[2]), Who: "technician"}, nil)
			}
			term.Push()
			claim(t, term, "wait until it is drawn")
			a, err := h.Hall().Audit(t.Context())
			if err != nil || a.Violations != row.odd {
				t.Errorf("audit %+v, %v, want %d violations", a, err, row.odd)
			}
		})
	}
}

// A journal that branches goes on with its closings from where it did: neither those that its lost disk had behind that count, nor those of another branch.
func TestClosingsFollowEachOtherThroughBranches(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	closed := func(number, amount, total int64) {
		term.Write(casefile.DayClosed, "", casefile.Header{Closing: number, Amount: fen(amount), Total: fen(total), Who: "technician"}, nil)
	}
	holds := func(when string, odd int) {
		t.Helper()
		term.Push()
		claim(t, term, "wait until it is drawn")
		if a, err := h.Hall().Audit(t.Context()); err != nil || a.Violations != odd {
			t.Errorf("%s: audit %+v, %v, want %d violations", when, a, err, odd)
		}
	}
	closed(1, 700, 700)
	known := len(term.Records)
	closed(2, 50, 750) // on the disk that was lost
	term.Push()
	term.Branch("e2", known)
	closed(2, 30, 730)
	holds("the first of a branch", 0)
	closed(3, 20, 750)
	holds("the next", 0)
	second := len(term.Records)
	term.Branch("e3", second) // nothing is lost, and it branches all the same
	term.Push()
	term.Branch("e4", second+1)
	closed(4, 0, 750)
	holds("two branches later", 0)
	term.Branch("e5", known) // an image from before all that
	closed(2, 0, 700)
	holds("back behind them", 0)
	term.Branch("e6", len(term.Records)) // e2 has a record of that number too
	closed(3, 0, 700)
	holds("after the one that it follows", 0)
	closed(5, 0, 700)
	holds("one left out", 1)
}

// What a branch follows may be at no hall any more: then nothing says that its closings cannot be.
func TestClosingsOfABranchWhoseBeginningIsNotHere(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	term.Write(casefile.CaseRated, "", casefile.Header{Stars: 5}, nil)
	term.Branch("e2", 1)
	term.Write(casefile.DayClosed, "", casefile.Header{Closing: 9, Amount: fen(10), Total: fen(700), Who: "technician"}, nil)
	term.Push()
	claim(t, term, "wait until it is drawn")
	h.Audit()
}
