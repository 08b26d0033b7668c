// Package ippusb is the license printer of package ipp on USB: HTTP over pairs of bulk pipes, without a network and without
// the ipp-usb service.
//
// # Data sheet
//
// Facts from: USB Print Interface Class "IPP Protocol Specification" revision 1.0 (USB-IF, December 2012); RFC 8010 for what is
// carried. What is from memory of other programs (OpenPrinting's ipp-usb) is marked.
//
//   - Interface class 07, subclass 01, protocol 04, two such interfaces or more, each with a bulk pipe out and a bulk pipe in. On
//     each goes one HTTP/1.1 request at a time, and its answer to the end; several make it possible to ask while a document is
//     on its way. No TLS.
//   - The interface may have other settings (07/01/02 among them); that of protocol 04 is chosen.
//   - There are no connections. What a network does by closing one must be done otherwise:
//   - An answer that nobody waits for any more still comes. A pair whose answer was given up is read until it is silent before it is
//     used again, and IPP's own request-id tells a late answer from the right one.
//   - A request that broke off leaves the printer waiting for the rest. The device is then closed and reset.
//   - A program that died may have left either. So each opening reads the pipes until they are silent. (From memory: some printers
//     need a reset there; none is done.)
//   - The Host header must be there; its value is ours to choose ("localhost").
//
// The kernel's driver usblp may hold the interface; it gives way.
package ippusb

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"yichuang/devices/printer/ipp"
	"yichuang/devices/usbport"
	"yichuang/devices/wire"
)

// Class is the printer class with IPP.
var Class = usbport.Class{Class: 7, SubClass: 1, Protocol: 4}

const (
	// pairsMax: more than a poll and a job never run at a time, and each claimed pair costs memory in the printer.
	pairsMax = 2
	// quietAfter is the silence that says that no more of an old answer comes. Printers pause between two packets while they work.
	quietAfter = 300 * time.Millisecond
	// quietMax bounds the reading of old answers: all attributes of a big printer are 100 KB.
	quietMax = 1 << 20
	// answersMax bounds the interim answers (100 Continue) and the late ones before the right one.
	answersMax = 8
)

// New makes a printer at an address usb:VVVV:PPPP[:SERIAL]. Nothing is opened before Run.
func New(address string, o ipp.Options) (*ipp.Printer, error) {
	a, err := usbport.ParseAddress(address)
	o.Client = &http.Client{Transport: NewTransport(func() (Device, error) { return usbport.Open(a, Class, pairsMax) }),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return ipp.New("ipp://localhost/ipp/print", o), err
}

// Device is an open printer.
type Device interface {
	Ports() []wire.Port
	Spoil() // it is reset when it is closed
	Close() error
}

// Transport carries HTTP over a device's pairs of pipes. It is an http.RoundTripper.
type Transport struct {
	open func() (Device, error)

	mu  sync.Mutex // guards now
	now *session   // nil while the device is not open
}

// NewTransport makes a transport; open is called for the first request, and again after the device has failed.
func NewTransport(open func() (Device, error)) *Transport { return &Transport{open: open} }

// session is the device from one opening to its failing.
type session struct {
	device Device
	free   chan *pair
	gone   chan struct{}
	once   sync.Once
}

// pair is a pair of pipes.
type pair struct {
	port  wire.Port
	dirty bool // something of an old answer may still come
}

// RoundTrip sends a request and gives the answer; its body must be closed. An error of kind net.OpError "dial" says that nothing was
// sent.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	ctx := r.Context()
	s, p, err := t.take(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := s.exchange(ctx, p, r)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return answer, err
}

// take gives a clean pair of an open device.
func (t *Transport) take(ctx context.Context) (*session, *pair, error) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "usb", Err: err} }
	s, err := t.session()
	if err != nil {
		return nil, nil, dial(err)
	}
	select {
	case p := <-s.free:
		if err := p.clean(ctx); err != nil {
			p.dirty = true
			s.give(p, err)
			return nil, nil, dial(err)
		}
		return s, p, nil
	case <-s.gone:
		return nil, nil, dial(errors.New("the device has failed"))
	case <-ctx.Done():
		return nil, nil, dial(ctx.Err())
	}
}

// session gives the open device, opening it when it is not.
func (t *Transport) session() (*session, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now != nil {
		select {
		case <-t.now.gone:
		default:
			return t.now, nil
		}
	}
	t.now = nil
	d, err := t.open()
	if err != nil {
		return nil, err
	}
	ports := d.Ports()
	s := &session{device: d, free: make(chan *pair, len(ports)), gone: make(chan struct{})}
	for _, port := range ports {
		s.free <- &pair{port: port, dirty: true} // an earlier program may have left an answer
	}
	t.now = s
	return s, nil
}

// Close closes the device. A later request opens it again.
func (t *Transport) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now != nil {
		t.now.end()
		t.now = nil
	}
}

// CloseIdleConnections is what http.Client calls it.
func (t *Transport) CloseIdleConnections() { t.Close() }

