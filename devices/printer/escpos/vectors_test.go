package escpos

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
)

type vector struct {
	kind, name, meaning string
	raw                 []byte
}

func vectors(t testing.TB, kind string) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []vector
	for _, line := range strings.Split(string(data), "\n") {
		f := strings.Split(line, "\t")
		if len(f) != 4 || f[0] != kind {
			continue
		}
		raw, err := hex.DecodeString(f[2])
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		out = append(out, vector{f[0], f[1], f[3], raw})
	}
	if len(out) == 0 {
		t.Fatalf("no vectors of kind %s", kind)
	}
	return out
}

func TestCommands(t *testing.T) {
	made := map[string][]byte{
		"init": cmdInit, "chinese": cmdChinese, "no chinese": cmdNoChinese, "centre": cmdAlign(1), "double": cmdSize(true, true),
		"single": cmdSize(false, false), "bold": cmdBold(true), "marker": cmdMarker, "no asb": cmdNoASB, "cut": cmdCut,
		"cut count": cmdCutCount, "maker": cmdIdentity(66), "usa": cmdUSA, "units": cmdUnits, "feed 300": cmdFeed(300),
		"raster 16x2": cmdRaster(2, []byte{0xF0, 0x0F, 0x81, 0x18}), "symbol": cmdQR("https://example.gov.cn/v?c=1", 6),
		"status 1": cmdStatus(1), "status 2": cmdStatus(2), "status 3": cmdStatus(3), "status 4": cmdStatus(4),
		"forget": cmdForget, "clear error": cmdClearError,
	}
	for _, v := range append(vectors(t, "command"), vectors(t, "realtime")...) {
		if !bytes.Equal(made[v.name], v.raw) {
			t.Errorf("%s: got % x, want % x", v.name, made[v.name], v.raw)
		}
		delete(made, v.name)
	}
	for name := range made {
		t.Errorf("%s is in no vector", name)
	}
	if got := cmdBold(false); !bytes.Equal(got, []byte{0x1B, 0x45, 0}) {
		t.Errorf("bold off: got % x", got)
	}
	for rows, want := range map[int]string{0: "", 1: "1b4a01", 255: "1b4aff", 256: "1b4aff1b4a01", 510: "1b4aff1b4aff"} {
		if got := hex.EncodeToString(cmdFeed(rows)); got != want {
			t.Errorf("feed %d: got %s, want %s", rows, got, want)
		}
	}
	if got := cmdSize(true, false)[2]; got != 0x10 {
		t.Errorf("wide: got %#x", got)
	}
}

func TestCharset(t *testing.T) {
	rank := map[string]int{"gb2312": 0, "gbk": 1, "gb18030": 2}
	for _, v := range vectors(t, "text") {
		for _, c := range []Charset{GB2312, GBK, GB18030} {
			got, err := c.encode(v.name)
			if has := rank[string(c)] >= rank[v.meaning]; has != (err == nil) {
				t.Errorf("%s in %s: got %v, want has %v", v.name, c, err, has)
			} else if has && !bytes.Equal(got, v.raw) {
				t.Errorf("%s in %s: got % x, want % x", v.name, c, got, v.raw)
			}
		}
	}
	for _, r := range []rune{'\n', 0x10, 0x7F, 0x80, '\uE000', '\uFFFD', '\u200B', '🙂'} {
		for _, c := range []Charset{GB2312, GBK} {
			if b := c.encodeRune(r); b != nil {
				t.Errorf("%U in %s: got % x, want none", r, c, b)
			}
		}
	}
	if got, _ := GBK.encode("¥5"); !bytes.Equal(got, []byte{0xA3, 0xA4, '5'}) {
		t.Errorf("yen sign: got % x", got)
	}
	for code, want := range map[int]bool{0xA2E2: false, 0xA2E3: true, 0xA8BF: true, 0xA988: false, 0xA989: true, 0xA995: true, 0xA996: false, 0xFE4F: false, 0xFE50: true, 0xFEA0: true, 0xFEA1: false} {
		if got := addedLater(code); got != want {
			t.Errorf("added later %04X: got %v", code, got)
		}
	}
}

