package usbport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"yichuang/devices/usbsim"
	"yichuang/devices/usbtest"
)

func TestMain(m *testing.M) { usbtest.Main(m) }

// vendor is the class of most devices here, which have one interface.
var vendor = Class{Class: 0xFF}

// plain is a device with one pair of pipes, whose wits are serve.
func plain(product uint16, serial string, serve func(ctx context.Context, l io.ReadWriter)) usbsim.Options {
	return usbsim.Options{Vendor: 0x1234, Product: product, Serial: serial, Lines: []usbsim.Pipes{{In: 0x81, Out: 0x02}},
		Interfaces: []usbsim.Interface{{Settings: []usbsim.Setting{{Class: 0xFF, Endpoints: []byte{0x81, 0x02}}}}},
		Serve:      func(ctx context.Context, l []io.ReadWriter) { serve(ctx, l[0]) }}
}

// echo says all that it hears.
func echo(_ context.Context, l io.ReadWriter) { io.Copy(l, l) }

// mute hears nothing and says nothing.
func mute(ctx context.Context, _ io.ReadWriter) { <-ctx.Done() }

// open opens a device that must be there, and closes it at the end.
func open(t *testing.T, product uint16) *Pipe {
	t.Helper()
	d, err := Open(Address{Vendor: 0x1234, Product: product}, vendor, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d.Pipes()[0]
}

// soon is more than anything here may take.
func soon() time.Time { return time.Now().Add(time.Minute) }

// TestBytesArriveWhole: lengths around the packet's, on fast and slow devices, with and without the empty packet that
// should end a full one.
func TestBytesArriveWhole(t *testing.T) {
	t.Parallel()
	for i, o := range []struct{ fast, empty bool }{{false, false}, {false, true}, {true, false}, {true, true}} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			t.Parallel()
			product := uint16(0x10 + i)
			opts := plain(product, "", echo)
			opts.HighSpeed, opts.EmptyPackets = o.fast, o.empty
			usbtest.Plug(t, opts)
			p := open(t, product)
			for _, n := range []int{1, 63, 64, 65, 128, 511, 512, 1024, 3000, chunkBytes, chunkBytes + 1, 40000} {
				want := make([]byte, n)
				for j := range want {
					want[j] = byte(rand.Uint32())
				}
				sent := make(chan error, 1)
				go func() {
					_, err := p.Write(want)
					sent <- err
				}()
				got := make([]byte, n)
				p.SetReadDeadline(soon())
				if _, err := io.ReadFull(p, got); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes: %v, equal %v", n, err, bytes.Equal(got, want))
				}
				if err := <-sent; err != nil {
					t.Errorf("write %d bytes: %v", n, err)
				}
			}
		})
	}
}

func TestSilenceEndsInTheDeadline(t *testing.T) {
	t.Parallel()
	usbtest.Plug(t, plain(0x20, "", mute))
	p := open(t, 0x20)
	began := time.Now()
	p.SetReadDeadline(began.Add(50 * time.Millisecond))
	if n, err := p.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %d, %v, want %v", n, err, os.ErrDeadlineExceeded)
	}
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	p.SetReadDeadline(time.Time{})
	ended := make(chan error, 1)
	go func() {
		_, err := p.Read(make([]byte, 1))
		ended <- err
	}()
	p.SetReadDeadline(time.Now())
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a read that is broken off: got %v", err)
	}
}

// TestBrokenOffReadsLoseNothing: a driver that looks at its watch all the time gets every byte in order.
func TestBrokenOffReadsLoseNothing(t *testing.T) {
	t.Parallel()
	const all = 20000
	usbtest.Plug(t, plain(0x21, "", func(ctx context.Context, l io.ReadWriter) {
		for i := 0; i < all; {
			n := min(1+int(rand.Uint32N(90)), all-i)
			b := make([]byte, n)
			for j := range b {
				b[j] = byte((i + j) % 251)
			}
			if _, err := l.Write(b); err != nil {
				return
			}
			i += n
		}
		<-ctx.Done()
	}))
	p := open(t, 0x21)
	end, got := soon(), 0
	for got < all && time.Now().Before(end) {
		p.SetReadDeadline(time.Now().Add(time.Duration(rand.Uint32N(300)) * time.Microsecond))
		b := make([]byte, 1+rand.Uint32N(100))
		n, err := p.Read(b)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		for _, c := range b[:n] {
			if c != byte(got%251) {
				t.Fatalf("byte %d is %d", got, c)
			}
			got++
		}
	}
	if got != all {
		t.Errorf("%d bytes of %d", got, all)
	}
}

