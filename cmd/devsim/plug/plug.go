// Package plug gives a simulated device a serial line: a pseudo terminal behind a fixed path.
//
// The path is a symbolic link, so that a program finds the device again after it was pulled out and put
// back in, as it would on a USB adapter. The terminal is raw from the beginning and its other end is kept
// open, so that a program may close the line and open it again without the device noticing. Pulling the
// plug takes the link away first and then breaks the line under whoever holds it.
package plug

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// Server is a device that answers on a line until ctx ends or the line breaks.
type Server func(ctx context.Context, rw io.ReadWriter) error

// Plug is the line of one device.
type Plug struct {
	link  string
	serve Server

	mu     sync.Mutex
	closed bool
	pull   func() // breaks the line that is in; nil while the plug is out
}

// New makes a plug that is out.
func New(link string, serve Server) *Plug { return &Plug{link: link, serve: serve} }

// Set puts the plug in or pulls it out. Twice the same is once.
func (p *Plug) Set(in bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pull != nil && !in {
		p.pull()
		p.pull = nil
	}
	if p.pull != nil || !in || p.closed {
		return nil
	}
	line, err := open()
	if err != nil {
		return fmt.Errorf("plug %s: %w", p.link, err)
	}
	if err := relink(line.name, p.link); err != nil {
		return errors.Join(fmt.Errorf("plug %s: %w", p.link, err), line.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() {
		defer close(served)
		p.serve(ctx, line) // a broken line is what a pulled plug is
	}()
	p.pull = func() {
		unlink(p.link, line.name)
		cancel()
		line.Close()
		<-served
	}
	return nil
}

// Close pulls the plug for good.
func (p *Plug) Close() error {
	err := p.Set(false)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return err
}

// relink lets link point to name in one step: whoever opens it finds the old device or the new.
func relink(name, link string) error {
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return err
	}
	if info, err := os.Lstat(link); err == nil && info.Mode()&os.ModeSymlink == 0 {
		return errors.New("something that is no symbolic link is there already")
	}
	beside := link + ".new"
	os.Remove(beside) // left over from a desk that was killed here
	if err := os.Symlink(name, beside); err != nil {
		return err
	}
	return os.Rename(beside, link)
}

// unlink takes the link away, unless somebody has put another one there.
func unlink(link, name string) {
	if to, err := os.Readlink(link); err == nil && to == name {
		os.Remove(link)
	}
}

// terminal is the device's end of a pseudo terminal.
type terminal struct {
	*os.File
	name string
	far  *os.File // the host's end, kept open
	once sync.Once
	err  error
}

// open makes a raw pseudo terminal whose reads end when it is closed.
func open() (*terminal, error) {
	master, slave, err := pty.Open()
	if err != nil {
		return nil, err
	}
	defer master.Close()
	near, err := pollable(master)
	if err != nil {
		return nil, errors.Join(err, slave.Close())
	}
	if err := raw(slave); err != nil {
		return nil, errors.Join(err, near.Close(), slave.Close())
	}
	return &terminal{File: near, name: slave.Name(), far: slave}, nil
}

// pollable opens the master once more under a number that the runtime's poller watches: the library's
// own file blocks, and closing it while a goroutine reads would wait for that read for ever.
func pollable(master *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(master.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "pty"), nil
}

// raw turns off everything that a terminal does to bytes; an echo would come back to the device as a
// command of the host.
func raw(f *os.File) error {
	t, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, t)
}

// Close breaks the line under both ends. It may be called twice.
func (t *terminal) Close() error {
	t.once.Do(func() { t.err = errors.Join(t.File.Close(), t.far.Close()) })
	return t.err
}
