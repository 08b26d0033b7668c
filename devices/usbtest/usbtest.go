// Package usbtest runs the tests of USB drivers against emulated devices, through gousb and libusb.
//
// A package's TestMain calls Main, which starts the test program once more with the library preloaded that
// diverts libusb's calls (see package usbsim), opens one bus for all tests, and runs them. Everything is in one
// program: the driver, libusb, and the simulator at the other end of the cable, so that a test can lay a card
// down and pull the plug. Time is real, since libusb waits in C and no bubble of virtual time can hold that; package
// cabletest keeps libusb outside and lets the driver and the simulator live in a bubble all the same.
package usbtest

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"yichuang/devices/usbsim"
)

// bus is the one bus of the test program.
var bus *usbsim.Bus

// mark is in the environment of the program that was started once more.
const mark = "YICHUANG_USB_TEST"

// Main runs the tests on a bus and ends the program.
func Main(m *testing.M) {
	if os.Getenv(mark) == "" {
		env := append(os.Environ(), mark+"=1", "LD_PRELOAD="+usbsim.Preload)
		fail(syscall.Exec("/proc/self/exe", os.Args, env))
	}
	// They mostly wait for time to pass; go test would run only as many at once as there are cores. With more of them each opening looks
	// through more devices. A number on the command line, which is read after this, counts.
	flag.Set("test.parallel", "6")
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if bus, err = usbsim.Open(); err != nil {
		fail(err)
	}
	defer bus.Close()
	for range errandsMax {
		free <- &errand{done: make(chan struct{})}
		go goErrands()
	}
	for _, v := range bus.Env() {
		name, value, _ := strings.Cut(v, "=")
		os.Setenv(name, value) // the program has cgo in it, so that the C library sees it too
	}
	return m.Run()
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "usbtest:", err)
	os.Exit(1)
}

// errandsMax is how many things can be done outside at a time.
const errandsMax = 256

// errand is something to be done outside. Its channel is made outside too.
type errand struct {
	do   func()
	done chan struct{}
}

var (
	free    = make(chan *errand, errandsMax)
	waiting = make(chan *errand)
)

// goErrands does one errand after the other.
func goErrands() {
	for e := range waiting {
		e.do()
		e.done <- struct{}{}
	}
}

// Outside runs do outside of any bubble of virtual time, and waits for it. Meanwhile the bubble's time stands still. What is
// begun by do, goroutines and channels, is outside as well: libusb needs that.
func Outside(do func()) {
	e := <-free
	e.do = do
	waiting <- e
	<-e.done
	free <- e
}

// Seed is for chance in a test. It is printed, and SEED in the environment repeats it.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("SEED=%d", seed)
	return seed
}

// Device makes a device on the bus, which is not plugged in.
func Device(o usbsim.Options) *usbsim.Device { return bus.Device(o) }

// Plug makes a device on the bus and plugs it in. It is pulled out at the end of the test.
func Plug(t testing.TB, o usbsim.Options) *usbsim.Device {
	t.Helper()
	d := bus.Device(o)
	if err := d.Plug(true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Plug(false); err != nil {
			t.Errorf("pull the plug: %v", err)
		}
	})
	return d
}
