package paycode

import (
	_ "embed"
	"strings"
	"testing"
)

//go:embed testdata/codes.txt
var codes string

func TestCodes(t *testing.T) {
	n := 0
	for line := range strings.Lines(codes) {
		text, want, found := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || !found {
			continue
		}
		n++
		if want == "-" {
			want = ""
		}
		k := Classify(text)
		if string(k) != want || k.Payable() != (want == "wechat" || want == "alipay" || want == "unionpay") {
			t.Errorf("%q: got %q payable %v, want %q", text, k, k.Payable(), want)
		}
	}
	if n < 30 {
		t.Errorf("only %d rows", n)
	}
}

func TestMask(t *testing.T) {
	for in, want := range map[string]string{"134567890123456789": "13**************89", "123456789": "*********", "1234567890": "12******90", "": "", "水费账单编号一二三四": "水费******三四"} {
		if got := Mask(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzClassify(f *testing.F) {
	for line := range strings.Lines(codes) {
		f.Add(strings.Split(line, "\t")[0])
	}
	f.Fuzz(func(t *testing.T, s string) {
		if k := Classify(s); k.Payable() && strings.Trim(strings.TrimSpace(s), "0123456789") != "" {
			t.Fatalf("%q is %s", s, k)
		}
		if m := Mask(s); len(s) > 20 && m == s && strings.Trim(s, "*") != "" {
			t.Fatalf("%q is not masked", s)
		}
	})
}
