package sdtusb_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/idcard"
	"yichuang/devices/idcard/idcardtest"
	"yichuang/devices/idcard/sdt"
	"yichuang/devices/idcard/sdtsim"
	"yichuang/devices/idcard/sdtusb"
	"yichuang/devices/usbsim"
	"yichuang/devices/usbtest"
	"yichuang/devices/usbtest/cabletest"
	"yichuang/devices/wire"
)

func TestMain(m *testing.M) { usbtest.Main(m) }

// serials tells the readers of this test apart.
var serials atomic.Int64

// desk is a driver and a simulated reader on an emulated USB cable, in a bubble of virtual time.
type desk struct {
	t      *testing.T
	sim    *sdtsim.Reader
	cable  *cabletest.Cable
	driver *sdt.Reader

	mu   sync.Mutex // guards the fields below
	arm  map[string]func()
	wits sync.WaitGroup
}

// kind is what kind of reader it is.
type kind struct {
	four  bool   // two pairs of pipes
	stale []byte // an answer that nobody fetched
}

// options are the device's.
func (k kind) options() usbsim.Options {
	o := usbsim.Options{Vendor: 0x0400, Product: 0xC35A, Serial: fmt.Sprintf("SN%d", serials.Add(1)), Lines: []usbsim.Pipes{{In: 0x81, Out: 0x02}}}
	ends := []byte{0x81, 0x02}
	if k.four {
		ends = append(ends, 0x85, 0x06)
		o.Lines = append(o.Lines, usbsim.Pipes{In: 0x85, Out: 0x06})
	}
	o.Interfaces = []usbsim.Interface{{Settings: []usbsim.Setting{{Class: 0xFF, Endpoints: ends}}}}
	return o
}

// onDesk runs a trial. Nothing of the desk outlives it.
func onDesk(t *testing.T, so sdtsim.Options, do sdt.Options, k kind, trial func(t *testing.T, d *desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &desk{t: t, sim: sdtsim.New(so), arm: map[string]func(){}}
		d.cable = cabletest.New(t, k.options(), func(ctx context.Context, l []io.ReadWriter) { d.serve(ctx, l, k) })
		d.sim.OnPlug(d.cable.Plug)
		d.cable.Plug(true)
		do.NoSpeed = true
		d.driver = sdt.New(func(int) (wire.Port, error) {
			dev, err := d.cable.Open(sdtusb.Class)
			if err != nil {
				return nil, err
			}
			return sdtusb.Line(dev.Ports())
		}, do)
		trial(t, d)
		d.cable.Close()
		d.wits.Wait()
	})
}

// serve is the reader.
func (d *desk) serve(ctx context.Context, l []io.ReadWriter, k kind) {
	d.wits.Add(1)
	defer d.wits.Done()
	line := l[0]
	if k.four {
		line = &both{head: l[0], body: l[1]}
	}
	if _, err := line.Write(k.stale); err == nil {
		d.sim.Serve(ctx, &tap{line, d}) // a broken line is the pulled plug
	}
}

// tap sees the host's requests before the reader does.
type tap struct {
	io.ReadWriter
	d *desk
}

func (p *tap) Read(b []byte) (int, error) {
	n, err := p.ReadWriter.Read(b)
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	for cmd, befall := range p.d.arm {
		if bytes.Contains(b[:n], []byte(cmd)) {
			delete(p.d.arm, cmd)
			befall()
		}
	}
	return n, err
}

// on arms what befalls at the next request with this command and parameter.
func (d *desk) on(cmd string, befall func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.arm[cmd] = befall
}

// both is a reader's end of two pairs of pipes.
type both struct {
	head, body io.ReadWriter
	left       int
	out        []byte
}

func (b *both) Read(to []byte) (int, error) {
	if b.left == 0 {
		head := make([]byte, 7)
		if _, err := io.ReadFull(b.head, head); err != nil {
			return 0, err
		}
		b.left = int(binary.BigEndian.Uint16(head[5:]))
		return copy(to, head), nil
	}
	n, err := b.body.Read(to[:min(len(to), b.left)])
	b.left -= n
	return n, err
}

