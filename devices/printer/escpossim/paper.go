package escpossim

import (
	"fmt"
	"strings"
)

// glyph is one character on paper.
type glyph struct {
	R         rune `json:"r"`
	Full      bool `json:"full,omitempty"` // two columns
	Wide      int  `json:"wide"`           // magnification, 1 to 8
	High      int  `json:"high"`
	Bold      bool `json:"bold,omitempty"`
	Invert    bool `json:"invert,omitempty"`
	Underline bool `json:"underline,omitempty"`
}

// columns is how many half-width cells it takes.
func (g glyph) columns() int {
	if g.Full {
		return 2 * g.Wide
	}
	return g.Wide
}

// item is one thing on paper, from the top down.
type item struct {
	Kind   string  `json:"kind"` // text, dots, qr, feed
	Align  byte    `json:"align,omitempty"`
	Glyphs []glyph `json:"glyphs,omitempty"`
	Text   string  `json:"text,omitempty"` // of a symbol
	Level  byte    `json:"level,omitempty"`
	Module int     `json:"module,omitempty"`
	Stride int     `json:"stride,omitempty"`
	ScaleX int     `json:"scale_x,omitempty"`
	ScaleY int     `json:"scale_y,omitempty"`
	Bits   []byte  `json:"bits,omitempty"` // of a picture, as many rows as came out
	Rows   int     `json:"rows"`           // of paper
}

// Print is what lies between two cuts; the last one is still in the printer while Cut is false.
type Print struct {
	N     int    `json:"n"`
	Cut   bool   `json:"cut"`
	Bytes []byte `json:"bytes"` // what the printer got for it, without real-time requests
	Items []item `json:"items"`
	Half  bool   `json:"half"`           // the point receipt.half has been reached
	Fate  string `json:"fate,omitempty"` // of a cut strip, where there is a presenter
}

// rows is the length of paper that is out.
func (p *Print) rows() int {
	n := 0
	for _, it := range p.Items {
		n += it.Rows
	}
	return n
}

// text is the print as a clerk would read it aloud: lines, [QR: …], [image WxH].
func (p *Print) text() string {
	var lines []string
	width, height, gap := 0, 0, 0
	flush := func() {
		if height > 0 {
			lines = append(lines, fmt.Sprintf("[image %dx%d]", width, height))
		}
		width, height, gap = 0, 0, 0
	}
	for _, it := range p.Items {
		switch it.Kind {
		case "dots":
			// Hosts leave out the white at the right of a picture's bands: what follows at once belongs to it.
			w := it.Stride * 8 * it.ScaleX
			if w != width && gap > 0 || height == 0 {
				flush()
			}
			width, height, gap = max(width, w), height+gap+it.Rows, 0
		case "feed":
			gap += it.Rows // white inside a picture belongs to it, after it does not
		case "qr":
			flush()
			lines = append(lines, "[QR: "+it.Text+"]")
		case "text":
			flush()
			var b strings.Builder
			for _, g := range it.Glyphs {
				b.WriteRune(g.R)
			}
			lines = append(lines, b.String())
		}
	}
	flush()
	return strings.Join(lines, "\n")
}
