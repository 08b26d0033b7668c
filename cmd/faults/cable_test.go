package faults

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"

	"yichuang/devices/mechanism"
	"yichuang/devices/wire"
)

// cable is a line between a driver and a simulator whose plug can come out at any moment.
type cable struct {
	serve func(ctx context.Context, rw io.ReadWriter) error

	mu     sync.Mutex
	out    bool // the plug is out
	line   net.Conn
	breaks string // order or answer: the plug comes out in the middle of the next one
}

func (c *cable) open() (wire.Port, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out {
		return nil, errors.New("no such device")
	}
	if c.line != nil {
		c.line.Close()
	}
	host, device := net.Pipe()
	c.line = host
	go func() {
		defer device.Close()
		c.serve(context.Background(), &end{device, c, "answer"}) // ends with the line
	}()
	return &end{host, c, "order"}, nil
}

func (c *cable) plug(in bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out, c.breaks = !in, ""; !in && c.line != nil {
		c.line.Close()
	}
}

// fall ends the line as a computer without power does; the next program opens it again.
func (c *cable) fall() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.line != nil {
		c.line.Close()
	}
}

// tear pulls the plug in the middle of the next order or answer.
func (c *cable) tear(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.breaks = what
}

// end is one end of the line, and what is said there.
type end struct {
	net.Conn
	c    *cable
	says string
}

func (e *end) Write(p []byte) (int, error) {
	e.c.mu.Lock()
	torn := e.c.breaks == e.says
	e.c.mu.Unlock()
	if !torn {
		return e.Conn.Write(p)
	}
	n, err := e.Conn.Write(p[:(len(p)+1)/2])
	e.c.plug(false)
	return n, errors.Join(err, net.ErrClosed)
}

// stroke is what befalls at an instant of money's way, beyond the simulator's own faults, and how it is mended.
type stroke[M any] struct {
	name, what string
	when       string // the instant, in the mechanism's words
	hit, mend  func(m M)
}

// strokeOf finds a stroke; false when the name is one of the simulator's faults.
func strokeOf[M any](strokes []stroke[M], name string) (stroke[M], bool) {
	i := slices.IndexFunc(strokes, func(s stroke[M]) bool { return s.name == name })
	if i < 0 {
		return stroke[M]{}, false
	}
	return strokes[i], true
}

// moneyBench is the bench of a device for money: the faults of its simulator, and the strokes.
func moneyBench[M any](class, protocol string, faults *mechanism.Faults, strokes []stroke[M]) bench {
	b := bench{class: class, protocol: protocol, whats: map[string]string{}}
	for _, f := range faults.List() {
		b.faults, b.whats[f.Name] = append(b.faults, f.Name), f.What
	}
	for _, s := range strokes {
		b.faults, b.whats[s.name] = append(b.faults, s.name), s.what
	}
	return b
}
