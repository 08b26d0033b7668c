package typeset

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"yichuang/kiosk/document"
	"yichuang/kiosk/money"
)

func open(t testing.TB) *Setter {
	t.Helper()
	s, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// license has made-up facts; its code is as long as a signed one is.
func license(kind document.LicenseKind) document.License {
	day := time.Date(2026, 11, 20, 14, 0, 0, 0, time.FixedZone("CST", 8*3600))
	return document.License{Kind: kind, Number: "92110101MA00A1B2X7", Name: "东城区巷口小面馆", Operator: "王小英",
		Place: "北京市东城区东华门街道示例胡同12号1层", Registered: day, Issued: day,
		Scope: "正餐服务；小吃服务；其他未列明餐饮业。（依法须经批准的项目，经相关部门批准后方可开展经营活动）", Authority: "东城区市场监督管理局",
		Serial: "A30000123", QR: symbolText(420)}
}

func symbolText(n int) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	out := make([]byte, n)
	for i := range out {
		out[i] = digits[i*i*7%64]
	}
	return string(out)
}

func receipt(name string) document.Receipt {
	head := document.Head{Hall: "青山区市民服务中心", Terminal: "03", Phone: "12345", Number: "R0007",
		Time: time.Date(2026, 11, 20, 6, 5, 9, 0, time.UTC), Case: "K7QF2M9XW3", Service: "缴水费"}
	return document.Receipt{Head: head, Biller: "青山自来水公司", Account: "3102****5518", Name: name,
		Bills:    []document.BillPaid{{Period: "2026-10", Due: 13340, Paid: 13340}},
		Notes:    money.Counts{{Face: 2000, Currency: "CNY", Count: 2}, {Face: 10000, Currency: "CNY", Count: 1}},
		Inserted: 14000, ToBill: 13340, Surplus: 660}
}

// poppler runs one of poppler's programs on a PDF and gives what it printed.
func poppler(t testing.TB, pdf []byte, program string, args ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.pdf")
	if err := os.WriteFile(path, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, append(args, path, "-")...)
	if program != "pdftotext" { // the others print without being told where to
		cmd.Args = cmd.Args[:len(cmd.Args)-1]
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v (install poppler-utils): %v %s", cmd.Args, err, stderr.String())
	}
	return out
}

// text is what a reader copies out of a PDF, without the blanks and line ends.
func text(t testing.TB, pdf []byte) string {
	return squeeze(string(poppler(t, pdf, "pdftotext", "-raw", "-enc", "UTF-8")))
}

func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '\f' {
			return -1
		}
		return r
	}, s)
}

// ringAt looks along the diagonal of a finder pattern: dark, light, three dark, light, dark.
func ringAt(at func(x, y int) color.Color, x, y int) bool {
	for i, dark := range []bool{true, false, true, true, true, false, true} {
		d := i*previewModule + previewModule/2
		if r, _, _, _ := at(x+d, y+d).RGBA(); (r == 0) != dark {
			return false
		}
	}
	return true
}

// blockDifference is the mean difference of two pictures in 4×4 pixels.
func blockDifference(a, b []byte, width, x, y int) int {
	sum := 0
	for dy := range 4 {
		for dx := range 4 {
			i := (y+dy)*width + x + dx
			sum += int(a[i]) - int(b[i])
		}
	}
	return max(sum, -sum) / 16
}

func writeGrey(t *testing.T, path string, pix []byte, width int) {
	t.Helper()
	var b bytes.Buffer
	img := &image.Gray{Pix: pix, Stride: width, Rect: image.Rect(0, 0, width, len(pix)/width)}
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readGrey(t *testing.T, path string) *image.Gray {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return img.(*image.Gray)
}
