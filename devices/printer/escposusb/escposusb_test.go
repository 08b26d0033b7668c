package escposusb_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
	"yichuang/devices/printer/escpos"
	"yichuang/devices/printer/escpossim"
	"yichuang/devices/printer/escposusb"
	"yichuang/devices/printer/printertest"
	"yichuang/devices/usbsim"
	"yichuang/devices/usbtest"
	"yichuang/devices/usbtest/cabletest"
	"yichuang/devices/wire"
)

func TestMain(m *testing.M) { usbtest.Main(m) }

// serials tells the printers of this test apart.
var serials atomic.Int64

// whole is a printer that can do everything.
var whole = escpos.Profile{HasQR: true, HasCuts: true, HasClear: true}

// options are a printer's. Its class requests are answered by what the mechanism's faults say.
func options(sim *escpossim.Printer) usbsim.Options {
	return usbsim.Options{Vendor: 0x0416, Product: 0x5011, Serial: fmt.Sprintf("P%d", serials.Add(1)), HighSpeed: true,
		Interfaces: []usbsim.Interface{
			{Settings: []usbsim.Setting{{Class: 3, Endpoints: []byte{0x83, 0x04}}}},
			{Settings: []usbsim.Setting{{Class: 7, SubClass: 1, Protocol: 1, Endpoints: []byte{0x02}}, {Class: 7, SubClass: 1, Protocol: 2, Endpoints: []byte{0x81, 0x02}}}, Driver: true}},
		Lines: []usbsim.Pipes{{In: 0x81, Out: 0x02}},
		Request: func(r usbsim.Request, _ []byte) ([]byte, bool) {
			switch r {
			case usbsim.Request{Type: 0xA1, Request: 0, Index: 0x0101, Length: 1024}, usbsim.Request{Type: 0xA1, Request: 1, Index: 1, Length: 1}:
				return sim.Request(r.Request)
			}
			return nil, false
		}}
}

// bench is a driver and a simulated printer on an emulated USB cable, in a bubble of virtual time.
type bench struct {
	t       *testing.T
	sim     *escpossim.Printer
	profile escpos.Profile
	cable   *cabletest.Cable
	filter  func(io.ReadWriter) io.ReadWriter // between the cable and the printer; nil for none
	stop    func()
	served  sync.WaitGroup
}

func newBench(t *testing.T, profile escpos.Profile, o escpossim.Options) *bench {
	b := &bench{t: t, sim: escpossim.New(o), profile: profile}
	b.cable = cabletest.New(t, options(b.sim), func(ctx context.Context, l []io.ReadWriter) {
		b.served.Add(1)
		defer b.served.Done()
		line := l[0]
		if b.filter != nil {
			line = b.filter(line)
		}
		b.sim.Serve(ctx, line) // a broken line is the pulled plug
	})
	b.sim.OnPlug(b.cable.Plug)
	b.cable.Plug(true)
	return b
}

// open is the wire.Opener.
func (b *bench) open() (wire.Port, error) {
	d, err := b.cable.Open(escposusb.Class)
	if err != nil {
		return nil, err
	}
	return escposusb.NewPort(d.Ports()[0], d, 1, 1), nil
}

// start runs a new program.
func (b *bench) start() *escpos.Printer {
	p := escpos.New(b.open, b.profile)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()
	b.stop = func() { cancel(); <-done }
	return p
}

// close ends the program and the cable.
func (b *bench) close() {
	b.stop()
	b.cable.Close()
	b.served.Wait()
}

func (b *bench) strips() []printertest.Strip {
	var w struct{ Prints []struct{ N int } }
	if err := json.Unmarshal(b.sim.World(), &w); err != nil {
		b.t.Fatalf("world: %v", err)
	}
	var out []printertest.Strip
	for _, p := range w.Prints {
		text, err := b.sim.Text(p.N)
		if err != nil {
			b.t.Fatalf("text %d: %v", p.N, err)
		}
		out = append(out, printertest.Strip{Text: text, Cut: b.sim.IsCut(p.N)})
	}
	return out
}

