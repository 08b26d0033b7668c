package page

import (
	"slices"
	"strconv"
	"strings"

	"yichuang/kiosk/front"
	"yichuang/ui/phrase"
)

// services are what can be done, one card each; a closed one says why.
func (b *builder) services() []Element {
	if len(b.v.Services) == 0 {
		return nil
	}
	list := column("", 24)
	for _, s := range b.v.Services {
		words := column("", 8, text("card-word", s.Name), text("card-line", s.Line))
		words.Grow = true
		if s.Line == "" {
			words.Inside = words.Inside[:1]
		}
		if why := b.say(s.Why); !s.Open && why != "" {
			words.Inside = append(words.Inside, text("why", why))
		}
		class := "card light"
		if !s.Open {
			class = "card closed"
		}
		e := b.button("service."+s.Code, s.Name, class, b.card(serviceIcon(s.Code), words, s.Open))
		e.About, e.H = s.Line, 188
		list.Inside = append(list.Inside, e)
	}
	return []Element{list}
}

// card is what stands in a wide card: its sign, its words, and an arrow when it leads on.
func (b *builder) card(icon string, words Element, open bool) Element {
	r := row("", 32, picture(icon, 92, 92), words)
	if open {
		r.Inside = append(r.Inside, picture("icon.next", 40, 40))
	}
	return r
}

// serviceIcon is the drawing for a service, by what its code begins with.
func serviceIcon(code string) string {
	switch {
	case strings.HasPrefix(code, "pay.water"):
		return "icon.water"
	case strings.HasPrefix(code, "pay."):
		return "icon.pay"
	case strings.HasPrefix(code, "license."):
		return "icon.apply"
	}
	return "icon.guide"
}

// ways are the ways to pay.
func (b *builder) ways() []Element {
	if len(b.v.Ways) == 0 {
		return nil
	}
	list := column("", 24)
	for _, w := range b.v.Ways {
		key := phrase.Key(w.ID)
		line := b.word(key + ".line")
		if key == phrase.PayCash && b.tells(front.HintCoins) {
			line = b.word(phrase.PayCashCoins)
		}
		words := column("", 8, text("card-word", b.word(key)), text("card-line", line))
		words.Grow = true
		class := "card light"
		if !w.Open {
			class = "card closed"
			if why := b.say(w.Why); why != "" {
				words.Inside[1] = text("why", why)
			}
		}
		e := b.button(w.ID, b.word(key), class, b.card("icon."+w.ID, words, w.Open))
		e.About, e.H = line, 188
		list.Inside = append(list.Inside, e)
	}
	return []Element{list}
}

// sheet is a white sheet of labels and values. Long ones, as in a guide, stand under their label.
func (b *builder) sheet(rows []front.Row, long bool) []Element {
	if len(rows) == 0 {
		return nil
	}
	list := column("sheet", 0)
	if len(b.codeWritten()) > 0 { // it stands on the page already, as large as an amount
		rows = slices.DeleteFunc(slices.Clone(rows), func(r front.Row) bool { return r.Label.Phrase == front.LabelCode })
	}
	for i, r := range rows {
		label, value := text("label", b.say(r.Label)), text("value", yuan(b.say(r.Value)))
		switch {
		case r.Strong && r.Label.Phrase == front.LabelOwed:
			value.Class = "value strong owed"
		case r.Strong && strings.Contains(value.Text, "¥"):
			value.Class = "value strong money"
		case r.Strong:
			value.Class = "value strong"
		}
		class := "line"
		if i == 0 {
			class += " first"
		}
		if i == len(rows)-1 {
			class += " last"
		}
		if long {
			list.Inside = append(list.Inside, column(class, 6, label, value))
			continue
		}
		label.W, value.Grow = b.labelWide(), true
		list.Inside = append(list.Inside, row(class, 24, label, value))
	}
	return []Element{list}
}

// yuan puts the sign before what is an amount and nothing else, 123.45; any other text stays as it is.
func yuan(s string) string {
	whole, cents, ok := strings.Cut(s, ".")
	if !ok || whole == "" || len(cents) != 2 || strings.Trim(whole+cents, "0123456789") != "" {
		return s
	}
	return "¥" + s
}

// path is how far down a tree one has come: the names passed so far, in a line above what is chosen next.
func (b *builder) path() []Element {
	var names []string
	for _, r := range b.v.Rows {
		if !r.Value.Empty() {
			return nil
		}
		names = append(names, b.say(r.Label))
	}
	if len(names) == 0 {
		return nil
	}
	b.drawn["rows"] = true
	return []Element{text("path", strings.Join(names, " › "))}
}

// labelWide is how wide the labels of a sheet are, so that the values begin at one line.
func (b *builder) labelWide() int {
	if b.v.Elder {
		return 340
	}
	return 280
}