func TestStatus(t *testing.T) {
	for _, v := range vectors(t, "status") {
		f := makeStatus([4]byte(v.raw)).fault("poll")
		if v.meaning == "" && f != nil || v.meaning != "" && (f == nil || string(f.Kind) != v.meaning) {
			t.Errorf("%s % x: got %v, want %q", v.name, v.raw, f, v.meaning)
		}
	}
	// One bit at a time, as DLE EOT in the manual lists them.
	for _, c := range []struct {
		byte, bit int
		kind      fault.Kind
		near      bool
	}{
		{0, 2, "", false}, {0, 3, fault.Busy, false}, {0, 5, fault.Busy, false}, {0, 6, fault.Busy, false},
		{1, 2, fault.Open, false}, {1, 3, fault.Busy, false}, {1, 5, fault.Empty, false}, {1, 6, fault.Broken, false},
		{2, 2, fault.Jammed, false}, {2, 3, fault.Jammed, false}, {2, 5, fault.Broken, false}, {2, 6, fault.Busy, false},
		{3, 2, "", true}, {3, 3, "", true}, {3, 5, fault.Empty, false}, {3, 6, fault.Empty, false},
	} {
		raw := [4]byte{0x12, 0x12, 0x12, 0x12}
		raw[c.byte] |= 1 << c.bit
		s := makeStatus(raw)
		f := s.fault("poll")
		got := fault.Kind("")
		if f != nil {
			got = f.Kind
		}
		if got != c.kind || s.nearEnd != c.near {
			t.Errorf("n=%d bit %d: got %q near %v, want %q near %v", c.byte+1, c.bit, got, s.nearEnd, c.kind, c.near)
		}
	}
}

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		in   string
		kind answerKind
		n    int
	}{
		{"", 0, 0}, {"12", answerRealTime, 1}, {"7e12", answerRealTime, 1}, {"00", answerMarker, 1}, {"03", answerMarker, 1},
		{"0c", answerMarker, 1}, {"0f", answerMarker, 1}, {"01", answerGarbage, 1}, {"11", answerFlow, 1}, {"13", answerFlow, 1},
		{"10", 0, 0}, {"100000", 0, 0}, {"10000000", answerASB, 4}, {"2800030f12", answerGarbage, 1}, {"38080c0f12", answerASB, 4},
		{"10120000", answerGarbage, 1}, {"5f", 0, 0}, {"5f3132", 0, 0}, {"5f313200", answerBlock, 4}, {"372500", answerCleared, 3},
		{"100f", 0, 0}, {"100f000000", 0, 0}, {"100f2000000012", answerFull, 6}, {"100fffffffff", answerFull, 6}, {"100e0000", answerASB, 4},
		{"3725", 0, 0}, {"372600", answerGarbage, 1}, {"ff", answerGarbage, 1}, {"92", answerGarbage, 1}, {"47", answerGarbage, 1},
		{"5f" + strings.Repeat("31", blockBytesMax), answerGarbage, blockBytesMax + 1},
	} {
		in, _ := hex.DecodeString(c.in)
		a, n := decode(in)
		if n != c.n || n > 0 && a.kind != c.kind {
			t.Errorf("decode %s: got kind %d, %d bytes; want %d, %d", c.in, a.kind, n, c.kind, c.n)
		}
	}
	a, _ := decode([]byte{0x5F, '4', '2', 0, 0x12})
	if n, err := parseCount(a.raw); n != 42 || err != nil {
		t.Errorf("count: got %d, %v", n, err)
	}
	for _, bad := range []string{"", "1a", "-1", "12345678901", " 1"} {
		if n, err := parseCount([]byte(bad)); err == nil {
			t.Errorf("count %q: got %d", bad, n)
		}
	}
}

// TestComposeReceipt pins a whole small receipt, mode changes included.
func TestComposeReceipt(t *testing.T) {
	strip := printer.Strip{Lines: []printer.Line{
		{Text: "政务服务中心", Align: printer.Centre, Wide: true, High: true},
		{Text: "1 x 10.00"},
		{Feed: 24},
		{Dots: &printer.Dots{Width: 16, Height: 2, Bits: []byte{0xF0, 0x0F, 0x10, 0x04}}},
		{Text: "右", Align: printer.Right, Bold: true},
	}}
	got, err := compose(strip, Profile{WidthDots: 576, Charset: GBK})
	if err != nil || len(got) != 1 {
		t.Fatalf("compose: %d segments, %v", len(got), err)
	}
	want := "1b40" + "1b5200" + "1d50cbcb" + "1c26" +
		"1b6101" + "1d2111" + "d5fecef1b7fecef1d6d0d0c4" + "0a" +
		"1b6100" + "1d2100" + "312078203130" + "2e3030" + "0a" +
		"1b4a18" +
		"1c2e" + "1d76300002000200f00f1804" +
		"1b6102" + "1c26" + "1b4501" + "d3d2" + "0a"
	if hex.EncodeToString(got[0].data) != want {
		t.Errorf("compose:\n got %x\nwant %s", got[0].data, want)
	}
	if wantRows := 68 + 34 + 24 + 2 + 34; got[0].rows != wantRows {
		t.Errorf("rows: got %d, want %d", got[0].rows, wantRows)
	}
}

