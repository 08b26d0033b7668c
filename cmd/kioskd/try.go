package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"yichuang/devices/barcode"
	"yichuang/devices/cash"
	"yichuang/devices/fault"
	"yichuang/devices/idcard"
	"yichuang/devices/printer"
	"yichuang/kiosk/config"
)

type tryCommand struct {
	Protocol string `arg:"" help:"sdt, sdt-usb, cctalk, id003, ccnet, ssp, essp, ssp-payout, cctalk-coin, cctalk-hopper, escpos, escpos-usb, scanner, ipp or ipp-usb"`
	Address  string `arg:"" help:"serial:PATH, usb:VVVV:PPPP or http://HOST:PORT/PATH, as in kiosk.toml"`
}

// signalLine is one line of `kioskd try`.
type signalLine struct {
	Ms       int64        `json:"ms"`
	Signal   string       `json:"signal"` // ready card escrowed stacked returned refused paid printed scanned fault
	Face     int64        `json:"face_fen,omitempty"`
	Currency string       `json:"currency,omitempty"`
	Count    int64        `json:"count,omitempty"`
	Card     *idcard.Card `json:"card,omitempty"`
	Text     string       `json:"text,omitempty"`
	Kind     fault.Kind   `json:"kind,omitempty"`
	Raw      string       `json:"raw_hex,omitempty"`
}

// order is one line on standard input.
type order struct {
	Do    string   `json:"do"` // accept refuse stack return pay mended read print text
	Face  int64    `json:"face_fen"`
	Count int64    `json:"count"`
	File  string   `json:"file"`
	Media string   `json:"media"`
	Lines []string `json:"lines"`
}

// tryOrderMax bounds one order.
const tryOrderMax = 3 * time.Minute

const (
	// drain is how long signals are still listened for when the input has ended.
	drain = 300 * time.Millisecond
	// firstMax is how long a device may take to be opened, and the first order waits for it: a printer that
	// stays silent is called so after two questions of ten seconds.
	firstMax = 30 * time.Second
	// moveMax is how long the end of the input waits for a note that was sent on its way.
	moveMax = 15 * time.Second
	// lookEvery is the pace of looking at a driver's state.
	lookEvery = 50 * time.Millisecond
)

// tester runs one driver and speaks about it in lines.
type tester struct {
	mu     sync.Mutex // guards out, spoken and told
	out    *json.Encoder
	spoken bool
	told   fault.Kind // the last fault of the device itself that was told since an order began, "" for none
	began  time.Time
	first  chan struct{} // closed when the device has had its first word, ready or a fault
	run    func(context.Context) error
	next   func(context.Context) // tells what the driver signals by itself; nil for none
	do     func(context.Context, order) error
	fault  func() *fault.Error
	moves  func() bool // something that was ordered is on its way still; nil for never
}

func (t *tester) say(s signalLine) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.Ms = time.Since(t.began).Milliseconds()
	t.out.Encode(s) // nobody reads any more: the input ends next
	if !t.spoken {
		t.spoken = true
		close(t.first)
	}
}

// failed tells a fault.
func (t *tester) failed(err error) {
	s := signalLine{Signal: "fault", Kind: fault.KindOf(err), Text: err.Error()}
	var f *fault.Error
	if errors.As(err, &f) {
		s.Raw = hex.EncodeToString(f.Raw)
	}
	t.say(s)
}

func (c *tryCommand) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error {
	t := &tester{out: json.NewEncoder(stdout), began: time.Now(), first: make(chan struct{})}
	if err := t.choose(c.Protocol, c.Address, slog.New(slog.NewTextHandler(stderr, nil))); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var work sync.WaitGroup
	work.Go(func() { t.run(ctx) }) // ends with its context
	if t.fault != nil {
		work.Go(func() { t.watch(ctx) })
	}
	if t.next != nil {
		work.Go(func() {
			for ctx.Err() == nil {
				t.next(ctx)
			}
		})
	}
	err := t.orders(ctx, stdin)
	stop()
	work.Wait()
	return err
}

