package ipp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/OpenPrinting/goipp"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
	"yichuang/devices/printer/ipp"
	"yichuang/devices/printer/ippsim"
	"yichuang/devices/printer/printertest"
)

// TestLoopback prints once over a real socket.
func TestLoopback(t *testing.T) {
	sim := ippsim.New(ippsim.Options{SheetTime: time.Millisecond})
	if err := sim.LoadTray("tray-1", printertest.A3, 1, "A1"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim.Handler())
	defer server.Close()
	defer sim.Power(false)
	p := ipp.New(server.URL+"/ipp/print", ipp.Options{})
	since := time.Now()
	id, err := p.Submit(t.Context(), printer.Job{Name: "LIC", Document: printertest.PDF(printertest.A3, 1, true), Media: printertest.A3, Source: "tray-1", Sheets: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		st, ok, err := p.Job(ctx, id, "LIC", since)
		if err != nil || !ok {
			t.Fatalf("job: %+v %v %v", st, ok, err)
		}
		if st.Phase.Final() {
			if st.Phase != printer.JobPrinted {
				t.Errorf("job: got %+v", st)
			}
			break
		}
	}
	server.Close()
	if _, _, err := p.Job(ctx, id, "LIC", since); err == nil { // over the kept connection
		t.Error("without a socket: no error")
	}
	if _, _, err := p.Job(ctx, id, "LIC", since); !fault.Is(err, fault.Absent) {
		t.Errorf("without a socket: got %v, want absent", err)
	}
}

// crooked answers like the simulator, with something changed.
func crooked(t *testing.T, change func(op goipp.Op, m *goipp.Message) *goipp.Message) (*ipp.Printer, *ippsim.Printer) {
	sim := ippsim.New(ippsim.Options{SheetTime: time.Millisecond})
	for tray, media := range map[string]string{"tray-1": printertest.A3, "tray-2": printertest.A4} {
		if err := sim.LoadTray(tray, media, 9, "A1"); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := make([]byte, 4)
		r.Body.Read(head) // the head of a request comes at once over loopback
		r.Body = struct {
			*prefixed
		}{&prefixed{head: head, rest: r.Body}}
		rec := httptest.NewRecorder()
		sim.Handler().ServeHTTP(rec, r)
		var m goipp.Message
		if err := m.DecodeBytes(rec.Body.Bytes()); err != nil {
			t.Errorf("answer: %v", err)
		}
		out, err := change(goipp.Op(head[2])<<8|goipp.Op(head[3]), &m).EncodeBytes()
		if err != nil {
			t.Errorf("answer: %v", err)
		}
		w.Header().Set("Content-Type", goipp.ContentType)
		w.Write(out)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { sim.Power(false) })
	return ipp.New(server.URL+"/ipp/print", ipp.Options{}), sim
}

type prefixed struct {
	head []byte
	rest interface {
		Read([]byte) (int, error)
		Close() error
	}
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.head) > 0 {
		n := copy(b, p.head)
		p.head = p.head[n:]
		return n, nil
	}
	return p.rest.Read(b)
}

func (p *prefixed) Close() error { return p.rest.Close() }

func a3job() printer.Job {
	return printer.Job{Name: "LIC", Document: printertest.PDF(printertest.A3, 1, true), Media: printertest.A3, Source: "tray-1", Sheets: 1}
}

// without drops printer attributes, and values of operations-supported.
func without(m *goipp.Message, ops []int, names ...string) *goipp.Message {
	var groups goipp.Groups
	for _, g := range m.AttrGroups() {
		var attrs goipp.Attributes
		for _, a := range g.Attrs {
			if slices.Contains(names, a.Name) {
				continue
			}
			if a.Name == "operations-supported" {
				a.Values = slices.DeleteFunc(slices.Clone(a.Values), func(v struct {
					T goipp.Tag
					V goipp.Value
				}) bool {
					return slices.Contains(ops, int(v.V.(goipp.Integer)))
				})
			}
			attrs.Add(a)
		}
		groups.Add(goipp.Group{Tag: g.Tag, Attrs: attrs})
	}
	return goipp.NewMessageWithGroups(m.Version, m.Code, m.RequestID, groups)
}