// TestUnplugAndReplug: the plug is pulled under a waiting read; after it everything fails, and a new device is found.
func TestUnplugAndReplug(t *testing.T) {
	t.Parallel()
	d := usbtest.Plug(t, plain(0x22, "", echo))
	p := open(t, 0x22)
	ended := make(chan error, 1)
	go func() {
		_, err := p.Read(make([]byte, 1))
		ended <- err
	}()
	if err := d.Plug(false); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, os.ErrClosed) {
		t.Errorf("read under the pulled plug: %v", err)
	}
	if _, err := p.Write([]byte{1}); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write after the pulled plug: %v", err)
	}
	if _, err := p.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) || !strings.HasPrefix(err.Error(), "read usb:1234:0022: ") {
		t.Errorf("read after the pulled plug: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if _, err := Open(Address{Vendor: 0x1234, Product: 0x22}, vendor, 1); !errors.Is(err, ErrAbsent) {
		t.Errorf("open while it is out: %v, want %v", err, ErrAbsent)
	}
	if err := d.Plug(true); err != nil {
		t.Fatal(err)
	}
	talks(t, open(t, 0x22))
}

// talks checks that an echo comes back.
func talks(t *testing.T, p *Pipe) {
	t.Helper()
	want := []byte("are you there?")
	if _, err := p.Write(want); err != nil {
		t.Errorf("write: %v", err)
	}
	got := make([]byte, len(want))
	p.SetReadDeadline(soon())
	if _, err := io.ReadFull(p, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestSerialNumberTellsTwinsApart also without one: two drivers get one each.
func TestSerialNumberTellsTwinsApart(t *testing.T) {
	t.Parallel()
	says := func(word string) func(context.Context, io.ReadWriter) {
		return func(ctx context.Context, l io.ReadWriter) { l.Write([]byte(word)); <-ctx.Done() }
	}
	usbtest.Plug(t, plain(0x23, "A:1", says("a")))
	usbtest.Plug(t, plain(0x23, "B", says("b")))
	hears := func(serial string) (string, *Device) {
		d, err := Open(Address{Vendor: 0x1234, Product: 0x23, Serial: serial}, vendor, 1)
		if err != nil {
			t.Errorf("open %q: %v", serial, err)
			return "", nil
		}
		b := make([]byte, 1)
		d.Pipes()[0].SetReadDeadline(soon())
		d.Pipes()[0].Read(b) // an error leaves b empty, which is told
		return string(b), d
	}
	for serial, want := range map[string]string{"A:1": "a", "B": "b"} {
		got, d := hears(serial)
		if got != want {
			t.Errorf("%s says %q, want %q", serial, got, want)
		}
		d.Close()
	}
	if _, err := Open(Address{Vendor: 0x1234, Product: 0x23, Serial: "C"}, vendor, 1); !errors.Is(err, ErrAbsent) {
		t.Errorf("another number: %v", err)
	}
	a, err := Open(Address{Vendor: 0x1234, Product: 0x23, Serial: "A:1"}, vendor, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Address{Vendor: 0x1234, Product: 0x23, Serial: "A:1"}, vendor, 1); !errors.Is(err, ErrBusy) {
		t.Errorf("one that is held, beside its twin: %v, want %v", err, ErrBusy)
	}
	a.Close()
	var open []*Device
	for range 2 {
		d, err := Open(Address{Vendor: 0x1234, Product: 0x23}, vendor, 1)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, d)
	}
	if _, err := Open(Address{Vendor: 0x1234, Product: 0x23}, vendor, 1); !errors.Is(err, ErrBusy) {
		t.Errorf("a third of two: %v, want that it is in use", err)
	}
	for _, d := range open {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

// TestInterfaces: the setting of the class is chosen, the kernel's driver of that interface gives way and no other, and
// what gousb cannot claim is refused.
func TestInterfaces(t *testing.T) {
	t.Parallel()
	printer := Class{Class: 7, SubClass: 1, Protocol: 2}
	usbtest.Plug(t, usbsim.Options{Vendor: 0x1234, Product: 0x24, Lines: []usbsim.Pipes{{In: 0x83, Out: 0x04}},
		Interfaces: []usbsim.Interface{
			{Settings: []usbsim.Setting{{Class: 3, Endpoints: []byte{0x81, 0x02}}}, Driver: true},
			{Settings: []usbsim.Setting{{Class: 7, SubClass: 1, Protocol: 1, Endpoints: []byte{0x04}}, {Class: 7, SubClass: 1, Protocol: 2, Endpoints: []byte{0x83, 0x04}}}, Driver: true},
			{Settings: []usbsim.Setting{{Class: 7, SubClass: 1, Protocol: 2, Endpoints: []byte{0x85, 0x06}}}, Number: 9},
		},
		Serve: func(ctx context.Context, l []io.ReadWriter) { echo(ctx, l[0]) }})
	at := Address{Vendor: 0x1234, Product: 0x24}
	d, err := Open(at, printer, 9)
	if err != nil {
		t.Fatal(err)
	}
	p := d.Pipes()
	if len(p) != 1 || p[0].Interface != 1 || p[0].Setting != 1 {
		t.Fatalf("pipes: %+v, want interface 1 setting 1 alone", p)
	}
	talks(t, p[0])
	if err := d.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if _, err := Open(at, Class{Class: 8}, 1); err == nil || errors.Is(err, ErrAbsent) {
		t.Errorf("a class that it has not: %v", err)
	}
	if d, err = Open(at, Class{Any: true}, 1); err != nil {
		t.Fatal(err)
	}
	if p := d.Pipes(); len(p) != 1 || p[0].Interface != 0 {
		t.Errorf("any class: %+v, want interface 0", p)
	}
	d.Close()
}

// TestFourPipes: pairs are made in the order of the endpoints.
func TestFourPipes(t *testing.T) {
	t.Parallel()
	usbtest.Plug(t, usbsim.Options{Vendor: 0x1234, Product: 0x25, Lines: []usbsim.Pipes{{In: 0x81, Out: 0x02}, {In: 0x85, Out: 0x06}},
		Interfaces: []usbsim.Interface{{Settings: []usbsim.Setting{{Class: 0xFF, Endpoints: []byte{0x85, 0x81, 0x06, 0x02}}}}},
		Serve: func(_ context.Context, l []io.ReadWriter) {
			go io.Copy(l[1], l[1])
			io.Copy(l[0], l[0])
		}})
	d, err := Open(Address{Vendor: 0x1234, Product: 0x25}, vendor, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if n := len(d.Pipes()); n != 2 {
		t.Fatalf("%d pairs, want 2", n)
	}
	for _, p := range d.Pipes() {
		talks(t, p)
	}
}

// TestHaltIsHealedByTheNextOpening, as is a bad cable.
func TestHaltIsHealedByTheNextOpening(t *testing.T) {
	t.Parallel()
	d := usbtest.Plug(t, plain(0x26, "", echo))
	for name, befall := range map[string]func(){
		"halted in":  func() { d.Halt(0x81) },
		"halted out": func() { d.Halt(0x02) },
		"noise in":   func() { d.Noise(0x81) },
		"noise out":  func() { d.Noise(0x02) },
	} {
		p := open(t, 0x26)
		talks(t, p)
		befall()
		_, err := p.Write([]byte("x"))
		if err == nil {
			p.SetReadDeadline(soon())
			for err == nil {
				_, err = p.Read(make([]byte, 9))
			}
		}
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
		if err := p.Close(); err != nil {
			t.Errorf("%s: close: %v", name, err)
		}
		p = open(t, 0x26)
		p.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		io.Copy(io.Discard, p) // what was under way then
		talks(t, p)
		p.Close()
	}
}

// TestStalledWriteEnds, and says how much was taken; Close does not wait for it.
func TestStalledWriteEnds(t *testing.T) {
	t.Parallel()
	d := usbtest.Plug(t, plain(0x27, "", mute))
	p := open(t, 0x27)
	began := time.Now()
	n, err := p.Write(make([]byte, 3*chunkBytes))
	if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || n <= 0 || n >= chunkBytes || took < writeLimit || took > 2*writeLimit {
		t.Errorf("got %d, %v after %v, want some bytes and %v", n, err, took, os.ErrDeadlineExceeded)
	}
	d.Hold(true, false)
	ended := make(chan error, 1)
	go func() {
		_, err := p.Write([]byte{1})
		ended <- err
	}()
	if err := p.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := <-ended; !errors.Is(err, os.ErrClosed) {
		t.Errorf("write under Close: %v, want %v", err, os.ErrClosed)
	}
	if _, err := p.Write([]byte{1}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("write after Close: %v", err)
	}
	if _, err := p.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("read after Close: %v", err)
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	o := plain(0x28, "", mute)
	o.Request = func(r usbsim.Request, data []byte) ([]byte, bool) {
		switch {
		case r == usbsim.Request{Type: 0xA1, Request: 1, Value: 2, Index: 3, Length: 4}:
			return []byte{0x18, 0x19}, true
		case r == usbsim.Request{Type: 0x21, Request: 2, Length: 1}:
			return nil, len(data) == 1 && data[0] == 7
		}
		return nil, false
	}
	plug := usbtest.Plug(t, o)
	d := open(t, 0x28).device
	b := make([]byte, 4)
	if n, err := d.Control(0xA1, 1, 2, 3, b); n != 2 || err != nil || b[0] != 0x18 || b[1] != 0x19 {
		t.Errorf("got %d % x, %v", n, b, err)
	}
	if n, err := d.Control(0x21, 2, 0, 0, []byte{7}); n != 1 || err != nil {
		t.Errorf("out: got %d, %v", n, err)
	}
	if _, err := d.Control(0xA1, 9, 0, 0, b); err == nil {
		t.Error("a request that the device refuses: no error")
	}
	plug.Hold(true, true)
	began := time.Now()
	if _, err := d.Control(0xA1, 1, 2, 3, b); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) < controlLimit || time.Since(began) > 4*controlLimit {
		t.Errorf("a request without an answer: %v after %v, want %v", err, time.Since(began), os.ErrDeadlineExceeded)
	}
	plug.Hold(false, false)
	if n, err := d.Control(0xA1, 1, 2, 3, b); n != 2 || err != nil {
		t.Errorf("the next one: %d, %v", n, err)
	}
	d.Close()
	if _, err := d.Control(0xA1, 1, 2, 3, b); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestFullBufferHoldsTheDeviceBack: what nobody reads stays in the device, beyond a bound.
func TestFullBufferHoldsTheDeviceBack(t *testing.T) {
	t.Parallel()
	const all = 4 * bufferMax
	o := plain(0x29, "", func(ctx context.Context, l io.ReadWriter) {
		for range all / 1024 {
			if _, err := l.Write(make([]byte, 1024)); err != nil {
				return
			}
		}
		l.Write([]byte{1})
		<-ctx.Done()
	})
	o.HighSpeed = true
	usbtest.Plug(t, o)
	p := open(t, 0x29)
	got := make([]byte, all+1)
	p.SetReadDeadline(soon())
	if _, err := io.ReadFull(p, got); err != nil || got[all] != 1 {
		t.Errorf("got %d, %v", got[all], err)
	}
}

// TestHostThatMissesTheNewsOfPlugs: one that has no time to hear of them loses them, as with the kernel, and the bus lives on.
func TestHostThatMissesTheNewsOfPlugs(t *testing.T) {
	t.Parallel()
	deaf, err := net.ListenPacket("unixgram", filepath.Join(os.Getenv("UMOCKDEV_DIR"), "event99999"))
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	d := usbtest.Plug(t, plain(0x2A, "", echo))
	for range 20 {
		for _, in := range []bool{false, true} {
			if err := d.Plug(in); err != nil {
				t.Fatal(err)
			}
		}
	}
	talks(t, open(t, 0x2A))
}

// TestNothingLeaks: neither goroutines nor descriptors stay behind, whatever became of the device.
func TestNothingLeaks(t *testing.T) {
	d := usbtest.Plug(t, plain(0x30, "", echo))
	count := func() (int, int) {
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return runtime.NumGoroutine(), len(files)
	}
	round := func(i int) {
		dev, err := Open(Address{Vendor: 0x1234, Product: 0x30}, vendor, 1)
		if err != nil {
			t.Fatal(err)
		}
		talks(t, dev.Pipes()[0])
		if i%2 == 1 {
			d.Plug(false)
			if _, err := Open(Address{Vendor: 0x1234, Product: 0x30}, vendor, 1); err == nil {
				t.Error("open while it is out")
			}
		}
		if err := dev.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := d.Plug(true); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 4 {
		round(i)
	}
	goroutines, files := count()
	for i := range 20 {
		round(i)
	}
	end := soon()
	g, f := count()
	for (g > goroutines || f > files) && time.Now().Before(end) {
		runtime.Gosched() // the last goroutine may still be on its way out
		g, f = count()
	}
	if g > goroutines || f > files {
		t.Errorf("%d goroutines and %d descriptors, before %d and %d", g, f, goroutines, files)
	}
}
