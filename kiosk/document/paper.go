package document

import (
	"fmt"
	"strings"
)

// Lang is the language of a paper.
type Lang string

// The languages papers come in.
const (
	Chinese Lang = "zh"
	English Lang = "en"
)

// Kind is what a block is.
type Kind string

// The kinds of blocks.
const (
	Text Kind = "text" // a paragraph
	Row  Kind = "row"  // a label at the left, its value at the right
	Rule Kind = "rule" // a line across
	QR   Kind = "qr"   // a symbol that holds Text
	Gap  Kind = "gap"  // some white
	Fine Kind = "fine" // small matter at the foot
)

// Align is where a paragraph stands.
type Align string

// The places; "" is Left.
const (
	Left   Align = "left"
	Centre Align = "centre"
	Right  Align = "right"
)

// Block is one element of a paper.
type Block struct {
	Kind  Kind
	Text  string // of Text, Fine and QR
	Label string // of Row
	Value string // of Row
	Align Align  // of Text
	Large bool   // twice the size
	Bold  bool
}

// Paper is what comes out of the receipt printer before one cut, from the top down.
type Paper struct {
	Blocks []Block

	err error
}

// Err says why this paper must not be printed: its sums disagree, or something that it has to carry
// is missing. Setting it in type refuses with the same error.
func (p Paper) Err() error { return p.err }

// String is the paper as plain lines, for golden files and for a technician's eyes.
func (p Paper) String() string {
	var b strings.Builder
	for _, k := range p.Blocks {
		marks := ""
		if k.Large {
			marks += " large"
		}
		if k.Bold {
			marks += " bold"
		}
		if k.Align != "" && k.Align != Left {
			marks += " " + string(k.Align)
		}
		switch k.Kind {
		case Row:
			fmt.Fprintf(&b, "row%s: %s | %s\n", marks, k.Label, k.Value)
		case Rule, Gap:
			fmt.Fprintf(&b, "%s\n", k.Kind)
		default:
			fmt.Fprintf(&b, "%s%s: %s\n", k.Kind, marks, k.Text)
		}
	}
	return b.String()
}

// writer puts a paper together in one language.
type writer struct {
	Paper
	lang Lang
}

// say picks the words of the paper's language.
func (w *writer) say(zh, en string) string {
	if w.lang == English {
		return en
	}
	return zh
}

func (w *writer) title(zh, en string) {
	w.add(Block{Kind: Text, Text: w.say(zh, en), Align: Centre, Large: true, Bold: true})
}

func (w *writer) text(s string) { w.add(Block{Kind: Text, Text: s}) }
func (w *writer) fine(s string) { w.add(Block{Kind: Fine, Text: s}) }
func (w *writer) rule()         { w.add(Block{Kind: Rule}) }
func (w *writer) gap()          { w.add(Block{Kind: Gap}) }

// row adds a label and its value; without a value there is no row.
func (w *writer) row(zh, en, value string) {
	if value != "" {
		w.add(Block{Kind: Row, Label: w.say(zh, en), Value: value})
	}
}

// strong adds the row that a paper is about.
func (w *writer) strong(zh, en, value string) {
	w.add(Block{Kind: Row, Label: w.say(zh, en), Value: value, Large: true, Bold: true})
}

func (w *writer) add(b Block) { w.Blocks = append(w.Blocks, b) }

// need notes the first thing that the paper has to carry and does not.
func (w *writer) need(holds bool, what string) {
	if !holds && w.err == nil {
		w.err = fmt.Errorf("paper: %s", what)
	}
}
