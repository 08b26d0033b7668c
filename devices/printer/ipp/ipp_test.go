package ipp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"yichuang/devices/printer"
	"yichuang/devices/printer/ipp"
	"yichuang/devices/printer/ippsim"
	"yichuang/devices/printer/printertest"
)

// pipes is a network of two: a listener whose connections are net.Pipes, for bubbles of virtual time.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	host, dev := net.Pipe()
	select {
	case p.conns <- dev:
		return host, nil
	case <-p.done:
		return nil, errors.New("refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type bench struct {
	t         *testing.T
	sim       *ippsim.Printer
	transport *http.Transport
	stop      func()
}

func (b *bench) start() *ipp.Printer {
	p := ipp.New("ipp://printer/ipp/print", ipp.Options{Client: &http.Client{Transport: b.transport}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()
	b.stop = func() { cancel(); <-done }
	return p
}

func (b *bench) out() []printertest.Sheet {
	var w struct {
		Prints []struct {
			Media, Serial string
			Complete      bool
		}
	}
	if err := json.Unmarshal(b.sim.World(), &w); err != nil {
		b.t.Fatalf("world: %v", err)
	}
	var out []printertest.Sheet
	for _, p := range w.Prints {
		out = append(out, printertest.Sheet{Media: p.Media, Serial: p.Serial, Complete: p.Complete})
	}
	return out
}

// counter does something when a certain request arrives.
type counter struct {
	mu   sync.Mutex
	left int
	do   func()
}

func (c *counter) at(k int, do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.do = k, do
}

func (c *counter) before(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.left--
		if c.left == 0 && c.do != nil {
			c.do()
		}
		c.mu.Unlock()
		h.ServeHTTP(w, r)
	})
}

func sheetsBench(t *testing.T) *printertest.SheetsBench {
	return benchOf(t, ippsim.New(ippsim.Options{}), nil)
}

// benchOf is a bench with a simulator of its own, and with something between its socket and it.
func benchOf(t *testing.T, sim *ippsim.Printer, between func(h http.Handler) http.Handler) *printertest.SheetsBench {
	network := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	count := &counter{}
	handler := sim.Handler()
	if between != nil {
		handler = between(handler)
	}
	server := &http.Server{Handler: count.before(handler)}
	served := make(chan struct{})
	go func() { server.Serve(network); close(served) }()
	b := &bench{t: t, sim: sim, transport: &http.Transport{DialContext: network.dial}}
	loaded := 0
	load := func(tray, media string, sheets int) {
		loaded++
		if err := sim.LoadTray(tray, media, sheets, fmt.Sprintf("T%d-0001", loaded)); err != nil {
			t.Errorf("load: %v", err)
		}
	}
	load("tray-1", printertest.A3, 50)
	load("tray-2", printertest.A4, 50)
	return &printertest.SheetsBench{
		Sheets: b.start(),
		Restart: func() printer.Sheets {
			b.stop()
			return b.start()
		},
		Arm: func(name string, n int) {
			if err := sim.Faults().Arm(name, n); err != nil {
				t.Errorf("arm %s: %v", name, err)
			}
		},
		Power: sim.Power,
		AtHalf: func(do func()) {
			var once sync.Once
			sim.OnPoint(func(string) { once.Do(do) })
		},
		AtRequest: count.at,
		Load:      load,
		Out:       b.out,
		Close: func() {
			b.stop()
			sim.Power(false)
			b.transport.CloseIdleConnections()
			server.Close()
			<-served
			time.Sleep(time.Minute)
		},
	}
}

func TestSheets(t *testing.T) {
	log.SetOutput(io.Discard) // net/http tells of each answer that comes twice
	defer log.SetOutput(os.Stderr)
	printertest.ExerciseSheets(t, sheetsBench)
}
