package ipp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/OpenPrinting/goipp"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
)

const (
	a3 = "iso_a3_297x420mm"
	a4 = "iso_a4_210x297mm"
)

// wantFault checks a fault of the license printer; "" is none.
func wantFault(t *testing.T, name string, err error, kind fault.Kind, op, text string) {
	t.Helper()
	var f *fault.Error
	if errors.As(err, &f); kind == "" && err != nil || kind != "" && (f == nil || f.Kind != kind || f.Device != "license" || f.Op != op || !strings.Contains(f.Detail, text)) {
		t.Errorf("%s: got %v, want %q at %s, naming %q", name, err, kind, op, text)
	}
}

// Jobs that nobody should have made are refused before anything is sent.
func TestJobsThatCannotBe(t *testing.T) {
	p := New("ipp://x/ipp/print", Options{})
	good := printer.Job{Name: "LIC", Document: []byte("%PDF-1.7"), Media: a4, Sheets: 1}
	with := func(change func(j *printer.Job)) printer.Job { j := good; change(&j); return j }
	for name, tt := range map[string]struct {
		job  printer.Job
		kind fault.Kind
		text string
	}{
		"good":               {good, "", ""},
		"the longest name":   {with(func(j *printer.Job) { j.Name = strings.Repeat("x", 255) }), "", ""},
		"too long a name":    {with(func(j *printer.Job) { j.Name = strings.Repeat("x", 256) }), fault.Invalid, "256"},
		"no name":            {with(func(j *printer.Job) { j.Name = "" }), fault.Invalid, "0 bytes"},
		"no PDF":             {with(func(j *printer.Job) { j.Document = []byte("PDF-1.7") }), fault.Invalid, "no PDF"},
		"no document":        {with(func(j *printer.Job) { j.Document = nil }), fault.Invalid, "no PDF"},
		"no sheets":          {with(func(j *printer.Job) { j.Sheets = 0 }), fault.Invalid, "0 sheets"},
		"two sheets":         {with(func(j *printer.Job) { j.Sheets = 2 }), "", ""},
		"paper of elsewhere": {with(func(j *printer.Job) { j.Media = "na_letter_8.5x11in" }), fault.Invalid, "na_letter"},
		"A3":                 {with(func(j *printer.Job) { j.Media = a3 }), "", ""},
		"A5":                 {with(func(j *printer.Job) { j.Media = "iso_a5_148x210mm" }), "", ""},
	} {
		wantFault(t, name, p.checkJob(tt.job), tt.kind, "print", tt.text)
	}
}

// Whether a printer can print a job, from what it says of itself.
func TestFitForAJob(t *testing.T) {
	p := New("ipp://x/ipp/print", Options{})
	ready := snapshot{state: 3, accepting: true, formats: []string{"image/urf", "application/pdf"},
		trays: []printer.Tray{{Name: "tray-1", Media: a3, Ready: true}, {Name: "tray-2", Media: a4, Ready: true}, {Name: "tray-3"}}}
	with := func(change func(s *snapshot)) snapshot { s := ready; change(&s); return s }
	nameless := with(func(s *snapshot) { s.trays = []printer.Tray{{Media: a3, Ready: true}, {Media: a4, Ready: true}} })
	for _, tt := range []struct {
		name          string
		s             snapshot
		media, source string
		kind          fault.Kind
		text          string
	}{
		{"the right tray", ready, a3, "tray-1", "", ""},
		{"the other tray", ready, a4, "tray-2", "", ""},
		{"any tray", ready, a4, "", "", ""},
		{"trays without names", nameless, a4, "tray-2", "", ""},
		{"a spooler", with(func(s *snapshot) { s.info.Queue = true }), a3, "tray-1", fault.Invalid, "spooler"},
		{"no PDF", with(func(s *snapshot) { s.formats = []string{"image/urf"} }), a3, "tray-1", fault.Invalid, "image/urf"},
		{"a door is open", with(func(s *snapshot) { s.reasons = []string{"door-open"} }), a3, "tray-1", fault.Open, "door"},
		{"takes no jobs", with(func(s *snapshot) { s.accepting = false }), a3, "tray-1", fault.Busy, "no jobs"},
		{"warns of another tray", with(func(s *snapshot) { s.reasons = []string{"media-empty-warning"} }), a3, "tray-1", "", ""},
		{"other paper in the tray", ready, a4, "tray-1", fault.Invalid, "tray-1 holds " + a3},
		{"the tray is empty", ready, a3, "tray-3", fault.Empty, a3},
		{"no such tray", ready, a3, "tray-9", fault.Invalid, "tray-9"},
		{"no such paper", ready, "iso_a5_148x210mm", "", fault.Empty, "iso_a5"},
		{"no such paper in trays without names", nameless, "iso_a5_148x210mm", "tray-1", fault.Empty, "iso_a5"},
		{"no trays at all", with(func(s *snapshot) { s.trays = nil }), a3, "", fault.Empty, a3},
		{"no trays at all, and one is wanted", with(func(s *snapshot) { s.trays = nil }), a3, "tray-1", fault.Invalid, "tray-1"},
	} {
		wantFault(t, tt.name, p.fit(tt.s, printer.Job{Media: tt.media, Source: tt.source}), tt.kind, "print", tt.text)
	}
}

