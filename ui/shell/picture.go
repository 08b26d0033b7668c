package shell

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/gotk3/gotk3/cairo"
	"github.com/gotk3/gotk3/gdk"
	"github.com/gotk3/gotk3/glib"
	"github.com/gotk3/gotk3/gtk"
	"rsc.io/qr"

	"yichuang/ui/page"
)

// paint draws what no style sheet can: signs, symbols, bars, and pictures that show a hand what to do.
func (s *shell) paint(n *node, cr *cairo.Context, w, h float64) {
	d := pen{cr, colours(s.view.Elder)}
	switch n.e.Kind {
	case page.Pad:
		s.paintPad(n, cr, w, h)
	case page.Photo:
		d.photo(n.e.PNG, w, h)
	case page.Symbol:
		d.symbol(n.e.Text, w, h)
	case page.Bar:
		d.bar(n.e.Done, n.e.Of, w, h)
	default:
		d.picture(n.e.Picture, w, h, s.moment())
	}
}

// moment is how long the pictures of this page have been moving, as a share of a round: 0 to 1, and 1
// after the last one, which is the picture that stays.
func (s *shell) moment() float64 {
	const round = 3 * time.Second
	run := s.options.Clock().Sub(s.since)
	if run >= movesFor || run < 0 || s.options.Still {
		return 1
	}
	return float64(run%round) / float64(round)
}

// move begins to move the pictures of a page. The timer ends with them: a screen at rest does nothing.
func (s *shell) move() {
	if s.moving || !s.drawn.Moving || s.options.Still {
		return
	}
	s.moving = true
	glib.TimeoutAdd(uint(frameEvery/time.Millisecond), func() bool {
		s.moving = s.parts != nil && s.drawn.Moving && s.options.Clock().Sub(s.since) < movesFor+2*frameEvery
		if s.moving {
			s.parts.body.each(func(n *node) {
				if n.area != nil && strings.HasPrefix(n.e.Picture, "move.") {
					n.area.QueueDraw()
				}
			})
		}
		return s.moving
	})
}

// photo fills its room with a picture; one that is none leaves it empty.
func (d pen) photo(png []byte, w, h float64) {
	p, err := gdk.PixbufNewFromBytesOnly(png)
	if err != nil {
		return
	}
	d.Save()
	defer d.Restore()
	d.Scale(w/float64(p.GetWidth()), h/float64(p.GetHeight()))
	gtk.GdkCairoSetSourcePixBuf(d.Context, p, 0, 0)
	d.Paint()
}

func (d pen) picture(name string, w, h, t float64) {
	switch {
	case strings.HasPrefix(name, "icon."):
		d.icon(name, w, h)
	case strings.HasPrefix(name, "mark."):
		d.mark(name, w, h)
	case strings.HasPrefix(name, "face."):
		var level float64
		if _, err := fmt.Sscanf(name, "face.%f", &level); err == nil {
			d.face(min(max(level, 1), 5), w, h)
		}
	default:
		if draw, ok := pictures[name]; ok {
			draw(d, w, h, t)
		}
	}
}

// bar fills from the left. It is green, because what it shows is in the box.
func (d pen) bar(done, of int64, w, h float64) {
	d.box("sand", 0, 0, w, h, h/2)
	if done <= 0 || of <= 0 {
		return
	}
	d.Save()
	d.round(0, 0, w, h, h/2)
	d.Clip()
	d.colour("in")
	d.Rectangle(0, 0, w*min(1, float64(done)/float64(of)), h)
	d.Fill()
	d.Restore()
}

// symbol draws a QR symbol in whole pixels, so that a phone reads it from a distance.
func (d pen) symbol(text string, w, h float64) {
	d.SetSourceRGB(1, 1, 1)
	d.Paint()
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return // longer than a symbol can hold; its words stand in the description
	}
	dots := math.Floor(min(w, h) / float64(code.Size))
	left, top := math.Floor((w-dots*float64(code.Size))/2), math.Floor((h-dots*float64(code.Size))/2)
	d.SetSourceRGB(0, 0, 0)
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				d.Rectangle(left+float64(x)*dots, top+float64(y)*dots, dots, dots)
			}
		}
	}
	d.Fill()
}

