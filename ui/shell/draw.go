package shell

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"

	"github.com/gotk3/gotk3/cairo"
	"github.com/gotk3/gotk3/gtk"
	"github.com/gotk3/gotk3/pango"

	"yichuang/ui/page"
)

// node is an element and the widget that shows it.
type node struct {
	e        page.Element
	widget   *gtk.Widget
	box      *gtk.Box    // Column, Row, Space; also what lies in a Button
	label    *gtk.Label  // Text
	button   *gtk.Button // Button, Pad
	area     *gtk.DrawingArea
	inside   []*node
	pressed  int64 // revision of the view under the finger; 0 when no finger is down
	revision int64
}

// canvas makes widgets of elements and keeps them true to later ones.
type canvas struct {
	scale   float64       // of the whole screen
	fit     float64       // of what lies between the bars, to be set before building it
	touch   func(n *node) // a button was touched
	paint   func(n *node, cr *cairo.Context, w, h float64)
	pad     func(n *node) // a field for a signature was made
	elder   func() bool   // large type and high contrast
	current func() int64  // revision of the view that is shown
}

func (c *canvas) px(n int) int { return int(math.Round(float64(n) * c.scale * c.fit)) }

// must panics where GTK has no memory for a widget; there is nothing else it could mean.
func must[T any](w T, err error) T {
	if err != nil {
		panic("shell: " + err.Error())
	}
	return w
}

func (c *canvas) build(e page.Element) *node {
	n := &node{e: e}
	switch e.Kind {
	case page.Column, page.Row, page.Space:
		c.buildBox(n)
	case page.Text:
		c.buildText(n)
	case page.Button:
		c.buildButton(n)
	case page.Picture, page.Photo, page.Symbol, page.Bar:
		n.area = must(gtk.DrawingAreaNew())
		n.widget = &n.area.Widget
		c.paints(n)
	case page.Pad:
		c.buildPad(n)
	default:
		panic("shell: no element is called " + string(e.Kind))
	}
	c.size(n)
	c.dress(n, "", e.Class)
	r := keepRole
	if e.Kind == page.Symbol || e.Kind == page.Photo {
		r = imageRole
	}
	if e.ID != "" || e.Name != "" || e.About != "" {
		name(n.widget, &e, r)
	}
	return n
}

func (c *canvas) size(n *node) {
	w, h := -1, -1
	if n.e.W > 0 {
		w = c.px(n.e.W)
	}
	if n.e.H > 0 {
		h = c.px(n.e.H)
	}
	if w >= 0 || h >= 0 {
		n.widget.SetSizeRequest(w, h)
	}
}

// dress changes the style classes from the old ones to the new.
func (c *canvas) dress(n *node, old, class string) {
	if old == class {
		return
	}
	style := must(n.widget.GetStyleContext())
	for _, name := range strings.Fields(old) {
		style.RemoveClass(name)
	}
	for _, name := range strings.Fields(class) {
		style.AddClass(name)
	}
}

func (c *canvas) buildBox(n *node) {
	way := gtk.ORIENTATION_VERTICAL
	if n.e.Kind == page.Row {
		way = gtk.ORIENTATION_HORIZONTAL
	}
	n.box = must(gtk.BoxNew(way, c.px(n.e.Gap)))
	n.box.SetHomogeneous(n.e.Same)
	n.widget = &n.box.Widget
	for _, e := range n.e.Inside {
		child := c.build(e)
		n.inside = append(n.inside, child)
		c.pack(n, child)
	}
}

