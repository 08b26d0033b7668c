package touch

import (
	"context"
	"fmt"

	"github.com/godbus/dbus/v5"
)

// The interfaces of AT-SPI 2 that we ask (at-spi2-core, xml/Accessible.xml and its neighbours).
const (
	accessible = "org.a11y.atspi.Accessible"
	properties = "org.freedesktop.DBus.Properties"
	component  = "org.a11y.atspi.Component"
)

// button is the role name of everything that can be touched.
const button = "push button"

// Bits of an object's states (atspi-constants.h, AtspiStateType).
const (
	stateArmed     = 2
	stateSensitive = 24
	stateShowing   = 25
)

// objectsMax and depthMax bound a walk over a tree that changes under it.
const (
	objectsMax = 2000
	depthMax   = 60
)

func (s *Screen) object(r ref) dbus.BusObject { return s.conn.Object(r.Bus, r.Path) }

// find is the application, looked for among all on the bus unless it is known.
func (s *Screen) find(ctx context.Context) (ref, error) {
	s.mu.Lock()
	app := s.app
	s.mu.Unlock()
	if app != (ref{}) {
		return app, nil
	}
	root := ref{"org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root"}
	var apps []ref
	if err := s.object(root).CallWithContext(ctx, accessible+".GetChildren", 0).Store(&apps); err != nil {
		return ref{}, fmt.Errorf("accessibility registry: %w", err)
	}
	for i := len(apps) - 1; i >= 0; i-- { // the newest stands last
		var name dbus.Variant
		call := s.object(apps[i]).CallWithContext(ctx, properties+".Get", 0, accessible, "Name")
		if call.Store(&name) == nil && name.Value() == Application {
			s.mu.Lock()
			s.app = apps[i]
			s.mu.Unlock()
			return apps[i], nil
		}
	}
	return ref{}, fmt.Errorf("%s: %w", Application, ErrGone)
}

// lose makes the next look search for the application again.
func (s *Screen) lose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.app = ref{}
}

// seen is an object in the middle of a walk.
type seen struct {
	Object
	showing bool
	inside  []*seen
}

// walk looks at the tree level by level; all questions of a level are asked at once.
func (s *Screen) walk(ctx context.Context, app ref) ([]Object, error) {
	top := &seen{Object: Object{ref: app}, showing: true}
	level, count := []*seen{top}, 0
	for depth := 0; len(level) > 0 && depth < depthMax; depth++ {
		if err := s.describe(ctx, level); err != nil {
			return nil, err
		}
		var next []*seen
		for _, o := range level {
			count += len(o.inside)
			next = append(next, o.inside...)
		}
		if count > objectsMax {
			return nil, fmt.Errorf("screen: more than %d objects", objectsMax)
		}
		level = next
	}
	var all []Object
	top.list(&all)
	return all, nil
}

// list puts what is showing into reading order.
func (o *seen) list(all *[]Object) {
	if !o.showing {
		return
	}
	*all = append(*all, o.Object)
	for _, child := range o.inside {
		child.list(all)
	}
}

// asked are the questions about one object, in the order of the answers.
var asked = []string{properties + ".GetAll", accessible + ".GetRoleName", accessible + ".GetState", accessible + ".GetChildren"}

// describe asks everything about the objects of one level. An object that has gone meanwhile is left out;
// only the application itself must answer.
func (s *Screen) describe(ctx context.Context, level []*seen) error {
	calls := make([][]*dbus.Call, len(level))
	for i, o := range level {
		for _, method := range asked {
			var args []any
			if method == asked[0] {
				args = []any{accessible}
			}
			calls[i] = append(calls[i], s.object(o.ref).GoWithContext(ctx, method, 0, make(chan *dbus.Call, 1), args...))
		}
	}
	for i, o := range level {
		if err := o.take(ctx, calls[i]); err != nil {
			if ctx.Err() != nil || i == 0 && len(level) == 1 {
				return err
			}
			o.showing = false
		}
	}
	return nil
}

func (o *seen) take(ctx context.Context, calls []*dbus.Call) error {
	var props map[string]dbus.Variant
	var states []uint32
	for i, into := range []any{&props, &o.Role, &states, &[]ref{}} {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case call := <-calls[i].Done:
			if err := call.Store(into); err != nil {
				return err
			}
			if children, ok := into.(*[]ref); ok && o.Role != button {
				for _, r := range *children {
					o.inside = append(o.inside, &seen{Object: Object{ref: r}})
				}
			}
		}
	}
	o.ID, _ = props["AccessibleId"].Value().(string)
	o.Name, _ = props["Name"].Value().(string)
	o.About, _ = props["Description"].Value().(string)
	o.Enabled = has(states, stateSensitive) && o.Role == button
	o.Down = has(states, stateArmed)
	o.showing = has(states, stateShowing) || o.Role == "application"
	return nil
}

func has(states []uint32, bit int) bool {
	return bit/32 < len(states) && states[bit/32]&(1<<(bit%32)) != 0
}

// area is where an object is on the display.
func (s *Screen) area(ctx context.Context, o Object) (x, y, w, h int, err error) {
	var r struct{ X, Y, W, H int32 }
	const onScreen = uint32(0)
	call := s.object(o.ref).CallWithContext(ctx, component+".GetExtents", 0, onScreen)
	if err := call.Store(&r); err != nil {
		return 0, 0, 0, 0, fmt.Errorf("area of %s: %w", o.ID, err)
	}
	return int(r.X), int(r.Y), int(r.W), int(r.H), nil
}
