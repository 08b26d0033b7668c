package qrshapes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/cmd/devsim/biller"
	"yichuang/cmd/devsim/gateway"
	"yichuang/devices/barcode/scanner"
	"yichuang/devices/barcode/scannersim"
	"yichuang/devices/cash"
	"yichuang/devices/idcard"
	"yichuang/devices/printer"
	"yichuang/devices/printer/escpos"
	"yichuang/devices/printer/escpossim"
	"yichuang/devices/wire"
	"yichuang/kiosk/config"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/daemon"
	"yichuang/kiosk/front"
	"yichuang/kiosk/store"
	"yichuang/sync/hall"
	"yichuang/sync/hallapi"
	"yichuang/sync/uplink"
)

// keyFolder holds the gateway's keys, which all desks share: making them takes longer than using them.
var keyFolder string

func TestMain(m *testing.M) {
	var err error
	if keyFolder, err = os.MkdirTemp("", "qrshapes-keys-"); err != nil {
		panic(err)
	}
	if _, err := gateway.Setup(keyFolder); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(keyFolder)
	os.Exit(code)
}

// desk is a whole product without sockets: terminal, hall, water company and gateway.
type desk struct {
	t       *testing.T
	gateway *gateway.Gateway
	biller  http.Handler
	hall    *hall.Hall
	journal *store.Store
	stage   *front.Stage
	codes   *scannersim.Scanner
	ctl     *network // the technician's socket

	ending []func() // in the order in which they are to be called
	lines  sync.WaitGroup
	power  context.Context // of the mechanisms
}

// newDesk starts all of it, in a bubble.
func newDesk(t *testing.T, dir string) *desk {
	t.Helper()
	d := &desk{t: t, stage: front.NewStage()}
	books, err := biller.Open(t.Context(), filepath.Join(dir, "biller"))
	d.must(err)
	d.biller = biller.Handler(books)
	merchant := filepath.Join(dir, "gateway", "merchant.json")
	for _, name := range []string{"merchant.json", "platform.json"} {
		content, err := os.ReadFile(filepath.Join(keyFolder, name))
		d.must(err)
		d.must(os.MkdirAll(filepath.Dir(merchant), 0o700))
		d.must(os.WriteFile(filepath.Join(dir, "gateway", name), content, 0o600))
	}
	d.gateway, err = gateway.Open(filepath.Join(dir, "gateway"))
	d.must(err)
	board := switchboard{"water.test": d.biller, "gateway.test": d.gateway.Handler()}
	quiet := slog.New(slog.DiscardHandler)
	d.hall, err = hall.Open(t.Context(), hall.Config{State: filepath.Join(dir, "hall"), Hosts: []string{"hall.test"}, Transport: board,
		Billers: map[string]string{"water": "http://water.test"},
		Gateway: &hall.Gateway{URL: "http://gateway.test", Merchant: merchant, NotifyURL: "https://people.test" + hall.NotifyPath}}, quiet)
	d.must(err)
	board["people.test"] = d.hall.People()
	d.gateway.Client = &http.Client{Transport: board}
	terminals := newNetwork()
	code, err := d.hall.EnrolCode(t.Context(), "T03")
	d.must(err)
	d.must(os.WriteFile(filepath.Join(dir, "code"), []byte(code), 0o600))

	serving, stopHall := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- d.hall.Serve(serving, terminals, newNetwork()) }()
	ended, stopTerminal := d.terminal(dir, terminals, quiet)
	d.ending = []func(){
		func() { stopTerminal(); d.stopped("kioskd", <-ended) },
		func() { stopHall(); d.stopped("halld", <-served) },
		func() { d.must(errors.Join(d.hall.Close(), d.gateway.Close(), books.Close())) },
	}
	d.until("the terminal is open", func() bool { v := d.stage.View(); return v.Can("home.pay") })
	return d
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) stopped(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		d.t.Errorf("%s ended: %v", what, err)
	}
}

// terminal starts kioskd with a receipt printer and a scanner.
func (d *desk) terminal(dir string, line *network, log *slog.Logger) (ended chan error, stop func()) {
	c := &config.Config{Device: map[string]string{"receipt": "escpos serial:/receipt", "scanner": "scanner serial:/scanner"}}
	c.Terminal.ID, c.Terminal.Number, c.Terminal.State = "T03", "03", filepath.Join(dir, "terminal")
	c.Visit.IdleSeconds, c.Visit.WarnSeconds, c.Screen.Language = 60, 20, "zh"
	c.Socket.UI, c.Socket.Ctl = "ui", "ctl"
	power, off := context.WithCancel(context.Background())
	d.power = power
	roll, codes := escpossim.New(escpossim.Options{}), scannersim.New(scannersim.Options{})
	d.codes = codes
	ctx, cancel := context.WithCancel(context.Background())
	ended = make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, daemon.Options{Config: c, Cash: cash.Absent{}, Coins: cash.Absent{}, Payer: cash.AbsentPayer{}, Sheets: printer.AbsentSheets{}, Reader: idcard.Absent{},
			Roll:    escpos.New(d.lay(roll.Serve), escpos.Profile{HasQR: true, HasCuts: true, HasClear: true}),
			Scanner: scanner.New(d.lay(codes.Serve), scanner.Options{}), Log: log, Stage: d.stage,
			Listen: func(path string) (net.Listener, error) {
				n := newNetwork()
				if path == c.Socket.Ctl {
					d.ctl = n
				}
				return n, nil
			},
			Link: func(journal *store.Store, _ func() daemon.Report) (daemon.Link, error) {
				d.journal = journal
				l, err := uplink.New(uplink.Config{URL: "https://hall.test", EnrolCodeFile: filepath.Join(dir, "code"), Dial: line.dial,
					Health: func() *hallapi.Health { return &hallapi.Health{} }}, journal, log)
				return link{l}, err
			}})
	}()
	return ended, func() {
		cancel()
		go func() {
			time.Sleep(time.Second) // virtual: the daemon stops first
			off()
		}()
	}
}