// pack puts a child into its box and stands it the way its kind wants.
func (c *canvas) pack(parent, child *node) {
	grow := child.e.Grow || parent.e.Same
	if parent.e.Class == "entrance" {
		child.widget.SetVAlign(gtk.ALIGN_START)
		parent.box.PackStart(child.widget, grow, true, 0)
		return
	}
	parent.box.PackStart(child.widget, grow, true, 0)
	switch {
	case child.e.Middle && parent.e.Kind == page.Column:
		child.widget.SetHAlign(gtk.ALIGN_CENTER)
	case child.e.Middle, child.e.Kind == page.Picture && parent.e.Kind == page.Row:
		child.widget.SetVAlign(gtk.ALIGN_CENTER)
	case child.e.Kind == page.Text && parent.e.Kind == page.Row && !parent.e.Same:
		child.widget.SetVAlign(gtk.ALIGN_CENTER)
		if allText(parent.e.Inside) {
			child.widget.SetVAlign(gtk.ALIGN_BASELINE)
		}
	case child.e.Kind == page.Column && child.e.Class == "" && parent.e.Kind == page.Row && !parent.e.Same:
		child.widget.SetVAlign(gtk.ALIGN_CENTER)
	case child.e.Class == "clock":
		child.widget.SetVAlign(gtk.ALIGN_CENTER)
	}
}

func allText(list []page.Element) bool {
	return !slices.ContainsFunc(list, func(e page.Element) bool { return e.Kind != page.Text })
}

// centred are the texts that stand in the middle of their room.
var centred = []string{"foot", "page-of", "face", "quiet-title", "quiet-sub", "quiet-words", "progress-words", "progress-count", "phone-number", "code-words", "over-words", "over-note", "chip"}

func (c *canvas) buildText(n *node) {
	n.label = must(gtk.LabelNew(""))
	c.words(n)
	n.widget = &n.label.Widget
	n.label.SetLineWrap(true)
	n.label.SetLineWrapMode(pango.WRAP_WORD_CHAR)
	n.label.SetXAlign(0)
	first, _, _ := strings.Cut(n.e.Class, " ")
	switch {
	case slices.Contains(centred, first):
		n.label.SetXAlign(0.5)
		n.label.SetJustify(gtk.JUSTIFY_CENTER)
	case first == "time" || first == "date":
		n.label.SetXAlign(1)
	}
}

// words puts the text on a label; where somebody types, with the letters that wait and a caret.
func (c *canvas) words(n *node) {
	if n.e.Tail == "" && !n.e.Caret {
		n.label.SetText(n.e.Text)
		return
	}
	p := colours(c.elder())
	var m strings.Builder
	m.WriteString(html.EscapeString(n.e.Text))
	if n.e.Tail != "" {
		fmt.Fprintf(&m, `<span foreground="%s" underline="single">%s</span>`, p["gold2"], html.EscapeString(n.e.Tail))
	}
	if n.e.Caret {
		fmt.Fprintf(&m, `<span foreground="%s">▏</span>`, p["ink"])
	}
	n.label.SetMarkup(m.String())
}

func (c *canvas) buildButton(n *node) {
	n.button = must(gtk.ButtonNew())
	n.widget = &n.button.Widget
	child := c.build(content(&n.e))
	n.inside = []*node{child}
	if child.label != nil {
		child.label.SetXAlign(0.5)
		child.label.SetJustify(gtk.JUSTIFY_CENTER)
	}
	child.widget.SetVAlign(gtk.ALIGN_CENTER)
	n.button.Add(child.widget)
	n.widget.SetSensitive(n.e.Enabled)
	n.button.Connect("pressed", func() { n.pressed = c.current() })
	// After "clicked", and also when the finger slid off and there was none. Not when it leaves the button: the toolkit says
	// so too when the page is laid out anew under a finger that rests.
	n.button.Connect("released", func() { n.pressed = 0 })
	n.button.Connect("clicked", func() {
		n.revision, n.pressed = n.pressed, 0
		if n.revision == 0 { // a screen reader touches without a finger
			n.revision = c.current()
		}
		c.touch(n)
	})
}

// buildPad is a button too, so that a screen reader finds it, with the field to write in drawn inside.
func (c *canvas) buildPad(n *node) {
	n.button = must(gtk.ButtonNew())
	n.widget = &n.button.Widget
	n.area = must(gtk.DrawingAreaNew())
	n.button.Add(n.area)
	n.widget.SetSensitive(n.e.Enabled)
	c.paints(n)
	c.pad(n)
}