// What is expected of jobs that are over is forgotten when there are many, of others never.
func TestExpectationsEnd(t *testing.T) {
	p := New("ipp://x/ipp/print", Options{})
	for i := range jobsMax + 1 {
		p.expect(printer.Job{Name: fmt.Sprint("J", i), Sheets: 2, Media: a3, Source: "tray-1"})
	}
	if want := (expectation{sheets: 2, media: a3, source: "tray-1"}); p.known["J7"] != want || len(p.known) != jobsMax+1 {
		t.Errorf("got %+v of %d, want %+v", p.known["J7"], len(p.known), want)
	}
	p.known["J7"] = expectation{over: true}
	p.expect(printer.Job{Name: "J300", Sheets: 1})
	if _, still := p.known["J7"]; still || len(p.known) != jobsMax+1 {
		t.Errorf("a job that is over is remembered: %v, of %d", still, len(p.known))
	}
	few := New("ipp://x/ipp/print", Options{})
	few.known["J1"] = expectation{over: true, jammed: true, sheets: 5}
	few.expect(printer.Job{Name: "J2", Sheets: 1})
	few.expect(printer.Job{Name: "J1", Sheets: 1})
	if want := (expectation{over: true, jammed: true, sheets: 1}); few.known["J1"] != want {
		t.Errorf("of few jobs: got %+v, want %+v", few.known["J1"], want)
	}
}

// An answer to the order of a job: its number, or why there is none.
func TestMadeJob(t *testing.T) {
	number := goipp.Group{Tag: goipp.TagJobGroup, Attrs: goipp.Attributes{goipp.MakeAttribute("job-id", goipp.TagInteger, goipp.Integer(7))}}
	head := goipp.Group{Tag: goipp.TagOperationGroup}
	p := New("ipp://127.0.0.1:1/ipp/print", Options{}) // nobody is there
	for _, tt := range []struct {
		name   string
		status goipp.Status
		groups goipp.Groups
		id     int
		kind   fault.Kind
	}{
		{"accepted", goipp.StatusOk, goipp.Groups{head, number}, 7, ""},
		{"accepted with a remark", goipp.StatusOkEventsComplete, goipp.Groups{head, number}, 7, ""},
		{"without a number", goipp.StatusOk, goipp.Groups{head}, 0, fault.Doubtful},
		{"refused", goipp.StatusErrorBadRequest, goipp.Groups{head}, 0, fault.Invalid},
		{"refused, with a number", goipp.StatusErrorBusy, goipp.Groups{head, number}, 0, fault.Busy},
		{"with other paper, and cannot be cancelled", goipp.StatusOkIgnoredOrSubstituted, goipp.Groups{head, number,
			{Tag: goipp.TagUnsupportedGroup, Attrs: goipp.Attributes{goipp.MakeAttribute("media-col", goipp.TagUnsupportedValue, goipp.Void{})}}}, 7, fault.Doubtful},
		{"with other paper and without a number", goipp.StatusOkConflicting, goipp.Groups{head,
			{Tag: goipp.TagUnsupportedGroup, Attrs: goipp.Attributes{goipp.MakeAttribute("media-col", goipp.TagUnsupportedValue, goipp.Void{})}}}, 0, fault.Invalid},
		{"substituted, and nothing of ours", goipp.StatusOkIgnoredOrSubstituted, goipp.Groups{head, number}, 7, ""},
	} {
		id, err := p.madeJob(t.Context(), goipp.NewMessageWithGroups(goipp.DefaultVersion, goipp.Code(tt.status), 1, tt.groups))
		if id != tt.id {
			t.Errorf("%s: got job %d, want %d", tt.name, id, tt.id)
		}
		wantFault(t, tt.name, err, tt.kind, "print", "")
	}
}

