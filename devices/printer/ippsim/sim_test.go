package ippsim

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/OpenPrinting/goipp"
)

func vector(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("../ipp/testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(data), "\n") {
		if n, text, ok := strings.Cut(line, "\t"); ok && n == name {
			b, err := hex.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	t.Fatalf("no vector %q", name)
	return nil
}

// pdf is a small document; box is its page in points.
func pdf(box string, pages int) []byte {
	return []byte("%PDF-1.4\n" + strings.Repeat("1 0 obj << /Type /Page /MediaBox ["+box+"] >> endobj\n", pages) + "2 0 obj << /Type /Pages >> endobj\n%%EOF\n")
}

const (
	boxA3 = "0 0 1190.55 841.89"
	boxA4 = "0 0 595.28 841.89"
)

func post(t testing.TB, p *Printer, body []byte) *goipp.Message {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", goipp.ContentType)
	w := httptest.NewRecorder()
	p.Handler().ServeHTTP(w, r)
	var m goipp.Message
	if err := m.DecodeBytes(w.Body.Bytes()); err != nil || w.Code != 200 {
		t.Fatalf("HTTP %d %v: %x", w.Code, err, w.Body.Bytes())
	}
	return &m
}

// ask builds a request, sends it and gives the answer.
func ask(t testing.TB, p *Printer, op goipp.Op, doc []byte, build func(m *goipp.Message)) *goipp.Message {
	t.Helper()
	m := goipp.NewRequest(goipp.DefaultVersion, op, 7)
	addCharset(m)
	m.Operation.Add(strs("printer-uri", goipp.TagURI, "ipp://example.com/ipp/print"))
	if build != nil {
		build(m)
	}
	head, err := m.EncodeBytes()
	if err != nil {
		t.Fatal(err)
	}
	a := post(t, p, append(head, doc...))
	if a.RequestID != 7 || a.Operation[0].Name != "attributes-charset" || a.Operation[1].Name != "attributes-natural-language" {
		t.Errorf("%s: the frame of the answer: %v %v", op, a.RequestID, a.Operation)
	}
	return a
}

func loaded(t testing.TB) *Printer {
	p := New(Options{})
	for name, media := range map[string]string{"tray-1": mediaA3, "tray-2": mediaA4} {
		if err := p.LoadTray(name, media, 10, "K009"); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func TestVectors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := loaded(t)
		for name, want := range map[string]string{"get-printer-attributes": "7eba48faa5aaa5da1db60bff0a1549f9e85a498abda0c2a07ff359448d8195b6",
			"print-job": "0d13281691cfe83967aeb14971f4115023bb5635e1bd580918b4839d45e5bfb9"} {
			if got := fmt.Sprintf("%x", sha256.Sum256(vector(t, name))); got != want {
				t.Errorf("%s is not what was recorded: %s", name, got)
			}
		}
		a := post(t, p, vector(t, "get-printer-attributes"))
		if goipp.Status(a.Code) != goipp.StatusOk || a.RequestID != 1 || len(a.Printer) != 2 || text(a.Printer, "printer-state") != "3" || text(a.Printer, "printer-state-reasons") != "none" {
			t.Errorf("printer: %v", a.Printer)
		}
		a = post(t, p, append(vector(t, "print-job"), pdf(boxA3, 1)...))
		if goipp.Status(a.Code) != goipp.StatusOk || len(a.Unsupported) != 0 {
			t.Errorf("job: %v %v", goipp.Status(a.Code), a.Unsupported)
		}
		if text(a.Job, "job-id") != "1" || text(a.Job, "job-state") != "3" || text(a.Job, "job-state-reasons") != "none" || !strings.HasSuffix(text(a.Job, "job-uri"), "/ipp/print/1") {
			t.Errorf("job: %v", a.Job)
		}
		time.Sleep(time.Minute)
		if got := string(p.World()); got != `{"state":"ready","trays":[{"name":"tray-1","media":"iso_a3_297x420mm","sheets":9,"next_serial":"K010"},{"name":"tray-2","media":"iso_a4_210x297mm","sheets":10,"next_serial":"K009"}],"prints":[{"n":1,"media":"iso_a3_297x420mm","pages":1,"complete":true,"serial":"K009"}]}` {
			t.Errorf("world: %s", got)
		}
		doc, err := p.PDF(1)
		if err != nil || !bytes.Equal(doc, pdf(boxA3, 1)) {
			t.Errorf("document: %q %v", doc, err)
		}
	})
}

// TestFrame: what RFC 8011 wants of every request.
func TestFrame(t *testing.T) {
	p := New(Options{})
	good := vector(t, "get-printer-attributes")
	change := func(f func(b []byte)) []byte { b := slices.Clone(good); f(b); return b }
	for what, c := range map[string]struct {
		body []byte
		want goipp.Status
	}{
		"whole":         {good, goipp.StatusOk},
		"version 1.1":   {change(func(b []byte) { b[0], b[1] = 1, 1 }), goipp.StatusOk},
		"version 3.0":   {change(func(b []byte) { b[0] = 3 }), goipp.StatusErrorVersionNotSupported},
		"request 0":     {change(func(b []byte) { b[7] = 0 }), goipp.StatusErrorBadRequest},
		"cut off":       {good[:len(good)-1], goipp.StatusErrorBadRequest},
		"empty":         {nil, goipp.StatusErrorBadRequest},
		"no such op":    {change(func(b []byte) { b[3] = 0x10 }), goipp.StatusErrorOperationNotSupported},
		"no charset":    {change(func(b []byte) { b[12] = 'x' }), goipp.StatusErrorBadRequest},
		"other charset": {bytes.Replace(good, []byte("utf-8"), []byte("utf-7"), 1), goipp.StatusErrorCharset},
		"no language":   {bytes.Replace(good, []byte("natural"), []byte("natvral"), 1), goipp.StatusErrorBadRequest},
		"no target":     {bytes.Replace(good, []byte("printer-uri"), []byte("printer-url"), 1), goipp.StatusErrorBadRequest},
		"other printer": {bytes.Replace(good, []byte("ipp/print"), []byte("ipp/prant"), 1), goipp.StatusErrorNotFound},
		"other group":   {change(func(b []byte) { b[8] = 2 }), goipp.StatusErrorBadRequest},
	} {
		if a := post(t, p, c.body); goipp.Status(a.Code) != c.want {
			t.Errorf("%s: got %s, want %s", what, goipp.Status(a.Code), c.want)
		}
	}
	for what, c := range map[string]struct {
		method, path, kind string
		want               int
	}{"get": {"GET", path, goipp.ContentType, 405}, "other path": {"POST", "/", goipp.ContentType, 404}, "other type": {"POST", path, "text/plain", 415}} {
		r := httptest.NewRequest(c.method, c.path, nil)
		r.Header.Set("Content-Type", c.kind)
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: got HTTP %d, want %d", what, w.Code, c.want)
		}
	}
}

