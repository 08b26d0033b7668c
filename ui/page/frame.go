package page

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"yichuang/kiosk/front"
	"yichuang/kiosk/money"
	"yichuang/ui/phrase"
)

// top is the bar that says where one is, the time, and the time left when it counts.
func (b *builder) top() Element {
	place := b.v.Place
	where := column("", 4, text("hall", place.Hall), text("area", joined(place.Area, b.terminal())))
	where.Grow = true
	return row("top", 24, where, b.clock())
}

func (b *builder) terminal() string {
	if b.v.Place.Terminal == "" {
		return ""
	}
	return b.word(phrase.Terminal, "number", b.v.Place.Terminal)
}

func (b *builder) clock() Element {
	now := b.now.Format("15:04")
	if b.v.Left == nil {
		return column("clock", 0, text("time", now), text("date", phrase.Today(b.v.Language, b.now)))
	}
	left := b.left()
	running := fmt.Sprintf("%02d:%02d", left/60, left%60)
	return column("clock", 0, text("time", running), text("date", b.word(phrase.TimeLeft, "clock", now)))
}

// left is the whole seconds that are left, rounded up so that the last one is a one.
func (b *builder) left() int {
	return max(0, int((b.v.Left.Ends.Sub(b.now)+time.Second-1)/time.Second))
}

// warning stands before the page when the time is nearly over.
func (b *builder) warning() Element {
	seconds := strconv.Itoa(b.left())
	words := text("over-words", b.word(phrase.StillThere, "seconds", seconds))
	if m := b.v.Message; m != nil && m.Phrase == front.SayIdleWarn {
		words.ID = "text.message"
		b.message = true
	}
	more := b.button("timeout.more", b.word(phrase.MoreTime), "act primary", text("", b.word(phrase.MoreTime)))
	more.H = 140
	over := column("over", 40, words)
	if m := b.v.Money; m != nil && m.Inserted > 0 {
		k := phrase.LeftInBox
		if b.tells(front.HintCancelPart) || b.tells(front.HintCancelChange) {
			k = phrase.LeftPaysPart
		}
		over.Inside = append(over.Inside, text("over-note", b.word(k, "amount", money.Fen(m.Inserted).String())))
	}
	over.Inside = append(over.Inside, more)
	return over
}

// bottom is the bar that is the same on every page.
func (b *builder) bottom() Element {
	large := phrase.Large
	if b.v.Elder {
		large = phrase.LargeOff
	}
	bar := row("", 20,
		b.nav("nav.back", phrase.Back, "nav"),
		b.nav("nav.home", phrase.Home, "nav"),
		b.nav("home.language", phrase.Language, "nav"),
		b.nav("home.elder", large, "nav"),
		b.nav("nav.help", phrase.Help, "nav primary"))
	bar.Same = true
	foot := b.word(phrase.Hotline, "phone", b.v.Place.Phone)
	if b.v.Page == "home" {
		foot = joined(foot, b.word(phrase.CashRule))
	}
	if b.v.Place.Phone == "" {
		foot = ""
	}
	return column("bottom", 16, bar, text("foot", foot))
}

func (b *builder) nav(id string, k phrase.Key, class string) Element {
	e := b.button(id, b.word(k), class, text("", b.word(k)))
	e.H = 96
	return e
}

// joined puts a middle dot between two texts that are both there.
func joined(a, c string) string {
	if a == "" || c == "" {
		return a + c
	}
	return a + " · " + c
}

// steps is the row of bars that says how far one is.
func (b *builder) steps() []Element {
	if b.v.Steps <= 0 {
		return nil
	}
	r := row("", 14)
	r.Same = true
	r.About = b.word(phrase.StepOf, "at", strconv.Itoa(b.v.Step), "of", strconv.Itoa(b.v.Steps))
	for i := 1; i <= b.v.Steps; i++ {
		class := "step"
		if i <= b.v.Step {
			class = "step on"
		}
		r.Inside = append(r.Inside, Element{Kind: Column, Class: class, H: 12})
	}
	return []Element{r}
}

// heading is what this page is for, and for whom.
func (b *builder) heading(class string) []Element {
	title, sub := b.title()
	if title == "" {
		return nil
	}
	e := column("", 10, text(class, title))
	if sub != "" {
		e.Inside = append(e.Inside, text("sub", sub))
	}
	return []Element{e}
}

// title is what the page asks, large, and for which service it asks it. kioskd says the service first and the
// question after it; who stands before the screen needs the question first.
func (b *builder) title() (title, sub string) {
	title, sub = b.say(b.v.Title), b.say(b.v.Sub)
	if b.v.Title.Phrase == "" && title != "" {
		ask := ""
		switch {
		case b.v.Page == "pay":
		case sub != "":
			ask = sub
		case b.v.Page == "account":
			ask = b.say(front.Say{Phrase: front.TitleAccount})
		case b.v.Page == "guide":
			ask = b.say(front.Say{Phrase: front.TitleGuide})
		case b.v.Page == "wait":
			ask = b.say(front.Say{Phrase: front.TitleWait})
		}
		if ask != "" {
			title, sub = ask, title
		}
	}
	switch {
	case b.v.Page == "wait" && b.v.Title.Phrase == front.TitleTake:
		title = b.say(front.Say{Phrase: front.TitleWait}) // there is nothing to take yet
	case b.slipless() && b.v.Code != "":
		title = b.word(phrase.KeepCode)
	case b.slipless(), b.nothingOut():
		title = b.word(phrase.KeepNumber)
	}
	if sub == title {
		sub = ""
	}
	return title, sub
}

