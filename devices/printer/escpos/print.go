package escpos

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
)

// Print puts a strip on paper and cuts it; see printer.Roll for what the errors mean. While an unfinished
// strip hangs in the printer it answers Busy and does nothing: read Cuts and call Clear first, so that no cut
// of ours is ever taken for that of a finished strip.
func (p *Printer) Print(ctx context.Context, strip printer.Strip) error {
	segments, err := compose(strip, p.profile)
	if err != nil {
		return p.fail(fault.Invalid, "print", "", err)
	}
	l, before, err := p.begin(ctx, "print")
	if err != nil {
		return err
	}
	defer p.end()
	if p.State().Unfinished {
		return p.fail(fault.Busy, "print", "an unfinished strip hangs in the printer and must be cleared first", nil)
	}
	if err := p.emptyMouth(ctx, l, "print"); err != nil {
		return err
	}
	p.setUnfinished(true)
	if err := p.content(ctx, l, segments); err != nil {
		p.forget(l)
		return err
	}
	if err := p.cut(ctx, l, "print", before); err != nil {
		return err
	}
	// A strip that is cut and not held out is still between the rollers: it hangs there as half a strip does.
	if err := p.present(l, "print"); err != nil {
		return err
	}
	p.setUnfinished(false)
	return nil
}

// Clear cuts off what an unfinished strip left in the printer, so that the next one begins on clean paper.
// Read Cuts before: this cut counts too. It may be called at any time; without a leftover it cuts off a blank.
func (p *Printer) Clear(ctx context.Context) error {
	l, before, err := p.begin(ctx, "clear")
	if err != nil {
		return err
	}
	defer p.end()
	// A command may have broken off; after it, ESC @ forgets the line that was begun.
	if err := l.load(make([]byte, fillBytes)); err != nil {
		return p.lost(l, "clear", err)
	}
	if err := l.send(cmdInit, writeLimit); err != nil {
		return p.lost(l, "clear", err)
	}
	if err := p.cut(ctx, l, "clear", before); err != nil {
		return err
	}
	if err := p.swallow(l, "clear"); err != nil {
		return err
	}
	p.setUnfinished(false)
	return nil
}

// Cuts is the printer's lifetime count of cuts. Where there is a presenter the cut is not the end of a strip, and a
// count that says more would be believed too much.
func (p *Printer) Cuts(ctx context.Context) (n int64, ok bool, err error) {
	if !p.profile.HasCuts || p.profile.Presenter != nil {
		return 0, false, nil
	}
	_, n, err = p.begin(ctx, "cuts")
	if err != nil {
		return 0, false, err
	}
	p.end()
	return n, true, nil
}

// begin takes the line, makes sure that the printer is fit and reads the count of cuts (0 where there is
// none). Without an error the caller must end.
func (p *Printer) begin(ctx context.Context, op string) (l *line, cuts int64, err error) {
	if err := p.take(ctx); err != nil {
		return nil, 0, p.fail(fault.Busy, op, "the printer is in use", err)
	}
	defer func() {
		if err != nil {
			p.end()
		}
	}()
	if l = p.current(); l == nil {
		return nil, 0, p.fail(fault.Absent, op, "the printer is not connected", nil)
	}
	s, err := p.look(l, op, 1)
	p.report(s, err)
	if err != nil {
		return nil, 0, err
	}
	f := s.fault(op)
	if f == nil {
		if err := p.attend(l, op); err != nil {
			return nil, 0, err
		}
		f = p.mouthFault(op)
	} else if f.Kind == fault.Jammed && op == "clear" {
		// The cause is gone or not; only this command ends an error of the cutter.
		if err := l.send(cmdClearError, writeLimit); err != nil {
			return nil, 0, p.lost(l, op, err)
		}
		pause(ctx, recoverWait)
		if s, err = p.status(l, op); err != nil {
			return nil, 0, err
		}
		f = s.fault(op)
	}
	if f != nil {
		return nil, 0, f
	}
	if !p.settled() {
		err = p.settle(l)
	} else {
		err = p.catchUp(l, op)
	}
	if err != nil {
		return nil, 0, err
	}
	if p.profile.HasCuts {
		if cuts, err = p.countCuts(l, op, markerLimit); err != nil {
			return nil, 0, err
		}
	}
	return l, cuts, nil
}

func (p *Printer) end() { p.turn <- struct{}{} }

// content sends the strip and waits until the printer says that it has worked it off. No error of this
// part leaves doubt: nothing has been cut. After each segment goes a question about the state, and its answer is
// awaited when the next segment is on its way: so the line never rests, and one question is open at a time.
func (p *Printer) content(ctx context.Context, l *line, segments []segment) error {
	var paper time.Duration
	for i, s := range segments {
		if ctx.Err() != nil {
			return p.fail(fault.Busy, "print", "given up before the cut", ctx.Err())
		}
		if err := l.load(s.data); err != nil {
			return p.lost(l, "print", err)
		}
		paper += time.Duration(s.rows) * rowTime
		if i > 0 {
			if err := p.stillFit(l, "print"); err != nil {
				return err
			}
		}
		if i == len(segments)-1 {
			break // the marker asks for more
		}
		if err := l.question(cmdStatus(1), answerRealTime); err != nil {
			return p.lost(l, "print", err)
		}
	}
	// The marker is not asked again: after a restart in between the printer would answer it all the same.
	return p.marker(l, "print", paper+markerLimit, true)
}

