package typeset

import (
	"math"

	"github.com/gotk3/gotk3/cairo"

	"yichuang/kiosk/document"
)

const (
	gold  = 0xB98A2F
	straw = 0xDDC58E
	cream = 0xFBF6E9
	pale  = 0xF7F0E0
	seal  = 0xA8322A

	strands = 4  // of the band, evenly apart
	petals  = 60 // of the ground
)

// drawFrame draws the border of an official paper: a woven band of waves between two rules, with
// a squared knot (回纹) in each corner.
func drawFrame(cr *cairo.Context, f document.Frame) {
	outer, band := scale(f.Outer), f.Band*pt
	inner := inset(outer, band)
	unit := band / 11 // the design is drawn 11 units broad

	rosette(cr, outer)
	colour(cr, cream)
	cr.SetFillRule(cairo.FILL_RULE_EVEN_ODD)
	cr.Rectangle(outer.X, outer.Y, outer.W, outer.H)
	cr.Rectangle(inner.X, inner.Y, inner.W, inner.H)
	cr.Fill()
	cr.SetFillRule(cairo.FILL_RULE_WINDING)
	for k := range strands {
		colour(cr, straw)
		if k%2 == 0 {
			colour(cr, gold)
		}
		cr.SetLineWidth(0.14 * unit)
		for side := range 4 {
			wave(cr, outer, band, side, float64(k)/strands, unit)
		}
	}
	colour(cr, gold)
	rule(cr, outer, 0.9*unit)
	rule(cr, inset(outer, 1.3*unit), 0.25*unit)
	rule(cr, inner, 0.25*unit)
	colour(cr, seal)
	rule(cr, inset(inner, 1.1*unit), 0.45*unit)
	for corner := range 4 {
		knot(cr, outer, band, corner, unit)
	}
}

func scale(b document.Box) document.Box {
	return document.Box{X: b.X * pt, Y: b.Y * pt, W: b.W * pt, H: b.H * pt}
}

func inset(b document.Box, by float64) document.Box {
	return document.Box{X: b.X + by, Y: b.Y + by, W: b.W - 2*by, H: b.H - 2*by}
}

func rule(cr *cairo.Context, b document.Box, width float64) {
	cr.SetLineWidth(width)
	cr.Rectangle(b.X, b.Y, b.W, b.H)
	cr.Stroke()
}

// rosette draws the pale ground in the middle of the sheet: ellipses turned about one point.
func rosette(cr *cairo.Context, outer document.Box) {
	r := outer.H * 0.36
	colour(cr, pale)
	for k := range petals {
		cr.Save()
		cr.Translate(outer.X+outer.W/2, outer.Y+outer.H*0.55)
		cr.Rotate(float64(k) * math.Pi / petals)
		cr.Scale(r, r*0.42)
		cr.NewPath()
		cr.Arc(0, 0, 1, 0, 2*math.Pi)
		cr.Restore()
		cr.SetLineWidth(outer.H / 900)
		cr.Stroke()
	}
}

// wave draws one strand of the band along one side (0 top, 1 right, 2 bottom, 3 left), between the
// corner knots, shifted by a part of a whole wave. A half wave is one curve, so that the page stays small.
func wave(cr *cairo.Context, outer document.Box, band float64, side int, part, unit float64) {
	length := outer.W
	if side%2 == 1 {
		length = outer.H
	}
	length -= 2 * band
	half := length / math.Round(length/(7.5*unit)) // a whole number of half waves from knot to knot
	shift := part * 2 * half
	amplitude := 3.2 * unit
	// at turns a place along and across the side into one on the page.
	at := func(along, across float64) (x, y float64) {
		along, across = band+along, band/2+0.65*unit+across
		switch side {
		case 0:
			return outer.X + along, outer.Y + across
		case 1:
			return outer.X + outer.W - across, outer.Y + along
		case 2:
			return outer.X + along, outer.Y + outer.H - across
		}
		return outer.X + across, outer.Y + along
	}
	cr.Save()
	x1, y1 := at(0, -band/2)
	x2, y2 := at(length, band/2)
	cr.Rectangle(min(x1, x2), min(y1, y2), math.Abs(x2-x1), math.Abs(y2-y1))
	cr.Clip()
	cr.NewPath()
	cr.MoveTo(at(shift-2*half, 0))
	sign := 1.0
	for a := shift - 2*half; a < length+half; a += half {
		// These control points give the curve that comes nearest to half a sine.
		cx1, cy1 := at(a+0.3642*half, sign*amplitude*4/3)
		cx2, cy2 := at(a+0.6358*half, sign*amplitude*4/3)
		x, y := at(a+half, 0)
		cr.CurveTo(cx1, cy1, cx2, cy2, x, y)
		sign = -sign
	}
	cr.Stroke()
	cr.Restore()
}

// knot draws the squared spiral of one corner, on its own ground so that the waves end at it.
func knot(cr *cairo.Context, outer document.Box, band float64, corner int, unit float64) {
	x, y, sx, sy := outer.X, outer.Y, 1.0, 1.0
	if corner%2 == 1 {
		x, sx = outer.X+outer.W, -1
	}
	if corner >= 2 {
		y, sy = outer.Y+outer.H, -1
	}
	cr.Save()
	cr.Translate(x, y)
	cr.Scale(sx*unit, sy*unit)
	colour(cr, cream)
	cr.Rectangle(1.5, 1.5, 9.4, 9.4)
	cr.Fill()
	colour(cr, gold)
	cr.SetLineWidth(0.25)
	cr.Rectangle(1.3, 1.3, 9.7, 9.7)
	cr.Stroke()
	cr.SetLineWidth(0.75)
	cr.MoveTo(2.6, 9.7)
	for _, p := range [][2]float64{{2.6, 2.6}, {9.7, 2.6}, {9.7, 9.7}, {4.4, 9.7}, {4.4, 4.4}, {7.9, 4.4}, {7.9, 7.9}, {6.1, 7.9}, {6.1, 6.1}} {
		cr.LineTo(p[0], p[1])
	}
	cr.Stroke()
	cr.Restore()
}
