package typeset

import (
	"fmt"
	"unicode/utf8"

	"github.com/gotk3/gotk3/cairo"
	"github.com/gotk3/gotk3/pango"
	"rsc.io/qr"

	"yichuang/kiosk/document"
)

// pt is how many points a millimetre is.
const pt = 72 / 25.4

const (
	sizeStep = 0.5  // pt: how finely type is made smaller
	oneLine  = 0.8  // a text that fits one line at this part of its size is not broken into two
	leading  = 0.92 // of the font's own line, which is 1.44 of its size: 1.32
	fullLine = 1.32 // the height of a line, in sizes
	middle   = 0.38 // from the baseline up to the middle of a Chinese character, in sizes
	slack    = 0.01 // pt: rounding of pango's units
)

// moduleMin is the smallest module of a symbol that ordinary phones still read from paper: 0.25 mm.
const moduleMin = 0.25

// rowOverlap is how much broader than a module a row of a symbol is drawn.
const rowOverlap = 1.02

// LicensePDF is the license as a PDF of one page, made for its paper: A3 for the original, A4 for the
// duplicate, both landscape. It answers MissingError or OverflowError when a fact cannot be printed
// as it is.
func (s *Setter) LicensePDF(l document.License) ([]byte, error) {
	sheet, err := l.Sheet()
	if err != nil {
		return nil, fmt.Errorf("set license: %w", err)
	}
	return s.SheetPDF(sheet)
}

// SheetPDF is any sheet as a PDF of one page.
func (s *Setter) SheetPDF(sheet document.Sheet) ([]byte, error) {
	var out []byte
	err := s.do(func() error {
		if missing := s.missingOnSheet(sheet); missing != nil {
			return &MissingError{missing}
		}
		var err error
		out, err = pdf(sheet.Width*pt, sheet.Height*pt, sheet.Title, sheet.Made, func(cr *cairo.Context) error {
			return drawSheet(cr, sheet)
		})
		return err
	})
	return out, err
}

func (s *Setter) missingOnSheet(sheet document.Sheet) []rune {
	all := ""
	for _, m := range sheet.Marks {
		all += m.Text
	}
	return s.missing(all, nil)
}

func drawSheet(cr *cairo.Context, sheet document.Sheet) error {
	drawFrame(cr, sheet.Frame)
	for _, m := range sheet.Marks {
		if err := drawMark(cr, m); err != nil {
			return err
		}
	}
	return drawSymbol(cr, sheet.Symbol)
}

// ink is the colour of a text: near black, or the grey-brown of labels.
func ink(cr *cairo.Context, faint bool) {
	if faint {
		colour(cr, 0x6B5B3E)
	} else {
		colour(cr, 0x1A1A1A)
	}
}

// colour takes 0xRRGGBB.
func colour(cr *cairo.Context, rgb uint32) {
	part := func(shift uint) float64 { return float64(rgb>>shift&0xFF) / 255 }
	cr.SetSourceRGB(part(16), part(8), part(0))
}

func drawMark(cr *cairo.Context, m document.Mark) error {
	ink(cr, m.Faint)
	if m.Spread {
		return drawSpread(cr, m)
	}
	l := newLayout(cr, serif, false, m.Text, leading, alignOf(m.Align))
	defer l.close()
	baseline, err := fit(l, m)
	if err != nil {
		return err
	}
	cr.MoveTo(m.Box.X*pt, baseline-l.baseline())
	pango.CairoShowLayout(cr, l.Layout)
	return nil
}

// fit finds the largest size at which the text stands in its box and gives the first baseline. One
// line is tried first: a name reads better a little smaller than with its last character alone below.
func fit(l layout, m document.Mark) (baseline float64, err error) {
	width := m.Box.W * pt
	for size := m.Size; size >= max(m.Least, m.Size*oneLine)-slack; size -= sizeStep {
		l.SetWidth(-1)
		l.size(size)
		if w, _ := l.extent(); w <= width {
			l.SetWidth(units(width))
			return place(l, m, size)
		}
	}
	l.SetWidth(units(width))
	for size := m.Size; size >= m.Least-slack; size -= sizeStep {
		l.size(size)
		if baseline, err = place(l, m, size); err == nil {
			return baseline, nil
		}
	}
	return 0, &OverflowError{m.Name}
}

