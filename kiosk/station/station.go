// Package station is the devices as one: kept open, and fit or unfit for a service.
//
// It answers one question: can this service be finished here and now? What cannot is not offered; the
// screen says why in a sentence, and staff read what to do.
package station

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"yichuang/devices/barcode"
	"yichuang/devices/cash"
	"yichuang/devices/fault"
	"yichuang/devices/idcard"
	"yichuang/devices/printer"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/catalog"
	"yichuang/kiosk/front"
	"yichuang/kiosk/office"
	"yichuang/kiosk/store"
)

// Station is all devices of a terminal.
type Station struct {
	Cash    cash.Acceptor
	Coins   cash.Intake
	Payer   cash.Payer
	Roll    printer.Roll
	Sheets  printer.Sheets
	Reader  idcard.Reader
	Scanner barcode.Scanner
	Hall    office.Hall
	Journal *store.Store
	Specs   map[string]string // class → "protocol address", as in kiosk.toml
	Sealing func() bool       // whether the hall's key is known
	Barred  func() string     // why the hall does not deal with this terminal any more, for staff; "" when it does
}

// Resting is why nothing at all is offered, for staff; "" when something may be.
func (s *Station) Resting() string {
	if err := s.Journal.Health(); err != nil {
		return err.Error() + "; see RUNBOOK, the journal"
	}
	if s.Barred == nil {
		return "" // a terminal without a hall
	}
	return s.Barred()
}

// Run keeps every device open until ctx ends. It returns when all have let go.
func (s *Station) Run(ctx context.Context) error {
	runs := []func(context.Context) error{s.Cash.Run, s.Coins.Run, s.Payer.Run, s.Roll.Run, s.Sheets.Run, s.Reader.Run, s.Scanner.Run}
	ended := make(chan error, len(runs))
	for _, run := range runs {
		go func() { ended <- run(ctx) }()
	}
	var all error
	for range runs {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			all = errors.Join(all, err)
		}
	}
	if all == nil {
		return ctx.Err()
	}
	return all
}

// Offer is whether a service or a way to pay can be used now.
type Offer struct {
	Code string
	Open bool
	Why  front.Say // for the citizen, when it is closed
	Todo string    // for staff
	Ways []Offer
}

func closed(code string, phrase front.Phrase, todo string) Offer {
	return Offer{Code: code, Why: front.Say{Phrase: phrase}, Todo: todo}
}

func broken(code string, device front.Phrase, class string, f *fault.Error) Offer {
	return Offer{Code: code, Why: front.Say{Phrase: front.SayNoDevice, Args: map[string]string{"device": string(device)}},
		Todo: fmt.Sprintf("%s: %s; see RUNBOOK, %s", class, f, f.Kind)}
}

// A slow disk closes the services one by one.
const (
	// slowCash: a note waits in escrow for one commit and its person for two, and acceptors give a note back after some ten seconds.
	slowCash = 2 * time.Second
	// slowMax: every page of a visit waits for a commit, and a person who sees nothing happen for so long walks away.
	slowMax = 10 * time.Second
)

func (s *Station) slow() string {
	return fmt.Sprintf("journal: the disk takes %s to make a record last; see RUNBOOK, the journal", s.Journal.Slow().Round(100*time.Millisecond))
}

// Offer judges a service at this time.
func (s *Station) Offer(svc *catalog.Service, now time.Time) Offer {
	switch {
	case s.Resting() != "":
		return closed(svc.Code, front.SayMaintenance, s.Resting())
	case s.Journal.Slow() > slowMax:
		return closed(svc.Code, front.SayMaintenance, s.slow())
	case !s.Sealing():
		return closed(svc.Code, front.SayMaintenance, "enrol this terminal: personal data cannot be sealed yet")
	case !withinHours(svc.Hours, now):
		o := closed(svc.Code, front.SayOutOfHours, "none: outside the hours of its back office")
		o.Why.Args = map[string]string{"hours": svc.Hours.From + "–" + svc.Hours.To}
		return o
	case svc.Entrance == "pay":
		return s.fee(svc)
	}
	return s.matter(svc)
}

