package page

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"yichuang/kiosk/front"
	"yichuang/ui/page/sample"
)

var golden = flag.Bool("golden", false, "write testdata anew; the difference is to be read like code")

// typed is what somebody is typing on the samples that have a keyboard of letters.
var typed = Typing{Field: "trade_name", Text: "青山", Preedit: "zhangsan", Words: []string{"张三", "张", "章"}, More: true}

func TestPagesAreAsWritten(t *testing.T) {
	for _, lang := range []string{"zh", "en"} {
		for _, s := range sample.Views(lang) {
			typing := Typing{}
			if s.Name == "form-name" {
				typing = typed
			}
			got := outline(Of(&s.View, sample.Now, typing))
			file := filepath.Join("testdata", s.Name+"."+lang+".txt")
			if *golden {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s %s: the page differs from %s:\n%s", s.Name, lang, file, firstDifference(got, string(want)))
			}
		}
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return "got  " + g[i] + "\nwant " + w[i]
		}
	}
	return "one is longer than the other"
}

// rules are what holds for every page of every view.
func rules(v *front.View, p Page) (broken []string) {
	has := map[string]bool{}
	p.Walk(func(e *Element) {
		if e.ID != "" && has[e.ID] {
			broken = append(broken, e.ID+" is there twice")
		}
		has[e.ID] = true
		if e.Kind != Button {
			return
		}
		if e.ID == "" || e.Name == "" {
			broken = append(broken, "a button without id or name: "+e.ID)
		}
		if e.Enabled && !e.Local && !v.Can(e.ID) {
			broken = append(broken, e.ID+" can be touched and is not offered")
		}
		if !e.Enabled && !e.Local && v.Can(e.ID) {
			broken = append(broken, e.ID+" is offered and cannot be touched")
		}
	})
	for _, id := range append([]string{"nav.back", "nav.home", "nav.help"}, v.Acts...) {
		if !has[id] && !silent(id) {
			broken = append(broken, id+" has no control")
		}
	}
	if v.Message != nil && !v.Message.Empty() && !has["text.message"] {
		broken = append(broken, "the message is not shown")
	}
	if v.Left != nil && v.Left.Warn && !has["timeout.more"] {
		broken = append(broken, "time runs out and timeout.more is not there")
	}
	return broken
}

func TestRulesHoldForSamples(t *testing.T) {
	for _, lang := range []string{"zh", "en"} {
		for _, s := range sample.Views(lang) {
			for _, elder := range []bool{false, true} {
				s.View.Elder = elder
				for _, b := range rules(&s.View, Of(&s.View, sample.Now, Typing{})) {
					t.Errorf("%s %s: %s", s.Name, lang, b)
				}
			}
		}
	}
}

var allPages = strings.Fields("home choose guide identify account bill method pay form sign review submit wait print take rate goodbye cases slip help closed ask unheard")

// Whatever kioskd puts on a page, it is shown and can be touched: parts and acts of all pages on each.
func TestRulesHoldForAnyView(t *testing.T) {
	all := sample.Views("zh")
	rapid.Check(t, func(t *rapid.T) {
		v := all[rapid.IntRange(0, len(all)-1).Draw(t, "base")].View
		v.Page = rapid.SampledFrom(allPages).Draw(t, "page")
		o := all[rapid.IntRange(0, len(all)-1).Draw(t, "other")].View
		mix := rapid.SliceOfN(rapid.Bool(), 14, 14).Draw(t, "mix")
		for i, take := range []func(){
			func() { v.Services = o.Services }, func() { v.Ways = o.Ways }, func() { v.Guide = o.Guide }, func() { v.Rows = o.Rows },
			func() { v.Fields = o.Fields }, func() { v.Choices = o.Choices }, func() { v.Pager = o.Pager }, func() { v.Keys = o.Keys },
			func() { v.Money = o.Money }, func() { v.Code = o.Code }, func() { v.Cases = o.Cases }, func() { v.Progress = o.Progress },
			func() { v.Topics = o.Topics }, func() { v.Message = o.Message },
		} {
			if mix[i] {
				take()
			}
		}
		v.Acts = slices.Compact(slices.Sorted(slices.Values(slices.Concat(v.Acts, o.Acts))))
		if v.Keys == "pinyin" {
			v.Acts = slices.DeleteFunc(v.Acts, func(id string) bool { return strings.HasPrefix(id, "key.") })
		}
		if b := rules(&v, Of(&v, sample.Now, Typing{})); len(b) > 0 {
			t.Fatalf("page %s: %s\n%s", v.Page, strings.Join(b, "; "), outline(Of(&v, sample.Now, Typing{})))
		}
	})
}