// ease makes a movement begin and end gently; it is done at the share stop of the round and rests then.
func ease(t, stop float64) float64 {
	t = min(1, t/stop)
	return t * t * (3 - 2*t)
}

// pictures are drawn for a room of w × h at a moment t of their round.
var pictures = map[string]func(d pen, w, h, t float64){
	"move.card": func(d pen, w, h, t float64) {
		d.box("ink2", w*0.12, h*0.30, w*0.76, h*0.62, h*0.06)
		d.colour("light")
		d.SetLineWidth(h * 0.022)
		d.round(w*0.30, h*0.40, w*0.40, h*0.42, h*0.04)
		d.Stroke()
		y := h*0.02 + ease(t, 0.6)*h*0.40
		d.card(w*0.32, y, w*0.36, h*0.38)
	},
	"move.bill": func(d pen, w, h, t float64) {
		d.box("sheet", w*0.24, h*0.06, w*0.52, h*0.90, h*0.03)
		for i := range 5 {
			d.box("sand", w*0.29, h*(0.36+0.11*float64(i)), w*(0.42-0.05*float64(i%3)), h*0.035, 2)
		}
		d.box("cream", w*0.48, h*0.12, w*0.25, h*0.14, h*0.02)
		d.colour("ink")
		centre(d.Context, "3102 0045", w*0.605, h*0.19, h*0.065)
		d.box("sand", w*0.29, h*0.14, w*0.14, h*0.06, 3)
		pulse := 1 + 0.06*math.Sin(ease(t, 1)*4*math.Pi)
		d.colour("seal")
		d.SetLineWidth(h * 0.018)
		d.Save()
		d.Translate(w*0.605, h*0.19)
		d.Scale(w*0.155*pulse, h*0.125*pulse)
		d.NewPath()
		d.Arc(0, 0, 1, 0, 2*math.Pi)
		d.Restore()
		d.Stroke()
	},
	"move.note": func(d pen, w, h, t float64) { d.mouth(w, h, ease(t, 0.6), true) },
	"move.money": func(d pen, w, h, t float64) {
		d.box("ink2", 0, 0, w, h, h*0.10)
		d.Save()
		d.Rectangle(0, 0, w, h*0.74)
		d.Clip()
		d.note(w*0.13, h*(0.10+0.42*ease(t, 0.6)), w*0.42, h*0.40)
		d.coin(w*0.79, h*(0.28+0.42*ease(t, 0.6)), h*0.15)
		d.Restore()
		d.box("light", w*0.06, h*0.72, w*0.56, h*0.09, h*0.045)
		d.box("light", w*0.69, h*0.72, w*0.20, h*0.09, h*0.045)
	},
	"move.change": func(d pen, w, h, t float64) { d.change(w, h, t) },
	"note.inside": func(d pen, w, h, _ float64) { d.mouth(w, h, 2, false) },
	"note.closed": func(d pen, w, h, _ float64) { d.mouth(w, h, 2, false) },
	"move.paper":  func(d pen, w, h, t float64) { d.slip(w, h, t) },
	"move.both": func(d pen, w, h, t float64) {
		d.Save()
		d.Translate(-w*0.12, 0)
		d.slip(w*0.74, h, t)
		d.Translate(w*0.616, 0)
		d.change(w*0.548, h, t)
		d.Restore()
	},
	"move.sheet": func(d pen, w, h, t float64) {
		d.box("ink2", w*0.14, h*0.10, w*0.72, h*0.46, h*0.06)
		d.box("light", w*0.76, h*0.19, h*0.05, h*0.05, h*0.025)
		long := h * 0.46 * ease(t, 0.7)
		d.box("sheet", w*0.28, h*0.48, w*0.44, long+1, 3)
		d.colour("seal")
		if long > h*0.3 {
			d.dot(w*0.62, h*0.48+long-h*0.11, h*0.06)
		}
		d.box("paper", w*0.22, h*0.46, w*0.56, h*0.03, h*0.015)
	},
	"move.phone": func(d pen, w, h, t float64) {
		d.box("ink2", w*0.20, h*0.74, w*0.60, h*0.22, h*0.05)
		d.box("light", w*0.36, h*0.80, w*0.28, h*0.03, h*0.015)
		y := h*0.02 + ease(t, 0.6)*h*0.10
		d.box("text", w*0.40, y, w*0.20, h*0.58, h*0.04)
		d.box("sheet", w*0.412, y+h*0.03, w*0.176, h*0.52, h*0.025)
		d.colour("text")
		for i := range 12 {
			bar := w * 0.140 / 12
			d.Rectangle(w*0.43+float64(i)*bar, y+h*0.10, bar*(0.35+0.4*float64(i*7%3)/2), h*0.16)
		}
		d.Fill()
		d.SetSourceRGBA(0.37, 0.87, 0.55, 0.30)
		d.path(w*0.38, h*0.80, w*0.62, h*0.80, w*0.58, y+h*0.30, w*0.42, y+h*0.30)
		d.ClosePath()
		d.Fill()
	},
	"move.wait": func(d pen, w, h, t float64) {
		r := min(w, h)
		for i := range 5 {
			a := t*5 - float64(i)
			lift := 0.0
			if a > 0 && a < 1 && t < 1 {
				lift = math.Sin(a * math.Pi)
			}
			d.colour("ink")
			if lift == 0 && t < 1 {
				d.colour("calmline")
			}
			d.dot(w/2+(float64(i)-2)*r*0.17, h/2-lift*r*0.12, r*0.055)
		}
	},
	"move.done": func(d pen, w, h, t float64) {
		r := min(w, h) * 0.46
		d.colour("in")
		d.dot(w/2, h/2, r)
		d.colour("onink")
		d.SetLineWidth(r * 0.17)
		d.SetLineCap(cairo.LINE_CAP_ROUND)
		d.SetLineJoin(cairo.LINE_JOIN_ROUND)
		d.lines(w/2-r*0.45, h/2+r*0.03, w/2-r*0.12, h/2+r*0.36, w/2+r*0.47, h/2-r*0.32)
		_ = t
	},
	"rest": func(d pen, w, h, _ float64) {
		r := min(w, h) * 0.40
		d.colour("calmbg")
		d.dot(w/2, h/2, r*1.2)
		d.colour("ink")
		d.NewPath()
		d.Arc(w/2, h/2, r*0.75, math.Pi*0.0, math.Pi*1.5)
		d.CurveTo(w/2-r*0.15, h/2-r*0.25, w/2+r*0.15, h/2+r*0.1, w/2+r*0.75, h/2)
		d.ClosePath()
		d.Fill()
	},
	"sheet.done": func(d pen, w, h, _ float64) {
		d.paper(w, h, "goodbg", "in")
		d.colour("in")
		d.SetLineWidth(w * 0.07)
		d.SetLineCap(cairo.LINE_CAP_ROUND)
		d.lines(w*0.30, h*0.55, w*0.44, h*0.67, w*0.71, h*0.40)
	},
	"sheet.wait": func(d pen, w, h, _ float64) {
		d.paper(w, h, "sheet", "edge")
		for i := range 4 {
			d.box("sand", w*0.24, h*(0.30+0.14*float64(i)), w*(0.52-0.12*float64(i%2)), h*0.035, 2)
		}
	},
}