func (s *Station) fee(svc *catalog.Service) Offer {
	out := Offer{Code: svc.Code}
	for _, way := range svc.Ways {
		out.Ways = append(out.Ways, s.way(way))
	}
	if !s.Hall.Up() {
		o := closed(svc.Code, front.SayNoLineBills, "no line to the hall: look at the network")
		o.Ways = out.Ways
		return o
	}
	out.Open = slices.ContainsFunc(out.Ways, func(w Offer) bool { return w.Open })
	if !out.Open && len(out.Ways) > 0 {
		out.Why, out.Todo = out.Ways[0].Why, out.Ways[0].Todo
	}
	return out
}

func (s *Station) way(code string) Offer {
	roll := s.Roll.State()
	switch code {
	case "pay.cash":
		state := s.Cash.State()
		unanswered := s.Journal.Unanswered()
		switch {
		case unanswered != "":
			return closed(code, front.SayCashClosed, "the disk may be an older one ("+unanswered+"): cash opens when the hall has answered; then count box and blanks")
		case s.Journal.Slow() > slowCash:
			return closed(code, front.SayCashClosed, s.slow())
		case roll.Fault != nil:
			return closed(code, front.SayNoPaper, "receipt: "+roll.Fault.Error())
		case state.Fault != nil && state.Fault.Kind == fault.Full:
			return closed(code, front.SayBoxFull, "cash: empty the box, then kioskctl cashbox exchange")
		case state.Fault != nil:
			return broken(code, front.DeviceCash, "cash", state.Fault)
		case !state.Online:
			return closed(code, front.SayCashClosed, "cash: the acceptor does not answer: look at plug and power")
		case !state.BoxIn:
			return closed(code, front.SayCashClosed, "cash: put the box in")
		}
	case "pay.scan":
		if f := s.Scanner.Fault(); f != nil {
			return broken(code, front.DeviceScanner, "scanner", f)
		}
	}
	if !s.Hall.Up() && code != "pay.cash" {
		return closed(code, front.SayNoLineBills, "no line to the hall: look at the network")
	}
	return Offer{Code: code, Open: true}
}

// matter is a service that ends in a license: it needs the card, and paper for what comes next.
func (s *Station) matter(svc *catalog.Service) Offer {
	if f := s.Reader.Fault(); f != nil && slices.Contains(svc.Devices, "idcard") {
		return broken(svc.Code, front.DeviceIDCard, "idcard", f)
	}
	if f := s.Roll.State().Fault; f != nil {
		return broken(svc.Code, front.DeviceReceipt, "receipt", f)
	}
	if !s.Hall.Up() && svc.Offline {
		return Offer{Code: svc.Code, Open: true}
	}
	if !s.Hall.Up() {
		return closed(svc.Code, front.SayNoLineCases, "no line to the hall: look at the network")
	}
	if slices.Contains(svc.Devices, "license") {
		if o := s.CanPrint(); !o.Open {
			o.Code = svc.Code
			return o
		}
	}
	return Offer{Code: svc.Code, Open: true}
}

// Media of the two forms of a license.
const (
	MediaOriginal  = "iso_a3_297x420mm"
	MediaDuplicate = "iso_a4_210x297mm"
)

// CanPrint says whether both forms of a license can be printed now.
func (s *Station) CanPrint() Offer {
	if o := s.PrinterFit(); !o.Open {
		return o
	}
	if tray, unclear := s.unclearBlank(); unclear != "" {
		return closed("license", front.SayPrinterOut, fmt.Sprintf("license: nobody knows what became of blank %s of %s: look into output and tray, then kioskctl doubtful settle sheet-%s",
			unclear, tray, unclear))
	}
	for _, media := range []string{MediaOriginal, MediaDuplicate} {
		if _, _, ok := s.Blank(media); !ok {
			return closed("license", front.SayNoBlanks, "license: put blanks of "+media+" in, then kioskctl blanks load")
		}
	}
	return Offer{Code: "license", Open: true}
}