// TestTicket: what cannot be done is refused with fidelity and named.
func TestTicket(t *testing.T) {
	p := loaded(t)
	col := func(x, y int, more ...goipp.Attribute) goipp.Attribute {
		return goipp.MakeAttrCollection("media-col", goipp.MakeAttrCollection("media-size", ints("x-dimension", goipp.TagInteger, x), ints("y-dimension", goipp.TagInteger, y)), more...)
	}
	for _, c := range []struct {
		attr goipp.Attribute
		ok   bool
	}{
		{col(29700, 42000), true}, {col(21000, 29700, keyword("media-source", "tray-2")), true}, {col(29700, 42000, keyword("media-source", "tray-2")), false},
		{col(42000, 29700), false}, {col(29700, 42000, keyword("media-source", "tray-7")), false}, {col(29700, 42000, keyword("media-type", "cardstock")), false},
		{col(29700, 42000, keyword("media-color", "pink")), false}, {col(29700, 42000, ints("media-top-margin", goipp.TagInteger, 0)), true},
		{keyword("media", mediaA3), true}, {keyword("media", "na_letter_8.5x11in"), false}, {strs("media", goipp.TagName, mediaA3), false}, {keyword("sides", "one-sided"), true},
		{keyword("sides", "two-sided-long-edge"), true}, {keyword("sides", "two-sided-short-edge"), true}, {keyword("sides", "three-sided"), false},
		{ints("finishings", goipp.TagEnum, 3), true}, {ints("finishings", goipp.TagEnum, 4), false}, {span("page-ranges", 1, 2), true}, {span("page-ranges", 2, 1), false},
		{span("page-ranges", 0, 1), false}, {goipp.Attribute{Name: "page-ranges", Values: append(span("page-ranges", 1, 2).Values, span("", 2, 3).Values...)}, false},
		{goipp.Attribute{Name: "page-ranges", Values: append(span("page-ranges", 1, 2).Values, span("", 3, 3).Values...)}, true}, {ints("page-ranges", goipp.TagInteger, 1), false},
		{keyword("print-content-optimize", "auto"), true}, {keyword("print-rendering-intent", "saturation"), false}, {keyword("print-scaling", "none"), true}, {keyword("print-scaling", "fit"), false},
		{ints("copies", goipp.TagInteger, 1), true}, {ints("copies", goipp.TagInteger, 99), true}, {ints("copies", goipp.TagInteger, 0), false}, {ints("copies", goipp.TagInteger, 100), false},
		{ints("print-quality", goipp.TagEnum, 4), true}, {ints("print-quality", goipp.TagEnum, 3), false}, {ints("orientation-requested", goipp.TagEnum, 4), true},
		{keyword("print-color-mode", "color"), false}, {keyword("print-color-mode", "monochrome"), true}, {keyword("output-bin", "face-down"), true}, {keyword("output-bin", "roof"), false},
		{keyword("job-hold-until", "no-hold"), false}, {keyword("sides", "one-sided", "one-sided"), false},
		{goipp.MakeAttribute("printer-resolution", goipp.TagResolution, goipp.Resolution{Xres: 600, Yres: 600, Units: goipp.UnitsDpi}), true},
		{goipp.MakeAttribute("printer-resolution", goipp.TagResolution, goipp.Resolution{Xres: 300, Yres: 600, Units: goipp.UnitsDpi}), false},
	} {
		for _, fidelity := range []bool{true, false} {
			a := ask(t, p, goipp.OpValidateJob, nil, func(m *goipp.Message) {
				m.Operation.Add(boolean("ipp-attribute-fidelity", fidelity))
				m.Job.Add(c.attr)
			})
			want := goipp.StatusOk
			if !c.ok {
				want = goipp.StatusOkIgnoredOrSubstituted
				if fidelity {
					want = goipp.StatusErrorAttributesOrValues
				}
			}
			if _, named := find(a.Unsupported, c.attr.Name); goipp.Status(a.Code) != want || named == c.ok {
				t.Errorf("%v fidelity %v: got %s, unsupported %v; want %s", c.attr, fidelity, goipp.Status(a.Code), a.Unsupported, want)
			}
		}
	}
	a := ask(t, p, goipp.OpValidateJob, nil, func(m *goipp.Message) { m.Job.Add(keyword("media", mediaA3)); m.Job.Add(col(29700, 42000)) })
	if goipp.Status(a.Code) != goipp.StatusErrorBadRequest {
		t.Errorf("media and media-col: got %s", goipp.Status(a.Code))
	}
	for name, want := range map[string]goipp.Status{"image/jpeg": goipp.StatusOk, "image/urf": goipp.StatusErrorDocumentFormatNotSupported, "application/octet-stream": goipp.StatusErrorDocumentFormatNotSupported, "application/pdf": goipp.StatusOk} {
		a := ask(t, p, goipp.OpValidateJob, nil, func(m *goipp.Message) { m.Operation.Add(strs("document-format", goipp.TagMimeType, name)) })
		if goipp.Status(a.Code) != want {
			t.Errorf("%s: got %s", name, goipp.Status(a.Code))
		}
	}
}

