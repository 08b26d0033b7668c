package escpossim

import (
	"fmt"
	"strconv"
	"time"
)

// do obeys one command from the buffer. The caller holds the lock.
func (p *Printer) do(o op, raw []byte) {
	switch o.cmd {
	case "DLE":
		return // obeyed when it arrived
	case "NUL":
		return
	case "unknown":
		p.opts.Log.Add(device, "device", o.arg, "passes over bytes that it does not know")
		return
	case "GS r", "GS I", "GS g", "GS a":
		p.query(o)
		return
	case "GS V", "ESC i", "ESC m":
		p.cut(o, raw)
		return
	case "GS e":
		p.ejector(o, raw)
		return
	}
	s := p.open()
	s.Bytes = append(s.Bytes, raw...)
	switch o.cmd {
	case "char":
		p.char(o)
	case "LF":
		p.lineFeed()
	case "HT":
		p.tab()
	case "ESC @":
		p.modes, p.line, p.symbol = p.defaultModes(), nil, symbolState{module: 3, level: 0x30}
	case "ESC d":
		p.flush()
		p.feed(int(o.arg[0]) * p.modes.spacing)
	case "ESC J":
		p.flush()
		p.feed(int(o.arg[0]))
	case "GS v 0":
		p.beginRaster(o.arg)
	case "ESC *":
		p.columnImage(o.arg)
	case "GS ( k":
		p.symbolCommand(o.arg)
	case "GS ( L":
		p.graphics(o.arg)
	case "GS k":
		p.barcode(o.arg)
	default:
		p.mode(o)
	}
}

// mode sets one of the modes; commands that change nothing that can be seen end here too.
func (p *Printer) mode(o op) {
	m := &p.modes
	n := byte(0)
	if len(o.arg) > 0 {
		n = o.arg[0]
	}
	switch o.cmd {
	case "FS &":
		m.chinese = !p.opts.NoChinese
	case "FS .":
		m.chinese = false
	case "ESC a":
		if len(p.line) == 0 && n%48 <= 2 { // only at the beginning of a line
			m.align = n % 48
		}
	case "GS !":
		m.wide, m.high = int(n>>4&7)+1, int(n&7)+1
	case "ESC !", "FS !":
		wide, high := n&0x20 != 0, n&0x10 != 0
		if o.cmd == "FS !" {
			wide, high = n&0x04 != 0, n&0x08 != 0
		} else {
			m.bold = n&0x08 != 0
		}
		m.wide, m.high, m.underline = 1, 1, n&0x80 != 0
		if wide {
			m.wide = 2
		}
		if high {
			m.high = 2
		}
	case "ESC E", "ESC G":
		m.bold = n&1 != 0
	case "GS B":
		m.invert = n&1 != 0
	case "ESC -", "FS -":
		m.underline = n%48 != 0
	case "ESC 3":
		m.spacing = int(n)
	case "ESC 2":
		m.spacing = lineDefault
	}
}

// char sets a character into the line; a full line is printed by itself.
func (p *Printer) char(o op) {
	g := glyph{R: o.r, Full: o.full, Wide: p.modes.wide, High: p.modes.high, Bold: p.modes.bold,
		Invert: p.modes.invert, Underline: p.modes.underline}
	used := g.columns()
	for _, have := range p.line {
		used += have.columns()
	}
	if used*cellWidth > p.opts.WidthDots {
		p.lineFeed()
	}
	p.line = append(p.line, g)
}

// tab moves on to the next stop, which are eight columns apart as the manual's default; ESC D is not obeyed. Without one
// in the line nothing happens.
func (p *Printer) tab() {
	used := 0
	for _, have := range p.line {
		used += have.columns()
	}
	stop := (used/tabColumns + 1) * tabColumns
	if stop*cellWidth > p.opts.WidthDots {
		return
	}
	for ; used < stop; used++ {
		p.line = append(p.line, glyph{R: ' ', Wide: 1, High: 1})
	}
}

// flush prints the line that was begun, if any.
func (p *Printer) flush() {
	if len(p.line) > 0 {
		p.lineFeed()
	}
}

