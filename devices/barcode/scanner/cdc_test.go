package scanner_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"yichuang/devices/barcode/scanner"
	"yichuang/devices/barcode/scannersim"
	"yichuang/devices/serialport"
	"yichuang/devices/wire"
)

// cdc is a scanner on USB-CDC as the kernel shows it: a terminal that vanishes with the plug, under whoever holds it open, and comes
// back as another one (ttyACM1, while ttyACM0 is still open) under the link that udev keeps. Time is real.
type cdc struct {
	t    *testing.T
	sim  *scannersim.Scanner
	link string

	master, slave *os.File // nil while the plug is out
	served        sync.WaitGroup
	names         []string // of the terminals so far
}

func newCDC(t *testing.T) *cdc {
	c := &cdc{t: t, sim: scannersim.New(scannersim.Options{}), link: filepath.Join(t.TempDir(), "scanner")}
	c.sim.OnPlug(c.plug)
	c.plug(true)
	t.Cleanup(func() { c.sim.Faults().Arm("unplug", 1); c.served.Wait() })
	return c
}

// plug is called by the goroutine of the test alone.
func (c *cdc) plug(in bool) {
	c.t.Helper()
	if !in {
		os.Remove(c.link) // udev takes the link away with the device
		c.master.Close()  // and whoever holds the terminal is hung up
		c.slave.Close()
		c.master, c.slave = nil, nil
		return
	}
	master, slave, err := pty.Open()
	if err != nil {
		c.t.Fatal(err)
	}
	raw(c.t, slave) // our own end of it stays open: a device does not mind that nobody has it open
	c.master, c.slave, c.names = master, slave, append(c.names, slave.Name())
	c.served.Go(func() { c.sim.Serve(context.Background(), master) }) // ends with the plug
	if err := os.Symlink(slave.Name(), c.link); err != nil {
		c.t.Fatal(err)
	}
}

// blurt is what a scanner sends that was set to read all the time: a code that nobody has asked for. With the plug out nothing comes.
func (c *cdc) blurt(code string) {
	if c.master != nil {
		fmt.Fprintf(c.master, "%s\r", code) // the terminal has room for it
	}
}

// wait lets real time pass.
func wait(d time.Duration) { <-time.After(d) }

// run starts a driver on the link.
func (c *cdc) run() (s *scanner.Scanner, stop func()) {
	s = scanner.New(func() (wire.Port, error) { return serialport.Open(c.link, serialport.Options{Baud: 115200}) }, scanner.Options{})
	ctx, cancel := context.WithCancel(c.t.Context())
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()
	return s, func() { cancel(); <-ended }
}

// TestCDCUnplugAtRandomMoments: the plug goes out and in again while a code is awaited, shown and sent. What is read is what was shown
// for this scan, once; what came while nobody scanned, before the unplug or behind the new plug, is never read.
func TestCDCUnplugAtRandomMoments(t *testing.T) {
	desks, rounds := 8, 8
	if testing.Short() {
		desks, rounds = 3, 2
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SEED"); text != "" {
		if _, err := fmt.Sscan(text, &seed); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SEED=%d", seed)
	for i := range desks {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			c := newCDC(t)
			s, stop := c.run()
			defer stop()
			for round := range rounds {
				code := fmt.Sprintf("13456789%02d%08d", i, round)
				got, err := c.scan(s, code, span(random, 600), span(random, 500))
				if got != code || err != nil {
					t.Fatalf("SEED=%d, desk %d, round %d: got %q, %v, want %q", seed, i, round, got, err, code)
				}
				c.idle(random)
			}
			if len(c.names) < rounds {
				t.Errorf("only %d terminals in %d rounds", len(c.names), rounds)
			}
		})
	}
}

// span is some time up to so many milliseconds.
func span(random *rand.Rand, ms int64) time.Duration {
	return time.Duration(random.Int64N(ms*1000)) * time.Microsecond
}

// scan lets somebody wait for a code as a visit does, shows it, and pulls the plug at a moment. A code that the unplug took is shown
// again, once the scanner looks; what was read is not.
func (c *cdc) scan(s *scanner.Scanner, code string, moment, out time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	type scanned struct {
		text string
		err  error
	}
	read := make(chan scanned, 1)
	go func() {
		for {
			text, err := s.Scan(ctx)
			if err == nil || ctx.Err() != nil {
				read <- scanned{text, err}
				return
			}
			wait(50 * time.Millisecond)
		}
	}()
	pull, replug := time.After(moment), (<-chan time.Time)(nil)
	for was := (*scanned)(nil); ; {
		select {
		case r := <-read:
			was, read = &r, nil
		case <-pull:
			c.sim.Faults().Arm("unplug", 1)
			pull, replug = nil, time.After(out)
		case <-replug:
			c.sim.Faults().Arm("unplug", 0)
			replug = nil
		case <-time.After(20 * time.Millisecond):
			if was == nil {
				c.sim.Show([]byte(code)) // it looks only while it is asked
			}
		}
		if was != nil && pull == nil && replug == nil {
			return was.text, was.err
		}
	}
}

// idle is the time in which nobody scans: codes come all the same, and the plug goes out and in, or does not.
func (c *cdc) idle(random *rand.Rand) {
	c.blurt("134567890000000001")
	if random.IntN(2) == 0 {
		wait(span(random, 30))
		c.sim.Faults().Arm("unplug", 1)
		wait(span(random, 100))
		c.sim.Faults().Arm("unplug", 0)
		c.blurt("134567890000000002") // it lies there before the driver has opened the line
	}
	wait(span(random, 200))
}

// TestCDCVanishesWhileIdle: nobody scans, the plug goes out, and the driver says so by itself; it is fit again after the plug, on another
// terminal.
func TestCDCVanishesWhileIdle(t *testing.T) {
	if testing.Short() {
		return // it waits until the driver looks by itself
	}
	t.Parallel()
	c := newCDC(t)
	s, stop := c.run()
	defer stop()
	until := func(what string, is func() bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !is(); wait(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: %v", what, s.Fault())
			}
		}
	}
	until("fit", func() bool { return s.Fault() == nil })
	c.sim.Faults().Arm("unplug", 1)
	until("gone", func() bool { return s.Fault() != nil && strings.Contains(s.Fault().Error(), "absent") })
	c.sim.Faults().Arm("unplug", 0)
	until("fit again", func() bool { return s.Fault() == nil })
	if len(c.names) != 2 {
		t.Errorf("the terminals were %v, want two", c.names)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	c.blurt("134567890000000003")
	wait(50 * time.Millisecond)
	if got, err := s.Scan(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("read %q, %v, though nothing was shown", got, err)
	}
}