func (c *canvas) paints(n *node) {
	n.area.Connect("draw", func(area *gtk.DrawingArea, cr *cairo.Context) bool {
		c.paint(n, cr, float64(area.GetAllocatedWidth()), float64(area.GetAllocatedHeight()))
		return true
	})
}

// content is the element that a button shows inside itself.
func content(e *page.Element) page.Element {
	if len(e.Inside) == 1 {
		out := e.Inside[0]
		if out.Kind == page.Text {
			out.Middle = true
		}
		return out
	}
	return page.Element{Kind: page.Column, Inside: e.Inside}
}

// alike says whether the widget of one element can show the other without being made anew.
func alike(a, b *page.Element) bool {
	return a.Kind == b.Kind && a.ID == b.ID && a.Same == b.Same && a.Grow == b.Grow && a.Middle == b.Middle &&
		a.Gap == b.Gap && a.W == b.W && a.H == b.H && a.Local == b.Local
}

// update makes a widget show the element. It must be alike.
func (c *canvas) update(n *node, e page.Element) {
	old := n.e
	n.e = e
	c.dress(n, old.Class, e.Class)
	if old.Name != e.Name || old.About != e.About {
		name(n.widget, &e, keepRole)
	}
	switch e.Kind {
	case page.Text:
		if old.Text != e.Text || old.Tail != e.Tail || old.Caret != e.Caret {
			c.words(n)
		}
	case page.Button:
		if old.Enabled != e.Enabled {
			n.widget.SetSensitive(e.Enabled)
		}
		c.updateContent(n, content(&e))
	case page.Pad:
		if old.Enabled != e.Enabled {
			n.widget.SetSensitive(e.Enabled)
		}
		n.area.QueueDraw()
	case page.Picture, page.Photo, page.Symbol, page.Bar:
		if old.Picture != e.Picture || !bytes.Equal(old.PNG, e.PNG) || old.Text != e.Text || old.Done != e.Done || old.Of != e.Of || old.Class != e.Class {
			n.area.QueueDraw()
		}
	default:
		c.updateInside(n, e.Inside)
	}
}

func (c *canvas) updateContent(n *node, e page.Element) {
	child := n.inside[0]
	if alike(&child.e, &e) {
		c.update(child, e)
		return
	}
	child.widget.Destroy()
	child = c.build(e)
	n.inside[0] = child
	child.widget.SetVAlign(gtk.ALIGN_CENTER)
	n.button.Add(child.widget)
	child.widget.ShowAll()
}

// updateInside keeps the children that stand at the beginning and at the end of both lists and are
// alike, and makes those in between anew. So a message that comes moves the keys and does not replace them.
func (c *canvas) updateInside(n *node, list []page.Element) {
	head := 0
	for head < len(n.inside) && head < len(list) && alike(&n.inside[head].e, &list[head]) {
		head++
	}
	tail := 0
	for tail < len(n.inside)-head && tail < len(list)-head &&
		alike(&n.inside[len(n.inside)-1-tail].e, &list[len(list)-1-tail]) {
		tail++
	}
	for _, child := range n.inside[head : len(n.inside)-tail] {
		child.widget.Destroy()
	}
	kept := n.inside[len(n.inside)-tail:]
	inside := slices.Clone(n.inside[:head])
	for i := range inside {
		c.update(inside[i], list[i])
	}
	for i := head; i < len(list)-tail; i++ {
		child := c.build(list[i])
		c.pack(n, child)
		n.box.ReorderChild(child.widget, i)
		child.widget.ShowAll()
		inside = append(inside, child)
	}
	for i, child := range kept {
		c.update(child, list[len(list)-tail+i])
	}
	n.inside = append(inside, kept...)
}

// each visits a node and everything in it.
func (n *node) each(visit func(*node)) {
	visit(n)
	for _, child := range n.inside {
		child.each(visit)
	}
}
