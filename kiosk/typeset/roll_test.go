package typeset

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"yichuang/devices/printer"
	"yichuang/kiosk/document"
)

var wide = printer.RollInfo{WidthDots: 576, Columns: 48}
var narrow = printer.RollInfo{WidthDots: 384, Columns: 32}

// common is a printer that knows ASCII and the common Chinese characters, and no rare one.
func common(r rune) bool {
	return 0x20 <= r && r < 0x7F || 0x4E00 <= r && r <= 0x9FA5 || strings.ContainsRune("，。、；：（）「」【】×·—“”", r)
}

// dump writes a strip as it will lie on the paper; a picture by its size and how many dots are black.
func dump(strip printer.Strip) string {
	var b strings.Builder
	for _, l := range strip.Lines {
		marks := ""
		if l.Bold {
			marks += " bold"
		}
		if l.Wide {
			marks += " wide"
		}
		if l.High {
			marks += " high"
		}
		switch {
		case l.Dots != nil:
			fmt.Fprintf(&b, "dots %d×%d\n", l.Dots.Width, l.Dots.Height)
		case l.QR != "":
			fmt.Fprintf(&b, "QR %s %s\n", l.Align, l.QR)
		case l.Feed > 0:
			fmt.Fprintf(&b, "feed %d\n", l.Feed)
		default:
			fmt.Fprintf(&b, "%-6s|%s|%s\n", l.Align, l.Text, marks)
		}
	}
	return b.String()
}

// Golden files are written anew with GOLDEN=write in the environment.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if os.Getenv("GOLDEN") == "write" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\ngot\n%s\nwant\n%s", name, got, want)
	}
}

func TestReceiptOnTheRoll(t *testing.T) {
	s := open(t)
	for name, roll := range map[string]printer.RollInfo{"wide": wide, "narrow": narrow} {
		for _, lang := range []document.Lang{document.Chinese, document.English} {
			strip, err := s.Strip(receipt("王*英").Paper(lang), roll, common)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "receipt-"+name+"."+string(lang), dump(strip))
			for _, l := range strip.Lines {
				room := roll.Columns
				if l.Wide {
					room /= 2
				}
				if n := columns(l.Text); n > room {
					t.Errorf("%s %s: %q is %d columns of %d", name, lang, l.Text, n, room)
				}
			}
		}
	}
}

func TestOnlyTheRareLineBecomesAPicture(t *testing.T) {
	s := open(t)
	plain, err := s.Strip(receipt("王*英").Paper(document.Chinese), wide, common)
	if err != nil {
		t.Fatal(err)
	}
	rare, err := s.Strip(receipt("王*𠅤").Paper(document.Chinese), wide, common)
	if err != nil {
		t.Fatal(err)
	}
	if len(plain.Lines) != len(rare.Lines) {
		t.Fatalf("got %d lines, want %d", len(rare.Lines), len(plain.Lines))
	}
	changed := 0
	for i, l := range rare.Lines {
		if l.Dots != nil && plain.Lines[i].Dots == nil {
			changed++
			if !strings.Contains(plain.Lines[i].Text, "王*英") || l.Dots.Width != 576 || l.Dots.Height != 30 || l.Text != "" {
				t.Errorf("line %d: got a picture %d×%d for %q, want the name's", i, l.Dots.Width, l.Dots.Height, plain.Lines[i].Text)
			}
			left, right := dots(l.Dots, 0, 48), dots(l.Dots, 576-60, 576)
			if left < 100 || right < 200 || dots(l.Dots, 60, 500) > 0 {
				t.Errorf("got %d black dots at the label, %d at the name, %d between; want many, many, none", left, right, dots(l.Dots, 60, 500))
			}
		}
	}
	if changed != 1 {
		t.Errorf("got %d lines as pictures, want 1", changed)
	}
}

