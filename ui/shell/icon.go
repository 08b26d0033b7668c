package shell

import (
	"math"
	"strings"

	"github.com/gotk3/gotk3/cairo"
)

// pen draws with cairo in the colours of a palette.
type pen struct {
	*cairo.Context
	p palette
}

func (d pen) colour(name string) { d.SetSourceRGB(d.p.rgb(name)) }

// round is the path of a rectangle with round corners.
func (d pen) round(x, y, w, h, r float64) {
	d.NewPath()
	d.Arc(x+w-r, y+r, r, -math.Pi/2, 0)
	d.Arc(x+w-r, y+h-r, r, 0, math.Pi/2)
	d.Arc(x+r, y+h-r, r, math.Pi/2, math.Pi)
	d.Arc(x+r, y+r, r, math.Pi, 3*math.Pi/2)
	d.ClosePath()
}

func (d pen) box(colour string, x, y, w, h, r float64) {
	d.colour(colour)
	d.round(x, y, w, h, r)
	d.Fill()
}

// path draws lines from point to point: x0, y0, x1, y1 …
func (d pen) path(points ...float64) {
	d.NewPath()
	for i := 0; i+1 < len(points); i += 2 {
		d.LineTo(points[i], points[i+1])
	}
}

func (d pen) lines(points ...float64) {
	d.path(points...)
	d.Stroke()
}

func (d pen) ring(x, y, r float64) {
	d.NewPath()
	d.Arc(x, y, r, 0, 2*math.Pi)
	d.Stroke()
}

func (d pen) dot(x, y, r float64) {
	d.NewPath()
	d.Arc(x, y, r, 0, 2*math.Pi)
	d.Fill()
}

// icon draws one of the small signs. Those of cards stand on a tile of their own colour.
func (d pen) icon(name string, w, h float64) {
	side := min(w, h)
	d.Save()
	defer d.Restore()
	d.Translate((w-side)/2, (h-side)/2)
	d.SetLineCap(cairo.LINE_CAP_ROUND)
	d.SetLineJoin(cairo.LINE_JOIN_ROUND)
	base, tile, line := name, "calmbg", "ink"
	if s, ok := strings.CutSuffix(name, ".red"); ok {
		base, tile, line = s, "seal", "onink"
	} else if s, ok := strings.CutSuffix(name, ".gold"); ok {
		base, tile, line = s, "gold", "onink"
	}
	switch base {
	case "icon.next", "icon.down", "icon.say", "icon.wait", "icon.note":
	default:
		d.box(tile, 0, 0, side, side, side*0.22)
	}
	d.Scale(side/24, side/24) // signs are drawn on 24 × 24
	d.SetLineWidth(1.25)
	d.colour(line)
	if draw, ok := signs[base]; ok {
		draw(d)
	}
}

