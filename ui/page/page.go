// Package page decides what is on the screen: which words, which buttons, in which order and how loud.
//
// It turns a view of kioskd into a tree of plain values and knows no toolkit, no clock and no device,
// so that every page can be read as text in a test. Package shell draws the tree and nothing else.
// Whatever kioskd offers has a control here: a page that forgets one gets a plain button for it, so
// that no visit ends before a screen with no way on.
//
// Sizes are in pixels of a screen 1080 wide and 1920 high; the shell scales them.
package page

import (
	"fmt"
	"strings"
	"time"

	"yichuang/kiosk/front"
	"yichuang/ui/phrase"
)

// Kind is what an element is.
type Kind string

// The kinds of elements.
const (
	Column  Kind = "column"  // children from top to bottom
	Row     Kind = "row"     // children from left to right
	Text    Kind = "text"    // words
	Button  Kind = "button"  // something to touch; its children are what is drawn in it
	Picture Kind = "picture" // one of the shell's drawings, named by Picture
	Photo   Kind = "photo"   // a picture that came with the view, in PNG
	Symbol  Kind = "symbol"  // a QR symbol that says Text
	Bar     Kind = "bar"     // Done of Of
	Pad     Kind = "pad"     // the field a signature is written in
	Space   Kind = "space"   // takes the room that is left
)

// Element is one thing on the screen.
type Element struct {
	Kind    Kind
	ID      string // accessible id; the same in every language
	Name    string // accessible name; empty: the text
	About   string // accessible description
	Class   string // style classes, separated by blanks
	Text    string
	Tail    string // Text: letters after it that are not yet characters
	Caret   bool   // Text: the next key goes here
	Picture string
	PNG     []byte
	Enabled bool // Button, Pad: may be touched now
	Local   bool // Button: the screen's own, no act of kioskd
	Same    bool // Row: children are equally wide
	Grow    bool // takes spare room along its parent
	Middle  bool // stands in the middle of the room it gets
	Gap     int  // between children
	W, H    int  // at least so large; 0 as large as needed
	Done    int64
	Of      int64
	Strokes []front.Stroke
	Inside  []Element
}

// Page is the whole screen.
type Page struct {
	ID     string // page.NAME
	Name   string // what a screen reader says on coming here
	Part   string // which of the pages with this ID: one step of a form is laid out without regard to the one before
	Visit  string
	Elder  bool
	Top    Element
	Body   Element
	Bottom Element
	Over   *Element // stands before everything else: the warning that time runs out
	Moving bool     // a picture of this page shows a hand what to do
}

// Typing is what the citizen is typing at this instant in a field whose letters become characters here.
type Typing struct {
	Field   string // the field's name; "" when nobody types
	Text    string
	Preedit string   // letters that are not yet characters
	Words   []string // candidates that are shown
	More    bool     // there are other candidates
	Latin   bool     // letters stay letters
}

// The clock of a terminal in China, wherever its system thinks it stands.
var china = time.FixedZone("CST", 8*60*60)

// builder makes the elements of one page.
type builder struct {
	v       *front.View
	now     time.Time
	typing  Typing
	drawn   map[string]bool // parts of the view that have their place already
	message bool            // text.message has its place already
	moving  bool
	low     bool // the room that is left stands above what is touched, so that a seated hand reaches it
}

// Of is the page for a view at this time.
func Of(v *front.View, now time.Time, typing Typing) Page {
	b := &builder{v: v, now: now.In(china), typing: typing, drawn: map[string]bool{}}
	p := Page{ID: "page." + v.Page, Part: b.partOf(), Visit: v.Visit, Elder: v.Elder}
	p.Name, _ = b.title()
	if v.Left != nil && v.Left.Warn {
		over := b.warning()
		p.Over = &over
	}
	p.Body = b.body()
	p.Top = b.top()
	p.Bottom = b.bottom()
	p.Moving = b.moving
	if p.Name == "" {
		p.Name = v.Page
	}
	b.leaveNoneOut(&p)
	return p
}

