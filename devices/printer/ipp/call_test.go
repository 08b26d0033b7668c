package ipp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/OpenPrinting/goipp"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
)

// wire answers each request as a test wants, without a network.
type wire func(r *http.Request, asked *goipp.Message) (*http.Response, error)

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	var asked goipp.Message
	if err := asked.Decode(r.Body); err != nil {
		return nil, err
	}
	return w(r, &asked)
}

// says makes an HTTP answer of an IPP one.
func says(asked *goipp.Message, status goipp.Status, printer goipp.Attributes) *http.Response {
	m := goipp.NewMessageWithGroups(goipp.DefaultVersion, goipp.Code(status), asked.RequestID, goipp.Groups{{Tag: goipp.TagOperationGroup}, {Tag: goipp.TagPrinterGroup, Attrs: printer}})
	raw, _ := m.EncodeBytes()
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {goipp.ContentType}}, Body: io.NopCloser(bytes.NewReader(raw))}
}

// well is what a printer says to which nothing happens.
func well(reasons ...string) goipp.Attributes {
	return goipp.Attributes{goipp.MakeAttribute("printer-state", goipp.TagEnum, goipp.Integer(3)), keyword("printer-state-reasons", reasons...),
		goipp.MakeAttribute("printer-up-time", goipp.TagInteger, goipp.Integer(100))}
}

// What comes back from below IPP, and what it says of whether the request was carried out.
func TestWhatComesBack(t *testing.T) {
	with := func(change func(r *http.Response)) wire {
		return func(_ *http.Request, asked *goipp.Message) (*http.Response, error) {
			r := says(asked, goipp.StatusOk, well("none"))
			change(r)
			return r, nil
		}
	}
	for name, tt := range map[string]struct {
		w    wire
		kind fault.Kind
		took time.Duration
	}{
		"an answer":                {with(func(*http.Response) {}), "", 0},
		"an answer with a charset": {with(func(r *http.Response) { r.Header.Set("Content-Type", goipp.ContentType+" ; charset=utf-8") }), "", 0},
		"a page":                   {with(func(r *http.Response) { r.Header.Set("Content-Type", "text/html") }), fault.Garbled, 0},
		"no type":                  {with(func(r *http.Response) { r.Header.Del("Content-Type") }), fault.Garbled, 0},
		"no IPP":                   {with(func(r *http.Response) { r.Body = io.NopCloser(bytes.NewReader([]byte("<html>"))) }), fault.Garbled, 0},
		"the answer to another question": {func(_ *http.Request, asked *goipp.Message) (*http.Response, error) {
			asked.RequestID++
			return says(asked, 0, well()), nil
		}, fault.Garbled, 0},
		"it breaks off": {with(func(r *http.Response) { r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, 20), broken{})) }), fault.Silent, 0},
		"too busy":      {with(func(r *http.Response) { r.StatusCode = 503 }), fault.Busy, 0},
		"no connection": {func(*http.Request, *goipp.Message) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
		}, fault.Absent, 0},
		"a connection that breaks": {func(*http.Request, *goipp.Message) (*http.Response, error) {
			return nil, &net.OpError{Op: "read", Err: errors.New("reset")}
		}, fault.Silent, 0},
		"no answer": {func(r *http.Request, _ *goipp.Message) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, fault.Silent, answerLimit},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := New("ipp://x/ipp/print", Options{Client: &http.Client{Transport: tt.w}})
			began := time.Now()
			_, err := p.refresh(context.Background(), "poll")
			wantFault(t, name, err, tt.kind, "poll", "")
			if tt.kind == "" && err != nil || time.Since(began) != tt.took {
				t.Errorf("%s: got %v after %v, want %v", name, err, time.Since(began), tt.took)
			}
		})
	}
}

// broken is a body that breaks off.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("reset by peer") }

