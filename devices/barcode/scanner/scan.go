package scanner

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"time"

	"yichuang/devices/fault"
)

// Scan makes the scanner look until it sees a code or ctx ends, and switches it off again. Before Run has
// tried to open the scanner it waits for that; while the scanner is not fit it returns the fault at once.
// A code that is no text is fault.Garbled: the person may show it again.
func (s *Scanner) Scan(ctx context.Context) (string, error) {
	select {
	case <-s.tried:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if err := s.take(ctx); err != nil {
		return "", err
	}
	defer func() { s.turn <- struct{}{} }()
	if s.line == nil {
		return "", s.Fault()
	}
	code, err := s.look(ctx)
	s.judge(ctx, err)
	if s.line != nil {
		// The light goes off even when nobody waits any more, or it would dazzle the next citizen.
		off, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		s.judge(off, s.line.order(off, s.orders.off, false))
	}
	return code, err
}

// look is one Scan with the scanner in hand.
func (s *Scanner) look(ctx context.Context) (string, error) {
	l := s.line
	if err := l.flush(ctx); err != nil {
		return "", fail(ctx, s.orders.on, err)
	}
	for {
		if err := l.send(ctx, s.orders.on); err != nil {
			return "", fail(ctx, s.orders.on, err)
		}
		code, err := s.await(ctx, l)
		if err != nil {
			return "", err
		}
		// No code: it is time to trigger once more. One that was just shown: the scanner has stopped looking after it.
		if code != "" && !s.shownJustNow(code) {
			return code, nil
		}
	}
}

// await waits for a code until it is time to trigger again, which it says by an empty one. The scanner
// must answer the trigger, or send a code, within ackWait; one missed answer is forgiven.
func (s *Scanner) await(ctx context.Context, l *line) (string, error) {
	answered, tries := s.orders.on.name == "", 1
	for {
		until := l.sent.Add(retrigger)
		if !answered {
			until = l.sent.Add(ackWait)
		}
		if len(l.buf) > 0 {
			until = l.came.Add(gapWait)
		}
		acks, err := l.read(ctx, until)
		quiet := errors.Is(err, os.ErrDeadlineExceeded)
		if err != nil && !quiet {
			return "", fail(ctx, s.orders.on, err)
		}
		if answer, ok := find(acks, s.orders.on); ok {
			if err := verdict(s.orders.on, answer, false); err != nil {
				return "", err
			}
			answered = true
		}
		if code, found, err := s.code(l, quiet); found || err != nil {
			return code, err
		}
		switch {
		case !quiet || len(l.buf) > 0 || time.Now().Before(l.sent.Add(ackWait)):
		case !answered && tries >= triesMax:
			return "", fail(ctx, s.orders.on, os.ErrDeadlineExceeded)
		case !answered:
			tries++
			if err := l.send(ctx, s.orders.on); err != nil {
				return "", fail(ctx, s.orders.on, err)
			}
		case !time.Now().Before(l.sent.Add(retrigger)):
			return "", nil
		}
	}
}

// code takes a code out of what has come. The fault of a code that cannot be used tells its length only:
// what citizens show may be personal.
func (s *Scanner) code(l *line, quiet bool) (string, bool, error) {
	if l.more && !quiet {
		return "", false, nil // half an answer to a command would pass for text
	}
	if quiet && l.more {
		l.buf, l.more = nil, false
		return "", false, nil
	}
	raw, ended, used, ok := cutCode(l.buf, quiet)
	l.buf = l.buf[used:]
	if len(raw) > codeMax || len(l.buf) > codeMax {
		return "", false, garbled("the code is longer than %d bytes", codeMax)
	}
	if !ok {
		return "", false, nil
	}
	if !ended && s.ends {
		return "", false, garbled("the code breaks off after %d bytes", len(raw))
	}
	s.ends = s.ends || ended
	t, is := text(raw)
	if !is {
		return "", false, garbled("%d bytes that are no text", len(raw))
	}
	return t, t != "", nil
}

// garbled is the fault of a code that cannot be used.
func garbled(format string, n int) error {
	return &fault.Error{Kind: fault.Garbled, Device: device, Op: "scan", Detail: fmt.Sprintf(format, n)}
}

// shownJustNow says whether the same code was accepted a moment ago, and remembers this one otherwise. Only
// a keyed hash is kept: a code may be personal.
func (s *Scanner) shownJustNow(code string) bool {
	h := maphash.String(s.seed, code)
	if h == s.last && time.Since(s.lastAt) < sameWait {
		return true
	}
	s.last, s.lastAt = h, time.Now()
	return false
}
