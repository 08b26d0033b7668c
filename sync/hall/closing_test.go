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
