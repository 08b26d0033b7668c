package page

import (
	"strings"

	"yichuang/kiosk/front"
	"yichuang/ui/phrase"
)

// fields are what is typed. Each is a button with its label and, after ": ", what is in it as its name.
func (b *builder) fields() []Element {
	var out []Element
	for _, f := range b.v.Fields {
		if f.Name == "signature" {
			continue
		}
		out = append(out, b.field(f))
		if problem := b.say(f.Problem); problem != "" {
			out = append(out, text("problem", problem))
		}
	}
	if len(out) == 0 {
		return nil
	}
	return []Element{column("", 14, out...)}
}

func (b *builder) field(f front.Field) Element {
	if b.typing.Field == f.Name && b.v.Keys == "pinyin" {
		f.Value, f.Preedit = b.typing.Text, b.typing.Preedit
	}
	label := b.say(f.Label)
	value := "value-in"
	if b.v.Keys == "digits" {
		value = "value-in digits"
	}
	line := text(value, grouped(f.Value, f.Group))
	line.Tail, line.Caret = f.Preedit, f.Focus
	if f.Value == "" && f.Preedit == "" && !f.Focus {
		line = text(value+" placeholder", b.word(phrase.TypeHere))
	}
	if hint := b.say(f.Hint); hint != "" {
		label = label + colon(b.v.Language) + hint
	}
	class := "field"
	if f.Focus {
		class += " focus"
	}
	if !f.Problem.Empty() {
		class += " wrong"
	}
	e := b.button("field."+f.Name, b.say(f.Label)+": "+f.Value+f.Preedit, class, column("", 6, text("label", label), line))
	e.H = 148
	return e
}

// keys is the keyboard this page asks for.
func (b *builder) keys() []Element {
	switch b.v.Keys {
	case "digits":
		return []Element{b.digits()}
	case "pinyin", "latin":
		return []Element{b.letters()}
	}
	return nil
}

func (b *builder) digits() Element {
	pad := column("keys", 16)
	for _, line := range []string{"123", "456", "789"} {
		r := row("", 16)
		for _, d := range line {
			r.Inside = append(r.Inside, b.key(string(d)))
		}
		pad.Inside = append(pad.Inside, r)
	}
	erase := b.button("key.delete", b.word(phrase.KeyDelete), "key word", text("", b.word(phrase.KeyDelete)))
	ok := b.button("key.ok", b.word(phrase.KeyOK), "key word primary", text("", b.word(phrase.KeyOK)))
	pad.Inside = append(pad.Inside, row("", 16, erase, b.key("0"), ok))
	for i := range pad.Inside {
		pad.Inside[i].Same = true
		for j := range pad.Inside[i].Inside {
			pad.Inside[i].Inside[j].H = 124
		}
	}
	return pad
}

// Measures of the keyboard of letters: ten keys and their gaps fill the width.
const (
	keyWide, keyHigh, keyGap = 96, 104, 9
	keyEnd                   = 148 // the keys at both ends of the last row
)

// letters is the keyboard with letters and digits, above it the words that the letters may mean.
func (b *builder) letters() Element {
	board := column("board", 12)
	if b.v.Keys == "pinyin" && !b.typing.Latin {
		board.Inside = append(board.Inside, b.candidates())
	}
	for _, line := range []string{"1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"} {
		r := row("", keyGap)
		for _, c := range line {
			e := b.key(string(c))
			e.W, e.H = keyWide, keyHigh
			r.Inside = append(r.Inside, e)
		}
		r.Middle = true
		board.Inside = append(board.Inside, r)
	}
	last := len(board.Inside) - 1
	ok := b.okKey()
	ok.W, ok.H = keyWide, keyHigh
	board.Inside[last-1].Inside = append(board.Inside[last-1].Inside, ok)
	erase := b.local("key.delete", phrase.KeyDelete, "key word", b.typing.Text != "" || b.typing.Preedit != "")
	mode := phrase.KeyLatin
	if b.typing.Latin {
		mode = phrase.KeyPinyin
	}
	left := b.local("key.latin", mode, "key word", true)
	if b.v.Keys == "latin" {
		left = column("", 0)
	}
	left.W, left.H, erase.W, erase.H = keyEnd, keyHigh, keyEnd, keyHigh
	keys := board.Inside[last].Inside
	board.Inside[last].Inside = append(append([]Element{left}, keys...), erase)
	return board
}

// key is one letter or digit. Where letters become characters the screen itself takes them.
func (b *builder) key(c string) Element {
	shown := c
	if b.typing.Latin || b.v.Keys == "latin" {
		shown = strings.ToUpper(c)
	}
	e := b.button("key."+c, shown, "key", text("", shown))
	if b.v.Keys == "pinyin" {
		e.Local, e.Enabled = true, b.typing.Field != ""
	}
	return e
}

// local is a key of the screen's own on a page of pinyin, and kioskd's elsewhere.
func (b *builder) local(id string, k phrase.Key, class string, can bool) Element {
	e := b.button(id, b.word(k), class, text("", b.word(k)))
	if b.v.Keys == "pinyin" {
		e.Local, e.Enabled = true, can && b.typing.Field != ""
	}
	return e
}

// okKey takes the first word while letters wait; otherwise it is kioskd's.
func (b *builder) okKey() Element {
	if b.typing.Preedit == "" {
		return b.button("key.ok", b.word(phrase.KeyOK), "key word", text("", b.word(phrase.KeyOK)))
	}
	e := b.local("key.ok", phrase.KeyOK, "key word", len(b.typing.Words) > 0)
	e.About = b.word(phrase.KeyPick)
	return e
}

// candidates are the words that the letters may mean. The row is there from the start, so that the keys
// under it never move.
func (b *builder) candidates() Element {
	r := row("candidates", 10)
	for i, w := range b.typing.Words {
		id := "candidate." + string(rune('1'+i))
		r.Inside = append(r.Inside, Element{Kind: Button, ID: id, Name: w, Class: "candidate", Local: true, Enabled: true,
			Inside: []Element{text("", w)}, W: candidateWide(w), H: keyHigh})
	}
	if b.typing.Preedit == "" {
		hint := text("card-line", b.say(front.Say{Phrase: front.HintTyping}))
		r.Inside = append(r.Inside, hint)
	}
	more := Element{Kind: Button, ID: "candidate.next", Name: b.word(phrase.CandidateNext), Class: "key word", Local: true,
		Enabled: b.typing.More, Inside: []Element{text("", b.word(phrase.CandidateNext))}, W: 140, H: keyHigh}
	r.Inside = append(r.Inside, space(), more)
	return r
}

// Candidates that fit: nine at most, because candidate.9 is the last with one digit.
const (
	candidatesMax  = 9
	candidatesRoom = 880
)

func candidateWide(w string) int { return max(96, int(units(w)*46)+44) }

// Fitting is how many of these words fit in the row of candidates; at least one when there is one.
func Fitting(words []string) int {
	used, n := 0, 0
	for _, w := range words {
		used += candidateWide(w) + 10
		if n == candidatesMax || n > 0 && used > candidatesRoom {
			break
		}
		n++
	}
	return n
}
