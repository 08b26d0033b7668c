package escpos

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
	"yichuang/devices/wire"
)

// device names this class in faults.
const device = "receipt"

// Profile is what must be known of a model beforehand; the zero value is a usual 80 mm printer.
type Profile struct {
	Maker, Model string     // said by Info when the printer does not tell
	WidthDots    int        // 576 when 0; at most 640
	Columns      int        // characters in a line; WidthDots/12 when 0
	Charset      Charset    // GBK when ""
	HasQR        bool       // draws QR symbols itself; otherwise they are sent as pictures
	HasCuts      bool       // answers GS g 2 178, the lifetime count of cuts
	HasClear     bool       // obeys DLE DC4 8: forgets the rest of an abandoned strip instead of printing it later
	FeedBit      bool       // says all the time that the feed button is pressed: that bit means nothing
	Presenter    *Presenter // holds strips out in a mouth; nil: they hang out after the cut
}

// Printer is one receipt printer. It is a printer.Roll and a printer.Clearer.
type Printer struct {
	open    wire.Opener
	profile Profile
	turn    chan struct{} // holds one token: who has it may talk on the line

	// Of whoever has the token.
	believed status
	asked    bool // believed is the printer's word since the port was opened
	mouth    mouth

	log *slog.Logger

	mu         sync.Mutex
	line       *line // nil while the port is not open
	ready      bool  // the line is settled: no half command is pending
	state      printer.RollState
	info       printer.RollInfo
	unfinished bool
	place      printer.Mouth
	taken      int
	retracted  int
}

// identified is a port that knows whose printer it leads to, as USB does.
type identified interface {
	Identity() (maker, model, serial string)
}

// New makes a driver; Run opens the port.
func New(open wire.Opener, profile Profile) *Printer {
	if profile.WidthDots == 0 {
		profile.WidthDots = 576
	}
	profile.WidthDots = min(profile.WidthDots, widthDotsMax)
	if profile.Columns == 0 {
		profile.Columns = profile.WidthDots / 12
	}
	if profile.Charset == "" {
		profile.Charset = GBK
	}
	if profile.Presenter != nil && profile.Presenter.TakeTime == 0 {
		presenter := *profile.Presenter
		presenter.TakeTime = takeTime
		profile.Presenter = &presenter
	}
	p := &Printer{open: open, profile: profile, turn: make(chan struct{}, 1), log: slog.New(slog.DiscardHandler)}
	p.turn <- struct{}{}
	p.info = printer.RollInfo{Protocol: "escpos", Maker: profile.Maker, Model: profile.Model,
		WidthDots: profile.WidthDots, Columns: profile.Columns, Presents: profile.Presenter != nil}
	p.state.Fault = p.fail(fault.Absent, "open", "not opened yet", nil)
	return p
}

// Run opens the printer, asks its state every second and heals unplugs until ctx ends.
func (p *Printer) Run(ctx context.Context) error {
	defer p.drop(nil, "run")
	for ctx.Err() == nil {
		port, err := p.open()
		if err != nil {
			p.setState(printer.RollState{Fault: p.fail(fault.Absent, "open", "", err)})
			pause(ctx, reopenEvery)
			continue
		}
		if p.take(ctx) != nil {
			port.Close()
			return ctx.Err()
		}
		p.asked, p.mouth.asked = false, false
		p.turn <- struct{}{}
		l := &line{port: port}
		p.mu.Lock()
		p.line, p.ready = l, false
		p.mu.Unlock()
		if err := p.endHead(l); err != nil {
			p.report(status{}, err)
		} else {
			p.watch(ctx, l)
		}
		p.drop(l, "poll")
		pause(ctx, reopenEvery)
	}
	return ctx.Err()
}

// endHead ends the head of a command that broke off when the port was lost, before the first question: the printer looks
// for questions in every byte, but counts them to the command as well, and 10 04 for a height would make it wait for
// more rows than there ever were.
func (p *Printer) endHead(l *line) error {
	if err := l.load(make([]byte, headBytes)); err != nil {
		return p.lost(l, "open", err)
	}
	return nil
}

// watch polls until the port dies or ctx ends.
func (p *Printer) watch(ctx context.Context, l *line) {
	for silent := 0; silent < silentMax; {
		if p.take(ctx) != nil {
			return
		}
		err := p.poll(l)
		p.turn <- struct{}{}
		if p.current() != l {
			return // a print met a dead port and dropped it
		}
		switch fault.KindOf(err) {
		case fault.Absent:
			return
		case fault.Silent:
			silent++
		default:
			silent = 0
		}
		pause(ctx, pollEvery)
	}
}

// poll asks the state once and, when the printer is on-line for the first time, settles the line.
func (p *Printer) poll(l *line) error {
	s, err := p.look(l, "poll", 1, 4) // paper that is nearly at its end does not stop the printer
	if err == nil && !p.settled() && s.fault("poll") == nil {
		err = p.settle(l)
	}
	if err == nil {
		err = p.attend(l, "poll")
	}
	p.report(s, err)
	return err
}

