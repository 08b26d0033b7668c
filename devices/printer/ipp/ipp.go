package ipp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/OpenPrinting/goipp"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
)

// device names this class in faults.
const device = "license"

// Options are what New may be told; the zero value is usual.
type Options struct {
	Client *http.Client // nil: a plain one. Pinning the certificate of an ipps printer is done here
	User   string       // requesting-user-name; "kiosk" when ""
}

// Printer is one license printer. It is a printer.Sheets.
type Printer struct {
	post     string // http(s) address
	uri      string // printer-uri
	uriFault error
	client   *http.Client
	user     string
	next     atomic.Uint32

	mu     sync.Mutex
	state  printer.SheetState
	info   printer.SheetInfo
	counts bool // a job's counters have been seen
	known  map[string]expectation
}

// New makes a driver. uri is that of the printer: ipp://HOST[:631]/ipp/print, ipps, http or https.
func New(uri string, o Options) *Printer {
	p := &Printer{client: o.Client, user: o.User, known: map[string]expectation{}}
	if p.client == nil {
		p.client = plainClient()
	}
	if p.user == "" {
		p.user = "kiosk"
	}
	p.post, p.uri, p.uriFault = addresses(uri)
	p.info.Protocol = "ipp"
	p.state.Fault = p.fail(fault.Absent, "open", "not asked yet", p.uriFault)
	return p
}

// plainClient goes straight to the printer: no proxy, no redirection, few connections, as a USB printer has.
func plainClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{MaxConnsPerHost: 2},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// addresses gives where to post and what to call the printer: IPP's own port is 631.
func addresses(uri string) (post, name string, err error) {
	u, err := url.Parse(uri)
	if err != nil {
		return "", "", err
	}
	schemes := map[string][3]string{"ipp": {"http", "ipp", "631"}, "ipps": {"https", "ipps", "631"},
		"http": {"http", "ipp", "80"}, "https": {"https", "ipps", "443"}}
	s, ok := schemes[u.Scheme]
	if !ok || u.Hostname() == "" {
		return "", "", fmt.Errorf("printer address %q: want ipp://HOST/ipp/print", uri)
	}
	port := u.Port()
	if port == "" {
		port = s[2]
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/ipp/print"
	}
	u.Host = net.JoinHostPort(u.Hostname(), port)
	u.Scheme = s[0]
	post = u.String()
	u.Scheme = s[1]
	return post, u.String(), nil
}

// Run asks the printer's state every few seconds until ctx ends.
func (p *Printer) Run(ctx context.Context) error {
	defer p.client.CloseIdleConnections()
	for misses := 0; ctx.Err() == nil; pause(ctx, pollEvery) {
		_, err := p.refresh(ctx, "poll")
		if err == nil {
			misses = 0
			continue
		}
		misses++
		var f *fault.Error
		if misses >= missesMax && ctx.Err() == nil && errors.As(err, &f) {
			p.mu.Lock()
			p.state.Online, p.state.Fault = false, f
			p.mu.Unlock()
		}
	}
	return ctx.Err()
}

