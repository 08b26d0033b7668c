package catalog

import (
	"crypto/ed25519"
	"encoding/json"
	"strings"
	"testing"
)

func TestLuhn(t *testing.T) {
	// 79927398713 and 4539578763621486 are the usual published examples of ISO/IEC 7812-1.
	for number, want := range map[string]bool{"79927398713": true, "79927398710": false, "4539578763621486": true, "18": true, "81": false, "0": true, "": false, "1a": false, "１８": false, "0000000000": true} {
		if got := Luhn(number); got != want {
			t.Errorf("Luhn(%q) = %v, want %v", number, got, want)
		}
	}
	for number, want := range map[string]string{"7992739871": "3", "453957876362148": "6", "100000001": "6", "x": "", "000000000": "0"} {
		if got := LuhnDigit(number); got != want {
			t.Errorf("LuhnDigit(%q) = %q, want %q", number, got, want)
		}
	}
}

func TestAccountNumbers(t *testing.T) {
	luhn, plain := Account{Digits: 10, Check: "luhn"}, Account{Digits: 4, Check: "none"}
	for _, c := range []struct {
		a      *Account
		number string
		want   bool
	}{{&luhn, "1000000016", true}, {&luhn, "1000000017", false}, {&luhn, "10000000016", false}, {&luhn, "", false}, {&luhn, "100000001a", false},
		{&plain, "1234", true}, {&plain, "123", false}, {&plain, "12345", false}} {
		if got := c.a.Valid(c.number); got != c.want {
			t.Errorf("%+v: Valid(%q) = %v, want %v", *c.a, c.number, got, c.want)
		}
	}
}

func some() *Catalog {
	return &Catalog{Version: 3, Hall: Text{"zh": "厅"}, Phone: "12345", Services: []Service{
		{Code: "pay.water", Entrance: "pay", Name: Text{"zh": "水"}, Line: Text{"zh": "缴"}, Biller: "water", Account: &Account{Digits: 10}, Ways: []string{"pay.cash", "pay.show", "pay.scan"}},
		{Code: "license.one", Entrance: "apply", Name: Text{"zh": "照", "en": "License"}, Line: Text{"zh": "领"}, Fields: []Field{{Name: "a", Kind: "tree", List: "l"}, {Name: "b", Kind: "text"}, {Name: "c", Kind: "list", List: "l"}}},
	}, Lists: map[string][]Node{"l": {{Code: "1", Name: Text{"zh": "一"}}, {Code: "11", Parent: "1"}, {Code: "12", Parent: "1"}, {Code: "2"}}}}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Catalog)
		says   string
	}{
		"good":             {func(*Catalog) {}, ""},
		"no version":       {func(c *Catalog) { c.Version = 0 }, "version"},
		"no hall":          {func(c *Catalog) { c.Hall = nil }, "hall"},
		"no phone":         {func(c *Catalog) { c.Phone = "" }, "phone"},
		"no services":      {func(c *Catalog) { c.Services = nil }, "service"},
		"a service twice":  {func(c *Catalog) { c.Services[1].Code = "pay.water" }, `"pay.water" stands twice`},
		"no code":          {func(c *Catalog) { c.Services[0].Code = "Water" }, "small letters"},
		"another entrance": {func(c *Catalog) { c.Services[0].Entrance = "ask" }, "entrance"},
		"no name":          {func(c *Catalog) { c.Services[0].Name = Text{"en": "x"} }, "name and line"},
		"no line":          {func(c *Catalog) { c.Services[0].Line = nil }, "name and line"},
		"no biller":        {func(c *Catalog) { c.Services[0].Biller = "" }, "biller"},
		"no account":       {func(c *Catalog) { c.Services[0].Account = nil }, "account"},
		"a short account":  {func(c *Catalog) { c.Services[0].Account.Digits = 3 }, "account"},
		"four digits":      {func(c *Catalog) { c.Services[0].Account.Digits = 4 }, ""},
		"no ways":          {func(c *Catalog) { c.Services[0].Ways = nil }, "ways"},
		"another way":      {func(c *Catalog) { c.Services[0].Ways = []string{"pay.cheque"} }, "pay.cheque"},
		"another kind":     {func(c *Catalog) { c.Services[1].Fields[1].Kind = "date" }, "date"},
		"another card":     {func(c *Catalog) { c.Services[1].Cards = []string{"citizen", "passport"} }, "passport"},
		"every card":       {func(c *Catalog) { c.Services[1].Cards = []string{"citizen", "hmt", "foreign_2017", "foreign_2023"} }, ""},
		"no such list":     {func(c *Catalog) { c.Services[1].Fields[2].List = "m" }, `list "m"`},
	} {
		in := some()
		c.change(in)
		raw, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		switch _, err := Parse(raw); {
		case c.says == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v, want something about %q", name, err, c.says)
		}
	}
	for _, raw := range []string{"", "[]", `{"version":1,"colour":"red"}`} {
		if _, err := Parse([]byte(raw)); err == nil {
			t.Errorf("Parse(%q) succeeded", raw)
		}
	}
}

