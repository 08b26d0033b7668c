package sdt

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"unicode/utf16"

	"yichuang/devices/fault"
	"yichuang/devices/idcard"
	"yichuang/devices/idcard/idcardtest"
	"yichuang/devices/idcard/sdtsim"
)

// data is what a read vector carries.
func data(t testing.TB, name string) []byte {
	t.Helper()
	r, _, ok := extract(idcardtest.Frames(t)["reply"][name], true)
	if !ok {
		t.Fatalf("%s: no frame", name)
	}
	return r.data
}

func TestBlockVectors(t *testing.T) {
	for name, want := range idcardtest.Cards(t) {
		text, photo, err := splitBlocks(data(t, "read-"+name))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(photo) != 1024 || !bytes.HasPrefix(photo, []byte{0x57, 0x4C, 0x66, 0, 0x7E, 0, 0x32, 0}) {
			t.Errorf("%s: photo of %d bytes", name, len(photo))
		}
		got, err := decodeText(text)
		if err != nil || !idcardtest.Same(got, want) {
			t.Errorf("%s: %v: got %s / %s", name, err, got.Name, got.Number)
		}
	}
	for _, name := range []string{"readfp-citizen", "readfp-citizen-none"} {
		text, photo, err := splitBlocks(data(t, name))
		got, err2 := decodeText(text)
		if err = errors.Join(err, err2); err != nil || len(photo) != 1024 || !idcardtest.Same(got, idcardtest.Cards(t)["citizen"]) {
			t.Errorf("%s: %v, photo %d", name, err, len(photo))
		}
	}
}

func TestBlocksThatDoNotAddUp(t *testing.T) {
	d := data(t, "readfp-citizen")
	for n := range len(d) {
		if _, _, err := splitBlocks(d[:n]); err == nil && n != 4+256+1024 { // that many are a whole answer in the form of 30 01
			t.Errorf("%d of %d bytes are taken", n, len(d))
		}
	}
	for i := range 6 {
		bad := slices.Clone(d)
		bad[i] ^= 2
		if _, _, err := splitBlocks(bad); err == nil {
			t.Errorf("length byte %d damaged and taken", i)
		}
	}
	if _, err := decodeText(d[6:261]); err == nil {
		t.Error("a block of 255 bytes is taken")
	}
}

// put writes text into a block.
func put(b []byte, offset int, text string) []byte {
	b = slices.Clone(b)
	for i, u := range utf16.Encode([]rune(text)) {
		binary.LittleEndian.PutUint16(b[offset+2*i:], u)
	}
	return b
}

