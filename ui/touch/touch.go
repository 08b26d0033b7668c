// Package touch works the screen from outside, the way a blind citizen's screen reader does: it reads the
// accessibility tree of kiosk-ui (AT-SPI 2 over D-Bus) and clicks what stands there.
//
// Tests, the demo and the random walker use it, and nothing of the product does. It knows controls by
// their accessible id, which is the same in every language. Everything that waits does so until its
// context ends, looking again every few milliseconds; a screen that is killed and started again in
// between is found again. Start gives a test a display and buses of its own.
package touch

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

// Application is the name of the screen on the accessibility bus.
const Application = "kiosk-ui"

// again is how soon the screen is looked at again while waiting.
const again = 40 * time.Millisecond

// ErrGone says that the screen, or the object asked for, is not there now.
var ErrGone = errors.New("not on the screen")

// Object is one thing on the screen, as it was when it was looked at.
type Object struct {
	ID      string // accessible id; empty for what is only drawn
	Name    string
	About   string // description
	Role    string // "push button", "label", "panel", "image" …
	Enabled bool   // it can be touched
	Down    bool   // a finger rests on it
	ref     ref
}

// ref names an object on the bus.
type ref struct {
	Bus  string
	Path dbus.ObjectPath
}

// Screen is a running kiosk-ui. It is safe for several goroutines.
type Screen struct {
	conn    *dbus.Conn
	display string

	mu  sync.Mutex
	app ref // found last; zero when it must be looked for
}

// Connect finds the accessibility bus behind a session bus, such as "bus" in desk.json. display is the X
// display for pictures and for writing with the pointer; "" when neither is wanted.
func Connect(ctx context.Context, bus, display string) (*Screen, error) {
	session, err := dbus.Connect(bus, dbus.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("session bus %s: %w", bus, err)
	}
	defer session.Close()
	var address string
	call := session.Object("org.a11y.Bus", "/org/a11y/bus").CallWithContext(ctx, "org.a11y.Bus.GetAddress", 0)
	if err := call.Store(&address); err != nil {
		return nil, fmt.Errorf("accessibility bus: %w", err)
	}
	conn, err := dbus.Connect(address) // lives until Close, not until ctx ends
	if err != nil {
		return nil, fmt.Errorf("accessibility bus %s: %w", address, err)
	}
	return &Screen{conn: conn, display: display}, nil
}

// Close ends the connection.
func (s *Screen) Close() error { return s.conn.Close() }

// until repeats look until it is content, fails for good, or ctx ends; then what it said last is told.
func until(ctx context.Context, what string, look func() error) error {
	for {
		err := look()
		if err == nil {
			return nil
		}
		t := time.NewTimer(again)
		select {
		case <-ctx.Done():
			t.Stop()
			return fmt.Errorf("%s: %w (%w)", what, err, ctx.Err())
		case <-t.C:
		}
	}
}

// Look takes in the whole screen as it is now, in reading order.
func (s *Screen) Look(ctx context.Context) ([]Object, error) {
	app, err := s.find(ctx)
	if err != nil {
		return nil, err
	}
	all, err := s.walk(ctx, app)
	if err != nil {
		s.lose()
	}
	return all, err
}

// Page is the name of the page that is shown, "home" for page.home.
func (s *Screen) Page(ctx context.Context) (string, error) {
	all, err := s.Look(ctx)
	if err != nil {
		return "", err
	}
	return pageOf(all)
}

func pageOf(all []Object) (string, error) {
	for _, o := range all {
		if name, ok := strings.CutPrefix(o.ID, "page."); ok {
			return name, nil
		}
	}
	return "", fmt.Errorf("page: %w", ErrGone)
}

// WaitPage waits until one of the pages is shown and says which.
func (s *Screen) WaitPage(ctx context.Context, names ...string) (string, error) {
	var page string
	err := until(ctx, "page "+strings.Join(names, " or "), func() error {
		var err error
		if page, err = s.Page(ctx); err != nil {
			return err
		}
		if !slices.Contains(names, page) {
			return fmt.Errorf("the page is %s", page)
		}
		return nil
	})
	return page, err
}

// Wait waits until the screen is as wanted; wanted returns what is still missing.
func (s *Screen) Wait(ctx context.Context, what string, wanted func(all []Object) error) error {
	return until(ctx, what, func() error {
		all, err := s.Look(ctx)
		if err != nil {
			return err
		}
		return wanted(all)
	})
}

// In is the object with this id among those that were looked at.
func In(all []Object, id string) (Object, bool) {
	i := slices.IndexFunc(all, func(o Object) bool { return o.ID == id })
	if i < 0 {
		return Object{}, false
	}
	return all[i], true
}