// TestCreateJobTimesOut: a job whose document does not come is given up after a minute.
func TestCreateJobTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := loaded(t)
		byID := func(m *goipp.Message) { m.Operation.Add(ints("job-id", goipp.TagInteger, 1)) }
		a := ask(t, p, goipp.OpCreateJob, nil, nil)
		if text(a.Job, "job-state") != "4" || text(a.Job, "job-state-reasons") != "job-incoming" {
			t.Errorf("created: %v", a.Job)
		}
		send := func(m *goipp.Message) { byID(m); m.Operation.Add(boolean("last-document", true)) }
		if a := ask(t, p, goipp.OpSendDocument, pdf(boxA4, 1), byID); goipp.Status(a.Code) != goipp.StatusErrorBadRequest {
			t.Errorf("without last-document: %s", goipp.Status(a.Code))
		}
		time.Sleep(59 * time.Second)
		if a := ask(t, p, goipp.OpGetJobAttributes, nil, byID); text(a.Job, "job-state") != "4" {
			t.Errorf("after 59 s: %v", a.Job)
		}
		time.Sleep(2 * time.Second)
		if a := ask(t, p, goipp.OpGetJobAttributes, nil, byID); text(a.Job, "job-state") != "8" {
			t.Errorf("after 61 s: %v", a.Job)
		}
		if a := ask(t, p, goipp.OpSendDocument, pdf(boxA4, 1), send); goipp.Status(a.Code) != goipp.StatusErrorNotPossible {
			t.Errorf("too late: %s", goipp.Status(a.Code))
		}
		if a := ask(t, p, goipp.OpCancelJob, nil, byID); goipp.Status(a.Code) != goipp.StatusErrorNotPossible {
			t.Errorf("cancel what is over: %s", goipp.Status(a.Code))
		}
		if a := ask(t, p, goipp.OpCancelJob, nil, nil); goipp.Status(a.Code) != goipp.StatusErrorNotFound {
			t.Errorf("cancel nothing: %s", goipp.Status(a.Code))
		}
	})
}

