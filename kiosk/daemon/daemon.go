// Package daemon serves the screen and the technician and runs everything until told to stop.
//
// The order of the start is the order of trust: the journal first, then the devices, then what was open
// when the program went down, then the first visit. A daemon whose journal cannot be opened serves
// the technician all the same and shows that the terminal is resting. The order of the stop is the
// reverse: the visit leaves first, with the devices still there to finish what they are doing.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"yichuang/devices/barcode"
	"yichuang/devices/cash"
	"yichuang/devices/idcard"
	"yichuang/devices/printer"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/catalog"
	"yichuang/kiosk/config"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/front"
	"yichuang/kiosk/office"
	"yichuang/kiosk/payment"
	"yichuang/kiosk/press"
	"yichuang/kiosk/station"
	"yichuang/kiosk/store"
	"yichuang/kiosk/turn"
	"yichuang/kiosk/typeset"
	"yichuang/kiosk/visit"
)

// Link is the line to the hall: it answers questions, and carries the journal there in the background.
type Link interface {
	office.Hall
	Run(ctx context.Context) error
	Catalog() *catalog.Catalog
	Root() []byte    // license root, PEM; nil before enrolment
	Sealing() bool   // the hall's key is known
	Trouble() string // why there is no line, for staff; "" while there is one
	Barred() string  // why the hall does not deal with this terminal any more, for staff; "" while it does
}

// teller is a link that hands on what the hall tells this terminal. What is told comes one at a time, and again after an error.
type teller interface {
	Told(handle func(kind, caseID string, content []byte) error)
}

// Options is what a daemon is made of.
type Options struct {
	Config  *config.Config
	Cash    cash.Acceptor
	Coins   cash.Intake
	Payer   cash.Payer
	Roll    printer.Roll
	Sheets  printer.Sheets
	Reader  idcard.Reader
	Scanner barcode.Scanner
	Link    func(*store.Store, func() Report) (Link, error)
	Probe   func(ctx context.Context) ([]ctl.Found, error) // asks every serial line who is there
	Version string
	Commit  string
	Log     *slog.Logger

	// Stage is what the screen shows and where its touches come in; nil makes one.
	Stage *front.Stage
	// Listen makes the socket of the screen, of the technician; nil makes a unix socket that its group may use.
	Listen func(path string) (net.Listener, error)
}

// Report is what the hall's console shows of a terminal.
type Report struct {
	Devices []station.Device
	Queue   int64
	Page    string
}

// Daemon is a running terminal.
type Daemon struct {
	Options
	journal  *store.Store
	till     *payment.Till
	press    *press.Press
	station  *station.Station
	link     Link
	kiosk    *visit.Kiosk
	broken   error // why the journal could not be opened
	acts     turn.Turn
	settling sync.Mutex // a doubt is looked up and ended by one at a time; never held while the hall is asked
	probing  sync.Mutex
}

const (
	// rollMax is how long the receipt printer is given to tell its count of cuts at the start.
	rollMax = 3 * time.Second
	// cutsSlack is how many cuts nobody need have written down: a strip, what hung from it, and those of a hand at the
	// cover or the feed button. A day has some hundred strips.
	cutsSlack = 20
)

// stopMax bounds how long the visit and the devices may take to stop.
const stopMax = 2 * time.Minute

// Run serves until ctx ends. An error other than ctx's means that the program must be started again.
func Run(ctx context.Context, o Options) error {
	if o.Listen == nil {
		o.Listen = listen
	}
	if o.Stage == nil {
		o.Stage = front.NewStage()
	}
	d := &Daemon{Options: o}
	closed := front.View{Page: "wait", Language: o.Config.Screen.Language, Title: front.Say{Phrase: front.TitleWait}, Acts: []string{}, Message: &front.Say{Phrase: front.WaitSettle}}
	d.Stage.Show(closed)
	screen, err := d.serve(o.Config.Socket.UI, d.Stage.Handler())
	if err != nil {
		return err
	}
	defer screen.Close()
	journal, err := store.Open(ctx, o.Config.Terminal.State, o.Config.Terminal.ID)
	if err != nil {
		return d.rest(ctx, err)
	}
	d.journal = journal
	defer journal.Close()
	setter, err := typeset.Open()
	if err != nil {
		return err
	}
	defer setter.Close()
	return d.work(ctx, setter)
}

