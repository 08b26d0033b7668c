package typeset

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"rsc.io/qr"

	"yichuang/kiosk/document"
)

// names are people's and shops' names that have been printed wrong somewhere: extension B and E
// characters, extension A, the dot of minorities' names, 35 characters.
var names = []string{
	"王小英", "王𠅤", "李𬺈", "张㙍", "赵䶮", "买买提·吐尔逊", "阿卜杜热合曼·阿卜杜热西提·麦麦提图尔荪", "𠅤𬺈㙍䶮·𰻝",
	"青山区东华门街道示例胡同阿卜杜热合曼麦麦提图尔荪兄弟手工拉条子面馆店甲", "MARIA-JOSÉ O'NEILL DA SILVA",
}

func TestNamesComeOutAsTheyWentIn(t *testing.T) {
	s := open(t)
	for _, kind := range []document.LicenseKind{document.Original, document.Duplicate} {
		for _, name := range names {
			l := license(kind)
			l.Name, l.Operator = name, name
			out, err := s.LicensePDF(l)
			if err != nil {
				t.Errorf("%s %q: %v", kind, name, err)
				continue
			}
			got := text(t, out)
			if n := strings.Count(got, squeeze(name)); n != 2 {
				t.Errorf("%s %q: got it %d times in %q, want 2", kind, name, n, got)
			}
			for _, want := range []string{l.Number, l.Place, l.Scope, l.Authority, "2026年11月20日", "No." + l.Serial} {
				if !strings.Contains(got, squeeze(want)) {
					t.Errorf("%s %q: got %q, want %q in it", kind, name, got, want)
				}
			}
		}
	}
}

func TestPaperSizes(t *testing.T) {
	s := open(t)
	for kind, want := range map[document.LicenseKind]string{
		document.Original: "1190.55 x 841.89 pts (A3)", document.Duplicate: "841.89 x 595.276 pts (A4)",
	} {
		out, err := s.LicensePDF(license(kind))
		if err != nil {
			t.Fatal(err)
		}
		info := string(poppler(t, out, "pdfinfo"))
		if !strings.Contains(info, want) || !strings.Contains(info, "Pages:           1\n") || !strings.Contains(info, "Nov 20") {
			t.Errorf("%s: got %s, want one page of %s", kind, info, want)
		}
	}
}

func TestFontsAreInThePage(t *testing.T) {
	s := open(t)
	l := license(document.Original)
	l.Operator = "王𠅤"
	out, err := s.LicensePDF(l)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(poppler(t, out, "pdffonts"))), "\n")[2:] {
		if !strings.Contains(line, "yes yes yes") || !strings.Contains(line, "Noto") {
			t.Errorf("got %q, want a Noto font, embedded, subset and with its characters", line)
		}
	}
	if len(out) > 600_000 {
		t.Errorf("got %d bytes, want fewer than 600,000", len(out))
	}
}

func TestSameFactsGiveTheSameBytes(t *testing.T) {
	s := open(t)
	first, err := s.LicensePDF(license(document.Original))
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := s.LicensePDF(license(document.Original)); !bytes.Equal(first, again) {
		t.Errorf("got %d other bytes, want the same %d", len(again), len(first))
	}
	other := open(t)
	if again, _ := other.LicensePDF(license(document.Original)); !bytes.Equal(first, again) {
		t.Errorf("another setter: got %d other bytes, want the same %d", len(again), len(first))
	}
}

// word is one of pdftotext's boxes, in points.
type word struct {
	XMin float64 `xml:"xMin,attr"`
	XMax float64 `xml:"xMax,attr"`
	YMin float64 `xml:"yMin,attr"`
	YMax float64 `xml:"yMax,attr"`
	Text string  `xml:",chardata"`
}

func boxes(t *testing.T, pdf []byte) []word {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(poppler(t, pdf, "pdftotext", "-bbox")))
	var out []word
	for {
		token, err := d.Token()
		if err != nil {
			break
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "word" {
			var w word
			if err := d.DecodeElement(&w, &e); err != nil {
				t.Fatal(err)
			}
			out = append(out, w)
		}
	}
	if len(out) == 0 {
		t.Fatal("no words on the page")
	}
	return out
}