// TestFlagDecides: a citizen's card is believed by its blank, anything else only by its number.
func TestFlagDecides(t *testing.T) {
	citizen, _, err := splitBlocks(data(t, "read-citizen"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		flag, number string
		want         bool
	}{
		{" ", "110101194901010026", true}, {" ", "110101194901010027", true},
		{"\x00", "110101194901010026", true}, {"\x00", "110101194901010027", false},
		{"Z", "110101194901010026", true}, {"Z", "110101194901010020", false},
	} {
		c, err := decodeText(put(put(citizen, 248, tc.flag), 122, tc.number))
		if (err == nil) != tc.want || tc.want && (c.Kind != idcard.Citizen || c.Number != tc.number) {
			t.Errorf("flag %q, number %s: %v, want taken %v", tc.flag, tc.number, err, tc.want)
		}
	}
}

// TestPaddingAndDamage: blanks and NULs at the end go, those inside stay, half a surrogate pair is damage.
func TestPaddingAndDamage(t *testing.T) {
	citizen, _, err := splitBlocks(data(t, "read-citizen"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := decodeText(put(citizen, 0, "古丽 米热\x00\x00 \x00"))
	if err != nil || c.Name != "古丽 米热" {
		t.Errorf("got %q, %v", c.Name, err)
	}
	for _, units := range [][]uint16{{0xD842, 'A'}, {0xDFB7, 0xD842}, {0xDFB7}, {'A', 0xD842}} {
		bad := slices.Clone(citizen)
		for i, u := range units {
			binary.LittleEndian.PutUint16(bad[2*i:], u)
		}
		if _, err := decodeText(bad); err == nil {
			t.Errorf("name % X is taken", units)
		}
	}
	bad := slices.Clone(citizen)
	binary.LittleEndian.PutUint16(bad[28:], 0xD842) // the last unit of the name; the low half lies in the next field
	binary.LittleEndian.PutUint16(bad[30:], 0xDFB7)
	if _, err := decodeText(bad); err == nil {
		t.Error("a pair across two fields is taken")
	}
}

// TestVerdicts pins what is done about each word.
func TestVerdicts(t *testing.T) {
	for sw, want := range map[byte]struct {
		act    act
		kind   fault.Kind
		detail string
	}{
		0x10: {actResend, fault.Garbled, ""}, 0x11: {actResend, fault.Garbled, ""}, 0x21: {actFail, fault.Invalid, ""},
		0x23: {actAgain, "", ""}, 0x24: {actAgain, "", ""}, 0x3F: {actAgain, "", ""}, 0x41: {actAgain, "", ""}, 0x81: {actAgain, "", ""},
		0x31: {actRefuse, fault.Refused, idcard.Unreadable}, 0x32: {actRefuse, fault.Refused, idcard.NotGenuine},
		0x33: {actRefuse, fault.Refused, idcard.NotGenuine}, 0x37: {actRefuse, fault.Refused, idcard.NotGenuine},
		0x40: {actRefuse, fault.Refused, idcard.NotIdentityCard}, 0x47: {actReset, "", ""},
		0x60: {actFail, fault.Broken, ""}, 0x66: {actFail, fault.Broken, ""}, 0x77: {actFail, fault.Garbled, ""}, 0x90: {actNone, "", ""},
	} {
		r := reply{sw1: 1, sw2: 2, sw3: sw}
		if got := judge(r).act; got != want.act {
			t.Errorf("%02X: act %v, want %v", sw, got, want.act)
		}
		f := failure("read", r)
		if want.kind == "" {
			want.kind = fault.Garbled
		}
		if f.Kind != want.kind || want.detail != "" && f.Detail != want.detail || want.detail == "" && !bytes.Equal(f.Raw, []byte{1, 2, sw}) {
			t.Errorf("%02X: %v, want %s %s", sw, f, want.kind, want.detail)
		}
	}
}

func FuzzBlocks(f *testing.F) {
	for name := range idcardtest.Cards(f) {
		f.Add(data(f, "read-"+name))
	}
	f.Add(data(f, "readfp-citizen"))
	f.Fuzz(func(t *testing.T, b []byte) {
		text, photo, err := splitBlocks(b)
		if err != nil {
			return
		}
		if len(text)+len(photo) > len(b) {
			t.Fatalf("%d + %d bytes out of %d", len(text), len(photo), len(b))
		}
		c, err := decodeText(text)
		if err == nil && (c.Kind == "" || len([]rune(c.Name)) > 15) {
			t.Fatalf("kind %q, name of %d", c.Kind, len([]rune(c.Name)))
		}
	})
}

// FuzzText: what is decoded from any text block fits on a card, and a card that says the same is read as the same.
func FuzzText(f *testing.F) {
	for name := range idcardtest.Cards(f) {
		text, _, err := splitBlocks(data(f, "read-"+name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeText(b)
		if err != nil {
			return
		}
		raw, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var on sdtsim.Card
		if err := json.Unmarshal(raw, &on); err != nil {
			t.Fatal(err)
		}
		block, err := on.Block()
		if err != nil {
			t.Fatalf("what was read of a card does not fit on one: %v", err)
		}
		again, err := decodeText(block)
		if err != nil || !idcardtest.Same(c, again) {
			t.Fatalf("% X is read as another card: %v", block, err)
		}
	})
}
