// Package escpossim is a receipt printer for the desk: a mechanism with a roll of paper, a head, a cutter
// and a cover, that is told what to do in ESC/POS bytes and answers in them.
//
// It behaves as the printers of the manuals do: bytes wait in a buffer and are worked off in order; status
// requests are answered at once, from inside pictures too; out of paper or with the cover open it stops and
// goes on by itself when that is mended; when it loses power it forgets the buffer, and the half strip
// hangs in its mouth. It keeps every strip that it printed: bytes, text, picture, and whether it was cut.
//
// Which commands it knows is in parse.go; bytes that no manual explains are noted in the log and passed over.
package escpossim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"yichuang/devices/mechanism"
)

const device = "receipt"

// The mechanism's own figures.
const (
	bufferDefault = 64 << 10
	bufferSlack   = 8 << 10           // what a stopped printer still takes, so that status requests come through
	rowTime       = time.Second / 640 // 80 mm/s
	cutTime       = 500 * time.Millisecond
	bootTime      = 1500 * time.Millisecond
	pieceRows     = 24                     // power and points are looked at this often
	halfRows      = 120                    // 15 mm: more than any first line, less than any receipt
	feedToCutter  = 96                     // rows between head and cutter
	lineIdle      = 200 * time.Microsecond // a read that waits so long found the line idle
	presentTime   = 400 * time.Millisecond
	handTime      = 1500 * time.Millisecond // from the mouth to a hand
	lineDefault   = 30                      // 1/6 inch in steps of 1/180, as the manual's default
	printsMax     = 2000
	tabColumns    = 8
)

// Options says what kind of printer it is; the zero value is an 80 mm printer that takes no time.
type Options struct {
	Log       *mechanism.Log
	WidthDots int  // 576 when 0
	Pace      bool // printing takes its time
	Baud      int  // bytes come and go at the pace of a serial line of so many bits a second; 0 is at once
	Buffer    int  // bytes; 64 KiB when 0
	NoCuts    bool // does not answer GS g 2
	NoClear   bool // does not obey DLE DC4 8
	NoChinese bool // has no Chinese font and no commands for one
	Presenter bool // has a presenter and a bin behind it (GS e)
	FeedBit   bool // says in DLE EOT 2 all the time that the feed button is pressed
	Maker     string
	Model     string
	Serial    string
}

// Printer is the mechanism. Serve connects it to a host.
type Printer struct {
	opts   Options
	faults *mechanism.Faults

	mu      sync.Mutex
	onPlug  func(bool)
	onPoint func(string)
	changed chan struct{} // closed and made anew whenever a waiter should look again

	power    bool
	life     int // counts power-ups: work begun in an earlier life is void
	dark     time.Time
	stuck    bool // the cutter
	mouthJam bool
	rolling  bool // the presenter
	working  bool
	buffer   []byte
	tail     []byte // the last bytes that arrived, for real-time requests
	out      chan reply

	modes  modes
	raster *rasterState
	line   []glyph
	drawn  bool // a column image stands in the line
	symbol symbolState
	prints []*Print
	cuts   int64
}

// modes is what ESC @ sets back.
type modes struct {
	chinese                 bool
	align                   byte
	wide, high              int
	bold, invert, underline bool
	spacing                 int
	asb                     byte
}

func (p *Printer) defaultModes() modes {
	return modes{chinese: !p.opts.NoChinese, wide: 1, high: 1, spacing: lineDefault}
}

// rasterState is a picture whose rows are still to come.
type rasterState struct {
	stride, rows   int
	scaleX, scaleY int
}

// symbolState is what GS ( k has stored.
type symbolState struct {
	text   string
	module int
	level  byte
}

// reply is one answer on its way to the host.
type reply struct {
	frame    []byte
	what     string
	buffered bool
}

