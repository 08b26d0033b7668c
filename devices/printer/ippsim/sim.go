// Package ippsim is a license printer for the desk: a laser printer with an A3 and an A4 tray of numbered
// blanks and a unit that turns sheets over, spoken to in IPP over HTTP.
//
// It is a mechanism: each sheet that is drawn in has the next number of its tray, whether the print then
// succeeds or not; a sheet that stops half-way is spoiled and stays on the account. Jobs are strictly
// checked, printed in their time, and forgotten when the power goes. The documents and sheets are kept, so
// that anyone can look at what came out.
//
// The encoding is that of RFC 8010, the operations and attributes those of RFC 8011, PWG 5100.7 and, so far as they say
// what a printer must have, PWG 5100.12 and 5100.14 (IPP Everywhere): the suites of CUPS's ipptool pass against it.
package ippsim

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"yichuang/devices/mechanism"
)

const device = "license"

// The mechanism's own figures.
const (
	sheetDefault   = 1500 * time.Millisecond // 40 sheets a minute
	warmUp         = 200 * time.Millisecond  // from accepted to processing
	incomingLimit  = 60 * time.Second        // multiple-operation-time-out
	documentMax    = 64 << 20
	jobsMax        = 200
	printsMax      = 2000
	lateBy         = 12 * time.Second // longer than any driver waits for a short answer
	splitGap       = 50 * time.Millisecond
	doubleOpen     = 5 * time.Second // how long a connection with a doubled answer stays open
	mediaA3        = "iso_a3_297x420mm"
	mediaA4        = "iso_a4_210x297mm"
	byPass         = "by-pass-tray" // PWG 5101.1: a flap for single sheets, not there until paper is laid on it
	serialDigitMin = 1
	marginWidth    = 423 // 1/100 mm that a laser printer leaves white
)

// Options says what kind of printer it is.
type Options struct {
	Log       *mechanism.Log
	SheetTime time.Duration // how long a sheet takes; 1.5 s when 0
	UUID      string        // urn:uuid:…; a fixed one when ""
	Forgets   time.Duration // how long a job that has ended is known; 0: until there are too many, or the power goes
}

// Printer is the mechanism; Handler is its network socket.
type Printer struct {
	opts   Options
	faults *mechanism.Faults

	mu      sync.Mutex
	onPlug  func(bool)
	onPoint func(string)
	changed chan struct{} // closed and made anew whenever the engine should look again

	power   bool
	life    int // counts power-ups: work begun in an earlier life is void
	started time.Time
	turned  time.Time // when its state changed last
	jammed  bool
	working bool
	trays   []*tray
	jobs    []*job
	nextJob int
	prints  []*Print
}

// tray is a stack of numbered blanks.
type tray struct {
	Name   string `json:"name"`
	Media  string `json:"media"`
	Sheets int    `json:"sheets"`
	Next   string `json:"next_serial"`
}

// Print is one sheet that was drawn in.
type Print struct {
	N        int    `json:"n"`
	Media    string `json:"media"`
	Pages    int    `json:"pages"`    // sides marked
	Complete bool   `json:"complete"` // false: spoiled or still inside
	Serial   string `json:"serial"`
	Document []byte `json:"document"`
	Format   string `json:"format,omitempty"`
	Page     int    `json:"page"` // which page of the document, from 1
}

// New makes a printer with power on and two empty trays.
func New(o Options) *Printer {
	if o.SheetTime == 0 {
		o.SheetTime = sheetDefault
	}
	if o.UUID == "" {
		o.UUID = "urn:uuid:6d1f3d0c-0000-4000-8000-000000000001"
	}
	p := &Printer{opts: o, power: true, started: time.Now(), turned: time.Now(), nextJob: 1, changed: make(chan struct{}),
		trays: []*tray{{Name: "tray-1", Media: mediaA3, Next: "A00000001"}, {Name: "tray-2", Media: mediaA4, Next: "B00000001"}}}
	var rows []mechanism.Fault
	for _, f := range mechanism.LineFaults() {
		if f.Name != "checksum" { // TCP has it
			rows = append(rows, f)
		}
	}
	rows = append(rows,
		mechanism.Fault{Name: "http_500", What: "the answer is an HTTP error 500 and nothing was done"},
		mechanism.Fault{Name: "lost_reply", What: "an order is carried out and its answer is lost"},
		mechanism.Fault{Name: "unplug", What: "the plug of the network or USB is pulled"},
		mechanism.Fault{Name: "reset", What: "the printer restarts by itself and forgets its jobs"},
		mechanism.Fault{Name: "jam", What: "the next sheet gets stuck half-way"},
		mechanism.Fault{Name: "tray_empty", What: "the trays' sensors see no paper"},
		mechanism.Fault{Name: "door_open", What: "a door is open"},
		mechanism.Fault{Name: "output_full", What: "the output tray is full"},
		mechanism.Fault{Name: "toner_low", What: "toner is running low"},
		mechanism.Fault{Name: "toner_empty", What: "there is no toner"},
		mechanism.Fault{Name: "wrong_media", What: "the sheet is drawn from another tray than asked"},
		mechanism.Fault{Name: "no_counters", What: "the printer does not say how many sheets it printed"},
		mechanism.Fault{Name: "abort", What: "the printer gives the next job up before the first sheet"},
	)
	p.faults = mechanism.NewFaults(rows, "unplug", "jam", "tray_empty", "door_open", "output_full", "toner_low", "toner_empty", "no_counters")
	p.faults.OnChange(p.faultChanged)
	return p
}