// slipless is a page about a slip of which no paper came out, or was to come out.
func (b *builder) slipless() bool {
	if b.v.Page != "slip" {
		return false
	}
	if b.v.Code != "" || b.tells(front.SayReceiptOut) {
		return true
	}
	m := b.v.Message
	return m != nil && m.Phrase == front.SayOrderUnknown
}

// nothingOut is the page on which papers are taken, when there are none.
func (b *builder) nothingOut() bool {
	return b.v.Page == "take" && b.tells(front.SayReceiptOut) && !b.tells(front.HintTakeLicense)
}

// tells is whether the page says this, as its message or as a note.
func (b *builder) tells(p front.Phrase) bool {
	if m := b.v.Message; m != nil && m.Phrase == p {
		return true
	}
	for _, n := range b.v.Notes {
		if n.Phrase == p {
			return true
		}
	}
	return false
}

// says is the message: what went wrong, or what is waited for.
func (b *builder) says() []Element {
	if b.message || b.v.Message == nil || b.v.Message.Empty() {
		return nil
	}
	b.message = true
	words := text("message-words", b.say(*b.v.Message))
	words.ID, words.Grow = "text.message", true
	class, mark := "message", "icon.say"
	if calm(*b.v.Message) {
		class, mark = "message calm", "icon.note"
		if waiting(*b.v.Message) {
			mark = "icon.wait"
		}
	}
	return []Element{row(class, 24, picture(mark, 56, 56), words)}
}

// calm says whether a message is only about what is going on, or good to know.
func calm(s front.Say) bool {
	switch s.Phrase {
	case front.SayHelpComing, front.SayPowerBack, front.SayAlreadyPrinting, front.SayOrderReversed, front.SayWaitingPerson, front.SayDeciding,
		front.SayStopAsk, front.SayNoCases, front.SayBillNothing, front.SayTimeUp, front.SayPermitFirst, front.SayLicenseNone, front.SayLicensePrinted, front.SaySlipAtTray:
		return true
	}
	return strings.HasPrefix(string(s.Phrase), "wait.") || strings.HasPrefix(string(s.Phrase), "hint.")
}

// waiting says whether a message is about something that is not over yet.
func waiting(s front.Say) bool {
	switch s.Phrase {
	case front.SayHelpComing, front.SayAlreadyPrinting, front.SayDeciding, front.SayWaitingPerson:
		return true
	}
	return strings.HasPrefix(string(s.Phrase), "wait.")
}

// notes say what happens next, in order.
func (b *builder) notes() []Element {
	if len(b.v.Notes) == 0 || b.drawn["notes"] {
		return nil
	}
	b.drawn["notes"] = true
	e := column("notes", 10)
	for _, n := range b.v.Notes {
		if n.Phrase == front.HintTyping && b.v.Keys == "pinyin" {
			continue // it stands above the keys
		}
		if n.Phrase == front.HintOneByOne && b.v.Page == "pay" {
			continue // it stands beside the mouth
		}
		if n.Phrase == front.HintCoins && (b.v.Page == "pay" || b.v.Page == "method") {
			continue // it stands where the notes do
		}
		if n.Phrase == front.AskPersonAnswer && b.v.Page == "help" {
			continue // the page says all of it
		}
		if n.Phrase == front.HintTakeReceipt && b.v.Page == "take" && b.tells(front.SayReceiptOut) {
			continue // none came out
		}
		if words := b.say(n); words != "" {
			e.Inside = append(e.Inside, text("note", words))
		}
	}
	if len(e.Inside) == 0 {
		return nil
	}
	return []Element{e}
}

// drawnAsWay is whether a way to pay has its card on the page.
func (b *builder) drawnAsWay(id string) bool {
	return slices.ContainsFunc(b.v.Ways, func(w front.Way) bool { return w.ID == id })
}

// acts are the buttons that end a page: ways out at the left, the one main act at the right.
func (b *builder) acts(main phrase.Key, ids ...string) []Element {
	var out []Element
	for _, id := range ids {
		if b.v.Can(id) && !b.drawnAsWay(id) {
			words := b.word(phrase.Key(id))
			if other := b.word(phrase.Key(id + ".instead")); other != "" {
				words = other
			}
			class := "act"
			if id == "case.print" {
				class = "act primary"
			}
			out = append(out, b.button(id, words, class, text("", words)))
		}
	}
	if b.v.Can("form.next") {
		out = append(out, b.button("form.next", b.word(main), "act primary", text("", b.word(main))))
	}
	if len(out) == 0 {
		return nil
	}
	for i := range out {
		out[i].H = 124
	}
	r := row("", 24, out...)
	r.Same = true
	return []Element{r}
}

// pager turns the pages of a long list.
func (b *builder) pager() []Element {
	if b.drawn["pager"] || b.v.Pager == nil && !b.v.Can("list.next") && !b.v.Can("list.prev") {
		return nil
	}
	b.drawn["pager"] = true
	at := text("page-of", "")
	if p := b.v.Pager; p != nil {
		at.Text = b.word(phrase.PageOf, "at", strconv.Itoa(p.At), "of", strconv.Itoa(p.Of))
	}
	at.Grow = true
	prev := b.button("list.prev", b.word(phrase.ListPrev), "act small", text("", b.word(phrase.ListPrev)))
	next := b.button("list.next", b.word(phrase.ListNext), "act small", text("", b.word(phrase.ListNext)))
	prev.H, next.H, prev.W, next.W = 96, 96, 280, 280
	return []Element{row("", 24, prev, at, next)}
}