// rest serves the technician while the journal cannot be used, and tries again: a mended disk is noticed.
func (d *Daemon) rest(ctx context.Context, cause error) error {
	d.broken = cause
	d.Log.Error("journal", "error", cause)
	d.Stage.Show(front.View{Page: "closed", Language: d.Config.Screen.Language, Title: front.Say{Phrase: front.TitleClosed},
		Message: &front.Say{Phrase: front.SayMaintenance}, Acts: []string{}})
	desk, err := d.serve(d.Config.Socket.Ctl, ctl.Handler(d))
	if err != nil {
		return errors.Join(cause, err)
	}
	defer desk.Close()
	notify(daemon.SdNotifyReady)
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			journal, err := store.Open(ctx, d.Config.Terminal.State, d.Config.Terminal.ID)
			if err == nil {
				return errors.Join(errors.New("the journal can be opened again: start anew"), journal.Close())
			}
		}
	}
}

func (d *Daemon) work(ctx context.Context, setter *typeset.Setter) error {
	link, err := d.Link(d.journal, d.report)
	if err != nil {
		return err
	}
	d.link = link
	if t, ok := link.(teller); ok {
		t.Told(d.told)
	}
	d.till = payment.NewTill(d.journal, d.Cash, d.Coins, d.Payer, d.Log)
	d.press = &press.Press{Journal: d.journal, Roll: d.Roll, Sheets: d.Sheets, PlainTray: d.Config.Paper.PlainTray, Type: setter, Log: d.Log}
	d.station = &station.Station{Cash: d.Cash, Coins: d.Coins, Payer: d.Payer, Roll: d.Roll, Sheets: d.Sheets, Reader: d.Reader, Scanner: d.Scanner,
		Hall: link, Journal: d.journal, Specs: d.Config.Device, Sealing: link.Sealing, Barred: link.Barred}
	d.kiosk = &visit.Kiosk{Stage: d.Stage, Journal: d.journal, Till: d.till, Press: d.press, Station: d.station, Hall: link,
		Catalog: link.Catalog, Root: link.Root, Number: d.Config.Terminal.Number, Language: d.Config.Screen.Language,
		Idle: d.Config.Idle(), Warn: d.Config.Warn(), Log: d.Log}
	if err := d.till.Resume(ctx); err != nil {
		return err
	}
	desk, err := d.serve(d.Config.Socket.Ctl, ctl.Handler(d))
	if err != nil {
		return err
	}
	defer desk.Close()

	// Two lives: the people's ends first, the devices' only when nobody needs them any more.
	people, stopPeople := context.WithCancel(ctx)
	defer stopPeople()
	machines, stopMachines := context.WithCancel(context.WithoutCancel(ctx))
	defer stopMachines()
	below := start(machines, stopPeople, d.station.Run, d.till.Run, d.till.RunCoins, d.till.SettlePayouts, link.Run, d.journal.Watch)
	above := start(people, stopPeople, d.people)
	err = above.wait(stopMax, people)
	stopMachines()
	return errors.Join(err, below.wait(stopMax, machines))
}

// people is what happens at the screen.
func (d *Daemon) people(ctx context.Context) error {
	if err := d.behind(ctx); err != nil {
		return err
	}
	if err := d.started(ctx); err != nil {
		return err
	}
	notify(daemon.SdNotifyReady)
	if err := d.kiosk.Settle(ctx); err != nil {
		return err
	}
	stop := make(chan struct{})
	defer close(stop)
	tend, cancel := context.WithCancel(ctx)
	defer cancel()
	tended := make(chan error, 1)
	go func() {
		err := d.kiosk.Tend(tend)
		if !errors.Is(err, context.Canceled) {
			d.Log.Error("tend", "error", err)
		}
		tended <- err
		cancel()
	}()
	err := d.kiosk.Run(tend)
	cancel()
	return errors.Join(err, <-tended)
}