// Faults is the table of what can befall it.
func (p *Printer) Faults() *mechanism.Faults { return p.faults }

// OnPlug is called with false when the plug is pulled and with true when it is put in again.
func (p *Printer) OnPlug(fn func(bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onPlug = fn
}

// OnPoint is called, while the mechanism stands still, at the instants where power can be cut: "license.half".
func (p *Printer) OnPoint(fn func(string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onPoint = fn
}

func (p *Printer) faultChanged(name string, armed int) {
	switch name {
	case "unplug":
		p.mu.Lock()
		fn := p.onPlug
		p.mu.Unlock()
		if fn != nil {
			fn(armed == 0)
		}
		return
	case "reset":
		if armed > 0 && p.faults.Take("reset") {
			p.Power(false)
			p.Power(true)
		}
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if name == "jam" && armed == 0 {
		p.jammed = false // a hand took the sheet out
	}
	p.wake()
	p.kick()
}

// wake lets the engine look again. The caller holds the lock.
func (p *Printer) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
	p.turned = time.Now()
}

// Power switches the mains of the printer. Without power it forgets its jobs; a sheet inside is spoiled.
func (p *Printer) Power(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if on == p.power {
		return
	}
	p.opts.Log.Add(device, "hand", nil, fmt.Sprintf("power on: %v", on))
	p.power = on
	p.life++
	for _, j := range p.jobs {
		j.stopTimer()
	}
	p.jobs, p.nextJob, p.jammed = nil, 1, false
	if on {
		p.started = time.Now()
	}
	p.wake()
}

// LoadTray puts a stack of numbered blanks into a tray, instead of what was in it. The by-pass tray also takes
// sheets without numbers.
func (p *Printer) LoadTray(name, media string, sheets int, firstSerial string) error {
	if media != mediaA3 && media != mediaA4 {
		return fmt.Errorf("tray %s: media %q; this printer takes %s and %s", name, media, mediaA3, mediaA4)
	}
	if sheets < 0 {
		return fmt.Errorf("tray %s: %d sheets", name, sheets)
	}
	if sheets > 0 && (name != byPass || firstSerial != "") {
		if _, err := nextSerial(firstSerial); err != nil {
			return fmt.Errorf("tray %s: %w", name, err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.tray(name)
	if t == nil && name == byPass {
		t = &tray{Name: byPass}
		p.trays = append(p.trays, t)
	}
	if t == nil {
		return fmt.Errorf("tray %q: this printer has tray-1, tray-2 and %s", name, byPass)
	}
	t.Media, t.Sheets, t.Next = media, sheets, firstSerial
	p.opts.Log.Add(device, "hand", nil, fmt.Sprintf("%s: %d sheets of %s from %s", name, sheets, media, firstSerial))
	p.wake()
	return nil
}

// tray finds a tray by its media-source keyword. The caller holds the lock.
func (p *Printer) tray(name string) *tray {
	for _, t := range p.trays {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// nextSerial adds one to the digits at the end, keeping their number.
func nextSerial(s string) (string, error) {
	head := strings.TrimRight(s, "0123456789")
	digits := s[len(head):]
	if len(digits) < serialDigitMin {
		return "", fmt.Errorf("serial %q does not end in a number", s)
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return "", fmt.Errorf("serial %q: %w", s, err)
	}
	return fmt.Sprintf("%s%0*d", head, len(digits), n+1), nil
}

// reasons are the printer-state-reasons now, with whether they stop the printer. The caller holds the lock.
func (p *Printer) reasons() (list []string, stops bool) {
	stop := func(reason string) { list, stops = append(list, reason), true }
	if p.jammed {
		stop("media-jam-error")
	}
	if p.faults.On("door_open") {
		stop("door-open-error")
	}
	if p.faults.On("output_full") {
		stop("output-area-full-error")
	}
	if p.faults.On("toner_empty") {
		stop("toner-empty-error")
	}
	if p.faults.On("toner_low") {
		list = append(list, "toner-low-warning")
	}
	if j := p.current(); j != nil && j.state == jobStopped && p.paper(j) == nil {
		stop("media-needed-error")
		list = append(list, "media-empty-error")
	} else if empty := p.emptyTrays(); empty > 0 {
		list = append(list, "media-empty-warning")
	}
	if len(list) == 0 {
		list = []string{"none"}
	}
	return list, stops
}

func (p *Printer) emptyTrays() int {
	n := 0
	for _, t := range p.trays {
		if !p.loaded(t) && t.Name != byPass {
			n++
		}
	}
	return n
}

func (p *Printer) loaded(t *tray) bool { return t.Sheets > 0 && !p.faults.On("tray_empty") }

// paper is the loaded tray that a job is printed from, nil when it has no paper. The caller holds the lock.
func (p *Printer) paper(j *job) *tray {
	for _, t := range p.trays {
		if t.Media == j.media && (j.source == "" || j.source == t.Name) && p.loaded(t) {
			return t
		}
	}
	return nil
}
