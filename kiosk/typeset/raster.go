package typeset

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"unsafe"

	"github.com/gotk3/gotk3/cairo"
	"github.com/gotk3/gotk3/pango"
	"rsc.io/qr"

	"yichuang/devices/printer"
	"yichuang/kiosk/document"
)

const (
	// black is how much of a dot a stroke must cover for the dot to be burnt. Less than half, because
	// the thin strokes of Chinese type otherwise break at this size.
	black = 100
	// lineGapDots is the white between two lines, as printers leave it: 30 dots a line of 24.
	lineGapDots = 6
	// previewModule is how many dots a module of a symbol is in a preview.
	previewModule = 6
	previewMargin = 24
)

// raster sets one line as a picture of the roll's whole width, in the size of the printer's own font:
// two columns are a square.
func raster(l rollLine, roll printer.RollInfo) (*printer.Dots, error) {
	em := roll.WidthDots / roll.Columns * 2
	if l.large {
		em *= 2
	}
	height := em + lineGapDots
	surface := cairo.CreateImageSurface(cairo.FORMAT_A8, roll.WidthDots, height)
	defer surface.Close()
	cr := cairo.Create(surface)
	defer cr.Close()
	cr.SetSourceRGBA(0, 0, 0, 1)
	room := float64(roll.WidthDots)
	parts := []rollLine{l}
	if l.value != "" {
		parts = append(parts, rollLine{text: l.value, align: printer.Right, bold: l.bold})
	}
	for _, part := range parts {
		if err := rasterPart(cr, part, float64(em), room); err != nil {
			return nil, err
		}
	}
	surface.Flush()
	if status := cr.Status(); status != cairo.STATUS_SUCCESS {
		return nil, fmt.Errorf("set line: %s", status)
	}
	return threshold(surface, roll.WidthDots, height), nil
}

// rasterPart draws one text at its place in a line that is room dots broad.
func rasterPart(cr *cairo.Context, l rollLine, em, room float64) error {
	t := newLayout(cr, mono, l.bold, l.text, 1, pango.ALIGN_LEFT)
	defer t.close()
	t.size(em)
	if t.unknown() > 0 {
		return &MissingError{[]rune(l.text)}
	}
	w, _ := t.extent()
	if w > room+1 {
		return &OverflowError{"line"}
	}
	x := 0.0
	switch l.align {
	case printer.Right:
		x = room - w
	case printer.Centre:
		x = (room - w) / 2
	}
	cr.MoveTo(float64(int(x)), em/2+em*middle-t.baseline())
	pango.CairoShowLayout(cr, t.Layout)
	return nil
}

// threshold turns grey into dots.
func threshold(surface *cairo.Surface, width, height int) *printer.Dots {
	stride := cairo.FormatStrideForWidth(cairo.FORMAT_A8, width)
	grey := unsafe.Slice((*byte)(surface.GetData()), stride*height)
	row := (width + 7) / 8
	d := &printer.Dots{Width: width, Height: height, Bits: make([]byte, row*height)}
	for y := range height {
		for x := range width {
			if grey[y*stride+x] >= black {
				d.Bits[y*row+x/8] |= 0x80 >> (x % 8)
			}
		}
	}
	return d
}

// bar is a line across the roll.
func bar(width int) *printer.Dots {
	d := &printer.Dots{Width: width, Height: ruleDots, Bits: make([]byte, (width+7)/8*ruleDots)}
	for i := range d.Bits {
		d.Bits[i] = 0xFF
	}
	return d
}

// PaperPNG is a picture of the paper as a roll of this width prints it, one pixel a dot.
func (s *Setter) PaperPNG(p document.Paper, widthDots int) ([]byte, error) {
	strip, err := s.Strip(p, printer.RollInfo{WidthDots: widthDots, Columns: widthDots / 12}, nil)
	if err != nil {
		return nil, err
	}
	parts := make([]*printer.Dots, len(strip.Lines))
	height := 2 * previewMargin
	for i, l := range strip.Lines {
		if parts[i], err = picture(l, widthDots); err != nil {
			return nil, err
		}
		height += parts[i].Height
	}
	img := image.NewPaletted(image.Rect(0, 0, widthDots+2*previewMargin, height), color.Palette{color.White, color.Black})
	y := previewMargin
	for _, d := range parts {
		row := (d.Width + 7) / 8
		for dy := range d.Height {
			for x := range d.Width {
				img.SetColorIndex(previewMargin+x, y+dy, d.Bits[dy*row+x/8]>>(7-x%8)&1)
			}
		}
		y += d.Height
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return nil, fmt.Errorf("set preview: %w", err)
	}
	return out.Bytes(), nil
}

// picture is any line of a strip as dots.
func picture(l printer.Line, width int) (*printer.Dots, error) {
	if l.Dots != nil {
		return l.Dots, nil
	}
	d := &printer.Dots{Width: width, Height: l.Feed, Bits: make([]byte, (width+7)/8*l.Feed)}
	if l.QR == "" {
		return d, nil
	}
	code, err := qr.Encode(l.QR, qr.M)
	if err != nil || code.Size*previewModule > width {
		return nil, &OverflowError{"QR"}
	}
	row := (width + 7) / 8
	side := code.Size * previewModule
	d.Height = side + gapDots
	d.Bits = make([]byte, row*d.Height)
	x0 := (width - side) / 2
	for y := range side {
		for x := range side {
			if code.Black(x/previewModule, y/previewModule) {
				d.Bits[y*row+(x0+x)/8] |= 0x80 >> ((x0 + x) % 8)
			}
		}
	}
	return d, nil
}
