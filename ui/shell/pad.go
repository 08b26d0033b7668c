package shell

import (
	"github.com/gotk3/gotk3/cairo"
	"github.com/gotk3/gotk3/gdk"
	"github.com/gotk3/gotk3/gtk"

	"yichuang/kiosk/front"
)

// thousand is the measure of the field: points are in thousandths of its width and height.
const thousand = 1000

// listen lets a finger, or a pointer, write in the field. Each stroke that ends is told to kioskd.
func (s *shell) listen(n *node) {
	n.widget.AddEvents(int(gdk.BUTTON_PRESS_MASK | gdk.BUTTON_RELEASE_MASK | gdk.POINTER_MOTION_MASK | gdk.TOUCH_MASK))
	writing := false
	at := func(x, y float64) front.Point {
		w, h := float64(n.widget.GetAllocatedWidth()), float64(n.widget.GetAllocatedHeight())
		return front.Point{X: within(x / w * thousand), Y: within(y / h * thousand)}
	}
	begin := func(x, y float64) {
		if writing = n.e.Enabled && len(s.strokes) < strokesMax; writing {
			s.strokes = append(s.strokes[:len(s.strokes):len(s.strokes)], front.Stroke{at(x, y)})
			n.area.QueueDraw()
		}
	}
	goOn := func(x, y float64) {
		if last := len(s.strokes) - 1; writing && last >= 0 && len(s.strokes[last]) < pointsMax {
			s.strokes[last] = append(s.strokes[last], at(x, y))
			n.area.QueueDraw()
		}
	}
	end := func() {
		if writing {
			writing = false
			s.sign()
		}
	}
	n.button.Connect("button-press-event", func(_ *gtk.Button, ev *gdk.Event) bool {
		b := gdk.EventButtonNewFromEvent(ev)
		if b.Type() == gdk.EVENT_BUTTON_PRESS { // a double press has sent this one already
			begin(b.X(), b.Y())
		}
		return true
	})
	n.button.Connect("motion-notify-event", func(_ *gtk.Button, ev *gdk.Event) bool {
		x, y := gdk.EventMotionNewFromEvent(ev).MotionVal()
		goOn(x, y)
		return true
	})
	n.button.Connect("button-release-event", func(*gtk.Button, *gdk.Event) bool { end(); return true })
	n.button.Connect("touch-event", func(_ *gtk.Button, ev *gdk.Event) bool {
		t := gdk.EventTouchNewFromEvent(ev)
		switch t.Type() {
		case gdk.EVENT_TOUCH_BEGIN:
			begin(t.X(), t.Y())
		case gdk.EVENT_TOUCH_UPDATE:
			goOn(t.X(), t.Y())
		default:
			end()
		}
		return true
	})
}

func within(v float64) int { return int(min(max(v, 0), thousand)) }

// paintPad draws the field: a line to write on, faint words while it is empty, and the strokes.
func (s *shell) paintPad(n *node, cr *cairo.Context, w, h float64) {
	p := colours(s.view.Elder)
	cr.SetSourceRGB(p.rgb("sand"))
	cr.SetLineWidth(max(1, h/240))
	cr.MoveTo(w*0.08, h*0.78)
	cr.LineTo(w*0.92, h*0.78)
	cr.Stroke()
	if len(s.strokes) == 0 {
		cr.SetSourceRGB(p.rgb("faint"))
		centre(cr, n.e.Text, w/2, h*0.5, h*0.09)
	}
	cr.SetSourceRGB(p.rgb("text"))
	cr.SetLineWidth(h / 70)
	cr.SetLineCap(cairo.LINE_CAP_ROUND)
	cr.SetLineJoin(cairo.LINE_JOIN_ROUND)
	for _, stroke := range s.strokes {
		for i, q := range stroke {
			x, y := float64(q.X)*w/thousand, float64(q.Y)*h/thousand
			if i == 0 {
				cr.MoveTo(x, y)
				cr.LineTo(x, y) // a single touch is a dot
			} else {
				cr.LineTo(x, y)
			}
		}
		cr.Stroke()
	}
}

// centre writes a short text around a point.
func centre(cr *cairo.Context, words string, x, y, size float64) {
	cr.SelectFontFace("Noto Sans CJK SC", cairo.FONT_SLANT_NORMAL, cairo.FONT_WEIGHT_BOLD)
	cr.SetFontSize(size)
	e := cr.TextExtents(words)
	cr.MoveTo(x-e.Width/2-e.XBearing, y-e.Height/2-e.YBearing)
	cr.ShowText(words)
}
