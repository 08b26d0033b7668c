package people

import (
	"strings"
	"testing"
	"time"

	"yichuang/devices/idcard/idcheck"
	"yichuang/devices/idcard/sdtsim"
)

func TestNumberIsOfTheStandard(t *testing.T) {
	for _, row := range []struct {
		division, birth string
		sequence        int
		want            string
	}{
		{"110105", "19491231", 2, "11010519491231002X"}, // GB 11643-1999, the standard's own examples
		{"440524", "18800101", 1, "440524188001010014"},
		{"110101", "19900101", 1, "110101199001010015"},
	} {
		if got := Number(row.division, row.birth, row.sequence); got != row.want {
			t.Errorf("%s %s %d: got %s, want %s", row.division, row.birth, row.sequence, got, row.want)
		}
	}
}

func TestPeopleAreAdultsWithGoodCards(t *testing.T) {
	s := New(7)
	today := time.Now().Format("20060102")
	adult := time.Now().AddDate(-18, 0, 0).Format("20060102")
	names := map[string]bool{}
	for range 500 {
		p := s.Person()
		names[p.Name] = true
		odd := strings.ContainsRune("13579", rune(p.Number[16]))
		if len(p.Number) != 18 || p.Number[6:14] != p.Birth || (p.Sex == "1") != odd || p.Number[:6] != division {
			t.Errorf("number and card do not agree: %+v", p)
		}
		if p.Birth > adult || p.ValidFrom > today || p.ValidTo < today {
			t.Errorf("not an adult with a valid card: %+v", p)
		}
		card := sdtsim.Card{Kind: p.Kind, Name: p.Name, Sex: p.Sex, Ethnicity: p.Ethnicity, Birth: p.Birth, Address: p.Address,
			Number: p.Number, Authority: p.Authority, ValidFrom: p.ValidFrom, ValidTo: p.ValidTo}
		if _, err := card.Block(); err != nil {
			t.Errorf("%+v does not fit on a card: %v", p, err)
		}
		// The same rule, written by another hand.
		if c, err := idcheck.NumberCheck(p.Number[:17]); err != nil || c != p.Number[17] {
			t.Errorf("number %s: its check should be %c (%v)", p.Number, c, err)
		}
		if n := len([]rune(p.Name)); n < 2 || n > 3 {
			t.Errorf("name %q", p.Name)
		}
	}
	if len(names) < 300 {
		t.Errorf("only %d names among 500 people", len(names))
	}
}

func TestSameSeedSamePeople(t *testing.T) {
	a, b, c := New(1), New(1), New(2)
	same, other := true, true
	for range 10 {
		p, q, r := a.Person(), b.Person(), c.Person()
		same = same && p == q
		other = other && p == r
	}
	if !same || other {
		t.Errorf("same seed, same people: %v; another seed, the same people: %v", same, other)
	}
	if first, second := FreshSeed(), FreshSeed(); first == second {
		t.Error("two fresh seeds are the same")
	}
	if n := New(3).IntN(5); n < 0 || n > 4 {
		t.Errorf("IntN(5): %d", n)
	}
}
