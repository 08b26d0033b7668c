package sdtsim

import (
	"context"
	"io"
	"time"

	"yichuang/devices/mechanism"
)

const (
	lateShort  = 1100 * time.Millisecond // hosts wait a second for a short answer
	lateLong   = 5100 * time.Millisecond // and five for a read
	splitGap   = 80 * time.Millisecond   // the pause of a slow USB bridge
	partWait   = 500 * time.Millisecond  // half a request is forgotten after this
	queueMax   = 1024                    // chunks from the host that wait for the reader
	resetSpan  = 700 * time.Millisecond  // how long a restart takes
	paceBytes  = 16                      // bytes written at a time when the line has a pace
	bitsOfByte = 10                      // start, eight, stop
)

// Serve answers on a line until ctx ends, the line breaks or the plug is pulled (ErrUnplugged). The caller
// closes rw after it. One line at a time.
func (r *Reader) Serve(ctx context.Context, rw io.ReadWriter) error { return r.ServeAt(ctx, rw, 0) }

// ServeAt is Serve on a line whose other end speaks at a speed; at another speed than the reader's it
// hears only noise. 0 is always right.
func (r *Reader) ServeAt(ctx context.Context, rw io.ReadWriter, baud int) error {
	r.mu.Lock()
	pulled, plugged := r.pulled, r.plugged
	r.mu.Unlock()
	if !plugged {
		return ErrUnplugged
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in, broken := make(chan []byte, queueMax), make(chan error, 1)
	go pump(ctx, rw, in, broken)
	line := &mechanism.Line{Device: device, W: &paced{w: rw, r: r}, Faults: r.faults, Log: r.o.Log, Late: lateShort, Gap: splitGap}
	var buf []byte
	for {
		part := time.NewTimer(partWait)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-broken:
			return err
		case <-pulled:
			return ErrUnplugged
		case <-part.C:
			buf = nil
			continue
		case chunk := <-in:
			part.Stop()
			if r.deaf(baud) {
				continue
			}
			buf = append(buf, chunk...)
		}
		for q := (*request)(nil); ; {
			if q, buf = cut(buf); q == nil {
				break
			}
			if err := r.serve(ctx, q, line, pulled); err != nil {
				return err
			}
		}
	}
}

// pump hands on what the host writes, so that a host never waits for a reader that is busy.
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

// deaf says whether bytes at this speed reach the reader's wits.
func (r *Reader) deaf(baud int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.power || baud != 0 && baud != r.baud
}

// serve does what one request asks for and answers it.
func (r *Reader) serve(ctx context.Context, q *request, line *mechanism.Line, pulled <-chan struct{}) error {
	r.o.Log.Add(device, "host", q.frame, "")
	if r.o.Pace {
		r.wait(ctx, r.airtime(len(q.frame)+2), nil)
	}
	if r.faults.Take("reset") {
		r.mu.Lock()
		r.restart()
		r.mu.Unlock()
		r.o.Log.Add(device, "device", nil, "restarts instead of answering")
		r.wait(ctx, resetSpan, pulled)
		return ctx.Err()
	}
	out, what := r.do(ctx, q, pulled)
	line.Late = lateShort
	if q.cmd == 0x30 {
		line.Late = lateLong
		if out[9] == swGood && r.faults.Take("lost_reply") {
			r.o.Log.Add(device, "device", nil, "the answer is lost: "+what)
			return nil
		}
	}
	if r.deaf(0) || ctx.Err() != nil {
		return ctx.Err()
	}
	err := line.Answer(out, what)
	if q.cmd == 0x60 && out[9] == swGood {
		r.mu.Lock()
		r.baud = bauds[q.para]
		r.mu.Unlock()
	}
	return err
}

// bauds are the speeds of command 60.
var bauds = [...]int{115200, 57600, 38400, 19200, 9600}

// airtime is how long so many bytes take on the line.
func (r *Reader) airtime(n int) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Duration(n) * bitsOfByte * time.Second / time.Duration(r.baud)
}

// wait passes time and says whether all of it passed before the stop.
func (r *Reader) wait(ctx context.Context, d time.Duration, stop <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-stop:
		return false
	case <-ctx.Done():
		return false
	}
}

// paced writes at the pace of the line when the options ask for it.
type paced struct {
	w io.Writer
	r *Reader
}

// Write writes b whole.
func (p *paced) Write(b []byte) (int, error) {
	if !p.r.o.Pace {
		return p.w.Write(b)
	}
	written, due := 0, time.Now()
	for written < len(b) {
		part := b[written:min(len(b), written+paceBytes)]
		due = due.Add(p.r.airtime(len(part))) // from the first byte on: sleeps that are a little too long do not add up
		time.Sleep(time.Until(due))
		n, err := p.w.Write(part)
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}
