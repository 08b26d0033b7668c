// Package desk runs the whole product on one desk: the hall, the pretend peripherals, the terminal and its
// screen, with nobody's hands.
//
// It does for the programs what systemd does on a terminal: it starts them in order, starts again whatever
// ends, and stops all without leaving anything behind. It writes desk.json, in which every door of the
// desk stands, and says "ready" only when the terminal is enrolled, the hall is heard, every first service
// is open and there is paper in every tray. Whatever goes wrong before is told in one sentence.
package desk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"yichuang/cmd/devsim/answer"
	"yichuang/cmd/devsim/control"
	"yichuang/cmd/devsim/keeper"
	"yichuang/cmd/devsim/line"
	"yichuang/cmd/devsim/world"
)

// How the screen is shown.
const (
	Hidden   = "hidden"   // on a display of its own that nobody sees
	Window   = "window"   // on the display of whoever started the desk
	Broadway = "broadway" // in the page, through GTK's Broadway
	Auto     = "auto"     // in a window where there is a display, else in the page
)

// Options say which desk is wanted.
type Options struct {
	Dir      string // state; an earlier desk's goes on
	Bin      string // where the five programs are
	Screen   string // 1080x1920
	Language string // zh or en
	Set      string // overlay of kiosk.toml, as CONTRACT.md writes it
	Show     string // Hidden, Window, Broadway or Auto
}

// desk is one desk at work.
type desk struct {
	o        Options
	settings settings
	life     context.Context // ends when the desk does
	runtime  string          // short path for sockets, on a memory disk where there is one
	log      *slog.Logger
	keeper   *keeper.Keeper
	world    *world.World
	line     *line.Line
	// lineAddress is the line's near end, where the terminal finds the hall.
	lineAddress string
	stacks      []stack // the blanks in the license printer when the terminal starts

	mu       sync.Mutex
	kept     map[string]*keeper.Kept // the programs that desk.json names
	doc      document
	prepared bool              // desk.json is written from now on
	listen   map[string]string // by program: the address it got, to be asked for again
	display  display
}

// display is where the screen is.
type display struct {
	name     string // ":71"
	broadway string // the page of Broadway
	env      []string
}

// Run runs a desk until ctx ends, and returns nil then. It prints "desk: ready FILE" when all is up.
func Run(ctx context.Context, o Options, stdout io.Writer) (err error) {
	o.Show = choose(ctx, o.Show)
	d, err := prepare(o)
	if err != nil {
		return err
	}
	unlock, err := lock(d.path("desk.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	if err := d.folders(); err != nil {
		return err
	}
	close, err := d.openLog()
	if err != nil {
		return err
	}
	defer close()
	if d.runtime, err = runtimeDir(); err != nil {
		return err
	}
	defer os.RemoveAll(d.runtime)
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	d.life, d.keeper = life, keeper.New()
	defer func() {
		defer end()
		d.keeper.Stop() // before the world: programs end with their devices still there
		if d.world != nil {
			err = errors.Join(err, d.world.Close())
		}
		d.log.Info("stopped")
	}()
	if err := d.start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		d.log.Error("not started", "err", err)
		return err
	}
	fmt.Fprint(stdout, d.greeting())
	<-ctx.Done()
	return nil
}

// greeting is what a desk says when it is ready.
func (d *desk) greeting() string {
	if d.o.Show == Hidden {
		return "desk: ready " + filepath.Join(d.o.Dir, "desk.json") + "\n"
	}
	return "Open " + d.doc.Devsim.URL + "/ in a browser. Ctrl-C stops everything.\n"
}

// prepare checks the options.
func prepare(o Options) (*desk, error) {
	s, err := parseSet(o.Set)
	if err != nil {
		return nil, err
	}
	if o.Screen != "" && s.values["screen.size"] == "" {
		s.values["screen.size"] = o.Screen
	}
	if err := s.complete(o.Language); err != nil {
		return nil, err
	}
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, err
	}
	if o.Bin, err = filepath.Abs(o.Bin); err != nil {
		return nil, err
	}
	for _, name := range programs {
		if _, err := os.Stat(filepath.Join(o.Bin, name)); err != nil {
			return nil, fmt.Errorf("%s is not in %s: run make build first", name, o.Bin)
		}
	}
	return &desk{o: o, settings: s, kept: map[string]*keeper.Kept{}, listen: map[string]string{}}, nil
}