// end closes the device.
func (s *session) end() {
	s.once.Do(func() {
		close(s.gone)
		s.device.Close() // what failed has been told
	})
}

// give takes a pair back after an error, or after none.
func (s *session) give(p *pair, err error) {
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		s.end()
	}
	s.free <- p
}

// clean reads what is left of an old answer until the pair is silent.
func (p *pair) clean(ctx context.Context) error {
	if !p.dirty {
		return nil
	}
	defer p.watch(ctx)()
	b := make([]byte, 4096)
	for n := 0; n < quietMax; {
		p.port.SetReadDeadline(time.Now().Add(quietAfter)) // an error comes from the Read
		k, err := p.port.Read(b)
		n += k
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, os.ErrDeadlineExceeded):
			p.dirty = false
			return nil
		case err != nil:
			return err
		}
	}
	return errors.New("the printer does not fall silent")
}

// watch breaks reads off when ctx ends. The stop that it gives waits until it is certain that it will not any more.
func (p *pair) watch(ctx context.Context) (stop func()) {
	broken := make(chan struct{})
	off := context.AfterFunc(ctx, func() {
		defer close(broken)
		p.port.SetReadDeadline(time.Now()) // the Read then ends
	})
	return func() {
		if !off() {
			<-broken
		}
	}
}

// exchange sends the request and reads the head of the answer.
func (s *session) exchange(ctx context.Context, p *pair, r *http.Request) (*http.Response, error) {
	p.port.SetReadDeadline(time.Time{}) // an error comes from the Read
	stop := p.watch(ctx)
	out := bufio.NewWriterSize(p.port, 16<<10)
	asked := r.WithContext(ctx)
	asked.Close = false // there is nothing to close
	sent := &beginning{}
	if r.Body != nil {
		sent.ReadCloser, asked.Body = r.Body, sent
	}
	err := asked.Write(out)
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		stop()
		s.device.Spoil() // it waits for the rest
		s.end()
		s.free <- p
		return nil, err
	}
	in := bufio.NewReaderSize(p.port, 16<<10)
	answer, err := read(in, r, sent.requestID())
	if err != nil {
		stop()
		p.dirty = true
		s.give(p, err)
		return nil, err
	}
	answer.Body = &body{ReadCloser: answer.Body, s: s, p: p, in: in, stop: stop}
	return answer, nil
}

// read reads the head of the final answer to r. Answers that carry the request-id of an earlier request are passed over: they came
// later than anybody waited for them.
func read(in *bufio.Reader, r *http.Request, want []byte) (*http.Response, error) {
	for range answersMax {
		answer, err := http.ReadResponse(in, r)
		if err != nil {
			return nil, err
		}
		if answer.StatusCode < 200 {
			continue
		}
		if answer.StatusCode != http.StatusOK || want == nil {
			return answer, nil
		}
		head := make([]byte, idEnd)
		n, err := io.ReadFull(answer.Body, head)
		if n < idEnd || bytes.Equal(head[idBegin:], want) {
			if err == io.ErrUnexpectedEOF {
				err = nil // a short answer is for the reader to judge
			}
			answer.Body = &again{io.MultiReader(bytes.NewReader(head[:n]), answer.Body), answer.Body}
			return answer, err
		}
		if _, err := io.Copy(io.Discard, io.LimitReader(answer.Body, quietMax)); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("no answer to this request")
}

// The request-id's place in a message (RFC 8010, §3.1.1).
const (
	idBegin = 4
	idEnd   = 8
)

// beginning is a body that keeps its first bytes as they are sent: it need not be one that can be read twice.
type beginning struct {
	io.ReadCloser
	head []byte
}

func (b *beginning) Read(to []byte) (int, error) {
	n, err := b.ReadCloser.Read(to)
	b.head = append(b.head, to[:min(n, idEnd-len(b.head))]...)
	return n, err
}

// requestID is the id that was sent, nil when the body was too short for one.
func (b *beginning) requestID() []byte {
	if len(b.head) < idEnd {
		return nil
	}
	return b.head[idBegin:]
}

// again is a body whose beginning was read already.
type again struct {
	io.Reader
	io.Closer
}

// body is the body of an answer, which gives the pair back.
type body struct {
	io.ReadCloser
	s    *session
	p    *pair
	in   *bufio.Reader
	stop func()
	err  error // why reading ended
	once sync.Once
}

func (b *body) Read(to []byte) (int, error) {
	n, err := b.ReadCloser.Read(to)
	if err != nil {
		b.err = err
	}
	return n, err
}

// Close gives the pair back: clean after a whole answer with nothing behind it.
func (b *body) Close() error {
	b.once.Do(func() {
		if b.err == nil {
			_, b.err = b.ReadCloser.Read(make([]byte, 1)) // a body of no length ends here
			if b.err == nil {
				b.err = os.ErrDeadlineExceeded // there is more, and nobody wants it
			}
		}
		b.stop()
		b.p.dirty = b.err != io.EOF || b.in.Buffered() > 0
		if b.err == io.EOF {
			b.err = nil
		}
		b.s.give(b.p, b.err)
	})
	return nil
}