// lineFeed prints the line; an empty one moves the paper on.
func (p *Printer) lineFeed() {
	if p.drawn && len(p.line) == 0 {
		p.drawn = false // the picture in the line has moved the paper already
		return
	}
	p.drawn = false
	tall := 1
	for _, g := range p.line {
		tall = max(tall, g.High)
	}
	line := item{Kind: "text", Align: p.modes.align, Glyphs: p.line}
	p.line = nil
	rows := max(p.modes.spacing, cellHeight) + (tall-1)*cellHeight
	begun := false
	p.roll(rows, func(s *Print, n int) {
		if !begun {
			s.Items = append(s.Items, line)
			begun = true
		}
		s.Items[len(s.Items)-1].Rows += n
	})
}

// feed moves white paper.
func (p *Printer) feed(rows int) {
	p.roll(rows, func(s *Print, n int) {
		if k := len(s.Items); k == 0 || s.Items[k-1].Kind != "feed" {
			s.Items = append(s.Items, item{Kind: "feed"})
		}
		s.Items[len(s.Items)-1].Rows += n
	})
}

// beginRaster reads the header m xL xH yL yH of GS v 0 (after its 30h).
func (p *Printer) beginRaster(arg []byte) {
	p.flush()
	r := &rasterState{stride: int(arg[2]) | int(arg[3])<<8, rows: int(arg[4]) | int(arg[5])<<8, scaleX: 1, scaleY: 1}
	if arg[1]&1 != 0 {
		r.scaleX = 2
	}
	if arg[1]&2 != 0 {
		r.scaleY = 2
	}
	if r.stride > 0 && r.rows > 0 {
		p.raster = r
	}
}

// rasterRows prints those rows of a picture that are there; false when it must wait for more.
func (p *Printer) rasterRows() bool {
	r := p.raster
	n := min(len(p.buffer)/r.stride, r.rows, pieceRows)
	if n == 0 {
		return false
	}
	bits := append([]byte(nil), p.buffer[:n*r.stride]...)
	p.buffer = p.buffer[n*r.stride:]
	p.wake()
	r.rows -= n
	if r.rows == 0 {
		p.raster = nil
	}
	s := p.open()
	s.Bytes = append(s.Bytes, bits...)
	p.picture(bits, r.stride, r.scaleX, r.scaleY)
	return true
}

// picture prints rows of dots; those that lie directly below a picture of the same kind are part of it.
func (p *Printer) picture(bits []byte, stride, scaleX, scaleY int) {
	align, at := p.modes.align, 0
	p.roll(len(bits)/stride*scaleY, func(s *Print, n int) {
		k := len(s.Items)
		if k == 0 || s.Items[k-1].Kind != "dots" || s.Items[k-1].Stride != stride || s.Items[k-1].ScaleX != scaleX || s.Items[k-1].ScaleY != scaleY {
			s.Items = append(s.Items, item{Kind: "dots", Align: align, Stride: stride, ScaleX: scaleX, ScaleY: scaleY})
		}
		it := &s.Items[len(s.Items)-1]
		it.Rows += n
		end := min(len(bits), at+(n+scaleY-1)/scaleY*stride)
		it.Bits = append(it.Bits, bits[at:end]...)
		at = end
	})
}

// columnImage is ESC *: columns of 8 or 24 dots, turned into rows.
func (p *Printer) columnImage(arg []byte) {
	high, data := 1, arg[3:]
	if arg[0] == 32 || arg[0] == 33 {
		high = 3
	}
	width := len(data) / high
	if width == 0 {
		return
	}
	p.flush()
	stride := (width + 7) / 8
	bits := make([]byte, stride*8*high)
	for x := range width {
		for y := range 8 * high {
			if data[x*high+y/8]&(0x80>>(y%8)) != 0 {
				bits[y*stride+x/8] |= 0x80 >> (x % 8)
			}
		}
	}
	p.picture(bits, stride, 1, 1)
	p.drawn = true
}

// graphics is GS ( L: function 112 stores a picture whose width is in dots, function 50 prints it.
func (p *Printer) graphics(arg []byte) {
	if len(arg) >= 10 && arg[1] == 112 {
		width, rows := int(arg[6])|int(arg[7])<<8, int(arg[8])|int(arg[9])<<8
		stride := (width + 7) / 8
		if stride == 0 || len(arg)-10 < stride*rows {
			return
		}
		p.flush()
		p.picture(arg[10:10+stride*rows], stride, max(1, int(arg[3])), max(1, int(arg[4])))
	}
}

