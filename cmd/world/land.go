package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"yichuang/cmd/devsim/biller"
	"yichuang/cmd/devsim/gateway"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store/cutdisk"
	"yichuang/sync/hall"
)

// Land is what lies behind a terminal's line: the hall and the water company. It outlives a terminal.
type Land struct {
	dir        string
	net        *Network
	HallDisk   *cutdisk.Disk
	BillerDisk *cutdisk.Disk
	hall       *hall.Hall
	Books      *biller.Books
	gateway    *gateway.Gateway
	stop       context.CancelFunc // the hall's
	ends       chan error         // how the hall ended
	runs       sync.WaitGroup
	mu         sync.Mutex
	Accounts   []string     // that citizens have at the company
	Older      bool         // a terminal's disk was put back, and a person has to look at what the hall has of both branches
	Released   bool         // a person at the hall has said that a terminal tells nothing more, and it did
	unmount    func()       // the company's disk
	eject      func()       // the hall's
	server     *http.Server // the company's
	phones     *http.Server // the gateway's
	transport  *http.Transport
	door       doorman      // of company and gateway
	desk       receptionist // of the hall
}

const (
	hallDoor    = "hall:7443"
	consoleDoor = "127.0.0.1:80"
	billerDoor  = "biller:80"
	gatewayDoor = "gateway:80"
)

// OpenLand starts hall and company on disks that may have been used before. dir has the hall's keys.
func OpenLand(ctx context.Context, dir string, n *Network, hallDisk, billerDisk *cutdisk.Disk) (*Land, error) {
	l := &Land{dir: dir, net: n, BillerDisk: billerDisk, transport: n.client()}
	ctx = cutdisk.Context(ctx)
	l.unmount = billerDisk.Mount(filepath.Join(dir, "biller"))
	var err error
	if l.Books, err = biller.Open(ctx, filepath.Join(dir, "biller")); err != nil {
		return nil, err
	}
	if err := merchant(filepath.Join(dir, "gateway")); err != nil {
		return nil, err
	}
	if l.gateway, err = gateway.Open(filepath.Join(dir, "gateway")); err != nil {
		return nil, err
	}
	l.gateway.Client = &http.Client{Transport: l.transport}
	l.phones = &http.Server{Handler: l.door.lets(l.gateway.Handler())}
	l.runs.Go(func() { l.phones.Serve(n.listen(gatewayDoor)) }) // ends with Close
	l.server = &http.Server{Handler: l.door.lets(biller.Handler(l.Books))}
	l.runs.Go(func() { l.server.Serve(n.listen(billerDoor)) }) // ends with Close
	return l, l.StartHall(ctx, hallDisk)
}

// contract is the keys of a gateway and its merchant, the same in all worlds of a process: to make them takes as long as a journey.
var contract = struct {
	sync.Mutex
	files map[string][]byte
}{files: map[string][]byte{}}