// TestForgets: jobs that have ended are known for as long as the printer was made to know them, those at work always.
func TestForgets(t *testing.T) {
	for forgets, known := range map[time.Duration]bool{0: true, time.Second: false, time.Minute: true} {
		synctest.Test(t, func(t *testing.T) {
			p := New(Options{Forgets: forgets})
			for _, wait := range []bool{false, true} {
				id, _ := number(ask(t, p, goipp.OpCreateJob, nil, nil).Job, "job-id")
				if !wait {
					ask(t, p, goipp.OpCancelJob, nil, func(m *goipp.Message) { m.Operation.Add(ints("job-id", goipp.TagInteger, id)) })
				}
			}
			time.Sleep(2 * time.Second) // virtual
			for id, want := range map[int]bool{1: known, 2: true} {
				a := ask(t, p, goipp.OpGetJobAttributes, nil, func(m *goipp.Message) { m.Operation.Add(ints("job-id", goipp.TagInteger, id)) })
				if got := goipp.Status(a.Code) == goipp.StatusOk; got != want {
					t.Errorf("forgets after %v: job %d is known: %v, want %v", forgets, id, got, want)
				}
			}
			p.Power(false)
		})
	}
}

func TestGetJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := loaded(t)
		for i := range 3 {
			ask(t, p, goipp.OpPrintJob, pdf(boxA4, 1), func(m *goipp.Message) {
				m.Operation.Add(strs("requesting-user-name", goipp.TagName, []string{"a", "b", "a"}[i]))
				m.Operation.Add(strs("job-name", goipp.TagName, fmt.Sprintf("job %d", i)))
			})
		}
		list := func(build func(m *goipp.Message)) string {
			a := ask(t, p, goipp.OpGetJobs, nil, build)
			var ids []string
			for _, g := range a.Groups {
				if g.Tag == goipp.TagJobGroup {
					ids = append(ids, text(g.Attrs, "job-id"))
				}
			}
			return strings.Join(ids, " ")
		}
		which := func(name string) func(m *goipp.Message) {
			return func(m *goipp.Message) { m.Operation.Add(keyword("which-jobs", name)) }
		}
		if got := list(nil); got != "1 2 3" {
			t.Errorf("at work: %q", got)
		}
		mine := func(m *goipp.Message) {
			m.Operation.Add(strs("requesting-user-name", goipp.TagName, "a"))
			m.Operation.Add(boolean("my-jobs", true))
		}
		if got := list(mine); got != "1 3" {
			t.Errorf("mine: %q", got)
		}
		if got := list(func(m *goipp.Message) { m.Operation.Add(ints("limit", goipp.TagInteger, 2)) }); got != "1 2" {
			t.Errorf("limit: %q", got)
		}
		time.Sleep(time.Minute)
		if got, done := list(nil), list(which("completed")); got != "" || done != "3 2 1" {
			t.Errorf("over: %q, completed %q", got, done)
		}
		if a := ask(t, p, goipp.OpGetJobs, nil, which("purple")); goipp.Status(a.Code) != goipp.StatusErrorAttributesOrValues {
			t.Errorf("which-jobs purple: %s", goipp.Status(a.Code))
		}
		a := ask(t, p, goipp.OpGetJobAttributes, nil, func(m *goipp.Message) {
			m.Operation.Add(strs("job-uri", goipp.TagURI, "ipp://example.com/ipp/print/2"))
		})
		for name, want := range map[string]string{"job-name": "job 1", "job-state": "9", "job-media-sheets-completed": "1", "job-impressions-completed": "1", "job-state-reasons": "job-completed-successfully"} {
			if got := text(a.Job, name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
	})
}