// stillFit takes the answer to the question behind a segment. None at all means that the printer may have lost power
// and forgotten what it had.
func (p *Printer) stillFit(l *line, op string) error {
	a, err := l.answer(answerRealTime, l.due(answerLimit))
	switch {
	case err != nil && !isTimeout(err):
		return p.lost(l, op, err)
	case err != nil:
		l.missed++
		if err := l.quiet(); err != nil {
			return p.lost(l, op, err)
		}
		f := p.fail(fault.Silent, op, "an unanswered status request: the printer may have restarted", nil)
		p.report(status{}, f)
		return f
	case p.asked && a.raw[0] == p.believed.raw[0]:
		l.answered(answerRealTime)
		return nil
	}
	l.answered(answerRealTime)
	missed := l.missed
	s, err := p.status(l, op)
	p.report(s, err)
	switch {
	case err != nil:
		return err
	case l.missed > missed:
		return p.fail(fault.Silent, op, "an unanswered status request: the printer may have restarted", nil)
	}
	if f := s.fault(op); f != nil {
		return f
	}
	return nil
}

// forget makes the printer drop what it has not printed of an abandoned strip. A printer that cannot do that
// prints it when it is fit again, without a cut; Clear then cuts it off.
func (p *Printer) forget(l *line) {
	if !p.profile.HasClear || p.current() != l {
		return
	}
	if err := l.send(cmdForget, writeLimit); err != nil {
		p.lost(l, "print", err) // the strip has its fault already
		return
	}
	if _, err := l.answer(answerCleared, time.Now().Add(blockLimit)); err == nil {
		l.owed = 0
	}
}

// cut cuts and proves it: by the count where there is one, else by an answer that comes only after the cut.
func (p *Printer) cut(ctx context.Context, l *line, op string, before int64) error {
	if ctx.Err() != nil {
		return p.fail(fault.Busy, op, "given up before the cut", ctx.Err())
	}
	doubt := func(err error) error {
		return p.fail(fault.Doubtful, op, "the cut was sent and is not proven", err)
	}
	// The command goes out alone: a program that is killed has sent all of it or nothing.
	if err := l.send(cmdCut, writeLimit); err != nil {
		return doubt(p.lost(l, op, err))
	}
	if p.profile.HasCuts {
		after, err := p.countCuts(l, op, cutLimit)
		if err == nil && after == before {
			// A late answer to the question before the cut looks the same.
			if after, err = before, l.quiet(); err == nil {
				after, err = p.countCuts(l, op, cutLimit)
			}
		}
		switch {
		case fault.Is(err, fault.Jammed):
			return err // the printer says itself that the cut failed
		case err != nil:
			return doubt(err)
		case after == before:
			return p.fail(fault.Jammed, op, "the cutter did not move", nil)
		case after != before+1:
			return doubt(fmt.Errorf("%d cuts before, %d after", before, after))
		}
		return nil
	}
	err := p.marker(l, op, cutLimit, true)
	if err == nil {
		var s status
		if s, err = p.status(l, op); err == nil && (s.cutter || s.mechanical) {
			return s.fault(op)
		}
	}
	if fault.Is(err, fault.Jammed) {
		return err
	}
	if err != nil {
		return doubt(err)
	}
	return nil
}

// countCuts asks GS g 2. Asking again is harmless here: the number itself is the proof.
func (p *Printer) countCuts(l *line, op string, limit time.Duration) (int64, error) {
	var err error
	for range triesMax {
		if err := l.question(cmdCutCount, answerBlock); err != nil {
			return 0, p.lost(l, op, err)
		}
		var a answer
		a, err = p.await(l, op, answerBlock, limit, false)
		if err == nil {
			var n int64
			if n, err = parseCount(a.raw); err == nil {
				l.answered(answerBlock)
				return n, nil
			}
			err = &fault.Error{Kind: fault.Garbled, Device: device, Op: op, Detail: "the count of cuts", Raw: a.raw, Err: err}
		}
		if !fault.Is(err, fault.Silent) && !fault.Is(err, fault.Garbled) {
			return 0, err
		}
		if err := l.quiet(); err != nil {
			return 0, p.lost(l, op, err)
		}
	}
	return 0, err
}

// parseCount reads 1 to 10 digits.
func parseCount(b []byte) (int64, error) {
	if len(b) < 1 || len(b) > 10 {
		return 0, fmt.Errorf("%d digits", len(b))
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("byte %#x is no digit", c)
		}
	}
	return strconv.ParseInt(string(b), 10, 64)
}