// Find waits for the object with this id.
func (s *Screen) Find(ctx context.Context, id string) (Object, error) {
	var found Object
	err := s.Wait(ctx, id, func(all []Object) error {
		o, ok := In(all, id)
		if !ok {
			page, _ := pageOf(all) // for the message
			return fmt.Errorf("%w on page %q", ErrGone, page)
		}
		found = o
		return nil
	})
	return found, err
}

// Name waits for the object and gives its accessible name.
func (s *Screen) Name(ctx context.Context, id string) (string, error) {
	o, err := s.Find(ctx, id)
	return o.Name, err
}

// Text is what a field holds: what stands after ": " in the name of a field, else the whole name.
func (s *Screen) Text(ctx context.Context, id string) (string, error) {
	o, err := s.Find(ctx, id)
	if _, value, ok := strings.Cut(o.Name, ": "); ok && strings.HasPrefix(id, "field.") {
		return value, err
	}
	return o.Name, err
}

// Click waits until the control is there and can be touched, and touches it once.
func (s *Screen) Click(ctx context.Context, id string) error {
	return until(ctx, "click "+id, func() error {
		all, err := s.Look(ctx)
		if err != nil {
			return err
		}
		o, ok := In(all, id)
		if !ok {
			page, _ := pageOf(all) // for the message
			return fmt.Errorf("%w on page %q", ErrGone, page)
		}
		if !o.Enabled {
			return errors.New("it cannot be touched now")
		}
		return s.Touch(ctx, o)
	})
}

// Touch touches an object that was looked at before. It fails when the object has gone meanwhile.
func (s *Screen) Touch(ctx context.Context, o Object) error {
	var done bool
	call := s.object(o.ref).CallWithContext(ctx, "org.a11y.atspi.Action.DoAction", 0, int32(0))
	if err := call.Store(&done); err != nil {
		return fmt.Errorf("touch %s: %w", o.ID, err)
	}
	if !done {
		return fmt.Errorf("touch %s: it has no action", o.ID)
	}
	return nil
}

// Type touches one key for each letter or digit.
func (s *Screen) Type(ctx context.Context, keys string) error {
	for _, k := range keys {
		if err := s.Click(ctx, "key."+string(k)); err != nil {
			return err
		}
	}
	return nil
}

// Controls are the controls with an id that can be touched now.
func (s *Screen) Controls(ctx context.Context) ([]Object, error) {
	all, err := s.Look(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(o Object) bool { return o.ID == "" || !o.Enabled || o.Role != button }), nil
}

// Point is a place in an object, in thousandths of its width and height.
type Point struct{ X, Y int }

// Draw writes strokes into an object with the X pointer, as a finger would.
func (s *Screen) Draw(ctx context.Context, id string, strokes ...[]Point) error {
	o, err := s.Find(ctx, id)
	if err != nil {
		return err
	}
	x, y, w, h, err := s.Area(ctx, o)
	if err != nil {
		return err
	}
	var args []string
	for _, stroke := range strokes {
		for i, p := range stroke {
			args = append(args, "mousemove", fmt.Sprint(x+w*p.X/1000), fmt.Sprint(y+h*p.Y/1000))
			if i == 0 {
				args = append(args, "mousedown", "1")
			}
			args = append(args, "sleep", "0.02") // the toolkit joins movements that come faster than it draws
		}
		args = append(args, "mouseup", "1")
	}
	return s.tool(ctx, "xdotool", args...)
}

// Press puts the X pointer down in the middle of an object, and leaves it there.
func (s *Screen) Press(ctx context.Context, id string) error {
	o, err := s.Find(ctx, id)
	if err != nil {
		return err
	}
	x, y, w, h, err := s.Area(ctx, o)
	if err != nil {
		return err
	}
	return s.tool(ctx, "xdotool", "mousemove", fmt.Sprint(x+w/2), fmt.Sprint(y+h/2), "mousedown", "1")
}

// Release lifts the pointer where it is.
func (s *Screen) Release(ctx context.Context) error { return s.tool(ctx, "xdotool", "mouseup", "1") }

// Shot writes a picture of the whole display as a PNG.
func (s *Screen) Shot(ctx context.Context, path string) error {
	return s.tool(ctx, "import", "-window", "root", "png:"+path)
}

// Area is where an object is on the display, in pixels.
func (s *Screen) Area(ctx context.Context, o Object) (x, y, w, h int, err error) {
	return s.area(ctx, o)
}

// tool runs a program of the X display.
func (s *Screen) tool(ctx context.Context, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(cmd.Environ(), "DISPLAY="+s.display)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, out)
	}
	return nil
}
