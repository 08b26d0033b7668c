package main

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"

	"yichuang/devices/barcode"
	"yichuang/devices/barcode/scanner"
	"yichuang/devices/cash"
	"yichuang/devices/cash/ccbus"
	"yichuang/devices/cash/ccnet"
	"yichuang/devices/cash/cctalk"
	"yichuang/devices/cash/cctalkcoin"
	"yichuang/devices/cash/cctalkhopper"
	"yichuang/devices/cash/id003"
	"yichuang/devices/cash/ssp"
	"yichuang/devices/idcard"
	"yichuang/devices/idcard/sdt"
	"yichuang/devices/idcard/sdtusb"
	"yichuang/devices/idcard/wlt"
	"yichuang/devices/printer"
	"yichuang/devices/printer/escpos"
	"yichuang/devices/printer/escposusb"
	"yichuang/devices/printer/ipp"
	"yichuang/devices/printer/ippusb"
	"yichuang/devices/serialport"
	"yichuang/devices/wire"
	"yichuang/kiosk/config"
)

// The table of drivers: one line for each protocol, and the only place where drivers are named.
var (
	cashDrivers = map[string]func(string, *slog.Logger) (cash.Acceptor, error){
		"cctalk": func(a string, log *slog.Logger) (cash.Acceptor, error) {
			bus, err := cctalkLine(a, log)
			return cctalk.On(bus, cctalk.Options{Log: log}), err
		},
		"ccnet": func(a string, log *slog.Logger) (cash.Acceptor, error) {
			open, err := serial(a, serialport.Options{Baud: 9600})
			return ccnet.New(open, ccnet.Options{Log: log}), err
		},
		"id003": func(a string, log *slog.Logger) (cash.Acceptor, error) {
			open, err := serial(a, serialport.Options{Baud: 9600, Parity: serialport.Even})
			return id003.New(open, id003.Options{Log: log}), err
		},
		"ssp": func(a string, log *slog.Logger) (cash.Acceptor, error) {
			open, err := serial(a, serialport.Options{Baud: 9600, StopBits: 2})
			return ssp.New(open, ssp.Options{Log: log}), err
		},
		"essp": func(a string, log *slog.Logger) (cash.Acceptor, error) {
			open, err := serial(a, serialport.Options{Baud: 9600, StopBits: 2})
			return ssp.New(open, ssp.Options{Log: log, Encrypted: true}), err
		},
		"ssp-payout": func(a string, log *slog.Logger) (cash.Acceptor, error) { return sspUnit(a, false, log) },
	}
	coinDrivers = map[string]func(string, *slog.Logger) (cash.Intake, error){
		"cctalk-coin": func(a string, log *slog.Logger) (cash.Intake, error) {
			bus, err := cctalkLine(a, log)
			return cctalkcoin.On(bus, cctalkcoin.Options{Log: log}), err
		},
	}
	payDrivers = map[string]func(string, *slog.Logger) (cash.Payer, error){
		"ssp-payout": sspPayout,
		"cctalk-hopper": func(a string, log *slog.Logger) (cash.Payer, error) {
			a, more, _ := strings.Cut(a, "?")
			bus, err := cctalkLine(a, log)
			o, bad := hopperOptions(more)
			o.Log = log
			return cctalkhopper.On(bus, o), errors.Join(err, bad)
		},
	}
	rollDrivers = map[string]func(string, *slog.Logger) (printer.Roll, error){
		"escpos":               escposModel(""),
		"escpos-58":            escposModel("58"),
		"escpos-80":            escposModel("80"),
		"escpos-80-512":        escposModel("80-512"),
		"escpos-80-gb2312":     escposModel("80-gb2312"),
		"escpos-80-latin":      escposModel("80-latin"),
		"escpos-presenter":     escposModel("presenter"),
		"escpos-presenter-kpm": escposModel("presenter-kpm"),
		"escpos-usb": func(a string, log *slog.Logger) (printer.Roll, error) {
			p, err := escposusb.New(a, escpos.Profile{HasQR: true, HasCuts: true, HasClear: true})
			if err != nil {
				return printer.AbsentRoll{}, err
			}
			return p.Tell(log), nil
		},
	}
	sheetDrivers = map[string]func(string) (printer.Sheets, error){
		"ipp":     func(a string) (printer.Sheets, error) { return ipp.New(a, ipp.Options{}), url(a) },
		"ipp-usb": func(a string) (printer.Sheets, error) { return ippusb.New(a, ipp.Options{}) },
	}
	readerDrivers = map[string]func(string) (idcard.Reader, error){
		"sdt": func(a string) (idcard.Reader, error) {
			_, err := serial(a, serialport.Options{})
			open := func(baud int) (wire.Port, error) {
				return serialport.Open(strings.TrimPrefix(a, "serial:"), serialport.Options{Baud: baud})
			}
			return sdt.New(open, sdt.Options{}), err
		},
		"sdt-usb": func(a string) (idcard.Reader, error) { return sdtusb.New(a, sdt.Options{}) },
	}
	scannerDrivers = map[string]func(string) (barcode.Scanner, error){
		"scanner": func(a string) (barcode.Scanner, error) {
			open, err := serial(a, serialport.Options{Baud: 9600})
			return scanner.New(open, scanner.Options{}), err
		},
		"scanner-honeywell": func(a string) (barcode.Scanner, error) {
			open, err := serial(a, serialport.Options{Baud: 9600})
			return scanner.New(open, scanner.Options{Dialect: scanner.Honeywell}), err
		},
	}
)

