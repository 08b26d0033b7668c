package page

import (
	"slices"

	"yichuang/kiosk/front"
	"yichuang/ui/phrase"
)

// plan is how a page is laid out when it is made of the usual parts.
type plan struct {
	picture string     // a moving picture under the heading
	high    int        // of the picture
	parts   []string   // in this order; parts that are not named follow
	low     string     // the part above which the room that is left stands
	next    phrase.Key // the words of form.next
	acts    []string   // beside form.next, left of it
}

// plans are the pages. One that is not here is drawn from its parts all the same.
var plans = map[string]plan{
	"choose":   {parts: []string{"notes", "services", "choices", "pager"}, low: "services"},
	"guide":    {parts: []string{"guide", "pager", "notes"}, next: phrase.Begin},
	"identify": {picture: "card", high: 620, parts: []string{"notes"}},
	"account":  {picture: "bill", high: 300, parts: []string{"notes", "fields"}},
	"bill":     {parts: []string{"rows", "choices", "pager", "notes"}, next: phrase.GoPay},
	"method":   {parts: []string{"rows", "ways", "notes"}},
	"form":     {parts: []string{"notes", "fields", "path", "choices", "pager"}, low: "choices"},
	"review":   {parts: []string{"photo", "rows", "pager", "notes"}, next: phrase.Submit},
	"print":    {picture: "sheet", high: 380, parts: []string{"progress", "rows", "notes"}},
	"take":     {picture: "paper", high: 420, parts: []string{"rows", "notes"}, next: phrase.Taken},
	"slip":     {picture: "paper", high: 360, parts: []string{"rows", "code", "notes"}, next: phrase.SlipDone},
	"cases":    {parts: []string{"rows", "notes", "cases", "pager"}, low: "cases", acts: []string{"case.print"}},
	"ask":      {parts: []string{"answer", "topics", "pager", "notes"}, low: "topics"},
}

// body is everything between the two bars.
func (b *builder) body() Element {
	var inside []Element
	switch b.v.Page {
	case "home":
		inside = b.home()
	case "pay":
		inside = b.pay()
	case "sign":
		inside = b.sign()
	case "wait", "submit", "closed":
		inside = b.quiet()
	case "rate":
		inside = b.rate()
	case "goodbye":
		inside = b.goodbye()
	case "help":
		inside = b.help()
	default:
		inside = b.planned(plans[b.v.Page])
	}
	e := column("body", 28, inside...)
	e.Grow = true
	return e
}

// planned draws a page from its plan: what is fixed, the parts, room, and the acts at the foot.
func (b *builder) planned(p plan) []Element {
	out := slices.Concat(b.steps(), b.heading("title"), b.says())
	out = append(out, b.codeWritten()...)
	if name := b.pictured(p.picture); name != "" {
		out = append(out, b.moves(name, p.high))
	}
	for _, part := range p.parts {
		drawn := b.part(part)
		if part == p.low && len(drawn) > 0 && b.v.Keys == "" {
			b.low = true
			out = append(out, space())
		}
		out = append(out, drawn...)
	}
	if b.slipless() || b.nothingOut() {
		p.next = phrase.Understood
	}
	return b.finish(out, p.next, p.acts...)
}

// pictured is the picture that belongs on this page now: none of a slot out of which nothing comes, and the
// license printer's when it is there that the hand has to go.
func (b *builder) pictured(usual string) string {
	switch {
	case usual == "" || b.crowded() || b.slipless():
		return ""
	case b.tells(front.SaySlipAtTray) || b.tells(front.HintTakeLicense):
		return "sheet"
	case b.nothingOut():
		return ""
	case b.tells(front.HintTakeChange):
		return "both" // coins are left behind more often than papers
	}
	return usual
}

// crowded says whether a picture would be in the way: of a keyboard, or of a code that stands on the
// screen because no paper comes out of any slot.
func (b *builder) crowded() bool {
	return b.v.Keys == "pinyin" || b.v.Keys == "latin" || b.v.Code != ""
}

// codeWritten is a code to be copied by hand, as large as an amount.
func (b *builder) codeWritten() []Element {
	m := b.v.Message
	if m == nil || m.Phrase != front.SayCodeAtScreen || m.Args["code"] == "" {
		return nil
	}
	return []Element{column("sheet", 0, text("code-words", m.Args["code"]))}
}

// moves is a picture that shows the hand what to do.
func (b *builder) moves(name string, high int) Element {
	b.moving = true
	frame := column("stage", 0, Element{Kind: Picture, Picture: "move." + name, W: min(860, high*17/10), H: high, Middle: true})
	return frame
}

// finish adds whatever of the view has no place yet, then keys and acts at the foot.
func (b *builder) finish(out []Element, next phrase.Key, acts ...string) []Element {
	for _, part := range []string{"services", "ways", "guide", "photo", "rows", "fields", "choices", "code", "cases", "progress", "topics", "notes"} {
		out = append(out, b.part(part)...)
	}
	out = append(out, b.pager()...)
	if !b.low {
		out = append(out, space())
	}
	if next == "" {
		next = phrase.Next
	}
	foot := b.acts(next, acts...)
	if b.low && len(foot) == 0 && b.v.Page != "pay" {
		// Nothing stands under it that it belongs to, so it does not sink to the very end.
		at := slices.IndexFunc(out, func(e Element) bool { return e.Kind == Space })
		out = append(slices.Insert(out, at, space()), space())
	}
	out = append(out, b.keys()...)
	return append(out, foot...)
}