// However long the facts are, each stays in its box, or the sheet is refused.
func TestLongFactsStayInTheirPlace(t *testing.T) {
	s := open(t)
	for _, kind := range []document.LicenseKind{document.Original, document.Duplicate} {
		for _, n := range []int{1, 10, 18, 19, 35, 60, 200, 500} {
			l := license(kind)
			l.Scope = strings.Repeat("餐饮服务；", n/5+1)
			l.Place = strings.Repeat("示例街道", min(n, 120)/4+1)
			l.Name = strings.Repeat("示例", min(n, 48)/2+1)
			l.Authority = strings.Repeat("局", min(n, 20))
			out, err := s.LicensePDF(l)
			if err != nil {
				t.Errorf("%s %d: %v", kind, n, err)
				continue
			}
			if got := text(t, out); !strings.Contains(got, l.Scope) || !strings.Contains(got, l.Place) || !strings.Contains(got, l.Name) {
				t.Errorf("%s %d: got %q, want scope, place and name in it", kind, n, got)
			}
			sheet, _ := l.Sheet()
			for _, w := range boxes(t, out) {
				if !inSomeBox(w, sheet) {
					t.Errorf("%s %d: %q at %.0f–%.0f, %.0f–%.0f is in no box", kind, n, w.Text, w.XMin, w.XMax, w.YMin, w.YMax)
				}
			}
		}
	}
}

// inSomeBox allows for the white above and below the letters, which pdftotext counts in.
func inSomeBox(w word, sheet document.Sheet) bool {
	for _, m := range sheet.Marks {
		b, air := m.Box, m.Size*0.75
		if w.XMin >= b.X*pt-1 && w.XMax <= (b.X+b.W)*pt+1 && w.YMin >= b.Y*pt-air && w.YMax <= (b.Y+b.H)*pt+air {
			return true
		}
	}
	return false
}

func TestTooLongIsRefused(t *testing.T) {
	s := open(t)
	for what, spoil := range map[string]func(*document.License){
		"经营范围":     func(l *document.License) { l.Scope = strings.Repeat("餐饮服务；", 300) },
		"名称":       func(l *document.License) { l.Name = strings.Repeat("店", 120) },
		"统一社会信用代码": func(l *document.License) { l.Number = strings.Repeat("9", 90) },
		"QR":       func(l *document.License) { l.QR = symbolText(2960) },
	} {
		for _, kind := range []document.LicenseKind{document.Original, document.Duplicate} {
			l := license(kind)
			spoil(&l)
			_, err := s.LicensePDF(l)
			var overflow *OverflowError
			if !errors.As(err, &overflow) || overflow.Mark != what {
				t.Errorf("%s %s: got %v, want an overflow", kind, what, err)
			}
		}
	}
}

// A symbol whose modules would be too fine for a phone is refused: this one fits A3 and not A4.
func TestSymbolTooFineIsRefused(t *testing.T) {
	s := open(t)
	l := license(document.Original)
	l.QR = symbolText(2900)
	if _, err := s.LicensePDF(l); err != nil {
		t.Errorf("original: %v", err)
	}
	l.Kind = document.Duplicate
	var overflow *OverflowError
	if _, err := s.LicensePDF(l); !errors.As(err, &overflow) || overflow.Mark != "QR" {
		t.Errorf("duplicate: got %v, want an overflow", err)
	}
}

func TestUnprintableNameIsRefused(t *testing.T) {
	s := open(t)
	for _, name := range []string{"王\uE123", "王\U000F0000", "王\u202E英", "王\u200B英", "王\n英", "王\x00英", "王\xff英"} {
		l := license(document.Original)
		l.Operator = name
		out, err := s.LicensePDF(l)
		var missing *MissingError
		if !errors.As(err, &missing) || len(missing.Runes) != 1 || out != nil {
			t.Errorf("%q: got %d bytes and %v, want one missing character", name, len(out), err)
			continue
		}
		if strings.Contains(err.Error(), string(missing.Runes)) {
			t.Errorf("%q: the error %q names the character", name, err)
		}
	}
	if _, err := s.LicensePDF(document.License{}); err == nil {
		t.Error("no facts: got a page, want an error")
	}
}

// The symbol is looked at on the page as it is drawn, module by module.
func TestSymbolOnThePage(t *testing.T) {
	s := open(t)
	for _, kind := range []document.LicenseKind{document.Original, document.Duplicate} {
		l := license(kind)
		out, err := s.LicensePDF(l)
		if err != nil {
			t.Fatal(err)
		}
		sheet, _ := l.Sheet()
		const dpi = 200.0
		grey, width := pgm(t, poppler(t, out, "pdftoppm", "-gray", "-r", fmt.Sprint(dpi)))
		code, err := qr.Encode(l.QR, qr.M)
		if err != nil {
			t.Fatal(err)
		}
		module := sheet.Symbol.Box.W / float64(code.Size+8)
		wrong := 0
		for y := -4; y < code.Size+4; y++ {
			for x := -4; x < code.Size+4; x++ {
				px := (sheet.Symbol.Box.X + (float64(x)+4.5)*module) / 25.4 * dpi
				py := (sheet.Symbol.Box.Y + (float64(y)+4.5)*module) / 25.4 * dpi
				if (grey[int(py)*width+int(px)] < 128) != code.Black(x, y) {
					wrong++
				}
			}
		}
		if wrong > 0 {
			t.Errorf("%s: got %d wrong modules of %d×%d, want none", kind, wrong, code.Size, code.Size)
		}
	}
}

