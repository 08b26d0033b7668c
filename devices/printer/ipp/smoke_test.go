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