// opening says of the first fault that it means only that the device is being opened: an opener that did not
// find it has a cause.
func (t *tester) opening(f *fault.Error) bool {
	return f != nil && f.Kind == fault.Absent && f.Err == nil && time.Since(t.began) < firstMax
}

// watch tells ready, and each fault when it changes.
func (t *tester) watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	last := "unknown"
	for {
		now := ""
		f := t.fault()
		if f != nil {
			now = string(f.Kind) + f.Detail
		}
		if now != last && !(last == "unknown" && t.opening(f)) {
			last = now
			if f == nil {
				t.say(signalLine{Signal: "ready"})
			} else {
				t.mu.Lock()
				t.told = f.Kind
				t.mu.Unlock()
				t.failed(f)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// orders obeys the lines of the input, one after the other, until it ends or ctx does. The first one waits
// until the device has been opened: who pipes a line in cannot know how long that takes.
func (t *tester) orders(ctx context.Context, stdin io.Reader) error {
	lines, ended := readLines(ctx, stdin)
	for {
		select {
		case text := <-lines:
			o, err := parseOrder(text)
			if err != nil {
				return fmt.Errorf("order %q: %w", text, err)
			}
			await(ctx, firstMax, t.first)
			act, cancel := context.WithTimeout(ctx, tryOrderMax)
			err = t.do(act, o)
			cancel()
			if err != nil && ctx.Err() == nil {
				t.failed(err)
			}
		case err := <-ended:
			await(ctx, firstMax, t.first)
			for end := time.Now().Add(moveMax); t.moves != nil && t.moves() && ctx.Err() == nil && time.Now().Before(end); {
				await(ctx, lookEvery, nil)
			}
			await(ctx, drain, nil)
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

// readLines hands the input over line by line, so that a signal is heard while nobody types. Its goroutine
// ends with the program at the latest: a read of standard input cannot be broken off.
func readLines(ctx context.Context, stdin io.Reader) (<-chan string, <-chan error) {
	lines, ended := make(chan string), make(chan error, 1)
	go func() {
		in := bufio.NewScanner(stdin)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			select {
			case lines <- in.Text():
			case <-ctx.Done():
				return
			}
		}
		ended <- in.Err()
	}()
	return lines, ended
}

// await waits for a channel, the end of ctx, or so long.
func await(ctx context.Context, limit time.Duration, heard <-chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	select {
	case <-heard:
	case <-ctx.Done():
	}
}

// parseOrder reads one line. A field that no order has is a mistake of the one who typed it.
func parseOrder(text string) (o order, err error) {
	in := json.NewDecoder(strings.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&o); err != nil {
		return o, err
	}
	if in.More() {
		return o, errors.New("more than one order in a line")
	}
	return o, nil
}

func (t *tester) choose(protocol, address string, log *slog.Logger) error {
	spec := config.Spec{Protocol: protocol, Address: address}
	if drive, ok := rollDrivers[protocol]; ok {
		r, err := drive(address, log)
		t.roll(r)
		return err
	}
	switch protocol {
	case "cctalk", "id003", "ccnet", "ssp", "essp", "ssp-payout":
		a, err := cashDrivers[protocol](address, log)
		t.acceptor(a)
		return err
	case "cctalk-coin":
		c, err := coinDrivers[protocol](address, log)
		t.acceptor(c)
		return err
	case "cctalk-hopper":
		p, err := payDrivers[protocol](address, log)
		t.payer(p)
		return err
	case "ipp", "ipp-usb":
		s, err := sheetDrivers[protocol](address)
		t.sheets(s)
		return err
	case "sdt", "sdt-usb":
		r, err := readerDrivers[protocol](address)
		t.reader(r)
		return err
	case "scanner", "scanner-honeywell":
		s, err := scannerDrivers[protocol](address)
		t.scanner(s)
		return err
	}
	return fmt.Errorf("protocol %q: want sdt, sdt-usb, cctalk, id003, ccnet, ssp, essp, ssp-payout, cctalk-coin, cctalk-hopper, escpos, escpos-usb, scanner, ipp or ipp-usb", spec.Protocol)
}

func unknown(o order) error {
	return &fault.Error{Kind: fault.Invalid, Device: "try", Op: o.Do, Detail: "this device has no such order"}
}

var allFaces = []cash.Note{{Face: 100, Currency: "CNY"}, {Face: 500, Currency: "CNY"}, {Face: 1000, Currency: "CNY"}, {Face: 2000, Currency: "CNY"}, {Face: 5000, Currency: "CNY"}, {Face: 10000, Currency: "CNY"}}

// acceptor tries what takes money in: notes, or coins, which have no escrow.
func (t *tester) acceptor(a cash.Intake) {
	t.run = a.Run
	notes, _ := a.(cash.Acceptor)
	fit := false         // the last that was told is ready
	var sent atomic.Bool // the escrowed note was sent on its way
	t.moves = func() bool { return sent.Load() && a.State().Escrow }
	t.next = func(ctx context.Context) {
		s, err := a.Next(ctx)
		if err != nil || s.What == cash.Faulty && t.opening(s.Fault) {
			return
		}
		line := signalLine{Signal: string(s.What), Face: s.Note.Face, Currency: s.Note.Currency, Raw: hex.EncodeToString(s.Raw)}
		if s.Fault != nil {
			line.Kind, line.Text = s.Fault.Kind, s.Fault.Error()
		}
		switch s.What {
		case cash.Escrowed:
			sent.Store(false)
		case cash.BoxOut, cash.BoxIn:
			return // told as a fault and its end
		case cash.Ready, cash.Cleared:
			if fit {
				return
			}
			line.Signal, fit = string(cash.Ready), true
		case cash.Faulty:
			fit = false
		case cash.Lost:
			line.Signal, line.Kind, fit = string(cash.Faulty), fault.Doubtful, false
		}
		t.say(line)
	}
	t.do = func(ctx context.Context, o order) error {
		switch {
		case o.Do == "accept" && notes != nil:
			return a.Accept(ctx, allFaces)
		case o.Do == "accept":
			return a.Accept(ctx, a.Info().Faces)
		case o.Do == "refuse":
			return a.Refuse(ctx)
		case o.Do == "stack" && notes != nil:
			sent.Store(true)
			return notes.Stack(ctx)
		case o.Do == "return" && notes != nil:
			sent.Store(true)
			return notes.Return(ctx)
		}
		return unknown(o)
	}
}

// payer tries what pays out. It keeps no journal: what a payer cannot say is told as a fault.
func (t *tester) payer(p cash.Payer) {
	t.run = p.Run
	t.fault = func() *fault.Error { return p.State().Fault }
	t.do = func(ctx context.Context, o order) error {
		mender, _ := p.(cash.Mender)
		switch {
		case o.Do == "mended" && mender != nil:
			return mender.Mended(ctx)
		case o.Do != "pay":
			return unknown(o)
		}
		before, err := p.Before(ctx)
		if err != nil {
			return err
		}
		paid, err := p.Pay(ctx, before, []cash.Pile{{Note: cash.Note{Face: o.Face, Currency: "CNY"}, Count: o.Count}})
		for _, pile := range paid.Out {
			t.say(signalLine{Signal: "paid", Face: pile.Face, Currency: pile.Currency, Count: pile.Count, Raw: hex.EncodeToString(paid.Raw)})
		}
		for _, pile := range paid.Unsure {
			t.say(signalLine{Signal: "fault", Kind: fault.Doubtful, Text: "may have come out besides", Face: pile.Face, Currency: pile.Currency, Count: pile.Count})
		}
		return err
	}
}

func (t *tester) reader(r idcard.Reader) {
	t.run, t.fault = r.Run, r.Fault
	t.do = func(ctx context.Context, o order) error {
		if o.Do != "read" {
			return unknown(o)
		}
		card, err := r.Read(ctx)
		if err == nil {
			t.say(signalLine{Signal: "card", Card: &card})
		}
		return err
	}
}

func (t *tester) scanner(s barcode.Scanner) {
	t.run, t.fault = s.Run, s.Fault
	t.do = func(ctx context.Context, o order) error {
		if o.Do != "read" && o.Do != "accept" {
			return unknown(o)
		}
		text, err := s.Scan(ctx)
		if err == nil {
			t.say(signalLine{Signal: "scanned", Text: text})
		}
		return err
	}
}

func (t *tester) roll(r printer.Roll) {
	t.run = r.Run
	t.fault = func() *fault.Error { return r.State().Fault }
	t.do = func(ctx context.Context, o order) error {
		if o.Do != "text" {
			return unknown(o)
		}
		if c, ok := r.(printer.Clearer); ok && r.State().Unfinished {
			if err := c.Clear(ctx); err != nil {
				return err
			}
		}
		strip := printer.Strip{}
		for _, line := range o.Lines {
			strip.Lines = append(strip.Lines, printer.Line{Text: line})
		}
		err := r.Print(ctx, strip)
		if err == nil {
			t.say(signalLine{Signal: "printed"})
		}
		return err
	}
}

func (t *tester) sheets(s printer.Sheets) {
	t.run = s.Run
	t.fault = func() *fault.Error { return s.State().Fault }
	t.do = func(ctx context.Context, o order) error {
		if o.Do != "print" {
			return unknown(o)
		}
		pdf, err := os.ReadFile(o.File)
		if err != nil {
			return &fault.Error{Kind: fault.Invalid, Device: "try", Op: o.Do, Err: err}
		}
		job := printer.Job{Name: fmt.Sprintf("try-%d", time.Now().UnixNano()), Document: pdf, Media: o.Media, Sheets: 1}
		for _, tray := range s.State().Trays {
			if tray.Media == o.Media && tray.Ready {
				job.Source = tray.Name
			}
		}
		began := time.Now()
		id, err := s.Submit(ctx, job)
		if err != nil {
			return err
		}
		return t.follow(ctx, s, id, job.Name, began)
	}
}

// follow waits for the end of a job and tells it. What hindered it is the fault of a job that came to no
// good end; only of a sheet of which the printer does not know is the fault Doubtful.
func (t *tester) follow(ctx context.Context, s printer.Sheets, id int, name string, began time.Time) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	t.mu.Lock()
	t.told = ""
	t.mu.Unlock()
	end := func(kind fault.Kind, detail string) error {
		return &fault.Error{Kind: kind, Device: "license", Op: "print", Detail: detail}
	}
	hindered := fault.Broken
	for {
		state, ok, err := s.Job(ctx, id, name, began)
		if state.Fault != nil {
			hindered = state.Fault.Kind
		}
		switch {
		case err != nil:
		case !ok:
			return end(fault.Silent, "the job never reached the printer")
		case state.Phase == printer.JobPrinted:
			t.say(signalLine{Signal: "printed"})
			return nil
		case state.Phase == printer.JobUnknown:
			return end(fault.Doubtful, "the printer does not say what became of the sheet")
		case state.Phase.Final():
			t.mu.Lock()
			hindered = cmp.Or(t.told, hindered) // what was told and mended between two looks at the job
			t.mu.Unlock()
			return end(hindered, string(state.Phase))
		}
		select {
		case <-ctx.Done():
			return &fault.Error{Kind: fault.Silent, Device: "license", Op: "print", Err: ctx.Err()}
		case <-tick.C:
		}
	}
}
