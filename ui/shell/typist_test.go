package shell

import (
	"strings"
	"testing"

	"yichuang/kiosk/front"
	"yichuang/ui/pinyin"
)

// book is an engine with a few words; each takes all its letters, or leaves some.
type book map[string][]string

func (b book) Candidates(letters string, from, count int) []string {
	words := b[letters]
	if from >= len(words) {
		return nil
	}
	return words[from:min(len(words), from+count)]
}

func (b book) Choose(letters string, n int) (text, rest string, ok bool) {
	if n >= len(b[letters]) {
		return "", letters, false
	}
	text = b[letters][n]
	if letters == "zhangsan" && len([]rune(text)) == 1 {
		return text, "san", true
	}
	return text, "", true
}

var words = book{
	"zhangsan": {"张三", "章"}, "san": {"三", "散"}, "ma": {"马", "吗"},
	"yi": strings.Split("一以已意亦易移依伊医宜义益忆谊疑亿", ""),
}

func view(visit, field, value, preedit string) *front.View {
	return &front.View{Page: "form", Visit: visit, Keys: "pinyin", Acts: []string{front.TextAct},
		Fields: []front.Field{{Name: "street"}, {Name: field, Value: value, Preedit: preedit, Focus: true}}}
}

func TestTyping(t *testing.T) {
	for _, c := range []struct{ keys, text, letters string }{
		{"m a candidate.1", "马", ""},
		{"m a candidate.2", "吗", ""},
		{"m a candidate.3", "", "ma"},
		{"m a ok", "马", ""},
		{"ok", "", ""},
		{"m a delete", "", "m"},
		{"m a candidate.1 delete", "", ""},
		{"delete", "", ""},
		{"1 2", "12", ""},
		{"m a 7", "马7", ""},
		{"q q 7", "", "qq"}, // no such word: a digit must not jump before the letters
		{"z h a n g s a n candidate.2", "章", "san"},
		{"z h a n g s a n candidate.2 5", "章三5", ""},
		{"latin a b 3", "AB3", ""},
		{"m a latin b", "马B", ""},
		{"latin b latin m a ok", "B马", ""},
		{"y i candidate.next candidate.1", "伊", ""},
		{"y i candidate.next candidate.next candidate.next candidate.1", "一", ""},
		{"candidate.next", "", ""},
		{"other candidate.x candidate.", "", ""},
	} {
		ty := typist{engine: words}
		ty.look(view("v", "name", "", ""))
		for _, k := range strings.Fields(c.keys) {
			if !strings.HasPrefix(k, "candidate") {
				k = "key." + k
			}
			before := ty.text + "|" + ty.letters
			if changed := ty.key(k); changed != (before != ty.text+"|"+ty.letters) {
				t.Errorf("%s: after %s changed = %v", c.keys, k, changed)
			}
		}
		if ty.text != c.text || ty.letters != c.letters {
			t.Errorf("%s: got %q and letters %q, want %q and %q", c.keys, ty.text, ty.letters, c.text, c.letters)
		}
	}
}

func TestLettersWaitForTheEngine(t *testing.T) {
	ty := typist{}
	ty.look(view("v", "name", "", ""))
	for _, k := range []string{"key.m", "key.a", "key.ok", "candidate.1"} {
		ty.key(k)
	}
	if ty.text != "" || ty.letters != "ma" || len(ty.typing().Words) != 0 {
		t.Errorf("without an engine: %q, %q", ty.text, ty.letters)
	}
	ty.engine = words
	if got := ty.typing(); len(got.Words) != 2 || got.Words[0] != "马" || got.More || got.Field != "name" || got.Preedit != "ma" {
		t.Errorf("with it: %+v", got)
	}
}

// An echo of what was typed is no news; what kioskd says of its own accord is.
func TestEchoesDoNotTakeBackKeys(t *testing.T) {
	ty := typist{engine: words}
	ty.look(view("v", "name", "", ""))
	ty.key("key.m")
	ty.key("key.a")
	ty.look(view("v", "name", "", "m")) // kioskd has come as far as the first key
	if ty.letters != "ma" {
		t.Errorf("an echo left %q, want ma", ty.letters)
	}
	ty.look(view("v", "name", "李", ""))
	if ty.text != "李" || ty.letters != "" {
		t.Errorf("kioskd's own value: got %q %q, want 李", ty.text, ty.letters)
	}
	ty.key("key.latin")
	ty.look(view("v", "street", "路", "hao"))
	if ty.field != "street" || ty.text != "路" || ty.letters != "hao" || ty.latin {
		t.Errorf("another field: %+v", ty)
	}
	ty.look(view("w", "street", "", ""))
	if ty.text != "" || ty.letters != "" {
		t.Errorf("another visit still holds %q %q", ty.text, ty.letters)
	}
	ty.look(&front.View{Page: "home", Visit: "w"})
	if ty.field != "" || ty.key("key.a") {
		t.Errorf("a page without a field takes keys: %+v", ty)
	}
}

func TestNobodyTypesWithoutLeave(t *testing.T) {
	for _, change := range []func(v *front.View){
		func(v *front.View) { v.Acts = nil },
		func(v *front.View) { v.Keys = "digits" },
		func(v *front.View) { v.Fields[1].Focus = false },
	} {
		v := view("v", "name", "x", "")
		change(v)
		var ty typist
		if ty.look(v); ty.field != "" {
			t.Errorf("typed into %q on %+v", ty.field, v)
		}
	}
}

func TestTypingHasBounds(t *testing.T) {
	ty := typist{engine: words}
	ty.look(view("v", "name", "", ""))
	for range typedMax + 5 {
		ty.key("key.7")
	}
	if len(ty.text) != typedMax {
		t.Errorf("the field holds %d digits, want %d", len(ty.text), typedMax)
	}
	for range pinyin.LettersMax + 5 {
		ty.key("key.q")
	}
	if len(ty.letters) != pinyin.LettersMax {
		t.Errorf("%d letters wait, want %d", len(ty.letters), pinyin.LettersMax)
	}
	if a := ty.act(9); a.ID != front.TextAct || a.Revision != 9 || a.Field != "name" || a.Text != ty.text || a.Preedit != ty.letters {
		t.Errorf("act: %+v", a)
	}
}
