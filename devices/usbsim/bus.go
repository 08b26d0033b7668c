// Package usbsim is a USB bus for desk and tests: devices that libusb finds, opens and talks to like real ones,
// while what they do is computed by a simulator in Go.
//
// The trick is umockdev's: a library is preloaded into the program that uses libusb, and its calls to sysfs,
// udev and usbfs arrive at a testbed instead of the kernel. The testbed is a small program in C (bus/bus.c),
// which is compiled when the bus is opened and does what the kernel does: it hands transfers on, lets them
// be discarded, and ends them when the plug is pulled. What a device does with a transfer is decided here:
// packets, short ones and empty ones, halts, class requests, a device that takes nothing.
//
// Only libusb's calls are diverted, for Go itself does not call the C library. So a test is the program under
// test and the simulator at once: see package usbtest.
//
// What is not as in reality: no time passes on the cable, nothing is isochronous, a device has one
// configuration, and a driver of the kernel that was detached does not come back.
package usbsim

import (
	"bytes"
	_ "embed" // the testbed's source
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

//go:embed bus/bus.c
var source []byte

// Preload is the library that diverts the calls of a program.
const Preload = "libumockdev-preload.so.0"

// messageMax bounds a message of the testbed: a transfer of libusb is at most 16 KiB.
const messageMax = 1 << 20

// errGone is told when the testbed has ended.
var errGone = errors.New("usb bus: the testbed is gone")

// ErrMissing is told when the parts that make a bus are not installed.
var ErrMissing = errors.New("an emulated USB device needs gcc, pkg-config and libumockdev-dev: run packaging/setup.sh --tests")

// Bus is one emulated bus. It may hold many devices.
type Bus struct {
	dir     string // of the program and the testbed; the program takes it away when it ends by itself
	root    string // the testbed's folder
	program *exec.Cmd
	pipe    net.Conn
	read    chan struct{} // closed when nothing comes from the testbed any more

	asking  sync.Mutex // one question to the testbed at a time
	answers chan answer

	writing sync.Mutex // one message to the testbed at a time

	mu      sync.Mutex // guards the fields below
	sockets map[int]*Device
	plugged map[[2]byte]*plugged
	serial  int // plugs put in so far
}

// answer is what the testbed says to plugging.
type answer struct {
	kind byte
	text string
}

// Open compiles the testbed and starts it.
func Open() (*Bus, error) {
	dir, err := folder()
	if err != nil {
		return nil, fmt.Errorf("usb bus: %w", err)
	}
	b, err := open(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return b, nil
}

// folder makes a place with a short path: the testbed has sockets below it, whose paths may be 107 bytes long.
func folder() (string, error) {
	if dir, err := os.MkdirTemp("/tmp", "usb-"); err == nil {
		return dir, nil
	}
	return os.MkdirTemp("", "usb-")
}

func open(dir string) (*Bus, error) {
	program := filepath.Join(dir, "bus")
	if err := build(program); err != nil {
		return nil, err
	}
	near, far, err := socketpair()
	if err != nil {
		return nil, fmt.Errorf("usb bus: %w", err)
	}
	defer far.Close()
	b := &Bus{dir: dir, pipe: near, read: make(chan struct{}), answers: make(chan answer, 1),
		sockets: map[int]*Device{}, plugged: map[[2]byte]*plugged{}}
	b.program = exec.Command(program)
	b.program.ExtraFiles, b.program.Stderr = []*os.File{far}, os.Stderr
	b.program.Env = append(os.Environ(), "LD_PRELOAD="+Preload, "TMPDIR="+dir)
	b.program.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for whoever owns the bus
	if err := b.program.Start(); err != nil {
		near.Close()
		return nil, fmt.Errorf("usb bus: %w", err)
	}
	go b.listen()
	a, ok := <-b.answers
	if !ok || a.kind != 'B' {
		return nil, errors.Join(errors.New("usb bus: the testbed does not start"), b.Close())
	}
	b.root = a.text
	return b, nil
}

// build compiles the testbed.
func build(program string) error {
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "umockdev-1.0", "gio-2.0").Output()
	if err != nil {
		return ErrMissing
	}
	args := []string{"-O1", "-x", "c", "-o", program, "-", "-x", "none"}
	for _, f := range bytes.Fields(flags) {
		args = append(args, string(f))
	}
	cc := exec.Command("gcc", args...)
	cc.Stdin = bytes.NewReader(source)
	cc.Env = append(os.Environ(), "LD_PRELOAD=")
	if out, err := cc.CombinedOutput(); errors.Is(err, exec.ErrNotFound) {
		return ErrMissing
	} else if err != nil {
		return fmt.Errorf("usb bus: compile: %w: %s", err, out)
	}
	return nil
}

// socketpair is a line to the testbed; the far end goes to it.
func socketpair() (net.Conn, *os.File, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	near, far := os.NewFile(uintptr(fds[0]), "usb-bus"), os.NewFile(uintptr(fds[1]), "usb-bus")
	defer near.Close()
	c, err := net.FileConn(near)
	if err != nil {
		far.Close()
		return nil, nil, err
	}
	return c, far, nil
}

// Env is what a program needs in its environment to be on this bus.
func (b *Bus) Env() []string {
	return []string{"LD_PRELOAD=" + Preload, "UMOCKDEV_DIR=" + b.root}
}

// Close pulls all plugs and ends the testbed. One that was killed has pulled them all.
func (b *Bus) Close() error {
	b.mu.Lock()
	var all []*Device
	for _, d := range b.sockets {
		all = append(all, d)
	}
	b.mu.Unlock()
	var errs []error
	for _, d := range all {
		errs = append(errs, d.Plug(false))
	}
	b.pipe.Close() // the testbed ends with its line
	<-b.read
	b.program.Wait() // how it ended matters to nobody
	return errors.Join(append(errs, os.RemoveAll(b.dir))...)
}

// send gives the testbed a message.
func (b *Bus) send(kind byte, body ...[]byte) error {
	n := 1
	for _, p := range body {
		n += len(p)
	}
	m := binary.LittleEndian.AppendUint32(nil, uint32(n))
	m = append(m, kind)
	for _, p := range body {
		m = append(m, p...)
	}
	b.writing.Lock()
	defer b.writing.Unlock()
	_, err := b.pipe.Write(m)
	return err
}

// ask gives the testbed a message and waits for its answer.
func (b *Bus) ask(kind byte, body ...[]byte) error {
	b.asking.Lock()
	defer b.asking.Unlock()
	if err := b.send(kind, body...); err != nil {
		return errGone
	}
	a, ok := <-b.answers
	switch {
	case !ok:
		return errGone
	case a.kind == 'e':
		return fmt.Errorf("usb bus: %s", a.text)
	}
	return nil
}

// listen takes the testbed's messages until it ends.
func (b *Bus) listen() {
	defer close(b.read)
	defer close(b.answers)
	for {
		var head [5]byte
		if _, err := io.ReadFull(b.pipe, head[:]); err != nil {
			return
		}
		n := binary.LittleEndian.Uint32(head[:])
		if n == 0 || n > messageMax {
			return
		}
		body := make([]byte, n-1)
		if _, err := io.ReadFull(b.pipe, body); err != nil {
			return
		}
		switch head[4] {
		case 'B', 'a', 'e', 'r':
			b.answers <- answer{head[4], string(body)}
		default:
			b.hear(head[4], body)
		}
	}
}

// hear tells the device that a message is for. A device that is out hears no more.
func (b *Bus) hear(kind byte, body []byte) {
	if len(body) < 2 {
		return
	}
	b.mu.Lock()
	p := b.plugged[[2]byte(body)]
	b.mu.Unlock()
	if p == nil {
		return
	}
	rest := body[2:]
	switch {
	case kind == 'S' && len(rest) >= 14:
		p.submit(&urb{id: binary.LittleEndian.Uint64(rest), control: rest[8] == 2, endpoint: rest[9],
			length: int(binary.LittleEndian.Uint32(rest[10:])), data: rest[14:]})
	case kind == 'D' && len(rest) == 8:
		p.discard(binary.LittleEndian.Uint64(rest))
	case kind == 'H' && len(rest) == 1:
		p.clearHalt(rest[0])
	case kind == 'Z':
		p.reset()
	}
}

// errno are the ends of a transfer, as the kernel numbers them.
const (
	done     = 0
	noEntry  = -2  // it was discarded
	stalled  = -32 // the device refuses it
	protocol = -71 // noise on the cable
)

// complete ends a transfer.
func (b *Bus) complete(u *urb, status int32, actual int, data []byte) {
	head := binary.LittleEndian.AppendUint64(nil, u.id)
	head = binary.LittleEndian.AppendUint32(head, uint32(status))
	head = binary.LittleEndian.AppendUint32(head, uint32(actual))
	b.send('C', head, data) // without the testbed there is nobody to tell
}