func TestTimeLeftIsRoundedUpAndNeverBelowZero(t *testing.T) {
	v := front.View{Page: "bill", Language: "zh"}
	for _, c := range []struct {
		left time.Duration
		want string
	}{{161 * time.Second, "02:41"}, {60*time.Second + 1, "01:01"}, {time.Second, "00:01"}, {1, "00:01"}, {0, "00:00"}, {-time.Hour, "00:00"}} {
		v.Left = &front.Left{Ends: sample.Now.Add(c.left)}
		if p := Of(&v, sample.Now, Typing{}); !strings.Contains(outline(p), `"`+c.want+`" ."time"`) {
			t.Errorf("%v left: want %s in\n%s", c.left, c.want, outline(p))
		}
	}
}

func TestClockIsThatOfChina(t *testing.T) {
	v := front.View{Page: "home", Language: "zh"}
	night := time.Date(2026, 11, 20, 16, 5, 0, 0, time.UTC)
	if got := outline(Of(&v, night, Typing{})); !strings.Contains(got, `"00:05"`) || !strings.Contains(got, "11月21日 星期六") {
		t.Errorf("16:05 UTC is 00:05 of the next day in China, got\n%s", got)
	}
}

func TestFieldHoldsItsValueAfterTheColon(t *testing.T) {
	for _, c := range []struct {
		field  front.Field
		typing Typing
		keys   string
		want   string
	}{
		{front.Field{Name: "account", Value: "310200455518", Group: 4}, Typing{}, "digits", "户号: 310200455518"},
		{front.Field{Name: "account"}, Typing{}, "digits", "户号: "},
		{front.Field{Name: "account", Value: "青", Preedit: "sh"}, Typing{}, "pinyin", "户号: 青sh"},
		{front.Field{Name: "account", Value: "青", Preedit: "sh"}, Typing{Field: "account", Text: "青山", Preedit: "l"}, "pinyin", "户号: 青山l"},
		{front.Field{Name: "account", Value: "青"}, Typing{Field: "other", Text: "x"}, "pinyin", "户号: 青"},
		{front.Field{Name: "account", Value: "青"}, Typing{Field: "account", Text: "x"}, "latin", "户号: 青"},
	} {
		c.field.Label = front.Say{Phrase: front.LabelAccount}
		v := front.View{Page: "form", Language: "zh", Keys: c.keys, Fields: []front.Field{c.field}}
		got := ""
		p := Of(&v, sample.Now, c.typing)
		p.Walk(func(e *Element) {
			if e.ID == "field.account" {
				got = e.Name
			}
		})
		if got != c.want {
			t.Errorf("%+v, typing %+v: got %q, want %q", c.field, c.typing, got, c.want)
		}
	}
}

func TestFitting(t *testing.T) {
	one := func(n int) []string { return slices.Repeat([]string{"张"}, n) }
	for _, c := range []struct {
		words []string
		want  int
	}{
		{nil, 0}, {one(3), 3}, {one(12), 8}, {[]string{strings.Repeat("张", 60)}, 1}, {[]string{strings.Repeat("张", 60), "张"}, 1},
		{[]string{"身份证", "身份", "申", "深", "神", "沈", "身", "什"}, 7},
	} {
		if got := Fitting(c.words); got != c.want {
			t.Errorf("Fitting(%q) = %d, want %d", c.words, got, c.want)
		}
	}
}

func TestGroupedAndWrapped(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{{"31020045", 4, "3102 0045"}, {"310200455", 4, "3102 0045 5"}, {"", 4, ""}, {"12345", 0, "12345"}} {
		if got := grouped(c.in, c.n); got != c.want {
			t.Errorf("grouped(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
	chips := slices.Repeat([]Element{text("chip good", "收现金")}, 7) // 152 wide each, with gaps
	if rows := wrapped(chips, 900); len(rows) != 2 || len(rows[0].Inside) != 5 {
		t.Errorf("seven chips in %d rows, %d in the first; want 2 and 5", len(rows), len(rows[0].Inside))
	}
	if got := units("张a"); got != 1.56 {
		t.Errorf("units = %v", got)
	}
}

func TestMomentIsCalmAndKnowsThePhone(t *testing.T) {
	last := sample.Views("en")[0].View
	p := Moment(&last, sample.Now)
	got := outline(p)
	if p.ID != "page.wait" || !strings.Contains(got, "12345") || !strings.Contains(got, "#text.message") {
		t.Errorf("got\n%s", got)
	}
	p.Walk(func(e *Element) {
		if e.Enabled {
			t.Errorf("%s can be touched without a line", e.ID)
		}
	})
}
