package faults

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"yichuang/devices/wire"
)

// line joins a driver to its simulator.
type line interface {
	open() (wire.Port, error)
	plug(in bool)
	power(on bool)               // the device has lost its power, or has it again
	drop()                       // the program that had it open has died
	arm(name string, n int) bool // lets something befall the line itself; false when that is none of its faults
	end()
}

// pipe is a serial line.
type pipe struct {
	serve func(ctx context.Context, rw io.ReadWriter) error

	mu   sync.Mutex // guards the fields below
	out  bool
	host net.Conn
}

func (p *pipe) open() (wire.Port, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out {
		return nil, errors.New("no such device")
	}
	if p.host != nil {
		p.host.Close()
	}
	host, device := net.Pipe()
	p.host = host
	go func() {
		defer device.Close()
		p.serve(context.Background(), device) // ends with the line
	}()
	return host, nil
}

func (p *pipe) plug(in bool) {
	p.mu.Lock()
	p.out = !in
	p.mu.Unlock()
	if !in {
		p.drop()
	}
}

func (p *pipe) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.host != nil {
		p.host.Close()
	}
}

func (p *pipe) power(bool)           {} // the adapter stays
func (p *pipe) arm(string, int) bool { return false }
func (p *pipe) end()                 {}
