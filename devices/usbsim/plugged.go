package usbsim

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"sync"
)

// takesBytes is how much the device takes from the host before its wits have read it; what it has to say waits
// up to as many bytes too.
const (
	takesBytes = 4 << 10
	saysBytes  = 64 << 10
)

// errPulled is what the wits get from their lines when the plug is out.
var errPulled = errors.New("the plug is out")

// urb is a transfer that is not over.
type urb struct {
	id       uint64
	control  bool
	endpoint byte
	length   int
	data     []byte // from the host: what is still to be taken
	actual   int    // how much was taken
}

// plugged is a device from one plugging in to the pulling out.
type plugged struct {
	d      *Device
	at     [2]byte // bus and number
	cancel context.CancelFunc
	served chan struct{}

	mu      sync.Mutex // guards the fields below
	gone    bool
	held    bool // takes nothing
	mute    bool // answers no request on the control pipe
	halted  map[byte]bool
	noisy   map[byte]bool
	urbs    []*urb
	taken   map[byte][]byte   // by endpoint: what the host sent and the wits have not read
	packets map[byte][][]byte // by endpoint: what the wits have said and the host has not asked for
	changed chan struct{}     // closed and made anew whenever a line should look again
}

// newPlugged gives the device a number and starts its wits. The bus knows it from here on.
func (d *Device) newPlugged() *plugged {
	p := &plugged{d: d, served: make(chan struct{}), halted: map[byte]bool{}, noisy: map[byte]bool{},
		taken: map[byte][]byte{}, packets: map[byte][][]byte{}, changed: make(chan struct{})}
	b := d.bus
	b.mu.Lock()
	n := b.serial
	b.serial++
	numbers := numberLast - numberFirst + 1
	p.at = [2]byte{byte(1 + n/numbers%busesMax), byte(numberFirst + n%numbers)}
	b.plugged[p.at] = p
	b.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	var lines []io.ReadWriter
	for _, l := range d.o.Lines {
		lines = append(lines, &line{p, l})
	}
	go func() {
		defer close(p.served)
		if d.o.Serve != nil {
			d.o.Serve(ctx, lines)
		}
	}()
	return p
}

// pull ends everything and waits for the wits.
func (p *plugged) pull() error {
	err := p.d.bus.ask('R', p.at[:])
	b := p.d.bus
	b.mu.Lock()
	delete(b.plugged, p.at)
	b.mu.Unlock()
	p.mu.Lock()
	p.gone = true
	p.urbs = nil
	p.change()
	p.mu.Unlock()
	p.cancel()
	<-p.served
	if errors.Is(err, errGone) {
		return nil // all plugs of a bus that is gone are out
	}
	return err
}

// change wakes whoever waits at a line. The caller holds the lock.
func (p *plugged) change() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// submit takes a transfer of the host.
func (p *plugged) submit(u *urb) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.urbs = append(p.urbs, u)
	p.move()
}

// discard gives a transfer back with what it has carried so far.
func (p *plugged) discard(id uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.urbs, func(u *urb) bool { return u.id == id })
	if i < 0 {
		return // it is over, and the host will see
	}
	u := p.urbs[i]
	p.urbs = slices.Delete(p.urbs, i, i+1)
	if u.endpoint&0x80 != 0 && !u.control {
		p.d.bus.complete(u, noEntry, len(u.data), u.data)
		return
	}
	p.d.bus.complete(u, noEntry, u.actual, nil)
}

// move carries what can be carried. The caller holds the lock.
func (p *plugged) move() {
	waiting := p.urbs[:0:0]
	blocked := map[byte]bool{} // transfers of an endpoint are in order; those on the control pipe come one at a time
	for _, u := range p.urbs {
		if blocked[u.endpoint] || !p.carry(u) {
			blocked[u.endpoint] = true
			waiting = append(waiting, u)
		}
	}
	p.urbs = waiting
	p.change()
}

