package ipp

import (
	"bytes"
	"encoding/hex"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/OpenPrinting/goipp"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
)

func vector(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(data), "\n") {
		if n, text, ok := strings.Cut(line, "\t"); ok && n == name {
			b, err := hex.DecodeString(text)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return b
		}
	}
	t.Fatalf("no vector %q", name)
	return nil
}

func TestRequestVector(t *testing.T) {
	m := request(goipp.OpGetPrinterAttributes, 1, "ipp://localhost:8632/ipp/print", "")
	m.Operation.Add(keyword("requested-attributes", "printer-state", "printer-state-reasons"))
	got, err := m.EncodeBytes()
	if want := vector(t, "get-printer-attributes"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %x %v, want %x", got, err, want)
	}
	m = request(goipp.OpPrintJob, 2, "ipp://localhost:8632/ipp/print", "kiosk")
	m.Operation.Add(goipp.MakeAttribute("job-name", goipp.TagName, goipp.String("LIC-0001")))
	head, _ := m.EncodeBytes()
	if want := vector(t, "print-job"); !bytes.HasPrefix(want, head[:len(head)-1]) {
		t.Errorf("got %x, want the beginning of %x", head, want)
	}
}

func TestMediaColVector(t *testing.T) {
	col, ok := mediaCol("iso_a3_297x420mm", "")
	m := goipp.NewRequest(goipp.DefaultVersion, goipp.OpCreateJob, 1)
	m.Job.Add(col)
	got, err := m.EncodeBytes()
	if want := vector(t, "media-col A3"); !ok || err != nil || !bytes.Equal(got[9:len(got)-1], want) {
		t.Errorf("got %x %v, want %x", got[9:len(got)-1], err, want)
	}
	if _, ok := mediaCol("na_letter", ""); ok {
		t.Error("media-col of an unknown medium")
	}
	with, _ := mediaCol("iso_a4_210x297mm", "tray-2")
	attrs := goipp.Attributes(with.Values[0].V.(goipp.Collection))
	if text(attrs, "media-source") != "tray-2" || mediaName(attrs) != "iso_a4_210x297mm" {
		t.Errorf("media-col: %v", attrs)
	}
}

func TestAnswerVector(t *testing.T) {
	raw := vector(t, "print-job answer")
	m, err := decodeAnswer(raw, 2)
	if err != nil {
		t.Fatal(err)
	}
	j := readJob(m.Job)
	if j.id != 1 || j.state != 3 || !slices.Equal(j.reasons, []string{"none"}) || j.counted || j.begun || j.incoming() {
		t.Errorf("job: got %+v", j)
	}
	if _, err := decodeAnswer(raw, 3); err == nil {
		t.Error("the answer to another request was taken")
	}
	for n := range raw {
		if _, err := decodeAnswer(raw[:n], 2); err == nil {
			t.Errorf("%d of %d bytes were taken for an answer", n, len(raw))
		}
	}
	old := slices.Clone(raw)
	old[0] = 3
	if _, err := decodeAnswer(old, 2); err == nil {
		t.Error("version 3.0 was taken")
	}
	if _, err := decodeAnswer([]byte{2, 0, 0, 0, 0, 0, 0, 2, 3}, 2); err == nil {
		t.Error("an answer without groups was taken")
	}
}