// TestComposeSymbol: the quiet zone of four modules is fed above and below.
func TestComposeSymbol(t *testing.T) {
	for _, native := range []bool{true, false} {
		got, err := compose(printer.Strip{Lines: []printer.Line{{QR: "AB"}}}, Profile{WidthDots: 576, Charset: GBK, HasQR: native})
		if err != nil {
			t.Fatal(err)
		}
		all, rows := "", 0
		for _, s := range got {
			all, rows = all+hex.EncodeToString(s.data), rows+s.rows
		}
		zone := "1b4a20" // 32 dots: 4 modules of 8
		if !strings.HasPrefix(all, "1b401b52001d50cbcb1c26"+zone+"1c2e") || !strings.HasSuffix(all, zone) || rows != 21*8+64 {
			t.Errorf("native %v: %d rows, %s", native, rows, all)
		}
		if strings.Contains(all, hex.EncodeToString(cmdQR("AB", 8))) != native {
			t.Errorf("native %v: %s", native, all)
		}
	}
}

// TestBands: at most 24 rows in one command, gaps fed, nothing lost.
func TestBands(t *testing.T) {
	d := &printer.Dots{Width: 16, Height: 100, Bits: make([]byte, 200)}
	for y := range 100 {
		if y < 30 || y >= 45 && y < 50 || y == 57 {
			d.Bits[2*y], d.Bits[2*y+1] = byte(y+1), 0x10
		}
	}
	segments, err := compose(printer.Strip{Lines: []printer.Line{{Dots: d}}}, Profile{WidthDots: 384, Charset: GBK})
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, s := range segments {
		all = append(all, s.data...)
	}
	all = bytes.TrimPrefix(all, []byte("\x1b@\x1bR\x00\x1dP\xcb\xcb\x1c&\x1c."))
	var bits []byte
	var bands []int
	for len(all) > 0 {
		switch {
		case bytes.HasPrefix(all, []byte{0x1B, 0x4A}):
			bits = append(bits, make([]byte, 2*int(all[2]))...)
			bands = append(bands, -int(all[2]))
			all = all[3:]
		case bytes.HasPrefix(all, []byte{0x1D, 0x76, 0x30, 0, 2, 0}):
			n := int(all[6])
			bits = append(bits, all[8:8+2*n]...)
			bands = append(bands, n)
			all = all[8+2*n:]
		default:
			t.Fatalf("unexpected % x", all[:min(8, len(all))])
		}
	}
	want := []int{24, 6, -15, 13, -42}
	if !equalInts(bands, want) {
		t.Errorf("bands: got %v, want %v", bands, want)
	}
	for i := range bits {
		if bits[i] != d.Bits[i] && !(d.Bits[i] == 0x10 && bits[i] == 0x18) {
			t.Fatalf("byte %d: got %#x, want %#x", i, bits[i], d.Bits[i])
		}
	}
	if len(bits) != len(d.Bits) {
		t.Errorf("rows: got %d, want %d", len(bits)/2, len(d.Bits)/2)
	}
}