// TestPrinterAttributes: what a strict host looks for is there, with its right tag.
func TestPrinterAttributes(t *testing.T) {
	p := loaded(t)
	a := ask(t, p, goipp.OpGetPrinterAttributes, nil, nil)
	for _, name := range []string{"charset-configured", "charset-supported", "compression-supported", "document-format-default", "document-format-supported",
		"generated-natural-language-supported", "ipp-versions-supported", "natural-language-configured", "operations-supported", "pdl-override-supported",
		"printer-is-accepting-jobs", "printer-name", "printer-state", "printer-state-reasons", "printer-up-time", "printer-uri-supported", "queued-job-count",
		"uri-authentication-supported", "uri-security-supported", "media-col-ready", "media-ready", "printer-uuid", "multiple-operation-time-out"} {
		if _, ok := find(a.Printer, name); !ok {
			t.Errorf("%s is missing", name)
		}
	}
	if _, ok := find(a.Printer, "media-col-database"); ok {
		t.Error("media-col-database came without being asked for")
	}
	a = ask(t, p, goipp.OpGetPrinterAttributes, nil, func(m *goipp.Message) { m.Operation.Add(keyword("requested-attributes", "media-col-database")) })
	if col, ok := find(a.Printer, "media-col-database"); !ok || len(col.Values) != 4 || len(a.Printer) != 1 {
		t.Errorf("media-col-database: %v", a.Printer)
	}
	p.Faults().Arm("tray_empty", 1)
	a = ask(t, p, goipp.OpGetPrinterAttributes, nil, nil)
	if r, _ := find(a.Printer, "media-ready"); r.Values[0].T != goipp.TagNoValue || text(a.Printer, "printer-state-reasons") != "media-empty-warning" {
		t.Errorf("without paper: %v", r)
	}
	if goipp.Status(ask(t, p, goipp.OpIdentifyPrinter, nil, nil).Code) != goipp.StatusOk {
		t.Error("identify")
	}
}

func TestInspect(t *testing.T) {
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	fmt.Fprintf(w, "<< /Type /Page /MediaBox [ %s ] >> << /Type /Pages /Kids [] >> << /Type /Page/MediaBox[%s]>>", boxA3, boxA3)
	w.Close()
	folded := []byte("%PDF-1.5\n5 0 obj << /Type /ObjStm /N 2 /Filter /FlateDecode >>\nstream\n" + packed.String() + "\nendstream endobj\n%%EOF")
	for what, c := range map[string]struct {
		doc   []byte
		pages int
	}{"one": {pdf(boxA4, 1), 1}, "three": {pdf(boxA4, 3), 3}, "folded": {folded, 2}, "empty": {nil, 0}, "no end": {[]byte("%PDF-1.4 /Type /Page "), 0}, "no pages": {[]byte("%PDF-1.4 /Type /Pages %%EOF"), 0}} {
		pages, sizes, err := inspectPDF(c.doc)
		if pages != c.pages || (err == nil) != (c.pages > 0) || len(sizes) != c.pages {
			t.Errorf("%s: got %d pages %v, %v", what, pages, sizes, err)
		}
	}
	for _, c := range []struct {
		w, h  float64
		media string
		want  bool
	}{{595.28, 841.89, mediaA4, true}, {841.89, 595.28, mediaA4, true}, {595.28, 841.89, mediaA3, false}, {1190.55, 841.89, mediaA3, true}, {612, 792, mediaA4, false}, {597, 841.89, mediaA4, true}, {598, 841.89, mediaA4, false}} {
		if got := (pageSize{c.w, c.h}).fits(c.media); got != c.want {
			t.Errorf("%v fits: got %v", c, got)
		}
	}
}