func TestAddresses(t *testing.T) {
	for in, want := range map[string][2]string{
		"ipp://10.0.0.5/ipp/print":        {"http://10.0.0.5:631/ipp/print", "ipp://10.0.0.5:631/ipp/print"},
		"ipps://printer/ipp/print":        {"https://printer:631/ipp/print", "ipps://printer:631/ipp/print"},
		"http://127.0.0.1:8632/ipp/print": {"http://127.0.0.1:8632/ipp/print", "ipp://127.0.0.1:8632/ipp/print"},
		"http://[::1]:60000/ipp/print":    {"http://[::1]:60000/ipp/print", "ipp://[::1]:60000/ipp/print"},
		"http://printer":                  {"http://printer:80/ipp/print", "ipp://printer:80/ipp/print"},
		"https://printer/":                {"https://printer:443/ipp/print", "ipps://printer:443/ipp/print"},
	} {
		post, name, err := addresses(in)
		if err != nil || [2]string{post, name} != want {
			t.Errorf("%s: got %s %s %v, want %v", in, post, name, err, want)
		}
	}
	for _, in := range []string{"", "serial:/dev/x", "ipp:///ipp/print", "%zz"} {
		if _, _, err := addresses(in); err == nil {
			t.Errorf("%q was taken", in)
		}
	}
	p := New("nonsense", Options{})
	if _, err := p.Submit(t.Context(), printer.Job{Name: "x", Document: []byte("%PDF-"), Media: "iso_a4_210x297mm", Sheets: 1}); !fault.Is(err, fault.Invalid) {
		t.Errorf("submit to nowhere: %v", err)
	}
}

func TestReasons(t *testing.T) {
	for _, c := range []struct {
		state   int
		held    bool
		reasons string
		want    fault.Kind
	}{
		{3, false, "none", ""}, {3, false, "", ""}, {4, false, "none", ""}, {5, false, "none", fault.Broken},
		{5, false, "door-open-error", fault.Open}, {3, false, "cover-open", fault.Open}, {3, false, "interlock-open-warning", fault.Open},
		{3, false, "door-open-report", ""}, {5, false, "media-jam-error", fault.Jammed}, {3, false, "media-jam-warning", fault.Jammed},
		{3, false, "media-empty-warning", ""}, {3, true, "media-empty-warning", fault.Empty}, {5, false, "media-empty-warning", fault.Empty},
		{3, false, "media-empty-error", fault.Empty}, {3, false, "media-needed", fault.Empty}, {3, false, "media-low-warning", ""},
		{3, false, "toner-empty-error", fault.Empty}, {3, false, "toner-low-warning", ""}, {3, false, "marker-supply-empty-error", fault.Empty},
		{3, false, "output-area-full-warning", fault.Full}, {3, false, "marker-waste-full-error", fault.Full}, {3, false, "output-area-almost-full-warning", ""},
		{3, false, "input-tray-missing", fault.Open}, {3, false, "output-tray-missing-error", fault.Open}, {3, false, "paused", fault.Busy},
		{3, false, "moving-to-paused", fault.Busy}, {3, false, "spool-area-full", fault.Busy}, {3, false, "shutdown", fault.Silent},
		{3, false, "connecting-to-device", fault.Silent}, {3, false, "timed-out", fault.Silent}, {3, false, "fuser-over-temp-error", fault.Broken},
		{3, false, "fuser-under-temp-warning", fault.Busy}, {3, false, "opc-life-over", fault.Broken}, {3, false, "developer-empty", fault.Empty},
		{3, false, "other-error", fault.Broken}, {3, false, "stopping", fault.Busy}, {3, false, "flux-capacitor-error", fault.Broken},
		{3, false, "flux-capacitor", fault.Broken}, {3, false, "flux-capacitor-warning", ""}, {3, false, "flux-capacitor-report", ""},
		{3, false, "toner-low-report door-open-error", fault.Open}, {3, false, "door-open-report door-open-warning", fault.Open}, {3, false, "media-empty-warning media-empty-error", fault.Empty},
		{3, false, "media-needed-warning", ""}, {3, true, "media-low-warning", ""}, {3, false, "media-jam-report", ""}, {3, false, "other-warning paused", fault.Busy},
		{3, false, "flux-capacitor-report flux-capacitor-error", fault.Broken}, {3, false, "none media-low flux-capacitor", fault.Broken},
		{5, false, "media-empty-error door-open-error", fault.Open}, {5, false, "toner-low-warning media-jam-error", fault.Jammed},
	} {
		s := snapshot{state: c.state, reasons: strings.Fields(c.reasons), accepting: true}
		got := fault.Kind("")
		if f := s.fault("poll", c.held); f != nil {
			got = f.Kind
		}
		if got != c.want {
			t.Errorf("state %d held %v %q: got %q, want %q", c.state, c.held, c.reasons, got, c.want)
		}
	}
	for _, r := range []string{"none", "media-low", "toner-low", "marker-supply-low", "output-area-almost-full", "marker-waste-almost-full", "opc-near-eol",
		"developer-low", "stopped-partly", "identify-printer-requested", "wifi-not-configured", "hold-new-jobs", "deleted"} {
		if f := (snapshot{state: 3, accepting: true, reasons: []string{r}}).fault("poll", false); f != nil {
			t.Errorf("%s: got %v, want none", r, f)
		}
	}
	if f := (snapshot{state: 5, reasons: []string{"paused"}}).fault("print", false); f == nil || f.Op != "print" || f.Device != "license" || f.Detail != "paused at the panel (paused)" {
		t.Errorf("paused: got %#v", f)
	}
	if f := (snapshot{state: 3}).fault("poll", false); f == nil || f.Kind != fault.Busy {
		t.Errorf("a printer that takes no jobs: got %v", f)
	}
}