// A service that does not name the cards is for residents.
func TestWhoseCardsAreTaken(t *testing.T) {
	for _, c := range []struct {
		cards []string
		takes string
	}{{nil, "citizen hmt"}, {[]string{"citizen"}, "citizen"}, {[]string{"foreign_2023", "hmt"}, "hmt foreign_2023"}} {
		s, got := Service{Cards: c.cards}, []string(nil)
		for _, kind := range []string{"citizen", "hmt", "foreign_2017", "foreign_2023", "", "passport"} {
			if s.Takes(kind) {
				got = append(got, kind)
			}
		}
		if strings.Join(got, " ") != c.takes {
			t.Errorf("cards %q: takes %q, want %q", c.cards, got, c.takes)
		}
	}
}

func TestFindAndWalk(t *testing.T) {
	c := some()
	if s, ok := c.Find("license.one"); !ok || s.Name.In("en") != "License" || s.Name.In("fr") != "照" {
		t.Errorf("Find = %+v, %v", s, ok)
	}
	if _, ok := c.Find("license.two"); ok {
		t.Error("found what is not there")
	}
	for parent, want := range map[string]string{"": "1 2 ", "1": "11 12 ", "2": ""} {
		got := ""
		for _, n := range c.Under("l", parent) {
			got += n.Code + " "
		}
		if got != want {
			t.Errorf("Under(%q) = %q, want %q", parent, got, want)
		}
	}
	if n, ok := c.Node("l", "12"); !ok || n.Parent != "1" {
		t.Errorf("Node = %+v, %v", n, ok)
	}
	if _, ok := c.Node("l", "3"); ok {
		t.Error("found a node that is not there")
	}
}

func TestVerifyTakesThisHallsNewestOnly(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(some())
	if err != nil {
		t.Fatal(err)
	}
	signature := ed25519.Sign(private, raw)
	for floor, ok := range map[int64]bool{0: true, 3: true, 4: false} {
		if _, err := Verify(public, raw, signature, floor); (err == nil) != ok {
			t.Errorf("floor %d: %v, want good %v", floor, err, ok)
		}
	}
	other, _, _ := ed25519.GenerateKey(nil)
	for name, key := range map[string]ed25519.PublicKey{"another key": other, "no key": nil} {
		if _, err := Verify(key, raw, signature, 0); err == nil {
			t.Errorf("%s: verified", name)
		}
	}
	raw[20] ^= 1
	if _, err := Verify(public, raw, signature, 0); err == nil {
		t.Error("a changed document verified")
	}
	if _, err := Verify(public, []byte("{}"), ed25519.Sign(private, []byte("{}")), 0); err == nil {
		t.Error("a signed document that is none verified")
	}
}

func FuzzParse(f *testing.F) {
	raw, err := json.Marshal(some())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := Parse(in)
		if err != nil {
			return
		}
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		if _, err := Parse(again); err != nil {
			t.Errorf("%q is a catalogue, and written again it is none: %v", in, err)
		}
	})
}