// link is an uplink in the words of the daemon.
type link struct{ *uplink.Link }

func (l link) Trouble() string { return l.Status().Err }

// Barred is never.
func (l link) Barred() string { return "" }

func (l link) Told(handle func(kind, caseID string, content []byte) error) {
	l.Notices(func(n uplink.Notice) error { return handle(n.Kind, n.Case, n.JSON) })
}

// lay lays a line to a mechanism.
func (d *desk) lay(serve func(context.Context, io.ReadWriter) error) wire.Opener {
	return func() (wire.Port, error) {
		if d.power.Err() != nil {
			return nil, errors.New("no such device")
		}
		host, device := net.Pipe()
		d.lines.Go(func() {
			defer device.Close()
			_ = serve(d.power, device) // it ends with the line
		})
		return host, nil
	}
}

// end stops all, the terminal first.
func (d *desk) end() {
	for _, stop := range d.ending {
		stop()
	}
	d.lines.Wait()
	time.Sleep(time.Hour) // virtual: what the gateway still does, and idle lines
	synctest.Wait()
}

// until waits for something.
func (d *desk) until(what string, holds func() bool) {
	d.t.Helper()
	for range 3 * 3600 {
		if holds() {
			return
		}
		time.Sleep(time.Second) // virtual
	}
	d.t.Fatalf("%s: never; the page is %+v", what, d.stage.View())
}

// touch touches a control when it is offered.
func (d *desk) touch(ids ...string) {
	d.t.Helper()
	for _, id := range ids {
		d.until("control "+id, func() bool {
			v := d.stage.View()
			if !v.Can(id) {
				return false
			}
			_, err := d.stage.Do(context.Background(), front.Act{Revision: v.Revision, ID: id})
			return err == nil
		})
	}
}

// reconcile compares the day as kioskctl does.
func (d *desk) reconcile() (r ctl.Reconciled) {
	d.t.Helper()
	d.staff("reconcile", ctl.Day{Day: time.Now().In(time.FixedZone("CST", 8*60*60)).Format(time.DateOnly)}, &r)
	return r
}

// staff does an act at the technician's socket.
func (d *desk) staff(act string, in, out any) {
	d.t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: d.ctl.dial, DisableKeepAlives: true}}
	body, err := json.Marshal(in)
	d.must(err)
	answer, err := client.Post("http://kioskd/v1/"+act, "application/json", bytes.NewReader(body))
	d.must(err)
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(out); err != nil || answer.StatusCode != http.StatusOK {
		d.t.Fatalf("%s: status %d, %v", act, answer.StatusCode, err)
	}
}

// call asks a desk route of the gateway or the company.
func (d *desk) call(h http.Handler, method, path string, in, out any) int {
	d.t.Helper()
	body, err := json.Marshal(in)
	d.must(err)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, bytes.NewReader(body)))
	if out != nil {
		d.must(json.Unmarshal(w.Body.Bytes(), out))
	}
	return w.Code
}

// arm arms a shape at the gateway for the next so many calls, or disarms it.
func (d *desk) arm(shape string, count int) {
	d.t.Helper()
	if got := d.call(d.gateway.Handler(), "PUT", "/desk/faults", map[string]any{"shape": shape, "count": count}, nil); got != http.StatusOK {
		d.t.Fatalf("arm %s: status %d", shape, got)
	}
}

// armed says whether a shape has not befallen anybody yet since it was armed.
func (d *desk) armed(shape string) bool {
	d.t.Helper()
	var list []fault
	d.call(d.gateway.Handler(), "GET", "/desk/faults", nil, &list)
	return slices.ContainsFunc(list, func(f fault) bool { return f.Shape == shape && f.Armed > 0 })
}

// fault is a row of GET /desk/faults.
type fault struct {
	Shape, What string
	Armed       int
}

// shapes are what the gateway says that it can do.
func shapes(t *testing.T) (list []fault) {
	t.Helper()
	g, err := gateway.Open(keyFolder)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	w := httptest.NewRecorder()
	g.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/desk/faults", nil))
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	return list
}