// merchant lays the keys into the gateway's folder.
func merchant(dir string) error {
	contract.Lock()
	defer contract.Unlock()
	names := []string{"platform.json", "merchant.json"}
	if _, err := os.Stat(filepath.Join(dir, names[1])); err == nil {
		return nil
	}
	if len(contract.files) == 0 {
		if _, err := gateway.Setup(dir); err != nil {
			return err
		}
		for _, name := range names {
			raw, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			contract.files[name] = raw
		}
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for name, raw := range contract.files {
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// StartHall starts the hall on a disk: its own, or one from a backup.
func (l *Land) StartHall(ctx context.Context, disk *cutdisk.Disk) (err error) {
	ctx = cutdisk.Context(ctx)
	l.HallDisk, l.eject = disk, disk.Mount(filepath.Join(l.dir, "hall"))
	cfg := hall.Config{State: filepath.Join(l.dir, "hall"), Hosts: []string{"hall"}, Billers: map[string]string{"water": "http://" + billerDoor}, Transport: l.transport, Around: func(next http.Handler) http.Handler { return l.desk.times(inTurn(next)) },
		Gateway: &hall.Gateway{URL: "http://" + gatewayDoor, Merchant: filepath.Join(l.dir, "gateway", "merchant.json"), NotifyURL: "http://" + consoleDoor + hall.NotifyPath}}
	if l.hall, err = hall.Open(ctx, cfg, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	ctx, l.stop = context.WithCancel(ctx)
	l.ends = make(chan error, 1)
	terminals, people := l.net.listen(hallDoor), l.net.listen(consoleDoor)
	go func() { l.ends <- l.hall.Serve(ctx, terminals, people) }()
	return nil
}

// StopHall stops the hall as a service manager does. Company and gateway go on.
func (l *Land) StopHall() error {
	var err error
	if l.stop != nil { // it did start
		l.stop()
		err = errors.Join(<-l.ends, l.hall.Close())
	}
	l.eject()
	return err
}

// Enrol writes a one-time code where the terminal looks for it.
func (l *Land) Enrol(ctx context.Context, terminal, file string) error {
	code, err := l.hall.EnrolCode(ctx, terminal)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(code), 0o600)
}

// phone is what a hand does to the payment gateway.
func (l *Land) phone(what string, arg, into any) error {
	return post(l.net, gatewayDoor, "/desk/"+what, arg, into)
}

// phoneFault has the gateway have a bad day once.
func (l *Land) phoneFault(shape string) error {
	return call(l.net, http.MethodPut, gatewayDoor, "/desk/faults", map[string]any{"shape": shape, "count": 1}, nil)
}

// posted is what the company has in its books.
func (l *Land) posted(ctx context.Context) (sum money.Fen, err error) {
	for _, number := range l.Accounts {
		rows, err := l.Books.Postings(ctx, number)
		if err != nil {
			return sum, err
		}
		for _, row := range rows {
			sum = sum.Add(money.Fen(row.Amount))
		}
	}
	return sum, nil
}

// taken is what the gateway has taken from phones and not given back.
func (l *Land) taken() (sum money.Fen, err error) {
	raw, err := l.Orders()
	if err != nil {
		return 0, err
	}
	var orders []struct {
		Paid    int64 `json:"paid_fen"`
		Refunds []struct {
			Amount int64  `json:"amount_fen"`
			Status string `json:"status"`
		} `json:"refunds"`
	}
	if err := json.Unmarshal(raw, &orders); err != nil {
		return 0, err
	}
	for _, o := range orders {
		sum = sum.Add(money.Fen(o.Paid))
		for _, r := range o.Refunds {
			if r.Status == "SUCCESS" {
				sum = sum.Sub(money.Fen(r.Amount))
			}
		}
	}
	return sum, nil
}

// Ledger is the hall's books.
func (l *Land) Ledger(ctx context.Context) (hall.Ledger, error) { return l.hall.Ledger(ctx) }

// Orders are the gateway's books, as its desk tells them.
func (l *Land) Orders() ([]byte, error) {
	answer, err := (&http.Client{Transport: l.transport}).Get("http://" + gatewayDoor + "/desk/orders")
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}

// GatewayFile is what the gateway remembers.
func GatewayFile(dir string) string { return filepath.Join(dir, "gateway", "gateway.jsonl") }

// LifeFile is where a hall writes down how far it is, so that it notices an older database.
func LifeFile(dir string) string { return filepath.Join(dir, "hall", "life.json") }

// Close stops hall, company and gateway.
func (l *Land) Close() error {
	err := l.StopHall()
	l.server.Close()
	l.phones.Close()
	l.runs.Wait()
	l.transport.CloseIdleConnections()
	err = errors.Join(err, l.Books.Close(), l.gateway.Close())
	l.unmount()
	if err != nil {
		return fmt.Errorf("the hall: %w", err)
	}
	return nil
}