// symbolCommand is GS ( k for QR (31h): 43 module, 45 correction, 50 store, 51 print.
func (p *Printer) symbolCommand(arg []byte) {
	if len(arg) < 3 || arg[0] != 0x31 {
		return
	}
	switch arg[1] {
	case 0x43:
		p.symbol.module = min(max(int(arg[2]), 1), 16)
	case 0x45:
		p.symbol.level = arg[2]
	case 0x50:
		p.symbol.text = string(arg[3:])
	case 0x51:
		// Clones that are left in Chinese mode print an empty symbol.
		code, err := symbol(p.symbol.text, p.symbol.level)
		if err != nil || p.modes.chinese || p.symbol.text == "" {
			p.opts.Log.Add(device, "device", nil, fmt.Sprintf("prints no symbol: %d bytes, Chinese mode %v", len(p.symbol.text), p.modes.chinese))
			return
		}
		p.flush()
		it := item{Kind: "qr", Align: p.modes.align, Text: p.symbol.text, Level: p.symbol.level, Module: p.symbol.module}
		begun := false
		p.roll(code.Size*p.symbol.module, func(s *Print, n int) {
			if !begun {
				s.Items = append(s.Items, it)
				begun = true
			}
			s.Items[len(s.Items)-1].Rows += n
		})
	}
}

// barcode prints the text of a bar code in brackets: the desk shows that it is there, not its bars.
func (p *Printer) barcode(data []byte) {
	p.flush()
	for _, r := range "[barcode " {
		p.line = append(p.line, glyph{R: r, Wide: 1, High: 1})
	}
	for _, c := range data {
		if c >= 0x20 && c < 0x7F {
			p.line = append(p.line, glyph{R: rune(c), Wide: 1, High: 1})
		}
	}
	p.line = append(p.line, glyph{R: ']', Wide: 1, High: 1})
	p.lineFeed()
}

// cut feeds to the cutter where the command says so, and cuts.
func (p *Printer) cut(o op, raw []byte) {
	s := p.open()
	s.Bytes = append(s.Bytes, raw...)
	p.flush()
	if o.cmd == "GS V" && len(o.arg) == 2 {
		p.feed(feedToCutter + int(o.arg[1]))
	}
	life := p.life
	if p.opts.Pace {
		p.mu.Unlock()
		time.Sleep(cutTime)
		p.mu.Lock()
	}
	if p.life != life {
		return
	}
	if p.faults.On("cutter") {
		p.stuck = true
		p.sendASB()
		p.opts.Log.Add(device, "device", nil, "the cutter is stuck")
		return
	}
	p.cuts++
	s = p.open()
	s.Cut = true
	if p.opts.Presenter {
		s.Fate = fateInside
	}
	p.opts.Log.Add(device, "device", nil, fmt.Sprintf("strip %d is cut off, %d bytes", s.N, len(s.Bytes)))
}

// query answers a request that waited in the buffer.
func (p *Printer) query(o op) {
	switch o.cmd {
	case "GS r":
		b := byte(0)
		if n := o.arg[0] % 48; n == 1 && (p.faults.On("paper_near_end")) {
			b = 0x03
		}
		p.reply([]byte{b}, "status, in its turn", true)
	case "GS I":
		p.identity(o.arg[0])
	case "GS g":
		number := int(o.arg[2]) | int(o.arg[3])<<8
		if o.arg[0] == '2' && o.arg[1] == 0 && (number == 178 || number == 50) && !p.opts.NoCuts {
			p.reply(block(strconv.FormatInt(p.cuts, 10)), fmt.Sprintf("%d cuts", p.cuts), true)
		}
	case "GS a":
		p.modes.asb = o.arg[0]
		p.sendASB()
	}
}

// identity is GS I: one byte, or a text.
func (p *Printer) identity(n byte) {
	texts := map[byte]string{65: "1.00", 66: p.opts.Maker, 67: p.opts.Model, 68: p.opts.Serial}
	switch {
	case n == 1 || n == 49:
		p.reply([]byte{0x20}, "model number", true)
	case n == 2 || n == 50:
		p.reply([]byte{0x02}, "type: cutter", true)
	case texts[n] != "":
		p.reply(block(texts[n]), "identity "+texts[n], true)
	}
}

// block is 5F, text, 00.
func block(text string) []byte {
	return append(append([]byte{0x5F}, text...), 0)
}
