package typeset

import (
	"fmt"
	"strings"

	"yichuang/devices/printer"
	"yichuang/kiosk/document"
)

const (
	gapDots     = 24 // white of a Gap: one line
	rulePadDots = 8  // white above and below a rule
	ruleDots    = 2
	tailDots    = 32 // white under the last line, so that the cutter misses it
)

// rollLine is one printed line before it is known whether it goes out as text or as a picture.
type rollLine struct {
	text  string // the left part of a row, or all of the line
	value string // the right part of a row
	align printer.Align
	large bool // twice as broad and as high
	bold  bool
}

// Strip sets a paper for this roll. has says which characters the printer's own font has; lines with
// others become pictures, as all do when has is nil. It answers MissingError when a character can be
// printed neither way.
func (s *Setter) Strip(p document.Paper, roll printer.RollInfo, has func(rune) bool) (printer.Strip, error) {
	if err := p.Err(); err != nil {
		return printer.Strip{}, fmt.Errorf("set paper: %w", err)
	}
	if roll.Columns < 16 || roll.WidthDots < roll.Columns*8 {
		return printer.Strip{}, fmt.Errorf("set paper: a roll of %d columns in %d dots", roll.Columns, roll.WidthDots)
	}
	var out printer.Strip
	err := s.do(func() error {
		var missing []rune
		for _, b := range p.Blocks {
			missing = append(missing, s.missing(words(b), has)...)
		}
		if missing != nil {
			return &MissingError{distinct(missing)}
		}
		for _, b := range p.Blocks {
			lines, err := setBlock(b, roll, has)
			if err != nil {
				return err
			}
			out.Lines = append(out.Lines, lines...)
		}
		out.Lines = append(out.Lines, printer.Line{Feed: tailDots})
		return nil
	})
	if err != nil {
		return printer.Strip{}, err
	}
	return out, nil
}

// words is the text of a block that is printed as letters. A line break is ours to make, not a character.
func words(b document.Block) string {
	switch b.Kind {
	case document.Text, document.Fine:
		return strings.ReplaceAll(b.Text, "\n", "")
	case document.Row:
		return b.Label + b.Value
	}
	return ""
}

func distinct(in []rune) []rune {
	var out []rune
	seen := map[rune]bool{}
	for _, r := range in {
		if !seen[r] {
			seen[r] = true
			out = append(out, r)
		}
	}
	return out
}

// setBlock is one block as lines for the printer.
func setBlock(b document.Block, roll printer.RollInfo, has func(rune) bool) ([]printer.Line, error) {
	switch b.Kind {
	case document.Rule:
		return []printer.Line{{Feed: rulePadDots}, {Dots: bar(roll.WidthDots)}, {Feed: rulePadDots}}, nil
	case document.Gap:
		return []printer.Line{{Feed: gapDots}}, nil
	case document.QR:
		return []printer.Line{{QR: b.Text, Align: place3(b.Align)}}, nil
	}
	var out []printer.Line
	for _, l := range breakBlock(b, roll.Columns) {
		if l.printable(has) {
			out = append(out, l.asText(roll.Columns))
			continue
		}
		dots, err := raster(l, roll)
		if err != nil {
			return nil, err
		}
		out = append(out, printer.Line{Dots: dots})
	}
	return out, nil
}

// breakBlock breaks a paragraph or row into lines of the columns that its size leaves.
func breakBlock(b document.Block, width int) []rollLine {
	if b.Large {
		width /= 2
	}
	if b.Kind == document.Row {
		return breakRow(b, width)
	}
	like := rollLine{align: place3(b.Align), large: b.Large, bold: b.Bold}
	var out []rollLine
	for _, paragraph := range strings.Split(b.Text, "\n") {
		for _, text := range wrap(paragraph, width) {
			l := like
			l.text = text
			out = append(out, l)
		}
	}
	return out
}

// breakRow puts label and value into one line with at least two columns between them, else the value
// on lines of its own at the right.
func breakRow(b document.Block, width int) []rollLine {
	like := rollLine{align: printer.Left, large: b.Large, bold: b.Bold}
	if columns(b.Label)+2+columns(b.Value) <= width {
		like.text, like.value = b.Label, b.Value
		return []rollLine{like}
	}
	var out []rollLine
	for _, text := range wrap(b.Label, width) {
		l := like
		l.text = text
		out = append(out, l)
	}
	for _, text := range wrap(b.Value, width) {
		l := like
		l.text, l.align = text, printer.Right
		out = append(out, l)
	}
	return out
}

// printable says whether the printer's font has all of the line.
func (l rollLine) printable(has func(rune) bool) bool {
	if has == nil {
		return false
	}
	for _, r := range l.text + l.value {
		if !has(r) {
			return false
		}
	}
	return true
}

// asText is the line for the printer's own font; the value of a row is pushed right with blanks.
func (l rollLine) asText(width int) printer.Line {
	text := l.text
	if l.large {
		width /= 2
	}
	if l.value != "" {
		text += strings.Repeat(" ", width-columns(l.text)-columns(l.value)) + l.value
	}
	if text == "" {
		return printer.Line{Feed: gapDots}
	}
	return printer.Line{Text: text, Align: l.align, Wide: l.large, High: l.large, Bold: l.bold}
}

func place3(a document.Align) printer.Align {
	switch a {
	case document.Centre:
		return printer.Centre
	case document.Right:
		return printer.Right
	}
	return printer.Left
}