// place puts the first line where the line of the label beside it stands, middle on middle, and sees
// whether the last one is still in the box.
func place(l layout, m document.Mark, size float64) (baseline float64, err error) {
	if l.unknown() > 0 {
		return 0, &MissingError{[]rune(m.Text)}
	}
	w, h := l.extent()
	baseline = m.Box.Y*pt + m.Size*fullLine/2 + size*middle
	if w > m.Box.W*pt+slack || baseline+h-l.baseline() > (m.Box.Y+m.Box.H)*pt+size*fullLine/2 {
		return 0, &OverflowError{m.Name}
	}
	return baseline, nil
}

// drawSpread sets one line with equal gaps between its characters, the outer ones at the edges of the box.
func drawSpread(cr *cairo.Context, m document.Mark) error {
	n := float64(utf8.RuneCountInString(m.Text))
	gap := 0.0
	if n > 1 {
		gap = (m.Box.W*pt - n*m.Size) / (n - 1)
	}
	if gap < 0 {
		return &OverflowError{m.Name}
	}
	x, baseline := m.Box.X*pt, m.Box.Y*pt+m.Size*(fullLine/2+middle)
	for _, r := range m.Text {
		if err := drawOne(cr, string(r), m, x, baseline); err != nil {
			return err
		}
		x += m.Size + gap
	}
	return nil
}

// drawOne sets one character. A bold one is drawn as an outline, over the same character in white in the
// text's own font: a second font in the page would cost as much time and as many bytes as the first,
// and from an outline alone a reader could not copy the words.
func drawOne(cr *cairo.Context, char string, m document.Mark, x, baseline float64) error {
	for _, outline := range []bool{false, true}[:1+count(m.Bold)] {
		l := newLayout(cr, serif, outline, char, leading, pango.ALIGN_LEFT)
		l.size(m.Size)
		unknown := l.unknown()
		cr.MoveTo(x, baseline-l.baseline())
		if outline {
			ink(cr, m.Faint)
			pango.CairoLayoutPath(cr, l.Layout)
			cr.Fill()
		} else {
			if m.Bold {
				colour(cr, 0xFFFFFF)
			}
			pango.CairoShowLayout(cr, l.Layout)
		}
		l.close()
		if unknown > 0 {
			return &MissingError{[]rune(char)}
		}
	}
	return nil
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// drawSymbol draws the QR code as one filled path, with four modules of white around it inside its box.
func drawSymbol(cr *cairo.Context, s document.Symbol) error {
	code, err := encode(s.Text, s.Box.W)
	if err != nil {
		return err
	}
	module := s.Box.W * pt / float64(code.Size+8)
	x0, y0 := s.Box.X*pt+4*module, s.Box.Y*pt+4*module
	colour(cr, 0xFFFFFF)
	cr.Rectangle(s.Box.X*pt, s.Box.Y*pt, s.Box.W*pt, s.Box.W*pt)
	cr.Fill()
	colour(cr, 0x000000)
	// Each row is one dashed line: half the numbers of as many rectangles. It is a hair broader than a
	// module, so that no white shows between two rows.
	cr.SetLineWidth(module * rowOverlap)
	for y := range code.Size {
		first, dashes := runs(code, y)
		if len(dashes) == 0 {
			continue
		}
		for i := range dashes {
			dashes[i] *= module
		}
		middle := y0 + (float64(y)+0.5)*module
		cr.SetDash(dashes, 0)
		cr.MoveTo(x0+float64(first)*module, middle)
		cr.LineTo(x0+float64(code.Size)*module, middle)
		cr.Stroke()
	}
	cr.SetDash(nil, 0)
	return nil
}

// runs gives a row of a symbol as the place of its first black module and then the lengths of black
// and white by turns, ending with white.
func runs(code *qr.Code, y int) (first int, lengths []float64) {
	for first < code.Size && !code.Black(first, y) {
		first++
	}
	black := false
	for x := first; x < code.Size; x++ {
		if code.Black(x, y) != black {
			black = !black
			lengths = append(lengths, 0)
		}
		lengths[len(lengths)-1]++
	}
	if black {
		lengths = append(lengths, 1)
	}
	return first, lengths
}

// encode makes the symbol with as much error correction (M, else L) as its width in millimetres allows.
func encode(text string, width float64) (*qr.Code, error) {
	for _, level := range []qr.Level{qr.M, qr.L} {
		code, err := qr.Encode(text, level)
		if err == nil && width/float64(code.Size+8) >= moduleMin {
			return code, nil
		}
	}
	return nil, &OverflowError{"QR"}
}

func units(points float64) int { return int(points*float64(pango.SCALE) + 0.5) }

func alignOf(a document.Align) pango.Alignment {
	switch a {
	case document.Centre:
		return pango.ALIGN_CENTER
	case document.Right:
		return pango.ALIGN_RIGHT
	}
	return pango.ALIGN_LEFT
}