// TestOldPrinter: IPP 1.1 without Create-Job and media-col still prints.
func TestOldPrinter(t *testing.T) {
	p, sim := crooked(t, func(_ goipp.Op, m *goipp.Message) *goipp.Message {
		return without(m, []int{5, 6}, "media-col-supported", "media-col-ready", "job-creation-attributes-supported")
	})
	id, err := p.Submit(t.Context(), a3job())
	if err != nil || id != 1 {
		t.Fatalf("submit: got %d, %v", id, err)
	}
	if w := string(sim.World()); !strings.Contains(w, "ready") && !strings.Contains(w, "printing") {
		t.Errorf("world: %s", w)
	}
}

// TestSubstituted: success with something in the unsupported group is a refusal, and the job is cancelled.
func TestSubstituted(t *testing.T) {
	cancelled := false
	p, _ := crooked(t, func(op goipp.Op, m *goipp.Message) *goipp.Message {
		switch op {
		case goipp.OpCreateJob:
			g := m.AttrGroups()
			g.Add(goipp.Group{Tag: goipp.TagUnsupportedGroup, Attrs: goipp.Attributes{goipp.MakeAttribute("media-col", goipp.TagUnsupportedValue, goipp.Void{})}})
			return goipp.NewMessageWithGroups(m.Version, goipp.Code(goipp.StatusOkIgnoredOrSubstituted), m.RequestID, g)
		case goipp.OpCancelJob:
			cancelled = true
		}
		return m
	})
	if _, err := p.Submit(t.Context(), a3job()); !fault.Is(err, fault.Invalid) || !cancelled {
		t.Errorf("substituted: got %v cancelled %v, want invalid and cancelled", err, cancelled)
	}
}

// TestQueue: a spooler is refused.
func TestQueue(t *testing.T) {
	p, _ := crooked(t, func(op goipp.Op, m *goipp.Message) *goipp.Message {
		if op == goipp.OpGetPrinterAttributes {
			g := m.AttrGroups()
			g[len(g)-1].Add(goipp.MakeAttribute("cups-version", goipp.TagText, goipp.String("2.4.2")))
			return goipp.NewMessageWithGroups(m.Version, m.Code, m.RequestID, g)
		}
		return m
	})
	if _, err := p.Submit(t.Context(), a3job()); !fault.Is(err, fault.Invalid) || !p.Info().Queue {
		t.Errorf("spooler: got %v, info %+v", err, p.Info())
	}
}

// TestStatuses: what each refusal asks somebody to do.
func TestStatuses(t *testing.T) {
	for status, want := range map[goipp.Status]fault.Kind{
		goipp.StatusErrorBusy: fault.Busy, goipp.StatusErrorNotAcceptingJobs: fault.Busy, goipp.StatusErrorTemporary: fault.Busy, goipp.StatusErrorServiceUnavailable: fault.Busy,
		goipp.StatusErrorInternal: fault.Broken, goipp.StatusErrorDevice: fault.Broken, goipp.StatusErrorNotAuthorized: fault.Broken,
		goipp.StatusErrorBadRequest: fault.Invalid, goipp.StatusErrorAttributesOrValues: fault.Invalid, goipp.StatusErrorDocumentFormatNotSupported: fault.Invalid,
	} {
		p, sim := crooked(t, func(op goipp.Op, m *goipp.Message) *goipp.Message {
			if op == goipp.OpCreateJob {
				m.Code = goipp.Code(status)
			}
			return m
		})
		if _, err := p.Submit(t.Context(), a3job()); !fault.Is(err, want) {
			t.Errorf("%s: got %v, want %s", status, err, want)
		}
		if w := string(sim.World()); !strings.Contains(w, `"prints":[]`) {
			t.Errorf("%s: %s", status, w)
		}
	}
}

// TestDocumentIsRefused: there is a job, and its number is given with the fault.
func TestDocumentIsRefused(t *testing.T) {
	for status, want := range map[goipp.Status]fault.Kind{goipp.StatusErrorForbidden: fault.Broken, goipp.StatusErrorDocumentFormatNotSupported: fault.Invalid, goipp.StatusErrorBusy: fault.Busy} {
		sent := 0
		p, _ := crooked(t, func(op goipp.Op, m *goipp.Message) *goipp.Message {
			if op == goipp.OpSendDocument {
				sent++
				m.Code = goipp.Code(status)
			}
			return m
		})
		id, err := p.Submit(t.Context(), a3job())
		if f, is := err.(*fault.Error); id != 1 || sent != 1 || !is || f.Kind != want || f.Op != "print" || f.Device != "license" {
			t.Errorf("%s: got %d, %v after %d documents, want 1 and %s", status, id, err, sent, want)
		}
	}
}

