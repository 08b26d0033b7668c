package ippusb_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
	"yichuang/devices/printer/ipp"
	"yichuang/devices/printer/ippsim"
	"yichuang/devices/printer/ippusb"
	"yichuang/devices/printer/printertest"
	"yichuang/devices/usbsim"
	"yichuang/devices/usbtest"
	"yichuang/devices/usbtest/cabletest"
)

func TestMain(m *testing.M) { usbtest.Main(m) }

// serials tells the printers of this test apart.
var serials atomic.Int64

// options are a printer's with two pairs of pipes.
func options() usbsim.Options {
	one := usbsim.Setting{Class: 7, SubClass: 1, Protocol: 4}
	old := usbsim.Setting{Class: 7, SubClass: 1, Protocol: 2}
	set := func(s usbsim.Setting, ends ...byte) usbsim.Setting { s.Endpoints = ends; return s }
	return usbsim.Options{Vendor: 0x03F0, Product: 0x1234, Serial: fmt.Sprintf("S%d", serials.Add(1)), HighSpeed: true,
		Interfaces: []usbsim.Interface{
			{Settings: []usbsim.Setting{set(old, 0x81, 0x01), set(one, 0x81, 0x01)}, Driver: true},
			{Settings: []usbsim.Setting{set(one, 0x82, 0x02)}},
		},
		Lines: []usbsim.Pipes{{In: 0x81, Out: 0x01}, {In: 0x82, Out: 0x02}}}
}

// bench is a driver and a simulated printer on an emulated USB cable, in a bubble of virtual time.
type bench struct {
	t         *testing.T
	sim       *ippsim.Printer
	cable     *cabletest.Cable
	transport *ippusb.Transport
	served    sync.WaitGroup
	stop      func()
}

func newBench(t *testing.T, h func(http.Handler) http.Handler) *bench {
	b := &bench{t: t, sim: ippsim.New(ippsim.Options{})}
	b.cable = cabletest.New(t, options(), func(_ context.Context, lines []io.ReadWriter) {
		for _, l := range lines {
			b.served.Go(func() { ippsim.ServePair(l, h(b.sim.Handler())) })
		}
	})
	b.sim.OnPlug(b.cable.Plug)
	b.cable.Plug(true)
	return b
}

// start runs a new program.
func (b *bench) start() *ipp.Printer {
	b.transport = ippusb.NewTransport(func() (ippusb.Device, error) {
		d, err := b.cable.Open(ippusb.Class)
		if err != nil {
			return nil, err
		}
		return d, nil
	})
	p := ipp.New("ipp://localhost/ipp/print", ipp.Options{Client: &http.Client{Transport: b.transport}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()
	b.stop = func() { cancel(); <-done; b.transport.Close() }
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
		do := c.do
		if c.left != 0 {
			do = nil
		}
		c.mu.Unlock()
		if do != nil {
			do()
		}
		h.ServeHTTP(w, r)
	})
}

func sheetsBench(t *testing.T) *printertest.SheetsBench {
	count := &counter{}
	b := newBench(t, count.before)
	loaded := 0
	load := func(tray, media string, sheets int) {
		loaded++
		if err := b.sim.LoadTray(tray, media, sheets, fmt.Sprintf("T%d-0001", loaded)); err != nil {
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
			if err := b.sim.Faults().Arm(name, n); err != nil {
				t.Errorf("arm %s: %v", name, err)
			}
		},
		Power: func(on bool) { // a printer without power is not on the bus
			b.sim.Power(on)
			b.cable.Plug(on)
		},
		Unplugged: fault.Absent,
		AtHalf: func(do func()) {
			var once sync.Once
			b.sim.OnPoint(func(string) { once.Do(do) })
		},
		AtRequest: count.at,
		Load:      load,
		Out:       b.out,
		Close: func() {
			b.stop()
			b.sim.Power(false)
			b.cable.Close()
			b.served.Wait()
			time.Sleep(time.Minute)
		},
	}
}

// TestSheets is the suite of the class through gousb and libusb. With the race detector the pulled plugs stand for it.
func TestSheets(t *testing.T) {
	if testing.Short() {
		return
	}
	printertest.ExerciseSheets(t, sheetsBench)
}

func TestAddressIsChecked(t *testing.T) {
	for address, right := range map[string]bool{"usb:03f0:1234": true, "usb:03f0:1234:SN": true, "http://localhost/": false, "usb:03f0": false} {
		if _, err := ippusb.New(address, ipp.Options{}); (err == nil) != right || err != nil && !strings.Contains(err.Error(), "usb:VVVV:PPPP") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestUnplugAtRandomMoments: the plug goes out and in again at 200 moments. No job is printed twice; what was said to be printed is there, and
// what was said never to have arrived is not.
func TestUnplugAtRandomMoments(t *testing.T) {
	devices, rounds := 8, 25
	if testing.Short() {
		devices, rounds = 4, 4
	}
	seed := usbtest.Seed(t)
	for i := range devices {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, func(h http.Handler) http.Handler { return h })
				if err := b.sim.LoadTray("tray-1", printertest.A3, 500, "R-0001"); err != nil {
					t.Fatal(err)
				}
				p := b.start()
				defer func() { b.stop(); b.cable.Close(); b.served.Wait(); time.Sleep(time.Minute) }()
				for round := range rounds {
					told := fmt.Sprintf("SEED=%d, device %d, round %d", seed, i, round)
					before, since := len(b.out()), time.Now()
					moment := time.Duration(random.Int64N(int64(6 * time.Second)))
					out := time.Duration(random.Int64N(int64(8 * time.Second)))
					moved := make(chan struct{})
					go func() {
						defer close(moved)
						time.Sleep(moment)
						b.sim.Faults().Arm("unplug", 1)
						time.Sleep(out)
						b.sim.Faults().Arm("unplug", 0)
					}()
					name := fmt.Sprintf("LIC-%d", round)
					_, err := p.Submit(t.Context(), printer.Job{Name: name, Document: printertest.PDF(printertest.A3, 1, false), Media: printertest.A3, Source: "tray-1", Sheets: 1})
					<-moved
					state, known := fate(t, p, name, since)
					came := len(b.out()) - before
					sure := err != nil && !fault.Is(err, fault.Doubtful)
					if came > 1 || sure && came != 0 || known && state.Phase == printer.JobPrinted && came != 1 || !known && came != 0 || !sure && known && !state.Phase.Final() {
						t.Errorf("%s: after %v, out for %v: submit said %v, the job is %v %+v, %d sheets came", told, moment, out, err, known, state, came)
					}
				}
			})
		})
	}
}

// fate asks for the job until it is over, or until the printer, which was never off, does not know it.
func fate(t *testing.T, p *ipp.Printer, name string, since time.Time) (state printer.JobState, known bool) {
	for range 120 {
		s, ok, err := p.Job(t.Context(), 0, name, since)
		if err == nil && (!ok || s.Phase.Final()) {
			return s, ok
		}
		if err == nil {
			state, known = s, ok
		}
		time.Sleep(time.Second)
	}
	return state, known
}
