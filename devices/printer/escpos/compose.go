package escpos

import (
	"bytes"
	"errors"
	"fmt"

	"rsc.io/qr"

	"yichuang/devices/printer"
)

// lineRows is the paper that a line of text takes, 1/6 inch; only for the time that a strip needs.
const lineRows = 34

// segment is a whole number of commands, after which the state may be asked, and the paper it takes.
type segment struct {
	data []byte
	rows int
}

// composer turns a strip into segments and remembers what modes the printer is in.
type composer struct {
	profile  Profile
	segments []segment
	chinese  bool
	align    printer.Align
	size     [2]bool
	bold     bool
	rows     int
}

// compose puts the whole strip into commands, without the cut. It fails before anything is sent.
func compose(strip printer.Strip, profile Profile) ([]segment, error) {
	c := &composer{profile: profile, align: printer.Left}
	c.add(bytes.Join([][]byte{cmdInit, cmdUSA, cmdUnits}, nil), 0)
	c.setChinese(true)
	for i, line := range strip.Lines {
		if err := c.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	if c.rows > stripRowsMax {
		return nil, fmt.Errorf("%d rows of paper, at most %d", c.rows, stripRowsMax)
	}
	return c.segments, nil
}

// add appends commands to the last segment while it is short.
func (c *composer) add(data []byte, rows int) {
	c.rows += rows
	if n := len(c.segments); n > 0 && len(c.segments[n-1].data)+len(data) <= segmentBytes {
		last := &c.segments[n-1]
		last.data, last.rows = append(last.data, data...), last.rows+rows
		return
	}
	c.segments = append(c.segments, segment{append([]byte(nil), data...), rows})
}

func (c *composer) line(l printer.Line) error {
	set := 0
	for _, is := range []bool{l.Text != "", l.Dots != nil, l.QR != "", l.Feed != 0} {
		if is {
			set++
		}
	}
	if set > 1 {
		return errors.New("more than one of text, dots, symbol and feed")
	}
	if err := c.setAlign(l.Align); err != nil {
		return err
	}
	switch {
	case l.Dots != nil:
		return c.dots(l.Dots)
	case l.QR != "":
		return c.qr(l.QR)
	case l.Feed != 0:
		if l.Feed < 0 || l.Feed > stripRowsMax {
			return fmt.Errorf("feed of %d rows", l.Feed)
		}
		c.add(cmdFeed(l.Feed), l.Feed)
		return nil
	}
	return c.text(l) // nothing set is an empty line
}

func (c *composer) setAlign(a printer.Align) error {
	if a == "" {
		a = printer.Left
	}
	codes := map[printer.Align]byte{printer.Left: 0, printer.Centre: 1, printer.Right: 2}
	n, ok := codes[a]
	if !ok {
		return fmt.Errorf("align %q", a)
	}
	if a != c.align {
		c.add(cmdAlign(n), 0)
		c.align = a
	}
	return nil
}

func (c *composer) setChinese(on bool) {
	switch {
	case on == c.chinese || c.profile.Charset == ASCII:
		return
	case on:
		c.add(cmdChinese, 0)
	default:
		c.add(cmdNoChinese, 0)
	}
	c.chinese = on
}

func (c *composer) text(l printer.Line) error {
	b, err := c.profile.Charset.encode(l.Text)
	if err != nil {
		return err
	}
	if len(b) >= segmentBytes {
		return fmt.Errorf("%d bytes in one line", len(b))
	}
	if c.align == printer.Left && !l.Wide && c.profile.Charset != GB18030 { // there a character may be four bytes
		b = tabbed(b, c.profile.Columns)
	}
	c.setChinese(true)
	if size := [2]bool{l.Wide, l.High}; size != c.size {
		c.add(cmdSize(l.Wide, l.High), 0)
		c.size = size
	}
	if l.Bold != c.bold {
		c.add(cmdBold(l.Bold), 0)
		c.bold = l.Bold
	}
	rows := lineRows
	if l.High {
		rows *= 2
	}
	c.add(append(b, 0x0A), rows)
	return nil
}

// tabbed puts tabs in place of runs of blanks in a line whose bytes are its columns: between a label and the value at the
// right edge there is more white than text. ESC @ sets the stops to every eighth column. A line that the printer would
// break, and a stop at its end, stay blanks.
func tabbed(b []byte, columns int) []byte {
	if len(b) > columns {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		if stop := (i/tabColumns + 1) * tabColumns; stop < len(b) && stop-i > 1 && len(bytes.Trim(b[i:stop], " ")) == 0 {
			out, i = append(out, 0x09), stop
			continue
		}
		out, i = append(out, b[i]), i+1
	}
	return out
}

// dots sends a picture in bands; gaps of white between them are fed, and white at their right is left out: on a serial
// line the bytes are what takes time.
func (c *composer) dots(d *printer.Dots) error {
	stride := (d.Width + 7) / 8
	switch {
	case d.Width <= 0 || d.Height <= 0 || len(d.Bits) != stride*d.Height:
		return fmt.Errorf("picture of %dx%d dots in %d bytes", d.Width, d.Height, len(d.Bits))
	case d.Width > c.profile.WidthDots:
		return fmt.Errorf("picture of %d dots, the paper has %d", d.Width, c.profile.WidthDots)
	}
	c.setChinese(false)
	for y := 0; y < d.Height; {
		if gap := blankRows(d.Bits[y*stride:], stride); gap >= blankRowsMin || y+gap == d.Height {
			c.add(cmdFeed(gap), gap)
			y += gap
			continue
		}
		n := bandLength(d.Bits[y*stride:], stride)
		band := d.Bits[y*stride : (y+n)*stride]
		width := stride
		if c.align == printer.Left { // elsewhere a narrower band would stand elsewhere
			width = blackWidth(band, stride)
		}
		band = narrow(band, stride, width)
		hideRealTime(band)
		c.add(cmdRaster(width, band), n)
		y += n
	}
	return nil
}

// blankRows counts the white rows at the top.
func blankRows(bits []byte, stride int) int {
	n := 0
	for ; (n+1)*stride <= len(bits); n++ {
		for _, b := range bits[n*stride : (n+1)*stride] {
			if b != 0 {
				return n
			}
		}
	}
	return n
}

// bandLength is how many rows go into the next band: until a gap that is worth a feed, at most bandRows.
func bandLength(bits []byte, stride int) int {
	n := 1
	for n < bandRows && (n+1)*stride <= len(bits) {
		gap := blankRows(bits[n*stride:], stride)
		if gap >= blankRowsMin || n*stride+gap*stride == len(bits) && gap > 0 {
			break
		}
		n++
	}
	return n
}

// blackWidth is how many bytes of a row hold all that is black.
func blackWidth(bits []byte, stride int) int {
	width := 1
	for i, b := range bits {
		if b != 0 {
			width = max(width, i%stride+1)
		}
	}
	return width
}

// narrow copies the left part of each row.
func narrow(bits []byte, stride, width int) []byte {
	out := make([]byte, 0, len(bits)/stride*width)
	for ; len(bits) > 0; bits = bits[stride:] {
		out = append(out, bits[:width]...)
	}
	return out
}

// hideRealTime sets one dot more wherever the picture would be taken for DLE EOT, DLE ENQ or DLE DC4.
func hideRealTime(b []byte) {
	for i := 0; i+1 < len(b); i++ {
		if b[i] == 0x10 && (b[i+1] == 0x04 || b[i+1] == 0x05 || b[i+1] == 0x14) {
			b[i] = 0x18
		}
	}
}

// qr sends a symbol with its quiet zone, by the printer's own means or as a picture.
func (c *composer) qr(text string) error {
	if len(text) > qrBytesMax {
		return fmt.Errorf("symbol of %d bytes, at most %d", len(text), qrBytesMax)
	}
	for i := 0; i < len(text); i++ {
		if text[i] < 0x20 {
			return fmt.Errorf("symbol with control character %#x", text[i])
		}
	}
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return fmt.Errorf("symbol: %w", err)
	}
	module := moduleDots(code.Size, c.profile.WidthDots)
	if module == 0 {
		return fmt.Errorf("symbol of %d modules is wider than the paper", code.Size)
	}
	c.add(cmdFeed(4*module), 4*module)
	if c.profile.HasQR {
		c.setChinese(false)
		c.add(cmdQR(text, byte(module)), code.Size*module)
	} else if err := c.dots(drawQR(code, module)); err != nil {
		return err
	}
	c.add(cmdFeed(4*module), 4*module)
	return nil
}

// moduleDots makes the symbol about 30 mm wide, a module 3 to 8 dots; phones read smaller ones badly.
func moduleDots(size, width int) int {
	n := min(max(240/size, 3), 8)
	for n > 0 && n*size > width {
		n--
	}
	return n
}

func drawQR(code *qr.Code, module int) *printer.Dots {
	side := code.Size * module
	stride := (side + 7) / 8
	d := &printer.Dots{Width: side, Height: side, Bits: make([]byte, stride*side)}
	for y := range side {
		for x := range side {
			if code.Black(x/module, y/module) {
				d.Bits[y*stride+x/8] |= 0x80 >> (x % 8)
			}
		}
	}
	return d
}