// choices are what can be picked: two beside each other when they are many and short.
func (b *builder) choices() []Element {
	if len(b.v.Choices) == 0 {
		return nil
	}
	short := len(b.v.Choices) >= 5
	for _, c := range b.v.Choices {
		if !c.Sub.Empty() || units(b.say(c.Text)) > 11 {
			short = false
		}
	}
	list := column("", 16)
	var pair *Element
	for i, c := range b.v.Choices {
		e := b.choice(c)
		switch {
		case !short:
			list.Inside = append(list.Inside, e)
		case i%2 == 0:
			r := row("", 16, e)
			r.Same = true
			list.Inside = append(list.Inside, r)
			pair = &list.Inside[len(list.Inside)-1]
		default:
			pair.Inside = append(pair.Inside, e)
		}
	}
	if short && len(b.v.Choices)%2 == 1 {
		pair.Inside = append(pair.Inside, column("", 0))
	}
	return []Element{list}
}

// choiceWords are what a choice is called: a period written out, and a verb where kioskd has only a noun.
func (b *builder) choiceWords(c front.Choice) string {
	if c.ID == string(phrase.ByCase) {
		return b.word(phrase.ByCase)
	}
	return phrase.Date(b.v.Language, b.say(c.Text))
}

func (b *builder) choice(c front.Choice) Element {
	words := column("", 4, text("choice-word", b.choiceWords(c)))
	words.Grow = true
	if sub := yuan(b.say(c.Sub)); sub != "" {
		words.Inside = append(words.Inside, text("card-line", sub))
	}
	class, mark := "choice", "mark.one"
	if c.Many {
		mark = "mark.many"
	}
	about := ""
	if c.Chosen {
		class, mark, about = "choice chosen", mark+".on", b.word(phrase.Chosen)
	}
	line := row("", 24, picture(mark, 48, 48), words)
	if c.More || !c.Many && !b.v.Can("form.next") { // it leads on by itself
		line = row("", 24, words, picture("icon.next", 36, 36))
	}
	if c.More {
		about = b.word(phrase.NextLevel)
	}
	e := b.button(c.ID, b.choiceWords(c), class, line)
	e.About, e.H = about, 108
	if b.v.Page == "pay" { // what becomes of money that is in the box
		e.H = 140
	}
	return e
}

// cases are what this person has done before.
func (b *builder) cases() []Element {
	if len(b.v.Cases) == 0 {
		return nil
	}
	list := column("", 20)
	for i, c := range b.v.Cases {
		name := text("choice-word", c.Service)
		name.Grow = true
		words := column("", 8, row("", 20, name, text("chip "+stateClass(c.State.Phrase), b.say(c.State))),
			text("card-line", joined(phrase.Date(b.v.Language, c.When), c.Case)))
		class, about := "choice", b.say(c.State)
		if line := b.say(c.Line); line != "" {
			words.Inside = append(words.Inside, text("note", line))
			about = joined(about, line) // what is drawn in a button is told to nobody who cannot see it
		}
		words.Grow = true
		if c.Chosen {
			class, about = "choice chosen", joined(about, b.word(phrase.Chosen))
		}
		e := b.button("case."+strconv.Itoa(i+1), joined(c.Service, c.Case), class, words)
		e.About, e.H = about, 150
		list.Inside = append(list.Inside, e)
	}
	return []Element{list}
}

func stateClass(p front.Phrase) string {
	switch p {
	case front.StateApproved, front.StatePrinted, front.StatePaid:
		return "good"
	case front.StateRefused, front.StateOwed:
		return "bad"
	}
	return "plain"
}

// progress counts sheets: green are only those that the printer has counted.
func (b *builder) progress() []Element {
	p := b.v.Progress
	if p == nil {
		return nil
	}
	sheets := row("", 28)
	sheets.Middle = true
	for i := range min(p.Of, 6) {
		name := "sheet.wait"
		if i < p.Done {
			name = "sheet.done"
		}
		sheets.Inside = append(sheets.Inside, picture(name, 130, 170))
	}
	e := column("sheet", 20, sheets)
	if what := b.say(p.What); what != "" {
		e.Inside = append(e.Inside, text("progress-words", what))
	}
	count := b.word(phrase.Sheets, "done", strconv.Itoa(p.Done), "of", strconv.Itoa(p.Of))
	e.Inside = append(e.Inside, text("progress-count", count))
	return []Element{e}
}

// answer is the answer to the question that is open. It has its place above the questions from the start, so
// that none of them moves when another one is touched.
func (b *builder) answer() []Element {
	if len(b.v.Topics) == 0 {
		return nil
	}
	e := column("sheet", 16, text("answer", b.word(phrase.TouchQuestion)))
	for _, t := range b.v.Topics {
		if t.Open {
			e = column("sheet", 16, text("sheet-title", b.say(t.Question)), text("answer", b.say(t.Answer)))
		}
	}
	e.H = 300
	return []Element{e}
}

// topics are questions; the answer to the open one stands above them.
func (b *builder) topics() []Element {
	if len(b.v.Topics) == 0 {
		return nil
	}
	list := column("", 20)
	for i, t := range b.v.Topics {
		question := text("choice-word", b.say(t.Question))
		question.Grow = true
		words := column("", 12, row("", 24, question, picture("icon.next", 36, 36)))
		class, about := "choice", ""
		if t.Open {
			about = b.say(t.Answer)
			class = "choice chosen"
		}
		e := b.button("choice.topic."+strconv.Itoa(i+1), b.say(t.Question), class, words)
		e.About, e.H = about, 112
		list.Inside = append(list.Inside, e)
	}
	return []Element{list}
}
