package escpos

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"yichuang/devices/printer"
)

// TestModels: every row says what it is about and where it was seen, and can print.
func TestModels(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range Models {
		p := m.Profile
		if seen[m.Name] || m.Why == "" || m.Source == "" {
			t.Errorf("model %q: twice, or without a reason or a source: %+v", m.Name, m)
		}
		seen[m.Name] = true
		if p.WidthDots%8 != 0 || p.WidthDots > widthDotsMax || p.Columns*12 > p.WidthDots || p.Charset == "" {
			t.Errorf("model %q: %+v", m.Name, p)
		}
		got := New(nil, p)
		info := got.Info()
		if info.WidthDots != p.WidthDots || info.Columns != p.Columns || info.Presents != (p.Presenter != nil) {
			t.Errorf("model %q: info %+v", m.Name, info)
		}
		if p.Presenter != nil && (got.profile.Presenter.TakeTime != takeTime || p.Presenter.TakeTime != 0) {
			t.Errorf("model %q: held out for %v, and the row says %v", m.Name, got.profile.Presenter.TakeTime, p.Presenter.TakeTime)
		}
		segments, err := compose(printer.Strip{Lines: []printer.Line{{Text: "abc 1.00"}, {QR: "YC1:1"}, {Dots: &printer.Dots{Width: p.WidthDots, Height: 1, Bits: make([]byte, p.WidthDots/8)}}}}, p)
		if err != nil || len(segments) == 0 {
			t.Errorf("model %q: %v", m.Name, err)
		}
	}
	for _, name := range []string{"", "58", "presenter"} {
		if !seen[name] {
			t.Errorf("no model %q", name)
		}
	}
}

// TestNoChineseFont: a printer without one never sees FS, which would come out as a character.
func TestNoChineseFont(t *testing.T) {
	segments, err := compose(printer.Strip{Lines: []printer.Line{{Text: "A"}, {QR: "B"}, {Text: "C"}}}, Profile{WidthDots: 384, Charset: ASCII, HasQR: true})
	if err != nil || len(segments) != 1 || bytes.IndexByte(segments[0].data, 0x1C) >= 0 {
		t.Errorf("%+v, %v", segments, err)
	}
	for _, r := range []rune{'水', '¥', '￥', 'é', '\n', 0x7F} {
		if ASCII.encodeRune(r) != nil {
			t.Errorf("%c is in a font of ASCII", r)
		}
	}
	if got := ASCII.encodeRune('~'); !bytes.Equal(got, []byte("~")) {
		t.Errorf("~: % x", got)
	}
}

// TestWhiteAtTheRight is not sent, unless the picture stands elsewhere than at the left.
func TestWhiteAtTheRight(t *testing.T) {
	d := &printer.Dots{Width: 32, Height: 2, Bits: []byte{0x00, 0x10, 0x04, 0, 0x80, 0, 0, 0}}
	for align, want := range map[printer.Align]string{
		printer.Left:   "1d7630000300020000180480" + "0000",
		"":             "1d7630000300020000180480" + "0000",
		printer.Centre: "1d763000040002000018040080000000",
		printer.Right:  "1d763000040002000018040080000000",
	} {
		segments, err := compose(printer.Strip{Lines: []printer.Line{{Dots: d, Align: align}}}, Profile{WidthDots: 384, Charset: GBK})
		if err != nil || !strings.HasSuffix(hex.EncodeToString(segments[0].data), want) {
			t.Errorf("%q: %x, want the end %s", align, segments[0].data, want)
		}
	}
	if d.Bits[1] != 0x10 {
		t.Error("the picture itself was changed")
	}
	for _, c := range []struct {
		bits   []byte
		stride int
		want   int
	}{{[]byte{0, 0}, 2, 1}, {[]byte{1, 0}, 2, 1}, {[]byte{0, 1}, 2, 2}, {[]byte{1, 0, 0, 0, 1, 0}, 3, 2}, {[]byte{0, 0, 1, 1, 0, 0}, 3, 3}} {
		if got := blackWidth(c.bits, c.stride); got != c.want {
			t.Errorf("% x: %d bytes are black, want %d", c.bits, got, c.want)
		}
	}
}

// TestFullStatus: one bit at a time, as the manuals of kiosk printers list them.
func TestFullStatus(t *testing.T) {
	for _, c := range []struct {
		byte, bit int
		get       func(f fullStatus) bool
	}{
		{0, 0, func(f fullStatus) bool { return f.paperEnd }}, {0, 2, func(f fullStatus) bool { return f.nearEnd }}, {0, 5, func(f fullStatus) bool { return f.ticket }},
		{1, 0, func(f fullStatus) bool { return f.headUp }}, {1, 1, func(f fullStatus) bool { return f.coverOpen }}, {1, 3, func(f fullStatus) bool { return f.motor }},
		{1, 5, func(f fullStatus) bool { return f.button }}, {2, 0, func(f fullStatus) bool { return f.hot }}, {2, 1, func(f fullStatus) bool { return f.serialLine }},
		{2, 3, func(f fullStatus) bool { return f.supply }}, {2, 6, func(f fullStatus) bool { return f.jam }}, {3, 0, func(f fullStatus) bool { return f.cutter }},
		{3, 2, func(f fullStatus) bool { return f.memory }}, {3, 3, func(f fullStatus) bool { return f.memory }}, {3, 6, func(f fullStatus) bool { return f.memory }},
	} {
		var raw [4]byte
		if c.get(makeFullStatus(raw)) {
			t.Errorf("byte %d bit %d is set in nothing", c.byte, c.bit)
		}
		raw[c.byte] = 1 << c.bit
		f := makeFullStatus(raw)
		if !c.get(f) || f.raw != raw {
			t.Errorf("byte %d bit %d: %+v", c.byte, c.bit, f)
		}
		f.raw = [4]byte{}
		if set := bits(f); set != 1 {
			t.Errorf("byte %d bit %d sets %d words: %+v", c.byte, c.bit, set, f)
		}
	}
}

func bits(f fullStatus) int {
	n := 0
	for _, is := range []bool{f.paperEnd, f.nearEnd, f.ticket, f.headUp, f.coverOpen, f.motor, f.button, f.hot, f.serialLine, f.supply, f.jam, f.cutter, f.memory} {
		if is {
			n++
		}
	}
	return n
}
