// Package shell draws pages with GTK and reports touches.
//
// It decides nothing: package page says what is on the screen, kioskd says what is true. One goroutine,
// locked to the main thread, touches GTK; all others send it functions to run. gotk3 releases C objects
// from Go's finalizers, which run on a thread of their own, so those are sent to the main thread too.
//
// A view of the same page is drawn by changing the widgets that are there, so that a screen reader keeps
// what it holds and no key jumps away under a finger; another page is built anew. The shell may be
// killed at any moment: what is being typed or drawn is told to kioskd with each key and each stroke.
package shell

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/gotk3/gotk3/glib"
	"github.com/gotk3/gotk3/gtk"

	"yichuang/kiosk/front"
	"yichuang/ui/page"
	"yichuang/ui/pinyin"
)

// Application is the name under which assistive technology finds the screen.
const Application = "kiosk-ui"

// Options say where kioskd is and how large the screen is.
type Options struct {
	Socket     string // ui.sock of kioskd
	Wide, High int
	Fullscreen bool
	Runtime    string           // folder on a memory disk for the pinyin engine; "" is XDG_RUNTIME_DIR, else the temporary one
	Still      bool             // moving pictures show their last picture at once
	Clock      func() time.Time // nil is the true time; tests draw pictures at a time of theirs
}

// shell is the screen. Only the main thread touches it.
type shell struct {
	options Options
	link    *link
	style   *style
	canvas  *canvas

	window  *gtk.Window
	overlay *gtk.Overlay
	root    *gtk.Box
	veil    *gtk.Box // the warning that time runs out, before the page

	wide, high int
	view       front.View
	known      bool // a view has come
	lost       bool
	typist     typist
	strokes    []front.Stroke
	drawn      page.Page
	parts      *parts
	since      time.Time // the page is on the screen since then
	moving     bool      // the timer of moving pictures runs
	visit      string
	pinyin     *pinyin.Engine

	finalizers struct {
		sync.Mutex
		waiting []glib.Finalizer
	}
	engines chan func() // starts and ends of the pinyin engine, in order, beside the main thread
}

// parts are the widgets of the page that is shown.
type parts struct {
	top, body, bottom, over *node
	visit, id, part         string
	elder                   bool
	fit                     float64
}

