package typeset

import (
	"fmt"
	"time"

	"github.com/gotk3/gotk3/cairo"

	"yichuang/devices/printer"
	"yichuang/kiosk/document"
)

// The column that a paper of the roll is set in when it goes on a plain A4 sheet. It is broader than the
// roll: there is room, and who gets it is often old.
const (
	plainWidth   = 210.0 // mm, A4
	plainHeight  = 297.0
	plainMargin  = 35.0 // at each side
	plainTop     = 25.0
	plainColumns = 48 // as on 80 mm paper, so that lines break at the same words
	plainQR      = 45.0
	plainLeast   = 60 // percent of the full size: a smaller column would be hard to read
)

// PlainPDF sets a paper of the roll on one plain A4 sheet, portrait. It answers MissingError when a
// character cannot be printed and OverflowError when the paper is longer than a sheet.
func (s *Setter) PlainPDF(p document.Paper, title string, made time.Time) ([]byte, error) {
	if err := p.Err(); err != nil {
		return nil, fmt.Errorf("set paper: %w", err)
	}
	var out []byte
	err := s.do(func() error {
		var missing []rune
		for _, b := range p.Blocks {
			missing = append(missing, s.missing(words(b), nil)...)
		}
		if missing != nil {
			return &MissingError{distinct(missing)}
		}
		scale, err := plainScale(p)
		if err != nil {
			return err
		}
		out, err = pdf(plainWidth*pt, plainHeight*pt, title, made, func(cr *cairo.Context) error { return drawPlain(cr, p, scale) })
		return err
	})
	return out, err
}

// plainEm is the size of the type in points: two columns are a square, as on the roll.
func plainEm(scale float64) float64 {
	return (plainWidth - 2*plainMargin) * pt / plainColumns * 2 * scale
}

// plainScale is the size at which the paper fits its sheet.
func plainScale(p document.Paper) (float64, error) {
	room := (plainHeight - 2*plainTop) * pt
	for percent := 100; percent >= plainLeast; percent -= 5 {
		scale, height := float64(percent)/100, 0.0
		for _, b := range p.Blocks {
			height += plainBlock(b, plainEm(scale))
		}
		if height <= room {
			return scale, nil
		}
	}
	return 0, &OverflowError{"A4"}
}

// plainBlock is a block's height in points.
func plainBlock(b document.Block, em float64) float64 {
	switch b.Kind {
	case document.Rule, document.Gap:
		return em
	case document.QR:
		return plainQR*pt + em
	}
	height := 0.0
	for _, l := range breakBlock(b, plainColumns) {
		height += l.em(em) * fullLine
	}
	return height
}

func (l rollLine) em(em float64) float64 {
	if l.large {
		return em * 2
	}
	return em
}

func drawPlain(cr *cairo.Context, p document.Paper, scale float64) error {
	em := plainEm(scale)
	room := em * plainColumns / 2
	left, y := (plainWidth*pt-room)/2, plainTop*pt
	for _, b := range p.Blocks {
		switch b.Kind {
		case document.Gap:
		case document.Rule:
			colour(cr, 0x000000)
			cr.SetLineWidth(0.8)
			cr.MoveTo(left, y+em/2)
			cr.LineTo(left+room, y+em/2)
			cr.Stroke()
		case document.QR:
			x := map[printer.Align]float64{printer.Left: left, printer.Centre: left + (room-plainQR*pt)/2, printer.Right: left + room - plainQR*pt}[place3(b.Align)]
			if err := drawSymbol(cr, document.Symbol{Text: b.Text, Box: document.Box{X: x / pt, Y: y / pt, W: plainQR, H: plainQR}}); err != nil {
				return err
			}
		default:
			if err := drawPlainLines(cr, b, left, y, em, room); err != nil {
				return err
			}
		}
		y += plainBlock(b, em)
	}
	return nil
}

// plainDots is the size of the type while a line is drawn: the roll's own, so that every letter is as broad as there
// and a full line stays full. The page is scaled for it.
const plainDots = 24

func drawPlainLines(cr *cairo.Context, b document.Block, left, y, em, room float64) error {
	zoom := em / plainDots
	for _, l := range breakBlock(b, plainColumns) {
		parts := []rollLine{l}
		if l.value != "" {
			parts = append(parts, rollLine{text: l.value, align: printer.Right, bold: l.bold})
		}
		for _, part := range parts {
			cr.Save()
			cr.Translate(left, y)
			cr.Scale(zoom, zoom)
			colour(cr, 0x000000)
			err := rasterPart(cr, part, l.em(plainDots), room/zoom)
			cr.Restore()
			if err != nil {
				return err
			}
		}
		y += l.em(em) * fullLine
	}
	return nil
}
