package scanner

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"

	"yichuang/devices/barcode/barcodetest"
	"yichuang/devices/fault"
)

func TestOrderVectors(t *testing.T) {
	for _, d := range []Dialect{Newland, Honeywell, ""} {
		name := string(d)
		if name == "" {
			name = "newland"
		}
		v, o := barcodetest.Frames(t, name), ordersOf(d)
		if !bytes.Equal(o.on.bytes, v["on"].Command) || !bytes.Equal(o.off.bytes, v["off"].Command) || !bytes.Equal(o.mode.bytes, v["mode"].Command) {
			t.Errorf("%s: on % X, off % X, mode % X", name, o.on.bytes, o.off.bytes, o.mode.bytes)
		}
	}
	for in, want := range map[string]Dialect{"": Newland, "newland": Newland, "honeywell": Honeywell} {
		if got, err := ParseDialect(in); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	if d, err := ParseDialect("zebra"); err == nil {
		t.Errorf("zebra is taken as %q", d)
	}
}

// TestAnswersAreTakenOut: wherever an answer begins in the stream, and in whatever parts it comes.
func TestAnswersAreTakenOut(t *testing.T) {
	v := barcodetest.Frames(t, "newland")
	for name, want := range map[string]ack{"on": {"SCNTRG1", 6}, "off": {"SCNTRG0", 6}, "bad-value": {"SCNMOD7", 0x15}, "unknown": {"ABCDEF1", 5}} {
		a := v[name].Answer
		for _, in := range [][3]string{{"", string(a), ""}, {"123\r", string(a), ""}, {"", string(a), "123\r"}, {"12", string(a), "3\r"}} {
			whole := in[0] + in[1] + in[2]
			rest, acks, more := takeAcks([]byte(whole))
			if string(rest) != in[0]+in[2] || !slices.Equal(acks, []ack{want}) || more {
				t.Errorf("%s in %q: rest %q, %v, more %v", name, whole, rest, acks, more)
			}
			for i := range whole {
				rest, first, _ := takeAcks([]byte(whole[:i]))
				rest, second, more := takeAcks(append(rest, whole[i:]...))
				if string(rest) != in[0]+in[2] || !slices.Equal(append(first, second...), []ack{want}) || more {
					t.Errorf("%s in %q parted at %d: rest %q, %v %v", name, whole, i, rest, first, second)
				}
			}
		}
		for i := 1; i < len(a); i++ {
			for _, before := range []string{"", "123\r", "\x02", string(a)} {
				rest, acks, more := takeAcks(append([]byte(before), a[:i]...))
				if want := strings.TrimSuffix(before, string(a)) + string(a[:i]); string(rest) != want || len(acks) != len(before)/len(a) || !more {
					t.Errorf("%s: %d bytes of it behind %q: rest %q, %v, more %v", name, i, before, rest, acks, more)
				}
			}
		}
	}
	long := append(append([]byte(nil), ackHead...), bytes.Repeat([]byte("1"), ackMax+1)...)
	if rest, acks, _ := takeAcks(append(long, ";\x03"...)); len(acks) != 0 || len(rest) != len(long)+2 {
		t.Errorf("an endless answer: %v, %d bytes left", acks, len(rest))
	}
	for n, want := range map[int]bool{ackMax - 1: true, ackMax: false, ackMax + 1: false} {
		if rest, acks, more := takeAcks(append(append([]byte(nil), ackHead...), bytes.Repeat([]byte("1"), n)...)); len(acks) != 0 || more != want || len(rest) != len(ackHead)+n {
			t.Errorf("an answer of %d bytes without an end: %v, %d bytes left, more %v", n, acks, len(rest), more)
		}
	}
	for _, in := range []string{"", "1", "123\r", "\x01", "0000", "\x02\x01000"[1:]} {
		if rest, acks, more := takeAcks([]byte(in)); string(rest) != in || acks != nil || more {
			t.Errorf("%q is no answer and the begin of none: %q, %v, more %v", in, rest, acks, more)
		}
	}
	if rest, acks, more := takeAcks([]byte("\x02\x010000#S\x06;\x03")); len(rest) != 0 || !slices.Equal(acks, []ack{{"S", 6}}) || more {
		t.Errorf("the shortest answer: %q %v %v", rest, acks, more)
	}
	if rest, acks, more := takeAcks([]byte("\x02\x010000#\x06;\x03")); len(rest) != 10 || len(acks) != 0 || more {
		t.Errorf("too short for an answer: %q %v %v", rest, acks, more)
	}
	glued := "\x02\x010000#SC123\r" + string(v["on"].Answer)
	if rest, acks, more := takeAcks([]byte(glued)); string(rest) != glued[:13] || !slices.Equal(acks, []ack{{"SCNTRG1", 6}}) || more {
		t.Errorf("behind a broken answer: %q %v %v", rest, acks, more)
	}
}

func TestCodesAreCut(t *testing.T) {
	for _, tc := range []struct {
		in    string
		quiet bool
		code  string
		ended bool
		used  int
		ok    bool
	}{
		{"123\r", false, "123", true, 4, true}, {"123\n456", false, "123", true, 4, true}, {"\r\n\x00123\r\n", false, "123", true, 7, true},
		{"123", false, "", false, 0, false}, {"123", true, "123", false, 3, true}, {"\r\n", true, "", false, 2, false}, {"", true, "", false, 0, false},
		{"\n1", true, "1", false, 2, true},
	} {
		code, ended, used, ok := cutCode([]byte(tc.in), tc.quiet)
		if string(code) != tc.code || ended != tc.ended || used != tc.used || ok != tc.ok {
			t.Errorf("%q quiet %v: got %q %v %d %v", tc.in, tc.quiet, code, ended, used, ok)
		}
	}
}

func TestTexts(t *testing.T) {
	gb, err := simplifiedchinese.GB18030.NewEncoder().String("水费账单𠮷")
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"123": "123", "水费": "水费", gb: "水费账单𠮷", "]Q1123": "123", "]C0123": "123", "]E0690123": "690123", "]Q1" + gb: "水费账单𠮷",
		"\x00123\x00": "123", "]x1123": "]x1123", "]Q!123": "]Q!123", "[Q1123": "[Q1123", "]Q": "]Q", "]Q1": "", "": "",
	} {
		if got, ok := text([]byte(in)); !ok || got != want {
			t.Errorf("%q: got %q, %v, want %q", in, got, ok, want)
		}
	}
	for _, in := range []string{"\xFF\xFF", "123\xF2", "\x81", "水费\xE6", "\x02\x010000#SC123"} {
		if got, ok := text([]byte(in)); ok {
			t.Errorf("%q: taken as %q", in, got)
		}
	}
}