func rollBench(profile escpos.Profile, o escpossim.Options) func(t *testing.T) *printertest.RollBench {
	return func(t *testing.T) *printertest.RollBench {
		b := newBench(t, profile, o)
		return &printertest.RollBench{
			Roll: b.start(),
			Restart: func() printer.Roll {
				b.stop()
				return b.start()
			},
			Arm: func(name string, n int) {
				if err := b.sim.Faults().Arm(name, n); err != nil {
					t.Errorf("arm %s: %v", name, err)
				}
			},
			Has: func(name string) bool {
				for _, f := range b.sim.Faults().List() {
					if f.Name == name {
						return true
					}
				}
				return false
			},
			Power: b.sim.Power,
			AtHalf: func(do func()) {
				var once sync.Once
				b.sim.OnPoint(func(string) { once.Do(do) })
			},
			Strips:  b.strips,
			Counts:  profile.HasCuts,
			Forgets: profile.HasClear,
			Close:   sync.OnceFunc(b.close),
		}
	}
}

// TestRoll is the suite of the class through gousb and libusb.
func TestRoll(t *testing.T) {
	t.Parallel()
	if testing.Short() { // every opening costs real work here; the driver's own suite has all
		printertest.ExerciseRoll(t, rollBench(whole, escpossim.Options{Pace: true}), 3)
		return
	}
	printertest.ExerciseRoll(t, rollBench(whole, escpossim.Options{Pace: true}))
}

// TestRollPlainModel is the same with a printer that neither counts nor forgets.
func TestRollPlainModel(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	printertest.ExerciseRoll(t, rollBench(escpos.Profile{}, escpossim.Options{Pace: true, NoCuts: true, NoClear: true}))
}

// nameless is a printer that does not answer GS I.
type nameless struct{ io.ReadWriter }

func (n nameless) Read(b []byte) (int, error) {
	for {
		k, err := n.ReadWriter.Read(b)
		kept := bytes.ReplaceAll(bytes.ReplaceAll(bytes.ReplaceAll(b[:k], []byte("\x1dIB"), nil), []byte("\x1dIC"), nil), []byte("\x1dID"), nil)
		if len(kept) > 0 || err != nil {
			return copy(b, kept), err
		}
	}
}

// TestIdentity: what the printer does not say itself is taken from the device's name, and what is in neither from the profile.
func TestIdentity(t *testing.T) {
	for _, silent := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			profile := whole
			profile.Maker, profile.Model = "PROFILE", "P-80"
			b := newBench(t, profile, escpossim.Options{Maker: "ACME", Model: "A-80"})
			b.cable.Plug(false)
			if silent {
				b.filter = func(l io.ReadWriter) io.ReadWriter { return nameless{l} }
			}
			b.cable.Plug(true)
			p := b.start()
			defer b.close()
			for range 300 {
				if p.Info().Maker == "ACME" {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
			want := printer.RollInfo{Protocol: "escpos", Maker: "ACME", Model: "A-80", WidthDots: 576, Columns: 48}
			if got := p.Info(); got != want {
				t.Errorf("info: got %+v, want %+v", got, want)
			}
		})
	}
}

// strip is a receipt of some lines.
func strip(round int) printer.Strip {
	s := printer.Strip{}
	for i := range 8 {
		s.Lines = append(s.Lines, printer.Line{Text: fmt.Sprintf("receipt %d line %d", round, i)})
	}
	return s
}