// Each status of IPP and of HTTP below it asks somebody for something.
func TestEachStatus(t *testing.T) {
	p := New("ipp://x/ipp/print", Options{})
	for kind, list := range map[fault.Kind][]goipp.Status{
		"": {goipp.StatusOk, goipp.StatusOkIgnoredOrSubstituted, goipp.StatusOkConflicting, goipp.StatusOkIgnoredSubscriptions, goipp.StatusOkEventsComplete, 0x00FF},
		fault.Busy: {goipp.StatusErrorBusy, goipp.StatusErrorTemporary, goipp.StatusErrorNotAcceptingJobs, goipp.StatusErrorServiceUnavailable,
			goipp.StatusErrorTooManyJobs, goipp.StatusErrorTimeout},
		fault.Broken: {goipp.StatusErrorNotAuthenticated, goipp.StatusErrorNotAuthorized, goipp.StatusErrorForbidden, goipp.StatusErrorInternal,
			goipp.StatusErrorDevice, goipp.StatusErrorPrinterIsDeactivated},
		fault.Invalid: {goipp.StatusErrorBadRequest, goipp.StatusErrorNotFound, goipp.StatusErrorGone, goipp.StatusErrorNotPossible, goipp.StatusErrorAttributesOrValues,
			goipp.StatusErrorDocumentFormatNotSupported, goipp.StatusErrorOperationNotSupported, goipp.StatusErrorVersionNotSupported},
	} {
		for _, status := range list {
			a := goipp.NewMessageWithGroups(goipp.DefaultVersion, goipp.Code(status), 1, nil)
			wantFault(t, status.String(), p.accepted(a, "cancel"), kind, "cancel", status.String())
		}
	}
	for kind, list := range map[fault.Kind][]int{fault.Busy: {503}, fault.Broken: {401, 403, 426}, fault.Garbled: {500, 502, 504, 505}, fault.Invalid: {204, 301, 400, 404, 405, 499}} {
		for _, code := range list {
			wantFault(t, fmt.Sprint(code), p.httpFault("poll", code), kind, "poll", fmt.Sprintf("HTTP %d", code))
		}
	}
}

// What a new job carries, to the letter.
func TestTicket(t *testing.T) {
	p := New("ipp://x/ipp/print", Options{User: "desk"})
	s := snapshot{sides: []string{"one-sided", "two-sided-long-edge"}, colParts: []string{"media-size", "media-source"}, scaling: []string{"auto", "none"}}
	words := func(attrs goipp.Attributes) (out []string) {
		for _, a := range attrs {
			out = append(out, a.Name+"="+a.Values.String())
		}
		return out
	}
	for op, format := range map[goipp.Op]bool{goipp.OpCreateJob: false, goipp.OpPrintJob: true} {
		m := p.request(op)
		p.ticket(m, s, printer.Job{Name: "LIC", Media: a3, Source: "tray-1"}, true)
		want := []string{"attributes-charset=utf-8", "attributes-natural-language=en", "printer-uri=ipp://x:631/ipp/print", "requesting-user-name=desk",
			"job-name=LIC", "ipp-attribute-fidelity=true"}
		if format {
			want = append(want, "document-format=application/pdf")
		}
		if got := words(m.Operation); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", op, got, want)
		}
		if got, want := words(m.Job), []string{"media=" + a3, "sides=one-sided", "print-scaling=none"}; !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", op, got, want)
		}
	}
	for name, tt := range map[string]struct {
		s    snapshot
		want []string
	}{
		"no word about sides":        {snapshot{}, []string{"media=" + a3, "sides=one-sided"}},
		"both sides always":          {snapshot{sides: []string{"two-sided-long-edge"}}, []string{"media=" + a3}},
		"sides cannot be told":       {snapshot{template: []string{"media"}, sides: []string{"one-sided"}}, []string{"media=" + a3}},
		"no size in its media-col":   {snapshot{colParts: []string{"media-source"}}, []string{"media=" + a3, "sides=one-sided"}},
		"no tray in its media-col":   {snapshot{colParts: []string{"media-size"}}, []string{"media=" + a3, "sides=one-sided"}},
		"media-col cannot be told":   {snapshot{template: []string{"sides"}, colParts: []string{"media-size", "media-source"}}, []string{"media=" + a3, "sides=one-sided"}},
		"it always makes it smaller": {snapshot{scaling: []string{"fit"}}, []string{"media=" + a3, "sides=one-sided"}},
	} {
		m := p.request(goipp.OpCreateJob)
		p.ticket(m, tt.s, printer.Job{Name: "LIC", Media: a3, Source: "tray-1"}, false)
		if got := words(m.Job); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
	for side, want := range map[printer.Sides]string{printer.LongEdge: "two-sided-long-edge", printer.ShortEdge: "two-sided-short-edge"} {
		m := p.request(goipp.OpCreateJob)
		p.ticket(m, snapshot{sides: []string{want}}, printer.Job{Name: "LIC", Media: a3, Sides: side}, false)
		if got := words(m.Job); !slices.Equal(got, []string{"media=" + a3, "sides=" + want}) {
			t.Errorf("%s: got %q", side, got)
		}
	}
	if New("ipp://x", Options{}).user != "kiosk" {
		t.Error("who asks for nothing is not called kiosk")
	}
	first := New("ipp://x", Options{})
	if a, b := first.request(goipp.OpGetJobs).RequestID, first.request(goipp.OpGetJobs).RequestID; a != 1 || b != 2 {
		t.Errorf("requests are numbered %d, %d, want 1, 2", a, b)
	}
}
