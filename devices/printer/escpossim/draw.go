package escpossim

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"rsc.io/qr"
)

// The cell of font A and the paper's white edge, in dots.
const (
	cellWidth  = 12
	cellHeight = 24
	margin     = 32
)

// Where a font with Chinese characters may lie, and which of a collection is the simplified one.
var fontFiles = []struct {
	path  string
	index int
}{
	{"/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2},
	{"/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc", 2},
	{"/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0},
	{"/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", 0},
}

// face opens the first font there is; without one the paper shows boxes for Chinese characters.
var face = sync.OnceValue(func() font.Face {
	for _, f := range fontFiles {
		data, err := os.ReadFile(f.path)
		if err != nil {
			continue
		}
		fonts, err := opentype.ParseCollection(data)
		if err != nil {
			continue
		}
		sf, err := fonts.Font(min(f.index, fonts.NumFonts()-1))
		if err != nil {
			continue
		}
		made, err := opentype.NewFace(sf, &opentype.FaceOptions{Size: 21, DPI: 72, Hinting: font.HintingFull})
		if err == nil {
			return made
		}
	}
	return basicfont.Face7x13
})

// faceTurn guards the face, which keeps a buffer of its own.
var faceTurn sync.Mutex

// paper is a picture one bit deep that grows downwards.
type paper struct {
	img *image.Gray
	y   int
}

// picture draws a print as its strip of paper looks.
func picture(p *Print, widthDots int) ([]byte, error) {
	faceTurn.Lock()
	defer faceTurn.Unlock()
	height := p.rows() + 2*margin
	c := &paper{img: image.NewGray(image.Rect(0, 0, widthDots+2*margin, height)), y: margin}
	for i := range c.img.Pix {
		c.img.Pix[i] = 0xFF
	}
	for _, it := range p.Items {
		switch it.Kind {
		case "text":
			c.text(it, widthDots)
		case "dots":
			c.dots(it, widthDots)
		case "qr":
			c.symbol(it, widthDots)
		}
		c.y += it.Rows
	}
	if !p.Cut {
		c.tear()
	}
	var out bytes.Buffer
	if err := png.Encode(&out, c.img); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func (c *paper) black(x, y int) {
	if x >= margin && x < c.img.Rect.Dx()-margin && y >= 0 && y < c.img.Rect.Dy() {
		c.img.SetGray(x, y, color.Gray{})
	}
}

// left is where something of this width begins.
func left(align byte, width, widthDots int) int {
	switch align {
	case 1:
		return margin + max(0, widthDots-width)/2
	case 2:
		return margin + max(0, widthDots-width)
	}
	return margin
}

func (c *paper) text(it item, widthDots int) {
	width := 0
	for _, g := range it.Glyphs {
		width += g.columns() * cellWidth
	}
	x, tall := left(it.Align, width, widthDots), 1
	for _, g := range it.Glyphs {
		tall = max(tall, g.High)
	}
	for _, g := range it.Glyphs {
		c.glyph(g, x, c.y+(tall-g.High)*cellHeight)
		x += g.columns() * cellWidth
	}
}

// glyph sets a character into its cell and magnifies dot by dot, as printers do.
func (c *paper) glyph(g glyph, x, y int) {
	w := cellWidth
	if g.Full {
		w *= 2
	}
	cell := image.NewGray(image.Rect(0, 0, w, cellHeight))
	f := face()
	advance, known := f.GlyphAdvance(g.R)
	if known {
		d := font.Drawer{Dst: cell, Src: image.White, Face: f, Dot: fixed.P((w-advance.Round())/2, 20)}
		d.DrawString(string(g.R))
	}
	for cy := range cellHeight {
		for cx := range w {
			on := cell.GrayAt(cx, cy).Y > 110 || g.Bold && cx > 0 && cell.GrayAt(cx-1, cy).Y > 110
			on = on || g.Underline && cy >= cellHeight-2
			if !known { // a box says that a character is there and cannot be drawn here
				on = (cx == 2 || cx == w-3) && cy > 3 && cy < 20 || (cy == 4 || cy == 19) && cx > 1 && cx < w-2
			}
			if on == g.Invert {
				continue
			}
			for dy := range g.High {
				for dx := range g.Wide {
					c.black(x+cx*g.Wide+dx, y+cy*g.High+dy)
				}
			}
		}
	}
}

func (c *paper) dots(it item, widthDots int) {
	x := left(it.Align, it.Stride*8*it.ScaleX, widthDots)
	for i, b := range it.Bits {
		for bit := range 8 {
			if b&(0x80>>bit) == 0 {
				continue
			}
			px, py := ((i%it.Stride)*8+bit)*it.ScaleX, (i/it.Stride)*it.ScaleY
			for dy := range it.ScaleY {
				for dx := range it.ScaleX {
					c.black(x+px+dx, c.y+py+dy)
				}
			}
		}
	}
}

func (c *paper) symbol(it item, widthDots int) {
	code, err := symbol(it.Text, it.Level)
	if err != nil {
		return // checked when it was printed
	}
	x := left(it.Align, code.Size*it.Module, widthDots)
	for y := range min(it.Rows, code.Size*it.Module) {
		for dx := range code.Size * it.Module {
			if code.Black(dx/it.Module, y/it.Module) {
				c.black(x+dx, c.y+y)
			}
		}
	}
}

// symbol encodes with the level that GS ( k 69 names: 30h L, 31h M, 32h Q, 33h H.
func symbol(text string, level byte) (*qr.Code, error) {
	return qr.Encode(text, qr.Level(min(max(int(level)-0x30, 0), 3)))
}

// tear draws the lower edge of a strip that was not cut.
func (c *paper) tear() {
	w, h := c.img.Rect.Dx(), c.img.Rect.Dy()
	for x := range w {
		edge := h - 10 + (x%16-8)*(x%16-8)/8
		for y := edge; y < h; y++ {
			c.img.SetGray(x, y, color.Gray{Y: 0xA0})
		}
	}
}
