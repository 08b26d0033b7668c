package data

import (
	"testing"

	"yichuang/kiosk/catalog"
)

func TestReadWantsItsColumns(t *testing.T) {
	node := func(f []string) catalog.Node {
		return catalog.Node{Code: f[0], Parent: f[1], Name: text(f[1], at(f, 2))}
	}
	got, err := read("x", "# head\na\tb\tc\nd\te\n", 2, node)
	if err != nil || len(got) != 2 || got[0].Name["en"] != "c" || got[1].Code != "d" || len(got[1].Name) != 1 {
		t.Errorf("read = %+v, %v", got, err)
	}
	for _, bad := range []string{"a", "a\tb\nc", "\tb"} {
		if got, err := read("x", bad, 2, node); err == nil {
			t.Errorf("read(%q) = %+v", bad, got)
		}
	}
}

func TestPhrasesAreNumberedWithinTheirTrade(t *testing.T) {
	list, err := Scopes()
	if err != nil {
		t.Fatal(err)
	}
	if list[0].Code != list[0].Parent+"1" || list[1].Code != list[1].Parent+"2" || list[0].Parent != "5211" {
		t.Errorf("the first phrases are %+v, %+v", list[0], list[1])
	}
}
