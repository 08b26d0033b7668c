package ippsim

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/OpenPrinting/goipp"
)

// path is where the printer listens.
const path = "/ipp/print"

// Handler is the printer's network socket. A connection to a printer that is off or unplugged breaks.
func (p *Printer) Handler() http.Handler { return http.HandlerFunc(p.serve) }

// request is a decoded request with what the answer needs.
type request struct {
	msg  goipp.Message
	doc  []byte
	host string
}

func (r *request) op() goipp.Op { return goipp.Op(r.msg.Code) }

// changes says whether the operation does something that a lost answer leaves in doubt.
func (r *request) changes() bool {
	switch r.op() {
	case goipp.OpPrintJob, goipp.OpCreateJob, goipp.OpSendDocument, goipp.OpCancelJob, goipp.OpCloseJob, goipp.OpCancelMyJobs:
		return true
	}
	return false
}

func (p *Printer) reachable() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.power && !p.faults.On("unplug")
}

func (p *Printer) serve(w http.ResponseWriter, hr *http.Request) {
	if !p.reachable() {
		panic(http.ErrAbortHandler)
	}
	switch {
	case hr.URL.Path != path && !strings.HasPrefix(hr.URL.Path, path+"/"):
		http.Error(w, "not found", http.StatusNotFound)
		return
	case hr.Method != http.MethodPost:
		w.Header().Set("Allow", "POST")
		http.Error(w, "POST only", http.StatusMethodNotAllowed)
		return
	case hr.Header.Get("Content-Type") != goipp.ContentType:
		http.Error(w, "application/ipp only", http.StatusUnsupportedMediaType)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, hr.Body, documentMax))
	if err != nil {
		panic(http.ErrAbortHandler) // the document broke off: nothing of it counts
	}
	switch {
	case p.faults.Take("silence"):
		p.opts.Log.Add(device, "device", nil, "stays silent")
		<-hr.Context().Done()
		panic(http.ErrAbortHandler)
	case p.faults.Take("http_500"):
		p.opts.Log.Add(device, "device", nil, "HTTP 500")
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	r := &request{host: hr.Host}
	var answer *goipp.Message
	in := bytes.NewReader(body)
	if err := r.msg.Decode(in); err != nil {
		p.opts.Log.Add(device, "host", body[:min(len(body), 512)], "a request that cannot be read: "+err.Error())
		answer = goipp.NewResponse(goipp.MakeVersion(2, 0), goipp.StatusErrorBadRequest, requestID(body))
		addCharset(answer)
	} else {
		r.doc = body[len(body)-in.Len():]
		p.opts.Log.Add(device, "host", body[:len(body)-in.Len()], fmt.Sprintf("%s, %d bytes of document", r.op(), len(r.doc)))
		answer = p.obey(r)
	}
	out, err := answer.EncodeBytes()
	if err != nil {
		panic("ippsim: an answer that cannot be encoded: " + err.Error())
	}
	p.answer(w, hr, r, out, goipp.Status(answer.Code).String())
}

// requestID reads the id of a request whose attributes cannot be read.
func requestID(body []byte) uint32 {
	if len(body) < 8 {
		return 0
	}
	return uint32(body[4])<<24 | uint32(body[5])<<16 | uint32(body[6])<<8 | uint32(body[7])
}

