package typeset

import "testing"

func TestMissing(t *testing.T) {
	s := open(t)
	for _, text := range append(names, "", "A 中　·—…“”（）《》￥×№é", "㐀䶵一鿿", "𠀀𪛖𪜀𫝀𫠠") {
		if got := s.Missing(text); got != nil {
			t.Errorf("%q: got %q missing, want none", text, string(got))
		}
	}
	for _, c := range []struct{ text, want, why string }{
		{"王\uE123\uE123", "\uE123", "private, once"},
		{"\uF8FF\U000F0000\U0010FFFD", "\uF8FF\U000F0000\U0010FFFD", "private planes"},
		{"一\u0378\U0003FFFF", "\u0378\U0003FFFF", "not assigned"},
		{"\U0002EBF0", "\U0002EBF0", "extension I, which none of the fonts has"},
		{"a\x1bb", "\x1b", "control: a printer would obey it"},
		{"a\tb\nc\rd\x7f\u0085", "\t\n\r\x7f\u0085", "controls"},
		{"\u200b\u200e\u200f\u202a\u202e\u2066\u2069\ufeff\u00ad\u061c", "\u200b\u200e\u200f\u202a\u202e\u2066\u2069\ufeff\u00ad\u061c", "invisible and bidi"},
		{"\u2028\u2029", "\u2028\u2029", "line and paragraph separators"},
		{"葛\U000E0100\ufe00\u034f", "\U000E0100\ufe00\u034f", "variation selectors: another picture, silently the same text"},
		{"\u3164\u115f\uffa0", "\u3164\u115f\uffa0", "letters without a picture"},
		{"e\u0301\u0336\u20dd", "\u0301\u0336\u20dd", "marks over other letters"},
		{"\u05d0\u0627\ufb1d\ufe8d\U00010900\U0001E900\u0590", "\u05d0\u0627\ufb1d\ufe8d\U00010900\U0001E900\u0590", "right to left"},
		{"\u08a0\ufdf2\ufefc\U00010fe0", "\u08a0\ufdf2\ufefc\U00010fe0", "right to left, the ends of the blocks"},
		{"\ufffd\ufffc", "\ufffd\ufffc", "something was lost before"},
		{"a\xffb", "\ufffd", "not UTF-8"},
		{"ሀ", "ሀ", "a letter that none of our fonts has"},
	} {
		if got := s.Missing(c.text); string(got) != c.want {
			t.Errorf("%s: %q: got %q, want %q", c.why, c.text, got, []rune(c.want))
		}
	}
}

func TestFontIsTheOneAskedFor(t *testing.T) {
	if f, ok := openFont("No Such Family 7"); ok {
		f.close()
		t.Error("got a font of another family, want none")
	}
	f, ok := openFont("Noto Serif CJK SC")
	if !ok {
		t.Fatal("Noto Serif CJK SC is not installed")
	}
	defer f.close()
	if !f.has('王') || f.has('ሀ') {
		t.Errorf("got 王 %v, ሀ %v, want true, false", f.has('王'), f.has('ሀ'))
	}
}