// mouth draws the acceptor with a note before it (in 0), in it (1), or none (2), green while it takes one.
func (d pen) mouth(w, h, in float64, green bool) {
	d.box("ink2", 0, 0, w, h, h*0.10)
	light := "light"
	if !green {
		light = "sand"
	}
	if in < 2 {
		d.Save()
		d.Rectangle(0, 0, w, h*0.74)
		d.Clip()
		d.note(w*0.24, h*(0.10+0.42*in), w*0.52, h*0.44)
		d.Restore()
	}
	d.box(light, w*0.12, h*0.72, w*0.76, h*0.09, h*0.045)
}

// note draws a banknote of no country.
func (d pen) note(x, y, w, h float64) {
	d.box("seal", x, y, w, h, h*0.07)
	d.colour("onink")
	d.SetLineWidth(h * 0.027)
	d.ring(x+w/2, y+h/2, h*0.295)
	centre(d.Context, "¥", x+w/2, y+h/2, h*0.34)
}

// coin draws a coin with its middle at a point.
func (d pen) coin(x, y, r float64) {
	d.colour("gold")
	d.dot(x, y, r)
	d.colour("onink")
	d.SetLineWidth(r * 0.10)
	d.ring(x, y, r*0.80)
	centre(d.Context, "¥", x, y, r)
}