// escposModel drives the printers of one row of escpos.Models.
func escposModel(name string) func(string, *slog.Logger) (printer.Roll, error) {
	at := slices.IndexFunc(escpos.Models, func(m escpos.Model) bool { return m.Name == name })
	if at < 0 {
		panic("drivers: escpos has no model " + name)
	}
	return func(a string, log *slog.Logger) (printer.Roll, error) {
		open, err := serial(a, serialport.Options{Baud: 115200})
		return escpos.New(open, escpos.Models[at].Profile).Tell(log), err
	}
}

// serial makes an opener of a serial address. Opening itself comes later and again after each unplug.
func serial(address string, o serialport.Options) (wire.Opener, error) {
	path, ok := strings.CutPrefix(address, "serial:")
	if !ok || path == "" {
		return nil, fmt.Errorf("address %q: this driver wants serial:PATH", address)
	}
	return func() (wire.Port, error) { return serialport.Open(path, o) }, nil
}

// lines are the ccTalk lines of this program: a serial line can be opened once, and validator, coin acceptor and
// hoppers that name the same one share it.
var (
	linesMu sync.Mutex
	lines   = map[string]*ccbus.Bus{}
)

func cctalkLine(address string, log *slog.Logger) (*ccbus.Bus, error) {
	open, err := serial(address, serialport.Options{Baud: 9600})
	linesMu.Lock()
	defer linesMu.Unlock()
	if lines[address] == nil {
		lines[address] = ccbus.New(open, log)
	}
	return lines[address], err
}

// hopperOptions reads what stands behind the question mark of an address: the face of each hopper's coins in fen, 0 when
// it says so itself, and how orders have to be given, as in 3=100&4=50&by=serial.
func hopperOptions(text string) (o cctalkhopper.Options, err error) {
	o.Hoppers = map[byte]int64{}
	for _, pair := range strings.FieldsFunc(text, func(r rune) bool { return r == '&' }) {
		key, value, _ := strings.Cut(pair, "=")
		if key == "by" && (value == string(cctalkhopper.Plain) || value == string(cctalkhopper.Serial)) {
			o.By = cctalkhopper.By(value)
			continue
		}
		address, bad := strconv.ParseUint(key, 10, 8)
		face, worse := strconv.ParseInt(value, 10, 32)
		if bad != nil || worse != nil || address < 2 || face < 0 {
			return o, fmt.Errorf("%q: a hopper's address and the face of its coins in fen, such as 3=100, or by=plain or by=serial", pair)
		}
		o.Hoppers[byte(address)] = face
	}
	return o, nil
}

func url(address string) error {
	if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
		return fmt.Errorf("address %q: this driver wants http://HOST:PORT/PATH", address)
	}
	return nil
}

// devices is one of each class; a class that the terminal lacks is its Absent.
type devices struct {
	cash    cash.Acceptor
	coins   cash.Intake
	payer   cash.Payer
	roll    printer.Roll
	sheets  printer.Sheets
	reader  idcard.Reader
	scanner barcode.Scanner
}

// openDevices makes the drivers that the configuration names.
func openDevices(c *config.Config, log *slog.Logger) (devices, error) {
	d := devices{cash: cash.Absent{}, coins: cash.Absent{}, payer: cash.AbsentPayer{}, roll: printer.AbsentRoll{}, sheets: printer.AbsentSheets{}, reader: idcard.Absent{}, scanner: barcode.Absent{}}
	for class := range c.Device {
		spec, _ := c.Spec(class)
		var err error
		switch class {
		case "cash":
			d.cash, err = pick(cashDrivers, spec, func(f func(string, *slog.Logger) (cash.Acceptor, error)) (cash.Acceptor, error) {
				return f(spec.Address, log)
			})
		case "coins":
			d.coins, err = pick(coinDrivers, spec, func(f func(string, *slog.Logger) (cash.Intake, error)) (cash.Intake, error) {
				return f(spec.Address, log)
			})
		case "payout":
			d.payer, err = pick(payDrivers, spec, func(f func(string, *slog.Logger) (cash.Payer, error)) (cash.Payer, error) {
				return f(spec.Address, log)
			})
		case "receipt":
			d.roll, err = pick(rollDrivers, spec, func(f func(string, *slog.Logger) (printer.Roll, error)) (printer.Roll, error) {
				return f(spec.Address, log)
			})
		case "license":
			d.sheets, err = pick(sheetDrivers, spec, func(f func(string) (printer.Sheets, error)) (printer.Sheets, error) { return f(spec.Address) })
		case "idcard":
			d.reader, err = pick(readerDrivers, spec, func(f func(string) (idcard.Reader, error)) (idcard.Reader, error) { return f(spec.Address) })
			if err == nil && c.Photo.Library != "" {
				d.reader = wlt.With(d.reader, wlt.New(wlt.Options{Library: c.Photo.Library, Call: c.Photo.Call, RGB: c.Photo.Order == "rgb"}), log)
			}
		case "scanner":
			d.scanner, err = pick(scannerDrivers, spec, func(f func(string) (barcode.Scanner, error)) (barcode.Scanner, error) { return f(spec.Address) })
		}
		if err != nil {
			return d, fmt.Errorf("device.%s: %w", class, err)
		}
	}
	return d, nil
}

// pick finds a protocol in a table, and lists the table when it is not there.
func pick[F, T any](table map[string]F, spec config.Spec, make func(F) (T, error)) (T, error) {
	f, ok := table[spec.Protocol]
	if !ok {
		var names []string
		for name := range table {
			names = append(names, name)
		}
		var none T
		return none, fmt.Errorf("protocol %q: there is a driver for %s", spec.Protocol, strings.Join(names, ", "))
	}
	return make(f)
}