// partOf tells the steps of a form from each other, and in a tree the levels.
func (b *builder) partOf() string {
	if b.v.Page != "form" {
		return ""
	}
	return fmt.Sprint(b.v.Step, b.say(b.v.Sub), len(b.v.Rows))
}

// Moment is the page while there is no line to kioskd: calm, with the phone number that was known last.
func Moment(last *front.View, now time.Time) Page {
	v := front.View{Page: "wait", Language: last.Language, Elder: last.Elder, Place: last.Place, Visit: last.Visit,
		Title:   front.Say{Phrase: front.TitleWait},
		Message: &front.Say{Text: phrase.Chrome(last.Language, phrase.Reconnect)}}
	return Of(&v, now, Typing{})
}

func (b *builder) say(s front.Say) string { return phrase.Words(b.v.Language, s) }

func (b *builder) word(k phrase.Key, pairs ...string) string {
	return phrase.Chrome(b.v.Language, k, pairs...)
}

// button is a control of kioskd: it can be touched when the view offers it.
func (b *builder) button(id, name, class string, inside ...Element) Element {
	return Element{Kind: Button, ID: id, Name: name, Class: class, Enabled: b.v.Can(id), Inside: inside}
}

func text(class, words string) Element { return Element{Kind: Text, Class: class, Text: words} }

func column(class string, gap int, inside ...Element) Element {
	return Element{Kind: Column, Class: class, Gap: gap, Inside: inside}
}

func row(class string, gap int, inside ...Element) Element {
	return Element{Kind: Row, Class: class, Gap: gap, Inside: inside}
}

func space() Element { return Element{Kind: Space, Grow: true} }

func picture(name string, w, h int) Element {
	return Element{Kind: Picture, Picture: name, W: w, H: h}
}

// Walk visits an element and everything in it, in reading order.
func (e *Element) Walk(visit func(*Element)) {
	visit(e)
	for i := range e.Inside {
		e.Inside[i].Walk(visit)
	}
}

// Walk visits everything on the page.
func (p *Page) Walk(visit func(*Element)) {
	p.Top.Walk(visit)
	p.Body.Walk(visit)
	p.Bottom.Walk(visit)
	if p.Over != nil {
		p.Over.Walk(visit)
	}
}

// silent are acts that no button stands for: typing and drawing, and more time, which any touch gives.
func silent(id string) bool {
	return id == front.TextAct || id == front.StrokesAct || id == "timeout.more" || id == "field.signature"
}

// leaveNoneOut gives each offered act that has no control a plain button above the bottom bar.
func (b *builder) leaveNoneOut(p *Page) {
	has := map[string]bool{}
	p.Walk(func(e *Element) {
		if e.Kind == Button {
			has[e.ID] = true
		}
	})
	var extra []Element
	for _, id := range b.v.Acts {
		if !has[id] && !silent(id) {
			has[id] = true
			extra = append(extra, b.plain(id))
		}
	}
	for i := 0; i < len(extra); i += 3 {
		r := row("", 20, extra[i:min(i+3, len(extra))]...)
		r.Same = true
		p.Body.Inside = append(p.Body.Inside, r)
	}
}

// plain is a button with the best words there are for an id.
func (b *builder) plain(id string) Element {
	name := b.word(phrase.Key(id))
	if name == "" && strings.HasPrefix(id, "key.") {
		name = strings.ToUpper(strings.TrimPrefix(id, "key."))
	}
	if name == "" {
		name = b.word(phrase.SameAsView)
	}
	e := b.button(id, name, "act", text("", name))
	e.H = 112
	return e
}

// units is about how wide a text is, in widths of a Chinese character.
func units(s string) float64 {
	n := 0.0
	for _, r := range s {
		if r < 0x2E80 {
			n += 0.56
		} else {
			n++
		}
	}
	return n
}