// New makes a printer with power on, paper in and the cover closed.
func New(o Options) *Printer {
	if o.WidthDots == 0 {
		o.WidthDots = 576
	}
	if o.Buffer == 0 {
		o.Buffer = bufferDefault
	}
	if o.Maker == "" {
		o.Maker, o.Model, o.Serial = "YICHUANG", "DESK-80", "D0000001"
	}
	p := &Printer{opts: o, power: true, changed: make(chan struct{}), symbol: symbolState{module: 3, level: 0x30}}
	p.modes = p.defaultModes()
	var rows []mechanism.Fault
	for _, f := range mechanism.LineFaults() {
		if f.Name != "checksum" { // the protocol has none
			rows = append(rows, f)
		}
	}
	rows = append(rows,
		mechanism.Fault{Name: "unplug", What: "the plug is pulled"},
		mechanism.Fault{Name: "reset", What: "the printer restarts by itself and forgets its buffer"},
		mechanism.Fault{Name: "paper_near_end", What: "the roll is nearly used up"},
		mechanism.Fault{Name: "paper_out", What: "there is no paper under the head"},
		mechanism.Fault{Name: "cover_open", What: "the cover is open"},
		mechanism.Fault{Name: "cutter", What: "the cutter gets stuck at the next cut"},
		mechanism.Fault{Name: "jam", What: "the paper is stuck"},
		mechanism.Fault{Name: "lost_reply", What: "the answer to a buffered request is lost"},
		mechanism.Fault{Name: "paper_held", What: "nobody takes the strip out of the mouth"},
	)
	if o.Presenter {
		rows = append(rows,
			mechanism.Fault{Name: "presenter", What: "the strip gets stuck between the presenter's rollers"},
			mechanism.Fault{Name: "no_retract", What: "the presenter does not draw in"},
		)
	}
	p.faults = mechanism.NewFaults(rows, "unplug", "paper_near_end", "paper_out", "cover_open", "cutter", "jam", "paper_held", "presenter", "no_retract")
	p.faults.OnChange(p.faultChanged)
	return p
}

// Faults is the table of what can befall it.
func (p *Printer) Faults() *mechanism.Faults { return p.faults }

// OnPlug is called with false when the plug is pulled and with true when it is put in again; whoever owns the
// transport closes and opens it.
func (p *Printer) OnPlug(fn func(bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onPlug = fn
}

// OnPoint is called, while the mechanism stands still, at the instants where power can be cut: "receipt.half".
func (p *Printer) OnPoint(fn func(string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onPoint = fn
}

// HoldPaper leaves strips in the mouth until it is called with false.
func (p *Printer) HoldPaper(hold bool) {
	n := 0
	if hold {
		n = 1
	}
	p.faults.Arm("paper_held", n) // the name is from our own table
}

// faultChanged lets a state take effect at once.
func (p *Printer) faultChanged(name string, armed int) {
	switch name {
	case "unplug":
		p.mu.Lock()
		fn := p.onPlug
		p.wake()
		p.mu.Unlock()
		if fn != nil {
			fn(armed == 0)
		}
	case "reset":
		if armed > 0 && p.faults.Take("reset") {
			p.Power(false)
			p.Power(true)
			p.mu.Lock()
			p.dark = time.Now().Add(bootTime)
			p.mu.Unlock()
		}
	default:
		p.mu.Lock()
		defer p.mu.Unlock()
		switch {
		case armed > 0:
		case name == "cutter":
			p.stuck = false
		case name == "presenter" && p.mouthJam:
			p.mouthJam = false // a hand took the paper out of the rollers
			p.move(p.at(fateInside), fateRemoved)
		case name == "paper_held":
			p.reach()
		}
		p.sendASB()
		p.kick()
		p.wake()
	}
}

// Power switches the mains of the printer.
func (p *Printer) Power(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if on == p.power {
		return
	}
	p.power = on
	p.life++
	p.opts.Log.Add(device, "hand", nil, fmt.Sprintf("power on: %v", on))
	p.buffer, p.tail, p.line, p.raster, p.stuck, p.rolling = nil, nil, nil, nil, false, false
	p.modes, p.symbol = p.defaultModes(), symbolState{module: 3, level: 0x30}
	p.wake()
}

// wake lets every waiter look again. The caller holds the lock.
func (p *Printer) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// Serve connects the printer to a host until ctx ends or the line breaks. The mechanism goes on working off
// its buffer afterwards. When ctx ends and rw can be closed, it is closed.
func (p *Printer) Serve(ctx context.Context, rw io.ReadWriter) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if c, ok := rw.(io.Closer); ok {
		stop := context.AfterFunc(ctx, func() { c.Close() })
		defer stop()
	}
	out := make(chan reply, 256)
	p.mu.Lock()
	p.out, p.tail = out, nil
	p.mu.Unlock()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		p.answer(ctx, rw, out)
	}()
	err := p.listen(ctx, rw)
	p.mu.Lock()
	if p.out == out {
		p.out = nil
	}
	p.mu.Unlock()
	cancel()
	<-answered
	return err
}

