package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"yichuang/devices/barcode"
	"yichuang/devices/cash"
	"yichuang/devices/fault"
	"yichuang/devices/idcard"
	"yichuang/devices/printer"
	"yichuang/kiosk/config"
)

type tryCommand struct {
	Protocol string `arg:"" help:"sdt, cctalk, escpos, scanner or ipp"`
	Address  string `arg:"" help:"serial:PATH or http://HOST:PORT/PATH, as in kiosk.toml"`
}

// signalLine is one line of `kioskd try`.
type signalLine struct {
	Ms       int64        `json:"ms"`
	Signal   string       `json:"signal"` // ready card escrowed stacked returned refused printed scanned fault
	Face     int64        `json:"face_fen,omitempty"`
	Currency string       `json:"currency,omitempty"`
	Card     *idcard.Card `json:"card,omitempty"`
	Text     string       `json:"text,omitempty"`
	Kind     fault.Kind   `json:"kind,omitempty"`
	Raw      string       `json:"raw_hex,omitempty"`
}

// order is one line on standard input.
type order struct {
	Do    string   `json:"do"` // accept refuse stack return read print text
	File  string   `json:"file"`
	Media string   `json:"media"`
	Lines []string `json:"lines"`
}

// tryOrderMax bounds one order.
const tryOrderMax = 3 * time.Minute

// drain is how long signals are still listened for when the input has ended.
const drain = 300 * time.Millisecond

// openMax is how long a device may be absent at the start without being called so.
const openMax = time.Second

// tester runs one driver and speaks about it in lines.
type tester struct {
	mu    sync.Mutex // guards out
	out   *json.Encoder
	began time.Time
	run   func(context.Context) error
	next  func(context.Context) // tells what the driver signals by itself; nil for none
	do    func(context.Context, order) error
	fault func() *fault.Error
}

func (t *tester) say(s signalLine) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.Ms = time.Since(t.began).Milliseconds()
	t.out.Encode(s) // nobody reads any more: the input ends next
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
	t := &tester{out: json.NewEncoder(stdout), began: time.Now()}
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

// watch tells ready, and each fault when it changes.
func (t *tester) watch(ctx context.Context) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	last := "unknown"
	for {
		now := ""
		f := t.fault()
		if f != nil {
			now = string(f.Kind) + f.Detail
		}
		opening := last == "unknown" && f != nil && f.Kind == fault.Absent && time.Since(t.began) < openMax
		if now != last && !opening {
			last = now
			if f == nil {
				t.say(signalLine{Signal: "ready"})
			} else {
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

func (t *tester) orders(ctx context.Context, stdin io.Reader) error {
	in := bufio.NewScanner(stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var o order
		if err := json.Unmarshal(in.Bytes(), &o); err != nil {
			return fmt.Errorf("order %q: %w", in.Text(), err)
		}
		act, cancel := context.WithTimeout(ctx, tryOrderMax)
		err := t.do(act, o)
		cancel()
		if err != nil {
			t.failed(err)
		}
	}
	wait, cancel := context.WithTimeout(ctx, drain)
	defer cancel()
	<-wait.Done()
	return in.Err()
}

func (t *tester) choose(protocol, address string, log *slog.Logger) error {
	spec := config.Spec{Protocol: protocol, Address: address}
	switch protocol {
	case "cctalk":
		a, err := cashDrivers[protocol](address, log)
		t.acceptor(a)
		return err
	case "escpos":
		r, err := rollDrivers[protocol](address)
		t.roll(r)
		return err
	case "ipp":
		s, err := sheetDrivers[protocol](address)
		t.sheets(s)
		return err
	case "sdt":
		r, err := readerDrivers[protocol](address)
		t.reader(r)
		return err
	case "scanner", "scanner-honeywell":
		s, err := scannerDrivers[protocol](address)
		t.scanner(s)
		return err
	}
	return fmt.Errorf("protocol %q: want sdt, cctalk, escpos, scanner or ipp", spec.Protocol)
}

func unknown(o order) error {
	return &fault.Error{Kind: fault.Invalid, Device: "try", Op: o.Do, Detail: "this device has no such order"}
}

var allFaces = []cash.Note{{Face: 100, Currency: "CNY"}, {Face: 500, Currency: "CNY"}, {Face: 1000, Currency: "CNY"}, {Face: 2000, Currency: "CNY"}, {Face: 5000, Currency: "CNY"}, {Face: 10000, Currency: "CNY"}}

func (t *tester) acceptor(a cash.Acceptor) {
	t.run = a.Run
	t.next = func(ctx context.Context) {
		s, err := a.Next(ctx)
		if err != nil {
			return
		}
		line := signalLine{Signal: string(s.What), Face: s.Note.Face, Currency: s.Note.Currency, Raw: hex.EncodeToString(s.Raw)}
		if s.Fault != nil {
			line.Kind, line.Text = s.Fault.Kind, s.Fault.Error()
		}
		if s.What == cash.Faulty && line.Kind == fault.Absent && time.Since(t.began) < openMax {
			return // it is only being opened
		}
		if s.What == cash.Lost {
			line.Signal, line.Kind = "fault", fault.Doubtful
		}
		t.say(line)
	}
	t.do = func(ctx context.Context, o order) error {
		switch o.Do {
		case "accept":
			return a.Accept(ctx, allFaces)
		case "refuse":
			return a.Refuse(ctx)
		case "stack":
			return a.Stack(ctx)
		case "return":
			return a.Return(ctx)
		}
		return unknown(o)
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
			return err
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

// follow waits for the end of a job and tells it.
func (t *tester) follow(ctx context.Context, s printer.Sheets, id int, name string, began time.Time) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		state, ok, err := s.Job(ctx, id, name, began)
		if err == nil && ok && state.Phase.Final() {
			if state.Phase == printer.JobPrinted {
				t.say(signalLine{Signal: "printed"})
				return nil
			}
			return &fault.Error{Kind: fault.Doubtful, Device: "license", Op: "print", Detail: string(state.Phase)}
		}
		select {
		case <-ctx.Done():
			return &fault.Error{Kind: fault.Silent, Device: "license", Op: "print", Err: ctx.Err()}
		case <-tick.C:
		}
	}
}