// TestHTTPErrors: what comes from below IPP.
func TestHTTPErrors(t *testing.T) {
	for code, want := range map[int]fault.Kind{503: fault.Busy, 500: fault.Garbled, 401: fault.Broken, 403: fault.Broken, 426: fault.Broken, 404: fault.Invalid, 302: fault.Invalid, 200: fault.Garbled} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(code)
			fmt.Fprint(w, "<html>")
		}))
		if _, err := ipp.New(server.URL, ipp.Options{}).Submit(t.Context(), a3job()); !fault.Is(err, want) {
			t.Errorf("HTTP %d: got %v, want %s", code, err, want)
		}
		server.Close()
	}
}

// TestRefusedCollection: where media-col alone is in the way and one tray holds the paper, the keyword is tried, once.
func TestRefusedCollection(t *testing.T) {
	for _, c := range []struct {
		unsupported []string
		status      goipp.Status
		creates     int
	}{{[]string{"media-col"}, goipp.StatusErrorAttributesOrValues, 2}, {[]string{"media-col", "sides"}, goipp.StatusErrorAttributesOrValues, 1}, {[]string{"sides"}, goipp.StatusErrorAttributesOrValues, 1}, {[]string{"media-col"}, goipp.StatusErrorConflicting, 1}} {
		creates := 0
		p, _ := crooked(t, func(op goipp.Op, m *goipp.Message) *goipp.Message {
			if op != goipp.OpCreateJob {
				return m
			}
			creates++
			g := goipp.Groups{m.AttrGroups()[0], {Tag: goipp.TagUnsupportedGroup}}
			g[0].Add(goipp.MakeAttribute("status-message", goipp.TagText, goipp.String("no such thing")))
			for _, name := range c.unsupported {
				g[1].Add(goipp.MakeAttribute(name, goipp.TagUnsupportedValue, goipp.Void{}))
			}
			return goipp.NewMessageWithGroups(m.Version, goipp.Code(c.status), m.RequestID, g)
		})
		_, err := p.Submit(t.Context(), a3job())
		if !fault.Is(err, fault.Invalid) || creates != c.creates {
			t.Errorf("%v: got %v after %d orders, want invalid after %d", c.unsupported, err, creates, c.creates)
		}
		for _, want := range append([]string{"no such thing", c.status.String()}, c.unsupported...) {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v: %q does not tell %q", c.unsupported, err, want)
			}
		}
	}
}

// TestNeverThrice: a printer that never gets the order is asked twice.
func TestNeverThrice(t *testing.T) {
	for _, lost := range []goipp.Op{goipp.OpCreateJob, goipp.OpSendDocument} {
		sim := ippsim.New(ippsim.Options{})
		if err := sim.LoadTray("tray-1", printertest.A3, 9, "A1"); err != nil {
			t.Fatal(err)
		}
		orders := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil || len(body) < 4 {
				t.Errorf("request: %v", err)
				return
			}
			if goipp.Op(body[2])<<8|goipp.Op(body[3]) == lost {
				orders++
				w.WriteHeader(500)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			sim.Handler().ServeHTTP(w, r)
		}))
		p := ipp.New(server.URL+"/ipp/print", ipp.Options{})
		id, err := p.Submit(t.Context(), a3job())
		if !fault.Is(err, fault.Garbled) || orders != 2 || (id != 0) != (lost == goipp.OpSendDocument) {
			t.Errorf("%s lost: got %d, %v after %d orders, want garbled after 2", lost, id, err, orders)
		}
		server.Close()
		if _, ok, err := p.Job(t.Context(), 1, "LIC", time.Now()); ok || err == nil {
			t.Errorf("job of a printer that is gone: %v %v", ok, err)
		}
		sim.Power(false)
	}
}

// answers is a printer that is well, has been on for ten minutes, and answers questions about jobs as a test wants.
func answers(t *testing.T, attrs map[goipp.Op]func(m *goipp.Message) (goipp.Status, []goipp.Attributes)) *ipp.Printer {
	t.Helper()
	p, _ := crooked(t, func(op goipp.Op, m *goipp.Message) *goipp.Message {
		say := attrs[op]
		if op == goipp.OpGetPrinterAttributes {
			m = without(m, nil, "printer-up-time")
			g := m.AttrGroups()
			g[len(g)-1].Add(goipp.MakeAttribute("printer-up-time", goipp.TagInteger, goipp.Integer(600)))
			return goipp.NewMessageWithGroups(m.Version, m.Code, m.RequestID, g)
		}
		if say == nil {
			return m
		}
		status, jobs := say(m)
		groups := goipp.Groups{{Tag: goipp.TagOperationGroup, Attrs: m.AttrGroups()[0].Attrs}}
		for _, j := range jobs {
			groups.Add(goipp.Group{Tag: goipp.TagJobGroup, Attrs: j})
		}
		return goipp.NewMessageWithGroups(m.Version, goipp.Code(status), m.RequestID, groups)
	})
	return p
}