// carry moves one transfer on and says whether it is over.
func (p *plugged) carry(u *urb) bool {
	e := u.endpoint
	switch {
	case u.control && p.mute:
		return false
	case u.control:
		p.control(u)
		return true
	case p.noisy[e]:
		delete(p.noisy, e)
		p.d.bus.complete(u, protocol, 0, nil)
		return true
	case p.halted[e]:
		p.d.bus.complete(u, stalled, 0, nil)
		return true
	case e&0x80 == 0:
		if p.held {
			return false
		}
		n := min(len(u.data), max(0, takesBytes-len(p.taken[e])))
		p.taken[e] = append(p.taken[e], u.data[:n]...)
		u.data, u.actual = u.data[n:], u.actual+n
		if len(u.data) > 0 {
			return false
		}
		p.d.bus.complete(u, done, u.actual, nil)
		return true
	}
	// A short packet ends a transfer to the host, and so does the last that finds room.
	for len(p.packets[e]) > 0 && len(u.data)+p.d.packet() <= u.length {
		next := p.packets[e][0]
		p.packets[e] = p.packets[e][1:]
		u.data = append(u.data, next...)
		if len(next) < p.d.packet() || len(u.data) == u.length {
			p.d.bus.complete(u, done, len(u.data), u.data)
			return true
		}
	}
	return false
}

func (p *plugged) halt(e byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.halted[e] = true
	p.move()
}

func (p *plugged) noise(e byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.noisy[e] = true
	p.move()
}

func (p *plugged) hold(on, all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held, p.mute = on, on && all
	p.move()
}

func (p *plugged) clearHalt(e byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.halted, e)
	p.move()
}

// reset is the host's: halts are over, and what was on its way is forgotten.
func (p *plugged) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.halted)
	clear(p.taken)
	clear(p.packets)
	p.move()
}

// The standard requests that are answered here (USB 2.0, §9.4).
const (
	getDescriptor  = 6
	descriptorText = 3
)

// control answers a request on the control pipe at once.
func (p *plugged) control(u *urb) {
	if len(u.data) < 8 {
		p.d.bus.complete(u, stalled, 0, nil)
		return
	}
	le := binary.LittleEndian
	r := Request{Type: u.data[0], Request: u.data[1], Value: le.Uint16(u.data[2:]), Index: le.Uint16(u.data[4:]), Length: le.Uint16(u.data[6:])}
	var answer []byte
	ok := false
	switch {
	case r.Type == 0x80 && r.Request == getDescriptor && r.Value>>8 == descriptorText:
		answer, ok = p.d.text(byte(r.Value))
	case r.Type&0x60 != 0 && p.d.o.Request != nil:
		answer, ok = p.d.o.Request(r, u.data[8:])
	}
	switch {
	case !ok:
		p.d.bus.complete(u, stalled, 0, nil)
	case r.Type&0x80 != 0:
		answer = answer[:min(len(answer), int(r.Length))]
		p.d.bus.complete(u, done, len(answer), answer)
	default:
		p.d.bus.complete(u, done, len(u.data)-8, nil)
	}
}

// unfetched is how many bytes for the host lie at an endpoint.
func (p *plugged) unfetched(e byte) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, b := range p.packets[e] {
		n += len(b)
	}
	return n
}

// line is the device's end of a pair of pipes.
type line struct {
	p     *plugged
	pipes Pipes
}

// Read gives what the host sent.
func (l *line) Read(to []byte) (int, error) {
	for {
		p := l.p
		p.mu.Lock()
		if p.gone {
			p.mu.Unlock()
			return 0, errPulled
		}
		if t := p.taken[l.pipes.Out]; len(t) > 0 {
			n := copy(to, t)
			p.taken[l.pipes.Out] = append([]byte(nil), t[n:]...)
			p.move()
			p.mu.Unlock()
			return n, nil
		}
		changed := p.changed
		p.mu.Unlock()
		<-changed
	}
}

// Write cuts b into packets for the host, and waits while too many lie there.
func (l *line) Write(b []byte) (int, error) {
	p, e, size := l.p, l.pipes.In, l.p.d.packet()
	for {
		p.mu.Lock()
		if p.gone {
			p.mu.Unlock()
			return 0, errPulled
		}
		if len(p.packets[e])*size < saysBytes {
			break
		}
		changed := p.changed
		p.mu.Unlock()
		<-changed
	}
	defer p.mu.Unlock()
	for chunk := range slices.Chunk(b, size) {
		p.packets[e] = append(p.packets[e], slices.Clone(chunk))
	}
	if len(b)%size == 0 && p.d.o.EmptyPackets {
		p.packets[e] = append(p.packets[e], []byte{})
	}
	p.move()
	return len(b), nil
}