func (b *both) Write(data []byte) (int, error) {
	b.out = append(b.out, data...)
	for len(b.out) >= 7 {
		n := 7 + int(binary.BigEndian.Uint16(b.out[5:7]))
		if len(b.out) < n {
			break
		}
		if _, err := b.head.Write(b.out[:7]); err != nil {
			return 0, err
		}
		if _, err := b.body.Write(b.out[7:n]); err != nil {
			return 0, err
		}
		b.out = b.out[n:]
	}
	return len(data), nil
}

// lay puts an invented person's card down.
func (d *desk) lay(c idcard.Card) {
	d.t.Helper()
	raw, err := json.Marshal(c)
	if err != nil {
		d.t.Fatal(err)
	}
	var on sdtsim.Card
	if err := json.Unmarshal(raw, &on); err != nil {
		d.t.Fatal(err)
	}
	if err := d.sim.Lay(on); err != nil {
		d.t.Fatal(err)
	}
}

// run starts the driver and gives a stop that waits for its end.
func (d *desk) run() (stop func()) {
	ctx, cancel := context.WithCancel(d.t.Context())
	ended := make(chan struct{})
	go func() { d.driver.Run(ctx); close(ended) }() // its error is the context's
	return func() { cancel(); <-ended }
}

// read reads until a card is there, laying it down again whenever the driver asks the person, and waits while it heals.
func (d *desk) read(c idcard.Card) (got idcard.Card, asked int, err error) {
	for range 40 {
		ctx, cancel := context.WithTimeout(d.t.Context(), idcardtest.Patience)
		got, err = d.driver.Read(ctx)
		cancel()
		switch {
		case err == nil:
			return got, asked, nil
		case fault.Is(err, fault.Refused):
			asked++
			d.sim.Take()
			d.lay(c)
		default:
			time.Sleep(time.Second)
		}
	}
	return got, asked, err
}

// TestReaderSuite is the suite of the class through gousb and libusb, with both kinds of reader.
func TestReaderSuite(t *testing.T) {
	for _, k := range []kind{{}, {four: true}} {
		t.Run(fmt.Sprintf("four pipes %v", k.four), func(t *testing.T) {
			idcardtest.Exercise(t, func(t *testing.T, trial func(*testing.T, idcardtest.Bench)) {
				t.Parallel()
				onDesk(t, sdtsim.Options{}, sdt.Options{}, k, func(t *testing.T, d *desk) {
					trial(t, idcardtest.Bench{Reader: d.driver, Lay: d.lay, Take: func() { d.sim.Take() },
						Unplug: func() { d.sim.Faults().Arm("unplug", 1) }, Plug: func() { d.sim.Faults().Arm("unplug", 0) }})
				})
			})
		})
	}
}

// exchanges are the questions of one visit, by the bytes of command, parameter and check.
var exchanges = map[string]string{"status": "\x11\xFF\xED", "sam id": "\x12\xFF\xEE", "find": "\x20\x01\x22", "select": "\x20\x02\x21", "read": "\x30\x10\x23"}

// TestEachLineFaultAtEachExchange: whatever befalls the bytes of one answer, the card is read in the end, is the right card,
// and the person is asked to lay it down again at most once.
func TestEachLineFaultAtEachExchange(t *testing.T) {
	for exchange, cmd := range exchanges {
		for _, f := range []string{"late", "double", "split", "truncate", "garble", "checksum", "silence", "reset"} {
			for _, four := range []bool{false, true} {
				if testing.Short() && exchange != "read" && f != "silence" {
					continue // every opening costs real work here; the driver's own test has all
				}
				if four && (f == "truncate" || f == "garble" || f == "split") {
					continue // this reader's end of four pipes sends whole frames
				}
				t.Run(fmt.Sprintf("%s %s, four pipes %v", exchange, f, four), func(t *testing.T) {
					t.Parallel()
					onDesk(t, sdtsim.Options{}, sdt.Options{}, kind{four: four}, func(t *testing.T, d *desk) {
						want := idcardtest.Cards(t)["hmt"]
						d.lay(want)
						d.on(cmd, func() { d.sim.Faults().Arm(f, 1) })
						defer d.run()()
						began := time.Now()
						got, asked, err := d.read(want)
						if err != nil || !idcardtest.Same(got, want) || asked > 1 || time.Since(began) > 20*time.Second {
							t.Errorf("got %v, asked %d times, %v, after %v", got, asked, err, time.Since(began))
						}
						for _, row := range d.sim.Faults().List() {
							if row.Armed != 0 {
								t.Errorf("the fault never befell: %v", row)
							}
						}
					})
				})
			}
		}
	}
}

