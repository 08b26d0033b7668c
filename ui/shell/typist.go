package shell

import (
	"strings"
	"unicode/utf8"

	"yichuang/kiosk/front"
	"yichuang/ui/page"
	"yichuang/ui/pinyin"
)

// engine is what the typist asks: package pinyin's Engine.
type engine interface {
	Candidates(letters string, from, count int) []string
	Choose(letters string, n int) (text, rest string, ok bool)
}

// typist holds what is being typed in a field whose letters become characters on this side. kioskd gets
// all of it with each key and gives it back when a new screen starts.
type typist struct {
	engine  engine // nil while it is not up; letters are kept until it is
	visit   string
	field   string // "" when nobody types
	text    string
	letters string
	latin   bool
	from    int             // the first candidate that is shown
	sent    map[string]bool // states that we told kioskd: seeing one again is no news
}

// look takes over from a view: another field begins with what kioskd holds of it; in the same field
// only a value that did not come from here counts.
func (t *typist) look(v *front.View) {
	field := typedField(v)
	if field == nil {
		t.field, t.text, t.letters, t.from, t.sent = "", "", "", 0, nil
		return
	}
	state := field.Value + "\n" + field.Preedit
	if v.Visit == t.visit && field.Name == t.field && t.sent[state] {
		return
	}
	if v.Visit != t.visit || field.Name != t.field {
		t.latin = false
	}
	t.visit, t.field = v.Visit, field.Name
	t.text, t.letters, t.from = field.Value, field.Preedit, 0
	t.sent = map[string]bool{state: true}
}

// typedField is the field that has the focus on a page of pinyin.
func typedField(v *front.View) *front.Field {
	if v.Keys != "pinyin" || !v.Can(front.TextAct) {
		return nil
	}
	for i := range v.Fields {
		if v.Fields[i].Focus {
			return &v.Fields[i]
		}
	}
	return nil
}

// key types one key by its control id. It says whether anything changed that kioskd should know.
func (t *typist) key(id string) bool {
	if t.field == "" {
		return false
	}
	before := t.text + "\n" + t.letters
	switch id {
	case "key.delete":
		t.erase()
	case "key.ok":
		t.choose(0)
	case "key.latin":
		t.settle()
		t.latin = !t.latin
	case "candidate.next":
		t.turn()
	default:
		if n, ok := strings.CutPrefix(id, "candidate."); ok && len(n) == 1 {
			t.choose(t.from + int(n[0]-'1'))
		} else if c, ok := strings.CutPrefix(id, "key."); ok && len(c) == 1 {
			t.put(c)
		}
	}
	if before == t.text+"\n"+t.letters {
		return false
	}
	t.sent[t.text+"\n"+t.letters] = true
	return true
}

func (t *typist) put(c string) {
	digit := c >= "0" && c <= "9"
	switch {
	case digit || t.latin:
		if t.settle(); t.letters == "" {
			t.add(strings.ToUpper(c))
		}
	case len(t.letters) < pinyin.LettersMax:
		t.letters += c
		t.from = 0
	}
}

func (t *typist) add(s string) {
	if utf8.RuneCountInString(t.text)+utf8.RuneCountInString(s) <= typedMax {
		t.text += s
	}
}

func (t *typist) erase() {
	t.from = 0
	if t.letters != "" {
		t.letters = t.letters[:len(t.letters)-1]
		return
	}
	_, size := utf8.DecodeLastRuneInString(t.text)
	t.text = t.text[:len(t.text)-size]
}

func (t *typist) choose(n int) {
	if t.engine == nil || t.letters == "" {
		return
	}
	text, rest, ok := t.engine.Choose(t.letters, n)
	if ok {
		t.add(text)
		t.letters, t.from = rest, 0
	}
}

// settle makes characters of all letters that wait, taking the likeliest each time.
func (t *typist) settle() {
	for range pinyin.LettersMax {
		if t.letters == "" {
			return
		}
		before := t.letters
		if t.choose(0); t.letters == before {
			return // no word for these letters: they stay, and can be erased
		}
	}
}

// turn shows the next candidates, after the last ones the first.
func (t *typist) turn() {
	words, more := t.shown()
	if more {
		t.from += len(words)
	} else {
		t.from = 0
	}
}

// shown are the candidates that fit, and whether there are more behind them.
func (t *typist) shown() (words []string, more bool) {
	if t.engine == nil || t.letters == "" {
		return nil, false
	}
	const look = 12 // more than ever fit
	words = t.engine.Candidates(t.letters, t.from, look)
	n := page.Fitting(words)
	return words[:n], n < len(words)
}

// typing is the state for the page.
func (t *typist) typing() page.Typing {
	words, more := t.shown()
	return page.Typing{Field: t.field, Text: t.text, Preedit: t.letters, Words: words, More: more || t.from > 0, Latin: t.latin}
}

// act tells kioskd all that is in the field.
func (t *typist) act(revision int64) front.Act {
	return front.Act{Revision: revision, ID: front.TextAct, Field: t.field, Text: t.text, Preedit: t.letters}
}