// TestShortGaps: white that is too short for a feed stays in the picture, except at its end.
func TestShortGaps(t *testing.T) {
	black := func(rows ...int) *printer.Dots {
		d := &printer.Dots{Width: 20, Height: 30, Bits: make([]byte, 3*30)}
		for _, y := range rows {
			d.Bits[3*y+y%3] = 0x80
		}
		return d
	}
	for _, c := range []struct {
		rows []int
		want string // commands: b rows of picture, f rows of feed
	}{
		{[]int{0}, "b1 f29"}, {[]int{27}, "f27 b1 f2"}, {[]int{29}, "f29 b1"}, {[]int{0, 8}, "b9 f21"}, {[]int{0, 9}, "b1 f8 b1 f20"},
		{[]int{7, 28}, "b8 f20 b1 f1"}, {[]int{0, 6, 12, 18, 23, 24, 29}, "b24 b6"}, {[]int{0, 7, 14, 21, 27}, "b24 b4 f2"}, {nil, "f30"},
	} {
		segments, err := compose(printer.Strip{Lines: []printer.Line{{Dots: black(c.rows...)}}}, Profile{WidthDots: 384, Charset: GBK})
		if err != nil || len(segments) != 1 || segments[0].rows != 30 {
			t.Fatalf("%v: %+v, %v, want one segment of 30 rows", c.rows, segments, err)
		}
		var got []string
		for b := bytes.TrimPrefix(segments[0].data, []byte("\x1b@\x1bR\x00\x1dP\xcb\xcb\x1c&\x1c.")); len(b) > 0; {
			if b[0] == 0x1B {
				got, b = append(got, fmt.Sprintf("f%d", b[2])), b[3:]
			} else {
				n := int(b[6])
				got, b = append(got, fmt.Sprintf("b%d", n)), b[8+int(b[4])*n:]
			}
		}
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("black rows %v: got %s, want %s", c.rows, got, c.want)
		}
	}
}

// TestModesAreSaidOnce: nothing is set that is set already.
func TestModesAreSaidOnce(t *testing.T) {
	dot := &printer.Dots{Width: 8, Height: 1, Bits: []byte{1}}
	strip := printer.Strip{Lines: []printer.Line{{Dots: dot}, {Dots: dot}, {Text: "a", Wide: true, Bold: true, Align: printer.Right}, {Text: "b", Wide: true, Bold: true, Align: printer.Right}, {Text: "c"}, {}}}
	got, err := compose(strip, Profile{WidthDots: 384, Charset: GBK})
	if err != nil || len(got) != 1 {
		t.Fatalf("compose: %d segments, %v", len(got), err)
	}
	picture := "1d7630000100010001"
	want := "1b401b52001d50cbcb1c26" + "1c2e" + picture + picture + "1b6102" + "1c26" + "1d2110" + "1b4501" + "610a" + "620a" + "1b6100" + "1d2100" + "1b4500" + "630a" + "0a"
	if hex.EncodeToString(got[0].data) != want {
		t.Errorf("compose:\n got %x\nwant %s", got[0].data, want)
	}
}

// TestBlanksBecomeTabs where the printer's own stops lie in a run of them, and nowhere else.
func TestBlanksBecomeTabs(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"label" + strings.Repeat(" ", 21) + "value", "label\t\t\t  value"},
		{"12345678                 value", "12345678\t\t value"},
		{"水费            1", "水费\t\t1"},
		{"1234567 89", "1234567 89"},    // a tab for one blank saves nothing
		{"123456  89", "123456\t89"},    // and for two it does
		{"12345   ", "12345   "},        // white at the end
		{"a                ", "a\t\t "}, // a stop in it
		{"abc", "abc"},
		{"", ""},
		{"a" + strings.Repeat(" ", 30) + "b", "a\t\t\t       b"},                   // as broad as the paper
		{"a" + strings.Repeat(" ", 31) + "b", "a" + strings.Repeat(" ", 31) + "b"}, // the printer breaks it
	} {
		compiled := func(l printer.Line, set Charset) string {
			segments, err := compose(printer.Strip{Lines: []printer.Line{l}}, Profile{WidthDots: 384, Columns: 32, Charset: set})
			if err != nil {
				t.Fatal(err)
			}
			return string(segments[0].data)
		}
		want, err := GBK.encode(strings.ReplaceAll(c.want, "\t", "!"))
		if err != nil {
			t.Fatal(err)
		}
		if got := compiled(printer.Line{Text: c.text}, GBK); !strings.HasSuffix(got, "\x1c\x26"+strings.ReplaceAll(string(want), "!", "\t")+"\n") {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
		for _, l := range []printer.Line{{Text: c.text, Align: printer.Centre}, {Text: c.text, Align: printer.Right}, {Text: c.text, Wide: true}} {
			if got := compiled(l, GBK); strings.Contains(got, "\t") {
				t.Errorf("%+v: got %q, want no tab", l, got)
			}
		}
		if got := compiled(printer.Line{Text: c.text}, GB18030); strings.Contains(got, "\t") {
			t.Errorf("%q: got %q, want no tab", c.text, got)
		}
	}
}

