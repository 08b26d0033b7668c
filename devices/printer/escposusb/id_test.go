package escposusb

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"yichuang/devices/fault"
	"yichuang/devices/printer/escpos"
	"yichuang/devices/wire"
)

// framed puts the length before a name.
func framed(s string) []byte { return append([]byte{byte((len(s) + 2) >> 8), byte(len(s) + 2)}, s...) }

func TestDeviceID(t *testing.T) {
	epson := ID{Maker: "EPSON", Model: "TM-T82", Commands: []string{"ESC/POS"}}
	for what, tt := range map[string]struct {
		b    []byte
		want ID
	}{
		"short keys":              {framed("MFG:EPSON;MDL:TM-T82;CMD:ESC/POS;"), epson},
		"long keys":               {framed("MANUFACTURER:EPSON;COMMAND SET:ESC/POS;MODEL:TM-T82;"), epson},
		"small letters, spaces":   {framed(" mfg: EPSON ;\r\nMdl:TM-T82;cmd: ESC/POS , ;"), epson},
		"no last semicolon":       {framed("MFG:EPSON;MDL:TM-T82;CMD:ESC/POS"), epson},
		"bytes behind the length": {append(framed("MFG:EPSON;MDL:TM-T82;CMD:ESC/POS;"), "MFG:X;"...), epson},
		"length counts itself not": {append([]byte{0, 33}, "MFG:EPSON;MDL:TM-T82;CMD:ESC/POS;"...), ID{Maker: "EPSON", Model: "TM-T82",
			Commands: []string{"ESC/PO"}}},
		"length too long":  {append([]byte{2, 0}, "MFG:EPSON;MDL:TM-T82;CMD:ESC/POS;"...), epson},
		"length of zero":   {append([]byte{0, 0}, "MFG:EPSON;MDL:TM-T82;CMD:ESC/POS;"...), epson},
		"serial, and more": {framed("MFG:A;SN:1;CLS:PRINTER;DES:x:y;"), ID{Maker: "A", Serial: "1"}},
		"serial, long":     {framed("SERIALNUMBER:2;"), ID{Serial: "2"}},
		"serial, HP":       {framed("SERN:3;"), ID{Serial: "3"}},
		"no ASCII":         {framed("MDL:\x00\x80热\x7fT\x1b1;"), ID{Model: "T1"}},
		"languages":        {framed("CMD:ESC/POS,PJL, RASTER;"), ID{Commands: []string{"ESC/POS", "PJL", "RASTER"}}},
	} {
		if got, err := ParseID(tt.b); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v, %v, want %+v", what, got, err, tt.want)
		}
	}
	for _, b := range []string{"", "\x00", "\x00\x02", "\x00\x09MFG=EPSON", "\x00\x00;;;:;A:B;"} {
		if got, err := ParseID([]byte(b)); err == nil || !reflect.DeepEqual(got, ID{}) {
			t.Errorf("%q: got %+v, %v, want an error", b, got, err)
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add(framed("MFG:EPSON;MDL:TM-T82;CMD:ESC/POS;SN:1;"))
	f.Add([]byte{0, 4, ':', ';'})
	f.Fuzz(func(t *testing.T, b []byte) {
		id, err := ParseID(b)
		if err != nil {
			return
		}
		for _, s := range append(id.Commands, id.Maker, id.Model, id.Serial) {
			if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) || s != strings.TrimSpace(s) || len(s) > len(b) {
				t.Errorf("%q of % x", s, b)
			}
		}
	})
}

func TestStatusBits(t *testing.T) {
	for b, want := range map[byte]Status{
		0x18: {Selected: true}, 0x38: {PaperEmpty: true, Selected: true}, 0x10: {Selected: true, Error: true}, 0x00: {Error: true},
		0xFF: {PaperEmpty: true, Selected: true}, 0x08: {}, 0xC7: {Error: true},
	} {
		if got := makeStatus(b); got != want {
			t.Errorf("%02x: got %+v, want %+v", b, got, want)
		}
	}
}

// stuck takes n bytes of a write.
type stuck struct {
	wire.Port
	n   int
	err error
}

func (s stuck) Write([]byte) (int, error) { return s.n, s.err }

// says answers each request alike.
type says struct {
	b   []byte
	err error
}

func (s says) Control(_, _ byte, _, _ uint16, data []byte) (int, error) {
	return copy(data, s.b), s.err
}

// TestWhyAWriteStalls: only a stall is asked about, and only "no paper" changes the kind of the fault.
func TestWhyAWriteStalls(t *testing.T) {
	stall, gone := os.ErrDeadlineExceeded, errors.New("gone")
	for _, tt := range []struct {
		err    error
		answer says
		kind   fault.Kind
		words  string
	}{
		{nil, says{b: []byte{0x38}}, "", ""},
		{gone, says{b: []byte{0x38}}, "", "gone"},
		{stall, says{b: []byte{0x38}}, fault.Empty, "no paper"},
		{stall, says{b: []byte{0x20}}, fault.Empty, "no paper"},
		{stall, says{b: []byte{0x18}}, "", "selected true, error false"},
		{stall, says{b: []byte{0x10}}, "", "selected true, error true"},
		{stall, says{err: gone}, "", "i/o timeout"},
		{stall, says{}, "", "i/o timeout"},
	} {
		p := NewPort(stuck{n: 3, err: tt.err}, tt.answer, 0, 0)
		n, err := p.Write(make([]byte, 9))
		if n != 3 || !errors.Is(err, tt.err) || fault.KindOf(err) != tt.kind || tt.words != "" && !strings.Contains(err.Error(), tt.words) {
			t.Errorf("%v, answer % x: got %d, %v, want kind %q and %q", tt.err, tt.answer.b, n, err, tt.kind, tt.words)
		}
	}
	if _, err := NewPort(stuck{}, says{}, 0, 0).Status(); fault.KindOf(err) != fault.Garbled {
		t.Errorf("an empty answer: %v, want garbled", err)
	}
}

func TestAddressIsChecked(t *testing.T) {
	for address, right := range map[string]bool{"usb:0416:5011": true, "usb:0416:5011:SN": true, "serial:/dev/usb/lp0": false, "usb:0416": false} {
		if _, err := New(address, escpos.Profile{}); (err == nil) != right {
			t.Errorf("%s: %v", address, err)
		}
	}
}