func TestPhase(t *testing.T) {
	p := func(state, sheets, total int, counted, begun bool, reasons string) jobFacts {
		return jobFacts{state: state, count: sheets, total: total, counted: counted, begun: begun, reasons: strings.Fields(reasons)}
	}
	for i, c := range []struct {
		j    jobFacts
		e    expectation
		want printer.JobPhase
	}{
		{p(3, 0, 1, true, false, ""), expectation{}, printer.JobWaiting},
		{p(4, 0, 1, true, false, ""), expectation{}, printer.JobWaiting},
		{p(5, 0, 1, true, true, ""), expectation{}, printer.JobPrinting},
		{p(6, 0, 1, true, true, ""), expectation{}, printer.JobPrinting},
		{p(9, 1, 1, true, true, ""), expectation{}, printer.JobPrinted},
		{p(9, 1, 0, true, true, ""), expectation{}, printer.JobPrinted},
		{p(9, 0, 0, true, true, ""), expectation{}, printer.JobSpoiled},
		{p(9, 1, 2, true, true, ""), expectation{}, printer.JobSpoiled},
		{p(9, 1, 1, true, true, ""), expectation{sheets: 2}, printer.JobSpoiled},
		{p(9, 2, 2, true, true, ""), expectation{sheets: 2}, printer.JobPrinted},
		{p(9, 0, 0, false, true, ""), expectation{sheets: 1}, printer.JobUnknown},
		{p(9, 1, 1, true, true, "job-completed-with-errors"), expectation{sheets: 1}, printer.JobSpoiled},
		{p(9, 1, 1, true, true, "job-completed-with-warnings"), expectation{sheets: 1}, printer.JobPrinted},
		{p(9, 1, 1, true, true, ""), expectation{sheets: 1, jammed: true}, printer.JobSpoiled},
		{p(7, 0, 1, true, false, ""), expectation{sheets: 1}, printer.JobFailed},
		{p(8, 0, 1, true, true, ""), expectation{sheets: 1}, printer.JobFailed},
		{p(8, 0, 1, true, true, ""), expectation{sheets: 1, jammed: true}, printer.JobSpoiled},
		{p(7, 1, 2, true, true, ""), expectation{sheets: 2}, printer.JobSpoiled},
		{p(8, 0, 0, false, true, ""), expectation{sheets: 1}, printer.JobUnknown},
		{p(7, 0, 0, false, false, ""), expectation{sheets: 1}, printer.JobFailed},
		{p(2, 0, 0, true, true, ""), expectation{}, printer.JobUnknown},
	} {
		if got := c.j.phase(c.e); got != c.want {
			t.Errorf("%d: %+v %+v: got %s, want %s", i, c.j, c.e, got, c.want)
		}
	}
	j := p(9, 1, 1, true, true, "")
	j.media = "iso_a4_210x297mm"
	if got := j.phase(expectation{sheets: 1, media: "iso_a3_297x420mm"}); got != printer.JobSpoiled {
		t.Errorf("other paper: got %s", got)
	}
	for _, c := range []struct {
		state   int
		reasons string
		want    bool
	}{{4, "job-incoming", true}, {3, "job-data-insufficient", true}, {4, "none", false}, {5, "job-incoming", false}} {
		if got := p(c.state, 0, 0, false, false, c.reasons).incoming(); got != c.want {
			t.Errorf("incoming %+v: got %v", c, got)
		}
	}
}