// How a request travels: where to, as what, how long, and on a connection of its own.
func TestHowARequestTravels(t *testing.T) {
	p := New("ipps://printer/ipp/print", Options{User: "desk", Client: &http.Client{Transport: wire(func(r *http.Request, asked *goipp.Message) (*http.Response, error) {
		rest, _ := io.ReadAll(r.Body)
		head, _ := asked.EncodeBytes()
		if r.Method != "POST" || r.URL.String() != "https://printer:631/ipp/print" || r.Header.Get("Content-Type") != "application/ipp" || r.ContentLength != int64(len(head)+len(rest)) || string(rest) != "%PDF-1" || !r.Close {
			t.Errorf("request: %s %s %v, %d of %d bytes, document %q, closed after it %v", r.Method, r.URL, r.Header, r.ContentLength, len(head)+len(rest), rest, r.Close)
		}
		if got := text(asked.Operation, "printer-uri"); got != "ipps://printer:631/ipp/print" {
			t.Errorf("printer-uri %q", got)
		}
		return says(asked, goipp.StatusOk, nil), nil
	})}})
	if _, err := p.call(t.Context(), "print", p.request(goipp.OpSendDocument), []byte("%PDF-1"), answerLimit); err != nil {
		t.Error(err)
	}
}

// The printer is asked every three seconds; one lost answer is forgiven, a second one is told, and the next good one ends it.
func TestRunForgivesOneMiss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // guards the next two
		asks, silent := 0, false
		p := New("ipp://x/ipp/print", Options{Client: &http.Client{Transport: wire(func(r *http.Request, asked *goipp.Message) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			asks++
			if got := text(asked.Operation, "requested-attributes"); goipp.Op(asked.Code) != goipp.OpGetPrinterAttributes || got != "all" {
				t.Errorf("asked %v for %q", goipp.Op(asked.Code), got)
			}
			if silent {
				return nil, errors.New("reset")
			}
			return says(asked, goipp.StatusOk, well("toner-low-warning")), nil
		})}})
		if s := p.State(); s.Online || !fault.Is(s.Fault, fault.Absent) || p.Info().Protocol != "ipp" {
			t.Errorf("before Run: %+v, %+v", s, p.Info())
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		pass := func(d time.Duration) { <-time.After(d) }
		pass(time.Millisecond)
		for i, tt := range []struct {
			silent bool
			online bool
		}{{false, true}, {true, true}, {true, false}, {true, false}, {false, true}, {true, true}, {false, true}, {true, true}, {true, false}} {
			mu.Lock()
			silent = tt.silent
			mu.Unlock()
			pass(pollEvery)
			s := p.State()
			if s.Online != tt.online || fault.Is(asError(s.Fault), fault.Silent) == tt.online || tt.online && (!s.TonerLow || s.Stopped || s.Fault != nil) {
				t.Errorf("poll %d: state %+v, want online %v", i, s, tt.online)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if asks != 10 {
			t.Errorf("asked %d times, want 10", asks)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
	})
}

// A jam is remembered of every job that is not over, and of no other.
func TestJamBefallsJobsAtWork(t *testing.T) {
	reasons := "none"
	p := New("ipp://x/ipp/print", Options{Client: &http.Client{Transport: wire(func(_ *http.Request, asked *goipp.Message) (*http.Response, error) {
		return says(asked, goipp.StatusOk, well(reasons)), nil
	})}})
	p.expect(printer.Job{Name: "before"})
	e := p.known["before"]
	e.over = true
	p.known["before"] = e
	p.expect(printer.Job{Name: "now"})
	for _, tt := range []struct {
		reason string
		jammed bool
	}{{"none", false}, {"media-empty-warning", false}, {"media-jam-error", true}, {"none", true}} {
		reasons = tt.reason
		if _, err := p.refresh(t.Context(), "poll"); err != nil {
			t.Fatal(err)
		}
		if p.known["now"].jammed != tt.jammed || p.known["before"].jammed {
			t.Errorf("%s: got %+v, want jammed %v of the job at work alone", tt.reason, p.known, tt.jammed)
		}
	}
}

// Whether a printer counts its sheets is known from what it says of itself, or from the first job that was counted.
func TestPrinterThatCounts(t *testing.T) {
	attrs := well("none")
	p := New("ipp://x/ipp/print", Options{Client: &http.Client{Transport: wire(func(_ *http.Request, asked *goipp.Message) (*http.Response, error) {
		return says(asked, goipp.StatusOk, attrs), nil
	})}})
	counts := func() bool {
		t.Helper()
		if _, err := p.refresh(t.Context(), "poll"); err != nil {
			t.Fatal(err)
		}
		return p.Info().Counts
	}
	if counts() {
		t.Error("a printer that says nothing of it counts")
	}
	attrs = append(well("none"), goipp.MakeAttribute("job-media-sheets-supported", goipp.TagRange, goipp.Range{Lower: 1, Upper: 99}))
	if !counts() {
		t.Error("a printer that says so does not count")
	}
	attrs = well("none")
	if counts() {
		t.Error("another printer counts at the same address")
	}
	p.jobState(snapshot{}, jobFacts{state: 9, counted: true, count: 1})
	if !counts() {
		t.Error("a printer that has counted does not count")
	}
}

// What is told of a job at work, and what its end is measured by.
func TestJobState(t *testing.T) {
	trays := []printer.Tray{{Name: "tray-1", Media: a3, Ready: true}, {Name: "tray-2", Media: a4, Ready: true}}
	s := snapshot{state: 3, accepting: true, trays: trays}
	stopped := func(reasons ...string) snapshot { q := s; q.reasons = reasons; return q }
	want := expectation{sheets: 1, media: a3, source: "tray-1"}
	for _, tt := range []struct {
		name  string
		s     snapshot
		j     jobFacts
		phase printer.JobPhase
		kind  fault.Kind
		tray  string
		over  bool
		jam   bool
	}{
		{"waiting", s, jobFacts{state: 3}, printer.JobWaiting, "", "", false, false},
		{"waiting, and a tray is nearly empty", stopped("media-empty-warning"), jobFacts{state: 3}, printer.JobWaiting, "", "", false, false},
		{"printing, and held up by an empty tray", stopped("media-empty-warning"), jobFacts{state: 6, begun: true}, printer.JobPrinting, fault.Empty, "", false, false},
		{"printing, and a jam", stopped("media-jam"), jobFacts{state: 6, begun: true}, printer.JobPrinting, fault.Jammed, "", false, true},
		{"printed", s, jobFacts{state: 9, count: 1, counted: true, begun: true, source: "tray-1", media: a3}, printer.JobPrinted, "", "tray-1", true, false},
		{"printed from a tray of no name", s, jobFacts{state: 9, count: 1, counted: true, begun: true, source: "auto", media: a3}, printer.JobPrinted, "", "", true, false},
		{"printed from the other tray", s, jobFacts{state: 9, count: 1, counted: true, begun: true, source: "tray-2", media: a3}, printer.JobSpoiled, "", "tray-2", true, false},
		{"printed on other paper", s, jobFacts{state: 9, count: 1, counted: true, begun: true, media: a4}, printer.JobSpoiled, "", "", true, false},
		{"printed while there was a jam", stopped("media-jam"), jobFacts{state: 9, count: 1, counted: true, begun: true}, printer.JobSpoiled, "", "", true, true},
	} {
		p := New("ipp://x/ipp/print", Options{})
		p.known["LIC"] = want
		tt.j.id, tt.j.name, tt.j.reasons = 7, "LIC", []string{"r"}
		got := p.jobState(tt.s, tt.j)
		if got.ID != 7 || got.Name != "LIC" || got.Phase != tt.phase || fault.KindOf(asError(got.Fault)) != tt.kind || got.Tray != tt.tray || got.Sheets != tt.j.count || got.Media != tt.j.media || len(got.Reasons) != 1 {
			t.Errorf("%s: got %+v, want %s, %q, tray %q", tt.name, got, tt.phase, tt.kind, tt.tray)
		}
		if e := p.known["LIC"]; e.over != tt.over || e.jammed != tt.jam || e.sheets != 1 || p.Info().Counts != tt.j.counted {
			t.Errorf("%s: remembered %+v, counts %v", tt.name, e, p.Info().Counts)
		}
		if stranger := p.jobState(s, jobFacts{id: 8, name: "X", state: 9, count: 1, counted: true}); stranger.Phase != printer.JobPrinted || len(p.known) != 1 {
			t.Errorf("%s: another's job: %+v, remembered %v", tt.name, stranger, p.known)
		}
	}
}

// asError makes no error of no fault.
func asError(f *fault.Error) error {
	if f == nil {
		return nil
	}
	return f
}