func TestSerials(t *testing.T) {
	for in, want := range map[string]string{"A00000001": "A00000002", "A9": "A10", "007": "008", "B-099": "B-100", "": "", "ABC": ""} {
		if got, err := nextSerial(in); got != want || (err == nil) != (want != "") {
			t.Errorf("after %q: got %q %v, want %q", in, got, err, want)
		}
	}
	p := New(Options{})
	for what, err := range map[string]error{"media": p.LoadTray("tray-1", "na_letter", 1, "A1"), "tray": p.LoadTray("tray-3", mediaA3, 1, "A1"), "serial": p.LoadTray("tray-1", mediaA3, 1, "A"), "sheets": p.LoadTray("tray-1", mediaA3, -1, "A1")} {
		if err == nil {
			t.Errorf("load with a wrong %s: no error", what)
		}
	}
}

// TestHalfSheet: what a power cut leaves is on the account, in pictures too, and a clone goes its own way.
func TestHalfSheet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := loaded(t)
		var twin *Printer
		cut := make(chan struct{})
		p.OnPoint(func(string) { close(cut) })
		ask(t, p, goipp.OpPrintJob, pdf(boxA4, 1), nil)
		<-cut
		twin = p.Clone()
		p.Power(false)
		time.Sleep(time.Minute)
		if w := string(p.World()); !strings.Contains(w, `"complete":false,"serial":"K009"`) || !strings.Contains(w, `"state":"off"`) {
			t.Errorf("power cut: %s", w)
		}
		if w := string(twin.World()); !strings.Contains(w, `"complete":true,"serial":"K009"`) || strings.Contains(w, `"n":2`) {
			t.Errorf("twin: %s", w)
		}
		saved, err := p.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		q := New(Options{})
		if err := q.Restore(saved); err != nil || string(q.World()) != string(p.World()) {
			t.Errorf("restored: %v %s", err, q.World())
		}
		var w struct{ Prints []json.RawMessage }
		if err := json.Unmarshal(q.World(), &w); err != nil || len(w.Prints) != 1 {
			t.Errorf("world: %v", err)
		}
		if err := q.Restore([]byte("{")); err == nil {
			t.Error("restored from half a snapshot")
		}
	})
}

func TestPicture(t *testing.T) {
	if _, err := exec.LookPath("pdftoppm"); err != nil {
		t.Skip("pdftoppm is not installed")
	}
	doc := []byte("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n" +
		"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>endobj\n4 0 obj<</Length 16>>stream\n0 0 595 842 re f\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n")
	p := New(Options{})
	p.prints = []*Print{{N: 1, Document: doc, Page: 1, Complete: true}, {N: 2, Document: doc, Page: 1}}
	for n, lower := range map[int]uint32{1: 0, 2: 0xFFFF} {
		raw, err := p.PNG(n)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		b := img.Bounds()
		top, _, _, _ := img.At(b.Dx()/2, b.Dy()/4).RGBA()
		bottom, _, _, _ := img.At(b.Dx()/2, b.Dy()*3/4).RGBA()
		if top != 0 || bottom != lower {
			t.Errorf("print %d: top %x bottom %x, want 0 %x", n, top, bottom, lower)
		}
	}
	if _, err := p.PNG(3); err == nil {
		t.Error("print 3 is there")
	}
}

func FuzzRequest(f *testing.F) {
	f.Add(vector(f, "get-printer-attributes"))
	f.Add(append(vector(f, "print-job"), pdf(boxA3, 1)...))
	f.Fuzz(func(t *testing.T, in []byte) {
		p := New(Options{SheetTime: time.Nanosecond})
		a := post(t, p, in)
		if len(in) >= 8 && a.RequestID != requestID(in) {
			t.Fatalf("% x: answer to request %d", in, a.RequestID)
		}
		p.Power(false)
	})
}
