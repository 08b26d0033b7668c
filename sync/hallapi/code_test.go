package hallapi

import (
	"crypto/sha256"
	"strings"
	"testing"
)

func TestACodeCarriesTheFingerprint(t *testing.T) {
	ca := []byte("a certificate")
	code := NewCode(ca)
	if other := NewCode(ca); other == code {
		t.Fatalf("two codes are both %q", code)
	}
	for _, in := range []string{code, strings.ToLower(code), strings.ReplaceAll(code, "-", " "), code + "\n"} {
		got, err := CodeFingerprint(in)
		if want := sha256.Sum256(ca); err != nil || got != want {
			t.Errorf("CodeFingerprint(%q) = %x, %v, want %x", in, got, err, want)
		}
	}
	for _, group := range strings.Split(code, "-") {
		if len(group) != 4 {
			t.Errorf("group %q of %q has not four characters", group, code)
		}
	}
	for _, bad := range []string{"", "ABCD", code[:len(code)-5], code + "-AAAA", "!" + code[1:]} {
		if _, err := CodeFingerprint(bad); err == nil {
			t.Errorf("CodeFingerprint(%q) succeeded", bad)
		}
	}
}