// TestAnswerOfAnEarlierProgram: a program died between a question and its answer. The next one finds the answer in the reader and
// takes it neither for its own nor for the next citizen's card.
func TestAnswerOfAnEarlierProgram(t *testing.T) {
	for _, name := range []string{"ok", "find-ok", "select-ok", "sam-id", "readfp-citizen"} {
		for _, four := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, four pipes %v", name, four), func(t *testing.T) {
				t.Parallel()
				stale := idcardtest.Frames(t)["reply"][name]
				if len(stale) == 0 {
					t.Fatal("no such frame in the vectors")
				}
				onDesk(t, sdtsim.Options{}, sdt.Options{}, kind{four: four, stale: stale}, func(t *testing.T, d *desk) {
					want := idcardtest.Cards(t)["hmt"]
					d.lay(want)
					defer d.run()()
					if got, asked, err := d.read(want); err != nil || !idcardtest.Same(got, want) || asked != 0 {
						t.Errorf("got %v, asked %d times, %v", got, asked, err)
					}
				})
			})
		}
	}
}

// TestUnplugAtRandomMoments: the plug goes out and in again at 200 moments. Every card that is laid down is read, none is read for
// another, and nothing is started again by hand.
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
			onDesk(t, sdtsim.Options{}, sdt.Options{}, kind{four: i%4 == 3}, func(t *testing.T, d *desk) {
				defer d.run()()
				people := []string{"citizen", "hmt", "rare"}
				for round := range rounds {
					want := idcardtest.Cards(t)[people[round%len(people)]]
					moment := time.Duration(random.Int64N(int64(1500 * time.Millisecond)))
					out := time.Duration(random.Int64N(int64(3 * time.Second)))
					d.lay(want)
					moved := make(chan struct{})
					go func() {
						defer close(moved)
						time.Sleep(moment)
						d.sim.Faults().Arm("unplug", 1)
						time.Sleep(out)
						d.sim.Faults().Arm("unplug", 0)
					}()
					if got, _, err := d.read(want); err != nil || !idcardtest.Same(got, want) {
						t.Fatalf("SEED=%d, device %d, round %d: after %v, out for %v: got %v, %v, want %v", seed, i, round, moment, out, got, err, want)
					}
					d.sim.Take()
					<-moved
				}
			})
		})
	}
}

// TestInRealTime is the smoke test of the package's own door: a card is read, the plug is pulled and put in, and the next card is
// read.
func TestInRealTime(t *testing.T) {
	t.Parallel()
	d := &desk{t: t, sim: sdtsim.New(sdtsim.Options{ReadTime: -1})}
	o := kind{}.options()
	o.Serve = func(ctx context.Context, l []io.ReadWriter) { d.sim.Serve(ctx, l[0]) } // a broken line is the pulled plug
	device := usbtest.Plug(t, o)
	d.sim.OnPlug(func(in bool) {
		if err := device.Plug(in); err != nil {
			t.Error(err)
		}
	})
	driver, err := sdtusb.New("usb:0400:c35a:"+o.Serial, sdt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d.driver = driver
	defer d.run()()
	for _, name := range []string{"citizen", "hmt"} {
		want := idcardtest.Cards(t)[name]
		d.lay(want)
		if got, _, err := d.read(want); err != nil || !idcardtest.Same(got, want) {
			t.Errorf("got %v, %v", got, err)
		}
		d.sim.Faults().Arm("unplug", 1)
		d.sim.Take()
		d.sim.Faults().Arm("unplug", 0)
	}
}
