package document

import (
	"math"
	"time"
)

// Sheet is one page for the license printer: what stands on it and where. Lengths are millimetres
// from the upper left corner of the page as it is read, sizes of type are points.
type Sheet struct {
	Media         string // PWG 5101.1: the paper it belongs on
	Width, Height float64
	Title         string    // of the PDF document; no personal data
	Made          time.Time // of the PDF document: the date on the paper, so that the same facts give the same bytes
	Frame         Frame
	Marks         []Mark
	Symbol        Symbol
}

// Box is a place on a sheet.
type Box struct{ X, Y, W, H float64 }

// Frame is the border: a woven band between an outer and an inner line.
type Frame struct {
	Outer Box
	Band  float64 // how broad it is
}

// Mark is one text in its box. It is set at Size, broken into lines and, when the box is too small
// for that, smaller, but never smaller than Least: then the sheet cannot be set.
type Mark struct {
	Name        string // what it is, for an error; never the text itself
	Text        string
	Box         Box
	Size, Least float64
	Align       Align
	Spread      bool // one line, its characters spread over the width of the box
	Bold        bool // only together with Spread
	Faint       bool // second in importance
}

// Symbol is the QR code of the sheet.
type Symbol struct {
	Text string
	Box  Box
}

// The page of the original; the duplicate is the same, made smaller by √2, as A4 is of A3.
const (
	pageWidth  = 420
	pageHeight = 297

	left      = 42.0  // of the left column's labels
	right     = 236.0 // of the right column's labels
	labelWide = 36.0
	gutter    = 8.0 // between a label and its value
	leftEnd   = 224.0
	rightEnd  = 378.0

	firstRow = 116.0
	rowPitch = 17.5

	body      = 22.0 // pt
	bodyLeast = 10.0 // pt; 7 pt on the duplicate, which is as small as print on an official paper gets
)

// Sheet lays the license out. It fails when a fact is missing.
func (l License) Sheet() (Sheet, error) {
	if err := l.check(); err != nil {
		return Sheet{}, err
	}
	s := Sheet{
		Media: "iso_a3_297x420mm", Width: pageWidth, Height: pageHeight,
		Title: "营业执照（正本）", Made: l.Issued,
		Frame:  Frame{Outer: Box{12, 12, pageWidth - 24, pageHeight - 24}, Band: 11},
		Symbol: Symbol{l.QR, Box{rightEnd - 49, 33, 52, 52}},
	}
	s.heading(l)
	s.facts(l)
	s.issue(l)
	if l.Kind == Duplicate {
		s.Media, s.Title = "iso_a4_210x297mm", "营业执照（副本）"
		s.shrink(1 / math.Sqrt2)
		s.Width, s.Height = 297, 210
	}
	return s, nil
}

// heading is the upper part: the code at the left, the title in the middle under the blank's emblem,
// the symbol at the right.
func (s *Sheet) heading(l License) {
	s.mark(Mark{Name: "标题", Text: "营业执照", Box: Box{112, 54, 196, 34}, Size: 84, Spread: true, Bold: true})
	s.mark(Mark{Name: "统一社会信用代码", Text: "统一社会信用代码", Box: Box{left, 34, 80, 8}, Size: 16, Faint: true})
	s.mark(Mark{Name: "统一社会信用代码", Text: l.Number, Box: Box{left, 42, 84, 10}, Size: 22, Least: 14})
	if l.Kind == Duplicate {
		s.mark(Mark{Name: "副本", Text: "（副  本）", Box: Box{125, 92, 170, 12}, Size: 24, Align: Centre})
		s.mark(Mark{Name: "副本编号", Text: "副本编号：" + or(l.Copy, "1-1"), Box: Box{left, 53, 68, 8}, Size: 14, Least: 10, Faint: true})
	} else {
		s.mark(Mark{Name: "正本", Text: "（正  本）", Box: Box{125, 92, 170, 12}, Size: 24, Align: Centre})
	}
	s.mark(Mark{Name: "说明", Text: "扫描二维码核验本执照", Box: Box{rightEnd - 57, 85, 68, 7}, Size: 11, Align: Centre, Faint: true})
}

// facts is the middle part: two columns on the same rows.
func (s *Sheet) facts(l License) {
	s.fact("名称", l.Name, left, leftEnd, 0, 16)
	s.fact("类型", or(l.Type, "个体工商户"), left, leftEnd, 1, 16)
	s.fact("经营者", l.Operator, left, leftEnd, 2, 16)
	s.fact("经营范围", l.Scope, left, leftEnd, 3, 80)
	s.fact("组成形式", or(l.Form, "个人经营"), right, rightEnd, 0, 16)
	s.fact("注册日期", day(l.Registered), right, rightEnd, 1, 16)
	s.fact("经营场所", l.Place, right, rightEnd, 2, 48)
}

// fact is one label and its value, from x to end on a row, at most h high.
func (s *Sheet) fact(label, value string, x, end float64, row int, h float64) {
	y := firstRow + rowPitch*float64(row)
	s.mark(Mark{Name: label, Text: label, Box: Box{x, y, labelWide, 10}, Size: body, Spread: true, Faint: true})
	s.mark(Mark{Name: label, Text: value, Box: Box{x + labelWide + gutter, y, end - x - labelWide - gutter, h}, Size: body, Least: bodyLeast})
}

// issue is the lower part: the authority with room for its seal, the blank's number, the yearly duty.
func (s *Sheet) issue(l License) {
	y := 222.0
	s.mark(Mark{Name: "登记机关", Text: "登记机关", Box: Box{right, y, labelWide, 10}, Size: body, Spread: true, Faint: true})
	s.mark(Mark{Name: "登记机关", Text: l.Authority, Box: Box{right + labelWide + gutter, y, rightEnd - right - labelWide - gutter, 12}, Size: body, Least: bodyLeast})
	s.mark(Mark{Name: "发照日期", Text: day(l.Issued), Box: Box{right + labelWide + gutter, y + 17.5, rightEnd - right - labelWide - gutter, 10}, Size: body, Least: bodyLeast})
	s.mark(Mark{Name: "说明", Text: "每年1月1日至6月30日报送上一年度年度报告。", Box: Box{left, 256, 200, 7}, Size: 11, Faint: true})
	s.mark(Mark{Name: "纸张编号", Text: "No. " + l.Serial, Box: Box{rightEnd - 90, 256, 90, 7}, Size: 12, Least: 10, Align: Right})
}

// mark adds a text, at the left and without shrinking unless it says otherwise.
func (s *Sheet) mark(m Mark) {
	if m.Align == "" {
		m.Align = Left
	}
	if m.Least == 0 {
		m.Least = m.Size
	}
	s.Marks = append(s.Marks, m)
}

// shrink makes everything on the sheet smaller.
func (s *Sheet) shrink(by float64) {
	small := func(b Box) Box { return Box{b.X * by, b.Y * by, b.W * by, b.H * by} }
	s.Frame = Frame{small(s.Frame.Outer), s.Frame.Band * by}
	s.Symbol.Box = small(s.Symbol.Box)
	for i := range s.Marks {
		m := &s.Marks[i]
		m.Box, m.Size, m.Least = small(m.Box), m.Size*by, m.Least*by
	}
}
