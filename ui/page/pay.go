package page

import (
	"slices"

	"yichuang/kiosk/front"
	"yichuang/kiosk/money"
	"yichuang/ui/phrase"
)

// pay is the page on which money moves: banknotes, a symbol for a phone, or a phone's code to be read.
func (b *builder) pay() []Element {
	out := slices.Concat(b.steps(), b.heading("title"))
	m := b.v.Money
	cash := m != nil && len(m.Faces) > 0
	if len(b.v.Choices) > 0 && cash {
		out = append(out, b.sums(m)) // the question stands under the sums, beside its answers
	}
	if !cash || len(b.v.Choices) > 0 {
		out = append(out, b.says()...)
	}
	if m != nil && !cash {
		out = append(out, b.dueOnly(m))
	}
	switch {
	case len(b.v.Choices) > 0:
		b.drawn["notes"] = true // they are about the notes that are no longer taken
		out = append(out, space())
		b.low = true
		out = append(out, b.part("choices")...)
	case cash:
		out = append(out, b.sums(m), b.mouth(m))
		out = append(out, b.faces(m)...)
	case b.v.Code != "":
		out = append(out, b.part("rows")...)
		b.drawn["code"] = true
		out = append(out, b.code("pay.code", 560)...)
	case b.askedOnPhone():
		b.drawn["notes"], b.moving = true, true // the code has been read; the phone has to say yes
		out = append(out, space(), Element{Kind: Picture, Picture: "move.wait", W: 320, H: 320, Middle: true}, space())
	default:
		out = append(out, b.part("rows")...)
		out = append(out, b.moves("phone", 460))
	}
	if b.v.Money == nil || b.v.Code == "" {
		b.drawn["code"] = b.drawn["code"] || b.v.Code == ""
	}
	out = append(out, b.notes()...)
	return b.finishPay(out)
}

// finishPay ends the page: giving up at the left, other ways in the middle, paying with what is in at the right.
func (b *builder) finishPay(out []Element) []Element {
	if b.v.Code != "" && !b.drawn["code"] {
		b.drawn["code"] = true
		out = append(out, b.code("pay.code", 420)...)
	}
	out = b.finish(out, phrase.Next, "pay.cancel", "pay.cash", "pay.show", "pay.scan")
	if !b.v.Can("pay.finish") {
		return out
	}
	e := b.button("pay.finish", b.word(phrase.PayFinish), "act primary", text("", b.word(phrase.PayFinish)))
	e.H = 124
	if last := &out[len(out)-1]; last.Kind == Row && last.Same {
		last.Inside = append(last.Inside, e)
		return out
	}
	r := row("", 24, e)
	r.Same = true
	return append(out, r)
}

// askedOnPhone is whether the payer's phone has been read and asks its owner now.
func (b *builder) askedOnPhone() bool {
	m := b.v.Message
	return m != nil && (m.Phrase == front.WaitPaying || m.Phrase == front.WaitQuery || m.Phrase == front.WaitLine)
}

// dueOnly is what a phone has to pay: nothing is put in, so there is nothing else to count.
func (b *builder) dueOnly(m *front.Money) Element {
	due := row("", 10, text("yuan-due", "¥"), b.amount("pay.due", front.LabelDue, "amount-due", m.Due))
	return column("sheet", 22, text("label", b.say(front.Say{Phrase: front.LabelDue})), due)
}

// amount is a sum with its id. Its name holds the amount as 123.45.
func (b *builder) amount(id string, label front.Phrase, class string, fen int64) Element {
	words := b.say(front.Say{Phrase: label})
	sum := money.Fen(fen).String()
	e := text(class, sum)
	e.ID, e.Name = id, b.word(phrase.Amount, "label", words, "amount", sum)
	return e
}

func (b *builder) sums(m *front.Money) Element {
	label := func(p front.Phrase) Element { return text("label", b.say(front.Say{Phrase: p})) }
	due := row("", 10, text("yuan-due", "¥"), b.amount("pay.due", front.LabelDue, "amount-due", m.Due))
	left := column("tile", 4, label(front.LabelInserted), row("", 2, text("yuan", "¥"), b.amount("pay.inserted", front.LabelInserted, "amount", m.Inserted)))
	right := column("tile", 4, label(front.LabelRemaining), row("", 2, text("yuan owed", "¥"), b.amount("pay.remaining", front.LabelRemaining, "amount owed", m.Remaining)))
	if m.Remaining <= 0 {
		right.Inside[1].Inside[0].Class, right.Inside[1].Inside[1].Class = "yuan", "amount"
	}
	tiles := row("", 24, left, right)
	tiles.Same = true
	bar := Element{Kind: Bar, Class: "bar", Done: min(m.Inserted, m.Due), Of: m.Due, H: 24}
	return column("sheet", 22, label(front.LabelDue), due, bar, tiles)
}

// mouth says whether a note may be put in. It is green only while the acceptor takes one.
func (b *builder) mouth(m *front.Money) Element {
	name, title := "note.closed", b.word(phrase.NotesWait)
	coins := b.tells(front.HintCoins)
	switch {
	case m.Escrow > 0:
		name, title = "note.inside", b.word(phrase.NoteInside, "amount", phrase.Yuan(m.Escrow))
	case m.Taking && coins:
		name, title = "move.money", b.word(phrase.PutMoney)
		b.moving = true
	case m.Taking:
		name, title = "move.note", b.word(phrase.PutNotes)
		b.moving = true
	case b.mouthShut():
		title = b.word(phrase.NotesClosed)
	}
	line := text("mouth-line", b.say(front.Say{Phrase: front.HintOneByOne}))
	if said := b.v.Message; said != nil && !said.Empty() && !b.message {
		// The message stands here, so that no amount moves when one comes or goes.
		b.message = true
		line = text("mouth-line loud", b.say(*said))
		line.ID = "text.message"
	}
	words := column("", 12, text("mouth-title", title), line)
	if coins && m.Taking && line.ID == "" {
		words.Inside = append(words.Inside, text("mouth-line", b.say(front.Say{Phrase: front.HintCoins})))
	}
	words.Grow, words.Middle = true, true
	return row("mouth", 40, picture(name, 330, 230), words)
}

// mouthShut is whether waiting does not help: no note is taken until somebody has come.
func (b *builder) mouthShut() bool {
	if b.v.Message == nil {
		return false
	}
	switch b.v.Message.Phrase {
	case front.SayBoxFull, front.SayCashClosed, front.SayNoteJam, front.SayNoPaper:
		return true
	}
	return false
}

func (b *builder) faces(m *front.Money) []Element {
	if len(m.Faces) == 0 {
		return nil
	}
	r := row("", 16)
	r.Same = true
	for _, f := range m.Faces {
		r.Inside = append(r.Inside, text("face", "¥"+phrase.Yuan(f)))
	}
	return []Element{r}
}