// solid drops empty writes, which a net.Pipe would hand over as an empty read.
type solid struct{ w io.Writer }

func (s solid) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	return s.w.Write(b)
}

// answer writes the answers of one host one after the other.
func (p *Printer) answer(ctx context.Context, w io.Writer, out <-chan reply) {
	line := mechanism.Line{Device: device, W: solid{&paced{w: w, baud: p.opts.Baud}}, Faults: p.faults, Log: p.opts.Log,
		Late: 700 * time.Millisecond, Gap: 50 * time.Millisecond}
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-out:
			if r.buffered && p.faults.Take("lost_reply") {
				p.opts.Log.Add(device, "device", nil, "loses its answer: "+r.what)
				continue
			}
			if line.Answer(r.frame, r.what) != nil {
				return // listen sees the broken line too
			}
		}
	}
}

// reply queues an answer for the host that is connected. The caller holds the lock.
func (p *Printer) reply(frame []byte, what string, buffered bool) {
	if p.out == nil || p.faults.On("unplug") {
		return
	}
	select {
	case p.out <- reply{frame, what, buffered}:
	default:
		p.opts.Log.Add(device, "device", nil, "the host does not listen; lost: "+what)
	}
}

// listen takes bytes in as long as there is room.
func (p *Printer) listen(ctx context.Context, r io.Reader) error {
	buf := make([]byte, 512)
	line := paced{baud: p.opts.Baud}
	line.begin()
	for {
		if err := p.room(ctx); err != nil {
			return err
		}
		asked := time.Now()
		n, err := r.Read(buf[:line.chunk(len(buf))])
		if time.Since(asked) > lineIdle {
			line.begin()
		}
		line.wait(n)
		if n > 0 {
			p.receive(buf[:n])
		}
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
				return nil
			}
			return fmt.Errorf("read host: %w", err)
		}
	}
}

