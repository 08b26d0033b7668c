package shell

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"yichuang/kiosk/front"
)

// What was typed replaces an earlier state of the same field; touches are never joined or reordered.
func TestActsWaitInOrder(t *testing.T) {
	l := newLink(nil, nil)
	text := func(field, s string) front.Act { return front.Act{ID: front.TextAct, Field: field, Text: s} }
	for _, a := range []front.Act{{ID: "key.1"}, {ID: "key.1"}, text("a", "1"), text("a", "2"), text("b", "3"), {ID: "form.next"}, text("b", "4"),
		{ID: front.StrokesAct, Strokes: make([]front.Stroke, 1)}, {ID: front.StrokesAct, Strokes: make([]front.Stroke, 2)}} {
		l.send(a)
	}
	var got []string
	for {
		a, ok := l.next()
		if !ok {
			break
		}
		got = append(got, a.ID+a.Field+a.Text+strings.Repeat("/", len(a.Strokes)))
	}
	if want := "key.1 key.1 texta2 textb3 form.next textb4 strokes//"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", strings.Join(got, " "), want)
	}
	for range actsMax + 10 {
		l.send(front.Act{ID: "key.1"})
	}
	n := 0
	for _, ok := l.next(); ok; _, ok = l.next() {
		n++
	}
	if n != actsMax {
		t.Errorf("%d acts waited, want %d", n, actsMax)
	}
	l.send(front.Act{ID: "key.1"})
	l.forget()
	if _, ok := l.next(); ok {
		t.Error("an act outlived its line")
	}
}

var font = regexp.MustCompile(`greeting \{[^}]*font-size: ([0-9.]+)px`)

func TestStyleIsScaled(t *testing.T) {
	size := func(scale, fit float64, elder bool) float64 {
		m := font.FindStringSubmatch(css(scale, fit, elder))
		if m == nil {
			t.Fatal("no size of the greeting")
		}
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, c := range []struct {
		scale, fit float64
		elder      bool
		want       float64
	}{{1, 1, false, 64}, {0.5, 1, false, 32}, {1, 0.5, false, 32}, {0.5, 0.5, false, 16}, {1, 1, true, 64 * largeType}} {
		if got := size(c.scale, c.fit, c.elder); math.Abs(got-c.want) > 0.1 {
			t.Errorf("scale %v fit %v large %v: got %v, want %v", c.scale, c.fit, c.elder, got, c.want)
		}
	}
	small := css(0.1, 1, false)
	if !strings.Contains(small, "border: 1.00px solid @line") {
		t.Error("a hairline of a small screen is gone")
	}
	if bar := css(1, 0.5, false); !strings.Contains(bar, "padding: 26.00px 48.00px") {
		t.Error("the bars shrank with the page")
	}
	for _, p := range []palette{calm, strong} {
		for name := range calm {
			p.rgb(name) // panics for a colour that is missing
		}
		if len(p) != len(calm) {
			t.Error("the palettes do not have the same colours")
		}
	}
	for _, name := range regexp.MustCompile(`@([a-z0-9]+)`).FindAllStringSubmatch(sheet, -1) {
		calm.rgb(name[1])
	}
	if r, g, b := (palette{"x": "#FF8000"}).rgb("x"); r != 1 || math.Abs(g-0.502) > 0.001 || b != 0 {
		t.Errorf("#FF8000 is %v %v %v", r, g, b)
	}
}

// Black on white and white on ink are readable in both palettes (WCAG 2.2: 4.5 to 1, large type 7 to 1).
func TestContrast(t *testing.T) {
	light := func(p palette, name string) float64 {
		r, g, b := p.rgb(name)
		lin := func(v float64) float64 {
			if v <= 0.04045 {
				return v / 12.92
			}
			return math.Pow((v+0.055)/1.055, 2.4)
		}
		return 0.2126*lin(r) + 0.7152*lin(g) + 0.0722*lin(b)
	}
	for _, c := range []struct {
		p    palette
		want float64
	}{{calm, 4.5}, {strong, 7}} {
		for _, pair := range [][2]string{{"text", "paper"}, {"text2", "paper"}, {"text2", "sheet"}, {"text", "cream"}, {"text", "calmbg"}, {"text", "badbg"},
			{"onink", "ink"}, {"onink2", "ink"}, {"loud", "ink"}, {"good", "goodbg"}, {"bad", "badbg"}, {"bad", "sheet"}, {"gold2", "sheet"}, {"text2", "sand2"}, {"seal", "paper"}} {
			a, b := light(c.p, pair[0]), light(c.p, pair[1])
			want := c.want
			if pair[0] == "seal" {
				want = 4.5 // only for large sums
			}
			if got := (max(a, b) + 0.05) / (min(a, b) + 0.05); got < want {
				t.Errorf("%s on %s: contrast %.2f, want %.1f", pair[0], pair[1], got, want)
			}
		}
	}
}