func TestVerdicts(t *testing.T) {
	c := command{name: "SCNTRG1"}
	for _, tc := range []struct {
		answer   byte
		optional bool
		want     fault.Kind
	}{{6, false, ""}, {6, true, ""}, {5, false, fault.Invalid}, {0x15, false, fault.Invalid}, {5, true, ""}, {0x15, true, ""}, {7, false, fault.Garbled}, {7, true, fault.Garbled}} {
		if got := fault.KindOf(verdict(c, tc.answer, tc.optional)); got != tc.want {
			t.Errorf("%02X optional %v: got %q, want %q", tc.answer, tc.optional, got, tc.want)
		}
	}
	for answer, raw := range map[byte]string{5: "", 0x15: "", 7: "\x07"} {
		var f *fault.Error
		if err := verdict(c, answer, false); !errors.As(err, &f) || !strings.Contains(f.Detail, "SCNTRG1") || f.Device != "scanner" || f.Op != "command" || string(f.Raw) != raw {
			t.Errorf("%02X: got %#v, want the order's name, and the byte when nobody knows it", answer, err)
		}
	}
}

func FuzzStream(f *testing.F) {
	for _, v := range barcodetest.Frames(f, "newland") {
		f.Add(append(v.Answer, "134567890123456789\r"...), true)
	}
	f.Add([]byte("]Q1\xCB\xAE\r\n"), false)
	f.Fuzz(func(t *testing.T, b []byte, quiet bool) {
		rest, acks, _ := takeAcks(b)
		if len(rest) > len(b) {
			t.Fatalf("%d bytes became %d", len(b), len(rest))
		}
		for _, a := range acks {
			if len(a.name) > ackMax {
				t.Fatalf("an answer of %d", len(a.name))
			}
		}
		code, _, used, ok := cutCode(rest, quiet)
		if used > len(rest) || len(code) > used || ok == (len(code) == 0) {
			t.Fatalf("%q: code %q, used %d", rest, code, used)
		}
		if s, ok := text(code); ok && strings.ContainsRune(s, '\uFFFD') && !bytes.Contains(code, []byte("\uFFFD")) {
			t.Fatalf("%q became %q", code, s)
		}
	})
}