// behind looks whether the receipt printer has cut more than the journal can know of: then the disk is an older one than
// this terminal had, and somebody else's money may be in the box. The acceptor's memory is looked at by the till.
func (d *Daemon) behind(ctx context.Context) error {
	var known int64
	d.journal.Book(func(b *casefile.Book) { known = b.Cuts })
	if known == 0 || d.Config.Device["receipt"] == "" {
		return nil
	}
	wait, cancel := context.WithTimeout(ctx, rollMax)
	defer cancel()
	for tick := time.NewTicker(50 * time.Millisecond); !d.Roll.State().Online; {
		select {
		case <-tick.C:
		case <-wait.Done():
			return ctx.Err() // it cannot say
		}
	}
	cuts, counts, err := d.Roll.Cuts(wait)
	if err != nil || !counts || cuts <= known+cutsSlack {
		return ctx.Err()
	}
	return d.journal.Branch(ctx, fmt.Sprintf("the receipt printer has cut %d times, and the journal knows of %d", cuts, known), true)
}

// started writes down that the program works again, with what devices, and since when it did not.
func (d *Daemon) started(ctx context.Context) error {
	h := casefile.Header{Version: d.Version, Written: d.journal.Left()}
	for _, dev := range d.station.Devices() {
		spec, _ := d.Config.Spec(dev.Class)
		h.Devices = append(h.Devices, casefile.Device{Class: dev.Class, Protocol: spec.Protocol, Serial: dev.Serial})
	}
	return d.journal.Append(ctx, store.Entry{Event: casefile.Event{Kind: casefile.TerminalStarted, Header: h}})
}

func (d *Daemon) report() Report {
	r := Report{Devices: d.station.Devices(), Page: d.Stage.View().Page}
	head, _ := d.journal.Head()
	if cursor, err := d.journal.Cursor(context.Background()); err == nil {
		r.Queue = head - cursor
	}
	return r
}

// group is some goroutines that end together.
type group struct {
	ended chan error
	n     int
}

// start runs each; when one ends by itself, stop is called.
func start(ctx context.Context, stop func(), runs ...func(context.Context) error) *group {
	g := &group{ended: make(chan error, len(runs)), n: len(runs)}
	for _, run := range runs {
		go func() {
			err := run(ctx)
			if ctx.Err() != nil && errors.Is(err, context.Canceled) {
				err = nil
			}
			g.ended <- err
			stop()
		}()
	}
	return g
}

// wait waits until all have ended; after their context has ended, no longer than bound.
func (g *group) wait(bound time.Duration, ctx context.Context) error {
	var all error
	late := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(bound, func() { close(late) }) })
	defer stop()
	for range g.n {
		select {
		case err := <-g.ended:
			all = errors.Join(all, err)
		case <-late:
			return errors.Join(all, fmt.Errorf("stop: something was still at work after %s", bound))
		}
	}
	return all
}

func (d *Daemon) serve(path string, handler http.Handler) (*http.Server, error) {
	l, err := d.Listen(path)
	if err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go srv.Serve(l) // ends with Close
	return srv, nil
}

// listen makes a unix socket; the file's permissions decide who may call.
func listen(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	if err := os.Chmod(path, 0o660); err != nil {
		return nil, errors.Join(fmt.Errorf("socket: %w", err), l.Close())
	}
	return l, nil
}

// notify tells systemd; without one nobody listens and nothing happens.
func notify(state string) {
	daemon.SdNotify(false, state) // there is nothing to do about a deaf manager
}