// TestUnplugAtRandomMoments: the plug goes out and in again at 200 moments. A strip that was said to be printed is there once, one that
// was said not to be is not; a doubtful one is there or not, and its fate stands in the count of cuts.
func TestUnplugAtRandomMoments(t *testing.T) {
	devices, rounds := 8, 25
	if testing.Short() {
		devices, rounds = 3, 4
	}
	seed := usbtest.Seed(t)
	for i := range devices {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, whole, escpossim.Options{Pace: true})
				p := b.start()
				defer b.close()
				for round := range rounds {
					told := fmt.Sprintf("SEED=%d, device %d, round %d", seed, i, round)
					before, ok := ready(b, p)
					if !ok {
						t.Fatalf("%s: not fit again: %+v", told, p.State())
					}
					moment := time.Duration(random.Int64N(int64(2500 * time.Millisecond)))
					out := time.Duration(random.Int64N(int64(4 * time.Second)))
					moved := make(chan struct{})
					go func() {
						defer close(moved)
						time.Sleep(moment)
						b.sim.Faults().Arm("unplug", 1)
						time.Sleep(out)
						b.sim.Faults().Arm("unplug", 0)
					}()
					ctx, cancel := context.WithTimeout(context.Background(), printertest.LongTime)
					err := p.Print(ctx, strip(round))
					cancel()
					<-moved
					after, ok := ready(b, p)
					if !ok {
						t.Fatalf("%s: not fit again: %+v", told, p.State())
					}
					came, want := came(b, round), 0
					switch {
					case err == nil:
						want = 1
					case fault.Is(err, fault.Doubtful):
						want = int(after - before)
					}
					if came != want || err != nil && fault.KindOf(err) == "" {
						t.Errorf("%s: after %v, out for %v: said %v, %d came out, want %d", told, moment, out, err, came, want)
					}
					if !clean(p) {
						t.Fatalf("%s: the paper is not clean: %+v", told, p.State())
					}
				}
			})
		})
	}
}

// ready waits until the printer is fit and gives its count of cuts.
func ready(b *bench, p *escpos.Printer) (int64, bool) {
	for range 600 {
		if s := p.State(); s.Online && s.Fault == nil {
			if n, ok, err := p.Cuts(context.Background()); ok && err == nil {
				return n, true
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	return 0, false
}

// came counts the whole strips of a round that were cut off.
func came(b *bench, round int) (n int) {
	for _, s := range b.strips() {
		all := s.Cut
		for i := range 8 {
			all = all && strings.Count(s.Text, fmt.Sprintf("receipt %d line %d\n", round, i))+strings.Count(s.Text+"\n", fmt.Sprintf("receipt %d line %d\n", round, i)) > 0
		}
		if all {
			n++
		}
	}
	return n
}

// clean cuts off what hangs in the printer.
func clean(p *escpos.Printer) bool {
	for range 20 {
		if !p.State().Unfinished {
			return true
		}
		ctx, cancel := context.WithTimeout(context.Background(), printertest.LongTime)
		p.Clear(ctx) // told by the state
		cancel()
	}
	return false
}

// TestStalledPrinterIsAskedWhy, in real time through the package's own door: a printer that takes no byte says on the control pipe that it
// has no paper.
func TestStalledPrinterIsAskedWhy(t *testing.T) {
	t.Parallel()
	sim := escpossim.New(escpossim.Options{})
	o := options(sim)
	o.Serve = func(ctx context.Context, l []io.ReadWriter) { sim.Serve(ctx, l[0]) } // a broken line is the pulled plug
	device := usbtest.Plug(t, o)
	p, err := escposusb.New("usb:0416:5011:"+o.Serial, whole)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()
	await := func(what string, is func(printer.RollState) bool) {
		t.Helper()
		for !is(p.State()) {
			select {
			case <-ctx.Done():
				t.Fatalf("%s: %+v", what, p.State())
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	fit := func(s printer.RollState) bool { return s.Online && s.Fault == nil }
	await("fit", fit)
	device.Hold(true, false)
	await("stalled without a reason", func(s printer.RollState) bool { return s.Fault != nil && s.Fault.Kind == fault.Silent })
	sim.Faults().Arm("paper_out", 1)
	await("out of paper", func(s printer.RollState) bool { return s.Fault != nil && s.Fault.Kind == fault.Empty })
	sim.Faults().Arm("paper_out", 0)
	device.Hold(false, false)
	await("fit again", fit)
	cancel()
	<-done
}
