package invariant

import (
	"slices"
	"testing"

	"yichuang/kiosk/casefile"
)

// A good life breaks nothing, and every invariant that the journal alone can show has something to look at in it.
func TestAGoodLifeBreaksNothing(t *testing.T) {
	j := life(t, "")
	w, _, found := watched(j)
	for _, v := range found {
		t.Error(v)
	}
	happened := map[casefile.Kind]bool{}
	for _, r := range j.records {
		happened[r.Kind] = true
	}
	for kind := range casefile.Fields {
		if !happened[kind] {
			t.Errorf("%s does not happen in testdata/life.txt", kind)
		}
	}
	for i, r := range w.Results() {
		if r.ID != All[i].ID || r.Says != All[i].Says {
			t.Errorf("result %d is %s, want %s", i, r.ID, All[i].ID)
		}
		if alone := All[i].Needs == Journal || All[i].Needs == Sealed; alone != (r.Checked > 0) && r.ID != "time.held" {
			t.Errorf("%s was checked %d times; it needs %s", r.ID, r.Checked, All[i].Needs)
		}
	}
	if n := len(All); n < 25 {
		t.Errorf("%d invariants", n)
	}
	if w.Seq() != int64(len(j.records)) {
		t.Errorf("got %d events seen, want %d", w.Seq(), len(j.records))
	}
}

func TestIdsAreUnique(t *testing.T) {
	var seen []string
	for _, i := range All {
		if slices.Contains(seen, i.ID) || i.Says == "" || i.Needs == "" {
			t.Errorf("%s: twice, or it says or needs nothing", i.ID)
		}
		seen = append(seen, i.ID)
	}
}
