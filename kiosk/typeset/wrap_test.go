package typeset

import (
	"slices"
	"strings"
	"testing"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  []string
	}{
		{"", 8, []string{""}},
		{"一二三四五", 8, []string{"一二三四", "五"}},
		{"一二三四。五", 8, []string{"一二三", "四。五"}},
		{"一二（三四）", 6, []string{"一二", "（三", "四）"}},
		{"一二三（四", 8, []string{"一二三", "（四"}},
		{"keep it like cash", 8, []string{"keep it", "like", "cash"}},
		{"keep it  like", 7, []string{"keep it", "like"}},
		{"abcdefghij", 4, []string{"abcd", "efgh", "ij"}},
		{"一abcdef二", 6, []string{"一", "abcdef", "二"}},
		{"一abc", 5, []string{"一abc"}},
		{"共50.00元整", 8, []string{"共", "50.00元", "整"}},
		{"  两格", 8, []string{"  两格"}},
		{"一二三四五", 9, []string{"一二三四", "五"}},
		{"一二三四五", 10, []string{"一二三四五"}},
		{"𠅤𠅤𠅤", 4, []string{"𠅤𠅤", "𠅤"}},
		{"，，，，，", 4, []string{"，，", "，，", "，"}},
		{"王", 1, []string{"王"}},
	} {
		if got := wrap(c.text, c.width); !slices.Equal(got, c.want) {
			t.Errorf("%q in %d columns: got %q, want %q", c.text, c.width, got, c.want)
		}
	}
}

// FuzzWrap: no line is too long, and nothing but blanks is lost or moved.
func FuzzWrap(f *testing.F) {
	f.Add("一二（三四）abc def。", 8)
	f.Add("  a  b", 3)
	f.Fuzz(func(t *testing.T, text string, width int) {
		if width < 2 || width > 1000 || len(text) > 10000 {
			return
		}
		lines := wrap(text, width)
		for _, line := range lines {
			if columns(line) > width {
				t.Errorf("%q in %d columns: %q is too long", text, width, line)
			}
		}
		without := func(s string) string { return strings.ReplaceAll(string([]rune(s)), " ", "") }
		if got, want := without(strings.Join(lines, "")), without(text); got != want {
			t.Errorf("%q in %d columns: got %q, want %q", text, width, got, want)
		}
	})
}