// folders makes what is not there yet. It is done under the lock.
func (d *desk) folders() error {
	for _, name := range []string{"terminal/log", "hall", "biller", "gateway", "log"} {
		if err := os.MkdirAll(d.path(name), 0o700); err != nil {
			return err
		}
	}
	// Hall and gateway would insist on the ports of an earlier desk, which may be somebody else's now.
	for _, name := range []string{"gateway/address", "hall/ports.json"} {
		if err := os.Remove(d.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// lock keeps a second desk out of the folder.
func lock(path string) (func(), error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s is in use by another desk: stop it, or name another folder with DESK=", filepath.Dir(path))
	}
	return func() { f.Close() }, nil
}

// runtimeDir makes a folder for sockets. Their paths are limited to 107 bytes, and a person's pinyin must
// not reach a disk: so it is short and in memory.
func runtimeDir() (string, error) {
	for _, parent := range []string{"/dev/shm", "/tmp"} {
		if dir, err := os.MkdirTemp(parent, "yichuang-"); err == nil {
			return dir, os.Chmod(dir, 0o700)
		}
	}
	return os.MkdirTemp("", "yichuang-")
}

func (d *desk) openLog() (func(), error) {
	f, err := os.OpenFile(d.logPath("devsim"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	d.log = slog.New(slog.NewTextHandler(f, nil))
	d.log.Info("starting", "dir", d.o.Dir, "pid", os.Getpid())
	return func() { f.Close() }, nil
}

// logPath is the log of a program. The terminal's own are on the terminal's disk.
func (d *desk) logPath(program string) string {
	if program == "kioskd" || program == "kiosk-ui" {
		return filepath.Join(d.o.Dir, "terminal", "log", program+".log")
	}
	return filepath.Join(d.o.Dir, "log", program+".log")
}

// start brings everything up, in an order in which each finds what it needs.
func (d *desk) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, errTooLong)
	defer cancel()
	d.begin()
	if err := d.openWorld(); err != nil {
		return err
	}
	if err := d.openPage(); err != nil {
		return err
	}
	steps := []func(context.Context) error{d.startDisplay, d.startBus, d.startBehind, d.startHall, d.startTerminal, d.awaitTerminal}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.prepared = true
	return d.writeDocument()
}

// openWorld sets the devices up, and the line to the hall.
func (d *desk) openWorld() error {
	w, err := world.Open(world.Options{
		Dir: filepath.Join(d.o.Dir, "world"), Links: d.settings.links(filepath.Join(d.o.Dir, "dev")), License: loopback, Speaks: d.settings.speaks(),
		Cut:     func() { d.terminal(func(c *keeper.Kept) { c.Hold("power") }) },
		Restore: func() { d.terminal(func(c *keeper.Kept) { c.Release("power") }) },
	})
	if err != nil {
		return err
	}
	d.world = w
	d.line = line.New(func(ctx context.Context) (net.Conn, error) {
		d.mu.Lock()
		address := d.listen["halld"]
		d.mu.Unlock()
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	})
	listener, err := net.Listen("tcp", loopback)
	if err != nil {
		return err
	}
	d.lineAddress = listener.Addr().String()
	go d.line.Serve(d.life, listener)
	return nil
}

// terminal does something to the programs that have no power when the terminal has none.
func (d *desk) terminal(fn func(*keeper.Kept)) {
	for _, name := range []string{"kioskd", "kiosk-ui"} {
		if c := d.program(name); c != nil {
			fn(c)
		}
	}
}

// program finds a kept program; nil before it was first started.
func (d *desk) program(name string) *keeper.Kept {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kept[name]
}

// openPage serves the doors of the world and the page of peripherals.
func (d *desk) openPage() error {
	listener, err := net.Listen("tcp", loopback)
	if err != nil {
		return err
	}
	d.doc.Devsim.URL = "http://" + listener.Addr().String()
	mux := http.NewServeMux()
	mux.Handle("/v1/", control.Handler(d.world, d))
	d.pages(mux)
	server := answer.Server(d.guard(mux))
	context.AfterFunc(d.life, func() { server.Close() })
	go server.Serve(listener)
	return nil
}

// Program keeps a program down or lets it run.
func (d *desk) Program(name string, run bool) error {
	c := d.program(name)
	if c == nil {
		return fmt.Errorf("program %q: one of %s", name, strings.Join(keptPrograms, " "))
	}
	if run {
		c.Release("program")
	} else {
		c.Hold("program")
	}
	return nil
}

// Network is the line to the hall.
func (d *desk) Network() *line.Line { return d.line }

const (
	loopback = "127.0.0.1:0"
	// startLimit: everything together takes some seconds; a minute says that something is wrong.
	startLimit = 60 * time.Second
	// foreignLimit is how long a desk waits for what hangs on a device that is not its own.
	foreignLimit = 8 * time.Second
	statusPace   = 150 * time.Millisecond
	homePace     = 1200 * time.Millisecond // the home page looks at the devices once a second
	// The graces add up to less than the ten seconds in which a desk ends. kioskd needs the longest: a note
	// that is on its way is waited for.
	graceUI      = time.Second
	graceKiosk   = 3500 * time.Millisecond
	graceHall    = 1500 * time.Millisecond
	graceService = 700 * time.Millisecond
	graceHelper  = 300 * time.Millisecond
	// quickDeathsMax: a program that dies so often right after its start will not come up.
	quickDeathsMax = 4
	commandLimit   = 20 * time.Second
)

var errTooLong = errors.New("the desk was not ready in time")
