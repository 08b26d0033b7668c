package ippsim

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/OpenPrinting/goipp"
)

// rasterPage is a page of PWG raster: rows of line bytes, a pixel of so many, and the compressed rows.
func rasterPage(rows, line, pixel int, data ...byte) []byte {
	b := make([]byte, rasterHeader)
	copy(b, "PwgRaster")
	binary.BigEndian.PutUint32(b[rasterHeight:], uint32(rows))
	binary.BigEndian.PutUint32(b[rasterPixel:], uint32(pixel*8))
	binary.BigEndian.PutUint32(b[rasterLine:], uint32(line))
	return append(b, data...)
}

// TestRaster: whole pages are counted, and what is cut off anywhere is refused.
func TestRaster(t *testing.T) {
	join := func(pages ...[]byte) []byte {
		out := []byte("RaS2")
		for _, p := range pages {
			out = append(out, p...)
		}
		return out
	}
	one := rasterPage(4, 8, 1, 3, 7, 0)
	for name, c := range map[string]struct {
		doc   []byte
		pages int
	}{
		"four equal rows":        {join(one), 1},
		"two pages":              {join(one, one), 2},
		"pixels one by one":      {join(rasterPage(1, 4, 2, 0, 255, 1, 2, 3, 4)), 1},
		"white to the end":       {join(rasterPage(2, 8, 1, 1, 128)), 1},
		"three pixels":           {join(rasterPage(1, 3, 1, 0, 254, 1, 2, 3)), 1},
		"a pixel is missing":     {join(rasterPage(1, 3, 1, 0, 254, 1, 2)), 0},
		"a run without a pixel":  {join(rasterPage(1, 3, 1, 0, 2)), 0},
		"rows are missing":       {join(rasterPage(5, 8, 1, 3, 7, 0)), 0},
		"no rows":                {join(rasterPage(0, 8, 1)), 0},
		"no columns":             {join(rasterPage(1, 0, 1)), 0},
		"more rows than paper":   {join(rasterPage(rasterRowsMax+1, 8, 1)), 0},
		"more columns":           {join(rasterPage(1, rasterBytesMax+1, 1)), 0},
		"a pixel beyond the row": {join(rasterPage(1, 3, 4, 0, 0, 1, 2, 3, 4)), 0},
		"half a head":            {join(one[:100]), 0},
		"no page":                {join(), 0},
		"another format":         {[]byte("RaS3"), 0},
		"more after the end":     {append(join(one), 0), 0},
	} {
		if pages, sizes, err := inspect("image/pwg-raster", c.doc); pages != c.pages || (err == nil) != (c.pages > 0) || sizes != nil {
			t.Errorf("%s: got %d pages, %v; want %d", name, pages, err, c.pages)
		}
	}
	if _, _, err := inspect("image/jpeg", []byte("\xFF\xD8 and nothing")); err == nil {
		t.Error("half a JPEG was taken")
	}
}

func FuzzRaster(f *testing.F) {
	f.Add(append([]byte("RaS2"), rasterPage(4, 8, 1, 3, 7, 0)...))
	f.Add(append([]byte("RaS2"), rasterPage(1, 4, 2, 0, 255, 1, 2, 3, 4)...))
	f.Fuzz(func(t *testing.T, doc []byte) {
		pages, err := rasterPages(doc)
		if (err == nil) != (pages > 0) || pages > len(doc)/rasterHeader {
			t.Fatalf("% x: %d pages, %v", doc, pages, err)
		}
	})
}