// Run shows the screen until ctx ends, or another screen has taken over. It must be called on the
// main goroutine, locked to its thread.
func Run(ctx context.Context, o Options) error {
	program(Application)
	if err := gtk.InitCheck(nil); err != nil {
		return fmt.Errorf("gtk: no display: %w", err)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Runtime == "" {
		o.Runtime = os.Getenv("XDG_RUNTIME_DIR")
	}
	if o.Runtime == "" {
		o.Runtime = os.TempDir()
	}
	if err := pinyin.Sweep(o.Runtime); err != nil {
		return fmt.Errorf("pinyin folders of an earlier screen: %w", err)
	}
	s := &shell{options: o, wide: o.Wide, high: o.High, engines: make(chan func(), 16)}
	glib.FinalizerStrategy = s.finalize
	client := front.NewClient(o.Socket, rand.Text())
	s.link = newLink(client, func(n news) { onMain(func() { s.hear(n) }) })
	if err := s.open(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		err := s.link.run(ctx)
		ended <- err
		onMain(gtk.MainQuit)
	}()
	enginesDone := make(chan struct{})
	go func() {
		defer close(enginesDone)
		for do := range s.engines {
			do()
		}
	}()
	gtk.Main()
	cancel()
	s.forget()
	close(s.engines)
	<-enginesDone
	if err := <-ended; err != nil && !errors.Is(err, front.ErrTakenOver) {
		return err
	}
	return nil
}

// onMain runs a function on the main thread, soon.
func onMain(f func()) {
	glib.IdleAddPriority(glib.PRIORITY_DEFAULT, func() bool { f(); return false })
}

// finalize keeps what gotk3 wants to release until the main thread does it.
func (s *shell) finalize(f glib.Finalizer) {
	s.finalizers.Lock()
	defer s.finalizers.Unlock()
	s.finalizers.waiting = append(s.finalizers.waiting, f)
}

func (s *shell) release() {
	s.finalizers.Lock()
	waiting := s.finalizers.waiting
	s.finalizers.waiting = nil
	s.finalizers.Unlock()
	for _, f := range waiting {
		f()
	}
}

// open makes the window and the timers.
func (s *shell) open() error {
	var err error
	if s.style, err = newStyle(); err != nil {
		return fmt.Errorf("gtk style: %w", err)
	}
	s.canvas = &canvas{fit: 1, touch: s.touched, paint: s.paint, pad: s.listen, elder: func() bool { return s.view.Elder },
		current: func() int64 { return s.view.Revision }}
	s.window = must(gtk.WindowNew(gtk.WINDOW_TOPLEVEL))
	s.window.SetTitle("Yichuang")
	s.window.SetDefaultSize(s.wide, s.high)
	s.window.Connect("destroy", gtk.MainQuit)
	s.overlay = must(gtk.OverlayNew())
	s.root = must(gtk.BoxNew(gtk.ORIENTATION_VERTICAL, 0))
	s.overlay.Add(s.root)
	s.window.Add(s.overlay)
	s.rescale()
	s.overlay.Connect("size-allocate", func() {
		wide, high := s.overlay.GetAllocatedWidth(), s.overlay.GetAllocatedHeight()
		if wide > 1 && high > 1 && (wide != s.wide || high != s.high) {
			s.wide, s.high = wide, high
			onMain(s.resized)
		}
	})
	switch {
	case broadway():
		s.window.SetDecorated(false) // a frame would be drawn into the page
		s.window.Maximize()
	case s.options.Fullscreen:
		s.window.Fullscreen()
	}
	s.window.ShowAll()
	s.window.Move(0, 0)
	s.window.Resize(s.wide, s.high)
	glib.TimeoutAdd(1000, func() bool {
		s.release()
		s.render()
		return true
	})
	return nil
}

// The screen that sizes are given for.
const wideDesign, highDesign = 1080.0, 1920.0

func (s *shell) rescale() {
	s.canvas.scale = min(float64(s.wide)/wideDesign, float64(s.high)/highDesign)
}

func (s *shell) resized() {
	s.rescale()
	s.clear()
	s.render()
}

// hear takes in what the link says.
func (s *shell) hear(n news) {
	if n.lost {
		s.lost = true
		s.render()
		return
	}
	if !n.fresh && (s.lost || n.view.Tick <= s.view.Tick) {
		return // an answer to an act that came after a later view, or from a line that is gone
	}
	s.lost, s.known = false, true
	before := s.view
	s.view = n.view
	if n.view.Visit != before.Visit || n.view.Page != before.Page {
		s.strokes = n.view.Strokes
	}
	if n.view.Visit != s.visit {
		s.forget()
		s.visit = n.view.Visit
	}
	s.typist.look(&s.view)
	if s.typist.field != "" && s.pinyin == nil {
		s.learn()
	}
	s.render()
}

// render brings the screen to the state of now.
func (s *shell) render() {
	if !s.known && !s.lost {
		return
	}
	now := s.options.Clock()
	var p page.Page
	if s.lost {
		p = page.Moment(&s.view, now)
	} else {
		view := s.view
		view.Strokes = s.strokes
		p = page.Of(&view, now, s.typist.typing())
	}
	if s.parts != nil && s.parts.id == p.ID && s.parts.part == p.Part && s.parts.visit == p.Visit && s.parts.elder == p.Elder {
		if reflect.DeepEqual(p, s.drawn) {
			return
		}
		s.change(p)
		return
	}
	s.show(p)
}

// learn starts the pinyin engine for this visit beside the main thread; letters wait until it is up.
func (s *shell) learn() {
	visit := s.visit
	s.pinyin = &pinyin.Engine{} // on its way
	s.engines <- func() {
		e, err := pinyin.Open(s.options.Runtime)
		if err != nil {
			slog.Error("pinyin engine", "err", err)
			return
		}
		onMain(func() {
			if s.visit != visit {
				s.engines <- func() { closed(e) }
				return
			}
			s.pinyin, s.typist.engine = e, e
			s.render()
		})
	}
}

// forget ends the visit's pinyin engine with everything it has learnt.
func (s *shell) forget() {
	if e, ok := s.typist.engine.(*pinyin.Engine); ok {
		s.engines <- func() { closed(e) }
	}
	s.pinyin, s.typist, s.visit = nil, typist{}, ""
}

func closed(e *pinyin.Engine) {
	if err := e.Close(); err != nil {
		slog.Error("pinyin folder", "err", err)
	}
}

// touched takes a touch: the screen's own keys are done here, all others are kioskd's.
func (s *shell) touched(n *node) {
	if s.lost {
		return
	}
	if !n.e.Local {
		s.link.send(front.Act{Revision: n.revision, ID: n.e.ID})
		return
	}
	if n.e.ID == "sign.clear" {
		s.strokes = nil
		s.sign()
		return
	}
	if s.typist.key(n.e.ID) {
		s.link.send(s.typist.act(s.view.Revision))
	}
	s.render()
}

// sign tells kioskd all strokes and draws them.
func (s *shell) sign() {
	s.link.send(front.Act{Revision: s.view.Revision, ID: front.StrokesAct, Strokes: s.strokes})
	s.render()
}