// TestSegments: commands are not cut, a segment ends before it grows too long, and the longest strip has an end.
func TestSegments(t *testing.T) {
	line := printer.Line{Text: strings.Repeat("a", 99)} // 100 bytes with its end
	strip := printer.Strip{}
	for range 40 {
		strip.Lines = append(strip.Lines, line)
	}
	got, err := compose(strip, Profile{WidthDots: 576, Charset: GBK})
	if err != nil {
		t.Fatal(err)
	}
	var sizes, rows []int
	for _, s := range got {
		sizes, rows = append(sizes, len(s.data)), append(rows, s.rows)
	}
	if !equalInts(sizes, []int{1511, 1500, 1000}) || !equalInts(rows, []int{15 * lineRows, 15 * lineRows, 10 * lineRows}) {
		t.Errorf("segments of %v bytes and %v rows", sizes, rows)
	}
	for feed, ok := range map[int]bool{stripRowsMax: true, stripRowsMax + 1: false, -1: false} {
		if _, err := compose(printer.Strip{Lines: []printer.Line{{Feed: feed}}}, Profile{WidthDots: 576, Charset: GBK}); (err == nil) != ok {
			t.Errorf("feed of %d rows: %v", feed, err)
		}
	}
	if _, err := compose(printer.Strip{Lines: []printer.Line{{Feed: stripRowsMax}, {Text: "a"}}}, Profile{WidthDots: 576, Charset: GBK}); err == nil {
		t.Error("more than the longest strip was taken")
	}
	for n, ok := range map[int]bool{segmentBytes - 1: true, segmentBytes: false} {
		if _, err := compose(printer.Strip{Lines: []printer.Line{{Text: strings.Repeat("a", n)}}}, Profile{WidthDots: 576, Charset: GBK}); (err == nil) != ok {
			t.Errorf("a text of %d bytes: %v", n, err)
		}
	}
	for n, ok := range map[int]bool{qrBytesMax: true, qrBytesMax + 1: false} {
		if _, err := compose(printer.Strip{Lines: []printer.Line{{QR: strings.Repeat("1", n)}}}, Profile{WidthDots: 576, Charset: GBK}); (err == nil) != ok {
			t.Errorf("a symbol of %d bytes: %v", n, err)
		}
	}
}

func equalInts(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestHideRealTime(t *testing.T) {
	for in, want := range map[string]string{"100401": "180401", "100502": "180502", "101408": "181408", "101004": "101804", "100310": "100310", "0410": "0410"} {
		b, _ := hex.DecodeString(in)
		hideRealTime(b)
		if got := hex.EncodeToString(b); got != want {
			t.Errorf("hide %s: got %s, want %s", in, got, want)
		}
	}
}

func TestModuleDots(t *testing.T) {
	for _, c := range []struct{ size, width, want int }{{21, 576, 8}, {29, 576, 8}, {57, 576, 4}, {77, 576, 3}, {97, 576, 3}, {177, 384, 2}, {177, 100, 0}} {
		if got := moduleDots(c.size, c.width); got != c.want {
			t.Errorf("module of %d on %d: got %d, want %d", c.size, c.width, got, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"\x12", "\x5f12\x00", "\x10\x00\x00\x00", "\x37\x25\x00", "\xff\x00\x12"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		for rest := in; len(rest) > 0; {
			a, n := decode(rest)
			if n == 0 {
				if len(rest) >= blockBytesMax {
					t.Fatalf("decode % x waits for more", in)
				}
				return
			}
			if n > len(rest) || len(a.raw) > n {
				t.Fatalf("decode % x: %d of %d bytes", in, n, len(rest))
			}
			rest = rest[n:]
		}
	})
}

func FuzzCompose(f *testing.F) {
	f.Add("水费", 16, []byte{0xFF, 0x10, 0x04, 0x01})
	f.Fuzz(func(t *testing.T, text string, width int, bits []byte) {
		d := &printer.Dots{Width: width, Bits: bits}
		if width > 0 && width < 1<<16 {
			d.Height = len(bits) / ((width + 7) / 8)
		}
		for _, l := range []printer.Line{{Text: text}, {QR: text}, {Dots: d}} {
			segments, err := compose(printer.Strip{Lines: []printer.Line{l}}, Profile{WidthDots: 576, Charset: GBK})
			for _, s := range segments {
				if len(s.data) >= fillBytes && err == nil {
					t.Fatalf("%+v: a segment of %d bytes", l, len(s.data))
				}
			}
		}
	})
}