// TestBothSides: a sheet that is turned over holds two pages, a copy begins on a sheet of its own, and the counters
// tell sheets and sides apart.
func TestBothSides(t *testing.T) {
	for _, c := range []struct {
		pages, copies   int
		ranges          []goipp.Range
		sides           string
		sheets          int
		impressions     int
		marked          string // pages on each sheet
		pagesOfDocument string // the first of each sheet
	}{
		{1, 1, nil, "one-sided", 1, 1, "[1]", "[1]"},
		{3, 1, nil, "one-sided", 3, 3, "[1 1 1]", "[1 2 3]"},
		{1, 1, nil, "two-sided-long-edge", 1, 1, "[1]", "[1]"},
		{3, 2, nil, "two-sided-long-edge", 4, 6, "[2 1 2 1]", "[1 3 1 3]"},
		{4, 1, nil, "two-sided-short-edge", 2, 4, "[2 2]", "[1 3]"},
		{5, 1, []goipp.Range{{Lower: 2, Upper: 3}, {Lower: 5, Upper: 9}}, "two-sided-long-edge", 2, 3, "[2 1]", "[2 5]"},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := loaded(t)
			a := ask(t, p, goipp.OpPrintJob, pdf(boxA4, c.pages), func(m *goipp.Message) {
				m.Job.Add(ints("copies", goipp.TagInteger, c.copies))
				m.Job.Add(keyword("sides", c.sides))
				if c.ranges != nil {
					r := goipp.Attribute{Name: "page-ranges"}
					for _, one := range c.ranges {
						r.Values.Add(goipp.TagRange, one)
					}
					m.Job.Add(r)
				}
			})
			if goipp.Status(a.Code) != goipp.StatusOk {
				t.Fatalf("%+v: %s %v", c, goipp.Status(a.Code), a.Unsupported)
			}
			time.Sleep(time.Minute)
			a = ask(t, p, goipp.OpGetJobAttributes, nil, func(m *goipp.Message) { m.Operation.Add(ints("job-id", goipp.TagInteger, 1)) })
			for name, want := range map[string]int{"job-state": 9, "job-media-sheets": c.sheets, "job-media-sheets-completed": c.sheets, "job-impressions": c.impressions, "job-impressions-completed": c.impressions} {
				if got, _ := number(a.Job, name); got != want {
					t.Errorf("%+v: %s %d, want %d", c, name, got, want)
				}
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			var marked, first []int
			for _, s := range p.prints {
				marked, first = append(marked, s.Pages), append(first, s.Page)
			}
			if got := fmt.Sprint(marked); got != c.marked || fmt.Sprint(first) != c.pagesOfDocument {
				t.Errorf("%+v: sheets of %s pages beginning at %v", c, got, first)
			}
		})
	}
	p := loaded(t)
	a := ask(t, p, goipp.OpPrintJob, pdf(boxA4, 2), func(m *goipp.Message) { m.Job.Add(span("page-ranges", 3, 4)) })
	if goipp.Status(a.Code) != goipp.StatusErrorDocumentFormatError {
		t.Errorf("pages that are not: %s", goipp.Status(a.Code))
	}
}

// TestCancelMyJobs: those of another user stay, and of named ones all go or none.
func TestCancelMyJobs(t *testing.T) {
	for _, c := range []struct {
		ids    []int
		status goipp.Status
		want   string // the states after it
	}{
		{nil, goipp.StatusOk, "[7 3 7]"}, {[]int{3}, goipp.StatusOk, "[3 3 7]"}, {[]int{1, 3}, goipp.StatusOk, "[7 3 7]"},
		{[]int{2}, goipp.StatusErrorNotPossible, "[3 3 3]"}, {[]int{1, 9}, goipp.StatusErrorNotPossible, "[3 3 3]"},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := loaded(t)
			user := func(name string) func(m *goipp.Message) {
				return func(m *goipp.Message) { m.Operation.Add(strs("requesting-user-name", goipp.TagName, name)) }
			}
			for _, name := range []string{"we", "they", "we"} {
				ask(t, p, goipp.OpPrintJob, pdf(boxA4, 1), user(name))
			}
			a := ask(t, p, goipp.OpCancelMyJobs, nil, func(m *goipp.Message) {
				user("we")(m)
				if c.ids != nil {
					m.Operation.Add(ints("job-ids", goipp.TagInteger, c.ids...))
				}
			})
			p.mu.Lock()
			var states []int
			for _, j := range p.jobs {
				states = append(states, j.state)
			}
			p.mu.Unlock()
			if goipp.Status(a.Code) != c.status || fmt.Sprint(states) != c.want {
				t.Errorf("%v: got %s, states %v; want %s, %s", c.ids, goipp.Status(a.Code), states, c.status, c.want)
			}
			p.Power(false)
			time.Sleep(time.Second)
		})
	}
}

// TestDouble: the answer comes twice on one connection, each of them whole.
func TestDouble(t *testing.T) {
	p := loaded(t)
	server := httptest.NewServer(p.Handler())
	defer server.Close()
	if err := p.Faults().Arm("double", 1); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r, err := http.Post(server.URL+path, goipp.ContentType, strings.NewReader(string(vector(t, "get-printer-attributes"))))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		var m goipp.Message
		if err != nil || m.DecodeBytes(body) != nil || m.RequestID != 1 {
			t.Errorf("an answer: %x, %v", body, err)
		}
	}
	if p.Faults().On("double") {
		t.Error("it did not befall")
	}
}
