package scanner

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"yichuang/devices/barcode"
	"yichuang/devices/fault"
	"yichuang/devices/wire"
)

// Options are what differs between scanners. The zero value is a Newland one.
type Options struct{ Dialect Dialect }

// Scanner is a code scanner. Its Run keeps the line open; Scan asks for a code.
type Scanner struct {
	open   wire.Opener
	orders orders
	info   barcode.Info
	turn   chan struct{} // holds a token: one goroutine at a time speaks to the scanner

	// Held with the turn.
	line   *line
	ends   bool // this scanner sends an end after a code
	seed   maphash.Seed
	last   uint64 // hash of the last code accepted
	lastAt time.Time

	tried chan struct{} // closed after the first attempt to open
	lost  chan struct{} // tells Run that the line is gone

	mu    sync.Mutex // guards the field below
	fault *fault.Error
}

// New makes a scanner that opens its line with open. Nothing happens before Run.
func New(open wire.Opener, o Options) *Scanner {
	s := &Scanner{open: open, orders: ordersOf(o.Dialect), info: barcode.Info{Protocol: "scanner", Maker: "Newland"},
		turn: make(chan struct{}, 1), tried: make(chan struct{}), lost: make(chan struct{}, 1), seed: maphash.MakeSeed(),
		fault: &fault.Error{Kind: fault.Absent, Device: device, Op: "open", Detail: "not opened yet"}}
	if o.Dialect == Honeywell {
		s.info.Maker = "Honeywell"
	}
	s.turn <- struct{}{}
	return s
}

// Info is the dialect's maker; these scanners do not say more in a way that all share.
func (s *Scanner) Info() barcode.Info { return s.info }

// Fault is nil while the scanner answers.
func (s *Scanner) Fault() *fault.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}

// Run opens the scanner, asks now and then whether it is still there, and opens it again when it is not.
// It is called once.
func (s *Scanner) Run(ctx context.Context) error {
	first := sync.OnceFunc(func() { close(s.tried) })
	defer first() // after hangUp, so that a Scan that waits hears that the scanner is closed
	defer s.hangUp()
	for ctx.Err() == nil {
		err := s.connect(ctx)
		if ctx.Err() == nil {
			first()
		}
		if err == nil {
			s.watch(ctx)
		}
		sleep(ctx, reopenWait)
	}
	return ctx.Err()
}

// hangUp closes the line at the end of Run.
func (s *Scanner) hangUp() {
	<-s.turn
	defer func() { s.turn <- struct{}{} }()
	if s.line != nil {
		s.line.port.Close() // nothing is buffered; the port is gone either way
		s.line = nil
	}
	s.note(&fault.Error{Kind: fault.Absent, Device: device, Op: "open", Detail: "closed"})
}

// take waits for the turn.
func (s *Scanner) take(ctx context.Context) error {
	select {
	case <-s.turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// connect opens the line and makes sure that the scanner looks only when triggered, and not now.
func (s *Scanner) connect(ctx context.Context) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer func() { s.turn <- struct{}{} }()
	port, err := s.open()
	if err != nil {
		err = &fault.Error{Kind: fault.Absent, Device: device, Op: "open", Err: err}
		s.note(err)
		return err
	}
	l := &line{port: port}
	err = l.flush(ctx)
	if err == nil && len(s.orders.mode.bytes) > 0 {
		err = l.order(ctx, s.orders.mode, true)
	}
	if err == nil {
		err = l.order(ctx, s.orders.off, false)
	}
	if err != nil {
		port.Close() // the fault is what matters
		if ctx.Err() == nil {
			s.note(fail(ctx, command{}, err))
		}
		return err
	}
	s.line = l
	s.note(nil)
	return nil
}

// note remembers whether the scanner is fit.
func (s *Scanner) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = nil
	if f, is := err.(*fault.Error); is {
		s.fault = f
	}
}

// watch returns when the line is lost or ctx ends. While nobody scans it tells the scanner once more not
// to look: the answer shows that it is there.
func (s *Scanner) watch(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.lost:
			return
		case <-time.After(idleEvery):
		}
		if s.take(ctx) != nil {
			return
		}
		if s.line != nil {
			err := s.line.flush(ctx)
			if err == nil {
				err = s.line.order(ctx, s.orders.off, false)
			}
			if err != nil {
				s.judge(ctx, fail(ctx, s.orders.off, err))
			}
		}
		s.turn <- struct{}{}
	}
}

// judge drops the line when err says that the scanner is not fit. A garbled code is the symbol's or the
// moment's, not the scanner's. It is called with the turn.
func (s *Scanner) judge(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil || fault.Is(err, fault.Garbled) {
		return
	}
	s.note(err)
	s.line.port.Close() // the fault above is what matters
	s.line = nil
	select {
	case s.lost <- struct{}{}:
	default:
	}
}

// sleep waits and says whether the full time has passed.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