// refresh asks for the printer's attributes and keeps what they say.
func (p *Printer) refresh(ctx context.Context, op string) (snapshot, error) {
	m := p.request(goipp.OpGetPrinterAttributes)
	m.Operation.Add(keyword("requested-attributes", "all"))
	a, err := p.call(ctx, op, m, nil, answerLimit)
	if err != nil {
		return snapshot{}, err
	}
	if err := p.accepted(a, op); err != nil {
		return snapshot{}, err
	}
	s := readPrinter(a.Printer, time.Now())
	if s.state < 3 || s.state > 5 {
		return snapshot{}, p.fail(fault.Garbled, op, fmt.Sprintf("printer-state %d", s.state), nil)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.info.Counts = (s.info.Counts || p.counts) && !s.info.Queue
	p.info = s.info
	p.state = printer.SheetState{Online: true, Stopped: s.state == 5, Reasons: s.reasons, Trays: s.trays, TonerLow: s.tonerLow, Fault: s.fault(op, false)}
	if hasJam(s.reasons) {
		for name, e := range p.known {
			e.jammed = e.jammed || !e.over
			p.known[name] = e
		}
	}
	return s, nil
}

func hasJam(reasons []string) bool {
	for _, r := range reasons {
		if base, _ := severity(r); base == "media-jam" {
			return true
		}
	}
	return false
}

func (p *Printer) request(op goipp.Op) *goipp.Message {
	return request(op, p.next.Add(1), p.uri, p.user)
}

// call posts one request and reads its answer. Silent and Garbled leave open whether it was carried out;
// Absent means that it never got there.
func (p *Printer) call(ctx context.Context, op string, m *goipp.Message, doc []byte, limit time.Duration) (*goipp.Message, error) {
	if p.uriFault != nil {
		return nil, p.fail(fault.Invalid, op, "", p.uriFault)
	}
	head, err := m.EncodeBytes()
	if err != nil {
		return nil, p.fail(fault.Invalid, op, "cannot be put into IPP", err)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.post, io.MultiReader(bytes.NewReader(head), bytes.NewReader(doc)))
	if err != nil {
		return nil, p.fail(fault.Invalid, op, "", err)
	}
	// Each question has a connection of its own: an answer that comes twice ends with it. On a connection that is kept, the second
	// one is taken for the answer to the next question when that is asked in the instant before it is read.
	r.Close = true
	r.ContentLength = int64(len(head) + len(doc))
	r.Header.Set("Content-Type", goipp.ContentType)
	answer, err := p.client.Do(r)
	if err != nil {
		var dial *net.OpError
		if errors.As(err, &dial) && dial.Op == "dial" {
			return nil, p.fail(fault.Absent, op, "no connection", err)
		}
		return nil, p.fail(fault.Silent, op, "no answer", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, p.httpFault(op, answer.StatusCode)
	}
	raw, err := io.ReadAll(io.LimitReader(answer.Body, answerMax))
	if err != nil {
		return nil, p.fail(fault.Silent, op, "the answer broke off", err)
	}
	if t, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";"); strings.TrimSpace(t) != goipp.ContentType {
		return nil, p.fail(fault.Garbled, op, fmt.Sprintf("an answer of type %q", t), nil)
	}
	a, err := decodeAnswer(raw, m.RequestID)
	if err != nil {
		return nil, &fault.Error{Kind: fault.Garbled, Device: device, Op: op, Detail: "an answer that is no IPP", Raw: raw[:min(len(raw), 64)], Err: err}
	}
	return a, nil
}

// httpFault is for answers below IPP, which itself always comes with 200 (RFC 8010, 3.4.3).
func (p *Printer) httpFault(op string, code int) error {
	detail := fmt.Sprintf("HTTP %d %s", code, http.StatusText(code))
	switch {
	case code == http.StatusServiceUnavailable:
		return p.fail(fault.Busy, op, detail, nil)
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusUpgradeRequired:
		return p.fail(fault.Broken, op, detail+": the printer wants another way in", nil)
	case code >= 500:
		return p.fail(fault.Garbled, op, detail, nil)
	}
	return p.fail(fault.Invalid, op, detail+": is the address right?", nil)
}

// accepted turns an IPP status into a fault; nil for success without substitution.
func (p *Printer) accepted(a *goipp.Message, op string) error {
	status := goipp.Status(a.Code)
	detail := status.String()
	if note := text(a.Operation, "status-message"); note != "" {
		detail += ": " + note
	}
	for _, u := range a.Unsupported {
		detail += " " + u.Name
	}
	switch status {
	case goipp.StatusOk:
		return nil
	case goipp.StatusOkIgnoredOrSubstituted, goipp.StatusOkConflicting:
		if len(a.Unsupported) == 0 {
			return nil
		}
		return p.fail(fault.Invalid, op, detail, nil)
	case goipp.StatusErrorBusy, goipp.StatusErrorTemporary, goipp.StatusErrorNotAcceptingJobs, goipp.StatusErrorServiceUnavailable,
		goipp.StatusErrorTooManyJobs, goipp.StatusErrorTimeout:
		return p.fail(fault.Busy, op, detail, nil)
	case goipp.StatusErrorNotAuthenticated, goipp.StatusErrorNotAuthorized, goipp.StatusErrorForbidden, goipp.StatusErrorInternal,
		goipp.StatusErrorDevice, goipp.StatusErrorPrinterIsDeactivated:
		return p.fail(fault.Broken, op, detail, nil)
	}
	if status < goipp.StatusErrorBadRequest { // 0002-00FF: success with a remark
		return nil
	}
	return p.fail(fault.Invalid, op, detail, nil)
}

func (p *Printer) fail(kind fault.Kind, op, detail string, err error) *fault.Error {
	return &fault.Error{Kind: kind, Device: device, Op: op, Detail: detail, Err: err}
}

// Info is what the printer said of itself.
func (p *Printer) Info() printer.SheetInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.info
}

// State is the last that was learned.
func (p *Printer) State() printer.SheetState {
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
