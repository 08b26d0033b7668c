package usbport

import (
	"fmt"
	"strings"
	"testing"
)

func TestAddress(t *testing.T) {
	for text, want := range map[string]Address{
		"usb:0400:c35a":                               {0x0400, 0xC35A, ""},
		"usb:0400:C35A:SN1":                           {0x0400, 0xC35A, "SN1"},
		"usb:ffff:0000:a:b c":                         {0xFFFF, 0, "a:b c"},
		"usb:0001:0002:" + strings.Repeat("~", 126):   {1, 2, strings.Repeat("~", 126)},
		"usb:04b8:0e15:" + strings.Repeat("x:", 63):   {0x04B8, 0x0E15, strings.Repeat("x:", 63)},
		"usb:abcd:1234:0123456789abcdef0123456789abc": {0xABCD, 0x1234, "0123456789abcdef0123456789abc"},
	} {
		if got, err := ParseAddress(text); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "usb:", "usb:0400", "usb:0400:", "usb:400:c35a", "usb:0400:c35", "usb:0400:c35ab", "usb:0400:c35g", "usb:+400:c35a",
		"usb:0400:c35a:", "usb:0400:c35a:\n", "usb:0400:c35a:号", "serial:0400:c35a", "usb:0400:c35a:" + strings.Repeat("x", 127), "usb:0400:c35a:\x7f"} {
		if got, err := ParseAddress(text); err == nil || got != (Address{}) || !strings.HasPrefix(err.Error(), fmt.Sprintf("address %q: want usb:VVVV:PPPP", text)) {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"usb:0400:c35a", "usb:0400:c35a:SN:1", "usb:::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		if again, err := ParseAddress(a.String()); err != nil || again != a || !strings.EqualFold(a.String(), s) {
			t.Errorf("%q is %+v, which is %q", s, a, a.String())
		}
	})
}
