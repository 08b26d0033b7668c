package world

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
)

// Network is the wires between the programs of one world.
type Network struct {
	// Beyond is where doors are looked for that this network does not have: a terminal's own wires lead to a land's.
	// Pair makes the two ends of the terminal's line; nil is a wire as all others are. Both are set before anything runs.
	Beyond *Network
	Pair   func() (ours, theirs net.Conn)

	mu    sync.Mutex
	doors map[string]*door
	down  bool       // the terminal's line is cut: nobody dials out, and what was open is broken
	bad   bool       // the terminal's line leads through a slow one
	sends func()     // before anything that the terminal has sent arrives
	open  []net.Conn // in the order in which they were made
}

func NewNetwork() *Network { return &Network{doors: map[string]*door{}} }

// door is a listener.
type door struct {
	n       *Network
	name    string
	callers chan net.Conn
	shut    chan struct{}
	once    sync.Once
}

// listen opens a door under a name, in place of an earlier one.
func (n *Network) listen(name string) net.Listener {
	n.mu.Lock()
	defer n.mu.Unlock()
	d := &door{n: n, name: name, callers: make(chan net.Conn), shut: make(chan struct{})}
	n.doors[name] = d
	return d
}

// Accept waits for a caller.
func (d *door) Accept() (net.Conn, error) {
	select {
	case c := <-d.callers:
		return c, nil
	case <-d.shut:
		return nil, net.ErrClosed
	}
}

// Close turns callers away.
func (d *door) Close() error {
	d.once.Do(func() { close(d.shut) })
	return nil
}

// Addr is the door's name.
func (d *door) Addr() net.Addr { return &net.UnixAddr{Name: d.name, Net: "wire"} }

var errNobody = &net.OpError{Op: "dial", Net: "wire", Err: net.UnknownNetworkError("nobody listens there")}

// dial calls at a door.
func (n *Network) dial(ctx context.Context, _, name string) (net.Conn, error) {
	return n.call(ctx, name, nil)
}

// call is dial over a wire of a kind; nil is one as all others are.
func (n *Network) call(ctx context.Context, name string, pair func() (ours, theirs net.Conn)) (net.Conn, error) {
	n.mu.Lock()
	d := n.doors[name]
	n.mu.Unlock()
	switch {
	case d == nil && n.Beyond != nil:
		return n.Beyond.call(ctx, name, pair)
	case d == nil:
		return nil, errNobody
	}
	select { // before a wire is laid that nobody would take up
	case <-d.shut:
		return nil, errNobody
	default:
	}
	if pair == nil {
		pair = func() (near, far net.Conn) { return lay(name, nil) }
	}
	ours, theirs := pair()
	select {
	case d.callers <- theirs:
		return ours, nil
	case <-d.shut:
	case <-ctx.Done():
	}
	ours.Close() // neither close can fail
	theirs.Close()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, errNobody
}

// line is dial for the terminal: over a line that can be cut, and whose sends are counted.
func (n *Network) line(ctx context.Context, _, name string) (net.Conn, error) {
	n.mu.Lock()
	down, pair := n.down, n.Pair
	if pair == nil {
		pair = func() (near, far net.Conn) { return lay(name, n.leaves) }
	}
	if n.bad {
		name = slowDoor
	}
	n.mu.Unlock()
	if down {
		return nil, errNobody
	}
	c, err := n.call(ctx, name, pair)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open = append(n.open, c)
	return &counted{Conn: c, n: n}, nil
}

// Cut breaks the terminal's line, or mends it.
func (n *Network) Cut(down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = down
	if down {
		for _, c := range n.open {
			c.Close()
		}
		n.open = nil
	}
}

// counted is one of the open ones until it is closed.
type counted struct {
	net.Conn
	n *Network
}

// Close ends the connection.
func (c *counted) Close() error {
	c.n.mu.Lock()
	c.n.open = slices.DeleteFunc(c.n.open, func(other net.Conn) bool { return other == c.Conn })
	c.n.mu.Unlock()
	return c.Conn.Close()
}

func (n *Network) leaves() {
	n.mu.Lock()
	sends := n.sends
	n.mu.Unlock()
	if sends != nil {
		sends()
	}
}

// OnSend sets what is called before anything that the terminal sends arrives. Over wires that Pair makes it is not called.
func (n *Network) OnSend(fn func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sends = fn
}

// client is an HTTP transport over these wires.
func (n *Network) client() *http.Transport {
	return &http.Transport{DialContext: n.dial, DisableKeepAlives: true}
}
