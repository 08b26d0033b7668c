package phrase

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"yichuang/kiosk/front"
)

var brace = regexp.MustCompile(`\{([a-z_]*)\}`)

func arguments(text string) []string {
	var out []string
	for _, m := range brace.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(out, m[1]) {
			out = append(out, m[1])
		}
	}
	slices.Sort(out)
	return out
}

// declared reads the constants of one type from a file: value and the comment behind it.
func declared(t *testing.T, file, typeName string) map[string]string {
	t.Helper()
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	ast.Inspect(tree, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); !ok || id.Name != typeName {
			return true
		}
		for _, v := range spec.Values {
			text, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			if _, twice := out[text]; twice {
				t.Errorf("%s: %q is declared twice", file, text)
			}
			out[text] = spec.Comment.Text()
		}
		return true
	})
	if len(out) < 60 {
		t.Fatalf("%s: only %d constants found", file, len(out))
	}
	return out
}

func TestEverySentenceOfKioskdIsWritten(t *testing.T) {
	list := declared(t, "../../kiosk/front/phrase.go", "Phrase")
	for p, comment := range list {
		if !Has(front.Phrase(p)) {
			t.Errorf("%s has no words", p)
			continue
		}
		for _, lang := range []string{Chinese, English} {
			text := sentences[front.Phrase(p)].in(lang)
			check(t, p, lang, text)
			if got, want := arguments(text), arguments(comment); !slices.Equal(got, want) {
				t.Errorf("%s %s: arguments %v, the comment says %v", p, lang, got, want)
			}
		}
	}
	for p := range sentences {
		if _, ok := list[string(p)]; !ok {
			t.Errorf("%s is written and kioskd never says it", p)
		}
	}
}

func TestEveryKeyIsWritten(t *testing.T) {
	list := declared(t, "chrome.go", "Key")
	for k := range list {
		for _, lang := range []string{Chinese, English} {
			check(t, k, lang, chrome[Key(k)].in(lang))
		}
		if zh, en := arguments(chrome[Key(k)].zh), arguments(chrome[Key(k)].en); !slices.Equal(zh, en) {
			t.Errorf("%s: arguments %v in Chinese, %v in English", k, zh, en)
		}
	}
	if len(chrome) != len(list) {
		t.Errorf("%d keys are written, %d declared", len(chrome), len(list))
	}
}

// check sees that a sentence is one of its language and of our tone.
func check(t *testing.T, name, lang, text string) {
	t.Helper()
	if strings.TrimSpace(text) == "" || text != strings.TrimSpace(text) {
		t.Errorf("%s %s: %q is empty or has blanks at its ends", name, lang, text)
	}
	han := strings.IndexFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) >= 0
	bare := brace.ReplaceAllString(text, "")
	if lang == Chinese && strings.ContainsAny(bare, ",;:?!()\"'") {
		t.Errorf("%s: %q: Chinese punctuation is full width", name, text)
	}
	if lang == English && han && name != string(Language) && name != string(KeyPinyin) {
		t.Errorf("%s: %q: Chinese in the English sentence", name, text)
	}
	for _, word := range []string{"error", "Error", "operation", "Operation", "failed", "错误", "失败", "操作", "异常", "系统"} {
		if strings.Contains(text, word) {
			t.Errorf("%s: %q says %q", name, text, word)
		}
	}
}

func TestWords(t *testing.T) {
	say := func(p front.Phrase, pairs ...string) front.Say {
		s := front.Say{Phrase: p, Args: map[string]string{}}
		for i := 0; i < len(pairs); i += 2 {
			s.Args[pairs[i]] = pairs[i+1]
		}
		return s
	}
	for _, c := range []struct {
		lang string
		say  front.Say
		want string
	}{
		{"zh", front.Say{Text: "缴水费 {x}"}, "缴水费 {x}"},
		{"en", front.Say{}, ""},
		{"en", front.Say{Phrase: "no.such"}, ""},
		{"zh", say(front.SayCardExpired, "date", "2026-11-02"), "这张身份证 2026年11月2日 已经过期，请带新的来。"},
		{"en", say(front.SayCardExpired, "date", "2026-11-02"), "This card expired on 2 November 2026. Please come with your new one."},
		{"zh", say(front.SayNoDevice, "device", string(front.DeviceIDCard)), "读身份证现在用不了"},
		{"en", say(front.SayNoDevice, "device", string(front.DeviceIDCard)), "The card reader: not working just now"},
		{"en", say(front.WaitLicense, "done", "1", "of", "2"), "Printing sheet 1 of 2"},
		{"en", say(front.SayBillNothing), "Nothing is due on this account. Its balance is — yuan."},
		{"en", say(front.SayRefusedBecause, "reason", "{reason}"), "It was not approved: {reason}"},
		{"fr", say(front.TitleWait), "请稍等"},
	} {
		if got := Words(c.lang, c.say); got != c.want {
			t.Errorf("Words(%s, %v) = %q, want %q", c.lang, c.say, got, c.want)
		}
	}
}

func TestChromeAndNumbers(t *testing.T) {
	if got := Chrome("en", StepOf, "at", "2", "of", "4"); got != "Step 2 of 4" {
		t.Errorf("got %q", got)
	}
	if got := fill("en", "a {b", nil); got != "a {b" {
		t.Errorf("an open brace: got %q", got)
	}
	for in, want := range map[string]string{"2026-10": "October 2026", "2026-10-03": "3 October 2026", "2026-13": "2026-13", "3102": "3102"} {
		if got := Date("en", in); got != want {
			t.Errorf("Date(en, %q) = %q, want %q", in, got, want)
		}
	}
	if got := Date("zh", "2026-10"); got != "2026年10月" {
		t.Errorf("got %q", got)
	}
	day := time.Date(2026, 11, 20, 21, 46, 0, 0, time.UTC)
	if got := Today("zh", day); got != "11月20日 星期五" {
		t.Errorf("got %q", got)
	}
	if got := Today("en", day); got != "Fri 20 November" {
		t.Errorf("got %q", got)
	}
	for fen, want := range map[int64]string{10000: "100", 50: "0.5", 5: "0.05", 150: "1.5"} {
		if got := Yuan(fen); got != want {
			t.Errorf("Yuan(%d) = %q, want %q", fen, got, want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a phrase written twice was taken")
		}
	}()
	union(titles, titles)
}