// room waits while the buffer is full: flow control.
func (p *Printer) room(ctx context.Context) error {
	for {
		p.mu.Lock()
		full := len(p.buffer) >= p.opts.Buffer && p.working || len(p.buffer) >= p.opts.Buffer+bufferSlack && p.stopped() != ""
		changed := p.changed
		p.mu.Unlock()
		if !full {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// receive puts bytes into the buffer; real-time requests among them are obeyed at once.
func (p *Printer) receive(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.power || time.Now().Before(p.dark) || p.faults.On("unplug") {
		return
	}
	p.opts.Log.Add(device, "host", b, "")
	for _, c := range b {
		p.buffer = append(p.buffer, c)
		p.tail = append(p.tail, c)
		if len(p.tail) > len(forget) {
			p.tail = p.tail[1:]
		}
		if cmd, n, ok := realTime(p.tail); ok {
			p.tail = nil
			p.obeyRealTime(cmd, n)
		}
	}
	p.kick()
}

// obeyRealTime is DLE EOT n and DLE ENQ n.
func (p *Printer) obeyRealTime(cmd, n byte) {
	switch {
	case cmd == 0x04 && n == 20:
		p.reply(p.fullStatus(), "full status", false)
	case cmd == 0x04 && n >= 1 && n <= 4:
		p.reply([]byte{p.statusByte(n)}, fmt.Sprintf("status %d", n), false)
	case cmd == 0x14 && !p.opts.NoClear:
		p.buffer, p.line, p.raster = nil, nil, nil
		p.reply([]byte{0x37, 0x25, 0}, "forgets its buffers", false)
		p.wake()
	case cmd == 0x05 && (n == 1 || n == 2):
		if n == 2 {
			p.buffer, p.line, p.raster = nil, nil, nil
		}
		if !p.faults.On("cutter") {
			p.stuck = false
		}
		p.opts.Log.Add(device, "device", nil, fmt.Sprintf("recovers from errors (%d)", n))
	}
}

// stopped is the state that keeps the printer from printing, "" when there is none. The caller holds the lock.
func (p *Printer) stopped() string {
	for _, name := range []string{"cover_open", "paper_out", "jam"} {
		if p.faults.On(name) {
			return name
		}
	}
	if p.stuck {
		return "cutter"
	}
	return ""
}

// kick starts working the buffer off, if nobody does. The caller holds the lock.
func (p *Printer) kick() {
	if !p.working && p.power && p.stopped() == "" && len(p.buffer) > 0 {
		p.working = true
		go p.work()
	}
}

// work takes one command after the other until the buffer holds no whole one.
func (p *Printer) work() {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.working = false; p.wake() }()
	for p.power && p.stopped() == "" {
		if len(p.buffer) == 0 {
			return
		}
		if p.raster != nil {
			if !p.rasterRows() {
				return
			}
			continue
		}
		o, n := p.parse()
		if n == 0 {
			return
		}
		raw := append([]byte(nil), p.buffer[:n]...)
		o.arg = append([]byte(nil), o.arg...)
		p.buffer = p.buffer[n:]
		p.wake()
		p.do(o, raw)
	}
}

// parse takes one command off the buffer. A printer without a Chinese font knows no FS.
func (p *Printer) parse() (op, int) {
	if p.opts.NoChinese && p.buffer[0] == 0x1C {
		return op{cmd: "unknown", arg: p.buffer[:1]}, 1
	}
	return parse(p.buffer, p.modes.chinese)
}

// open is the strip in the making. The caller holds the lock.
func (p *Printer) open() *Print {
	if n := len(p.prints); n > 0 && !p.prints[n-1].Cut {
		return p.prints[n-1]
	}
	n := 1
	if len(p.prints) > 0 {
		n = p.prints[len(p.prints)-1].N + 1
	}
	p.prints = append(p.prints, &Print{N: n})
	if len(p.prints) > printsMax {
		p.prints = append([]*Print(nil), p.prints[len(p.prints)/10:]...)
	}
	return p.prints[len(p.prints)-1]
}

// roll moves paper on by some rows, in its time, and says how many came out before the power went.
// grow is called under the lock for each piece. The caller holds the lock, which is given up meanwhile.
func (p *Printer) roll(rows int, grow func(s *Print, rows int)) bool {
	life := p.life
	for rows > 0 {
		piece := min(rows, pieceRows)
		if p.opts.Pace {
			p.mu.Unlock()
			time.Sleep(time.Duration(piece) * rowTime)
			p.mu.Lock()
			if p.life != life {
				return false
			}
		}
		s := p.open()
		if s.rows() == 0 {
			p.move(p.at(fateMouth), fateDropped) // the new strip pushes it out
		}
		grow(s, piece)
		rows -= piece
		if s.rows() >= halfRows && !s.Half {
			s.Half = true
			if fn := p.onPoint; fn != nil {
				p.mu.Unlock()
				fn("receipt.half")
				p.mu.Lock()
			}
		}
		if p.life != life {
			return false
		}
	}
	return true
}