// PrinterFit says whether the license printer can print on the blanks of a tray that is in order.
func (s *Station) PrinterFit() Offer {
	state := s.Sheets.State()
	if state.Fault != nil {
		o := broken("license", front.DeviceLicense, "license", state.Fault)
		o.Why = front.Say{Phrase: front.SayPrinterOut}
		return o
	}
	if s.Sheets.Info().Queue {
		return closed("license", front.SayPrinterOut, "license: the address is a print queue and not a printer: no originals here")
	}
	if tray, dead := s.deadBlank(); dead != "" {
		return closed("license", front.SayPrinterOut, fmt.Sprintf("license: a sheet was drawn from another tray: take blank %s out of %s, then kioskctl blanks void --tray %s --serial %s",
			dead, tray, tray, dead))
	}
	return Offer{Code: "license", Open: true}
}

// deadBlank is a blank that has to be taken out of its tray before anything is printed.
func (s *Station) deadBlank() (tray, serial string) {
	s.Journal.Book(func(b *casefile.Book) {
		for name := range b.Trays {
			if dead := b.DeadBlank(name); dead != "" && (tray == "" || name < tray) {
				tray, serial = name, dead
			}
		}
	})
	return tray, serial
}

// unclearBlank is a blank that may still lie in its tray, or not.
func (s *Station) unclearBlank() (tray, serial string) {
	s.Journal.Book(func(b *casefile.Book) {
		for name := range b.Trays {
			if unclear := b.UnclearBlank(name); unclear != "" && (tray == "" || name < tray) {
				tray, serial = name, unclear
			}
		}
	})
	return tray, serial
}

// Blank is the tray with numbered blanks of this size that are loaded and known, and the next serial.
func (s *Station) Blank(media string) (tray, serial string, ok bool) {
	state := s.Sheets.State()
	s.Journal.Book(func(b *casefile.Book) {
		for _, t := range state.Trays {
			if t.Media != media || !t.Ready || ok {
				continue
			}
			if next, has := b.Trays[t.Name].Next(); has && b.DeadBlank(t.Name) == "" && b.UnclearBlank(t.Name) == "" {
				tray, serial, ok = t.Name, next, true
			}
		}
	})
	return tray, serial, ok
}

// withinHours compares in Asia/Shanghai, which has had no summer time since 1991.
func withinHours(h *catalog.Hours, now time.Time) bool {
	if h == nil {
		return true
	}
	clock := now.In(time.FixedZone("Asia/Shanghai", 8*3600)).Format("15:04")
	if h.From <= h.To {
		return h.From <= clock && clock < h.To
	}
	return clock >= h.From || clock < h.To
}

// Device is one device for the technician.
type Device struct {
	Class, Spec, State, Fault, Serial string

	SAM, Photo string // of the card reader
}

// Devices gives all of them, in the order of the cabinet.
func (s *Station) Devices() []Device {
	row := func(class, serial string, online bool, f *fault.Error) Device {
		d := Device{Class: class, Spec: s.Specs[class], State: "ready", Serial: serial}
		if f != nil {
			d.State, d.Fault = string(f.Kind), f.Error()
		} else if !online {
			d.State = string(fault.Silent)
		}
		return d
	}
	cashState, roll, sheets, coins, payer := s.Cash.State(), s.Roll.State(), s.Sheets.State(), s.Coins.State(), s.Payer.State()
	reader := row("idcard", s.Reader.Info().Serial, true, s.Reader.Fault())
	reader.SAM, reader.Photo = s.Reader.Info().SAM, s.Reader.Info().Photo
	return []Device{
		reader,
		row("cash", s.Cash.Info().Serial, cashState.Online, cashState.Fault),
		row("coins", s.Coins.Info().Serial, coins.Online, coins.Fault),
		row("payout", s.Payer.Info().Serial, payer.Online, payer.Fault),
		row("receipt", s.Roll.Info().Serial, roll.Online, roll.Fault),
		row("license", s.Sheets.Info().UUID, sheets.Online, sheets.Fault),
		row("scanner", s.Scanner.Info().Serial, true, s.Scanner.Fault()),
	}
}
