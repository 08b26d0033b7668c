package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"yichuang/cmd/devsim/world"
	"yichuang/devices/barcode/scanner"
	"yichuang/devices/cash"
	"yichuang/devices/cash/ccbus"
	"yichuang/devices/cash/ccnet"
	"yichuang/devices/cash/cctalk"
	"yichuang/devices/cash/cctalkcoin"
	"yichuang/devices/cash/cctalkhopper"
	"yichuang/devices/cash/id003"
	"yichuang/devices/cash/ssp"
	"yichuang/devices/fault"
	"yichuang/devices/idcard/sdt"
	"yichuang/devices/printer/escpos"
	"yichuang/devices/printer/ipp"
	"yichuang/devices/serialport"
	"yichuang/devices/wire"
)

// idleCPU: what it costs that all devices of a terminal are polled while nobody is there: card reader, banknote acceptor,
// coins, hoppers, both printers and the scanner, each on a pseudo terminal of its own.
//
// The drivers of a terminal are a process, and what the kernel counts for it is the number, user and system; its
// simulators are another, which nobody counts. There is one such pair for each protocol of banknotes, all at once, and the
// dearest is the row's. The peer is one core of this machine. Processor time is hardly more on a busy machine.
var idleCPU = row{
	name: "idle.cpu", unit: "ms of processor in a second", better: "less", rounds: 5, turns: 1, per: 5,
	sides: []side{
		{name: "all drivers, idle", open: openIdle},
		{name: "one core", limit: 0.01, open: func(context.Context, string) (runner, error) { return core{}, nil }},
	},
}

// core is a processor that does nothing else.
type core struct{}

func (core) turn(_ context.Context, n int) (time.Duration, error) {
	return time.Duration(n) * time.Second, nil
}

func (core) close() error { return nil }

// parts are what this program is when it is started once more: the two processes of a terminal, or somebody whose work is counted.
var parts = map[string]func(context.Context, io.Reader, io.Writer) error{"simulators": simulators, "drivers": drivers, "enqueue": enqueueWork}

// idleReady is how long the devices of a desk may take to be found fit; pretend hoppers test themselves first.
const idleReady = 2 * time.Minute

// terminals are a terminal for each protocol of banknotes, and what each used in the turns so far, in the row's unit.
type terminals struct {
	each map[string]*terminal
	used map[string][]float64
}

// terminal is the two processes.
type terminal struct {
	simulators, drivers *part
}

func openIdle(ctx context.Context, dir string) (runner, error) {
	all := terminals{map[string]*terminal{}, map[string][]float64{}}
	for _, protocol := range world.Protocols["cash"] {
		own := filepath.Join(dir, protocol)
		t := &terminal{}
		all.each[protocol] = t
		var err error
		if t.simulators, err = startPart(ctx, "simulators"); err == nil {
			t.drivers, err = startPart(ctx, "drivers")
		}
		var ports json.RawMessage
		if err == nil {
			err = t.simulators.ask(desk{Dir: own, Cash: protocol}, &ports)
		}
		if err == nil {
			err = t.drivers.ask(ports, nil)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", protocol, err), all.close())
		}
	}
	for protocol, t := range all.each { // they were getting ready side by side
		if _, err := t.used(); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", protocol, err), all.close())
		}
	}
	return all, nil
}

// turn lets n seconds pass and gives what the dearest terminal used in them.
func (all terminals) turn(ctx context.Context, n int) (time.Duration, error) {
	each, err := all.measure(ctx, time.Duration(n)*time.Second)
	for protocol, used := range each {
		all.used[protocol] = append(all.used[protocol], used.Seconds()*1000/float64(n))
	}
	return slices.Max(append(slices.Collect(maps.Values(each)), 0)), err
}

// details are the medians, the turn of the warmth left out.
func (all terminals) details() map[string]float64 {
	parts := map[string]float64{}
	for protocol, used := range all.used {
		parts[protocol] = round(median(used[1:]))
	}
	return parts
}

// measure says what each terminal uses of a processor in so long.
func (all terminals) measure(ctx context.Context, span time.Duration) (map[string]time.Duration, error) {
	before, each := map[string]time.Duration{}, map[string]time.Duration{}
	for protocol, t := range all.each {
		var err error
		if before[protocol], err = t.used(); err != nil {
			return nil, fmt.Errorf("%s: %w", protocol, err)
		}
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(span):
	}
	for protocol, t := range all.each {
		now, err := t.used()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", protocol, err)
		}
		each[protocol] = now - before[protocol]
	}
	return each, nil
}

func (all terminals) close() error {
	var errs []error
	for _, t := range all.each {
		errs = append(errs, t.drivers.close(), t.simulators.close())
	}
	return errors.Join(errs...)
}

// used is the processor time of the drivers so far.
func (t *terminal) used() (used time.Duration, err error) {
	return used, t.drivers.ask(nil, &used)
}

// part is one of the processes. It is asked in lines of JSON, and answers each with one.
type part struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *json.Decoder
}

func startPart(ctx context.Context, name string) (*part, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &part{command: exec.CommandContext(ctx, self, "--part", name)}
	p.command.Stderr = os.Stderr
	if p.in, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = json.NewDecoder(out)
	return p, p.command.Start()
}

