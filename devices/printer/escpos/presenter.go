package escpos

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
)

// Presenter is what must be known of a model that holds its strips out in a mouth and can draw them in again. All of
// them answer DLE EOT 20; the commands are each maker's own.
type Presenter struct {
	Present  []byte        // holds the strip that was cut out into the mouth
	Retract  []byte        // draws in what is in the mouth, and what is between it and the cutter
	TakeTime time.Duration // how long a strip is held out; takeTime when 0
}

// mouth is what is known of the mouth. It belongs to whoever has the turn.
type mouth struct {
	believed fullStatus
	asked    bool // believed is the printer's word since the port was opened
	held     bool
	since    time.Time // when it was first seen there
	ours     bool      // it was held out by a Print of ours: whoever pulls it takes it
	orders   int       // how often the printer was told to draw it in
	ordered  time.Time // when last
}

// Tell has what becomes of strips in the mouth written into this log. It is called before Run.
func (p *Printer) Tell(log *slog.Logger) *Printer {
	p.log = log
	return p
}

// full asks DLE EOT 20, and believes that a strip came or went, or got stuck, only when it is said twice.
func (p *Printer) full(l *line, op string) (fullStatus, error) {
	last, err := p.askFull(l, op)
	if err != nil {
		return fullStatus{}, err
	}
	same := func(a, b fullStatus) bool { return a.ticket == b.ticket && a.jam == b.jam }
	agreed := p.mouth.asked && same(last, p.mouth.believed)
	for i := 0; !agreed; i++ {
		if i == agreeMax {
			return fullStatus{}, p.fail(fault.Garbled, op, "the mouth's state changes with each reading", nil)
		}
		next, err := p.askFull(l, op)
		if err != nil {
			return fullStatus{}, err
		}
		agreed, last = same(next, last), next
	}
	p.mouth.believed, p.mouth.asked = last, true
	return last, nil
}

// askFull sends DLE EOT 20 until it is answered, as ask does.
func (p *Printer) askFull(l *line, op string) (fullStatus, error) {
	l.takeGarbage()
	for range triesMax {
		if err := l.question(cmdFullStatus, answerFull); err != nil {
			return fullStatus{}, p.lost(l, op, err)
		}
		a, err := l.answer(answerFull, l.due(answerLimit))
		if err == nil {
			l.answered(answerFull)
			return makeFullStatus([4]byte(a.raw)), nil
		}
		if !isTimeout(err) {
			return fullStatus{}, p.lost(l, op, err)
		}
		l.missed++
		if err := l.quiet(); err != nil {
			return fullStatus{}, p.lost(l, op, err)
		}
	}
	if len(l.garbage) > 0 {
		return fullStatus{}, &fault.Error{Kind: fault.Garbled, Device: device, Op: op, Detail: "no full status", Raw: l.takeGarbage()}
	}
	return fullStatus{}, p.fail(fault.Silent, op, "no answer about the mouth", nil)
}

// attend looks at the mouth: a strip that nobody has taken in its time is drawn in, and what became of one that is
// gone is counted and told.
func (p *Printer) attend(l *line, op string) error {
	if p.profile.Presenter == nil {
		return nil
	}
	f, err := p.full(l, op)
	if err != nil {
		return err
	}
	m := &p.mouth
	switch now := time.Now(); {
	case f.ticket && !m.held:
		m.held, m.since, m.orders = true, now, 0
	case f.ticket && now.Sub(m.since) >= p.profile.Presenter.TakeTime && m.orders < retractMax && (m.orders == 0 || now.Sub(m.ordered) >= retractWait):
		return p.retract(l, op)
	case !f.ticket && m.held:
		p.gone()
	}
	p.showMouth()
	return nil
}

// retract tells the printer to draw in. From then on the strip cannot be taken any more, whoever pulls it.
func (p *Printer) retract(l *line, op string) error {
	p.mouth.orders++
	p.mouth.ordered = time.Now()
	p.log.Info("receipt", "strip", "nobody took it in time: it is drawn in", "order", p.mouth.orders)
	if err := l.send(p.profile.Presenter.Retract, writeLimit); err != nil {
		return p.lost(l, op, err)
	}
	return nil
}

