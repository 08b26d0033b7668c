package scannersim

import (
	"context"
	"io"
	"time"

	"yichuang/devices/mechanism"
)

const (
	late      = 1100 * time.Millisecond // hosts wait a second for an answer
	splitGap  = 30 * time.Millisecond   // the pause of a slow USB bridge; a longer one ends a code without CR
	partWait  = 500 * time.Millisecond  // half a command is forgotten after this
	chunksMax = 1024                    // chunks from the host that wait for the scanner
	resetSpan = 700 * time.Millisecond  // how long a restart takes
)

// Serve answers on a line until ctx ends, the line breaks or the plug is pulled (ErrUnplugged). The caller
// closes rw after it. One line at a time.
func (s *Scanner) Serve(ctx context.Context, rw io.ReadWriter) error {
	s.mu.Lock()
	pulled, plugged := s.pulled, s.plugged
	s.mu.Unlock()
	if !plugged {
		return ErrUnplugged
	}
	s.attach(1)
	defer s.attach(-1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in, broken := make(chan []byte, chunksMax), make(chan error, 1)
	go pump(ctx, rw, in, broken)
	line := &mechanism.Line{Device: device, W: rw, Faults: s.faults, Log: s.o.Log, Late: late, Gap: splitGap}
	var buf []byte
	for {
		part := time.NewTimer(partWait)
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-broken:
			return err
		case <-pulled:
			return ErrUnplugged
		case <-part.C:
			buf = nil
		case code := <-s.codes:
			if s.faults.Take("lost_reply") {
				s.o.Log.Add(device, "device", nil, "the code is lost on its way")
				continue
			}
			err = line.Answer(code, "a code")
		case chunk := <-in:
			buf, err = s.hear(ctx, append(buf, chunk...), line)
		}
		part.Stop()
		if err != nil {
			return err
		}
	}
}

// attach counts the lines that are served: without one nobody hears of a code.
func (s *Scanner) attach(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serving += n
}

// pump hands on what the host writes, so that a host never waits for a scanner that is busy.
func pump(ctx context.Context, rw io.Reader, in chan<- []byte, broken chan<- error) {
	for {
		b := make([]byte, 4096)
		n, err := rw.Read(b)
		if n > 0 {
			select {
			case in <- b[:n]:
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			broken <- err
			return
		}
	}
}

// hear carries out the commands in what has come and gives what is left.
func (s *Scanner) hear(ctx context.Context, buf []byte, line *mechanism.Line) ([]byte, error) {
	if !s.powered() {
		return nil, nil
	}
	for {
		c, rest := cut(buf)
		if c == nil {
			return rest, nil
		}
		buf = rest
		s.o.Log.Add(device, "host", c.frame, c.what())
		if s.faults.Take("reset") {
			s.mu.Lock()
			s.restart()
			s.mu.Unlock()
			s.o.Log.Add(device, "device", nil, "restarts instead of answering")
			t := time.NewTimer(resetSpan)
			defer t.Stop()
			select {
			case <-t.C:
			case <-ctx.Done():
			}
			return nil, ctx.Err()
		}
		answer := s.do(c)
		if answer == nil {
			continue
		}
		if err := line.Answer(answer, "answers "+c.what()); err != nil {
			return nil, err
		}
	}
}

func (s *Scanner) powered() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.power
}
