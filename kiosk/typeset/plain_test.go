package typeset

import (
	"errors"
	"strings"
	"testing"
	"time"

	"yichuang/kiosk/document"
)

func plainSlip(code string) document.Slip {
	return document.Slip{Head: document.Head{Hall: "青山区政务服务中心", Terminal: "03", Phone: "0555-0000000", Service: "缴水费", Case: "351818987188",
		Time: time.Date(2026, 11, 20, 9, 30, 0, 0, time.FixedZone("Asia/Shanghai", 8*3600))},
		Kind: document.SlipOwed, Amount: 12345, Code: code, Counter: "本中心任一综合窗口（工作日），或拨打 0555-0000000"}
}

// A slip on a plain sheet says all that it would say on the roll, on one A4 page, and its symbol can be read.
func TestSlipOnAPlainSheet(t *testing.T) {
	s := open(t)
	slip := plainSlip("V7X1AX35CTMS")
	for _, lang := range []document.Lang{document.Chinese, document.English} {
		paper := slip.Paper(lang)
		pdf, err := s.PlainPDF(paper, "slip", slip.Time)
		if err != nil {
			t.Fatalf("%s: %v", lang, err)
		}
		got := squeeze(text(t, pdf))
		for _, b := range paper.Blocks {
			for _, want := range strings.Split(words(b), "\n") {
				if !strings.Contains(got, squeeze(want)) && (b.Kind != document.Row || !strings.Contains(got, squeeze(b.Value))) {
					t.Errorf("%s: the sheet lacks %q in\n%s", lang, want, got)
				}
			}
		}
		if info := string(poppler(t, pdf, "pdfinfo")); !strings.Contains(info, "Pages:           1\n") || !strings.Contains(info, "595.276 x 841.89") {
			t.Errorf("%s: not one A4 page:\n%s", lang, info)
		}
		again, err := s.PlainPDF(paper, "slip", slip.Time)
		if err != nil || string(again) != string(pdf) {
			t.Errorf("%s: the same slip gives other bytes (%v)", lang, err)
		}
	}
}

// What is longer than a sheet at the full size is made smaller, and what is too long even then is refused.
func TestLongPaperOnAPlainSheet(t *testing.T) {
	s := open(t)
	lines := func(n int) document.Paper {
		return document.Paper{Blocks: []document.Block{{Kind: document.Text, Text: strings.Repeat("一二三四五六七八九十一二三四五六七八九十一二三四\n", n) + "完"}}}
	}
	for _, n := range []int{30, 40, 50} {
		pdf, err := s.PlainPDF(lines(n), "slip", time.Time{})
		if err != nil {
			t.Fatalf("%d lines: %v", n, err)
		}
		if got := text(t, pdf); strings.Count(got, "九十一二三四") != 2*n || !strings.Contains(got, "完") {
			t.Errorf("%d lines: the sheet says\n%s", n, got)
		}
	}
	var overflow *OverflowError
	if _, err := s.PlainPDF(lines(80), "slip", time.Time{}); !errors.As(err, &overflow) {
		t.Errorf("80 lines: got %v, want an overflow", err)
	}
}

// A character without a font, and a slip without its code, never become a sheet.
func TestPlainSheetRefusesWhatCannotBePrinted(t *testing.T) {
	s := open(t)
	var missing *MissingError
	if _, err := s.PlainPDF(document.Paper{Blocks: []document.Block{{Kind: document.Text, Text: "钱\U0010fffd"}}}, "slip", time.Time{}); !errors.As(err, &missing) {
		t.Errorf("a character of private use: got %v, want a missing character", err)
	}
	if pdf, err := s.PlainPDF(plainSlip("").Paper(document.Chinese), "slip", time.Time{}); err == nil {
		t.Errorf("a slip without a code became a sheet of %d bytes", len(pdf))
	}
}
