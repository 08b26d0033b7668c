package world

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"time"

	"yichuang/kiosk/config"
	"yichuang/kiosk/daemon"
	"yichuang/kiosk/front"
	"yichuang/kiosk/store"
	"yichuang/kiosk/store/cutdisk"
	"yichuang/sync/hallapi"
	"yichuang/sync/uplink"
)

const terminalID = "T1"

// Terminal is one life of the terminal's program, from its start to its stop. What it knows lies on the disk and in
// the cabinet.
type Terminal struct {
	net     *Network
	Stage   *front.Stage
	Journal *store.Store
	Link    *uplink.Link
	stop    context.CancelFunc
	ended   chan error
	once    sync.Once
	failed  error // how it ended, written once
	opened  chan struct{}
	unmount func()
}

// Seat says which terminal it is, where there are several.
type Seat struct {
	ID, Number string
	Clock      store.Clock // its own time of day
}

// Start starts the program of the only terminal on a disk.
func Start(dir string, disk *cutdisk.Disk, n *Network, c *Cabinet) (*Terminal, error) {
	return StartAt(Seat{ID: terminalID, Number: "01"}, dir, disk, n, c)
}

// StartAt starts the program of one of several terminals.
func StartAt(seat Seat, dir string, disk *cutdisk.Disk, n *Network, c *Cabinet) (*Terminal, error) {
	t := &Terminal{net: n, Stage: front.NewStage(), ended: make(chan error, 1), opened: make(chan struct{})}
	text := fmt.Sprintf(terminalConfig, seat.ID, seat.Number, filepath.Join(dir, "terminal"), hallDoor, filepath.Join(dir, "code"), dir, dir)
	if c.Cash != Cashless {
		text += fmt.Sprintf(cashConfig, fittings[c.Cash].protocol, fittings[c.Cash].payout)
	}
	conf, err := config.Parse(text)
	if err != nil {
		return nil, err
	}
	t.unmount = disk.Mount(filepath.Join(dir, "terminal"))
	log := slog.New(slog.DiscardHandler)
	o := daemon.Options{Config: conf, Stage: t.Stage, Listen: func(path string) (net.Listener, error) { return n.listen(path), nil }, Version: "sweep", Log: log,
		Link: func(journal *store.Store, _ func() daemon.Report) (daemon.Link, error) {
			link, err := uplink.New(uplink.Config{URL: conf.Hall.URL, EnrolCodeFile: conf.Hall.EnrolCodeFile, Version: "sweep",
				Health: func() *hallapi.Health { return &hallapi.Health{Page: t.Stage.View().Page} }, Dial: n.line}, journal, log)
			if err != nil {
				return nil, err
			}
			t.Journal, t.Link = journal, link
			close(t.opened)
			return terminalLink{link}, nil
		}}
	c.drivers(&o)
	ctx, cancel := context.WithCancel(cutdisk.Context(context.Background()))
	if t.stop = cancel; seat.Clock.Now != nil {
		ctx = store.WithClock(ctx, seat.Clock)
	}
	go func() { t.ended <- daemon.Run(ctx, o) }()
	return t, nil
}

// terminalLink says why there is no line.
type terminalLink struct{ *uplink.Link }

// Trouble is for staff.
func (l terminalLink) Trouble() string { return l.Status().Err }

// Told hands on what the hall tells.
func (l terminalLink) Told(handle func(kind, caseID string, content []byte) error) {
	l.Notices(func(n uplink.Notice) error { return handle(n.Kind, n.Case, n.JSON) })
}

// Barred says why the hall does not deal with this terminal any more.
func (l terminalLink) Barred() string {
	if why := l.Revoked(); why != "" {
		return uplink.RevokedTodo(why)
	}
	return ""
}

// Ready says whether the program has opened its journal.
func (t *Terminal) Ready() bool {
	select {
	case <-t.opened:
		return true
	default:
		return false
	}
}

// Close stops the program as a service manager does. It may be called again.
func (t *Terminal) Close() error {
	t.once.Do(func() {
		t.stop()
		t.failed = <-t.ended
		t.unmount()
	})
	if errors.Is(t.failed, context.Canceled) {
		return nil
	}
	return t.failed
}

// glance is how long a citizen takes to look again: whatever many of them come to is never an instant of anybody else.
const glance = 24*time.Millisecond + 86_419

// until waits for something to hold.
func until(what string, bound time.Duration, slot Slot, holds func() bool) error {
	for end := time.Now().Add(bound); time.Now().Before(end); {
		time.Sleep(glance) // also before the first look: whatever others do in this instant has been done then
		slot.Await()
		if holds() { // which may take a while
			return nil
		}
	}
	return fmt.Errorf("%s: not within %v", what, bound)
}

const terminalConfig = `
[terminal]
id = %q
number = %q
state = %q
[hall]
url = "https://%s"
enrol_code_file = %q
[socket]
ui = "%s/ui"
ctl = "%s/ctl"
[paper]
plain_tray = "by-pass-tray"
[device]
idcard = "sdt serial:/sweep/idcard"
receipt = "escpos serial:/sweep/receipt"
license = "ipp http://printer/ipp/print"
scanner = "scanner serial:/sweep/scanner"
`

const cashConfig = `
cash = "%s serial:/sweep/cash"
coins = "cctalk-coin serial:/sweep/coins"
payout = %q
`