// signs are the lines of each icon.
var signs = map[string]func(pen){
	"icon.apply": func(d pen) {
		d.path(7.5, 5.5, 13.5, 5.5, 16.5, 8.5, 16.5, 18.5, 7.5, 18.5)
		d.ClosePath()
		d.Stroke()
		d.lines(9.8, 11.5, 14.2, 11.5)
		d.lines(9.8, 14.8, 12.6, 14.8)
	},
	"icon.pay": func(d pen) {
		d.lines(8, 6, 12, 11.5, 16, 6)
		d.lines(12, 11.5, 12, 18.5)
		d.lines(8.5, 11.8, 15.5, 11.8)
		d.lines(8.5, 14.9, 15.5, 14.9)
	},
	"icon.look": func(d pen) {
		d.ring(10.8, 10.8, 4.4)
		d.lines(14.1, 14.1, 18.2, 18.2)
	},
	"icon.guide": func(d pen) {
		d.lines(12, 7.6, 12, 18)
		d.path(12, 7.6, 10.2, 6.4, 5.6, 6.4, 5.6, 16.8, 10.2, 16.8, 12, 18, 13.8, 16.8, 18.4, 16.8, 18.4, 6.4, 13.8, 6.4, 12, 7.6)
		d.Stroke()
	},
	"icon.ask": func(d pen) {
		d.path(5.6, 6, 18.4, 6, 18.4, 15.6, 11, 15.6, 7.6, 18.6, 7.6, 15.6, 5.6, 15.6)
		d.ClosePath()
		d.Stroke()
		d.NewPath()
		d.Arc(12, 9.6, 1.6, math.Pi, 2.4*math.Pi)
		d.LineTo(12, 11.8)
		d.Stroke()
		d.dot(12, 13.6, 0.7)
	},
	"icon.rate": func(d pen) {
		d.NewPath()
		for i := range 10 {
			r, a := 7.0, -math.Pi/2+float64(i)*math.Pi/5
			if i%2 == 1 {
				r = 2.9
			}
			d.LineTo(12+r*math.Cos(a), 12.4+r*math.Sin(a))
		}
		d.ClosePath()
		d.Stroke()
	},
	"icon.water": func(d pen) {
		d.NewPath()
		d.MoveTo(12, 5)
		d.CurveTo(13.5, 8, 17, 10.8, 17, 14)
		d.CurveTo(17, 17, 14.7, 19, 12, 19)
		d.CurveTo(9.3, 19, 7, 17, 7, 14)
		d.CurveTo(7, 10.8, 10.5, 8, 12, 5)
		d.ClosePath()
		d.Stroke()
		d.NewPath()
		d.Arc(12, 14, 2.6, 0.2, 1.4)
		d.Stroke()
	},
	"icon.pay.cash": func(d pen) {
		d.round(4.6, 7.4, 14.8, 9.2, 1)
		d.Stroke()
		d.ring(12, 12, 2.3)
		d.lines(7, 12, 7.01, 12)
		d.lines(17, 12, 17.01, 12)
	},
	"icon.pay.show": func(d pen) {
		for _, q := range [][2]float64{{6, 6}, {13.4, 6}, {6, 13.4}} {
			d.round(q[0], q[1], 4.6, 4.6, 0.6)
			d.Stroke()
		}
		for _, q := range [][2]float64{{14, 14}, {17.4, 14}, {15.7, 16}, {14, 17.8}, {17.4, 17.8}} {
			d.dot(q[0], q[1], 0.8)
		}
	},
	"icon.pay.scan": func(d pen) {
		d.round(8, 4.8, 8, 14.4, 1.4)
		d.Stroke()
		for i := range 4 {
			x := 10 + float64(i)*1.35
			d.lines(x, 9, x, 14)
		}
	},
	"icon.next": func(d pen) {
		d.SetLineWidth(2.6)
		d.colour("text2")
		d.lines(9, 5, 16, 12, 9, 19)
	},
	"icon.down": func(d pen) {
		d.SetLineWidth(2.6)
		d.colour("text2")
		d.lines(5, 9, 12, 16, 19, 9)
	},
	"icon.say": func(d pen) {
		d.colour("bad")
		d.dot(12, 12, 11)
		d.colour("sheet")
		d.SetLineWidth(2.8)
		d.lines(12, 6.5, 12, 13)
		d.dot(12, 17.2, 1.6)
	},
	"icon.note": func(d pen) {
		d.colour("ink")
		d.dot(12, 12, 11)
		d.colour("sheet")
		d.SetLineWidth(2.8)
		d.dot(12, 6.8, 1.6)
		d.lines(12, 11, 12, 17.5)
	},
	"icon.wait": func(d pen) {
		d.colour("ink")
		d.SetLineWidth(2.4)
		d.ring(12, 12, 9.8)
		d.lines(12, 6.5, 12, 12, 15.8, 14.4)
	},
}

// mark draws whether a choice is on: a ring for one of several, a square for any number.
func (d pen) mark(name string, w, h float64) {
	side := min(w, h)
	d.Translate((w-side)/2, (h-side)/2)
	d.Scale(side/24, side/24)
	d.SetLineCap(cairo.LINE_CAP_ROUND)
	d.SetLineJoin(cairo.LINE_JOIN_ROUND)
	on := strings.HasSuffix(name, ".on")
	many := strings.HasPrefix(name, "mark.many")
	d.SetLineWidth(2)
	d.colour("edge")
	if on {
		d.colour("ink")
	}
	shape := func() {
		if many {
			d.round(2, 2, 20, 20, 5)
		} else {
			d.NewPath()
			d.Arc(12, 12, 10, 0, 2*math.Pi)
		}
	}
	shape()
	if !on {
		d.Stroke()
		return
	}
	d.Fill()
	d.colour("onink")
	d.SetLineWidth(2.8)
	d.lines(6.8, 12.4, 10.6, 16, 17.4, 8.4)
}

// face draws one of five faces, 5 the happiest.
func (d pen) face(level, w, h float64) {
	side := min(w, h)
	d.Translate((w-side)/2, (h-side)/2)
	d.Scale(side/24, side/24)
	d.SetLineCap(cairo.LINE_CAP_ROUND)
	d.colour([]string{"seal", "bad", "gold", "in", "in"}[int(level)-1])
	d.dot(12, 12, 11.4)
	d.colour("onink")
	d.dot(8.2, 9.6, 1.35)
	d.dot(15.8, 9.6, 1.35)
	d.SetLineWidth(1.7)
	bend := (level - 3) * 2.1 // down at the ends, straight, up
	d.NewPath()
	d.MoveTo(7, 15.6-bend*0.35)
	d.CurveTo(9.5, 15.6+bend, 14.5, 15.6+bend, 17, 15.6-bend*0.35)
	d.Stroke()
}