// jobOf is what a printer says of a job.
func jobOf(id int, name string, state int) goipp.Attributes {
	var out goipp.Attributes
	if id != 0 {
		out.Add(goipp.MakeAttribute("job-id", goipp.TagInteger, goipp.Integer(id)))
	}
	out.Add(goipp.MakeAttribute("job-name", goipp.TagName, goipp.String(name)))
	out.Add(goipp.MakeAttribute("job-state", goipp.TagInteger, goipp.Integer(state)))
	out.Add(goipp.MakeAttribute("job-media-sheets-completed", goipp.TagInteger, goipp.Integer(1)))
	return out
}

// TestAskForAJob: by its number, by its name, and what is none of ours.
func TestAskForAJob(t *testing.T) {
	for _, c := range []struct {
		name   string
		id     int
		byID   goipp.Status
		job    goipp.Attributes
		list   []goipp.Attributes
		lists  goipp.Status
		want   int
		phase  printer.JobPhase
		ok     bool
		kind   fault.Kind
		listed int
		age    time.Duration // how long ago it was submitted
	}{
		{name: "its number", id: 5, job: jobOf(5, "LIC", 9), want: 5, phase: printer.JobPrinted, ok: true},
		{name: "its number is not repeated", id: 5, job: jobOf(0, "LIC", 3), want: 5, phase: printer.JobWaiting, ok: true},
		{name: "the last state of all", id: 5, job: jobOf(5, "LIC", 8), want: 5, phase: printer.JobSpoiled, ok: true},
		{name: "a state below all", id: 5, job: jobOf(5, "LIC", 2), kind: fault.Garbled},
		{name: "a state above all", id: 5, job: jobOf(5, "LIC", 10), kind: fault.Garbled},
		{name: "another's job of this number", id: 5, job: jobOf(5, "LIC-2", 9), want: 5, phase: printer.JobUnknown, ok: true, listed: 2},
		{name: "not found", id: 5, byID: goipp.StatusErrorNotFound, want: 5, phase: printer.JobUnknown, ok: true, listed: 2},
		{name: "gone", id: 5, byID: goipp.StatusErrorGone, want: 5, phase: printer.JobUnknown, ok: true, listed: 2},
		{name: "not possible", id: 5, byID: goipp.StatusErrorNotPossible, want: 5, phase: printer.JobUnknown, ok: true, listed: 2},
		{name: "refused", id: 5, byID: goipp.StatusErrorForbidden, kind: fault.Broken},
		{name: "no number, and in the list", job: jobOf(7, "LIC", 5), list: []goipp.Attributes{jobOf(6, "LIC-2", 9), jobOf(7, "LIC", 9)}, want: 7, phase: printer.JobPrinting, ok: true, listed: 1},
		{name: "in the list without a number", list: []goipp.Attributes{jobOf(0, "LIC", 9)}, listed: 2},
		{name: "no number, and known so long", age: 59 * time.Second, listed: 2},
		{name: "no number, and perhaps forgotten", age: 61 * time.Second, phase: printer.JobUnknown, ok: true, listed: 2},
		{name: "no number, and before the printer was on", age: time.Hour, phase: printer.JobUnknown, ok: true, listed: 2},
		{name: "no number, of another program", age: -1, phase: printer.JobUnknown, ok: true, listed: 2},
		{name: "no number, by a clock that was fast", age: -time.Hour, phase: printer.JobUnknown, ok: true, listed: 2},
		{name: "no list", lists: goipp.StatusErrorForbidden, kind: fault.Broken, listed: 1},
	} {
		listed := 0
		p := answers(t, map[goipp.Op]func(*goipp.Message) (goipp.Status, []goipp.Attributes){
			goipp.OpGetJobAttributes: func(*goipp.Message) (goipp.Status, []goipp.Attributes) {
				if c.job == nil {
					return c.byID, nil
				}
				return c.byID, []goipp.Attributes{c.job}
			},
			goipp.OpGetJobs: func(*goipp.Message) (goipp.Status, []goipp.Attributes) { listed++; return c.lists, c.list },
		})
		since := time.Now().Add(-c.age)
		if c.age == -1 {
			since = time.Time{}
		}
		st, ok, err := p.Job(t.Context(), c.id, "LIC", since)
		if st.ID != c.want || st.Phase != c.phase || ok != c.ok || fault.KindOf(err) != c.kind || c.kind == "" && err != nil || listed != c.listed {
			t.Errorf("%s: got %+v, %v, %v, listed %d times; want %d %s %v %q, listed %d times", c.name, st, ok, err, listed, c.want, c.phase, c.ok, c.kind, c.listed)
		}
		if f, is := err.(*fault.Error); is && f.Op != "job" {
			t.Errorf("%s: op %q, want job", c.name, f.Op)
		}
	}
}