// The whole page against a small picture of it that somebody has looked at. Blocks of 4×4 pixels may
// differ a little, as they do from one version of the renderer to the next.
func TestPageLooksAsItDid(t *testing.T) {
	s := open(t)
	for _, kind := range []document.LicenseKind{document.Original, document.Duplicate} {
		l := license(kind)
		l.QR = "YCL1.A.B" // coarse modules: they are the same at any size of a pixel
		out, err := s.LicensePDF(l)
		if err != nil {
			t.Fatal(err)
		}
		dpi := "25"
		if kind == document.Duplicate {
			dpi = "35"
		}
		got, width := pgm(t, poppler(t, out, "pdftoppm", "-gray", "-r", dpi))
		path := filepath.Join("testdata", "license-"+string(kind)+".png")
		if os.Getenv("GOLDEN") == "write" {
			writeGrey(t, path, got, width)
			continue
		}
		want := readGrey(t, path)
		if want.Rect.Dx() != width || len(want.Pix) != len(got) {
			t.Fatalf("%s: got %d pixels of %d wide, want %d of %d", kind, len(got), width, len(want.Pix), want.Rect.Dx())
		}
		for y := 0; y+4 <= len(got)/width; y += 4 {
			for x := 0; x+4 <= width; x += 4 {
				if d := blockDifference(got, want.Pix, width, x, y); d > 16 {
					t.Fatalf("%s: the block at %d, %d of %d×%d differs by %d of 255", kind, x, y, width, len(got)/width, d)
				}
			}
		}
	}
}

// pgm reads the grey picture that pdftoppm prints.
func pgm(t *testing.T, data []byte) (grey []byte, width int) {
	t.Helper()
	var magic string
	var height, depth int
	if _, err := fmt.Sscan(string(data[:32]), &magic, &width, &height, &depth); err != nil || magic != "P5" {
		t.Fatalf("not a grey picture: %q %v", magic, err)
	}
	return data[len(data)-width*height:], width
}

func TestFourGoroutinesAtOnce(t *testing.T) {
	s := open(t)
	want, err := s.LicensePDF(license(document.Original))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 {
				got, err := s.LicensePDF(license(document.Original))
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("got %d bytes, %v, want the same %d", len(got), err, len(want))
				}
				if missing := s.Missing("王𠅤\uE000"); string(missing) != "\uE000" {
					t.Errorf("got %q missing, want one", string(missing))
				}
			}
		})
	}
	wg.Wait()
}

// gotk3 frees no layout: without our own unref this grows by more than 20 kB a page, and by 0.5 MB in all with it.
// PAGES in the environment says how many pages follow the first ones.
func TestMemoryStaysFlat(t *testing.T) {
	s := open(t)
	pages := func(n int) {
		for range n {
			if _, err := s.LicensePDF(license(document.Original)); err != nil {
				t.Fatal(err)
			}
		}
	}
	n := 130
	if text := os.Getenv("PAGES"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatalf("PAGES: %v", err)
		}
	}
	pages(40)
	before := resident(t)
	pages(n)
	grown := resident(t) - before
	if grown > 2<<20 {
		t.Errorf("got %d kB more after %d pages, want fewer than 2048", grown>>10, n)
	}
}

// resident is the process's anonymous memory, so that mapped font files do not count.
func resident(t *testing.T) int64 {
	t.Helper()
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	for _, line := range strings.Split(string(data), "\n") {
		var kB int64
		if n, _ := fmt.Sscanf(line, "RssAnon: %d kB", &kB); n == 1 {
			return kB << 10
		}
	}
	t.Skip("no RssAnon")
	return 0
}

func TestClosedSetterSetsNothing(t *testing.T) {
	s := open(t)
	s.Close()
	s.Close()
	if _, err := s.LicensePDF(license(document.Original)); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want %v", err, ErrClosed)
	}
	if got := s.Missing("王英"); string(got) != "王英" {
		t.Errorf("got %q, want all of it missing", string(got))
	}
}

func BenchmarkLicense(b *testing.B) {
	s := open(b)
	for b.Loop() {
		if _, err := s.LicensePDF(license(document.Original)); err != nil {
			b.Fatal(err)
		}
	}
}
