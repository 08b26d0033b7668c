package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"yichuang/devices/fault"
	"yichuang/devices/idcard/sdtusb"
	"yichuang/devices/printer/escposusb"
	"yichuang/devices/printer/ippusb"
	"yichuang/devices/usbport"
	"yichuang/kiosk/ctl"
)

// plug is a kind of USB device: how it is recognised without a word, and how its driver finds out whether it answers.
type plug struct {
	class, protocol string
	fits            func(usbport.Seen) bool
	opens           usbport.Class
	there           func(ctx context.Context, a usbport.Address) (answered bool, why error)
}

// plugs are all kinds, the surest first: a printer that speaks IPP also has interfaces of the older class, on which it would draw
// ESC/POS as text.
var plugs = []plug{
	{"idcard", "sdt-usb", isReader, sdtusb.Class, func(ctx context.Context, a usbport.Address) (bool, error) {
		d, err := readerDrivers["sdt-usb"](a.String())
		if err != nil {
			return false, err
		}
		ok := answers(ctx, d.Run, func() bool { return fit(d.Fault()) })
		return ok, told(d.Fault())
	}},
	{"license", "ipp-usb", func(s usbport.Seen) bool { return s.Has(ippusb.Class) }, ippusb.Class, func(ctx context.Context, a usbport.Address) (bool, error) {
		d, err := sheetDrivers["ipp-usb"](a.String())
		if err != nil {
			return false, err
		}
		ok := answers(ctx, d.Run, func() bool { return d.State().Online })
		return ok, told(d.State().Fault)
	}},
	{"receipt", "escpos-usb", func(s usbport.Seen) bool { return s.Has(escposusb.Class) }, escposusb.Class, func(ctx context.Context, a usbport.Address) (bool, error) {
		if err := askName(a); err != nil {
			return false, err
		}
		d, err := rollDrivers["escpos-usb"](a.String(), slog.New(slog.NewTextHandler(io.Discard, nil)))
		if err != nil {
			return false, err
		}
		ok := answers(ctx, d.Run, func() bool { return d.State().Online })
		return ok, told(d.State().Fault)
	}},
}

// oneWay is a printer without a pipe for answers.
var oneWay = usbport.Class{Class: 7, SubClass: 1, Protocol: 1}

func isReader(s usbport.Seen) bool {
	return slices.ContainsFunc(sdtusb.Readers, func(a usbport.Address) bool { return a.Vendor == s.Address.Vendor && a.Product == s.Address.Product })
}

// told is a fault as an error, and nil when there is none.
func told(f *fault.Error) error {
	if f == nil {
		return nil
	}
	return f
}

// pages are the languages of printers for sheets, which would draw the questions of ESC/POS as text.
var pages = []string{"PCL", "PCLXL", "PJL", "POSTSCRIPT", "PS", "PDF", "PWGRASTER", "URF"}

// askName says why a printer is not asked in ESC/POS.
func askName(a usbport.Address) error {
	id, err := escposusb.Ask(a)
	if err != nil {
		return err
	}
	for _, language := range id.Commands {
		if slices.Contains(pages, strings.ToUpper(language)) {
			return fmt.Errorf("%s %s prints pages in %s, and no receipts in ESC/POS", id.Maker, id.Model, language)
		}
	}
	return nil
}

// kindOf is the kind of a device, nil for one that is no terminal's.
func kindOf(s usbport.Seen) *plug {
	for i := range plugs {
		if plugs[i].fits(s) {
			return &plugs[i]
		}
	}
	return nil
}

// probePlugs says what USB devices there are beside those that are configured.
func probePlugs(ctx context.Context, taken map[string]bool) []ctl.Found {
	seen, err := usbport.List(func(s usbport.Seen) bool { return !taken[s.Address.String()] && (kindOf(s) != nil || s.Has(oneWay)) })
	if err != nil {
		return []ctl.Found{{Address: "usb:", Hint: err.Error()}}
	}
	alike := map[usbport.Address]int{}
	for _, s := range seen {
		s.Address.Serial = ""
		alike[s.Address]++
	}
	seen = slices.DeleteFunc(seen, func(s usbport.Seen) bool { return taken[s.Address.String()] })
	found := make([]ctl.Found, len(seen))
	var all sync.WaitGroup
	for i, s := range seen {
		numbers := s.Address
		numbers.Serial = ""
		if alike[numbers] == 1 {
			s.Address = numbers // a spare one will do as well
		}
		all.Go(func() { found[i] = probePlug(ctx, s) })
	}
	all.Wait()
	return found
}

func probePlug(ctx context.Context, s usbport.Seen) ctl.Found {
	kind, address := kindOf(s), s.Address.String()
	if kind == nil {
		return ctl.Found{Address: address, Hint: "a printer that gives no answers: nothing that it prints can be proved, and there is no driver for it"}
	}
	d, err := usbport.Open(s.Address, kind.opens, 1)
	if err != nil {
		return ctl.Found{Address: address, Hint: advice(err)}
	}
	d.Close() // it was opened only to see whether it can be
	one, cancel := context.WithTimeout(ctx, probeMax)
	defer cancel()
	answered, why := kind.there(one, s.Address)
	if !answered {
		hint := fmt.Sprintf("it looks like %s, and does not answer as one", kind.protocol)
		if why != nil {
			hint += ": " + why.Error()
		}
		return ctl.Found{Address: address, Hint: hint}
	}
	return ctl.Found{Class: kind.class, Protocol: kind.protocol, Address: address, Line: fmt.Sprintf("%s = %q", kind.class, kind.protocol+" "+address)}
}

// advice says what to do about a device that cannot be opened.
func advice(err error) string {
	do := ""
	switch {
	case errors.Is(err, usbport.ErrAccess):
		do = "; put 60-yichuang.rules into /etc/udev/rules.d, run udevadm control --reload && udevadm trigger, and let the user of kioskd be in the groups dialout and lp"
	case errors.Is(err, usbport.ErrBusy):
		do = "; stop what else may print or read there (systemctl stop cups ipp-usb), and when the kernel's usblp holds it: modprobe -r usblp"
	case errors.Is(err, usbport.ErrAbsent):
		do = "; it was pulled out meanwhile, or is another one's twin without a serial number"
	}
	return err.Error() + do
}
