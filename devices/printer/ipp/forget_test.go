package ipp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/OpenPrinting/goipp"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
	"yichuang/devices/printer/ippsim"
	"yichuang/devices/printer/printertest"
)

// inBubble runs a story with a printer that has been on for ten minutes.
func inBubble(t *testing.T, o ippsim.Options, between func(h http.Handler) http.Handler, story func(t *testing.T, b *printertest.SheetsBench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := benchOf(t, ippsim.New(o), between)
		defer time.Sleep(5 * time.Minute) // virtual: what the mechanism still does ends before the bubble
		defer b.Close()
		time.Sleep(10 * time.Minute) // virtual
		story(t, b)
	})
}

// A printer that has forgotten a job does not make it one that never came: it had a number, it was submitted too long ago
// for the printer to know, or another program submitted it.
func TestForgottenJob(t *testing.T) {
	for _, forgets := range []time.Duration{time.Nanosecond, time.Minute} {
		inBubble(t, ippsim.Options{Forgets: forgets}, nil, func(t *testing.T, b *printertest.SheetsBench) {
			since := time.Now()
			id, err := b.Sheets.Submit(t.Context(), a3job())
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(30 * time.Second) // virtual: the sheet is out
			st, ok, err := b.Sheets.Job(t.Context(), id, "LIC", since)
			want := printer.JobUnknown
			if forgets == time.Minute {
				want = printer.JobPrinted
			}
			if err != nil || !ok || st.Phase != want {
				t.Errorf("after half a minute: got %+v, %v, %v; want %s", st, ok, err, want)
			}
			time.Sleep(time.Minute) // virtual
			for name, ask := range map[string]struct {
				id    int
				since time.Time
			}{"by its number": {id, since}, "by its name": {0, since}, "by another program": {0, time.Time{}}} {
				if st, ok, err := b.Sheets.Job(t.Context(), ask.id, "LIC", ask.since); err != nil || !ok || st.Phase != printer.JobUnknown {
					t.Errorf("%s, when it is forgotten: got %+v, %v, %v; want unknown", name, st, ok, err)
				}
			}
			if out := b.Out(); len(out) != 1 || !out[0].Complete {
				t.Errorf("paper: %+v", out)
			}
		})
	}
}

// A printer of IPP 1.1 prints a job, says nothing until it has forgotten it, and then that it has none: it is not sent again.
func TestForgottenJobIsNotSentAgain(t *testing.T) {
	old := func(h http.Handler) http.Handler {
		var silent atomic.Int64 // until when, in milliseconds; each request has a goroutine of its own
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil || len(body) < 4 {
				return // the host is gone
			}
			op := goipp.Op(body[2])<<8 | goipp.Op(body[3])
			r.Body = io.NopCloser(bytes.NewReader(body))
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			if op == goipp.OpPrintJob {
				silent.CompareAndSwap(0, time.Now().Add(65*time.Second).UnixMilli())
			}
			if time.Now().UnixMilli() < silent.Load() {
				<-r.Context().Done()
				return
			}
			var m goipp.Message
			if err := m.DecodeBytes(rec.Body.Bytes()); err != nil {
				t.Errorf("answer: %v", err)
			}
			out, err := without(&m, []int{5, 6}).EncodeBytes()
			if err != nil {
				t.Errorf("answer: %v", err)
			}
			w.Header().Set("Content-Type", goipp.ContentType)
			w.Write(out)
		})
	}
	inBubble(t, ippsim.Options{Forgets: 10 * time.Second}, old, func(t *testing.T, b *printertest.SheetsBench) {
		since := time.Now()
		if id, err := b.Sheets.Submit(t.Context(), a3job()); !fault.Is(err, fault.Doubtful) || id != 0 {
			t.Errorf("got %d, %v; want doubtful", id, err)
		}
		if st, ok, err := b.Sheets.Job(t.Context(), 0, "LIC", since); err != nil || !ok || st.Phase != printer.JobUnknown {
			t.Errorf("got %+v, %v, %v; want unknown", st, ok, err)
		}
		time.Sleep(time.Minute) // virtual
		if out := b.Out(); len(out) != 1 {
			t.Errorf("%d sheets, want 1: %+v", len(out), out)
		}
	})
}

// The owner is told before the document leaves, by either way of sending it, and may hold it back.
func TestDocumentIsHeldBack(t *testing.T) {
	for name, ops := range map[string][]int{"Create-Job": nil, "Print-Job": {5, 6}} {
		documents := 0
		p, sim := crooked(t, func(op goipp.Op, m *goipp.Message) *goipp.Message {
			if slices.Contains([]goipp.Op{goipp.OpPrintJob, goipp.OpSendDocument}, op) {
				documents++
			}
			return without(m, ops)
		})
		j, told := a3job(), 0
		full := errors.New("the disk is full")
		j.Sending = func() error { told++; return full }
		if _, err := p.Submit(context.Background(), j); !fault.Is(err, fault.Broken) || !errors.Is(err, full) || told != 1 || documents != 0 {
			t.Errorf("%s: got %v, told %d times, %d documents left", name, err, told, documents)
		}
		j.Name = "LIC-2"
		j.Sending = func() error {
			if told++; documents != 0 {
				t.Errorf("%s: told after the document has left", name)
			}
			return nil
		}
		if _, err := p.Submit(context.Background(), j); err != nil || told != 2 || documents != 1 {
			t.Errorf("%s: got %v, told %d times, %d documents left", name, err, told, documents)
		}
		sim.Power(false)
	}
}