// part draws one part of the view, once.
func (b *builder) part(name string) []Element {
	switch name {
	case "pager":
		return b.pager()
	case "notes":
		return b.notes()
	}
	if b.drawn[name] {
		return nil
	}
	b.drawn[name] = true
	switch name {
	case "services":
		return b.services()
	case "ways":
		return b.ways()
	case "guide":
		return b.sheet(b.v.Guide, true)
	case "rows":
		return b.sheet(b.v.Rows, false)
	case "photo":
		return b.photo()
	case "fields":
		return b.fields()
	case "choices":
		return b.choices()
	case "code":
		return b.code("slip.code", 440)
	case "cases":
		return b.cases()
	case "progress":
		return b.progress()
	case "path":
		return b.path()
	case "answer":
		return b.answer()
	case "topics":
		return b.topics()
	}
	panic("page: no part is called " + name)
}

// photo is the face on the card, twice as large as it is stored.
func (b *builder) photo() []Element {
	if len(b.v.Photo) == 0 {
		return nil
	}
	return []Element{{Kind: Photo, Name: b.say(front.Say{Phrase: front.LabelPhoto}), PNG: b.v.Photo, W: 204, H: 252, Middle: true}}
}

// quiet is a page on which there is nothing to do but wait, with what is waited for in the middle.
func (b *builder) quiet() []Element {
	out := b.steps()
	out = append(out, space())
	name := "move.wait"
	if b.v.Page == "closed" {
		name = "rest"
	} else {
		b.moving = true
		if b.tells(front.WaitChange) {
			name = "move.change"
		}
	}
	title, sub := b.title()
	middle := column("quiet", 36, Element{Kind: Picture, Picture: name, W: 320, H: 320, Middle: true},
		text("quiet-title", title))
	if sub != "" {
		middle.Inside = append(middle.Inside, text("quiet-sub", sub))
	}
	if m := b.v.Message; m != nil && !m.Empty() && !b.message {
		b.message = true
		words := text("quiet-words", b.say(*m))
		words.ID = "text.message"
		middle.Inside = append(middle.Inside, words)
	}
	out = append(out, middle, space())
	if b.v.Page == "closed" {
		out = append(out, b.phone()...)
	}
	return b.finish(out, "")
}

// rate is five faces, the happiest first.
func (b *builder) rate() []Element {
	out := slices.Concat(b.steps(), b.heading("title"), b.says(), b.notes())
	keys := []phrase.Key{phrase.RateFive, phrase.RateFour, phrase.RateThree, phrase.RateTwo, phrase.RateOne}
	list := column("", 22)
	for _, k := range keys {
		words := text("card-word", b.word(k))
		words.Grow = true
		e := b.button(string(k), b.word(k), "choice", row("", 40, picture("face."+string(k[len(k)-1:]), 104, 104), words))
		e.H = 148
		list.Inside = append(list.Inside, e)
	}
	b.low = true
	return b.finish(append(out, space(), list), "", "rate.skip")
}

// goodbye thanks and reminds of what could be left behind.
func (b *builder) goodbye() []Element {
	middle := column("quiet", 36)
	if b.v.Title.Phrase == front.TitleBye { // a green sign is for what is done
		b.moving = true
		middle.Inside = append(middle.Inside, Element{Kind: Picture, Picture: "move.done", W: 300, H: 300, Middle: true})
	}
	middle.Inside = append(middle.Inside, text("quiet-title", b.say(b.v.Title)))
	if sub := b.say(b.v.Sub); sub != "" {
		middle.Inside = append(middle.Inside, text("quiet-sub", sub))
	}
	for _, n := range b.v.Notes {
		middle.Inside = append(middle.Inside, text("quiet-words", b.say(n)))
	}
	b.drawn["notes"] = true
	return b.finish(append(b.says(), space(), middle, space()), "")
}

// help gives the phone number large, and the words to say where one is.
func (b *builder) help() []Element {
	out := slices.Concat(b.heading("title"), b.says(), b.notes(), b.phone())
	return b.finish(out, phrase.Understood)
}

func (b *builder) phone() []Element {
	place := b.v.Place
	if place.Phone == "" {
		return nil
	}
	where := b.word(phrase.YouAreAt, "hall", place.Hall, "area", place.Area, "number", place.Terminal)
	return []Element{column("sheet phone", 16, text("label", b.word(phrase.CallUs)), text("phone-number", place.Phone), text("label", where))}
}

// code is a symbol to be scanned; its description is what it says.
func (b *builder) code(id string, side int) []Element {
	if b.v.Code == "" {
		return nil
	}
	name := b.word(phrase.Symbol)
	if id == "pay.code" {
		name = b.word(phrase.PayCode)
	}
	s := Element{Kind: Symbol, ID: id, Name: name, About: b.v.Code, Text: b.v.Code, W: side, H: side, Middle: true}
	return []Element{column("sheet symbol", 0, s)}
}

// sign is the page with the field for a signature.
func (b *builder) sign() []Element {
	out := slices.Concat(b.steps(), b.heading("title"), b.says())
	for _, f := range b.v.Fields {
		if f.Name == "signature" && !f.Problem.Empty() {
			out = append(out, text("problem", b.say(f.Problem)))
		}
	}
	out = append(out, b.notes()...)
	b.low = true
	out = append(out, space())
	can := b.v.Can(front.StrokesAct)
	out = append(out, Element{Kind: Pad, ID: "field.signature", Name: b.say(front.Say{Phrase: front.LabelSignature}),
		Class: "pad", Text: b.word(phrase.SignHere), Enabled: can, Strokes: b.v.Strokes, H: 640})
	again := Element{Kind: Button, ID: "sign.clear", Name: b.word(phrase.SignClear), Class: "act small", Local: true,
		Enabled: can && len(b.v.Strokes) > 0, Inside: []Element{text("", b.word(phrase.SignClear))}, H: 96, W: 280}
	out = append(out, row("", 24, Element{Kind: Space, Grow: true}, again))
	return b.finish(out, phrase.Signed)
}