func TestReadPrinter(t *testing.T) {
	num := func(name string, n int) goipp.Attribute {
		return goipp.MakeAttribute(name, goipp.TagInteger, goipp.Integer(n))
	}
	attrs := goipp.Attributes{num("printer-state", 4), num("printer-up-time", 90), num("operations-supported", 2), keyword("printer-state-reasons", "toner-low-warning"),
		keyword("media-ready", "iso_a3_297x420mm"), keyword("media-source-supported", "auto", "tray-1"),
		goipp.MakeAttribute("printer-is-accepting-jobs", goipp.TagBoolean, goipp.Boolean(false)),
		goipp.MakeAttribute("printer-make-and-model", goipp.TagText, goipp.String("Acme Laser 3000")), num("job-impressions-supported", 1)}
	s := readPrinter(attrs, time.Unix(1000, 0))
	if s.state != 4 || s.upTime != 90*time.Second || !s.has(goipp.OpPrintJob) || s.has(goipp.OpCreateJob) || s.accepting || !s.tonerLow {
		t.Errorf("printer: got %+v", s)
	}
	if s.info.Maker != "Acme" || s.info.Model != "Laser 3000" || !s.info.Counts || s.info.Queue {
		t.Errorf("info: got %+v", s.info)
	}
	if want := []printer.Tray{{Media: "iso_a3_297x420mm", Ready: true}}; !slices.Equal(s.trays, want) {
		t.Errorf("trays: got %+v, want %+v", s.trays, want)
	}
	for _, name := range []string{"cups-version", "printer-type", "device-uri", "member-uris"} {
		if q := readPrinter(append(slices.Clone(attrs), num(name, 1)), time.Time{}); !q.info.Queue {
			t.Errorf("a printer with %s is no queue", name)
		}
	}
}

