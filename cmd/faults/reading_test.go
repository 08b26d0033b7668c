package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/barcode/paycode"
	"yichuang/devices/barcode/scanner"
	"yichuang/devices/barcode/scannersim"
	"yichuang/devices/fault"
	"yichuang/devices/idcard/sdt"
	"yichuang/devices/idcard/sdtsim"
	"yichuang/devices/mechanism"
	"yichuang/devices/wire"
)

// A reader of cards or codes has no journal above it: what it read is compared with what lay before it. It may read
// nothing; it may never read what was not there, or half of it.

// readSim is what pretend readers have in common.
type readSim interface {
	Faults() *mechanism.Faults
	OnPlug(func(in bool))
	Power(on bool)
	Serve(ctx context.Context, rw io.ReadWriter) error
}

// desk is one reader with the hand before it. Things are numbered: the hand shows one after the other.
type desk struct {
	t     *testing.T
	sim   readSim
	run   func(ctx context.Context) error
	read  func(ctx context.Context) (string, error) // the next thing
	fault func() *fault.Error
	show  func(n int) (string, bool) // gives what is shown, and whether it was
	hide  func()
	held  func() string
	kinds kinds

	join func() line       // made for each story
	more []mechanism.Fault // the line's own
	line line
}

// readers make a desk of each protocol.
var readers = []struct {
	class, protocol string
	desk            func(t *testing.T) *desk
}{{"idcard", "sdt", cardDesk}, {"idcard", "sdt-usb", usbCardDesk}, {"scanner", "scanner", codeDesk}}

func readBenches() (out []bench) {
	for _, r := range readers {
		b := bench{class: r.class, protocol: r.protocol, whats: map[string]string{"power": "the reader loses its power while it reads"}}
		d := r.desk(nil)
		b.sample = sampleOf(d.more)
		for _, f := range slices.Concat(d.sim.Faults().List(), d.more) {
			b.faults, b.whats[f.Name] = append(b.faults, f.Name), f.What
		}
		b.faults = append(b.faults, "power")
		b.run = func(t *testing.T, name string) (c Cell) {
			synctest.Test(t, func(t *testing.T) { c = r.desk(t).story(name) })
			return c
		}
		out = append(out, b)
	}
	return out
}

func cardDesk(t *testing.T) *desk {
	sim := sdtsim.New(sdtsim.Options{})
	return cardDeskOf(t, sim, sdt.Options{})
}

// cardDeskOf is a desk with a card reader, on a serial line unless join is set anew.
func cardDeskOf(t *testing.T, sim *sdtsim.Reader, o sdt.Options) *desk {
	d := &desk{t: t, sim: sim, join: func() line { return &pipe{serve: sim.Serve} }}
	reader := sdt.New(func(int) (wire.Port, error) { return d.line.open() }, o)
	d.run, d.fault = reader.Run, reader.Fault
	d.read = func(ctx context.Context) (string, error) {
		c, err := reader.Read(ctx)
		return c.Name + c.Number, err
	}
	d.show = func(n int) (string, bool) {
		c := sdtsim.Card{Kind: "citizen", Name: []string{"甲一", "乙二", "丙三"}[n], Sex: "1", Ethnicity: "01", Birth: "19900101", Address: "北京市东城区某街1号",
			Number: []string{"110101199001010015", "110101199001010031", "110101199001010058"}[n], Authority: "东城分局", ValidFrom: "20200101", ValidTo: "20400101"}
		return c.Name + c.Number, sim.Lay(c) == nil
	}
	d.hide = func() { sim.Take() }
	d.held = func() string {
		if sim.World() == nil {
			return "no card"
		}
		return "a card"
	}
	return d
}