// answer sends the bytes and lets the armed faults befall them.
func (p *Printer) answer(w http.ResponseWriter, hr *http.Request, r *request, out []byte, what string) {
	if !p.reachable() || r.changes() && p.faults.Take("lost_reply") {
		p.opts.Log.Add(device, "device", nil, "loses its answer: "+what)
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", goipp.ContentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(out)))
	flush := func() {
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
	}
	switch {
	case p.faults.Take("late"):
		p.opts.Log.Add(device, "device", nil, "answers late: "+what)
		select {
		case <-hr.Context().Done():
		case <-time.After(lateBy):
		}
	case p.faults.Take("truncate"):
		w.Write(out[:len(out)/2]) // the line breaks in any case
		flush()
		panic(http.ErrAbortHandler)
	case p.faults.Take("garble"):
		for i := range out {
			out[i] ^= 0x55
		}
	case p.faults.Take("split"):
		w.Write(out[:len(out)/2]) // a broken line shows at the second half
		flush()
		time.Sleep(splitGap)
		out = out[len(out)/2:]
	}
	p.opts.Log.Add(device, "device", out[:min(len(out), 512)], what)
	switch w := w.(type) {
	case http.Hijacker:
		if p.faults.Take("double") {
			p.twice(w, out)
			return
		}
	case *pairWriter:
		if p.faults.Take("double") {
			w.double()
		}
	}
	w.Write(out) // the host may be gone
}

// twice sends an answer two times on one connection: the second one answers nothing.
func (p *Printer) twice(h http.Hijacker, out []byte) {
	conn, _, err := h.Hijack()
	if err != nil {
		return // the host is gone
	}
	defer conn.Close()
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", goipp.ContentType, len(out))
	once := append([]byte(head), out...)
	conn.Write(append(once, once...)) // the host may be gone
	// It stays open as a printer's would, so that the second answer is there when the next question comes.
	conn.SetReadDeadline(time.Now().Add(doubleOpen))
	io.Copy(io.Discard, conn)
}

// addCharset begins an answer as RFC 8011, 4.1.4.2 wants it.
func addCharset(m *goipp.Message) {
	m.Operation.Add(goipp.MakeAttribute("attributes-charset", goipp.TagCharset, goipp.String("utf-8")))
	m.Operation.Add(goipp.MakeAttribute("attributes-natural-language", goipp.TagLanguage, goipp.String("en")))
}

// obey checks the frame of a request and carries it out.
func (p *Printer) obey(r *request) *goipp.Message {
	answer := goipp.NewResponse(r.msg.Version, goipp.StatusOk, r.msg.RequestID)
	if major := r.msg.Version.Major(); major != 1 && major != 2 {
		answer.Version = goipp.MakeVersion(2, 0)
		addCharset(answer)
		answer.Code = goipp.Code(goipp.StatusErrorVersionNotSupported)
		return answer
	}
	addCharset(answer)
	if status := p.checkFrame(r); status != goipp.StatusOk {
		answer.Code = goipp.Code(status)
		return answer
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.power {
		answer.Code = goipp.Code(goipp.StatusErrorServiceUnavailable) // never sent: the line is dead
		return answer
	}
	p.forget()
	do, ok := operations[r.op()]
	if !ok {
		answer.Code = goipp.Code(goipp.StatusErrorOperationNotSupported)
		return answer
	}
	status, note := do(p, r, answer)
	answer.Code = goipp.Code(status)
	if note != "" {
		answer.Operation.Add(goipp.MakeAttribute("status-message", goipp.TagText, goipp.String(note)))
	}
	return answer
}

// checkFrame is RFC 8011, 4.1.1 to 4.1.5: request-id, charset and language first, then the target.
func (p *Printer) checkFrame(r *request) goipp.Status {
	groups := r.msg.Groups
	if r.msg.RequestID == 0 || len(groups) == 0 || groups[0].Tag != goipp.TagOperationGroup {
		return goipp.StatusErrorBadRequest
	}
	for _, g := range groups[1:] {
		if g.Tag == goipp.TagOperationGroup {
			return goipp.StatusErrorBadRequest
		}
	}
	attrs := groups[0].Attrs
	if len(attrs) < 3 || attrs[0].Name != "attributes-charset" || attrs[0].Values[0].T != goipp.TagCharset ||
		attrs[1].Name != "attributes-natural-language" || attrs[1].Values[0].T != goipp.TagLanguage {
		return goipp.StatusErrorBadRequest
	}
	seen := map[string]bool{}
	for _, a := range attrs {
		if seen[a.Name] {
			return goipp.StatusErrorBadRequest
		}
		seen[a.Name] = true
	}
	if cs := attrs[0].Values[0].V.String(); cs != "utf-8" && cs != "us-ascii" {
		return goipp.StatusErrorCharset
	}
	target, isPrinter := text(attrs, "printer-uri"), true
	if target == "" {
		target, isPrinter = text(attrs, "job-uri"), false
	}
	if target == "" {
		return goipp.StatusErrorBadRequest
	}
	_, rest, found := strings.Cut(target, "://")
	slash := strings.IndexByte(rest, '/')
	if !found || slash < 0 || isPrinter && rest[slash:] != path || !isPrinter && !strings.HasPrefix(rest[slash:], path+"/") {
		return goipp.StatusErrorNotFound
	}
	return goipp.StatusOk
}

// find gives an attribute by name.
func find(attrs goipp.Attributes, name string) (goipp.Attribute, bool) {
	for _, a := range attrs {
		if a.Name == name && len(a.Values) > 0 {
			return a, true
		}
	}
	return goipp.Attribute{}, false
}

// text is the first value of an attribute as text, "" when there is none.
func text(attrs goipp.Attributes, name string) string {
	if a, ok := find(attrs, name); ok {
		return a.Values[0].V.String()
	}
	return ""
}

// number is the first value of an attribute as a number.
func number(attrs goipp.Attributes, name string) (int, bool) {
	if a, ok := find(attrs, name); ok {
		if n, ok := a.Values[0].V.(goipp.Integer); ok {
			return int(n), true
		}
	}
	return 0, false
}