// The trays of printers that say more and less.
func TestTrays(t *testing.T) {
	ready := func(source, media string) goipp.Collection {
		a, _ := mediaCol(media, source)
		return a.Values[0].V.(goipp.Collection)
	}
	cols := goipp.Attribute{Name: "media-col-ready"}
	cols.Values.Add(goipp.TagBeginCollection, ready("tray-1", "iso_a3_297x420mm"))
	cols.Values.Add(goipp.TagNoValue, goipp.Void{})
	cols.Values.Add(goipp.TagBeginCollection, ready("tray-2", "iso_a4_210x297mm"))
	odd := goipp.MakeAttrCollection("media-col-ready", keyword("media-source", "tray-1"), goipp.MakeAttrCollection("media-size",
		goipp.MakeAttribute("x-dimension", goipp.TagInteger, goipp.Integer(10000)), goipp.MakeAttribute("y-dimension", goipp.TagInteger, goipp.Integer(20000))))
	across := goipp.MakeAttrCollection("media-col-ready", keyword("media-source", "tray-1"), goipp.MakeAttrCollection("media-size",
		goipp.MakeAttribute("x-dimension", goipp.TagInteger, goipp.Integer(29700)), goipp.MakeAttribute("y-dimension", goipp.TagInteger, goipp.Integer(21000))))
	names, media := keyword("media-source-supported", "auto", "tray-1", "tray-2", "manual", "tray-3"), keyword("media-ready", "iso_a3_297x420mm", "iso_a4_210x297mm")
	a3, a4 := printer.Tray{Name: "tray-1", Media: "iso_a3_297x420mm", Ready: true}, printer.Tray{Name: "tray-2", Media: "iso_a4_210x297mm", Ready: true}
	for _, c := range []struct {
		name  string
		attrs goipp.Attributes
		want  []printer.Tray
	}{
		{"two are loaded, of three", goipp.Attributes{cols, media, names}, []printer.Tray{a3, a4, {Name: "tray-3"}}},
		{"no word of the others", goipp.Attributes{cols}, []printer.Tray{a3, a4}},
		{"none is loaded", goipp.Attributes{names}, []printer.Tray{{Name: "tray-1"}, {Name: "tray-2"}, {Name: "tray-3"}}},
		{"without collections", goipp.Attributes{names, media}, []printer.Tray{{Media: a3.Media, Ready: true}, {Media: a4.Media, Ready: true}}},
		{"paper that we do not know", goipp.Attributes{odd}, []printer.Tray{{Name: "tray-1", Ready: true}}},
		{"paper that lies across", goipp.Attributes{across}, []printer.Tray{{Name: "tray-1", Media: a4.Media, Ready: true}}},
		{"nothing", nil, nil},
	} {
		if got := readTrays(c.attrs); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

// What a job says of itself, and what it leaves out.
func TestReadJob(t *testing.T) {
	num := func(name string, n int) goipp.Attribute {
		return goipp.MakeAttribute(name, goipp.TagInteger, goipp.Integer(n))
	}
	col, _ := mediaCol("iso_a4_210x297mm", "tray-2")
	col.Name = "media-col-actual"
	base := goipp.Attributes{num("job-id", 4), num("job-state", 9), goipp.MakeAttribute("job-name", goipp.TagName, goipp.String("LIC")), keyword("job-state-reasons", "a", "b")}
	plain := jobFacts{id: 4, state: 9, name: "LIC", reasons: []string{"a", "b"}}
	with := func(change func(j *jobFacts)) jobFacts { j := plain; change(&j); return j }
	for _, c := range []struct {
		name  string
		attrs goipp.Attributes
		want  jobFacts
	}{
		{"little", nil, plain},
		{"sheets", goipp.Attributes{num("job-media-sheets", 3), num("job-media-sheets-completed", 2)}, with(func(j *jobFacts) { j.count, j.total, j.counted = 2, 3, true })},
		{"impressions", goipp.Attributes{num("job-impressions", 3), num("job-impressions-completed", 2)}, with(func(j *jobFacts) { j.count, j.total, j.counted, j.inSides = 2, 3, true, true })},
		{"both: sheets count", goipp.Attributes{num("job-impressions", 6), num("job-impressions-completed", 4), num("job-media-sheets", 3), num("job-media-sheets-completed", 0)},
			with(func(j *jobFacts) { j.count, j.total, j.counted = 0, 3, true })},
		{"sides counted, sheets known beforehand", goipp.Attributes{num("job-media-sheets", 2), num("job-impressions-completed", 4)}, with(func(j *jobFacts) { j.count, j.total, j.counted, j.inSides = 4, 2, true, true })},
		{"a total alone", goipp.Attributes{num("job-impressions", 6)}, with(func(j *jobFacts) { j.total = 6 })},
		{"what it was printed on", goipp.Attributes{col}, with(func(j *jobFacts) { j.media, j.source = "iso_a4_210x297mm", "tray-2" })},
		{"paper of no value", goipp.Attributes{goipp.MakeAttribute("media-col-actual", goipp.TagNoValue, goipp.Void{})}, plain},
		{"begun", goipp.Attributes{num("time-at-processing", 0)}, with(func(j *jobFacts) { j.begun = true })},
		{"not begun", goipp.Attributes{goipp.MakeAttribute("time-at-processing", goipp.TagNoValue, goipp.Void{})}, plain},
	} {
		got := readJob(append(slices.Clone(base), c.attrs...))
		if !slices.Equal(got.reasons, c.want.reasons) {
			t.Errorf("%s: reasons %v, want %v", c.name, got.reasons, c.want.reasons)
		}
		if got.reasons, c.want.reasons = nil, nil; !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestSheetsOutOfSides: a printer that counts sides has finished a sheet at its second side, or at the job's last.
func TestSheetsOutOfSides(t *testing.T) {
	for _, c := range []struct {
		inSides, turned    bool
		count, total, want int
		phase              printer.JobPhase // of a job of two sheets
	}{
		{false, false, 2, 2, 2, printer.JobPrinted}, {false, true, 2, 2, 2, printer.JobPrinted}, {true, false, 2, 2, 2, printer.JobPrinted},
		{true, true, 4, 4, 2, printer.JobPrinted}, {true, true, 3, 3, 2, printer.JobPrinted}, {true, true, 3, 4, 1, printer.JobSpoiled},
		{true, true, 2, 3, 1, printer.JobSpoiled}, {true, true, 1, 4, 0, printer.JobSpoiled}, {true, true, 0, 4, 0, printer.JobSpoiled},
	} {
		j := jobFacts{state: 9, counted: true, inSides: c.inSides, count: c.count, total: c.total}
		e := expectation{sheets: 2, turned: c.turned}
		if got := j.sheets(e); got != c.want || j.phase(e) != c.phase {
			t.Errorf("%+v: got %d sheets, %s", c, got, j.phase(e))
		}
	}
	j := jobFacts{state: 8, counted: true, inSides: true, count: 1, total: 4}
	if got := j.phase(expectation{sheets: 2, turned: true}); got != printer.JobSpoiled {
		t.Errorf("given up with one side marked: got %s, want spoiled", got)
	}
}

func TestTicketDegrades(t *testing.T) {
	p := New("ipp://x/ipp/print", Options{})
	j := printer.Job{Name: "LIC", Media: "iso_a3_297x420mm", Source: "tray-1", Sheets: 1}
	full := snapshot{template: []string{"media-col", "sides"}, colParts: []string{"media-size", "media-source"}, scaling: []string{"none", "fit"}}
	old := snapshot{template: []string{"media"}}
	for _, c := range []struct {
		s     snapshot
		plain bool
		want  []string
	}{{full, false, []string{"media-col", "sides", "print-scaling"}}, {full, true, []string{"media", "sides", "print-scaling"}}, {old, false, []string{"media"}}} {
		m := p.request(goipp.OpPrintJob)
		p.ticket(m, c.s, j, c.plain)
		var got []string
		for _, a := range m.Job {
			got = append(got, a.Name)
		}
		if !slices.Equal(got, c.want) || text(m.Operation, "job-name") != "LIC" || text(m.Operation, "document-format") != "application/pdf" {
			t.Errorf("ticket: got %v, want %v; %v", got, c.want, m.Operation)
		}
		if a, ok := find(m.Operation, "ipp-attribute-fidelity"); !ok || a.Values[0].V.String() != "true" {
			t.Errorf("fidelity: %v", a)
		}
	}
	two := snapshot{trays: []printer.Tray{{Name: "a", Media: j.Media, Ready: true}, {Name: "b", Media: j.Media, Ready: true}}}
	if two.oneTray(j.Media) || (snapshot{}).oneTray(j.Media) || !(snapshot{trays: two.trays[:1]}).oneTray(j.Media) {
		t.Error("oneTray")
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(vector(f, "print-job answer"))
	f.Add(vector(f, "get-printer-attributes"))
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := decodeAnswer(in, 2)
		if err != nil {
			return
		}
		readJob(m.Job).phase(expectation{})
		readPrinter(m.Printer, time.Time{}).fault("poll", false)
	})
}
