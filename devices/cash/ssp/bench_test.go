package ssp_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"yichuang/devices/cash"
	"yichuang/devices/cash/cashtest"
	"yichuang/devices/cash/ssp"
	"yichuang/devices/cash/sspsim"
	"yichuang/devices/wire"
)

// bench is a simulated validator behind pipes.
type bench struct {
	sim    *sspsim.Sim
	ctx    context.Context
	cancel context.CancelFunc
	serves sync.WaitGroup

	mu      sync.Mutex
	plugged bool
	line    net.Conn // the host's end of the line in use
	answers int
	at      int
	do      func()
}

func newBench(o sspsim.Options) *bench {
	b := &bench{sim: sspsim.New(o), plugged: true}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.sim.OnPlug(b.plug)
	return b
}

func (b *bench) plug(in bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.plugged = in
	if !in && b.line != nil {
		b.line.Close()
	}
}

// open lays a new line to the validator.
func (b *bench) open() (wire.Port, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.plugged {
		return nil, errors.New("no such device")
	}
	if b.line != nil {
		b.line.Close()
	}
	host, device := net.Pipe()
	b.line = host
	b.serves.Add(1)
	go func() {
		defer b.serves.Done()
		defer device.Close()
		b.sim.Serve(b.ctx, &counted{Conn: device, b: b})
	}()
	return host, nil
}

func (b *bench) close() {
	b.cancel()
	b.plug(false)
	b.serves.Wait()
}

func (b *bench) atAnswer(n int, do func()) {
	if n == 1 {
		do()
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answers, b.at, b.do = 0, n, do
}

// counted counts answers: a fault armed after the n-1st befalls the n-th.
type counted struct {
	net.Conn
	b *bench
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.b.mu.Lock()
	c.b.answers++
	do := c.b.do
	if c.b.answers != c.b.at-1 {
		do = nil
	}
	c.b.mu.Unlock()
	if do != nil {
		do()
	}
	return n, err
}

// fixture puts a bench under the suite.
func fixture(so sspsim.Options, do ssp.Options) func(t *testing.T) *cashtest.Fixture {
	return func(t *testing.T) *cashtest.Fixture {
		b := newBench(so)
		return &cashtest.Fixture{
			New: func() (cash.Acceptor, func()) {
				var once sync.Once
				dead := false
				a := ssp.New(func() (wire.Port, error) {
					b.mu.Lock()
					gone := dead
					b.mu.Unlock()
					if gone {
						return nil, errors.New("the program is dead")
					}
					return b.open()
				}, do)
				return a, func() {
					once.Do(func() {
						b.mu.Lock()
						defer b.mu.Unlock()
						dead = true
						if b.line != nil {
							b.line.Close()
						}
					})
				}
			},
			Path: b.sim.Path(), Faults: b.sim.Faults(), Power: b.sim.Power,
			AtAnswer: b.atAnswer, Close: b.close, Nameless: true, Knows: true,
		}
	}
}

func TestSuite(t *testing.T) {
	cashtest.Exercise(t, fixture(sspsim.Options{NoAcks: true, CountsCleared: true}, ssp.Options{}))
}

// A recycler takes notes too, some of them into its store.
func TestSuiteRecycler(t *testing.T) {
	cashtest.Exercise(t, fixture(sspsim.Options{Unit: sspsim.SmartPayout, CountsCleared: true, Recycles: []int64{100, 500, 2000}}, ssp.Options{Encrypted: true}))
}

func TestSuiteEncrypted(t *testing.T) {
	cashtest.Exercise(t, fixture(sspsim.Options{BaudPace: true, CountsCleared: true}, ssp.Options{Encrypted: true}))
}