// gone counts the strip that has left the mouth. One that was to be drawn in is never counted as taken, and one that
// was there before this program is counted only when it was drawn in.
func (p *Printer) gone() {
	m := &p.mouth
	what := "it left the mouth, and this program had not held it out"
	p.mu.Lock()
	switch {
	case p.stays():
		what = "it left the mouth by another hand than the printer's"
	case m.orders > 0:
		p.retracted++
		what = "it was drawn in: nobody has it"
	case m.ours:
		p.taken++
		what = "it was taken"
	}
	p.mu.Unlock()
	p.log.Info("receipt", "strip", what)
	m.held, m.ours, m.orders = false, false, 0
}

// stays says that a strip does not let itself be drawn in.
func (p *Printer) stays() bool {
	return p.mouth.held && p.mouth.orders == retractMax && time.Since(p.mouth.ordered) >= retractWait
}

// mouthFault is what is wrong there, nil when nothing is.
func (p *Printer) mouthFault(op string) *fault.Error {
	switch {
	case p.profile.Presenter == nil:
		return nil
	case p.mouth.believed.jam:
		return &fault.Error{Kind: fault.Jammed, Device: device, Op: op, Detail: "the presenter is stuck", Raw: append([]byte(nil), p.mouth.believed.raw[:]...)}
	case p.stays():
		return p.fail(fault.Jammed, op, "a strip that nobody took stays in the mouth", nil)
	}
	return nil
}

// showMouth puts what is known of the mouth into the state that others see.
func (p *Printer) showMouth() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.place = printer.MouthEmpty
	if p.mouth.held {
		p.place = printer.MouthHeld
	}
	p.state = p.withMouth(p.state)
}

// withMouth adds the mouth to a state. The caller holds the lock.
func (p *Printer) withMouth(s printer.RollState) printer.RollState {
	s.Mouth, s.Taken, s.Retracted = p.place, p.taken, p.retracted
	return s
}

// emptyMouth waits until the strip before has been taken or drawn in: a new one would push it out, for anybody.
func (p *Printer) emptyMouth(ctx context.Context, l *line, op string) error {
	for p.mouth.held {
		pause(ctx, mouthEvery)
		if ctx.Err() != nil {
			return p.fail(fault.Busy, op, "the strip before waits in the mouth", ctx.Err())
		}
		if err := p.attend(l, op); err != nil {
			return err
		}
		if f := p.mouthFault(op); f != nil {
			return f
		}
	}
	return nil
}

// present holds the strip that was cut out into the mouth, and proves it: the printer says that it is there.
func (p *Printer) present(l *line, op string) error {
	if p.profile.Presenter == nil {
		return nil
	}
	doubt := func(err error) error {
		p.mouth.ours = false
		return p.fail(fault.Doubtful, op, "the strip is cut and was not seen in the mouth", err)
	}
	p.mouth.ours = true
	if err := l.send(p.profile.Presenter.Present, writeLimit); err != nil {
		return doubt(p.lost(l, op, err))
	}
	for end := time.Now().Add(presentLimit); ; pause(context.Background(), mouthEvery) {
		if err := p.attend(l, op); err != nil {
			return doubt(err)
		}
		switch f := p.mouthFault(op); {
		case p.mouth.held:
			return nil
		case f != nil:
			p.mouth.ours = false
			return f // the printer says itself that it did not come out
		case !time.Now().Before(end):
			return doubt(errors.New("it does not come"))
		}
	}
}

// swallow draws in whatever is in the mouth and behind it, so that nobody gets it.
func (p *Printer) swallow(l *line, op string) error {
	if p.profile.Presenter == nil {
		return nil
	}
	p.mouth.ours = false
	if err := p.retract(l, op); err != nil {
		return err
	}
	// What hangs between the rollers is seen by no sensor: the marker says that the order has been worked off.
	if err := p.marker(l, op, presentLimit, true); err != nil {
		return err
	}
	for end := time.Now().Add(presentLimit); ; pause(context.Background(), mouthEvery) {
		if err := p.attend(l, op); err != nil {
			return err
		}
		switch f := p.mouthFault(op); {
		case f != nil:
			return f
		case !p.mouth.held && !p.mouth.believed.motor:
			p.mouth.orders = 0
			return nil
		case !time.Now().Before(end):
			return p.fail(fault.Jammed, op, "the leftover is not drawn in", nil)
		}
	}
}