// dots counts the black dots between two columns of dots.
func dots(d *printer.Dots, from, to int) int {
	n := 0
	for y := range d.Height {
		for x := from; x < to; x++ {
			if d.Bits[y*((d.Width+7)/8)+x/8]>>(7-x%8)&1 == 1 {
				n++
			}
		}
	}
	return n
}

func TestPictureOfALine(t *testing.T) {
	s := open(t)
	set := func(b document.Block) *printer.Dots {
		t.Helper()
		strip, err := s.Strip(document.Paper{Blocks: []document.Block{b}}, wide, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(strip.Lines) != 2 || strip.Lines[0].Dots == nil || strip.Lines[1].Feed != tailDots {
			t.Fatalf("%v: got %v, want one picture and the tail", b, dump(strip))
		}
		return strip.Lines[0].Dots
	}
	block := document.Block{Kind: document.Text, Text: "田田"}
	left := set(block)
	block.Align = document.Right
	right := set(block)
	block.Align = document.Centre
	centre := set(block)
	block.Bold = true
	bold := set(block)
	block.Bold, block.Large = false, true
	large := set(block)
	all := dots(left, 0, 48)
	if all < 100 || dots(left, 48, 576) != 0 || dots(right, 576-48, 576) != all || dots(right, 0, 576-48) != 0 {
		t.Errorf("got %d and %d black dots at the edges, want the same", all, dots(right, 576-48, 576))
	}
	if got := dots(centre, 264, 312); got != all || dots(centre, 0, 576) != all {
		t.Errorf("centre: got %d black dots in the middle, want %d", got, all)
	}
	if got := dots(bold, 0, 576); got <= all*5/4 {
		t.Errorf("bold: got %d black dots, want clearly more than %d", got, all)
	}
	if got := dots(large, 240, 336); got < all*2 || large.Height != 54 || dots(large, 0, 576) != got {
		t.Errorf("large: got %d black dots in %d rows, want more than %d in 54", got, large.Height, all*2)
	}
	// 田 is framed all round: nothing of it may be cut off above or below.
	for _, d := range []*printer.Dots{left, large} {
		row := d.Width / 8
		for _, y := range []int{0, d.Height - 1} {
			if !bytes.Equal(d.Bits[y*row:(y+1)*row], make([]byte, row)) {
				t.Errorf("row %d of %d is not white", y, d.Height)
			}
		}
	}
}

func TestRuleGapAndSymbol(t *testing.T) {
	s := open(t)
	strip, err := s.Strip(document.Paper{Blocks: []document.Block{
		{Kind: document.Rule}, {Kind: document.Gap}, {Kind: document.QR, Text: "YC1:C1", Align: document.Centre},
		{Kind: document.QR, Text: "YC1:C2", Align: document.Right}, {Kind: document.Text, Text: "甲\n\n乙"},
	}}, wide, common)
	if err != nil {
		t.Fatal(err)
	}
	const want = "feed 8\ndots 576×2\nfeed 8\nfeed 24\nQR centre YC1:C1\nQR right YC1:C2\nleft  |甲|\nfeed 24\nleft  |乙|\nfeed 32\n"
	if got := dump(strip); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if n := dots(strip.Lines[1].Dots, 0, 576); n != 1152 {
		t.Errorf("rule: got %d black dots, want 1152", n)
	}
}

func TestStripRefusesWhatCannotBePrinted(t *testing.T) {
	s := open(t)
	everything := func(rune) bool { return true }
	for _, text := range []string{"\x1b@", "a\tb", "\u202e", "\ue000", "\xff"} {
		for _, b := range []document.Block{{Kind: document.Text, Text: text}, {Kind: document.Fine, Text: text},
			{Kind: document.Row, Label: text}, {Kind: document.Row, Value: text + text}} {
			_, err := s.Strip(document.Paper{Blocks: []document.Block{b, b}}, wide, everything)
			var missing *MissingError
			if !errors.As(err, &missing) || len(missing.Runes) != 1 {
				t.Errorf("%v: got %v, want one missing character", b, err)
			}
		}
	}
	// What only the printer has is the printer's to print.
	p := document.Paper{Blocks: []document.Block{{Kind: document.Text, Text: "ሀ"}}}
	if strip, err := s.Strip(p, wide, everything); err != nil || strip.Lines[0].Text != "ሀ" {
		t.Errorf("got %v %v, want the text", strip, err)
	}
	if _, err := s.Strip(p, wide, common); err == nil {
		t.Error("neither has it: got a strip, want an error")
	}
	bad := receipt("王*英")
	bad.Owed = 1
	if _, err := s.Strip(bad.Paper(document.Chinese), wide, common); err == nil || !strings.Contains(err.Error(), "placed") {
		t.Errorf("a receipt that does not add up: got %v, want why", err)
	}
	for _, roll := range []printer.RollInfo{{}, {WidthDots: 576, Columns: 15}, {WidthDots: 127, Columns: 16}} {
		if _, err := s.Strip(receipt("王").Paper(document.Chinese), roll, common); err == nil {
			t.Errorf("%v: got a strip, want an error", roll)
		}
	}
	if _, err := s.Strip(p, printer.RollInfo{WidthDots: 128, Columns: 16}, everything); err != nil {
		t.Errorf("the narrowest roll: %v", err)
	}
}

func TestPreview(t *testing.T) {
	s := open(t)
	p := receipt("王*𠅤").Paper(document.Chinese)
	data, err := s.PaperPNG(p, 576)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	size := img.Bounds().Size()
	if size.X != 576+2*previewMargin || size.Y < 700 || size.Y > 1300 {
		t.Errorf("got %v, want %d wide and about 1000 high", size, 576+2*previewMargin)
	}
	// The corner of the symbol is a black square of seven modules with a white ring in it.
	x0 := previewMargin + (576-21*previewModule)/2
	for y := range size.Y {
		if r, _, _, _ := img.At(x0, y).RGBA(); r == 0 && ringAt(img.At, x0, y) {
			return
		}
	}
	t.Error("there is no symbol in the preview")
}

// The preview is dot for dot what a printer that knows no characters would print.
func TestPreviewIsTheStrip(t *testing.T) {
	s := open(t)
	p := document.Paper{Blocks: []document.Block{{Kind: document.Gap}, {Kind: document.Row, Label: "户名", Value: "王𠅤"}}}
	data, err := s.PaperPNG(p, 576)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	strip, err := s.Strip(p, wide, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := strip.Lines[1].Dots
	if got, want := img.Bounds().Dy(), 2*previewMargin+gapDots+d.Height+tailDots; got != want {
		t.Errorf("got %d rows, want %d", got, want)
	}
	for y := range d.Height {
		for x := range d.Width {
			r, _, _, _ := img.At(previewMargin+x, previewMargin+gapDots+y).RGBA()
			if black := d.Bits[y*72+x/8]>>(7-x%8)&1 == 1; black != (r == 0) {
				t.Fatalf("dot %d, %d: got black %v, want %v", x, y, r == 0, black)
			}
		}
	}
	var overflow *OverflowError
	p = document.Paper{Blocks: []document.Block{{Kind: document.QR, Text: symbolText(100)}}}
	if _, err := s.PaperPNG(p, 192); !errors.As(err, &overflow) || overflow.Mark != "QR" {
		t.Errorf("got %v, want an overflow of the symbol", err)
	}
}

func BenchmarkStripText(b *testing.B)   { benchmarkStrip(b, common) }
func BenchmarkStripRaster(b *testing.B) { benchmarkStrip(b, nil) }

func benchmarkStrip(b *testing.B, has func(rune) bool) {
	s := open(b)
	p := receipt("王*英").Paper(document.Chinese)
	for b.Loop() {
		if _, err := s.Strip(p, wide, has); err != nil {
			b.Fatal(err)
		}
	}
}