// slip draws a paper that comes out of its slot.
func (d pen) slip(w, h, t float64) {
	y := h*0.20 + ease(t, 0.6)*h*0.02
	long := h * (0.12 + 0.56*ease(t, 0.6))
	d.box("ink2", w*0.16, h*0.06, w*0.68, h*0.22, h*0.05)
	d.box("light", w*0.26, h*0.19, w*0.48, h*0.03, h*0.015)
	d.box("sheet", w*0.32, y, w*0.36, long, 3)
	d.Save()
	d.Rectangle(w*0.32, y, w*0.36, long)
	d.Clip()
	for i := range 6 {
		d.box("sand", w*0.37, y+long-h*(0.10+0.095*float64(i)), w*(0.26-0.06*float64(i%2)), h*0.03, 2)
	}
	d.Restore()
}

// change draws a note and coins that come out of theirs.
func (d pen) change(w, h, t float64) {
	fall := ease(t, 0.6)
	d.box("ink2", w*0.08, h*0.06, w*0.84, h*0.24, h*0.06)
	d.Save()
	d.Rectangle(0, h*0.22, w, h)
	d.Clip()
	d.note(w*0.16, h*(0.31*fall-0.10), w*0.40, h*0.34)
	d.coin(w*0.74, h*(0.12+0.34*fall), h*0.085)
	d.coin(w*0.68, h*(0.07+0.58*fall), h*0.085)
	d.Restore()
	d.box("light", w*0.14, h*0.20, w*0.44, h*0.035, h*0.017)
	d.box("light", w*0.63, h*0.20, w*0.20, h*0.035, h*0.017)
}

// card draws an identity card that nobody owns.
func (d pen) card(x, y, w, h float64) {
	d.box("calmbg", x, y, w, h, h*0.08)
	d.box("calmline", x+w*0.66, y+h*0.16, w*0.25, h*0.50, h*0.04)
	d.colour("sheet")
	d.dot(x+w*0.785, y+h*0.33, h*0.11)
	for i := range 4 {
		d.box("text2", x+w*0.08, y+h*(0.18+0.15*float64(i)), w*(0.46-0.10*float64(i%2)), h*0.06, 2)
	}
	d.box("text2", x+w*0.08, y+h*0.82, w*0.62, h*0.06, 2)
}

// paper is the outline of a sheet.
func (d pen) paper(w, h float64, fill, edge string) {
	d.box(fill, w*0.10, h*0.04, w*0.80, h*0.92, w*0.06)
	d.colour(edge)
	d.SetLineWidth(max(1, w*0.025))
	d.round(w*0.10, h*0.04, w*0.80, h*0.92, w*0.06)
	d.Stroke()
}
