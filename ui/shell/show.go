package shell

import (
	"log/slog"

	"github.com/gotk3/gotk3/gtk"

	"yichuang/ui/page"
)

// clear takes the page off the screen.
func (s *shell) clear() {
	if s.parts == nil {
		return
	}
	s.root.GetChildren().Foreach(func(item any) {
		if w, ok := item.(*gtk.Widget); ok {
			w.Destroy()
		}
	})
	s.unveil()
	s.parts = nil
}

// show builds a page anew. When it is higher than the room between the bars it is made smaller until it fits.
func (s *shell) show(p page.Page) {
	s.clear()
	s.since = s.options.Clock()
	fit := 1.0
	for {
		s.build(p, fit)
		need, room := s.need(), s.room()
		if need <= room || fit <= fitMin {
			break
		}
		fit = max(fitMin, fit*min(0.97, (float64(room)/float64(need)+1)/2))
		s.clear()
	}
	s.drawn = p
	s.warn(p)
	s.root.ShowAll()
	s.move()
}

func (s *shell) build(p page.Page, fit float64) {
	if err := s.style.load(s.canvas.scale, fit, p.Elder); err != nil {
		slog.Error("style sheet", "err", err) // ours, embedded: a test loads it
	}
	s.parts = &parts{visit: p.Visit, id: p.ID, part: p.Part, elder: p.Elder, fit: fit}
	s.canvas.fit = 1
	s.parts.top = s.canvas.build(p.Top)
	s.parts.bottom = s.canvas.build(p.Bottom)
	s.canvas.fit = fit
	s.parts.body = s.canvas.build(p.Body)

	panel := must(gtk.BoxNew(gtk.ORIENTATION_VERTICAL, 0))
	scroll := must(gtk.ScrolledWindowNew(nil, nil))
	external(scroll)
	scroll.Add(s.column(s.parts.body.widget, "paper"))
	panel.PackStart(s.column(s.parts.top.widget, "topside"), false, true, 0)
	panel.PackStart(scroll, true, true, 0)
	panel.PackStart(s.column(s.parts.bottom.widget, "bottomside"), false, true, 0)
	name(&panel.Widget, &page.Element{ID: p.ID, Name: p.Name}, panelRole)
	s.root.PackStart(panel, true, true, 0)
	s.root.ShowAll()
}

// column stands in the middle of a window that is wider than the page; class dresses the whole width.
func (s *shell) column(w *gtk.Widget, class string) *gtk.Box {
	outer := must(gtk.BoxNew(gtk.ORIENTATION_HORIZONTAL, 0))
	must(outer.GetStyleContext()).AddClass(class)
	side := (s.wide - s.pageWide()) / 2
	w.SetMarginStart(side)
	w.SetMarginEnd(side)
	outer.PackStart(w, true, true, 0)
	return outer
}

// need is how high the body wants to be, and room how high it may be.
func (s *shell) need() int {
	least, _ := s.parts.body.widget.GetPreferredHeightForWidth(s.wide)
	return least
}

func (s *shell) pageWide() int { return min(s.wide, int(s.canvas.scale*wideDesign+0.5)) }

func (s *shell) room() int {
	top, _ := s.parts.top.widget.GetPreferredHeightForWidth(s.wide)
	bottom, _ := s.parts.bottom.widget.GetPreferredHeightForWidth(s.wide)
	return s.high - top - bottom
}

// change draws a later state of the page that is shown with the widgets that are there. When it has
// grown beyond its room the page is built again, smaller.
func (s *shell) change(p page.Page) {
	s.canvas.fit = 1
	s.canvas.update(s.parts.top, p.Top)
	s.canvas.update(s.parts.bottom, p.Bottom)
	s.canvas.fit = s.parts.fit
	s.canvas.update(s.parts.body, p.Body)
	moved := p.Moving && !s.drawn.Moving
	s.drawn = p
	s.warn(p)
	if moved {
		s.since = s.options.Clock()
		s.move()
	}
	if s.parts.fit > fitMin && s.need() > s.room() {
		s.show(p)
	}
}

// warn puts the warning before the page, changes it, or takes it away.
func (s *shell) warn(p page.Page) {
	switch {
	case p.Over == nil:
		s.unveil()
	case s.parts.over != nil:
		s.canvas.fit = 1
		s.canvas.update(s.parts.over, *p.Over)
	default:
		s.canvas.fit = 1
		s.parts.over = s.canvas.build(*p.Over)
		s.parts.over.widget.SetSizeRequest(s.pageWide()*8/9, -1)
		s.veil = must(gtk.BoxNew(gtk.ORIENTATION_VERTICAL, 0))
		must(s.veil.GetStyleContext()).AddClass("veil")
		s.veil.SetCenterWidget(s.parts.over.widget)
		s.parts.over.widget.SetHAlign(gtk.ALIGN_CENTER)
		s.overlay.AddOverlay(s.veil)
		s.veil.ShowAll()
	}
}

func (s *shell) unveil() {
	if s.veil != nil {
		s.veil.Destroy()
		s.veil = nil
	}
	if s.parts != nil {
		s.parts.over = nil
	}
}
