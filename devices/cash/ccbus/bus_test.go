package ccbus

import (
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/wire"
)

// cabinet is a line with devices at some addresses, which acknowledge everything after a while.
type cabinet struct {
	t       *testing.T
	mu      sync.Mutex
	deaf    map[byte]bool
	opened  int
	shut    int
	busy    bool // a question is under way
	refuses bool // the port cannot be opened
	host    net.Conn
	serves  sync.WaitGroup
}

// counting tells the cabinet that its port was closed.
type counting struct {
	net.Conn
	c    *cabinet
	once sync.Once
}

func (p *counting) Close() error {
	p.once.Do(func() {
		p.c.mu.Lock()
		p.c.shut++
		p.c.mu.Unlock()
	})
	return p.Conn.Close()
}

func (c *cabinet) open() (wire.Port, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuses {
		return nil, errors.New("no such device")
	}
	host, far := net.Pipe()
	c.opened++
	c.host = host
	c.serves.Go(func() {
		defer far.Close()
		for buffer := make([]byte, 300); ; {
			n, err := far.Read(buffer)
			if err != nil {
				return
			}
			f, _, err := decode(buffer[:n], Simple)
			if err != nil {
				continue
			}
			c.mu.Lock()
			deaf := c.deaf[f.dest]
			if c.busy {
				c.t.Error("two questions at once")
			}
			c.busy = !deaf
			c.mu.Unlock()
			if deaf {
				continue
			}
			time.Sleep(20 * time.Millisecond) // virtual
			c.mu.Lock()
			c.busy = false
			c.mu.Unlock()
			if _, err := far.Write(encode(frame{dest: hostHome, src: f.dest}, Simple)); err != nil {
				return
			}
		}
	})
	return &counting{Conn: host, c: c}, nil
}

func (c *cabinet) counts() (opened, shut int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.opened, c.shut
}

func (c *cabinet) want(what string, opened, shut int) {
	c.t.Helper()
	if o, s := c.counts(); o != opened || s != shut {
		c.t.Errorf("%s: opened %d times and closed %d, want %d and %d", what, o, s, opened, shut)
	}
}

func (c *cabinet) join(b *Bus, address byte) *Line {
	c.t.Helper()
	l, err := b.Join(address, "bench")
	if err != nil {
		c.t.Fatal(err)
	}
	return l
}

func (c *cabinet) ask(l *Line, want fault.Kind) {
	c.t.Helper()
	if _, err := l.Ask(simplePoll, nil, 0); fault.KindOf(err) != want || want == "" && err != nil {
		c.t.Errorf("ask %d: got %v, want %q", l.address, err, want)
	}
}

func bench(t *testing.T, tell func(c *cabinet, b *Bus)) {
	synctest.Test(t, func(t *testing.T) {
		c := &cabinet{t: t, deaf: map[byte]bool{}}
		tell(c, New(c.open, nil))
		c.host.Close()
		c.serves.Wait()
	})
}

func TestOneQuestionAtATime(t *testing.T) {
	bench(t, func(c *cabinet, b *Bus) {
		var work sync.WaitGroup
		for address := byte(2); address < 6; address++ {
			l := c.join(b, address)
			work.Go(func() {
				defer l.Leave()
				for range 20 {
					c.ask(l, "")
				}
			})
		}
		work.Wait()
		c.want("four drivers", 1, 1)
		c.ask(c.join(b, 2), "")
		c.want("one that comes back", 2, 1)
	})
}

// A plug that was pulled out ends everybody's line, and is opened once for all.
func TestUnplugHealsAll(t *testing.T) {
	bench(t, func(c *cabinet, b *Bus) {
		notes, coins := c.join(b, 40), c.join(b, 2)
		c.ask(notes, "")
		c.host.Close()
		if _, err := coins.Ask(simplePoll, nil, 0); err == nil || fault.KindOf(err) != "" {
			t.Errorf("who meets the end of the line: got %v, want an error of the port", err)
		}
		if _, err := notes.Ask(simplePoll, nil, 0); !errors.Is(err, ErrReopened) {
			t.Errorf("the other: got %v, want %v", err, ErrReopened)
		}
		again := c.join(b, 2)
		notes.Leave() // late, and of the old port
		coins.Leave()
		c.ask(again, "")
		c.ask(c.join(b, 40), "")
		c.want("both joined again", 2, 1)
		c.refuses = true
		c.host.Close()
		if _, err := again.Ask(simplePoll, nil, 0); err == nil {
			t.Error("on a closed line: no error")
		}
		if _, err := b.Join(2, "bench"); err == nil {
			t.Error("joined a port that cannot be opened")
		}
		c.refuses = false
		c.ask(c.join(b, 2), "")
	})
}

// A device that is silent does not take the line from the others; a line on which all are silent is opened anew.
func TestSilentDeviceAndDeadLine(t *testing.T) {
	bench(t, func(c *cabinet, b *Bus) {
		notes, hopper := c.join(b, 40), c.join(b, 3)
		c.deaf[3] = true
		for range 10 {
			c.ask(hopper, fault.Silent)
			c.ask(notes, "")
		}
		hopper.Leave()
		c.want("one is silent", 1, 0)
		hopper = c.join(b, 3)
		c.ask(hopper, fault.Silent)
		hopper.Leave()
		c.want("one is silent and the other was not asked since", 1, 0)
		hopper = c.join(b, 3)
		c.deaf[40] = true
		for range 5 {
			c.ask(hopper, fault.Silent)
			c.ask(notes, fault.Silent)
		}
		hopper.Leave()
		c.want("all are silent", 1, 1)
		if _, err := notes.Ask(simplePoll, nil, 0); !errors.Is(err, ErrReopened) {
			t.Errorf("got %v, want %v", err, ErrReopened)
		}
	})
}

// An answer that one device still owes is waited for before another is asked.
func TestOwedAnswerHoldsAll(t *testing.T) {
	bench(t, func(c *cabinet, b *Bus) {
		notes, hopper := c.join(b, 40), c.join(b, 3)
		c.deaf[3] = true
		c.ask(hopper, fault.Silent)
		began := time.Now()
		c.ask(notes, "")
		if got, want := time.Since(began), quietLimit+20*time.Millisecond; got != want {
			t.Errorf("after a silence: %v, want %v", got, want)
		}
		began = time.Now()
		c.ask(notes, "")
		if got, want := time.Since(began), wire.Brief+20*time.Millisecond; got != want {
			t.Errorf("after an answer: %v, want %v", got, want)
		}
	})
}

func TestBreak(t *testing.T) {
	bench(t, func(c *cabinet, b *Bus) {
		notes, hopper := c.join(b, 40), c.join(b, 3)
		hopper.Leave()
		hopper.Break()
		c.ask(notes, "")
		c.want("who has left breaks nothing", 1, 0)
		notes.Break()
		if _, err := notes.Ask(simplePoll, nil, 0); err == nil {
			t.Error("on a broken line: no error")
		}
		c.want("who is there breaks the line", 1, 1)
	})
}