func (p *part) ask(question, answer any) error {
	if err := json.NewEncoder(p.in).Encode(question); err != nil {
		return err
	}
	if answer == nil {
		return nil
	}
	return p.out.Decode(answer)
}

// close lets the process end by itself; nil is one that was never started.
func (p *part) close() error {
	if p == nil {
		return nil
	}
	return errors.Join(p.in.Close(), p.command.Wait())
}

// desk is which devices are wanted, and where.
type desk struct{ Dir, Cash string }

// simulators are the devices of a desk, until the input ends.
func simulators(_ context.Context, in io.Reader, out io.Writer) error {
	questions := json.NewDecoder(in)
	var d desk
	if err := questions.Decode(&d); err != nil {
		return err
	}
	links := world.Links(d.Dir)
	for _, class := range world.Extra {
		links[class] = filepath.Join(d.Dir, class)
	}
	w, err := world.Open(world.Options{Links: links, License: "127.0.0.1:0", Speaks: map[string]string{"cash": d.Cash}})
	if err != nil {
		return err
	}
	defer w.Close() // it keeps nothing
	if err := json.NewEncoder(out).Encode(w.Ports()); err != nil {
		return err
	}
	if err := questions.Decode(&d); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// drivers open the devices that the first line names and poll them. Each further line is answered by the processor time
// of this process, the first of them when all devices are fit.
func drivers(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	var ports []world.Port
	if !lines.Scan() {
		return lines.Err()
	}
	if err := json.Unmarshal(lines.Bytes(), &ports); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	fit := map[string]func() bool{}
	for _, p := range ports {
		d := driver(p)
		if d.run == nil {
			return fmt.Errorf("no driver of %s", p.Protocol)
		}
		fit[p.Class] = d.fit
		running.Go(func() { d.run(ctx) }) // its error is the context's
		if d.next != nil {
			running.Go(func() {
				for ctx.Err() == nil {
					d.next(ctx) // nothing happens
				}
			})
		}
	}
	for end := time.Now().Add(idleReady); lines.Scan(); {
		for class, is := range fit {
			for !is() {
				if time.Now().After(end) {
					return fmt.Errorf("the %s is not fit after %v", class, idleReady)
				}
				<-time.After(100 * time.Millisecond)
			}
			delete(fit, class)
		}
		var usage syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
			return err
		}
		if err := json.NewEncoder(out).Encode(usage.Utime.Nano() + usage.Stime.Nano()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// idler is what an idle terminal does with a device.
type idler struct {
	run  func(context.Context) error
	next func(context.Context) // pulls what the device tells by itself; nil for none
	fit  func() bool
}

// driver is the one that a port's device needs, with the line settings of a terminal.
func driver(p world.Port) idler {
	path := strings.TrimPrefix(p.Address, "serial:")
	line := func(o serialport.Options) wire.Opener {
		return func() (wire.Port, error) { return serialport.Open(path, o) }
	}
	for _, model := range escpos.Models {
		if p.Protocol == strings.TrimSuffix("escpos-"+model.Name, "-") {
			r := escpos.New(line(serialport.Options{Baud: receiptBaud}), model.Profile)
			return idler{run: r.Run, fit: func() bool { return r.State().Online }}
		}
	}
	switch p.Protocol {
	case "sdt":
		r := sdt.New(func(baud int) (wire.Port, error) { return serialport.Open(path, serialport.Options{Baud: baud}) }, sdt.Options{})
		return idler{run: r.Run, fit: func() bool { return r.Fault() == nil }}
	case "cctalk":
		return intake(cctalk.On(ccbus.New(line(serialport.Options{}), nil), cctalk.Options{}))
	case "ccnet":
		return intake(ccnet.New(line(serialport.Options{}), ccnet.Options{}))
	case "id003":
		return intake(id003.New(line(serialport.Options{Parity: serialport.Even}), id003.Options{}))
	case "ssp", "essp", "ssp-payout":
		return intake(ssp.New(line(serialport.Options{StopBits: 2}), ssp.Options{Encrypted: p.Protocol != "ssp"}))
	case "cctalk-coin":
		return intake(cctalkcoin.On(ccbus.New(line(serialport.Options{}), nil), cctalkcoin.Options{}))
	case "cctalk-hopper":
		h := cctalkhopper.On(ccbus.New(line(serialport.Options{}), nil), cctalkhopper.Options{})
		return idler{run: h.Run, fit: func() bool { return h.State().Online }}
	case "ipp":
		s := ipp.New(p.Address, ipp.Options{})
		return idler{run: s.Run, fit: func() bool { return s.State().Online }}
	case "scanner":
		s := scanner.New(line(serialport.Options{}), scanner.Options{})
		return idler{run: s.Run, fit: func() bool { return s.Fault() == (*fault.Error)(nil) }}
	}
	return idler{}
}

// intake is a driver that takes money, whose signals the till pulls.
func intake(a cash.Intake) idler {
	return idler{run: a.Run, fit: func() bool { return a.State().Online },
		next: func(ctx context.Context) { a.Next(ctx) }} // its error is the context's
}