func codeDesk(t *testing.T) *desk {
	sim := scannersim.New(scannersim.Options{})
	d := &desk{t: t, sim: sim, join: func() line { return &pipe{serve: sim.Serve} }}
	s := scanner.New(func() (wire.Port, error) { return d.line.open() }, scanner.Options{})
	d.run, d.fault = s.Run, s.Fault
	d.read = func(ctx context.Context) (string, error) {
		text, err := s.Scan(ctx)
		if err == nil && !paycode.Classify(text).Payable() {
			// The line has no checksum: a spoiled byte is found by what reads the code.
			err = &fault.Error{Kind: fault.Refused, Device: "scanner", Op: "scan", Detail: "no payment code"}
		}
		return text, err
	}
	d.show = func(n int) (string, bool) {
		text := fmt.Sprintf("13456789012345678%d", n)
		for range 500 { // it looks only while it is asked
			if sim.Show([]byte(text)) == nil {
				return text, true
			}
			d.pass(20 * time.Millisecond)
		}
		return text, false
	}
	d.hide = func() {}
	d.held = func() string {
		if sim.Looking() {
			return "looking"
		}
		return "not looking"
	}
	return d
}

func (d *desk) pass(span time.Duration) {
	for end := time.Now().Add(span); time.Now().Before(end); {
		d.kinds.add(d.fault())
		time.Sleep(20 * time.Millisecond) // virtual
	}
}

// got is what the driver read while something was shown.
type got struct {
	text string
	err  error
}

// look shows one thing and reads until it is read or time is up; a refusal is asked again, as a visit does.
func (d *desk) look(n int, during func()) (shown string, was got) {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	read := make(chan got, 1)
	go func() {
		for {
			text, err := d.read(ctx)
			var f *fault.Error
			if errors.As(err, &f) {
				d.kinds.add(f)
			}
			if err == nil || ctx.Err() != nil {
				read <- got{text, err}
				return
			}
			time.Sleep(200 * time.Millisecond) // virtual
		}
	}()
	d.pass(500 * time.Millisecond)
	shown, ok := d.show(n)
	if during != nil {
		during()
	}
	if !ok {
		shown, _ = d.show(n)
	}
	for range 20 {
		select {
		case was = <-read:
			d.hide()
			return shown, was
		default:
		}
		d.pass(2 * time.Second)
		select {
		case was = <-read:
			d.hide()
			return shown, was
		default:
		}
		d.hide() // lay it down again
		d.pass(500 * time.Millisecond)
		shown, _ = d.show(n)
	}
	cancel()
	was = <-read
	d.hide()
	return shown, was
}

func (d *desk) story(name string) Cell {
	d.line = d.join()
	defer d.line.end()
	d.sim.OnPlug(d.line.plug)
	d.sim.Power(true)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { d.run(ctx); close(ended) }()
	defer func() {
		stop()
		<-ended
	}()
	d.pass(10 * time.Second)
	first, was := d.look(0, nil)
	if was.text != first {
		d.t.Fatalf("nothing is read in peace: %+v", was)
	}
	d.kinds.seen = nil
	second, is := d.look(1, func() { d.befall(name) })
	d.pass(30 * time.Second)
	third, last := d.look(2, nil)
	c := Cell{Seconds: virtual(), Kind: d.kinds.first(), Held: d.held()}
	switch {
	case is.err == nil:
		c.Outcome = "read"
	default:
		c.Outcome = "not read"
	}
	if last.err != nil {
		c.Outcome += ", and nothing is read any more"
	}
	c.Agrees = (is.err != nil || is.text == second) && last.text == third
	if !c.Agrees {
		c.Why = fmt.Sprintf("shown %q and %q, read %+v and %+v", second, third, is, last)
	}
	return c
}

// befall lets the fault befall while something is read, once and then again and again, and mends it.
func (d *desk) befall(name string) {
	if name == "power" {
		d.pass(300 * time.Millisecond)
		d.sim.Power(false)
		d.line.power(false)
		d.pass(5 * time.Second)
		d.sim.Power(true)
		d.line.power(true)
		return
	}
	d.arm(name, 1)
	d.pass(10 * time.Second)
	d.arm(name, 1000)
	d.hide()
	d.pass(500 * time.Millisecond)
	d.show(1)
	d.pass(20 * time.Second)
	d.arm(name, 0)
}

// arm arms a fault of the line or of the mechanism.
func (d *desk) arm(name string, n int) {
	if !d.line.arm(name, n) {
		d.sim.Faults().Arm(name, n) // the name is from its own table
	}
}
