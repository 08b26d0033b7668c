package first

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"yichuang/kiosk/catalog"
)

func load(t *testing.T) *catalog.Catalog {
	t.Helper()
	made, err := Catalog()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBothServicesSayAllInBothLanguages(t *testing.T) {
	c := load(t)
	for _, code := range []string{"pay.water", "license.individual"} {
		s, ok := c.Find(code)
		if !ok {
			t.Fatalf("no service %s", code)
		}
		if len(s.Guide) != 18 {
			t.Errorf("%s: the guide has %d elements, want 18", code, len(s.Guide))
		}
		texts := []catalog.Text{s.Name, s.Line, c.Hall, c.Area}
		for _, f := range s.Guide {
			texts = append(texts, f.Label, f.Value)
		}
		for _, f := range s.Fields {
			texts = append(texts, f.Label, f.Hint)
		}
		if len(s.Fields) > 0 {
			texts = append(texts, s.Declaration)
		}
		for _, text := range texts {
			if text["zh"] == "" || text["en"] == "" {
				t.Errorf("%s: a text without one of the languages: %v", code, text)
			}
		}
	}
	if w, _ := c.Find("pay.water"); !w.Account.Valid("1000000016") || w.Account.Code != "YCB:water:" || w.Offline || len(w.Ways) != 3 {
		t.Errorf("the water bill: %+v", w)
	}
	if l, _ := c.Find("license.individual"); !l.Offline || l.MinAge != 16 || len(l.Fields) != 5 {
		t.Errorf("the license: %+v", l)
	}
}

func TestEveryTreeHangsTogether(t *testing.T) {
	c := load(t)
	for list, want := range map[string]struct{ nodes, top int }{"divisions": {31 + 342 + 2978, 31}, "trades": {140, 5}} {
		codes := map[string]bool{}
		for _, n := range c.Lists[list] {
			if codes[n.Code] || n.Name["zh"] == "" || n.Code == "" {
				t.Errorf("%s: %+v stands twice or has no name", list, n)
			}
			if n.Parent != "" && (!codes[n.Parent] || !strings.HasPrefix(n.Code, n.Parent)) {
				t.Errorf("%s: %+v hangs nowhere", list, n)
			}
			codes[n.Code] = true
		}
		if got := len(c.Lists[list]); got != want.nodes || len(c.Under(list, "")) != want.top {
			t.Errorf("%s: %d nodes, %d at the top, want %d and %d", list, got, len(c.Under(list, "")), want.nodes, want.top)
		}
	}
	for _, n := range c.Lists["divisions"] {
		if leaf := len(c.Under("divisions", n.Code)) == 0; leaf != (len(n.Code) == 6) {
			t.Errorf("division %s: leaf %v", n.Code, leaf)
		}
	}
}

func TestEveryTradeHasAScope(t *testing.T) {
	c := load(t)
	seen := map[string]bool{}
	permits := 0
	for _, n := range c.Lists["trades"] {
		leaf := len(c.Under("trades", n.Code)) == 0
		scopes := c.Under("scopes", n.Code)
		if leaf != (len(n.Code) == 4) || leaf != (len(scopes) > 0) || n.Name["en"] == "" {
			t.Errorf("trade %+v: leaf %v, %d phrases", n, leaf, len(scopes))
		}
		for _, s := range scopes {
			if seen[s.Code] {
				t.Errorf("phrase %s stands twice", s.Code)
			}
			seen[s.Code] = true
		}
		if n.Permit != nil {
			permits++
		}
	}
	if len(seen) != len(c.Lists["scopes"]) {
		t.Errorf("%d of %d phrases hang on a trade", len(seen), len(c.Lists["scopes"]))
	}
	for code, want := range map[string]bool{"5212": false, "5211": false, "6210": true, "5227": true, "8010": false} {
		if n, ok := c.Node("trades", code); !ok || (n.Permit["zh"] != "") != want || (n.Permit["en"] != "") != want {
			t.Errorf("trade %s needs %v", code, n.Permit)
		}
	}
	if permits < 10 {
		t.Errorf("only %d trades need a permit first", permits)
	}
}

func TestEachFileNamesItsSource(t *testing.T) {
	files, err := filepath.Glob("../data/*.tsv")
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"# source: ", "# date: ", "# license: ", "# columns: "} {
			if !strings.Contains(string(raw[:1200]), "\n"+want) {
				t.Errorf("%s does not name its %q", f, want)
			}
		}
	}
}