// TestCancel: a job that is over cannot be cancelled, and that is no error.
func TestCancel(t *testing.T) {
	for status, want := range map[goipp.Status]fault.Kind{goipp.StatusOk: "", goipp.StatusErrorNotPossible: "", goipp.StatusErrorNotFound: "",
		goipp.StatusErrorForbidden: fault.Broken, goipp.StatusErrorBadRequest: fault.Invalid} {
		p := answers(t, map[goipp.Op]func(*goipp.Message) (goipp.Status, []goipp.Attributes){
			goipp.OpCancelJob: func(*goipp.Message) (goipp.Status, []goipp.Attributes) { return status, nil }})
		err := p.Cancel(t.Context(), 5)
		if f, is := err.(*fault.Error); fault.KindOf(err) != want || want == "" && err != nil || is && f.Op != "cancel" {
			t.Errorf("%s: got %v, want %q", status, err, want)
		}
	}
}

// TestSubmitIsRefusedWithoutANumber: whatever is in the way before the order, there is no job.
func TestSubmitIsRefusedWithoutANumber(t *testing.T) {
	change := func(status goipp.Status, names ...string) func(goipp.Op, *goipp.Message) *goipp.Message {
		return func(op goipp.Op, m *goipp.Message) *goipp.Message {
			if op == goipp.OpGetPrinterAttributes {
				m = without(m, nil, names...)
				m.Code = goipp.Code(status)
			}
			return m
		}
	}
	good := a3job()
	for _, c := range []struct {
		name   string
		change func(goipp.Op, *goipp.Message) *goipp.Message
		job    func(j *printer.Job)
		kind   fault.Kind
	}{
		{"no name", change(0), func(j *printer.Job) { j.Name = "" }, fault.Invalid},
		{"other paper in the tray", change(0), func(j *printer.Job) { j.Media = printertest.A4 }, fault.Invalid},
		{"the printer is not asked", change(goipp.StatusErrorForbidden), nil, fault.Broken},
		{"no word about the state", change(0, "printer-state"), nil, fault.Garbled},
		{"no word about PDF", change(0, "document-format-supported"), nil, fault.Invalid},
		{"the jobs are not told", func(op goipp.Op, m *goipp.Message) *goipp.Message {
			if op == goipp.OpGetJobs {
				m.Code = goipp.Code(goipp.StatusErrorForbidden)
			}
			return m
		}, nil, fault.Broken},
		{"the tray cannot be told and two hold the paper", func(op goipp.Op, m *goipp.Message) *goipp.Message {
			if op != goipp.OpGetPrinterAttributes {
				return m
			}
			m = without(m, nil, "media-col-supported", "media-col-ready", "media-ready", "job-creation-attributes-supported")
			g := m.AttrGroups()
			two := goipp.MakeAttribute("media-ready", goipp.TagKeyword, goipp.String(printertest.A3))
			two.Values.Add(goipp.TagKeyword, goipp.String(printertest.A3))
			g[len(g)-1].Add(two)
			return goipp.NewMessageWithGroups(m.Version, m.Code, m.RequestID, g)
		}, nil, fault.Invalid},
	} {
		p, sim := crooked(t, c.change)
		job := good
		if c.job != nil {
			c.job(&job)
		}
		id, err := p.Submit(t.Context(), job)
		if f, is := err.(*fault.Error); id != 0 || !is || f.Kind != c.kind || f.Op != "print" && f.Op != "job" {
			t.Errorf("%s: got %d, %v, want %s", c.name, id, err, c.kind)
		}
		if w := string(sim.World()); !strings.Contains(w, `"prints":[]`) {
			t.Errorf("%s: %s", c.name, w)
		}
	}
}