// report makes a reading into the state that others see.
func (p *Printer) report(s status, err error) {
	if err != nil {
		var f *fault.Error
		errors.As(err, &f)
		p.setState(printer.RollState{Fault: f})
		return
	}
	f := s.fault("poll")
	if f == nil {
		f = p.mouthFault("poll")
	}
	p.setState(printer.RollState{Online: true, NearEnd: s.nearEnd, Fault: f})
}

// settle brings the printer out of whatever a program before us left it in, without moving paper on
// purpose: NULs end a command that broke off, and the rest of it comes out as blank dots.
func (p *Printer) settle(l *line) error {
	if err := l.load(make([]byte, fillBytes)); err != nil {
		return p.lost(l, "open", err)
	}
	if err := l.send(cmdNoASB, writeLimit); err != nil {
		return p.lost(l, "open", err)
	}
	// What an earlier program sent may still be printing before the marker is reached, and its own marker
	// may be answered to us. It had one on the way at most; so the second of ours is answered as it should.
	for range 2 {
		if err := p.marker(l, "open", markerLimit, false); err != nil {
			return err
		}
		if err := l.quiet(); err != nil {
			return p.lost(l, "open", err)
		}
	}
	var texts [3]string
	for i, n := range []byte{66, 67, 68} {
		if err := l.question(cmdIdentity(n), answerBlock); err != nil {
			return p.lost(l, "open", err)
		}
		a, err := l.answer(answerBlock, time.Now().Add(blockLimit))
		l.answered(answerBlock)
		if err != nil && !isTimeout(err) {
			return p.lost(l, "open", err)
		}
		texts[i] = printable(a.raw) // a printer that does not say has a profile
	}
	if port, ok := l.port.(identified); ok {
		maker, model, serial := port.Identity()
		for i, s := range []string{maker, model, serial} {
			if texts[i] == "" {
				texts[i] = s
			}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready = true
	for i, to := range []*string{&p.info.Maker, &p.info.Model, &p.info.Serial} {
		if texts[i] != "" {
			*to = texts[i]
		}
	}
	return nil
}

// printable keeps the ASCII of a maker's text.
func printable(b []byte) string {
	var out []byte
	for _, c := range b {
		if c >= 0x20 && c < 0x7F {
			out = append(out, c)
		}
	}
	return string(out)
}

// status asks for all four bytes and believes a change only when it is said twice, since a status byte
// has no checksum.
func (p *Printer) status(l *line, op string) (status, error) {
	last, err := p.readStatus(l, op)
	if err != nil {
		return status{}, err
	}
	agreed := p.asked && last == p.believed
	for i := 0; !agreed; i++ {
		if i == agreeMax {
			return status{}, p.fail(fault.Garbled, op, "the state changes with each reading", nil)
		}
		next, err := p.readStatus(l, op)
		if err != nil {
			return status{}, err
		}
		agreed, last = next == last, next
	}
	p.believed, p.asked = last, true
	return last, nil
}

// look is the state by few questions, as long as their answers stay the same: the off-line bit of the first is set by every stop.
func (p *Printer) look(l *line, op string, which ...byte) (status, error) {
	if !p.asked {
		return p.status(l, op)
	}
	for _, n := range which {
		b, err := p.ask(l, op, n)
		if err != nil {
			return status{}, err
		}
		if b != p.believed.raw[n-1] {
			return p.status(l, op)
		}
	}
	return p.believed, nil
}

// glance looks whether the printer is still fit, by one question as long as its answer stays the same: the
// off-line bit is set by every stop.
func (p *Printer) glance(l *line, op string) error {
	b, err := p.ask(l, op, 1)
	if err == nil && b == p.believed.raw[0] && p.asked {
		return nil
	}
	var s status
	if err == nil {
		s, err = p.status(l, op)
	}
	if err == nil {
		if f := s.fault(op); f != nil {
			p.report(s, nil)
			return f
		}
		return nil
	}
	p.report(s, err)
	return err
}

// readStatus asks DLE EOT 1 to 4, one at a time: the answer does not say which it belongs to.
func (p *Printer) readStatus(l *line, op string) (status, error) {
	var raw [4]byte
	for i := range raw {
		b, err := p.ask(l, op, byte(i+1))
		if err != nil {
			return status{}, err
		}
		raw[i] = b
	}
	if p.profile.FeedBit {
		raw[1] &^= statusFeedButton
	}
	return makeStatus(raw), nil
}

// ask sends one DLE EOT and gives its answer. A miss is followed by listening until the line is quiet,
// so that a late answer is not taken for that to the next question.
func (p *Printer) ask(l *line, op string, n byte) (byte, error) {
	var err error
	l.takeGarbage()
	for range triesMax {
		if err := l.question(cmdStatus(n), answerRealTime); err != nil {
			return 0, p.lost(l, op, err)
		}
		var a answer
		a, err = l.answer(answerRealTime, l.due(answerLimit))
		switch {
		case err != nil:
		case p.asked && a.raw[0] == p.believed.raw[n-1]: // what is known is believed at once
			l.answered(answerRealTime)
			return a.raw[0], nil
		case l.echoes(a.raw[0]):
			return a.raw[0], nil
		}
		l.missed++
		if err != nil && !isTimeout(err) {
			return 0, p.lost(l, op, err)
		}
		if err := l.quiet(); err != nil {
			return 0, p.lost(l, op, err)
		}
	}
	if len(l.garbage) > 0 || err == nil {
		return 0, &fault.Error{Kind: fault.Garbled, Device: device, Op: op, Detail: "no status byte", Raw: l.takeGarbage()}
	}
	return 0, p.fail(fault.Silent, op, "no answer to a status request", nil)
}

// marker asks for an answer that comes when all before it has been worked off, and waits for it.
func (p *Printer) marker(l *line, op string, limit time.Duration, strict bool) error {
	l.owed++
	if err := l.question(cmdMarker, answerMarker); err != nil {
		return p.lost(l, op, err)
	}
	if _, err := p.await(l, op, answerMarker, limit, strict); err != nil {
		return err
	}
	l.owed--
	l.answered(answerMarker)
	return nil
}

// catchUp takes in the answers to markers that were given up, so that none is taken for a later one.
func (p *Printer) catchUp(l *line, op string) error {
	for l.owed > 0 {
		l.owed--
		if err := p.marker(l, op, markerLimit, false); err != nil {
			return err
		}
		if err := l.quiet(); err != nil {
			return p.lost(l, op, err)
		}
	}
	return nil
}

// await waits for an answer of this kind to a buffered request and looks at the state meanwhile, so that
// a stop is noticed when it happens. strict: an unanswered status request ends the wait, because the printer
// may have lost power and forgotten what it had.
func (p *Printer) await(l *line, op string, kind answerKind, limit time.Duration, strict bool) (answer, error) {
	for end := time.Now().Add(limit); ; {
		a, err := l.answer(kind, minTime(end, time.Now().Add(answerLimit)))
		if err == nil {
			return a, nil
		}
		if !isTimeout(err) {
			return answer{}, p.lost(l, op, err)
		}
		missed := l.missed
		err = p.glance(l, op)
		if l.held.kind == kind { // it came among the answers about the state
			a, l.held = l.held, answer{}
			return a, nil
		}
		if err != nil {
			return answer{}, err
		}
		if strict && l.missed > missed {
			return answer{}, p.fail(fault.Silent, op, "an unanswered status request: the printer may have restarted", nil)
		}
		if !time.Now().Before(end) {
			return answer{}, p.fail(fault.Silent, op, "no answer to a buffered request", nil)
		}
	}
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// take waits for the line to be free.
func (p *Printer) take(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-p.turn:
		return nil
	}
}

func (p *Printer) current() *line {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.line
}

func (p *Printer) settled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ready
}

// lost drops a port on which reading or writing failed: Run opens it again.
func (p *Printer) lost(l *line, op string, err error) error {
	if kind := fault.KindOf(err); kind != "" { // the port knows by a way of its own what holds the printer up
		p.drop(l, op)
		return p.fail(kind, op, "the printer takes no bytes", err)
	}
	if isTimeout(err) {
		p.drop(l, op)
		return p.fail(fault.Silent, op, "the printer takes no bytes", err)
	}
	p.drop(l, op)
	return p.fail(fault.Absent, op, "the port is gone", err)
}

// drop closes the line; nil means whichever is open.
func (p *Printer) drop(l *line, op string) {
	p.mu.Lock()
	if l == nil {
		l = p.line
	}
	if l != nil && p.line == l {
		p.line, p.ready = nil, false
		p.state.Online = false
		p.state.Fault = p.fail(fault.Absent, op, "the port is closed", nil)
	}
	p.mu.Unlock()
	if l != nil {
		l.port.Close()
	}
}

func (p *Printer) setState(s printer.RollState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Unfinished = p.unfinished
	p.state = p.withMouth(s)
}

func (p *Printer) setUnfinished(is bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unfinished, p.state.Unfinished = is, is
}

func (p *Printer) fail(kind fault.Kind, op, detail string, err error) *fault.Error {
	return &fault.Error{Kind: kind, Device: device, Op: op, Detail: detail, Err: err}
}

// Has says whether the printer's own font has this character.
func (p *Printer) Has(r rune) bool { return p.profile.Charset.encodeRune(r) != nil }

// Info is what the printer says of itself, or else its profile.
func (p *Printer) Info() printer.RollInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.info
}

// State is the last that was learned.
func (p *Printer) State() printer.RollState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
